"""Pictures sharpened after decoding: the filter is undone, and verdict and report are those of the samples before."""

import io
import json

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

import forensics
from forensics.pictures.opened import from_array
from forensics.report.json_report import entry
from forensics.verdict import analysis as rules
from forensics.verdict.analysis import analyze, judged_pixels


@pytest.fixture(scope="module")
def decoded() -> np.ndarray:
    """A JPEG of quality 92 as its decoder left it."""
    stored = io.BytesIO()
    Image.open("examples/uncompressed.png").convert("RGB").save(stored, "JPEG", quality=92)
    return np.asarray(Image.open(stored).convert("RGB"))


def unsharp_mask(pixels: np.ndarray) -> np.ndarray:
    whole = pixels.astype(np.float32)
    return np.clip(np.rint(whole + 1.2 * (whole - gaussian_filter(whole, (0.9, 0.9, 0)))), 0, 255).astype(np.uint8)


def program(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.SHARPEN))


@pytest.mark.parametrize("sharpen", [unsharp_mask, program])
def test_the_codec_is_named_from_the_samples_before(decoded, sharpen):
    stored = sharpen(decoded)
    result = forensics.analyze(stored)
    assert result.verdict == "jpeg"
    assert result.probability > 0.95
    (step,) = result.steps
    assert step.name == "sharpening"
    assert result.evidence[0].trace == "sharpening"
    assert (result.as_judged(stored) == decoded).mean() > 0.85
    written = json.loads(json.dumps(entry(result), allow_nan=False))
    assert written["steps"][0]["step"] == "sharpening"
    assert written["steps"][0]["amount"] == pytest.approx(step.found.amount, abs=1e-3)
    pixels, steps = judged_pixels(from_array(stored))
    assert [one.name for one in steps] == ["sharpening"]
    assert np.array_equal(pixels, result.as_judged(stored))
    assert not forensics.analyze(stored, undo_sharpening=False).steps


def test_it_is_not_looked_for_where_the_models_hold_it_impossible(decoded, monkeypatch, fake_judge, fake_extractor):
    def never(pixels):
        raise AssertionError("looked for")

    monkeypatch.setattr(rules.after, "find_sharpening", never)
    assert forensics.analyze(decoded).verdict == "jpeg"
    assert analyze(decoded, judge=fake_judge(jpeg=0.9), extractor=fake_extractor).steps == ()
