"""Single steps read wrongly, put right by the blocks that they leave: one frequency after another is freed.

A step that few coefficients show is read from those few, and where they lie under clipped samples it is not read at
all. But a block that comes out of no coefficients under a table comes out of some once the wrong step is set to one,
and the coefficient that it then has is a multiple of the right step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forensics.reconstruction.acceptance import DIRECT
from forensics.reconstruction.blocks import SEARCHED, Quantiser, fit_blocks, out_of_reach
from forensics.reconstruction.likely_search import search_likely
from forensics.reconstruction.sampled import Tried

_BLOCKS, _FREED = 12, 6
"""Blocks that frequencies are freed in, and steps that are put right at most: bounds on work."""
_LARGEST = 255
"""Largest step of 8-bit tables: ITU-T T.81 B.2.4.1."""


def with_freed(parts: Sequence[Tried], table: np.ndarray, kind: int) -> np.ndarray:
    """A table under which more blocks come out, where one or a few wrong steps leave some.

    Parameters
    ----------
    parts : sequence of Tried
        Blocks of the components that share the table; only those that are seen as they are (`acceptance.DIRECT`).
    table : np.ndarray [shape=(64,), dtype=int64]
        Steps in raster order.
    kind : int
        Arithmetic of the transform.

    Returns
    -------
    np.ndarray [shape=(64,), dtype=int64]
    """
    if any(part.mode != DIRECT for part in parts):
        return table
    joined = parts[0] if len(parts) == 1 else Tried.joined(parts)
    left = np.flatnonzero(~_come_out(joined, np.arange(len(joined.lo)), table, kind))
    for _ in range(_FREED):
        far = out_of_reach(joined.lo[left], joined.hi[left], joined.centers[left], Quantiser.of(table, kind), freed=1)
        some = left[~far]
        some = some if len(some) <= _BLOCKS else some[np.linspace(0, len(some) - 1, _BLOCKS).astype(np.int64)]
        other = _one_better(joined, some, table, kind)
        if other is None:
            break
        rest = left[~_come_out(joined, left, other, kind)]
        changed = int(np.flatnonzero(other != table)[0])
        if len(rest) >= len(left) or not _others_stay(joined, left, table, other, changed, kind):
            break
        table, left = other, rest
    return table


def _come_out(part: Tried, rows: np.ndarray, table: np.ndarray, kind: int) -> np.ndarray:
    """Whether each of some blocks comes out of coefficients, by rounding or by its likeliest sets."""
    quantiser = Quantiser.of(table, kind)
    lo, hi = part.lo[rows], part.hi[rows]
    _, status = fit_blocks(lo, hi, quantiser, width=0, centers=part.centers[rows])
    found = status <= SEARCHED
    rest = np.flatnonzero(~found)
    if len(rest):
        found[rest] = search_likely(lo[rest], hi[rest], quantiser, guesses=1)[1]
    return np.asarray(found)


def _one_better(part: Tried, rows: np.ndarray, table: np.ndarray, kind: int) -> np.ndarray | None:
    """The table with the step changed that brings most of some blocks back, or None."""
    values: dict[int, list[int]] = {}
    for frequency in range(64) if len(rows) else ():
        freed = table.copy()
        freed[frequency] = 1
        coefficients, found = search_likely(part.lo[rows], part.hi[rows], Quantiser.of(freed, kind), guesses=1)
        multiples = np.abs(coefficients[found, frequency].astype(np.int64))
        if len(multiples):
            values[frequency] = multiples.tolist()
    if not values:
        return None
    frequency = max(values, key=lambda f: len(values[f]))
    best, most = None, 0
    for step in _steps_of(values[frequency]):
        trial = table.copy()
        trial[frequency] = step
        settled = int(_come_out(part, rows, trial, kind).sum())
        if settled > most:
            best, most = trial, settled
    return best


def _steps_of(multiples: list[int]) -> list[int]:
    """Steps that some values are multiples of, the most likely ones first: those of most values, the largest first."""
    steps = range(2, _LARGEST + 1)
    of = {step: sum(value > 0 and value % step == 0 for value in multiples) for step in steps}
    ranked = sorted((step for step in steps if of[step]), key=lambda step: (-of[step], -step))
    return ranked[:4]


def _others_stay(
    part: Tried, left: np.ndarray, before: np.ndarray, after: np.ndarray, frequency: int, kind: int
) -> bool:
    """Whether blocks that came out before still do: of those that hold a coefficient of the frequency."""
    came = np.setdiff1d(np.arange(len(part.lo)), left)
    coefficients, status = fit_blocks(
        part.lo[came], part.hi[came], Quantiser.of(before, kind), width=0, centers=part.centers[came]
    )
    holding = came[(status <= SEARCHED) & (coefficients[:, frequency] != 0)]
    return not len(holding) or bool(_come_out(part, holding, after, kind).mean() > 1 - len(left) / len(part.lo))
