"""The integer planes that a JPEG decoder worked in, and their blocks: what every test of JPEG history starts from.

A decoder adds rounded multiples of chroma to whole luma, so every channel is off its real-valued colour by at most half
a level. The weights of each row of BT.601's forward matrix sum to one in magnitude, hence luma and chroma computed from
the channels are within half a level of the decoder's own integers and rounding gives those back exactly [1]_. Pixels
with a channel at 0 or 255 may have been clipped and are marked as unusable.

References
----------
.. [1] ITU-T T.871 (2011), clause 7; libjpeg, jdcolor.c, `ycc_rgb_convert`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from forensics_features.planes import MINIMUM_SIDE
from forensics_features.standards import YCBCR_BT601

BLOCK = 8
"""Side of a block in pixels: ITU-T T.81 A.3.1."""
WHOLE_UP_TO = 1 << 20
"""Pictures of at most so many pixels are read whole, larger ones in tiles."""
_TILE = 256
"""Side of a tile in pixels, a multiple of the blocks' 8: a bound on work."""
_TILES = 12
"""Most tiles that are looked at, the liveliest: a bound on work."""


def _cosines() -> np.ndarray:
    angle = np.pi / 16 * np.outer(np.arange(8), 2 * np.arange(8) + 1)
    basis = 0.5 * np.cos(angle)
    basis[0] /= np.sqrt(2)
    return basis


DCT_8 = _cosines()
"""Orthonormal type-II DCT of eight samples, `np.ndarray [shape=(8, 8), dtype=float64]`; rows are frequencies."""
_DCT_64 = np.ascontiguousarray(np.kron(DCT_8, DCT_8).T, dtype=np.float32)


@dataclass(frozen=True)
class Tile:
    """A part of the picture in the decoder's integers.

    Attributes
    ----------
    channels : np.ndarray [shape=(height, width, 3), dtype=uint8]
        The pixels; grey ones have three equal channels.
    y, cb, cr : np.ndarray [shape=(height, width), dtype=float32]
        Whole numbers in 0..255.
    usable : np.ndarray [shape=(height, width), dtype=bool]
        Pixels that cannot have been clipped.
    """

    channels: np.ndarray
    y: np.ndarray
    cb: np.ndarray
    cr: np.ndarray
    usable: np.ndarray


def checked(pixels: np.ndarray) -> np.ndarray:
    """The pixels as contiguous RGB, `np.ndarray [shape=(height, width, 3), dtype=uint8]`.

    Raises
    ------
    TypeError
        Not uint8.
    ValueError
        Not grey or RGB, or a side below `MINIMUM_SIDE`.
    """
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8:
        raise TypeError(f"pixels must be uint8, not {pixels.dtype}")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 2 and (pixels.ndim != 3 or pixels.shape[2] != 3):
        raise ValueError(f"pixels must be grey (h, w) or RGB (h, w, 3), not of shape {pixels.shape}")
    if min(pixels.shape[:2]) < MINIMUM_SIDE:
        raise ValueError(f"at least {MINIMUM_SIDE} pixels a side are needed, not {pixels.shape[0]}x{pixels.shape[1]}")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return np.ascontiguousarray(pixels)


def without_colour(rgb: np.ndarray) -> bool:
    """Whether all pixels of an RGB part are grey."""
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def decoder_tile(rgb: np.ndarray) -> Tile:
    """Luma and chroma of an RGB part as the decoder held them."""
    red, green, blue = (rgb[..., i].astype(np.float32) for i in range(3))
    (yr, yg, yb), (br, bg, bb), (rr, rg, rb) = YCBCR_BT601
    y = np.rint(yr * red + yg * green + yb * blue)
    cb = np.rint(bb * blue + br * red + bg * green) + 128
    cr = np.rint(rr * red + rg * green + rb * blue) + 128
    usable = (rgb.min(axis=2) > 0) & (rgb.max(axis=2) < 255)
    return Tile(rgb, y, cb, cr, usable)


def tiles_of(rgb: np.ndarray) -> list[Tile]:
    """The whole picture, or the tiles of a large one that have most texture and least clipping.

    Tiles start at multiples of 16 pixels, so that all see the block grid at the same phase.
    """
    height, width = rgb.shape[:2]
    if height * width <= WHOLE_UP_TO:
        return [decoder_tile(rgb)]
    side = [min(_TILE, length) for length in (height, width)]
    origins = [
        (top, left)
        for top in range(0, height - side[0] + 1, side[0])
        for left in range(0, width - side[1] + 1, side[1])
    ]
    scores = [_texture(rgb[top : top + side[0], left : left + side[1]]) for top, left in origins]
    chosen = np.argsort(scores)[::-1][:_TILES]
    return [decoder_tile(rgb[t : t + side[0], u : u + side[1]]) for t, u in (origins[i] for i in chosen)]


def _texture(part: np.ndarray) -> float:
    """How many of the sampled rows' 8-pixel runs vary and touch neither 0 nor 255."""
    rows = part[::8, : part.shape[1] // 8 * 8, 1].reshape(-1, 8)
    low, high = rows.min(axis=1), rows.max(axis=1)
    return float(((high - low > 4) & (low > 0) & (high < 255)).mean())


def blocks_at(plane: np.ndarray, usable: np.ndarray, phase: tuple[int, int]) -> np.ndarray:
    """All 8x8 blocks from `phase` on that hold usable samples only, `np.ndarray [shape=(n, 64), dtype=float32]`."""
    return _cut(plane, phase)[_cut(usable, phase).all(axis=1)]


def _cut(plane: np.ndarray, phase: tuple[int, int]) -> np.ndarray:
    part = plane[phase[0] :, phase[1] :]
    rows, columns = part.shape[0] // BLOCK, part.shape[1] // BLOCK
    part = part[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return part.swapaxes(1, 2).reshape(rows * columns, BLOCK * BLOCK)


def coefficients(blocks: np.ndarray) -> np.ndarray:
    """Orthonormal 8x8 DCT of level-shifted blocks, `np.ndarray [shape=(n, 64), dtype=float32]`; column 8 v + u holds
    frequency (v, u).
    """
    return (blocks - np.float32(128)) @ _DCT_64


def lively(found: np.ndarray, least: float = 0.25) -> np.ndarray:
    """Rows that vary along both axes: at least `least` squared levels a pixel outside the first row and the first
    column.

    In flat blocks and in those that repeat one row, the rounding of the decoder's samples follows the signal: it is no
    independent noise.
    """
    return found[lively_rows(found, least)]


def lively_rows(found: np.ndarray, least: float = 0.25) -> np.ndarray:
    """Which rows `lively` keeps, `np.ndarray [shape=(n,), dtype=bool]`."""
    energy = found * found
    rows, columns = energy[:, 8:].sum(axis=1), energy.sum(axis=1) - energy[:, ::8].sum(axis=1)
    return np.asarray(np.minimum(rows, columns) >= least * BLOCK * BLOCK)
