"""How much there is to read: pixels at which brightness bends, and how far a dictionary coder packs the samples; no
part of the vector.

Exact tests count how often samples fit a coder by chance, as if they did not depend on each other. In pictures that a
program computed (ramps, fractals, colour charts, screens of one pattern) they do, and chance is no measure. Such
pictures bend at few pixels, or repeat themselves so much that DEFLATE packs them to a fraction of a bit a sample.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np

from forensics_features._kernel import kernel

BEND = 3
"""Second difference in levels from which a pixel counts: rounding alone gives up to 2 on a smooth ramp."""


@kernel
def count_bends(rgb: np.ndarray, least: int, enough: int) -> int:
    """Pixels whose second difference along the row or the column reaches `least` in some channel, row by row up to
    `enough`.
    """
    found = 0
    for i in range(1, rgb.shape[0] - 1):
        if found >= enough:
            break
        for j in range(1, rgb.shape[1] - 1):
            for c in range(3):
                middle = 2 * np.int64(rgb[i, j, c])
                across = abs(np.int64(rgb[i, j - 1, c]) + np.int64(rgb[i, j + 1, c]) - middle)
                down = abs(np.int64(rgb[i - 1, j, c]) + np.int64(rgb[i + 1, j, c]) - middle)
                if max(across, down) >= least:
                    found += 1
                    break
    return found


def bent_pixels(rgb: np.ndarray, enough: int | None = None) -> int:
    """How many pixels have content.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8]
    enough : int, optional
        Number from which rows that follow are not looked at.

    Returns
    -------
    int
        Inner pixels whose second difference is at least `BEND` levels along the row or the column, in some channel: 0
        for flat pictures and computed ramps, with or without steps of a level.
    """
    return int(count_bends(np.ascontiguousarray(rgb), BEND, rgb.size if enough is None else enough))


class Content(NamedTuple):
    """What a picture holds.

    Attributes
    ----------
    bent : float
        Share of the inner pixels at which brightness bends (`bent_pixels`), 0..1.
    bits : float
        Bits a sample of green to which DEFLATE packs the differences of neighbours, 0..8.
    """

    bent: float
    bits: float

    def measured_by_chance(self, bent: float, bits: float) -> bool:
        """Whether there is at least so much of both that chance is a measure of what samples fit."""
        return self.bent >= bent and self.bits >= bits


def content_of(rgb: np.ndarray) -> Content:
    """Both measures of a picture or a part of one.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8]
        At least 3 pixels a side.

    Returns
    -------
    Content

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.content import content_of
    >>> noise = np.random.default_rng(0).integers(0, 256, (64, 64, 1), dtype=np.uint8).repeat(3, axis=2)
    >>> content_of(noise).bits > 7, content_of(np.tile(noise[:8, :8], (8, 8, 1))).bits < 0.5
    (True, True)
    """
    return Content(bent_share(rgb), _packed_bits(rgb[..., 1]))


def bent_share(rgb: np.ndarray) -> float:
    """Share of the inner pixels that `bent_pixels` counts, 0..1; takes the same picture."""
    inner = (rgb.shape[0] - 2) * (rgb.shape[1] - 2)
    return bent_pixels(rgb) / max(inner, 1)


def _packed_bits(plane: np.ndarray) -> float:
    """The lesser of the bits a sample of differences along rows, and of those along rows and columns."""
    across = np.diff(plane.astype(np.int16), axis=1)
    both = np.diff(across, axis=0)
    return min(8 * len(zlib.compress(one.astype(np.uint8).tobytes(), 6)) / max(one.size, 1) for one in (across, both))
