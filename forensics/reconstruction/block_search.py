"""The quantised coefficients of a block that rounding does not give: a bounded search over flips of coefficients.

Samples are off the ideal inverse transform by half a level at most (and a little more in fixed point), so their
transform is off the multiples of the steps by noise of variance 1/12, and where steps are fine some coefficients round
to a neighbour. Every wrong one pushes the ideal samples out of the half level about the true ones. A beam over sets of
flips brings them back: the flips that reduce the squared distance to the box of samples fastest are tried first, and a
set is taken when the decoder's own arithmetic gives the very samples [1]_. Clipped and unknown samples are intervals of
that box.

References
----------
.. [1] A. B. Lewis, M. G. Kuhn, "Exact JPEG recompression", Proc. SPIE 7543, 2010, doi:10.1117/12.838878.
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import fast_kernel, kernel

from forensics.history.jpeg.planes import DCT_8
from forensics.reconstruction.acceptance import SAMPLES, WORK, decodes_to

WAVES = np.ascontiguousarray(np.einsum("vy,ux->vuyx", DCT_8, DCT_8).reshape(64, 64).astype(np.float32))
"""Ideal samples of a unit coefficient of each frequency, `np.ndarray [shape=(64, 64), dtype=float32]`."""

_FLIPS = 16
"""Flips tried from each set of the beam: those that promise most."""
OUTSIDE = 0.08
"""Squared distance from the box up to which the decoder's arithmetic itself is asked. That of true coefficients under
ISLOW was 0.0073 at most in 22,000 blocks of validation pictures at qualities 50 to 100; the rest is room for coarser
arithmetics. A larger value costs time and no truth."""


@fast_kernel
def transformed(samples, basis, work, out):
    """Orthonormal DCT of 64 level-shifted samples."""
    for u in range(8):
        for y in range(8):
            total = 0.0
            for x in range(8):
                total += basis[u, x] * samples[8 * y + x]
            work[8 * y + u] = total
    for v in range(8):
        for u in range(8):
            total = 0.0
            for y in range(8):
                total += basis[v, y] * work[8 * y + u]
            out[8 * v + u] = total


@fast_kernel
def ideal_samples(coefficients, basis, work, out):
    """The inverse: 64 level-shifted samples of orthonormal coefficients."""
    for v in range(8):
        for x in range(8):
            total = 0.0
            for u in range(8):
                total += basis[u, x] * coefficients[8 * v + u]
            work[8 * v + x] = total
    for y in range(8):
        for x in range(8):
            total = 0.0
            for v in range(8):
                total += basis[v, y] * work[8 * v + x]
            out[8 * y + x] = total


@fast_kernel
def _outside_after(ideal, wave, move, low, high):
    """Squared distance from the box after a flip."""
    total = np.float32(0)
    for p in range(64):
        sample = ideal[p] + move * wave[p]
        over = max(sample - high[p], low[p] - sample, np.float32(0))
        total += over * over
    return total


@kernel
def box_of(lo, hi, offset, low, high):
    """Level-shifted bounds of the ideal samples, float32 [64]: open where a sample is clipped or unknown."""
    for p in range(64):
        low[p] = -1e6 if lo[p] == 0 else lo[p] - 128.5 + offset
        high[p] = 1e6 if hi[p] == 255 else hi[p] - 127.5 + offset


@kernel
def _promises(ideal, low, high, center, flips, table, reach, weights, basis, work, gap, slope, out):
    """What each of the 128 flips promises, the less the better: slope of the squared distance, and the prior."""
    for p in range(64):
        gap[p] = max(ideal[p] - high[p], np.float32(0)) - max(low[p] - ideal[p], np.float32(0))
    transformed(gap, basis, work, slope)
    for i in range(64):
        now = flips[i] * table[i] - center[i]
        for side in range(2):
            move = table[i] if side == 0 else -table[i]
            after = now + move
            out[2 * i + side] = np.inf
            if abs(after) <= reach[i]:
                out[2 * i + side] = 2 * move * slope[i] + weights[i] * (after * after - now * now)


@kernel
def _least(values):
    """Place of the least of some values."""
    best = 0
    for i in range(1, len(values)):
        if values[i] < values[best]:
            best = i
    return best


@kernel
def _seated(seats, keys, key, number):
    """Whether a key is new; then `number`, its place among the keys, takes the seat. seats: int64, more than there are
    keys, a power of two, -1 where free.
    """
    at = (key ^ (key >> 29)) & (len(seats) - 1)
    while seats[at] >= 0:
        if keys[seats[at]] == key:
            return False
        at = (at + 1) & (len(seats) - 1)
    seats[at] = number
    return True


@kernel
def search(
    center, lo, hi, full_lo, full_hi, mode, table, steps, kind, offset, reach, weights, basis, waves, width, depth, out
):
    """Coefficients of one block that decode to its samples; whether any were found.

    Parameters: the samples' transform, float64 [64]; bounds of the samples, uint8 [64]; see `acceptance.accepts` for
    the three that follow; steps of the table, and as the arithmetic scales them; arithmetic and its mean excess of
    ideal over given samples; how far a coefficient may lie from `center`, and the weight of its squared distance,
    float64 [64]; `DCT_8`; `WAVES`; sets kept; most flips; the start, int32 [64], replaced by the answer.
    """
    low, high = np.empty(64, np.float32), np.empty(64, np.float32)
    box_of(lo, hi, offset, low, high)
    work, gap, slope = np.empty(64), np.empty(64), np.empty(64)
    promise = np.empty(128)
    whole_work, samples = np.empty(WORK, np.int64), np.empty(SAMPLES, np.int64)
    sets, new_sets = np.zeros((width, 64), np.int32), np.zeros((width, 64), np.int32)
    ideals, new_ideals = np.zeros((width, 64), np.float32), np.zeros((width, 64), np.float32)
    hashes, new_hashes = np.zeros(width, np.int64), np.zeros(width, np.int64)
    found_cost, found_key = np.empty(width * _FLIPS), np.empty(width * _FLIPS, np.int64)
    found_from, found_flip = np.empty(width * _FLIPS, np.int64), np.empty(width * _FLIPS, np.int64)
    room = 1
    while room < 2 * width * _FLIPS:
        room *= 2
    seats = np.empty(room, np.int64)
    for i in range(64):
        gap[i] = out[i] * table[i]
    sets[0] = out
    ideal_samples(gap, basis, work, slope)
    ideals[0] = slope
    count = 1
    for _ in range(depth):
        found = 0
        seats[:] = -1
        for s in range(count):
            _promises(ideals[s], low, high, center, sets[s], table, reach, weights, basis, work, gap, slope, promise)
            for _ in range(_FLIPS):
                flip = _least(promise)
                if promise[flip] == np.inf:
                    break
                promise[flip] = np.inf
                i = flip >> 1
                sign = 1 - 2 * (flip & 1)
                key = hashes[s] + sign * (i + 1) * 2654435761 * (i + 7919)
                if not _seated(seats, found_key, key, found):
                    continue
                found_cost[found] = _outside_after(ideals[s], waves[i], np.float32(sign * table[i]), low, high)
                found_key[found], found_from[found], found_flip[found] = key, s, flip
                found += 1
        ranked = np.argsort(found_cost[:found])
        count = min(width, found)
        for z in range(count):
            at = ranked[z]
            s, i = found_from[at], found_flip[at] >> 1
            sign = 1 - 2 * (found_flip[at] & 1)
            new_sets[z] = sets[s]
            new_sets[z, i] += sign
            move = np.float32(sign * table[i])
            for p in range(64):
                new_ideals[z, p] = ideals[s, p] + move * waves[i, p]
            new_hashes[z] = found_key[at]
            if found_cost[at] < OUTSIDE and decodes_to(
                kind, new_sets[z], steps, whole_work, samples, lo, hi, full_lo, full_hi, mode
            ):
                out[:] = new_sets[z]
                return True
        if count == 0:
            return False
        sets, new_sets = new_sets, sets
        ideals, new_ideals = new_ideals, ideals
        hashes, new_hashes = new_hashes, hashes
    return False
