"""Kernels of reduced JPEGs against Pillow's resampling, SciPy's DCT and plain counting."""

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from forensics.history.jpeg import _reduced_kernels as kernels
from forensics.history.jpeg import reduced


@pytest.mark.parametrize(("vertical", "horizontal"), [(0.8, 0.8), (0.47, 0.96), (1.0, 1.0)])
def test_coefficients_are_those_of_the_picture_enlarged_by_pillow(vertical, horizontal):
    luma = np.random.default_rng(3).uniform(0, 255, (150, 171)).astype(np.float32)
    tall, wide = (int(side / scale) // 8 * 8 for side, scale in zip(luma.shape, (vertical, horizontal), strict=True))
    box = (0.0, 0.0, min(wide * horizontal, 171), min(tall * vertical, 150))
    large = np.asarray(Image.fromarray(luma).resize((wide, tall), Image.Resampling.LANCZOS, box=box)) - 128
    blocks = dctn(large.reshape(tall // 8, 8, wide // 8, 8), axes=(1, 3), norm="ortho")
    expected = [blocks[:, v, :, h].ravel() for v, h in reduced.POSITIONS]
    # Pillow keeps the box in float32: 1e-5 of a pixel, where neighbours differ by 255.
    np.testing.assert_allclose(reduced._coefficients(luma, vertical, horizontal), expected, atol=0.02)


@pytest.mark.parametrize("compiled", [True, False])
def test_nearness_counts_every_coefficient_once(compiled):
    rng = np.random.default_rng(5)
    sizes = np.append(rng.exponential(30, 40), [0.0, 1e6]).astype(np.float32)
    gains, cosines, first = np.array([1.0, 0.7]), rng.normal(size=(64, 3)).astype(np.float32), np.array([0, 5, 63])
    cosines[np.arange(64)[:, None] < first] = 0
    near, counted = np.empty((2, 2, 3), np.float32)
    run = kernels.nearness if compiled else kernels.nearness.py_func
    run(sizes, gains, cosines, first, near, counted)
    for g, gain in enumerate(gains):
        for row in range(3):
            places = [min(int(size / gain), 63) for size in sizes]
            taken = [place for place in places if place >= first[row]]
            assert counted[g, row] == len(taken)
            assert near[g, row] == pytest.approx(sum(cosines[place, row] for place in taken), abs=1e-4)


def test_band_and_coefficients_run_uncompiled():
    luma = np.random.default_rng(7).uniform(0, 255, (24, 30)).astype(np.float32)
    (first, weights), found = reduced._band(24, 0.75), reduced._coefficients(luma, 0.75, 0.75)
    again, plain = np.empty_like(first), np.zeros_like(weights)

    kernels.band.py_func(24, 24.0, reduced._LOWEST, again, plain)
    np.testing.assert_array_equal(again, first)
    np.testing.assert_allclose(plain, weights, atol=1e-6)
    across = reduced._band(30, 0.75)
    sizes = np.empty_like(found)
    kernels.coefficients.py_func(luma, first, weights, *across, np.array(reduced.POSITIONS), sizes)
    sizes[0] -= 1024
    np.testing.assert_allclose(sizes, found, atol=1e-3)
