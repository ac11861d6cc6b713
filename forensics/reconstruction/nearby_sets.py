"""Sets of coefficients near one that shows a few pixels wrongly: descent by single coefficients, then by two at once.

Of many directions the search of a lattice keeps a thousand sets, and in what is left of a hidden block's freedom it
misses those that fit by one coefficient or some, each off by one. What counts here is the number of pixels that come
out otherwise, which no sum of squares tells.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_STEPS = 24
"""Moves at most: a bound on work. Of places left open in validation pictures at quality 95 those that come out do so in
one to four."""
_PAIRED = 40
"""Moves of single coefficients, the best ones, of which pairs are tried where none alone is better: a bound on work, a
thirtieth of a second."""


def descended(start: np.ndarray, wrong_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
    """A set that shows nothing wrongly, near one that shows little wrongly; None where none is met.

    Parameters
    ----------
    start : np.ndarray [shape=(n,), dtype=int64]
        Quantised coefficients.
    wrong_of : callable
        How many pixels sets, int64 [m, n], show wrongly, int64 [m].
    """
    moves = np.concatenate([np.eye(len(start), dtype=np.int64), -np.eye(len(start), dtype=np.int64)])
    now, left = start, int(wrong_of(start[None])[0])
    for _ in range(_STEPS):
        if left == 0:
            return now
        counts = wrong_of(now + moves)
        best = int(np.argmin(counts))
        if counts[best] < left:
            now, left = now + moves[best], int(counts[best])
            continue
        first = np.argsort(counts, kind="stable")[:_PAIRED]
        one, other = np.triu_indices(len(first), 1)
        pairs = moves[first[one]] + moves[first[other]]
        counts = wrong_of(now + pairs)
        best = int(np.argmin(counts))
        if counts[best] >= left:
            return None
        now, left = now + pairs[best], int(counts[best])
    return now if left == 0 else None
