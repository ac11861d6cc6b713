"""Chroma that the inverse transform itself brought to full size, as libjpeg 7 to 9 do: found by what it cannot hold.

Eight frequencies an axis become sixteen samples, so the upper eight frequencies of a block of sixteen hold rounding
noise only, of variance 1/12. Any other upsampling, and chroma at full size, leaves more there.
"""

from __future__ import annotations

import numpy as np

from forensics.history.jpeg.comb import ROUNDING
from forensics.reconstruction import colour
from forensics.reconstruction.layout import BLOCK, Layout, blocks_of

_FACTORS = ((2, 2), (1, 2), (2, 1))
_MOST_PIXELS = 1 << 17
"""Pixels that are looked at."""
_LEAST_RANGE = 4
"""Range of chroma in a block from which it counts, in levels; a flat block passes under any hypothesis."""
_FEWEST = 4
"""Blocks that count below which nothing is said."""
_HIGHEST = 1.7
"""Variance, in units of that of rounding, up to which the hypothesis is worth a try: a choice. What is tried is then
held against the blocks themselves."""


def enlarged_layout(pixels: np.ndarray, phase: tuple[int, int]) -> Layout | None:
    """Where MCUs begin and how chroma is subsampled, if a transform brought it to full size; else None.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width, 3), dtype=uint8]
    phase : tuple of int
        Row and column where luma's blocks begin.
    """
    rows = max(64, _MOST_PIXELS // pixels.shape[1])
    start = max(0, (pixels.shape[0] - rows) // 2) // (2 * BLOCK) * (2 * BLOCK)
    part = np.ascontiguousarray(pixels[start : start + rows])
    _, _, nearest, state = colour.antecedents(part, "libjpeg 9")
    usable = state == colour.KNOWN
    best: tuple[float, Layout] | None = None
    for factors in _FACTORS:
        for down in range(0, BLOCK * factors[0], BLOCK):
            for right in range(0, BLOCK * factors[1], BLOCK):
                mcu = BLOCK * factors[0], BLOCK * factors[1]
                layout = Layout(-(phase[0] + down) % mcu[0], -(phase[1] + right) % mcu[1], factors)
                excess = _excess(nearest[1:], usable, layout)
                if excess <= _HIGHEST and (best is None or excess < best[0]):
                    best = excess, layout
    return best[1] if best else None


def _excess(chroma: np.ndarray, usable: np.ndarray, layout: Layout) -> float:
    """Variance in the upper frequencies, over that of rounding; infinite where too few blocks count."""
    height, width = layout.mcu
    top, left = -layout.top % height, -layout.left % width
    rows, columns = ((side - at) // unit for side, at, unit in zip(usable.shape, (top, left), layout.mcu, strict=True))
    inside = np.s_[top : top + rows * height, left : left + columns * width]
    whole = np.asarray(blocks_of(np.ascontiguousarray(usable[inside]), height, width).all(axis=1))
    blocks = np.concatenate([blocks_of(np.ascontiguousarray(plane[inside]), height, width)[whole] for plane in chroma])
    blocks = blocks[np.ptp(blocks, axis=1) >= _LEAST_RANGE].reshape(-1, height, width).astype(np.float32)
    if len(blocks) < _FEWEST:
        return float("inf")
    inner = np.einsum("vy,nyx,ux->nvu", _low(height), blocks, _low(width), optimize=True)
    outer = (blocks**2).sum(axis=(1, 2)) - (inner**2).sum(axis=(1, 2))
    kept = np.sort(outer)[: max(1, int(0.9 * len(outer)))]
    return float(kept.mean() / (height * width - 64) / ROUNDING**2)


def _low(side: int) -> np.ndarray:
    """The first eight functions of the orthonormal DCT of 8 or 16 samples."""
    k, n = np.mgrid[:BLOCK, :side]
    return np.asarray(
        np.cos((2 * n + 1) * k * np.pi / (2 * side)) * np.where(k, 1, 0.5**0.5) * (2 / side) ** 0.5, np.float32
    )
