"""Scaled block grids: the scale is read from reduced JPEGs, values keep their order, spectra equal a plain sum."""

import io
import math

import numpy as np
import pytest
from forensics_features import planes, scaled_grid
from PIL import Image


def photograph(side: int = 448, seed: int = 3) -> np.ndarray:
    """A smooth scene with edges and grain, as a camera gives it."""
    numbers = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    plain = (
        120 + 60 * np.sin(5 * x + 2 * y) + 40 * np.cos(9 * y) + 30 * (x + y > 1) + numbers.normal(0, 5, (side, side))
    )
    return np.stack([plain, 0.9 * plain + 8, 0.8 * plain + 20], -1).clip(0, 255).astype(np.uint8)


def jpeg(pixels: np.ndarray, quality: int) -> Image.Image:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return Image.open(stream)


@pytest.mark.parametrize("scale", [0.55, 0.64, 0.77, 0.9])
@pytest.mark.parametrize("kernel", [Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
def test_the_scale_of_a_reduced_jpeg_is_read(scale: float, kernel: Image.Resampling) -> None:
    picture = jpeg(photograph(), 60)
    size = round(448 * scale)
    found = scaled_grid.find(np.asarray(picture.resize((size, size), kernel)))
    assert found is not None
    assert found.scale == pytest.approx(size / 448, rel=0.01)
    assert found.period == pytest.approx(8 * found.scale)


def test_values_have_their_names_and_lines_above_the_highest_are_missing() -> None:
    found = scaled_grid.find(photograph(200))
    assert found is not None
    assert found.values.shape == (len(scaled_grid.VALUE_NAMES),)
    assert found.values.dtype == np.float32
    values = dict(zip(scaled_grid.VALUE_NAMES, found.values, strict=True))
    assert values["scale"] == np.float32(found.scale)
    assert values["log2_pixels"] == pytest.approx(math.log2(200 * 200))
    for line in scaled_grid.LINES:
        above = line / (8 * found.scale) >= scaled_grid.HIGHEST
        assert np.isnan(values[f"x.all.power{line}"]) == above == np.isnan(values[f"y.quiet.power{line}"])
    assert values["lines_but_one"] <= values["lines"]


def test_a_picture_on_its_side_gives_the_same_scale_and_its_axes_change_places() -> None:
    pixels = np.asarray(jpeg(photograph(), 50).resize((300, 300), Image.Resampling.BICUBIC))
    upright, turned = scaled_grid.find(pixels), scaled_grid.find(np.ascontiguousarray(pixels.swapaxes(0, 1)))
    assert upright is not None
    assert turned is not None
    assert upright.scale == turned.scale
    at = scaled_grid.VALUE_NAMES.index
    assert upright.values[at("x.all.power1")] == pytest.approx(turned.values[at("y.all.power1")], rel=1e-3)


def test_a_line_stands_out_where_a_plain_fourier_sum_has_it() -> None:
    numbers = np.random.default_rng(5)
    frequency = 0.1836
    profile = numbers.normal(0, 1, 600) + np.cos(2 * np.pi * frequency * (np.arange(600) + 1.5))
    power, phase = scaled_grid._spectrum(profile * np.hanning(600))
    place = round(frequency * scaled_grid._LENGTH)
    assert abs(int(power[300:].argmax()) + 300 - place) <= 3
    naive = sum(
        value * np.exp(-2j * np.pi * place / scaled_grid._LENGTH * (n + 1.5))
        for n, value in enumerate(profile * np.hanning(600))
    )
    assert math.cos(float(phase[place])) == pytest.approx(math.cos(np.angle(naive)), abs=1e-6)
    assert math.cos(float(phase[place])) > 0.9
    assert power[place] > 20 * np.median(power)


def test_small_pictures_are_not_read_and_large_ones_in_their_middle() -> None:
    assert scaled_grid.find(photograph(scaled_grid.LEAST_SIDE - 1)) is None
    wide = np.zeros((70, 3000), np.uint8)
    assert planes.central(wide, scaled_grid.MOST_SIDE)[0].shape == (70, scaled_grid.MOST_SIDE)


def test_flat_pictures_and_grey_sixteen_bits_are_taken() -> None:
    flat = scaled_grid.find(np.full((128, 128), 40000, np.uint16))
    assert flat is not None
    assert np.isfinite(flat.values[1:5]).all()
