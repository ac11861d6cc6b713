"""The lattice reduction: against the definition of a reduced basis, compiled and interpreted."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction import lattice_beam
from forensics.reconstruction.block_search import WAVES
from forensics.reconstruction.blocks import Quantiser
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.lattice_beam import reduced


def lattice(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A skew basis of whole numbers, with a large common part, and its triangle."""
    rng = np.random.default_rng(seed)
    basis = np.eye(size) * rng.integers(3, 40, size) + np.outer(rng.integers(50, 90, size), np.ones(size))
    return basis, np.linalg.qr(basis)[1]


@pytest.mark.parametrize("seed", range(3))
def test_a_reduced_basis_spans_the_same_lattice_and_is_short(seed, monkeypatch):
    reduced(np.eye(2), np.zeros(2), np.eye(2))  # compiled before what it calls is interpreted
    for name in ("_subtract", "_change_places"):
        monkeypatch.setattr(lattice_beam, name, getattr(lattice_beam, name).py_func)
    results = []
    for kernel in (reduced, reduced.py_func):
        basis, triangle = lattice(seed, 10)
        before, target = triangle.copy(), np.arange(10.0)
        columns, turned = np.ascontiguousarray(triangle.T), np.eye(10)
        kernel(columns, target, turned)
        results.append(turned)
        triangle, moves = columns.T, turned.T
        assert abs(round(np.linalg.det(moves))) == 1
        # Turned, but the same vectors: lengths and angles are those of the moved basis, the target's as well.
        np.testing.assert_allclose(triangle.T @ triangle, (before @ moves).T @ (before @ moves), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(triangle.T @ target, moves.T @ (before.T @ np.arange(10.0)), rtol=1e-6)
        assert np.allclose(np.tril(triangle, -1), 0)
        own = np.diag(triangle)
        share = np.triu(triangle / own[:, None], 1)
        assert np.abs(share).max() <= 0.5 + 1e-9
        assert (own[1:] ** 2 + np.diag(triangle, 1) ** 2 >= 0.99 * own[:-1] ** 2 - 1e-9).all()
        assert np.linalg.norm(basis @ moves, axis=0).max() < np.linalg.norm(basis, axis=0).min()
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_a_remembered_lattice_gives_the_sets_of_one_reduced_with_its_target(kind):
    rng = np.random.default_rng(2)
    quantiser = Quantiser.of(rng.integers(3, 40, 64), ISLOW)
    shown = np.arange(64) % 8 < 5
    deviations = np.where(shown, rng.uniform(0.3, 2.0, 64), lattice_beam.UNKNOWN).astype(kind)
    order = np.argsort(quantiser.table, kind="stable")
    moves = np.zeros((64, 64))
    moves[np.arange(64), order] = 1
    for _ in range(3):
        samples = rng.normal(0, 40, 64)
        sums = np.asarray(WAVES, np.float64)[order][:, shown]
        problem = sums, samples[shown], deviations[shown].astype(np.float64), samples, quantiser.table, 6.0, order
        whole = lattice_beam._of_normal(*lattice_beam._normal(*problem), moves.copy())
        known = lattice_beam.of_samples(samples, deviations, quantiser, drift=6.0)
        np.testing.assert_array_equal(known.nearest(8), whole.nearest(8))
