"""Reductions: the true scale is among the candidates, the size before comes back, splines pass through samples."""

import numpy as np
import pytest
from forensics_features import reduction, splines, unexplained
from PIL import Image

from tests.features.test_scaled_grid import jpeg, photograph


@pytest.mark.parametrize("scale", [0.62, 0.75, 0.83, 0.92])
@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
def test_the_scale_of_a_reduced_jpeg_is_a_candidate(scale: float, kernel: Image.Resampling) -> None:
    size = round(448 * scale)
    found = reduction.candidates(np.asarray(jpeg(photograph(), 60).resize((size, size), kernel)), 8)
    assert len(found) == 8
    assert min(abs(np.log(one * 448 / size)) for one in found) < 0.006
    assert all(abs(np.log(one / other)) >= 0.008 for k, one in enumerate(found) for other in found[:k])
    assert min(found) >= reduction.SMALLEST


def test_lines_of_interpolation_tell_it_without_blocks() -> None:
    y, x = np.mgrid[:366, :366] * (448 / 366)
    scene = photograph()[:, :, 0].astype(float)
    top, left = np.minimum(y.astype(int), 446), np.minimum(x.astype(int), 446)
    down, across = y - top, x - left
    reduced = (1 - down) * ((1 - across) * scene[top, left] + across * scene[top, left + 1]) + down * (
        (1 - across) * scene[top + 1, left] + across * scene[top + 1, left + 1]
    )
    found = reduction.candidates(np.rint(reduced).astype(np.uint8), 3)
    assert min(abs(np.log(one * 448 / 366)) for one in found) < 0.005


def test_small_pictures_have_no_candidates() -> None:
    assert reduction.candidates(photograph(reduction.LEAST_SIDE - 1), 8) == []
    assert len(reduction.candidates(np.full((80, 70), 7, np.uint8), 2)) == 2


@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_the_size_before_comes_back(channels: int | None) -> None:
    y, x = np.mgrid[:160, :240]
    before = 120 + 60 * np.sin(x / 9) * np.cos(y / 12)
    places = [(np.arange(n * 3 // 4) + 0.5) / 0.75 - 0.5 for n in before.shape]
    reduced = np.rint(120 + 60 * np.sin(places[1] / 9)[None] * np.cos(places[0] / 12)[:, None]).astype(np.uint8)
    pixels = reduced if channels is None else np.repeat(reduced[:, :, None], channels, axis=2)
    made = reduction.undo(pixels, 0.75)
    assert made.dtype == np.uint8
    assert made.shape == (160, 240, *pixels.shape[2:])
    inner = (slice(8, -8),) * 2
    assert np.abs(made.reshape(160, 240, -1)[inner] - before[inner][:, :, None]).max() < 1.5


def test_large_pictures_are_enlarged_in_their_middle() -> None:
    pixels = np.zeros((900, 1000), np.uint8)
    pixels[450:, 500:] = 200
    made = reduction.undo(pixels, 0.8)
    assert made.shape == (525, 525)
    assert made[200, 200] == 0
    assert made[300, 300] == 200


def test_splines_pass_through_their_samples() -> None:
    matrix = splines.matrix(20, splines.middles(20, 60))
    values = np.random.default_rng(4).normal(0, 1, 20)
    assert (matrix @ values)[1::3] == pytest.approx(values)
    assert matrix.sum(axis=1) == pytest.approx(np.ones(60))


def test_what_classes_explain_is_taken_off() -> None:
    numbers = np.random.default_rng(6)
    alike = numbers.integers(0, 5, (40, 50))
    values = numbers.normal(0, 1, (40, 50)) * (1 + alike) + 10 * alike
    left = unexplained.unexplained(values, alike)
    for one in range(5):
        assert left[alike == one].mean() == pytest.approx(0, abs=1e-5)
        assert left[alike == one].std() == pytest.approx(1, abs=1e-5)


def test_classes_have_about_as_many_samples() -> None:
    luma = photograph()[:, :, 0].astype(np.float32)
    classes = unexplained.classes(luma)
    assert classes.shape == luma.shape
    for part in (classes // 12, classes % 12):
        assert np.bincount(part.ravel(), minlength=12) == pytest.approx(luma.size / 12, rel=0.2)
