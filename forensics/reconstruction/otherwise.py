"""Pixels that come out otherwise than the picture has them, and other choices tried on the part that holds most of
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from forensics.reconstruction.blocks import OPEN_SATURATED, SEARCHED
from forensics.reconstruction.choice import Chosen
from forensics.reconstruction.coded import decode
from forensics.reconstruction.inversion import Inverted, invert
from forensics.reconstruction.layout import BLOCK, and_beside

_PART = 64
"""Pixels a side of the part with most wrong samples, on which others are tried: a bound on work."""
_AWAY = 33
"""A square of so many pixels a side holds two MCUs."""


def channels(pixels: np.ndarray) -> list[np.ndarray]:
    """The planes of a picture, one after another: arithmetic on all at once takes several times its memory."""
    return [pixels] if pixels.ndim == 2 else [pixels[..., k] for k in range(pixels.shape[2])]


def unlike(inverted: Inverted, pixels: np.ndarray, chosen: Chosen) -> float:
    """Share of samples that decoding gives otherwise than the picture has them."""
    return float(wrong_samples(inverted, pixels, chosen).sum(dtype=np.int64) / pixels.size)


def wrong_samples(inverted: Inverted, pixels: np.ndarray, chosen: Chosen) -> np.ndarray:
    """How many of a pixel's samples come out otherwise, `np.ndarray [shape=(height, width), dtype=uint8]`."""
    again = inverted.decoded(chosen.decoder)[chosen.layout.top :, chosen.layout.left :]
    wrong = np.zeros(pixels.shape[:2], np.uint8)
    for one, other in zip(channels(again), channels(pixels), strict=True):
        wrong += one != other
    return wrong


def wrong_where_luma_is_settled(inverted: Inverted, pixels: np.ndarray, chosen: Chosen) -> np.ndarray:
    """How many of a pixel's samples come out otherwise, `np.ndarray [shape=(height, width), dtype=uint8]`, zero where
    luma is not settled, or, in the MCU or a pixel beside it, neither settled nor clipped: what was changed since has
    such blocks, of which chroma is not known, and what chroma shows wrongly has none.
    """
    wrong = wrong_samples(inverted, pixels, chosen)
    if not wrong.any():
        return wrong
    luma, (down, across) = inverted.status[0], chosen.layout.factors
    settled = np.repeat(np.repeat(luma <= SEARCHED, BLOCK, axis=0), BLOCK, axis=1)
    changed = (luma > OPEN_SATURATED).reshape(luma.shape[0] // down, down, -1, across).any(axis=(1, 3))
    if changed.any():
        spread = np.repeat(np.repeat(changed, BLOCK * down, axis=0), BLOCK * across, axis=1)
        settled &= ~and_beside(spread)
    rows, columns = pixels.shape[:2]
    wrong *= settled[chosen.layout.top :, chosen.layout.left :][:rows, :columns]
    return wrong


def away_from_clipping(wrong: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Those of some wrong pixels, bool, with no clipped sample about them."""
    if not wrong.any():
        return wrong
    ends = np.zeros(wrong.shape, bool)
    for plane in channels(pixels):
        ends |= plane == 0
        ends |= plane == 255
    return wrong & ~ndimage.maximum_filter(ends, _AWAY)


def tried_on_worst_part(
    choices: Sequence[Chosen], wrong: np.ndarray, pixels: np.ndarray, width: int
) -> tuple[float, ...]:
    """Shares of samples that come out otherwise under each of some choices in the part that holds most wrong ones.

    Parameters
    ----------
    choices : sequence of Chosen
    wrong : np.ndarray [shape=(height, width)]
        How wrong each pixel is.
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    width : int
        See `inversion.invert`.
    """
    side = min(_PART, *wrong.shape)
    sums = ndimage.uniform_filter(wrong.astype(np.float32), side, mode="constant", origin=-(side // 2))
    sums = sums[: sums.shape[0] - side + 1, : sums.shape[1] - side + 1]
    top, left = map(int, np.unravel_index(np.argmax(sums), sums.shape))
    part = np.ascontiguousarray(pixels[top : top + side, left : left + side])

    def left_in_part(one: Chosen) -> float:
        high, wide = one.layout.mcu
        inside = replace(one.layout, top=(one.layout.top + top) % high, left=(one.layout.left + left) % wide)
        found = invert(part, inside, one.tables, one.decoder, width=width)
        again = decode(found.coded, one.decoder)[inside.top :, inside.left :]
        wrong = (again != part)[BLOCK:-BLOCK, BLOCK:-BLOCK]  # beyond them chroma of blocks is seen that are cut off
        return float(wrong.mean())

    return tuple(left_in_part(one) for one in choices)
