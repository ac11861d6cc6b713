"""Sets of quantised coefficients by likelihood, of a block whose samples are known more or less well.

Samples, each over its own deviation, and what the coefficients are expected to be, over their spread, make one problem
of least squares in 64 whole numbers. Where many samples are not known its directions are far from orthogonal, and
whole numbers chosen one after another go astray; so the lattice is reduced first [1]_. Its triangle is then gone
through from the last direction on, and of all sets begun the nearest few are kept: the K-best search of lattice
decoding [2]_.

References
----------
.. [1] A. K. Lenstra, H. W. Lenstra, L. Lovasz, "Factoring polynomials with rational coefficients", Math. Annalen 261,
       1982, doi:10.1007/BF01457454.
.. [2] Z. Guo, P. Nilsson, "Algorithm and implementation of the K-best sphere decoding for MIMO detection", IEEE JSAC
       24(3), 2006, doi:10.1109/JSAC.2005.862402.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from forensics_features._kernel import kernel

from forensics.reconstruction.acceptance import SAMPLES, WORK, decodes_to
from forensics.reconstruction.block_search import WAVES
from forensics.reconstruction.blocks import Quantiser

UNKNOWN = np.inf
"""Deviation of a sample that nothing is known of."""
_WAYS = 3
"""Multiples tried of a coefficient, the nearest ones: a bound on work."""
_SHORTER = 0.99
"""Part of the length before that two neighbouring directions have to keep when they change places: near 1, the value of
the strongest reduction, below which it is known to end (the reference)."""


def spread(steps: np.ndarray, drift: float) -> np.ndarray:
    """Standard deviation of coefficients about those that are expected, in levels: that of their own quantisation and
    `drift`.
    """
    return np.asarray(np.sqrt(steps * steps / 12.0 + drift**2))


@kernel
def _subtract(triangle, moves, at, other):
    """Column `other` taken from column `at` as often as brings them nearest to orthogonal."""
    times = np.rint(triangle[other, at] / triangle[other, other])
    if times != 0:
        for i in range(other + 1):
            triangle[i, at] -= times * triangle[i, other]
        for i in range(moves.shape[0]):
            moves[i, at] -= np.int64(times) * moves[i, other]


@kernel
def _change_places(triangle, target, moves, at):
    """Columns `at` and the one before change places; a turn of two rows makes the matrix triangular again."""
    size = triangle.shape[0]
    for i in range(size):
        triangle[i, at], triangle[i, at - 1] = triangle[i, at - 1], triangle[i, at]
        moves[i, at], moves[i, at - 1] = moves[i, at - 1], moves[i, at]
    length = np.hypot(triangle[at - 1, at - 1], triangle[at, at - 1])
    along, across = triangle[at - 1, at - 1] / length, triangle[at, at - 1] / length
    for j in range(at - 1, size):
        upper, lower = triangle[at - 1, j], triangle[at, j]
        triangle[at - 1, j], triangle[at, j] = along * upper + across * lower, along * lower - across * upper
    upper, lower = target[at - 1], target[at]
    target[at - 1], target[at] = along * upper + across * lower, along * lower - across * upper
    triangle[at, at - 1] = 0.0


@kernel
def reduced(triangle, target, moves):
    """A lattice reduced in place: triangle, float64 [n, n], upper with no zero on its diagonal; target, float64 [n];
    moves, int64 [n, n], the unit matrix at first, by which whole numbers of the new directions become those of the old.
    """
    at = 1
    while at < triangle.shape[0]:
        _subtract(triangle, moves, at, at - 1)
        before, own, beside = triangle[at - 1, at - 1] ** 2, triangle[at, at] ** 2, triangle[at - 1, at] ** 2
        if own + beside < _SHORTER * before:
            _change_places(triangle, target, moves, at)
            at = max(at - 1, 1)
        else:
            for other in range(at - 2, -1, -1):
                _subtract(triangle, moves, at, other)
            at += 1


@kernel
def _grow(triangle, target, sets):
    """Whole vectors near the solution of triangle z = target, as many as there is room for in `sets`, int64
    [n, length of target], the nearest first; how many.
    """
    width = len(sets)
    costs, grown, before = np.zeros(width), np.empty(_WAYS * width), np.empty_like(sets)
    tried = np.empty(_WAYS * width, np.int64)
    count = 1
    size = len(target)
    for level in range(size - 1, -1, -1):
        own = triangle[level, level]
        for n in range(count):
            rest = target[level]
            for j in range(level + 1, size):
                rest -= triangle[level, j] * sets[n, j]
            middle = rest / own
            nearest = np.int64(np.rint(middle))
            side = 1 if middle >= nearest else -1
            for way in range(_WAYS):
                value = nearest + (side if way == 1 else -side * (way // 2))
                tried[_WAYS * n + way] = value
                grown[_WAYS * n + way] = costs[n] + (own * (middle - value)) ** 2
        order = np.argsort(grown[: _WAYS * count])
        before[:count, level + 1 :] = sets[:count, level + 1 :]
        count = min(_WAYS * count, width)
        for n in range(count):
            at = order[n]
            sets[n, level + 1 :] = before[at // _WAYS, level + 1 :]
            sets[n, level], costs[n] = tried[at], grown[at]
    return count


def likeliest_sets(
    samples: np.ndarray, deviations: np.ndarray, quantiser: Quantiser, *, drift: float, width: int
) -> np.ndarray:
    """Sets of coefficients of a block, the likeliest first.

    Parameters
    ----------
    samples : np.ndarray [shape=(64,), dtype=float64]
        Level-shifted, those that are not known as they are expected.
    deviations : np.ndarray [shape=(64,), dtype=float64]
        Of the samples, in levels; `UNKNOWN` for none.
    quantiser : Quantiser
    drift : float
        See `spread`; infinite where nothing is expected, which needs a deviation of every sample.
    width : int
        Sets that are kept.

    Returns
    -------
    np.ndarray [shape=(n, 64), dtype=int64]
    """
    shown = np.isfinite(deviations)
    return sets_by_rows(
        np.eye(64)[shown], samples[shown], deviations[shown], samples, [quantiser], drift=drift, width=width
    )


def sets_by_rows(
    rows: np.ndarray,
    values: np.ndarray,
    deviations: np.ndarray,
    expected: np.ndarray,
    quantisers: Sequence[Quantiser],
    *,
    drift: float,
    width: int,
) -> np.ndarray:
    """The same from weighted sums of samples, of one block or several together.

    Parameters
    ----------
    rows : np.ndarray [shape=(n, 64 blocks), dtype=float64]
        Weights of the samples in each sum.
    values, deviations : np.ndarray [shape=(n,), dtype=float64]
        The sums, of level-shifted samples, and their deviations, in levels.
    expected : np.ndarray [shape=(64 blocks,), dtype=float64]
        Level-shifted samples as they are expected.
    quantisers : sequence of Quantiser
        One a block.
    drift, width
        See `likeliest_sets`.

    Returns
    -------
    np.ndarray [shape=(count, 64 blocks), dtype=int64]
    """
    table = np.concatenate([quantiser.table for quantiser in quantisers])
    order = np.argsort(table, kind="stable")
    steps = table[order].astype(np.float64)
    waves = np.kron(np.eye(len(quantisers)), np.asarray(WAVES, np.float64))[order]
    about = spread(steps, drift)
    system = rows @ waves.T * steps / deviations[:, None]
    # The triangle of the least squares by their normal equations: a tenth of the time of an orthogonal one.
    normal = system.T @ system + np.diag((steps / about) ** 2)
    triangle = np.ascontiguousarray(np.linalg.cholesky(normal).T)
    wanted = system.T @ (values / deviations) + steps / about**2 * (waves @ expected)
    target, moves = np.linalg.solve(triangle.T, wanted), np.eye(len(table), dtype=np.int64)
    reduced(triangle, target, moves)
    sets = np.zeros((width, len(table)), np.int64)
    count = _grow(triangle, target, sets)
    out = np.empty((count, len(table)), np.int64)
    out[:, order] = sets[:count] @ moves.T
    return out


@kernel
def first_decoding(sets, kind, steps, lo, hi, full_lo, full_hi, mode):
    """Number of the first set, int64 [n, 64], that decodes to what is shown, or -1; see `acceptance.decodes_to`."""
    work, samples = np.empty(WORK, np.int64), np.empty(SAMPLES, np.int64)
    for n in range(len(sets)):
        if decodes_to(kind, sets[n], steps, work, samples, lo, hi, full_lo, full_hi, mode):
            return n
    return -1
