"""Quantised coefficients of many blocks from bounds on their samples: by rounding, by filling in clipped samples, by
search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from forensics_features._kernel import kernel
from scipy.special import erf

from forensics.history.jpeg.planes import DCT_8, coefficients
from forensics.reconstruction.acceptance import DIRECT, SAMPLES, WORK, decodes_to
from forensics.reconstruction.block_search import OUTSIDE, WAVES, box_of, ideal_samples, search, transformed
from forensics.reconstruction.inverse_transforms import (
    AAN_FIXED,
    AAN_FLOAT,
    IFAST,
    scaled_steps,
)

ROUNDED, SEARCHED, OPEN_SATURATED, OPEN, IMPOSSIBLE = 0, 1, 2, 3, 4
"""What is known of a block: coefficients by rounding, or by search; none found, with clipped samples or without; none
can exist.
"""
_FILLINGS = 24
"""Rounds of filling in clipped samples."""
ROUNDING = 12.0**-0.5
"""Standard deviation of rounding noise in a coefficient, in levels."""
_REACH = 6.5
"""How far a coefficient may lie from the transform of the samples, in standard deviations of its noise."""
_ALONG = np.ones((8, 8))
_ALONG[0], _ALONG[:, 0] = 2.2, 2.2
"""How much farther those of the first row and column may lie: in a block that is flat along an axis all eight lines are
rounded alike, and eight errors of half a level move a coefficient by up to 4, which is 13.9 standard deviations (8^1/2
times half the largest sum of absolute values in a row of the DCT)."""
_WEIGHT = 0.1 * ROUNDING**2
"""Of a coefficient's squared distance from the samples' transform, over its noise's variance, against that of the
samples from their box.
"""
_UNSHARP = 1e-2
"""How much farther, in levels, for arithmetic in single precision."""
_OFFSETS = {IFAST: 0.5}
"""Mean excess of ideal samples over given ones: the fast transform cuts instead of rounding."""


def mean_excess(kind: int) -> float:
    """Of ideal samples over those that an arithmetic of `inverse_transforms` gives, in levels."""
    return _OFFSETS.get(kind, 0.0)


@kernel
def _fit(
    centers,
    lo,
    hi,
    full_lo,
    full_hi,
    mode,
    table,
    steps,
    kind,
    offset,
    reach,
    weights,
    basis,
    waves,
    width,
    depth,
    out,
    status,
):
    center, filled, work, ideal = np.empty(64), np.empty(64), np.empty(64), np.empty(64)
    whole_work, samples = np.empty(WORK, np.int64), np.empty(SAMPLES, np.int64)
    chosen = np.empty(64, np.int32)
    low, high = np.empty(64, np.float32), np.empty(64, np.float32)
    far, light = np.full(64, np.inf), np.full(64, 0.01)
    for n in range(lo.shape[0]):
        free = 0
        for p in range(64):
            free += lo[n, p] != hi[n, p] or lo[n, p] == 0 or lo[n, p] == 255
            filled[p] = centers[n, p] - 128 + offset
        if mode == DIRECT:
            box_of(lo[n], hi[n], offset, low, high)
        status[n] = OPEN if free == 0 or mode != DIRECT else OPEN_SATURATED
        for _ in range(1 + (_FILLINGS if free and mode == DIRECT else 0)):
            transformed(filled, basis, work, center)
            for i in range(64):
                chosen[i] = np.int32(np.rint(center[i] / table[i]))
            if decodes_to(kind, chosen, steps, whole_work, samples, lo[n], hi[n], full_lo[n], full_hi[n], mode):
                status[n] = ROUNDED
                break
            if free and mode == DIRECT:
                for i in range(64):
                    center[i] = chosen[i] * table[i]
                ideal_samples(center, basis, work, ideal)
                for p in range(64):
                    if lo[n, p] != hi[n, p] or lo[n, p] == 0 or lo[n, p] == 255:
                        filled[p] = min(max(ideal[p], low[p]), high[p])
        if status[n] != ROUNDED and width:
            loose = free and mode == DIRECT
            transformed(filled, basis, work, center)
            for i in range(64):
                chosen[i] = np.int32(np.rint(center[i] / table[i]))
            if search(
                center, lo[n], hi[n], full_lo[n], full_hi[n], mode, table, steps, kind, offset, far if loose else reach,
                light if loose else weights, basis, waves, width, depth, chosen,
            ):  # fmt: skip
                status[n] = SEARCHED
        for i in range(64):
            out[n, i] = chosen[i]


@dataclass(frozen=True)
class Quantiser:
    """A table under an arithmetic: steps [shape=(64,), dtype=int64] in raster order, the arithmetic's number, and its
    scaled steps.
    """

    table: np.ndarray
    kind: int
    scaled: np.ndarray

    @classmethod
    def of(cls, table: np.ndarray, kind: int) -> Quantiser:
        """The steps, raster order, under an arithmetic."""
        steps = np.ascontiguousarray(np.asarray(table).ravel(), np.int64)
        scaled = np.empty(64)
        scaled_steps(steps, kind, AAN_FIXED, AAN_FLOAT, scaled)
        return cls(steps, kind, scaled)


def rounding_settles(table: np.ndarray, noise: np.ndarray | float = ROUNDING) -> float:
    """Share of blocks whose 64 coefficients rounding gives rightly, for steps [shape=(64,)] and the standard deviation
    of normal noise in the coefficients, in levels: the product of the chances of each.
    """
    return float(np.prod(erf(np.asarray(table) / (8**0.5 * np.asarray(noise)))))


def fit_blocks(
    lo: np.ndarray,
    hi: np.ndarray,
    quantiser: Quantiser,
    *,
    width: int = 32,
    depth: int = 16,
    centers: np.ndarray | None = None,
    seen: tuple[np.ndarray, np.ndarray, int] | None = None,
    noise: np.ndarray | float = ROUNDING,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of blocks.

    Parameters
    ----------
    lo, hi : np.ndarray [shape=(n, 64), dtype=uint8]
        Bounds of each sample; equal where it is known.
    quantiser : Quantiser
    width, depth : int
        Sets of flips that the search keeps, 0 for rounding alone, and the most flips in a set.
    centers : np.ndarray [shape=(n, 64), dtype=float32], optional
        Estimates of the samples; the middle of the bounds by default.
    seen : tuple, optional
        Bounds of the samples after the triangle filter and its number, as `acceptance.accepts` takes them.
    noise : np.ndarray [shape=(64,)] or float
        Standard deviation of the estimates' transform by frequency, in levels.

    Returns
    -------
    coefficients : np.ndarray [shape=(n, 64), dtype=int16]
    status : np.ndarray [shape=(n,), dtype=uint8]
        `ROUNDED`, `SEARCHED`, `OPEN` or `OPEN_SATURATED`.
    """
    count = len(lo)
    out, status = np.empty((count, 64), np.int16), np.empty(count, np.uint8)
    middle = (lo.astype(np.float32) + hi) / 2 if centers is None else np.ascontiguousarray(centers, np.float32)
    if width:
        far = out_of_reach(lo, hi, middle, quantiser)
        if far.any():
            for rows, sets in ((far, 0), (~far, width)):
                part = None if seen is None else (seen[0][rows], seen[1][rows], seen[2])
                out[rows], status[rows] = _fitted(lo[rows], hi[rows], middle[rows], quantiser, sets, depth, part, noise)
            return out, status
    return _fitted(lo, hi, middle, quantiser, width, depth, seen, noise)


def out_of_reach(
    lo: np.ndarray, hi: np.ndarray, centers: np.ndarray, quantiser: Quantiser, *, freed: int = 0
) -> np.ndarray:
    """Blocks of which no set of coefficients can be taken by the search, `np.ndarray [shape=(n,), dtype=bool]`.

    All samples that it takes lie in their box or hardly beyond; where the nearest multiples of the steps are further
    from the estimate than the box's farthest corner, there are none. Blocks with open samples are never among them.

    Parameters
    ----------
    lo, hi, centers, quantiser
        As of `fit_blocks`.
    freed : int
        Coefficients, those that lie furthest off, that may have any step.
    """
    offset = mean_excess(quantiser.kind)
    filled = centers.astype(np.float64) - 128 + offset
    low, high = lo - 128.5 + offset, hi - 127.5 + offset
    farthest = (np.maximum(filled - low, high - filled) ** 2).sum(axis=1)
    farthest[((lo == 0) | (hi == 255)).any(axis=1)] = np.inf
    off = coefficients(filled.astype(np.float32) + 128)
    off -= quantiser.table * np.rint(off / quantiser.table)
    squares = np.sort(off * off, axis=1)[:, : 64 - freed]
    return np.asarray(np.sqrt(squares.sum(axis=1)) > np.sqrt(farthest) + OUTSIDE**0.5 + _UNSHARP)


def _fitted(
    lo: np.ndarray,
    hi: np.ndarray,
    centers: np.ndarray,
    quantiser: Quantiser,
    width: int,
    depth: int,
    seen: tuple[np.ndarray, np.ndarray, int] | None,
    noise: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray]:
    out, status = np.empty((len(lo), 64), np.int16), np.empty(len(lo), np.uint8)
    full_lo, full_hi, mode = seen if seen is not None else (lo, hi, DIRECT)
    sigma = np.broadcast_to(np.asarray(noise, np.float64), 64)
    _fit(
        centers,
        lo,
        hi,
        full_lo,
        full_hi,
        mode,
        quantiser.table,
        quantiser.scaled,
        quantiser.kind,
        mean_excess(quantiser.kind),
        _REACH * sigma * _ALONG.ravel(),
        _WEIGHT / sigma**2,
        DCT_8,
        WAVES,
        width,
        depth,
        out,
        status,
    )
    return out, status
