"""Enlargements in linear light, as Squoosh, libvips and ImageMagick make them where told so."""

import io
from pathlib import Path

import numpy as np
import pytest
from forensics_features import linear_light
from PIL import Image

from forensics import analyze
from forensics.history.traces.enlargement import enlargement
from forensics.verdict import steps
from forensics.verdict.analysis import judged_pixels

SAMPLE = Image.open(Path(__file__).parents[1] / "examples" / "uncompressed.png").convert("RGB")


def jpeg(quality: int) -> np.ndarray:
    stream = io.BytesIO()
    SAMPLE.save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def enlarged(pixels: np.ndarray, factor: float, cut: bool) -> np.ndarray:
    """By a bicubic kernel in linear light, rounded or cut off to whole levels."""
    height, width = (round(side * factor) for side in pixels.shape[:2])
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(linear_light.decoded(pixels), 2, 0)]
    light = np.stack([np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC)) for plane in planes], axis=2)
    stored = linear_light.encoded(light.astype(np.float64))
    return (np.floor(stored) if cut else np.rint(stored)).astype(np.uint8)


def test_the_curve_is_that_of_srgb() -> None:
    levels = np.arange(256, dtype=np.uint8)
    light = linear_light.decoded(levels)
    assert light[188] / 255 == pytest.approx(((188 / 255 + 0.055) / 1.055) ** 2.4)
    assert light[5] / 255 == pytest.approx(5 / 255 / 12.92)
    np.testing.assert_allclose(linear_light.encoded(light), levels, atol=1e-4)
    assert (linear_light.decoded(levels, cut=True) >= light).all()
    np.testing.assert_allclose(linear_light.encoded(np.array([-3.0, 300.0])), [0, 255], atol=1e-9)


@pytest.mark.parametrize("cut", [False, True])
def test_the_native_pixels_come_back(cut: bool) -> None:
    native = jpeg(80)
    stored = enlarged(native, 1.4, cut)
    assert steps.find_enlargement(stored) is None or not steps.exact(steps.find_enlargements(stored)[0])
    step = steps.find_enlargement_of_light(stored)
    assert step is not None
    assert (step.width, step.height) == native.shape[1::-1]
    assert "kernel in linear light" in step.text
    assert "enlarged again" not in step.text
    assert step.to_dict()["linear_light"] is True
    assert (step.undo(stored) == native).mean() > 0.75
    trace = enlargement(step, stored)
    at = int(np.argmin(trace.series["residual"]))
    assert trace.series["lengths"][at] in native.shape[:2]


def test_the_verdict_is_that_on_the_native_pixels() -> None:
    stored = enlarged(jpeg(80), 1.4, cut=True)
    result = analyze(stored)
    assert result.verdict == "jpeg"
    if result.steps:  # looked for where the models leave the picture open
        assert "linear light" in result.evidence[0].text
        assert judged_pixels_shape(stored) == jpeg(80).shape


def judged_pixels_shape(stored: np.ndarray) -> tuple[int, ...]:
    from forensics.pictures.opened import from_array

    return judged_pixels(from_array(stored, name="made"))[0].shape


def test_pictures_that_were_not_enlarged_show_none() -> None:
    plain = np.asarray(SAMPLE)
    for pixels in (plain, jpeg(60), np.asarray(SAMPLE.resize((180, 180), Image.Resampling.LANCZOS))):
        assert steps.find_enlargement_of_light(pixels) is None
