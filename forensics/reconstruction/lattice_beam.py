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
    sets, costs = np.zeros((1, 64)), np.zeros(1)
    for level in range(63, -1, -1):
        own = triangle[level, level]
        middle = (target[level] - sets[:, level + 1 :] @ triangle[level, level + 1 :]) / own
        nearest = np.rint(middle)
        other = nearest + np.where(middle >= nearest, 1.0, -1.0)
        tried = np.stack([nearest, other, 2 * nearest - other], axis=1)
        total = (costs[:, None] + (own * (middle[:, None] - tried)) ** 2).ravel()
        kept = np.argpartition(total, width)[:width] if len(total) > width else np.arange(len(total))
        sets, costs = sets[kept // _WAYS], total[kept]
        sets[:, level] = tried.ravel()[kept]
    out = np.empty((len(sets), 64), np.int64)
    out[:, order] = sets[np.argsort(costs, kind="stable")].astype(np.int64)
    return out
