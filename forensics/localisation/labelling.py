"""The most probable labelling of a lattice whose neighbours mostly share a label: Potts energy, minimised by
alpha-expansion.

The energy is the sum of every node's cost for its label and of `smoothness` for every pair of neighbours (left-right,
up-down) with different labels. Each expansion is one minimum cut [1]_, exact for two labels; for more, the result is a
local minimum that no single expansion improves.

References
----------
.. [1] Y. Boykov, O. Veksler, R. Zabih, "Fast approximate energy minimization via graph cuts", IEEE Trans. PAMI 23(11),
       2001,
   doi:10.1109/34.969114; the graph of an expansion after V. Kolmogorov, R. Zabih, "What energy functions can be
   minimized via graph cuts?", IEEE Trans. PAMI 26(2), 2004, doi:10.1109/TPAMI.2004.1262177.
"""

from __future__ import annotations

import numpy as np

_UNIT = 1000.0
"""Integer capacities a unit of cost: the cut works on whole numbers."""
_SWEEPS = 4
"""Most passes over all labels: a bound on work; it ends earlier where nothing moves."""


def energy(costs: np.ndarray, labels: np.ndarray, smoothness: float) -> float:
    """Energy of a labelling; `costs` is `np.ndarray [shape=(rows, columns, k)]`, `labels` `[shape=(rows, columns),
    dtype=int]`.
    """
    data = float(np.take_along_axis(costs, labels[:, :, None], axis=2).sum())
    cuts = int((labels[1:] != labels[:-1]).sum() + (labels[:, 1:] != labels[:, :-1]).sum())
    return data + smoothness * cuts


def smooth_labels(costs: np.ndarray, smoothness: float) -> np.ndarray:
    """A labelling of low energy, `np.ndarray [shape=(rows, columns), dtype=int64]`.

    Parameters
    ----------
    costs : np.ndarray [shape=(rows, columns, k), dtype=float64]
        Finite costs, in nats where they are negative log-likelihoods.
    smoothness : float
        Cost of a pair of neighbours with different labels, 0 or more.

    Raises
    ------
    ValueError
        A cost is not finite, or `smoothness` is negative.
    """
    if not np.isfinite(costs).all() or smoothness < 0:
        raise ValueError("costs are finite and the smoothness is not negative")
    start = int(costs.sum(axis=(0, 1)).argmin())
    labels = np.full(costs.shape[:2], start, np.int64)
    wanted = np.unique(costs.argmin(axis=2))
    best = energy(costs, labels, smoothness)
    for _ in range(_SWEEPS):
        before = best
        for label in {start, *wanted.tolist()}:
            moved = _expand(costs, labels, label, smoothness)
            value = energy(costs, moved, smoothness)
            if value < best:
                labels, best = moved, value
        if best >= before:
            break
    return labels


def _expand(costs: np.ndarray, labels: np.ndarray, alpha: int, smoothness: float) -> np.ndarray:
    """The best labelling in which every node keeps its label or takes `alpha`."""
    count = labels.size
    flat = labels.ravel()
    keep = np.take_along_axis(costs, labels[:, :, None], axis=2).ravel().astype(np.float64)
    take = costs[:, :, alpha].ravel().astype(np.float64)
    index = np.arange(count).reshape(labels.shape)
    first = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    second = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    both_keep = smoothness * (flat[first] != flat[second])
    second_takes = smoothness * (flat[first] != alpha)
    first_takes = smoothness * (flat[second] != alpha)
    np.add.at(take, first, first_takes - both_keep)
    np.add.at(take, second, -first_takes)
    base = np.minimum(keep, take)
    takes = _minimum_cut(keep - base, take - base, first, second, second_takes + first_takes - both_keep)
    return np.where(takes, alpha, flat).reshape(labels.shape)


def _minimum_cut(
    keep: np.ndarray, take: np.ndarray, first: np.ndarray, second: np.ndarray, pairs: np.ndarray
) -> np.ndarray:
    """Which nodes take: the cut that is cheapest in `keep`, `take` and, for a first that keeps next to a second that
    takes, `pairs`.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    count = len(keep)
    nodes = np.arange(count)
    source, sink = np.full(count, count), np.full(count, count + 1)
    tails = np.concatenate([source, nodes, first])
    heads = np.concatenate([nodes, sink, second])
    capacities = np.rint(np.concatenate([take, keep, pairs]) * _UNIT).astype(np.int32)
    graph = csr_array((capacities, (tails, heads)), shape=(count + 2, count + 2))
    residual = graph - maximum_flow(graph, count, count + 1).flow
    residual.data[residual.data < 0] = 0
    residual.eliminate_zeros()
    reached = breadth_first_order(residual, count, return_predecessors=False)
    takes = np.ones(count + 2, bool)
    takes[reached] = False
    return takes[:count]
