"""Stored chroma from chroma at full size, and bounds on it: the triangle filter undone.

Along one axis the filter is a banded matrix A with rows (3 near + far) / 4, and the normal equations of least squares
are tridiagonal with constant entries (6, 20, 6) / 16, so one sweep down and one up solve them. Rounding noise of
variance 1/12 is passed on with a power of 1 / (5/4 + 3/4 cos w) at angular frequency w along each axis.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from forensics_features._kernel import kernel

from forensics.history.jpeg.chroma import stored_noise, stored_samples
from forensics.reconstruction.upsampling import TRIANGLES


@kernel
def _halve_rows(full, pivots, out):
    """Least squares down the columns. full: float32 [2 n, m]; out: float32 [n, m]."""
    n, m = out.shape
    quarter, three = np.float32(0.25), np.float32(0.75)
    for i in range(n):
        for j in range(m):
            total = three * (full[2 * i, j] + full[2 * i + 1, j])
            total += quarter * (full[2 * i - 1, j] if i else full[0, j])
            total += quarter * (full[2 * i + 2, j] if i < n - 1 else full[2 * n - 1, j])
            if i:
                total -= np.float32(0.375) * pivots[i - 1] * out[i - 1, j]
            out[i, j] = total
    for i in range(n - 1, -1, -1):
        for j in range(m):
            after = np.float32(0.375) * out[i + 1, j] if i < n - 1 else np.float32(0)
            out[i, j] = (out[i, j] - after) * pivots[i]


@cache
def _pivots(count: int) -> np.ndarray:
    """Inverse pivots of the elimination; both ends are repeated beyond the edge, where the outermost output is the
    sample itself.
    """
    diagonal = np.full(count, 20 / 16)
    diagonal[0] += 6 / 16
    diagonal[-1] += 6 / 16
    pivots = np.empty(count)
    pivot = diagonal[0]
    for i in range(count):
        pivot = diagonal[i] if i == 0 else diagonal[i] - (6 / 16) ** 2 / pivot
        pivots[i] = 1 / pivot
    return pivots.astype(np.float32)


def chroma_noise(factors: tuple[int, int], upsampling: str) -> np.ndarray:
    """Standard deviation of the noise of a stored estimate's coefficients, `np.ndarray [shape=(64,),
    dtype=float64]`.
    """
    if factors == (1, 1) or upsampling == "repeat" or max(factors) > 2:
        return stored_noise(factors, "repeat")
    return stored_noise(factors, "scaled" if upsampling == "scaled" else "triangle")


_MEAN_EXCESS = {1: 0.125, 2: 1 / 32}
"""Of rounding half up over quarters and sixteenths, in levels."""


def stored_estimate(full: np.ndarray, factors: tuple[int, int], upsampling: str) -> np.ndarray:
    """Stored samples by least squares.

    Parameters
    ----------
    full : np.ndarray [shape=(height, width), dtype=float32]
        Samples at full size; sides are multiples of the factors.
    factors : tuple of int
        Vertical and horizontal factor.
    upsampling : str
        One of `upsampling.UPSAMPLINGS`.

    Returns
    -------
    np.ndarray [shape=(height / factors[0], width / factors[1]), dtype=float32]
    """
    vertical, horizontal = factors
    if upsampling == "scaled" and max(factors) == 2:
        return stored_samples(full, factors, "scaled")
    if upsampling not in TRIANGLES or max(factors) > 2:
        return full.reshape(full.shape[0] // vertical, vertical, -1, horizontal).mean(axis=(1, 3), dtype=np.float32)
    if upsampling == "triangle, half up" and max(factors) == 2:
        full = full - np.float32(_MEAN_EXCESS[(vertical == 2) + (horizontal == 2)])
    if vertical == 2:
        out = np.empty((full.shape[0] // 2, full.shape[1]), np.float32)
        _halve_rows(full, _pivots(len(out)), out)
        full = out
    if horizontal == 2:
        across = np.ascontiguousarray(full.T)
        out = np.empty((len(across) // 2, across.shape[1]), np.float32)
        _halve_rows(across, _pivots(len(out)), out)
        full = np.ascontiguousarray(out.T)
    return full


def shared_bounds(lo: np.ndarray, hi: np.ndarray, factors: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of repeated samples: what every copy allows; empty (lo > hi) where copies differ. uint8 planes in and
    out.
    """
    vertical, horizontal = factors
    shape = (lo.shape[0] // vertical, vertical, lo.shape[1] // horizontal, horizontal)
    return lo.reshape(shape).max(axis=(1, 3)), hi.reshape(shape).min(axis=(1, 3))


@kernel
def _limits(full_lo, full_hi, line, at, bits, bias):
    """Least and most that the weighted sum of stored samples can be, before the shift."""
    return (np.int64(full_lo[line, at]) << bits) - bias, (np.int64(full_hi[line, at]) << bits) + (1 << bits) - 1 - bias


@kernel
def _tighten(full_lo, full_hi, vertical, horizontal, half_up, lo, hi):
    """One pass over a part of the full plane whose edges are not the picture's; whether any bound moved."""
    rows, columns = lo.shape
    bits = 2 * (vertical == 2) + 2 * (horizontal == 2)
    ys, xs, weights = np.empty(4, np.int64), np.empty(4, np.int64), np.empty(4, np.int64)
    moved = False
    for line in range(rows * vertical):
        ys[0] = ys[1] = line // vertical
        ys[2] = ys[3] = ys[0] - 1 + 2 * (line & 1) if vertical == 2 else ys[0]
        if ys[2] < 0 or ys[2] >= rows:
            continue
        for at in range(columns * horizontal):
            xs[0] = xs[2] = at // horizontal
            xs[1] = xs[3] = xs[0] - 1 + 2 * (at & 1) if horizontal == 2 else xs[0]
            if xs[1] < 0 or xs[1] >= columns or (full_lo[line, at] == 0 and full_hi[line, at] == 255):
                continue
            for k in range(4):
                across = (3 if k % 2 == 0 else 1) if horizontal == 2 else 1 - k % 2
                weights[k] = across * ((3 if k < 2 else 1) if vertical == 2 else 1 - k // 2)
            if half_up:
                bias = 8 if bits == 4 else 2
            else:
                bias = 8 - (at & 1) if bits == 4 else 1 + (at & 1 if horizontal == 2 else line & 1)
            least, most = _limits(full_lo, full_hi, line, at, bits, bias)
            for k in range(4):
                least -= weights[k] * np.int64(hi[ys[k], xs[k]])
                most -= weights[k] * np.int64(lo[ys[k], xs[k]])
            for k in range(4):
                w = weights[k]
                if w == 0:
                    continue
                low, high = np.int64(lo[ys[k], xs[k]]), np.int64(hi[ys[k], xs[k]])
                new_low = max(low, -((-(least + w * high)) // w))
                new_high = min(high, (most + w * low) // w)
                if new_low <= new_high and (new_low > low or new_high < high):
                    most -= w * (new_low - low)
                    least += w * (high - new_high)
                    lo[ys[k], xs[k]], hi[ys[k], xs[k]] = new_low, new_high
                    moved = True
    return moved


@kernel
def _propagate(stored, full_lo, full_hi, vertical, horizontal, half_up, blocks, around, rounds, out_lo, out_hi):
    columns = stored.shape[1] // 8
    for n in range(len(blocks)):
        top, left = blocks[n] // columns * 8, blocks[n] % columns * 8
        a, b = max(top - 2, 0), min(top + 10, stored.shape[0])
        c, d = max(left - 2, 0), min(left + 10, stored.shape[1])
        lo, hi = np.empty((b - a, d - c), np.uint8), np.empty((b - a, d - c), np.uint8)
        for y in range(a, b):
            for x in range(c, d):
                near = np.int64(np.rint(stored[y, x]))
                lo[y - a, x - c] = min(max(near - around, 0), 255)
                hi[y - a, x - c] = min(max(near + around, 0), 255)
        part_lo = full_lo[a * vertical : b * vertical, c * horizontal : d * horizontal]
        part_hi = full_hi[a * vertical : b * vertical, c * horizontal : d * horizontal]
        for _ in range(rounds):
            if not _tighten(part_lo, part_hi, vertical, horizontal, half_up, lo, hi):
                break
        for p in range(64):
            out_lo[n, p] = lo[top - a + (p >> 3), left - c + (p & 7)]
            out_hi[n, p] = hi[top - a + (p >> 3), left - c + (p & 7)]


def propagated_bounds(
    stored: np.ndarray,
    full_lo: np.ndarray,
    full_hi: np.ndarray,
    factors: tuple[int, int],
    blocks: np.ndarray,
    *,
    around: int,
    half_up: bool = False,
    rounds: int = 12,
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the stored samples of some blocks, from an estimate and what the rounded triangle filter allows.

    Parameters
    ----------
    stored : np.ndarray [shape=(rows, columns), dtype=float32]
        The estimate; bounds start `around` levels about it.
    full_lo, full_hi : np.ndarray [shape=(rows * factors[0], columns * factors[1]), dtype=uint8]
    factors : tuple of int
    blocks : np.ndarray [shape=(n,), dtype=int64]
        Blocks counted row by row.
    around : int
    half_up : bool
        Whether the filter rounds half up.
    rounds : int
        Most passes over the neighbourhood of a block.

    Returns
    -------
    lo, hi : np.ndarray [shape=(n, 64), dtype=uint8]
        Contradictions leave bounds as they are.
    """
    lo, hi = np.empty((len(blocks), 64), np.uint8), np.empty((len(blocks), 64), np.uint8)
    _propagate(stored, full_lo, full_hi, factors[0], factors[1], half_up, blocks, around, rounds, lo, hi)
    return lo, hi
