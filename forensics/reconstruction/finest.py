"""The grid of a picture coded with steps of one, which leave no comb: where most blocks have whole coefficients.

A block of whole samples that came out of the inverse transform of whole coefficients has such coefficients. Of any
other block of whole samples about 1 - 1/e has some by chance: multiples of one lie as densely as samples do. So the
grid is that of 64 phases on which clearly more blocks are found. Where clipping leaves too few blocks to compare
phases, that of the picture's first pixel is asked alone, as most files are not cropped.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtrc

from forensics.history.jpeg.planes import coefficients, lively_rows, without_colour
from forensics.reconstruction import colour
from forensics.reconstruction.blocks import SEARCHED, Quantiser, fit_blocks
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.layout import BLOCK, Layout, blocks_of
from forensics.reconstruction.sampled import stripes

_PIXELS = 1 << 18
"""Pixels that are looked at."""
_GLANCE, _LIKELY, _BLOCKS = 16, 6, 64
"""Blocks that are searched at each phase; phases with the largest shares, and blocks searched at those, of which the
share scatters by 0.06 at most."""
_FEWEST = 24
"""Blocks below which phases are not compared."""
_CHANCE, _SELDOM = 1 - np.exp(-1), 1e-3
"""Share of blocks of any whole samples that have whole coefficients, see above, found or not; and probability up to
which as many as are found at the first pixel's phase are no chance: all of 16 blocks, 23 of 24."""
_WIDTH, _FULL_WIDTH = 16, 128
"""Sets of flips that the search keeps where phases are compared, and where one is asked alone. Of 60 blocks of three
JPEGs of quality 100, all else of them white, 57 come out with 16 sets, 58 with 32 and 60 with 128; of the same ones
never coded 5, 5 and 8."""
_LEAST, _MARGIN = 0.8, 0.15
"""Share of found blocks from which the best phase is taken, and by how much it has to exceed every other. The right one
gives nearly all blocks; chance 1 - 1/e = 0.63, which scatters by 0.06 with `_BLOCKS`, so that both lie two and a half
of those away. Of 737 blocks of six validation JPEGs of qualities 98, 99 and 100 the same 668 come back at 0.65 and 0.95
of the first, 0 and 0.3 of the second."""
_FAR_BEYOND = 0.4
"""By how much the best phase may exceed every other instead of having that share: four and a half times what the
difference of two shares of `_BLOCKS` scatters by at most, (0.5 / 64)^1/2 = 0.088. Of a file found (dark, 20 levels,
steps of one to three, 38 % of its samples clipped) the right phase gives 0.80 and no other one more than 0.25; of 41
validation pictures never coded, 19 of them darkened to a tenth, the best phase leads the next by 0.12 at most."""
_EXPLAINED = 0.97
"""Share of pixels that have to have whole Y, Cb and Cr."""


def finest_grid(pixels: np.ndarray) -> tuple[int, int] | None:
    """Rows and columns before the first whole block, or None.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    """
    whole = [_luma(part) for part in stripes(pixels, Layout(0, 0, (1, 1), "grey"), most=_PIXELS)]
    if any(plane is None for plane in whole):
        return None
    planes = [plane for plane in whole if plane is not None]
    places = [(top, left) for top in range(BLOCK) for left in range(BLOCK)]
    first = [_share(planes, place, _GLANCE) for place in places]
    if any(np.isnan(first)):
        return (0, 0) if _beyond_chance(_lively(planes, (0, 0))) else None
    likely = [places[i] for i in np.argsort(-np.array(first), kind="stable")[:_LIKELY]]
    shares = [_share(planes, place, _BLOCKS) for place in likely]
    best = int(np.argmax(shares))
    beyond = shares[best] - sorted(shares)[-2]
    return likely[best] if beyond >= (_MARGIN if shares[best] >= _LEAST else _FAR_BEYOND) else None


def _luma(part: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Whole luma and where it is known; None where too many pixels have none."""
    if part.ndim == 2 or without_colour(part):
        plane = part if part.ndim == 2 else np.ascontiguousarray(part[..., 1])
        return plane, (plane > 0) & (plane < 255)
    _, _, nearest, state = colour.antecedents(np.ascontiguousarray(part))
    if (state == colour.NONE).mean() > 1 - _EXPLAINED:
        return None
    return nearest[0], state == colour.KNOWN


def _share(planes: list[tuple[np.ndarray, np.ndarray]], phase: tuple[int, int], most: int) -> float:
    """Share of at most so many blocks with whole coefficients at a phase; NaN of too few."""
    blocks = _lively(planes, phase)
    return float(_come_out(blocks, most, _WIDTH).mean()) if len(blocks) >= _FEWEST else float("nan")


def _beyond_chance(blocks: np.ndarray) -> bool:
    """Whether more blocks have whole coefficients than chance gives."""
    found = _come_out(blocks, _BLOCKS, _FULL_WIDTH)
    return bool(found.any() and bdtrc(int(found.sum()) - 1, len(found), _CHANCE) <= _SELDOM)


def _lively(planes: list[tuple[np.ndarray, np.ndarray]], phase: tuple[int, int]) -> np.ndarray:
    """Blocks of known samples that vary, at a phase, `np.ndarray [shape=(n, 64), dtype=uint8]`."""
    top, left = phase
    samples = []
    for plane, known in planes:
        height, width = ((length - first) // BLOCK * BLOCK for length, first in zip(plane.shape, (top, left)))
        inside = np.s_[top : top + height, left : left + width]
        blocks = blocks_of(np.ascontiguousarray(plane[inside]))
        samples.append(blocks[blocks_of(np.ascontiguousarray(known[inside])).all(axis=1)])
    blocks = np.concatenate(samples)
    return blocks[lively_rows(coefficients(blocks.astype(np.float32)))]


def _come_out(blocks: np.ndarray, most: int, width: int) -> np.ndarray:
    """Which of at most so many blocks, evenly chosen, have whole coefficients, bool."""
    blocks = blocks[np.linspace(0, len(blocks) - 1, min(len(blocks), most)).astype(np.int64)]
    _, status = fit_blocks(blocks, blocks, Quantiser.of(np.ones(64, np.int64), ISLOW), width=width)
    return np.asarray(status <= SEARCHED)
