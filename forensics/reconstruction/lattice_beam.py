"""Sets of quantised coefficients by likelihood, of a block whose samples are known more or less well.

Samples, each over its own deviation, and what the coefficients are expected to be, over their spread, make one problem
of least squares in 64 whole numbers. Its triangle is gone through from the coarsest step on, and of all sets begun the
nearest few are kept: the K-best search of lattice decoding [1]_.

References
----------
.. [1] Z. Guo, P. Nilsson, "Algorithm and implementation of the K-best sphere decoding for MIMO detection", IEEE JSAC
       24(3), 2006, doi:10.1109/JSAC.2005.862402.
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

from forensics.reconstruction.block_search import WAVES
from forensics.reconstruction.blocks import Quantiser

UNKNOWN = np.inf
"""Deviation of a sample that nothing is known of."""
_WAYS = 3
"""Multiples tried of a coefficient, the nearest ones: a bound on work."""


def spread(steps: np.ndarray, drift: float) -> np.ndarray:
    """Standard deviation of coefficients about those that are expected, in levels: that of their own quantisation and
    `drift`.
    """
    return np.asarray(np.sqrt(steps * steps / 12.0 + drift**2))


@kernel
def _grow(triangle, target, sets):
    """Whole vectors near the solution of triangle z = target, as many as there is room for in `sets`, int64 [n, 64],
    the nearest first; how many.
    """
    width = len(sets)
    costs, grown, before = np.zeros(width), np.empty(_WAYS * width), np.empty_like(sets)
    tried = np.empty(_WAYS * width, np.int64)
    count = 1
    for level in range(63, -1, -1):
        own = triangle[level, level]
        for n in range(count):
            rest = target[level]
            for j in range(level + 1, 64):
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
        See `spread`.
    width : int
        Sets that are kept.

    Returns
    -------
    np.ndarray [shape=(n, 64), dtype=int64]
    """
    order = np.argsort(quantiser.table, kind="stable")
    steps = quantiser.table[order].astype(np.float64)
    waves = np.asarray(WAVES, np.float64)[order]
    shown = np.isfinite(deviations)
    about = spread(steps, drift)
    system = np.concatenate([(waves[:, shown] * steps[:, None] / deviations[shown]).T, np.diag(steps / about)])
    wanted = np.concatenate([samples[shown] / deviations[shown], waves @ samples / about])
    turned, triangle = np.linalg.qr(system)
    target = turned.T @ wanted
    sets = np.zeros((width, 64), np.int64)
    count = _grow(triangle, target, sets)
    out = np.empty((count, 64), np.int64)
    out[:, order] = sets[:count]
    return out
