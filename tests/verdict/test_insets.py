"""Verdicts on pictures set into flat surroundings: the insets are judged, and told apart."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from forensics.examination import examine, localise
from forensics.localisation import outputs
from forensics.pictures.opened import from_array, open_picture
from forensics.report.json_report import entry
from forensics.verdict.analysis import analyze
from forensics.verdict.insets import with_insets


def photograph(height: int, width: int, seed: int = 1) -> np.ndarray:
    """Coloured texture with some noise."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(size=(height, width, 3)), (6, 6, 0)) * 220
    return np.clip(128 + smooth + rng.normal(0, 3, (height, width, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def jpeg() -> np.ndarray:
    return open_picture("examples/jpeg.png").pixels


def on_paper(*placed: tuple[int, int, np.ndarray], size: tuple[int, int] = (600, 700)) -> np.ndarray:
    """Pictures on a plain page."""
    made = np.full((*size, 3), 249, np.uint8)
    for top, left, pixels in placed:
        made[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return made


def test_the_inset_is_judged_as_if_it_stood_alone(jpeg):
    made = on_paper((61, 83, jpeg))
    alone, found = analyze(jpeg), analyze(made)
    assert (found.verdict, found.probability, found.ranking) == (alone.verdict, alone.probability, alone.ranking)
    assert (found.width, found.height) == (700, 600)
    assert [step.name for step in found.steps] == ["inset"]
    assert found.evidence[0].trace == "inset"
    assert f"{jpeg.shape[1]}x{jpeg.shape[0]} pixels are set into flat surroundings at row 61, column 83" in (
        found.evidence[0].text
    )
    np.testing.assert_array_equal(found.as_judged(made), jpeg)
    step = json.loads(json.dumps(entry(found), allow_nan=False))["steps"][0]
    assert (step["step"], step["top"], step["left"]) == ("inset", 61, 83)
    assert analyze(made, undo_inset=False).steps == ()


def test_an_enlarged_inset_is_undone_and_its_quality_read(jpeg):
    larger = np.asarray(
        Image.fromarray(jpeg).resize([round(1.25 * n) for n in jpeg.shape[1::-1]], Image.Resampling.BICUBIC)
    )
    made = on_paper((40, 57, larger), size=(larger.shape[0] + 100, larger.shape[1] + 130))
    seen = examine(from_array(made), map=False).analysis
    assert seen.verdict == "jpeg"
    assert [step.name for step in seen.steps] == ["inset", "enlargement"]
    assert seen.as_judged(made).shape == jpeg.shape
    assert seen.history is not None
    assert seen.history.generations[0].codec == "jpeg"


def test_one_lossy_inset_speaks_for_the_picture_and_the_others_are_told(jpeg):
    made = on_paper((30, 20, photograph(300, 420)), (350, 20, jpeg[:200, :240]))
    found = analyze(made)
    assert found.verdict == "jpeg"
    told = next(one.text for one in found.evidence if one.trace == "insets")
    assert "420x300 pixels at row 30, column 20" in told


def test_maps_are_of_the_inset_and_say_where_it_lies(jpeg, tmp_path):
    made = on_paper((61, 83, jpeg))
    found = localise(from_array(made))
    assert (found.map.height, found.map.width) == jpeg.shape[:2]
    assert found.inset is not None
    np.testing.assert_array_equal(outputs.as_mapped(made, found), jpeg)
    assert outputs.to_dict(found)["inset"] == [61, 83, *jpeg.shape[:2]]
    assert any("inset alone" in note for note in found.map.notes)
    outputs.save(found, made, tmp_path)
    twice = localise(from_array(made.repeat(2, axis=0).repeat(2, axis=1)))
    assert twice.inset is not None
    assert outputs.as_mapped(made.repeat(2, axis=0).repeat(2, axis=1), twice).shape[:2] == jpeg.shape[:2]


def test_the_whole_is_judged_where_no_inset_gives_a_verdict(monkeypatch):
    """By a judge that knows whole pictures alone, and by one that says `uncompressed` of them."""
    from forensics.verdict import insets

    made = from_array(on_paper((61, 83, photograph(260, 300))))
    asked: list[tuple[int, int]] = []

    class Said:
        def __init__(self, verdict: str) -> None:
            self.verdict, self.steps, self.evidence, self.probability = verdict, (), (), 0.9

    def judged(whole: str, inner: str):
        def one(picture):
            asked.append(picture.pixels.shape[:2])
            return Said(whole if picture.width == 700 else inner)

        return one

    monkeypatch.setattr(
        insets, "replace", lambda value, **fields: value if isinstance(value, Said) else from_array(fields["pixels"])
    )
    assert with_insets(made, judged("jpeg", "inconclusive")).verdict == "jpeg"
    assert asked == [(260, 300), (600, 700)]
    assert with_insets(made, judged("uncompressed", "inconclusive")).verdict == "inconclusive"
    assert with_insets(made, judged("webp", "uncompressed")).verdict == "uncompressed"
