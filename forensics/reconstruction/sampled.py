"""Blocks of whole samples from rows spread over a picture: what tables are read from and decoders are distinguished
by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forensics.reconstruction import colour
from forensics.reconstruction.acceptance import DIRECT, SEEN_BY, SEEN_THROUGH
from forensics.reconstruction.chroma_samples import shared_bounds, stored_estimate
from forensics.reconstruction.coded import Decoder
from forensics.reconstruction.layout import BLOCK, Layout, all_in_blocks, blocks_of

_MOST_PIXELS = 1 << 20
"""Pixels that are read of a picture."""

_FEWEST_INNER = 32
"""MCUs with whole neighbours from which the others are left out."""


_MOST_CLIPPED = 0.25
"""Share of a block's pixels that may be clipped where steps are tried on it; more leave too much open. Of 1,001 blocks
of eight validation JPEGs of qualities 75, 90 and 95 the same 948 come back at 0.1 and at 0.5."""


@dataclass(frozen=True)
class Tried:
    """Blocks of one component that steps are tried on, those with some clipped samples too.

    Attributes
    ----------
    centers : np.ndarray [shape=(n, 64), dtype=float32]
        Estimates of the samples.
    lo, hi : np.ndarray [shape=(n, 64 or more), dtype=uint8]
        Bounds of what the picture shows: of the samples, or of the block's part of the full-size plane.
    mode : int
        How samples are seen in it, as `acceptance` numbers it.
    variance : np.ndarray [shape=(n, 64), dtype=float32]
        What bounds of the full-size samples add to the variance of the estimates' noise, in squared levels; zero where
        they are known.
    """

    centers: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    mode: int
    variance: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Tried]) -> Tried:
        """The blocks of several that are seen in one way."""
        names = "centers", "lo", "hi", "variance"
        centers, lo, hi, variance = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        return cls(centers, lo, hi, parts[0].mode, variance)

    def some(self, rows: np.ndarray) -> Tried:
        """Blocks of some numbers."""
        return Tried(self.centers[rows], self.lo[rows], self.hi[rows], self.mode, self.variance[rows])


@dataclass(frozen=True)
class Sampled:
    """Blocks of a picture.

    Attributes
    ----------
    blocks : tuple of np.ndarray [shape=(n, 64), dtype=float32]
        Samples of luma and, at stored size, of Cb and Cr, without clipped or impossible ones.
    factors : tuple of int
        Vertical and horizontal factor of chroma.
    tried : tuple of Tried
    """

    blocks: tuple[np.ndarray, ...]
    factors: tuple[int, int]
    tried: tuple[Tried, ...]


def sample(
    pixels: np.ndarray,
    layout: Layout,
    decoder: Decoder,
    *,
    most: int = _MOST_PIXELS,
    clipped: float = _MOST_CLIPPED,
    luma: tuple[np.ndarray, np.ndarray] | None = None,
) -> Sampled:
    """Blocks of a picture.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    layout : Layout
    decoder : Decoder
        Whose conversion and upsampling are undone.
    most : int
        Pixels that are read, about.
    clipped : float
        Share of pixels with clipped samples that blocks may hold on which steps are tried.
    luma : tuple of np.ndarray [shape=(height, width)], optional
        Luma as it is known otherwise, uint8, and where it is, bool; it tells chroma under clipped channels.
    """
    known = () if luma is None else (luma[0], luma[1].astype(np.uint8))
    whole = np.dstack([pixels, *known]) if known else pixels
    parts = [_of(part, layout, decoder, clipped) for part in stripes(whole, layout, most=most)]
    blocks = tuple(np.concatenate(arrays) for arrays in zip(*(part[0] for part in parts), strict=True))
    tried = tuple(Tried.joined(same) for same in zip(*(part[1] for part in parts), strict=True))
    return Sampled(blocks, layout.factors, tried)


def _filtered(layout: Layout, decoder: Decoder) -> bool:
    """Whether chroma is shown otherwise than by its own samples."""
    return layout.factors in SEEN_BY and layout.factors != (1, 1) and decoder.upsampling in SEEN_THROUGH


def stripes(pixels: np.ndarray, layout: Layout, *, most: int = _MOST_PIXELS, rows: int = 64) -> list[np.ndarray]:
    """Parts of the picture that begin with an MCU and hold whole ones, spread evenly; all of it where it is small
    enough.
    """
    height, width = layout.mcu
    top, left = -layout.top % height, -layout.left % width
    inner = pixels[
        top : top + (pixels.shape[0] - top) // height * height, left : left + (pixels.shape[1] - left) // width * width
    ]
    if inner.shape[0] * inner.shape[1] <= most:
        return [inner]
    rows = -(-rows // height) * height
    count = max(1, most // (rows * inner.shape[1]))
    starts = np.linspace(0, (inner.shape[0] - rows) // height, count).astype(int) * height
    return [inner[start : start + rows] for start in np.unique(starts)]


def _of(
    part: np.ndarray, layout: Layout, decoder: Decoder, clipped: float
) -> tuple[tuple[np.ndarray, ...], tuple[Tried, ...]]:
    if part.ndim == 2 or layout.colour == "rgb":
        planes = [part] if part.ndim == 2 else [np.ascontiguousarray(part[..., k]) for k in range(3)]
        kept = [blocks_of(plane) for plane in planes]
        inside = [(b > 0) & (b < 255) for b in kept]
        whole_ones = tuple(b[i.all(axis=1)].astype(np.float32) for b, i in zip(kept, inside, strict=True))
        some = [b[i.mean(axis=1) >= 1 - clipped] for b, i in zip(kept, inside, strict=True)]
        return whole_ones, tuple(Tried(b.astype(np.float32), b, b, DIRECT, np.zeros(b.shape, np.float32)) for b in some)
    lo, hi, nearest, known, bounded = _antecedents(part, decoder)
    own = all_in_blocks(known[0]).ravel()
    luma = _enough(known[0], bounded, (BLOCK, BLOCK), clipped)
    middle = blocks_of(nearest[0])[luma].astype(np.float32)
    limits = blocks_of(lo[0])[luma], blocks_of(hi[0])[luma]
    strict: tuple[np.ndarray, ...] = (blocks_of(nearest[0])[own].astype(np.float32),)
    tried: tuple[Tried, ...] = (Tried(middle, *limits, DIRECT, 0 * middle),)
    for k in (1, 2):
        units = all_in_blocks(known[k], *layout.mcu).ravel()
        whole = _away_from_others(units, part.shape[1] // layout.mcu[1])
        plane = stored_estimate(nearest[k].astype(np.float32), layout.factors, decoder.upsampling)
        strict += (blocks_of(plane)[whole],)
        chroma = _enough(known[k], bounded, layout.mcu, clipped)
        full, shape, mode = (lo[k], hi[k]), layout.mcu, DIRECT
        if _filtered(layout, decoder):
            mode = SEEN_BY[layout.factors] + SEEN_THROUGH[decoder.upsampling]
        else:
            full, shape = shared_bounds(*full, layout.factors), (BLOCK, BLOCK)
        open_ones = (hi[k].astype(np.float32) - lo[k]) ** 2 / 12
        variance = open_ones.reshape(plane.shape[0], layout.factors[0], -1, layout.factors[1]).mean(axis=(1, 3))
        least, most = (blocks_of(p, *shape)[chroma] for p in full)
        tried += (Tried(blocks_of(plane)[chroma], least, most, mode, blocks_of(variance)[chroma]),)
    return strict, tried


def _antecedents(
    part: np.ndarray, decoder: Decoder
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, ...], np.ndarray]:
    """Bounds and estimates of the components of some pixels, which are known, one after another, and where there are
    any; with luma as a fourth and whether it is known as a fifth channel chroma from it.
    """
    rgb = np.ascontiguousarray(part[..., :3])
    lo, hi, nearest, state = colour.antecedents(rgb, decoder.conversion)
    known = (state == colour.KNOWN,) * 3
    if part.shape[2] > 3:
        low, high = lo[1:].copy(), hi[1:].copy()
        colour.narrow_chroma(rgb, np.ascontiguousarray(part[..., 3]), low, high, decoder.conversion)
        lo[1:], hi[1:] = np.where(part[..., 4], low, lo[1:]), np.where(part[..., 4], high, hi[1:])
        middle = lo[1:] + (hi[1:] - lo[1:]) // 2
        nearest[1:] = np.where(state == colour.NONE, nearest[1:], middle)
        known = known[0], *((lo[k] == hi[k]) & (state != colour.NONE) for k in (1, 2))
    return lo, hi, nearest, known, state != colour.NONE


def _enough(known: np.ndarray, possible: np.ndarray, shape: tuple[int, int], clipped: float) -> np.ndarray:
    """Blocks of a shape, row by row, that are possible and mostly known."""
    mostly = blocks_of(known, *shape).mean(axis=1) >= 1 - clipped
    return np.asarray(mostly & all_in_blocks(possible, *shape).ravel())


def _away_from_others(whole: np.ndarray, columns: int) -> np.ndarray:
    """Of whole MCUs those with whole neighbours only, where there are enough: least squares takes in the samples next
    to a block.
    """
    grid = whole.reshape(-1, columns)
    inner = np.zeros_like(grid)
    inner[1:-1, 1:-1] = True
    for rows in (-1, 0, 1):
        for across in (-1, 0, 1):
            inner &= np.roll(grid, (rows, across), axis=(0, 1))
    return inner.ravel() if inner.sum() >= _FEWEST_INNER else whole


__all__ = ["BLOCK", "Sampled", "sample", "stripes"]
