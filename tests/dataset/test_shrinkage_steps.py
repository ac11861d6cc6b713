"""Noise reduction by shrinking coefficients, against plain twins and its own properties."""

import numpy as np
import pytest
from scipy import fft

from forensics.dataset import preparation, shrinkage_steps
from forensics.dataset.shrinkage_steps import BLOCKS, RULES, WAVELETS, Shrink, draw_shrink, draw_sliding
from forensics.errors import UsageError
from tests.features.test_scaled_grid import photograph

pywt = pytest.importorskip("pywt", reason="PyWavelets is not installed")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.asarray(photograph(97, 5))[:, :91]


@pytest.mark.parametrize("colour", [0.0, 1.0])
@pytest.mark.parametrize("transform", [*WAVELETS, *BLOCKS])
def test_a_threshold_of_next_to_nothing_changes_nothing(transform: str, colour: float, picture: np.ndarray) -> None:
    for shifts in (1, 2):
        step = Shrink(transform, 8 if transform in BLOCKS else 3, shifts, "soft", 1e-6, colour=colour)
        assert np.array_equal(step.apply(picture), picture)
        assert np.array_equal(step.apply(picture[..., 0]), picture[..., 0])


@pytest.mark.parametrize("transform", ["haar", "bior4.4", "sym4", "dct", "fourier"])
@pytest.mark.parametrize("rule", RULES)
def test_noise_becomes_less(transform: str, rule: str) -> None:
    clean = np.full((128, 128, 3), 120, np.uint8)
    noisy = np.clip(clean + np.random.default_rng(1).normal(0, 5, clean.shape), 0, 255).astype(np.uint8)
    made = Shrink(transform, 8 if transform in BLOCKS else 3, 2, rule, 12.0).apply(noisy)
    assert np.std(made) < 0.5 * np.std(noisy)
    kept = Shrink(transform, 8 if transform in BLOCKS else 3, 2, rule, 12.0, kept=0.5).apply(noisy)
    assert np.std(made) < np.std(kept) < np.std(noisy)


def test_one_level_of_haar_is_what_plain_loops_give(picture: np.ndarray) -> None:
    plane = picture[:96, :90, 0].astype(float)
    expected = np.empty_like(plane)
    for y in range(0, 96, 2):
        for x in range(0, 90, 2):
            (a, b), (c, d) = plane[y : y + 2, x : x + 2]
            low = (a + b + c + d) / 2
            details = np.array([(a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2])
            h, v, e = np.sign(details) * np.maximum(np.abs(details) - 7, 0)
            expected[y : y + 2, x : x + 2] = [
                [(low + h + v + e) / 2, (low + h - v - e) / 2],
                [(low - h + v - e) / 2, (low - h - v + e) / 2],
            ]
    made = Shrink("haar", 1, 1, "soft", 7.0).apply(picture[:96, :90, 0])
    assert np.abs(made - np.clip(expected, 0, 255)).max() <= 0.5 + 1e-9


def test_blocks_side_by_side_are_what_plain_loops_give(picture: np.ndarray) -> None:
    plane = picture[:96, :88, 0].astype(float)
    expected = np.empty_like(plane)
    for y in range(0, 96, 8):
        for x in range(0, 88, 8):
            block = fft.dctn(plane[y : y + 8, x : x + 8], norm="ortho")
            left = np.where(np.abs(block) > 9, block, 0)
            left[0, 0] = block[0, 0]
            expected[y : y + 8, x : x + 8] = fft.idctn(left, norm="ortho")
    made = Shrink("dct", 8, 1, "hard", 9.0).apply(picture[:96, :88, 0])
    assert np.abs(made - np.clip(expected, 0, 255)).max() <= 0.5 + 1e-9


def test_sliding_blocks_are_what_plain_loops_give(picture: np.ndarray) -> None:
    plane = picture[:21, :19, 0].astype(float)
    wide = np.pad(plane, 8, mode="symmetric")
    sums, counts = np.zeros_like(wide), np.zeros_like(wide)
    for y in range(wide.shape[0] - 7):
        for x in range(wide.shape[1] - 7):
            block = fft.dctn(wide[y : y + 8, x : x + 8], norm="ortho")
            left = np.where(np.abs(block) > 9, block, 0)
            left[0, 0] = block[0, 0]
            sums[y : y + 8, x : x + 8] += fft.idctn(left, norm="ortho")
            counts[y : y + 8, x : x + 8] += 1
    made = Shrink("dct", 8, 8, "hard", 9.0).apply(picture[:21, :19, 0])
    assert np.abs(made - np.clip((sums / counts)[8:-8, 8:-8], 0, 255)).max() <= 0.5 + 1e-9


def test_a_negative_colour_shrinks_planes_of_an_orthonormal_transform(picture: np.ndarray) -> None:
    part = picture[:32, :32].astype(float)
    planes = fft.dct(part, axis=-1, norm="ortho")
    one = Shrink("dct", 8, 2, "hard", 9.0)
    expected = fft.idct(np.stack([one.of_plane(planes[..., c]) for c in range(3)], axis=-1), axis=-1, norm="ortho")
    made = Shrink("dct", 8, 2, "hard", 9.0, colour=-1.0).apply(picture[:32, :32])
    assert np.abs(made - np.clip(expected, 0, 255)).max() <= 0.5 + 1e-9
    assert np.array_equal(Shrink("dct", 8, 2, "hard", 1e-6, colour=-1.0).apply(picture), picture)


def test_sliding_steps_that_are_drawn_take_blocks_at_every_place(picture: np.ndarray) -> None:
    numbers = np.random.default_rng(3)
    steps = [draw_sliding(numbers) for _ in range(40)]
    assert all(step.transform == "dct" and step.shifts == step.size for step in steps)
    assert {step.rule for step in steps} == {"hard", "soft"}
    assert {step.colour for step in steps} == {-1.0, 0.0, 1.0}
    assert steps[0].apply(picture).shape == picture.shape


def test_drawn_steps_run_are_read_back_from_json_and_are_many(picture: np.ndarray) -> None:
    numbers = np.random.default_rng(3)
    steps = [draw_shrink(numbers) for _ in range(40)]
    assert len({step.transform for step in steps}) > 8
    assert {step.rule for step in steps} == set(RULES)
    for step in steps[:12]:
        (again,) = preparation.from_json(preparation.to_json([step]))
        assert again == step
        assert step.apply(picture).shape == picture.shape
        assert step.apply(picture).dtype == np.uint8


@pytest.mark.parametrize("step", [Shrink("db99", 2, 1, "soft", 1.0), Shrink("haar", 2, 1, "half", 1.0)])
def test_unknown_names_are_refused(step: Shrink, picture: np.ndarray) -> None:
    with pytest.raises(UsageError):
        step.apply(picture)


def test_the_wiener_rule_looks_at_what_is_around_a_coefficient() -> None:
    lone, many = np.zeros((9, 9)), np.full((9, 9), 10.0)
    lone[4, 4] = 10.0
    assert shrinkage_steps._shrunk(lone, 5.0, "wiener")[4, 4] == 0
    assert shrinkage_steps._shrunk(many, 5.0, "wiener")[4, 4] == pytest.approx(7.5)
