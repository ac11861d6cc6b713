"""The median of a few values against NumPy's."""

import numpy as np
import pytest
from forensics_features.medians import median


@pytest.mark.parametrize("count", [1, 2, 5, 64, 501])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_median_is_numpys(count, dtype):
    values = np.random.default_rng(count).normal(size=count).astype(dtype)
    assert median(values) == float(np.median(values))
    assert median(np.zeros(count, dtype)) == 0
