"""Which 8x8 blocks of a former JPEG can have come out of its decoder, and which cannot: a map to the block.

A block is possible when coefficients were found that decode to its very samples. It is impossible when one of its
pixels has no whole Y, Cb, Cr at all, or when its luma is further from the multiples of the table's steps than rounding
can push it [1]_, or when a search through all coefficients within that distance, clipped samples left free, ends with
none that decode to the samples. Rounding errors lie within half a level, so the squared distance of a decoder's block
is at most the sum of 64 squared uniform errors; Chernoff's bound on that sum gives the number of false alarms. Flat
blocks, whose errors are not independent, are settled before the question comes up. A block moved by whole blocks within
the picture stays possible: this test cannot see it.

References
----------
.. [1] E. Levecque, J. Butora, P. Bas, "Dual JPEG compatibility: a reliable and explainable tool for image forensics",
       2024, arXiv:2408.17106.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import ndimage
from scipy.optimize import minimize_scalar

from forensics.errors import ForensicsError
from forensics.history.jpeg.planes import coefficients
from forensics.reconstruction import colour
from forensics.reconstruction.blocks import OPEN_SATURATED, SEARCHED, Quantiser
from forensics.reconstruction.clipped_search import NONE_EXISTS, search_clipped
from forensics.reconstruction.layout import BLOCK, Layout, blocks_of
from forensics.reconstruction.reconstruct import Prepared, prepare
from forensics.results.wording import percentage

POSSIBLE, SATURATED, UNDECIDED, IMPOSSIBLE, OUTSIDE = 0, 1, 2, 3, 4
"""Kinds of blocks: coefficients found; open because samples are clipped; open within the bounds of the search; cannot
be; not wholly in the picture.
"""
KINDS = ("possible", "saturated", "undecided", "impossible", "outside")
"""Their names."""
FALSE_ALARMS = 1e-3
"""Blocks expected to be called impossible by chance in a picture that came out of the decoder as it is."""
LEAST_POSSIBLE = 0.5
"""Share of possible blocks below which the picture as a whole is not the decoder's output, and no block is called
changed.
"""
_FIXED_POINT = 1.06
"""Factor of the standard deviation of a decoder's errors over independent rounding. Measured 1.003 at most at qualities
50 to 98 (22,000 blocks of validation pictures, the largest sum 9.0 squared levels); the rest is a margin for errors
that are not quite independent."""


class NoExactMap(ForensicsError):
    """No exact map can be drawn; the message says why."""


@dataclass(frozen=True)
class ExactMap:
    """Blocks of a former JPEG.

    Attributes
    ----------
    kinds : np.ndarray [shape=(rows, columns), dtype=uint8]
        `POSSIBLE`, `SATURATED`, `UNDECIDED`, `IMPOSSIBLE` or `OUTSIDE` of each block on the file's grid.
    layout : Layout
        Where the picture lies on that grid.
    width, height : int
        Of the picture, in pixels.
    decoder : str
    regions : tuple of np.ndarray [shape=(rows, columns), dtype=bool]
        Connected impossible blocks (corners connect), the largest first.
    log10_nfa : float
        Decimal logarithm of the number of blocks expected to be called impossible by chance in such a picture.
    """

    kinds: np.ndarray
    layout: Layout
    width: int
    height: int
    decoder: str
    regions: tuple[np.ndarray, ...]
    log10_nfa: float

    def counts(self) -> dict[str, int]:
        """Blocks by the name of their kind."""
        return {name: int((self.kinds == number).sum()) for number, name in enumerate(KINDS)}

    def to_pixels(self, cells: np.ndarray) -> np.ndarray:
        """A value a block as a value a pixel of the picture, `np.ndarray [shape=(height, width)]`."""
        full = np.repeat(np.repeat(cells, BLOCK, axis=0), BLOCK, axis=1)
        return full[self.layout.top :, self.layout.left :][: self.height, : self.width]


@cache
def log10_tail(total: float) -> float:
    """Decimal logarithm of Chernoff's bound on the probability that 64 squared rounding errors sum to `total` or more,
    in squared levels.

    The errors are uniform in -1/2..1/2 and independent; the bound is the least over t of exp(-t total) (E exp(t
    U^2))^64.
    """
    if total <= 64 / 12:
        return 0.0
    if total >= 16:
        return -math.inf
    errors = (np.arange(2000) + 0.5) / 4000
    squares = errors * errors

    def exponent(t: float) -> float:
        return 64 * float(np.log(np.mean(np.exp(t * (squares - 0.25))))) + 16 * t - t * total

    best = minimize_scalar(exponent, bounds=(0, 400), method="bounded")
    return float(best.fun) / math.log(10)


@cache
def largest_distance(blocks: int) -> float:
    """Squared distance beyond which fewer than `FALSE_ALARMS` of so many blocks lie by chance, in squared levels."""
    low, high = 64 / 12, 16.0
    limit = math.log10(FALSE_ALARMS / blocks)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if log10_tail(round(middle, 6)) <= limit else (middle, high)
    return high * _FIXED_POINT**2


def exact_map(source: object) -> ExactMap:
    """Tell possible from impossible blocks.

    Parameters
    ----------
    source : str, Path, Picture or np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
        The picture.

    Raises
    ------
    NoExactMap
        Less than half of the picture comes out of a decoder known here.
    NotReconstructible, PictureError
        See `forensics.reconstruct`.
    """
    prepared = prepare(source)
    status = prepared.inverted.status[0]
    whole = _whole(status.shape, prepared)
    limit = largest_distance(int(whole.sum()))
    lattice, distance = _evidence(prepared, status, limit)
    kinds = np.full(status.shape, UNDECIDED, np.uint8)
    kinds[status == OPEN_SATURATED] = SATURATED
    kinds[status <= SEARCHED] = POSSIBLE
    kinds[(status > SEARCHED) & (status != OPEN_SATURATED) & (distance > limit)] = IMPOSSIBLE
    kinds[lattice] = IMPOSSIBLE
    kinds[~whole] = OUTSIDE
    share = float((kinds[whole] == POSSIBLE).mean())
    if share < LEAST_POSSIBLE:
        raise NoExactMap(
            f"only {percentage(share, 0)} of the blocks come out of a JPEG decoder known here: the picture as a whole "
            "was changed since"
        )
    return ExactMap(
        kinds, prepared.layout, prepared.pixels.shape[1], prepared.pixels.shape[0], prepared.decoder.name,
        _regions(kinds == IMPOSSIBLE), math.log10(FALSE_ALARMS),
    )  # fmt: skip


def _whole(shape: tuple[int, ...], prepared: Prepared) -> np.ndarray:
    inside = []
    for before, length, count in zip(
        (prepared.layout.top, prepared.layout.left), prepared.pixels.shape, shape, strict=False
    ):
        starts = np.arange(count) * BLOCK - before
        inside.append((starts >= 0) & (starts + BLOCK <= length))
    return np.logical_and.outer(*inside)


def _evidence(prepared: Prepared, status: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Blocks with a pixel that has no antecedent, or without coefficients within `limit` that decode to them; and the
    squared distance of luma from the steps' multiples (0 where it is not known).
    """
    layout, pixels, shape = prepared.layout, prepared.pixels, status.shape
    edges = tuple(
        (before, count * BLOCK - before - length)
        for before, count, length in zip((layout.top, layout.left), shape, pixels.shape, strict=False)
    )
    if layout.colour == "ycbcr":
        lo, hi, nearest, state = colour.antecedents(pixels, prepared.decoder.conversion)
        low, high, luma = lo[0], hi[0], nearest[0]
    else:
        low = high = luma = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 0])
        state = np.where((luma == 0) | (luma == 255), colour.BOUNDED, colour.KNOWN)
    none = np.asarray(blocks_of(np.pad(state == colour.NONE, edges)).any(axis=1)).reshape(shape)
    known = blocks_of(np.pad(state != colour.BOUNDED, edges)).all(axis=1).reshape(shape)
    found = coefficients(blocks_of(np.pad(luma, edges)).astype(np.float32))
    steps = prepared.tables[0].astype(np.float32)
    off = found - steps * np.rint(found / steps)
    open_ = np.flatnonzero((status > SEARCHED) & ~none)
    boxes = (
        blocks_of(np.pad(low, edges))[open_],
        blocks_of(np.pad(high, edges, constant_values=255))[open_],
    )
    _, answers = search_clipped(*boxes, Quantiser.of(prepared.tables[0], prepared.decoder.transform), limit=limit)
    none.ravel()[open_[answers == NONE_EXISTS]] = True
    return none, np.where(known, (off * off).sum(axis=1).reshape(shape), 0)


def _regions(impossible: np.ndarray) -> tuple[np.ndarray, ...]:
    labels, count = ndimage.label(impossible, structure=np.ones((3, 3)))
    masks = [labels == number for number in range(1, count + 1)]
    return tuple(sorted(masks, key=lambda mask: -int(mask.sum())))
