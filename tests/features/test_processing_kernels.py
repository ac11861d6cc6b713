"""Kernels of `processing` against NumPy: sums are the same to the last bit, counts those of a plain count."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_features import _processing_kernels as kernels
from forensics_features import processing
from forensics_features.planes import level_counts


def window(height: int, width: int, levels: int = 256, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, levels, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 100, 128, 129, 1000, 4096, 64_512, 65_021])
def test_products_are_summed_as_numpy_sums_them(size):
    random = np.random.default_rng(size)
    one, other = random.normal(0, 30, (2, size)).astype(np.float32)
    assert kernels.sum_of_products(one, other) == (one * other).sum()


def test_levels_are_counted_by_channel():
    rgb = window(65, 70, 20)
    counts = level_counts(rgb)
    assert np.array_equal(counts, [np.bincount(rgb[..., channel].ravel(), minlength=256) for channel in range(3)])


@pytest.mark.parametrize("colours", [1, 2, 3, 5, 9, 4000])
def test_blocks_of_four_colours_are_counted_at_every_phase(colours):
    codes = np.random.default_rng(colours).integers(0, colours, (37, 41)).astype(np.uint32)
    codes[8:20, 4:30] = codes[8, 4]
    counts, expected = np.zeros((2, 4, 4, 2), np.int64)
    kernels.four_colours(codes, counts)
    for i in range(codes.shape[0] - 3):
        for j in range(codes.shape[1] - 3):
            number = len(np.unique(codes[i : i + 4, j : j + 4]))
            expected[i % 4, j % 4] += [1 < number <= 4, number > 1]
    assert np.array_equal(counts, expected)


def test_neighbours_in_the_row_are_those_of_slices():
    luma = np.random.default_rng(1).uniform(0, 255, (66, 80)).astype(np.float32)
    mean = luma.mean()
    centre, near, far = np.empty((3, 66, 76), np.float32)
    kernels.around(luma, mean, centre, near, far)
    assert np.array_equal(centre, luma[:, 2:-2] - mean)
    assert np.array_equal(near, luma[:, 1:-3] + luma[:, 3:-1] - 2 * mean)
    assert np.array_equal(far, luma[:, :-4] + luma[:, 4:] - 2 * mean)


def test_fine_detail_and_its_sums_over_channels():
    rgb = window(64, 71)
    parts = []
    for channel in range(3):
        plane = rgb[..., channel].astype(np.float32)
        detail = np.empty((62, 69), np.float32)
        kernels.fine(plane, detail)
        around = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
        assert np.array_equal(detail, plane[1:-1, 1:-1] - np.float32(0.25) * around)
        parts.append(detail.ravel().astype(np.float64))
    sums = np.zeros(7, np.int64)
    kernels.fine_sums(rgb, sums)
    pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))
    assert sums[:6].tolist() == [round(16 * float(parts[a] @ parts[b])) for a, b in pairs]
    assert sums[6] == np.ptp(rgb, axis=2).sum(dtype=np.int64)


@pytest.mark.parametrize("shape", [(64, 64), (64, 128), (256, 64), (72, 64)])
def test_power_spectra_are_those_of_a_real_transform(shape):
    plane = np.random.default_rng(5).normal(0, 30, shape).astype(np.float32)
    naive = np.abs(np.fft.rfft2(plane.astype(np.float64))) ** 2
    assert np.allclose(processing._power(plane), naive, rtol=1e-4, atol=1e-6 * naive.max())


def test_power_spectra_without_a_compiler():
    plane = np.random.default_rng(6).normal(0, 30, (16, 8)).astype(np.float32)
    power = np.empty((16, 5), np.float32)
    (down, down_order), (across, across_order) = processing._turns(16), processing._turns(8)
    kernels.power_spectrum.py_func(plane, down, across, down_order, across_order, power)
    assert np.allclose(power, np.abs(np.fft.rfft2(plane)) ** 2, rtol=1e-4, atol=1e-2)
