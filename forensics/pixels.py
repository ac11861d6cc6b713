"""What holds for the pixels of every picture: the most of them, and the one rule by which samples become 8-bit."""

from __future__ import annotations

import numpy as np

MAX_PIXELS = 250_000_000
"""Pictures of more pixels than this are refused unless the caller allows them."""


def channel_range(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest of the first three channels, each without the last axis and of the same dtype.

    Channel by channel: along an axis of three NumPy takes forty times as long.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.pixels import channel_range
    >>> [values.tolist() for values in channel_range(np.array([[7, 9, 8], [3, 3, 3]], np.uint8))]
    [[7, 3], [9, 3]]
    """
    red, green, blue = (pixels[..., k] for k in range(3))
    return np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)


def has_colour(pixels: np.ndarray) -> bool:
    """Whether any two channels of a picture differ, alpha left out: `np.ndarray [shape=(height, width[, channels])]`.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.pixels import has_colour
    >>> has_colour(np.full((2, 2, 3), 7, np.uint8)), has_colour(np.array([[[7, 7, 8]]], np.uint8))
    (False, True)
    """
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        return False
    first = pixels[..., 0]
    return bool((first != pixels[..., 1]).any() or (first != pixels[..., 2]).any())


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    """Samples at 8 bits, by the extractors' own rule: 16-bit values v become round(v / 257)."""
    if pixels.dtype == np.uint8:
        return pixels
    from forensics_features.planes import to_rgb8

    return to_rgb8(pixels)


def luma(pixels: np.ndarray) -> np.ndarray:
    """BT.601 luma in whole levels, `np.ndarray [shape=(height, width), dtype=uint8]`, of a picture of shape (height,
    width[, 1..4]).

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.pixels import luma
    >>> luma(np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)).tolist()
    [[76, 150]]
    """
    from forensics_features.planes import to_rgb8
    from forensics_features.standards import LUMA_WEIGHTS

    return np.asarray(np.rint(to_rgb8(pixels) @ LUMA_WEIGHTS["bt601"]).astype(np.uint8))
