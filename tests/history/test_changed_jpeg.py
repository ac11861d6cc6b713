"""A JPEG that was changed: quality and change are read back; nothing is found where there was no JPEG."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import fft, ndimage

import forensics
from forensics.history.jpeg import changed
from tests.features.test_scaled_grid import jpeg, photograph

BICUBIC = Image.Resampling.BICUBIC
Step = Callable[[Image.Image], Image.Image]


def noisy(picture: Image.Image) -> Image.Image:
    numbers = np.random.default_rng(4)
    plain = np.asarray(picture, np.float64)
    return Image.fromarray((plain + numbers.normal(0, 4, plain.shape)).clip(0, 255).round().astype(np.uint8))


STEPS: dict[str, Step] = {
    "noise": noisy,
    "grey": lambda picture: picture.convert("RGB").convert("L"),
    "cropped": lambda picture: picture.crop((3, 5, picture.width, picture.height)),
    "gaussian": lambda picture: picture.filter(ImageFilter.GaussianBlur(0.9)),
    "box": lambda picture: picture.filter(ImageFilter.BoxBlur(1)),
    "turned": lambda picture: picture.rotate(2.3, BICUBIC).crop((20, 20, picture.width - 20, picture.height - 20)),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_jpeg_is_named_after_a_change(step: str) -> None:
    pixels = np.asarray(STEPS[step](jpeg(photograph(400), 65)))
    reading = changed.read(pixels)
    assert reading is not None
    assert reading.named
    (quality,) = (one for one in changed.parameters_of(reading) if one.name == "quality")
    assert quality.low is not None
    assert quality.high is not None
    assert quality.low <= 65 <= quality.high
    if step in ("noise", "grey", "cropped"):
        assert reading.change == "none"
        assert reading.lattice.phase == ((3, 5) if step == "cropped" else (0, 0))


def test_the_angle_is_read_back_and_said() -> None:
    reading = changed.read(np.asarray(STEPS["turned"](jpeg(photograph(400), 65))), blurred=False)
    assert reading is not None
    assert reading.change == "turned"
    assert reading.value == pytest.approx(2.3, abs=0.06)
    assert "rotated by 2.3 degrees counter-clockwise" in changed.sentence(reading)
    assert {one.name for one in changed.parameters_of(reading)} == {"quality", "rotation"}


def test_blurs_are_not_undone_where_that_is_not_asked() -> None:
    pixels = np.asarray(STEPS["box"](jpeg(photograph(400), 65)))
    blurred = changed.read(pixels)
    assert blurred is not None
    assert blurred.change in ("box", "gaussian")
    plain = changed.read(pixels, blurred=False)
    assert plain is None or plain.lattice.contrast < blurred.lattice.contrast


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_found_where_there_was_no_jpeg(step: str) -> None:
    assert changed.read(np.asarray(STEPS[step](Image.fromarray(photograph(400))))) is None


@pytest.mark.parametrize(("change", "value"), [("gaussian", 0.8), ("gaussian", 1.3), ("box", 3)])
def test_a_blur_is_divided_out_of_low_frequencies(change: str, value: float) -> None:
    plane = ndimage.gaussian_filter(np.random.default_rng(1).normal(128, 60, (120, 144)), 3).astype(np.float32)
    blurred = (
        ndimage.gaussian_filter(plane, value, truncate=6, mode="reflect")
        if change == "gaussian"
        else ndimage.uniform_filter(plane, round(value), mode="reflect")
    )
    back = changed.divided(fft.dctn(blurred, norm="ortho"), change, value)
    assert np.abs(back - plane).max() < 0.1 * np.abs(blurred - plane).max()


@pytest.mark.parametrize("degrees", [-3.0, 1.5])
def test_a_plane_is_turned_back(degrees: float) -> None:
    y, x = np.mgrid[:240, :320] - np.array([119.5, 159.5])[:, None, None]
    wave = np.cos(x / 9) + np.sin(y / 7)
    turned = np.asarray(Image.fromarray(wave.astype(np.float32)).rotate(degrees, BICUBIC))
    back = changed.upright(ndimage.spline_filter(turned, 3, output=np.float32), degrees, (0.0, 0.0))
    rows, columns = back.shape
    assert rows % 8 == columns % 8 == 0
    top, left = (240 - rows) // 2, (320 - columns) // 2
    middle = np.s_[8:-8, 8:-8]
    assert np.abs(back - wave[top : top + rows, left : left + columns])[middle].max() < 0.04


def test_blocks_that_are_all_alike_are_no_evidence() -> None:
    tile = np.tile(np.arange(0, 160, 20, dtype=np.uint8), (8, 1))
    assert changed.read(np.tile(tile, (32, 32))) is None


def test_small_pictures_are_not_read() -> None:
    assert changed.read(photograph(90)) is None


def sample() -> np.ndarray:
    picture = Image.open("examples/uncompressed.png").convert("RGB")
    large = Image.new("RGB", (512, 512))
    for place in ((0, 0), (256, 0), (0, 256), (256, 256)):
        large.paste(picture, place)
    return np.asarray(large)


def test_verdict_and_history_tell_the_quality_and_the_rotation() -> None:
    pixels = np.asarray(jpeg(sample(), 70).rotate(-2.5, BICUBIC).crop((24, 24, 488, 488)))
    result = forensics.examine(pixels, map=False)
    assert result.analysis.verdict == "jpeg"
    if any(one.trace == changed.NAME for one in result.analysis.evidence):
        (generation,) = result.history.generations
        read = {parameter.name: parameter for parameter in generation.parameters}
        assert read["rotation"].value == pytest.approx(-2.5, abs=0.1)
        assert read["quality"].low <= 70 <= read["quality"].high


@pytest.mark.parametrize(("side", "factor"), [(100, 4), (128, 4), (64, 8)])
@pytest.mark.parametrize("kernel", [Image.Resampling.BICUBIC, Image.Resampling.BILINEAR])
def test_what_repeats_itself_within_a_block_is_no_jpeg(side: int, factor: int, kernel: Image.Resampling) -> None:
    noise = Image.fromarray(np.random.default_rng(0).random((side, side)).astype(np.float32) * 255)
    enlarged = np.asarray(noise.resize((side * factor, side * factor), kernel))
    reading = changed.read(np.clip(np.rint(enlarged), 0, 255).astype(np.uint8))
    assert reading is None or not reading.found
