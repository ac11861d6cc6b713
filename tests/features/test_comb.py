"""Combs of made quantised values."""

import numpy as np
import pytest
from forensics_features.block_dct import magnitude_histograms
from forensics_features.comb import BINS, FINE_BIN, comb_peak


@pytest.mark.parametrize("step", [2.0, 3.7, 8.0, 13.0])
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_step_is_found_whatever_the_reconstruction_point(step, offset):
    rng = np.random.default_rng(0)
    level = np.trunc(rng.laplace(scale=2.5 * step, size=20000) / step)
    values = np.sign(level) * (abs(level) + offset * (level != 0)) * step + rng.normal(scale=0.35, size=20000)
    contrast, found, count = comb_peak(magnitude_histograms(values[None].astype(np.float32)))
    assert contrast[0] > 0.2
    assert found[0] == pytest.approx(step, rel=0.06)
    assert count[0] > 1000


def test_smooth_values_have_no_comb():
    rng = np.random.default_rng(1)
    for scale in (2.0, 8.0, 20.0):
        values = rng.laplace(scale=scale, size=(1, 20000)).astype(np.float32)
        contrast, _, count = comb_peak(magnitude_histograms(values))
        assert contrast[0] < 2.5 / np.sqrt(count[0]) + 0.02


def test_histogram_counts_magnitudes_once():
    rows = np.array([[0.0, -0.3, 63.99, -64.0, 1e6]], np.float32)
    histogram = magnitude_histograms(rows)
    assert histogram.shape == (1, BINS)
    assert histogram[0, 0] == 1
    assert histogram[0, int(0.3 / FINE_BIN)] == 1
    assert histogram[0, -1] == 1
    assert histogram.sum() == 3
    assert magnitude_histograms(rows, 4.0).sum() == 4


def test_empty_tail_gives_zero():
    contrast, _, count = comb_peak(np.zeros((2, BINS)))
    np.testing.assert_array_equal(contrast, 0)
    np.testing.assert_array_equal(count, 0)
