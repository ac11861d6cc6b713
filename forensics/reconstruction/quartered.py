"""Whether chroma was stored at a quarter of the width (4:1:1): decoders repeat such samples, each fills four columns.

No other subsampling repeats whole groups of four, so the groups tell it where chroma varies, and the rest of the first
one in a picture cropped at any place, before tables are known.
"""

from __future__ import annotations

import numpy as np

from forensics.reconstruction import colour
from forensics.reconstruction.layout import BLOCK, Layout
from forensics.reconstruction.sampled import stripes

FACTORS = (1, 4)
"""Vertical and horizontal factor of 4:1:1."""
_PIXELS = 1 << 16
"""Pixels that are read: a bound on work."""
_FEWEST = 64
"""Groups across the middle of luma's blocks that have to vary for anything to be told. Of 33 validation crops of
253x251 pixels (`cjpeg -sample 4x1` at quality 50, 75 and 95) three have none, the others 73 to 7,166."""
_LEFT = 0.25
"""How many groups on the grid may vary for one that varies across: parts that were changed since. Of the same crops
none varies on the grid; other subsamplings, fancy and plain, have 0.58 and more where any vary (231 files)."""


def is_quartered(pixels: np.ndarray, layout: Layout, conversion: str = "libjpeg-turbo") -> bool:
    """Whether groups of four columns on luma's grid hold one value of Cb and of Cr each, and those across the middle of
    a block do not: full-size blocks of one colour each change at their ends alone.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    layout : Layout
        Of which luma's grid is taken.
    conversion : str
        A key of `conversions.CONVERSIONS`.
    """
    if pixels.ndim == 2 or layout.colour != "ycbcr":
        return False
    own, across = groups_that_vary(pixels, layout, conversion)
    return across >= _FEWEST and own <= _LEFT * across


def groups_that_vary(pixels: np.ndarray, layout: Layout, conversion: str) -> tuple[int, int]:
    """Groups that no one Cb and Cr explain: those that begin where blocks do, and those across their middles; of a part
    of the picture, all of whose pixels have antecedents.
    """
    own, across = 0, 0
    for part in stripes(pixels, Layout(layout.top % BLOCK, layout.left % BLOCK, (1, 1)), most=_PIXELS):
        lo, hi, _, state = colour.antecedents(np.ascontiguousarray(part), conversion)
        own += _varying(lo, hi, state != colour.NONE, 0)
        across += _varying(lo, hi, state != colour.NONE, FACTORS[1] // 2)
    return own, across


def _varying(lo: np.ndarray, hi: np.ndarray, possible: np.ndarray, start: int) -> int:
    """Groups of four columns from column `start` of each block on."""

    def cut(plane: np.ndarray) -> np.ndarray:
        blocks = plane.reshape(plane.shape[0], -1, BLOCK)
        return np.asarray(blocks[..., start : start + FACTORS[1]])

    apart = np.zeros(cut(possible).shape[:2], bool)
    for k in (1, 2):
        apart |= cut(lo[k]).max(axis=2) > cut(hi[k]).min(axis=2)
    return int((apart & cut(possible).all(axis=2)).sum())
