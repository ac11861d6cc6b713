"""Pictures rotated after decoding: the rotation is undone where the picture is open, and report and verdict say so."""

import json

import numpy as np
import pytest
from forensics_features.rotation import Rotation
from forensics_features.sharpening import Sharpening
from PIL import Image

import forensics
from forensics.report.json_report import entry
from forensics.report.text import render
from forensics.results.steps import ReductionStep, RotationStep, SharpeningStep, as_stored, for_a_map
from forensics.verdict import undoing
from forensics.verdict.analysis import analyze


@pytest.fixture(scope="module")
def rotated(coded_sample) -> np.ndarray:
    """A HEIC picture, rotated by a bilinear kernel."""
    picture = Image.fromarray(coded_sample("heic", 50)).rotate(-5.2, Image.Resampling.BILINEAR)
    return np.asarray(picture.crop((40, 40, 440, 440)))


def test_what_a_rotation_is_undone_for_is_named_and_told(rotated):
    assert forensics.analyze(rotated, undo_rotation=False).verdict == "inconclusive"
    result = forensics.analyze(rotated)
    assert result.verdict == "hevc-intra"
    (step,) = result.steps
    assert step.name == "rotation"
    assert step.found.degrees == pytest.approx(-5.2, abs=0.05)
    assert result.evidence[0].trace == "rotation"
    assert "5.2" in result.evidence[0].text
    assert "clockwise" in result.evidence[0].text
    assert (result.width, result.height) == (400, 400)
    assert result.as_judged(rotated).shape[:2] == (step.height, step.width)
    written = json.loads(json.dumps(entry(result), allow_nan=False))
    assert written["steps"][0]["step"] == "rotation"
    assert written["steps"][0]["degrees"] == pytest.approx(-5.2, abs=0.05)
    assert "rotated by" in render(result)


def test_a_picture_that_is_settled_is_not_asked(monkeypatch):
    def never(pixels):
        raise AssertionError("looked for")

    monkeypatch.setattr(undoing.after, "find_rotation", never)
    assert analyze("examples/jpeg.png").verdict == "jpeg"


def test_where_no_rotation_is_clear_blocks_bear_out_a_guess(rotated, monkeypatch):
    monkeypatch.setattr(undoing.after, "find_rotation", lambda pixels: None)
    result = forensics.analyze(rotated)
    assert result.verdict == "hevc-intra"
    assert result.steps == ()
    assert result.evidence[0].trace == "restored"
    assert forensics.analyze(rotated, undo_rotation=False).verdict == "inconclusive"


@pytest.mark.parametrize("degrees", [-7.0, 3.0])
def test_places_of_the_upright_part_are_found_in_the_rotated_picture(degrees):
    pixels = np.zeros((300, 400), np.uint8)
    pixels[140:144, 250:254] = 255
    step = RotationStep(Rotation(degrees, 0.0, 0.0, 9.0), 0, 0, 400, 300)
    upright = step.undo(pixels)
    step = RotationStep(step.found, upright.shape[1], upright.shape[0], 400, 300)
    row, column = np.argwhere(upright == upright.max()).mean(axis=0) + 0.5
    top, left, height, width = as_stored((step,), (row - 2, column - 2, 4, 4))
    assert (top, left) == pytest.approx((140, 250), abs=1.2)
    assert (height, width) == (4, 4)


def test_what_a_rotation_does_not_change_is_not_called_rotated(monkeypatch):
    from dataclasses import replace

    plain = replace(analyze("examples/uncompressed.png"), probability=0.8)
    said = iter(["uncompressed", "inconclusive", "jpegxl"])
    step = RotationStep(Rotation(3.0, 0.0, 0.0, 9.0), 200, 200, 256, 256)
    monkeypatch.setattr(undoing.after, "find_rotation", lambda pixels: (step, pixels))

    class One:
        open_judge, threads = None, None

        def analysis(self, picture, pixels, steps):
            return replace(plain, verdict=next(said), steps=steps)

    ask = (np.zeros((256, 256, 3), np.uint8), None, One(), lambda analysis, pixels: analysis)
    assert undoing.rotated(plain, *ask) is plain
    assert undoing.rotated(plain, *ask) is plain
    assert undoing.rotated(plain, *ask).steps == (step,)
    assert undoing.rotated(replace(plain, probability=0.95), *ask).steps == ()


def test_a_map_leaves_a_rotation_alone_that_is_undone_in_little_of_a_picture():
    kept = SharpeningStep(Sharpening("gaussian", 1.0, 0.5, 0.0, 1.0, 1000, 0.9))
    turned = RotationStep(Rotation(3.0, 0.0, 0.0, 9.0), 768, 768, 1000, 1000)
    steps = (kept, turned)
    assert for_a_map(steps, 1000 * 1000) == steps
    assert for_a_map(steps, 1100 * 1100) == (kept,)
    halved = ReductionStep(0.5, 8, 10, 10, 420, 420)
    assert for_a_map((halved, kept), 250 * 250) == (halved, kept)
    assert for_a_map((halved, kept), 300 * 300) == ()
    assert for_a_map((kept,), 4000 * 3000) == (kept,)
