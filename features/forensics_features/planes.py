"""The one dtype rule of every extractor: what a picture becomes before anything is measured on it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forensics_features._kernel import kernel
from forensics_features.standards import LUMA_WEIGHTS

MINIMUM_SIDE = 64
"""Smallest width and height, in pixels, that the extractors accept."""


SAMPLED = 2**18
"""Pixels that position-free means are taken over, about; pictures of up to twice as many are used whole."""
_RED, _GREEN, _BLUE = LUMA_WEIGHTS["bt601"]
_BAND = 64
"""Rows of a band, a multiple of every block size: a bound on work."""
_TILE = 256
"""Side of a tile in pixels, a multiple of every block size: a bound on work."""


class Planes(NamedTuple):
    """A picture made ready: 8-bit RGB and its full-range BT.601 luma and chroma, not rounded.

    Attributes
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8, C order]
    y, cb, cr : np.ndarray [shape=(height, width), dtype=float32]
        Luma in 0..255; chroma without the offset, in -127.5..127.5 (JFIF, ITU-T T.871 clause 7).
    grey : bool
        True when the picture has one channel or three equal ones; chroma is then all zero.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import as_planes
    >>> planes = as_planes(np.full((64, 80), 200, np.uint8))
    >>> planes.grey, planes.y.shape, float(planes.cb.max())
    (True, (64, 80), 0.0)
    """

    rgb: np.ndarray
    y: np.ndarray
    cb: np.ndarray
    cr: np.ndarray
    grey: bool


@kernel
def _ycc(rgb: np.ndarray, y: np.ndarray, cb: np.ndarray, cr: np.ndarray) -> bool:
    grey = True
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            r = np.float32(rgb[i, j, 0])
            g = np.float32(rgb[i, j, 1])
            b = np.float32(rgb[i, j, 2])
            luma = np.float32(_RED) * r + np.float32(_GREEN) * g + np.float32(_BLUE) * b
            y[i, j] = luma
            cb[i, j] = (b - luma) * np.float32(0.5 / 0.886)
            cr[i, j] = (r - luma) * np.float32(0.5 / 0.701)
            if rgb[i, j, 0] != rgb[i, j, 1] or rgb[i, j, 1] != rgb[i, j, 2]:
                grey = False
    return grey


def to_rgb8(pixels: np.ndarray) -> np.ndarray:
    """Any accepted picture as 8-bit RGB, `np.ndarray [shape=(height, width, 3), dtype=uint8]`.

    Grey is repeated three times, alpha is dropped, 16-bit values v become round(v / 257).
    Raises `TypeError` on another dtype than uint8 or uint16, `ValueError` on another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import to_rgb8
    >>> to_rgb8(np.full((2, 2), 65535, np.uint16)).shape
    (2, 2, 3)
    >>> int(to_rgb8(np.full((2, 2), 65535, np.uint16)).max())
    255
    """
    array = np.asarray(pixels)
    if array.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"pixels are uint8 or uint16, not {array.dtype}")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4):
        raise ValueError(f"pixels have shape (height, width[, 1..4]), not {np.shape(pixels)}")
    array = array[:, :, :1] if array.shape[2] < 3 else array[:, :, :3]
    if array.dtype == np.uint16:
        array = ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    return np.ascontiguousarray(array)


@kernel
def _count_levels(rgb: np.ndarray, counts: np.ndarray) -> None:
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            counts[0, rgb[i, j, 0]] += 1
            counts[1, rgb[i, j, 1]] += 1
            counts[2, rgb[i, j, 2]] += 1


def level_counts(rgb: np.ndarray) -> np.ndarray:
    """How often each level occurs by channel, `np.ndarray [shape=(3, 256), dtype=int64]`, in `np.ndarray
    [shape=(height, width, 3), dtype=uint8]`.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.planes import level_counts
    >>> level_counts(np.full((4, 5, 3), 7, np.uint8))[:, 7].tolist()
    [20, 20, 20]
    """
    counts = np.zeros((3, 256), np.int64)
    _count_levels(np.ascontiguousarray(rgb), counts)
    return counts


def central(pixels: np.ndarray, most: int, period: int = 1) -> tuple[np.ndarray, tuple[int, int]]:
    """The central part of at most `most` pixels a side, a view, and its origin, a multiple of `period`: grids keep
    their phase.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.planes import central
    >>> part, origin = central(np.zeros((100, 50), np.uint8), 64, 8)
    >>> part.shape, origin
    ((64, 50), (16, 0))
    """
    top, left = (max(0, side - most) // 2 // period * period for side in pixels.shape[:2])
    return pixels[top : top + most, left : left + most], (top, left)


def row_bands(shape: tuple[int, ...]) -> list[slice]:
    """Rows that a picture of this shape is measured on where only means are asked for.

    All of them up to 2 * `SAMPLED` pixels; beyond that bands of 64 rows, evenly spread and starting at multiples of 64
    (so that every grid of a codec keeps its phase), with about `SAMPLED` pixels together: more pixels would not change
    a mean that can be measured.
    """
    height, width = shape[:2]
    if height * width <= 2 * SAMPLED or height < 2 * _BAND:
        return [slice(0, height)]
    whole = height // _BAND
    count = min(whole, max(1, SAMPLED // (_BAND * width)))
    return [slice(_BAND * (k * whole // count), _BAND * (k * whole // count + 1)) for k in range(count)]


def tiles(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Parts that a picture of this shape is measured on where what is near the border of a part has to be left out.

    The whole picture up to 2 * `SAMPLED` pixels, and where a side is shorter than a tile; beyond that tiles of 256x256
    at multiples of 256, evenly spread, with 2 * `SAMPLED` pixels together.
    """
    height, width = shape[:2]
    down, across = height // _TILE, width // _TILE
    if height * width <= 2 * SAMPLED or not down * across:
        return [(slice(0, height), slice(0, width))]
    count = min(down * across, 2 * SAMPLED // _TILE**2)
    places = (divmod((2 * k + 1) * down * across // (2 * count), across) for k in range(count))
    return [(slice(_TILE * i, _TILE * (i + 1)), slice(_TILE * j, _TILE * (j + 1))) for i, j in places]


def as_planes(pixels: np.ndarray) -> Planes:
    """Make a picture ready for the extractors.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        Grey, grey + alpha, RGB or RGB + alpha; see `to_rgb8`.

    Raises
    ------
    TypeError
        The dtype is neither uint8 nor uint16.
    ValueError
        The shape is not a picture's, or a side is under `MINIMUM_SIDE` pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import as_planes
    >>> red = np.zeros((64, 64, 3), np.uint8)
    >>> red[:, :, 0] = 255
    >>> planes = as_planes(red)
    >>> [round(float(plane[0, 0]), 1) for plane in (planes.y, planes.cb, planes.cr)]
    [76.2, -43.0, 127.5]
    >>> planes.grey
    False
    """
    rgb = to_rgb8(pixels)
    height, width = rgb.shape[:2]
    if min(height, width) < MINIMUM_SIDE:
        raise ValueError(f"pictures are at least {MINIMUM_SIDE} pixels a side, not {width}x{height}")
    y = np.empty((height, width), np.float32)
    cb = np.empty_like(y)
    cr = np.empty_like(y)
    grey = _ycc(rgb, y, cb, cr)
    if grey:
        cb[:] = 0
        cr[:] = 0
    return Planes(rgb, y, cb, cr, grey)
