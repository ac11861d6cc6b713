"""All sets of quantised coefficients that a block with clipped samples can have, or the proof that there is none.

Where a sample is clipped only an interval of it is known. With k such samples the 64 coefficients lie on a box of k
dimensions, and rounding keeps those of the other samples within a known distance of the multiples of the steps. Every
coefficient that is taken as a multiple narrows the box; the one with the fewest multiples left is taken next, the
nearest multiple first, and a branch ends when the distance has become too large [1]_. Most branches end at once, for
coarse steps leave one multiple. A search that comes to its end without coefficients that decode to the samples proves
that there are none, as far as the distance is right.

References
----------
.. [1] C. P. Schnorr, M. Euchner, "Lattice basis reduction: improved practical algorithms and solving subset sum
       problems", Math. Programming 66, 1994, doi:10.1007/BF01581144.
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

from forensics.history.jpeg.planes import DCT_8
from forensics.reconstruction.acceptance import DIRECT, SAMPLES, WORK, decodes_to
from forensics.reconstruction.block_search import WAVES, transformed
from forensics.reconstruction.blocks import Quantiser, mean_excess

NONE_EXISTS, FOUND, TOO_MANY = 0, 1, 2
"""Answers: no coefficients give the samples; some were found; the search was given up."""
MOST_FREE = 40
"""Unknown samples beyond which a block is not searched: so few others leave too many coefficients; a bound on time."""
REACH = 9.5
"""Squared distance that is allowed where only coefficients are wanted, in squared levels: that of true ones was 9.0 at
most in 22,000 blocks of validation pictures; more costs time and no truth."""
_BEYOND = 128.0
"""How far the ideal transform may lie beyond 0..255 where luma itself is clipped, in levels: more than the largest
overshoot of a quantised edge."""
_BOX_WEIGHT = 0.1
"""Weight of the box against the distance: a true set of coefficients gains that much an unknown sample at most, which
is added to the distance allowed."""
_DEEPEST = 24
"""Coefficients with several multiples on the way to one set, and so the room that is needed: a bound."""


_DEAD, _COMPLETE, _BRANCHES = 0, 1, 2
"""How taking single multiples ends: none within the distance, all coefficients taken, or several multiples left."""


@kernel
def _take(j, target, waves, places, free, means, spreads, narrow, point, pull):
    """Coefficient `j` taken as `target`: means, variances, and the box's centre and covariance change; what it adds to
    the distance.
    """
    for p in range(free):
        total = 0.0
        for q in range(free):
            total += narrow[p, q] * waves[j, places[q]]
        pull[p] = total
    scale = 1.0 + spreads[j]
    off = target - means[j]
    for i in range(64):
        along = 0.0
        for p in range(free):
            along += waves[i, places[p]] * pull[p]
        means[i] += along * off / scale
        spreads[i] = max(spreads[i] - along * along / scale, 0.0)
    for p in range(free):
        point[p] += pull[p] * off / scale
        for q in range(free):
            narrow[p, q] -= pull[p] * pull[q] / scale
    return off * off / scale


@kernel
def _narrowest(taken, means, spreads, table, left):
    """The coefficient not taken yet with the fewest multiples within the distance left: it, the first and the last."""
    best, first, last, fewest = np.int64(-1), np.int64(0), np.int64(-1), np.int64(1) << 40
    for j in range(64):
        if taken[j] > 0:
            continue
        reach = np.sqrt(left * (1.0 + spreads[j]))
        low = np.int64(np.ceil((means[j] - reach) / table[j]))
        high = np.int64(np.floor((means[j] + reach) / table[j]))
        if high - low + 1 < fewest:
            best, first, last, fewest = np.int64(j), low, high, high - low + 1
            if fewest <= 1:
                break
    return best, first, last


@kernel
def _take_single(state, level, waves, places, free, table, allowed, distance, narrow, point, chosen, branch, pull):
    """Every coefficient taken that has one multiple left, one after another; how it ends: `_DEAD`, `_COMPLETE` or
    `_BRANCHES`, and the coefficients taken. `branch[level]` becomes a coefficient with several, their first and last,
    and how many were tried.
    """
    means, spreads, taken = state[level, 0], state[level, 1], state[level, 2]
    count = 0
    while distance[level] <= allowed:
        j, first, last = _narrowest(taken, means, spreads, table, allowed - distance[level])
        if j < 0:
            return _COMPLETE, count
        if first > last:
            return _DEAD, count
        if first < last:
            branch[level, 0], branch[level, 1], branch[level, 2], branch[level, 3] = j, first, last, 0
            return _BRANCHES, count
        distance[level] += _take(
            j, first * table[j], waves, places, free, means, spreads, narrow[level], point[level], pull
        )
        taken[j], chosen[level, j] = 1.0, first
        count += 1
    return _DEAD, count


@kernel
def _next_multiple(branch, mean, step):
    """The multiple to try next, nearest first, and whether there is one; branch: int64 [4] of `_take_single`."""
    middle = np.int64(np.rint(mean / step))
    side = 1 if mean >= middle * step else -1
    while branch[3] <= 2 * (branch[2] - branch[1]) + 2:
        turn = branch[3]
        branch[3] += 1
        value = middle + side * ((turn + 1) // 2) * (1 if turn & 1 else -1)
        if branch[1] <= value <= branch[2]:
            return value, True
    return np.int64(0), False


@kernel
def _enumerate(center, waves, places, widths, free, table, scaled, kind, lo, hi, limit, budget, out):
    """One block. center: float64 [64], transform of the samples with unknown ones in the middle of their interval;
    places: int64 [free]; widths: float64 [free], half the intervals; limit: squared distance; budget: coefficients
    taken; out: int32 [64].
    """
    room = _DEEPEST + 1
    state = np.zeros((room, 3, 64))
    narrow, point, pull = np.zeros((room, free, free)), np.zeros((room, free)), np.empty(free)
    distance, chosen, branch = np.zeros(room), np.zeros((room, 64), np.int32), np.zeros((room, 4), np.int64)
    whole_work, samples = np.empty(WORK, np.int64), np.empty(SAMPLES, np.int64)
    allowed = limit + _BOX_WEIGHT * free
    state[0, 0] = center
    for p in range(free):
        narrow[0, p, p] = widths[p] * widths[p] / _BOX_WEIGHT
        for i in range(64):
            state[0, 1, i] += waves[i, places[p]] ** 2 * narrow[0, p, p]
    level, spent = 0, 0
    while level >= 0:
        end, count = _BRANCHES, 0
        if branch[level, 2] == branch[level, 1]:
            end, count = _take_single(
                state, level, waves, places, free, table, allowed, distance, narrow, point, chosen, branch, pull
            )
            spent += count
            if end == _COMPLETE and decodes_to(
                kind, chosen[level], scaled, whole_work, samples, lo, hi, lo, hi, DIRECT
            ):
                out[:] = chosen[level]
                return FOUND
        j = branch[level, 0]
        value, more = np.int64(0), False
        if end == _BRANCHES:
            value, more = _next_multiple(branch[level], state[level, 0, j], table[j])
        if not more:
            level -= 1
            continue
        spent += 1
        if spent > budget or level == _DEEPEST:
            return TOO_MANY
        below = level + 1
        state[below], narrow[below], point[below] = state[level], narrow[level], point[level]
        chosen[below], branch[below] = chosen[level], 0
        distance[below] = distance[level] + _take(
            j, value * table[j], waves, places, free, state[below, 0], state[below, 1], narrow[below], point[below],
            pull,
        )  # fmt: skip
        state[below, 2, j], chosen[below, j] = 1.0, value
        level = below
    return NONE_EXISTS


@kernel
def _all_blocks(lo, hi, table, scaled, kind, offset, basis, waves, limit, budget, out, answers):
    filled, center, work = np.empty(64), np.empty(64), np.empty(64)
    places, widths, chosen = np.empty(64, np.int64), np.empty(64), np.empty(64, np.int32)
    for n in range(lo.shape[0]):
        free = 0
        for p in range(64):
            least, most = np.float64(lo[n, p]), np.float64(hi[n, p])
            if lo[n, p] != hi[n, p] or lo[n, p] == 0 or hi[n, p] == 255:
                least -= 0.5 if lo[n, p] > 0 else _BEYOND
                most += 0.5 if hi[n, p] < 255 else _BEYOND
                places[free], widths[free] = p, 0.5 * (most - least) + 0.1
                free += 1
            filled[p] = 0.5 * (least + most) - 128 + offset
        answers[n] = TOO_MANY
        if free > MOST_FREE:
            continue
        transformed(filled, basis, work, center)
        answers[n] = _enumerate(
            center, waves, places, widths, free, table, scaled, kind, lo[n], hi[n], limit, budget, chosen
        )
        if answers[n] == FOUND:
            for i in range(64):
                out[n, i] = chosen[i]


def search_clipped(
    lo: np.ndarray, hi: np.ndarray, quantiser: Quantiser, *, limit: float = REACH, budget: int = 20_000
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of blocks with clipped samples, or that there are none.

    Parameters
    ----------
    lo, hi : np.ndarray [shape=(n, 64), dtype=uint8]
        Bounds of each sample; equal where it is known.
    quantiser : Quantiser
    limit : float
        Squared distance of the known samples from those of the ideal transform that rounding can give, in squared
        levels.
    budget : int
        Coefficients that are taken at most in a block.

    Returns
    -------
    coefficients : np.ndarray [shape=(n, 64), dtype=int16]
        Zero where none were found.
    answers : np.ndarray [shape=(n,), dtype=uint8]
        `NONE_EXISTS`, `FOUND` or `TOO_MANY`.
    """
    out, answers = np.zeros((len(lo), 64), np.int16), np.empty(len(lo), np.uint8)
    waves = np.ascontiguousarray(WAVES, np.float64)
    _all_blocks(
        np.ascontiguousarray(lo), np.ascontiguousarray(hi), quantiser.table, quantiser.scaled, quantiser.kind,
        mean_excess(quantiser.kind), DCT_8, waves, limit, budget, out, answers,
    )  # fmt: skip
    return out, answers
