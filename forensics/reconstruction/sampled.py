"""Blocks of whole samples from rows spread over a picture: what tables are read from and decoders are told apart by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.reconstruction import colour
from forensics.reconstruction.acceptance import DIRECT, SEEN_BY, SEEN_THROUGH
from forensics.reconstruction.chroma_samples import stored_estimate
from forensics.reconstruction.coded import Decoder
from forensics.reconstruction.layout import BLOCK, Layout, blocks_of

_MOST_PIXELS = 1 << 20
"""Pixels that are read of a picture."""

_FEWEST_INNER = 32
"""MCUs with whole neighbours from which the others are left out."""


@dataclass(frozen=True)
class Sampled:
    """Samples without clipped or impossible ones.

    Attributes
    ----------
    blocks : tuple of np.ndarray [shape=(n, 64), dtype=float32]
        Of luma and, at stored size, of Cb and Cr.
    factors : tuple of int
        Vertical and horizontal factor of chroma.
    shown : tuple of np.ndarray [shape=(n, 64 or more), dtype=uint8]
        What the picture shows of each block: its samples, or its part of the full-size plane.
    modes : tuple of int
        How samples are seen in it, as `acceptance` numbers it.
    """

    blocks: tuple[np.ndarray, ...]
    factors: tuple[int, int]
    shown: tuple[np.ndarray, ...]
    modes: tuple[int, ...]


def sample(pixels: np.ndarray, layout: Layout, decoder: Decoder) -> Sampled:
    """Blocks of a picture, `np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]`, under a decoder's
    conversion and upsampling.
    """
    parts = [_of(part, layout, decoder) for part in stripes(pixels, layout)]
    blocks, shown = (
        tuple(np.concatenate(arrays) for arrays in zip(*(part[which] for part in parts), strict=True))
        for which in range(2)
    )
    chroma = SEEN_BY[layout.factors] + SEEN_THROUGH[decoder.upsampling] if _filtered(layout, decoder) else DIRECT
    return Sampled(blocks, layout.factors, shown, (DIRECT, chroma, chroma)[: len(blocks)])


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


def _of(part: np.ndarray, layout: Layout, decoder: Decoder) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    if part.ndim == 2 or layout.colour == "rgb":
        planes = [part] if part.ndim == 2 else [np.ascontiguousarray(part[..., k]) for k in range(3)]
        kept = [blocks_of(plane) for plane in planes]
        plain = tuple(b[((b > 0) & (b < 255)).all(axis=1)] for b in kept)
        return tuple(b.astype(np.float32) for b in plain), plain
    _, _, nearest, state = colour.antecedents(np.ascontiguousarray(part), decoder.conversion)
    usable = state == colour.KNOWN
    luma = blocks_of(nearest[0])[blocks_of(usable).all(axis=1)]
    units = np.asarray(blocks_of(usable, *layout.mcu).all(axis=1))
    whole = _away_from_others(units, usable.shape[1] // layout.mcu[1])
    chroma = [
        blocks_of(stored_estimate(nearest[k].astype(np.float32), layout.factors, decoder.upsampling))[whole]
        for k in (1, 2)
    ]
    if _filtered(layout, decoder):
        shown = [blocks_of(nearest[k], *layout.mcu)[whole] for k in (1, 2)]
    else:
        shown = [np.rint(blocks).astype(np.uint8) for blocks in chroma]
    return (luma.astype(np.float32), *chroma), (luma, *shown)


def _away_from_others(whole: np.ndarray, columns: int) -> np.ndarray:
    """Of whole MCUs those with whole neighbours only, where there are enough: least squares takes in the samples beside
    a block.
    """
    grid = whole.reshape(-1, columns)
    inner = np.zeros_like(grid)
    inner[1:-1, 1:-1] = True
    for rows in (-1, 0, 1):
        for across in (-1, 0, 1):
            inner &= np.roll(grid, (rows, across), axis=(0, 1))
    return inner.ravel() if inner.sum() >= _FEWEST_INNER else whole


__all__ = ["BLOCK", "Sampled", "sample", "stripes"]
