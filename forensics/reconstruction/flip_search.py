"""All sets of quantised coefficients near a block's samples, gone through one after another.

Ideal samples of the true coefficients lie within half a level of the given ones. Their squared distance is therefore
that of 64 errors of rounding, 64/12 on average and seldom far from it, and coefficients that are rounded to a neighbour
add what is known in advance: the next multiple of one that lies f steps of q off its own adds q^2 (1 - 2 f). So sets
whose distance is that of rounding are few enough to go through, the cheapest flips first, the ideal samples kept up to
date; the decoder's own arithmetic decides about those that come within half a level everywhere. It is Schnorr and
Euchner's enumeration [1]_ in a lattice that is orthogonal. A beam (`block_search`) is faster where few coefficients are
wrong, and loses sets whose first flips promise little.

References
----------
.. [1] C. P. Schnorr, M. Euchner, "Lattice basis reduction: improved practical algorithms and solving subset sum
       problems", Math. Programming 66, 1994, doi:10.1007/BF01581144.
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import fast_kernel, kernel

from forensics.history.jpeg.planes import DCT_8
from forensics.reconstruction.acceptance import DIRECT, SAMPLES, WORK, decodes_to
from forensics.reconstruction.block_search import OUTSIDE, WAVES, transformed
from forensics.reconstruction.blocks import Quantiser, mean_excess

_DISTANCES = (64 / 12 + 0.3, 64 / 12 + 1.8, 64 / 12 + 3.3)
"""Squared distances from the ideal samples, in squared levels, up to which sets are gone through, one after another:
half and three standard deviations (64^1/2 / 180^1/2 = 0.6) above the mean of 64 errors of rounding."""
_DEEPEST = 24
"""Flips in a set, and so the room that is needed: a bound."""
_HALF = 0.5 + OUTSIDE**0.5 / 4
"""How far a sample may lie from the ideal one for the decoder's arithmetic to be asked, in levels: a little more than
half a level, for its own rounding. 0.0073 squared levels in a whole block is the most that was seen under ISLOW (see
`block_search.OUTSIDE`), and so 0.085 levels in one sample; a larger value costs time and no truth."""


@fast_kernel
def _moved(before, flip, wave, after):
    """Differences from the ideal samples after a flip, and the largest magnitude of them; float32 [64]."""
    worst = np.float32(0)
    for p in range(64):
        value = before[p] - flip * wave[p]
        after[p] = value
        worst = max(worst, abs(value))
    return worst


@kernel
def _go_through(
    rest, start, which, flips, costs, table, scaled, kind, waves, allowed, most, given, room, work, samples, out
):
    """Whether a set decodes to the samples, which is `out` then, and how many were gone through.

    Parameters: samples less the ideal ones of `start`, float32 [64]; the coefficients by rounding, int32 [64]; flips in
    the order of what they cost: of which coefficient, int64, by +1 or -1, int32, and the costs, float64, [128] each;
    steps as they are and as the arithmetic scales them; the arithmetic; `WAVES`; the cost that is allowed; most sets;
    the samples, uint8 [64]; float32 [_DEEPEST, 64] and what `decodes_to` needs.
    """
    places, upcoming, spent = np.empty(_DEEPEST, np.int64), np.zeros(_DEEPEST, np.int64), np.zeros(_DEEPEST)
    room[0] = rest
    depth, count = 0, 0
    while depth >= 0:
        at = upcoming[depth]
        if at == len(costs) or depth == _DEEPEST - 1 or spent[depth] + costs[at] > allowed:
            depth -= 1
            continue
        if count == most:
            break
        count += 1
        upcoming[depth] = at + 1
        i, before = which[at], room[depth]
        depth += 1
        places[depth], upcoming[depth], spent[depth] = at, at + 1, spent[depth - 1] + costs[at]
        if _moved(before, np.float32(flips[at] * table[i]), waves[i], room[depth]) <= _HALF:
            out[:] = start
            for level in range(1, depth + 1):
                out[which[places[level]]] += flips[places[level]]
            if decodes_to(kind, out, scaled, work, samples, given, given, given, given, DIRECT):
                return True, count
    return False, count


@kernel
def _all_blocks(given, table, scaled, kind, offset, basis, waves, limits, most, coefficients, found):
    filled, center, work = np.empty(64), np.empty(64), np.empty(64)
    whole_work, samples = np.empty(WORK, np.int64), np.empty(SAMPLES, np.int64)
    start, out, flips = np.empty(64, np.int32), np.empty(64, np.int32), np.empty(128, np.int32)
    costs, dear = np.empty(128), np.empty(128)
    rest, room = np.empty(64, np.float32), np.empty((_DEEPEST, 64), np.float32)
    for n in range(given.shape[0]):
        for p in range(64):
            filled[p] = given[n, p] - 128.0 + offset
        transformed(filled, basis, work, center)
        near = 0.0
        for i in range(64):
            start[i] = np.int32(np.rint(center[i] / table[i]))
            off = center[i] - start[i] * table[i]
            near += off * off
            costs[i], costs[64 + i] = table[i] * (table[i] - 2 * off), table[i] * (table[i] + 2 * off)
        order = np.argsort(costs)
        for i in range(128):
            flips[i], dear[i] = 1 - 2 * (order[i] >> 6), costs[order[i]]
        for p in range(64):
            total = filled[p]
            for i in range(64):
                total -= waves[i, p] * start[i] * table[i]
            rest[p] = total
        left = most
        for limit in limits:
            fits, gone = _go_through(
                rest,
                start,
                order & 63,
                flips,
                dear,
                table,
                scaled,
                kind,
                waves,
                limit - near,
                left,
                given[n],
                room,
                whole_work,
                samples,
                out,
            )
            left -= gone
            if fits:
                found[n] = True
                for i in range(64):
                    coefficients[n, i] = out[i]
            if fits or left <= 0:
                break


def search_flips(samples: np.ndarray, quantiser: Quantiser, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of blocks that rounding does not give.

    Parameters
    ----------
    samples : np.ndarray [shape=(n, 64), dtype=uint8]
        All of them known: none is clipped.
    quantiser : Quantiser
    most : int
        Sets that are gone through at most in a block.

    Returns
    -------
    coefficients : np.ndarray [shape=(n, 64), dtype=int16]
        Zero where none were found.
    found : np.ndarray [shape=(n,), dtype=bool]
    """
    out, found = np.zeros((len(samples), 64), np.int16), np.zeros(len(samples), bool)
    _all_blocks(
        np.ascontiguousarray(samples, np.uint8), quantiser.table, quantiser.scaled, quantiser.kind,
        mean_excess(quantiser.kind), DCT_8, WAVES, np.array(_DISTANCES), most, out, found,
    )  # fmt: skip
    return out, found
