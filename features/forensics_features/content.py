"""How much there is to read: pixels at which brightness bends; no part of the vector."""

from __future__ import annotations

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
