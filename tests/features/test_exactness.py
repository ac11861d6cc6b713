"""How exactly a picture is drawn, against plain loops and against what a codec leaves."""

from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from forensics_features.exactness import LEAST_SIDE, NAMES, SIDE, exactness
from PIL import Image


def drawing(side: int = 96, seed: int = 1) -> np.ndarray:
    """Rectangles of few colours."""
    numbers = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 255, np.uint8)
    for _ in range(30):
        top, left = numbers.integers(0, side - 8, 2)
        tall, wide = numbers.integers(4, 30, 2)
        picture[top : top + tall, left : left + wide] = numbers.integers(0, 256, 3)
    return picture


def measured(picture: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, exactness(picture).tolist(), strict=True))


def share(log_odds: float) -> float:
    """The share of a log-odds with 0.001 added to both sides."""
    return float((np.exp(log_odds) * 1.001 - 0.001) / (1 + np.exp(log_odds)))


def naive(picture: np.ndarray) -> dict[str, float]:
    """Shares by plain loops."""
    rows = picture.astype(int).tolist()
    height, width = picture.shape[:2]

    def step(a: list[int], b: list[int]) -> int:
        return max(abs(x - y) for x, y in zip(a, b, strict=True))

    lines = [[step(rows[i][j], rows[i][j + 1]) for j in range(width - 1)] for i in range(height)]
    lines += [[step(rows[i][j], rows[i + 1][j]) for i in range(height - 1)] for j in range(width)]
    steps = [one for line in lines for one in line]
    behind = []
    for line in lines:
        for first, second in pairwise(line):
            behind += [second] * (first > 40) + [first] * (second > 40)
    windows = [
        max(int(np.ptp(picture[i : i + 4, j : j + 4, c].astype(int))) for c in range(3))
        for i in range(0, height - 3, 2)
        for j in range(0, width - 3, 2)
    ]
    return {
        "equal": steps.count(0) / len(steps),
        "beside.equal": behind.count(0) / len(behind),
        "beside.near": sum(0 < one <= 3 for one in behind) / len(behind),
        "flat4": windows.count(0) / len(windows),
        "near4": sum(0 < one <= 4 for one in windows) / len(windows),
        "grey": sum(max(one) == min(one) for row in rows for one in row) / (height * width),
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_shares_are_those_of_plain_loops(seed: int) -> None:
    picture = drawing(40, seed)
    picture[::7] = np.minimum(picture[::7], 250) + np.uint8(2)
    found = measured(picture)
    for name, expected in naive(picture).items():
        assert share(found[name]) == pytest.approx(expected, abs=1e-6), name


def test_a_codec_leaves_deviations_beside_edges() -> None:
    picture, stream = drawing(), BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=92)
    before, after = measured(picture), measured(np.asarray(Image.open(stream)))
    for name in ("equal", "beside.equal", "beside.equal_to_near", "flat4", "flat8", "flat_to_near8", "chroma.sharp"):
        assert after[name] < before[name], name
    assert after["near4"] > before["near4"]


def test_a_flat_picture_has_no_edges() -> None:
    found = measured(np.full((32, 32, 3), 7, np.uint8))
    assert (found["beside.equal"], found["beside.near"], found["beside.equal_to_near"]) == (0, 0, 0)
    assert share(found["equal"]) == share(found["flat8"]) == share(found["grey"]) == pytest.approx(1)


def test_turning_a_picture_changes_nothing() -> None:
    picture = drawing(65)  # windows at every second place start at both ends
    np.testing.assert_allclose(exactness(picture), exactness(picture.transpose(1, 0, 2)), rtol=1e-12)


def test_of_large_pictures_the_middle_is_measured() -> None:
    inner = drawing(SIDE)
    outer = np.pad(inner, ((10, 10), (30, 30), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(exactness(inner), exactness(outer))


@pytest.mark.parametrize(
    "picture",
    [np.zeros((32, 32), np.uint8), np.zeros((32, 32, 3)), np.zeros((LEAST_SIDE - 1, 32, 3), np.uint8)],
    ids=["grey", "float", "small"],
)
def test_other_pictures_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="pictures are"):
        exactness(picture)
