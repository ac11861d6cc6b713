"""Filters of neighbours beside those of scipy."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_features.running import running_maxima, running_means, running_medians
from scipy import ndimage


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 12, 31, 33])
@pytest.mark.parametrize("length", [1, 2, 7, 30, 31, 60])
def test_they_are_scipys_to_the_last_bit(length, size):
    values = np.random.default_rng(100 * length + size).normal(size=(3, length)) * 1e3
    np.testing.assert_array_equal(
        running_means(values, size), ndimage.uniform_filter1d(values, size, axis=-1, mode="nearest")
    )
    np.testing.assert_array_equal(
        running_medians(values, size), ndimage.median_filter(values, size=(1, size), mode="nearest")
    )
    np.testing.assert_array_equal(running_maxima(values, size), ndimage.maximum_filter1d(values, size, mode="nearest"))


@pytest.mark.parametrize("filtered", [running_means, running_medians, running_maxima])
def test_one_neighbour_is_the_value_itself(filtered):
    values = np.array([2.0, -1.0, 5.0])
    assert filtered(values, 1).tolist() == values.tolist()
