"""The calibration of the ratio's interval across encoders."""

import numpy as np
from forensics_benchmarks.ratio_calibration import correction, held


def test_the_correction_holds_nine_in_ten_of_new_rows_and_is_asymmetric():
    numbers = np.random.default_rng(4)
    middle = numbers.uniform(2, 6, 4000)
    true = middle + numbers.normal(0.3, 0.4, 4000)
    rows = np.stack([true, middle - 0.3, middle, middle + 0.3], axis=1)
    lower, upper = correction(rows[:2000])
    share, width = held(rows[2000:], lower, upper)
    assert 0.87 <= share <= 0.93
    assert upper > lower
    assert np.isclose(width, (lower + upper) / 2)
    assert held(rows, 1, 1)[0] < 0.6
