"""Descent from a set of coefficients to one that shows nothing wrongly."""

from __future__ import annotations

import numpy as np

from forensics.reconstruction.nearby_sets import descended


def test_sets_one_and_two_moves_away_are_met():
    rng = np.random.default_rng(0)
    mixing = rng.normal(0, 1, (40, 12))
    true = rng.integers(-3, 4, 12)

    def wrong_of(sets: np.ndarray) -> np.ndarray:
        return (np.abs((sets - true) @ mixing.T) > 0.5).sum(axis=1)

    for count in (0, 1, 2):
        start = true.copy()
        start[rng.choice(12, count, replace=False)] += 1
        np.testing.assert_array_equal(descended(start, wrong_of), true)


def test_two_coefficients_change_at_once_where_neither_alone_is_better():
    true = np.zeros(8, np.int64)

    def wrong_of(sets: np.ndarray) -> np.ndarray:
        off = sets != true
        return np.where(off.sum(axis=1) == 1, 9, 2 * off.any(axis=1)).astype(np.int64)

    start = true.copy()
    start[[2, 5]] = 1, -1
    np.testing.assert_array_equal(descended(start, wrong_of), true)


def test_nothing_is_given_where_something_stays_wrong():
    assert descended(np.zeros(4, np.int64), lambda sets: np.ones(len(sets), np.int64)) is None
