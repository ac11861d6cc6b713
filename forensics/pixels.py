"""What holds for the pixels of every picture: the most of them, and the one rule by which samples become 8-bit."""

from __future__ import annotations

import numpy as np

MAX_PIXELS = 250_000_000
"""Pictures of more pixels than this are refused unless the caller allows them."""


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    """Samples at 8 bits, by the extractors' own rule: 16-bit values v become round(v / 257)."""
    if pixels.dtype == np.uint8:
        return pixels
    from forensics_features.planes import to_rgb8

    return to_rgb8(pixels)
