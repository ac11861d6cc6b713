"""Graph cuts against trying every labelling."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from forensics.localisation.labelling import energy, smooth_labels


def least_energy(costs: np.ndarray, smoothness: float) -> float:
    """Every labelling, one after the other; the sums are written out."""
    rows, columns, kinds = costs.shape
    best = np.inf
    for choice in itertools.product(range(kinds), repeat=rows * columns):
        total = 0.0
        for row in range(rows):
            for column in range(columns):
                label = choice[row * columns + column]
                total += costs[row, column, label]
                if row + 1 < rows:
                    total += smoothness * (choice[(row + 1) * columns + column] != label)
                if column + 1 < columns:
                    total += smoothness * (choice[row * columns + column + 1] != label)
        best = min(best, total)
    return best


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("smoothness", [0.2, 0.7])
def test_two_labels_are_exact(seed, smoothness):
    costs = 2 * np.random.default_rng(seed).random((3, 3, 2))
    found = energy(costs, smooth_labels(costs, smoothness), smoothness)
    assert found == pytest.approx(least_energy(costs, smoothness), abs=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_three_labels_come_near(seed):
    costs = 2 * np.random.default_rng(seed).random((2, 3, 3))
    found = energy(costs, smooth_labels(costs, 0.5), 0.5)
    least = least_energy(costs, 0.5)
    assert least - 1e-9 <= found <= 1.05 * least + 0.02


def test_without_smoothness_each_node_takes_its_cheapest():
    costs = np.random.default_rng(1).random((9, 7, 5))
    assert (smooth_labels(costs, 0.0) == costs.argmin(axis=2)).all()


def test_much_smoothness_gives_one_label():
    costs = np.random.default_rng(2).random((9, 7, 5))
    assert (smooth_labels(costs, 100.0) == costs.sum(axis=(0, 1)).argmin()).all()


def test_a_lone_weak_node_gives_in_and_a_strong_one_does_not():
    costs = np.zeros((5, 5, 2))
    costs[:, :, 1] = 3.0
    costs[2, 2] = [3.0, 0.0]
    assert smooth_labels(costs, 1.0).sum() == 0
    costs[2, 2] = [5.0, 0.0]
    assert np.argwhere(smooth_labels(costs, 1.0)).tolist() == [[2, 2]]


def test_transposed_costs_give_transposed_labels():
    costs = np.random.default_rng(3).random((6, 8, 2))
    assert (smooth_labels(costs.transpose(1, 0, 2), 0.3) == smooth_labels(costs, 0.3).T).all()


@pytest.mark.parametrize(("costs", "smoothness"), [(np.full((2, 2, 2), np.inf), 1.0), (np.zeros((2, 2, 2)), -1.0)])
def test_what_has_no_least_energy_is_refused(costs, smoothness):
    with pytest.raises(ValueError, match="finite"):
        smooth_labels(costs, smoothness)
