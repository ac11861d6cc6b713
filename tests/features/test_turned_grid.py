"""Turned block grids: the angle is read from turned JPEGs, with its sign, and mirrors with the picture."""

import io

import numpy as np
import pytest
from forensics_features import turned_grid
from PIL import Image

from tests.features.test_scaled_grid import jpeg, photograph


@pytest.mark.parametrize("degrees", [-4.3, -0.9, 0.6, 2.25, 6.0])
def test_the_angle_of_a_turned_jpeg_is_read(degrees: float) -> None:
    turned = jpeg(photograph(), 55).rotate(degrees, Image.Resampling.BICUBIC).crop((60, 60, 388, 388))
    found = turned_grid.find(np.asarray(turned))
    assert found is not None
    assert found.degrees == pytest.approx(degrees, abs=0.1)
    assert found.values[0] == pytest.approx(abs(found.degrees))


def test_a_mirror_image_is_turned_the_other_way() -> None:
    turned = np.asarray(jpeg(photograph(), 55).rotate(3.1, Image.Resampling.BICUBIC).crop((60, 60, 388, 388)))
    found, mirrored = turned_grid.find(turned), turned_grid.find(np.ascontiguousarray(turned[:, ::-1]))
    assert found is not None
    assert mirrored is not None
    assert mirrored.degrees == pytest.approx(-found.degrees, abs=0.05)


def test_lines_are_those_of_a_plain_fourier_sum() -> None:
    numbers = np.random.default_rng(2)
    luma = numbers.normal(120, 20, (120, 130)).astype(np.float32)
    edges = turned_grid._edges(luma)
    size = turned_grid.fft.next_fast_len(2 * max(edges.shape), real=True)
    angles = np.deg2rad(turned_grid.DEGREES)
    place = 37
    across = round(float(-np.sin(angles[place]) / 8 * size))
    along = round(float(np.cos(angles[place]) / 8 * size))
    y, x = np.mgrid[: edges.shape[0], : edges.shape[1]]
    naive = abs((edges * np.exp(-2j * np.pi * (across * y + along * x) / size)).sum()) ** 2
    power = np.abs(turned_grid.fft.rfft2(edges, (size, size))) ** 2
    assert power[across % size, along] == pytest.approx(naive, rel=1e-3)
    lines = turned_grid.line_powers(luma, angles)
    assert lines.shape == (len(turned_grid.LINES), len(angles))
    for row, (line, folded) in zip(lines, turned_grid.LINES, strict=True):
        turned = line / 8 - folded
        columns = np.round(np.abs(turned * np.cos(angles) + folded) * size).astype(int)
        there = power[np.round(-turned * np.sin(angles) * size).astype(int) % size, columns]
        assert row == pytest.approx(there * np.log(2) / np.median(there), rel=1e-4)


def test_names_shapes_and_small_pictures() -> None:
    found = turned_grid.find(np.asarray(jpeg(photograph(200), 80)))
    assert found is not None
    assert found.values.shape == (len(turned_grid.VALUE_NAMES),)
    assert np.isfinite(found.values).all()
    assert turned_grid.find(photograph(turned_grid.LEAST_SIDE - 1)) is None
    stream = io.BytesIO()
    Image.fromarray(np.full((128, 128), 7, np.uint8)).save(stream, "PNG")
    assert turned_grid.find(np.asarray(Image.open(stream))) is not None
