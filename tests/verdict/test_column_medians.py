"""Medians of all columns at once against NumPy's, column by column."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.verdict.evidence import column_medians


@pytest.mark.parametrize("rows", [1, 2, 3, 6, 16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_medians_are_numpys_to_the_last_bit(rows, dtype):
    rng = np.random.default_rng(rows)
    features = (rng.standard_normal((rows, 400)) * 10.0 ** rng.integers(-6, 6, 400)).astype(dtype)
    features[rng.random(features.shape) < 0.3] = np.nan
    features[rng.random(features.shape) < 0.05] = np.inf
    features[rng.random(features.shape) < 0.05] = -np.inf
    features[:, 0], features[:, 1] = np.nan, 0.0
    finite = np.isfinite(features)
    expected = [np.median(column[ok]) if ok.any() else np.nan for column, ok in zip(features.T, finite.T, strict=True)]
    found = column_medians(features)
    assert found.dtype == dtype
    assert np.array_equal(found, np.array(expected, dtype), equal_nan=True)
    assert np.isnan(found[0])
    assert found[1] == 0
