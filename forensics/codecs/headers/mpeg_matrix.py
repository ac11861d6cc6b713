"""The quantisation matrix of intra blocks that MPEG-1 and MPEG-2 video have where they send none of their own, and
tables of video that a JPEG's are held against.

References
----------
.. [1] ISO/IEC 13818-2:2013, 6.3.11, default of `intra_quantiser_matrix`; the same in ISO/IEC 11172-2:1993, 2.4.3.2.
"""

from __future__ import annotations

from functools import cache

import numpy as np

INTRA_MATRIX = np.array(
    [
        [8, 16, 19, 22, 26, 27, 29, 34],
        [16, 16, 22, 24, 27, 29, 34, 37],
        [19, 22, 26, 27, 29, 34, 34, 38],
        [22, 22, 26, 27, 29, 34, 37, 40],
        [22, 26, 27, 29, 32, 35, 40, 48],
        [26, 27, 29, 32, 35, 40, 48, 58],
        [26, 27, 29, 34, 38, 46, 56, 69],
        [27, 29, 35, 38, 46, 56, 69, 83],
    ],
    np.float64,
)
"""By (vertical, horizontal) frequency; a step is so many sixteenths of the quantiser scale."""

VIDEO_STEPS = np.geomspace(2, 40, 80)
"""Steps of the first coefficient behind the mean, in levels, of `video_tables`: from what rounding hides to what leaves
hardly any coefficient; continuous, for samples of limited range are stretched."""


@cache
def video_tables() -> np.ndarray:
    """Tables of MPEG-1 and MPEG-2, and of H.263 and its like, which have one step for all frequencies, at each of
    `VIDEO_STEPS`, `np.ndarray [shape=(2 * len(VIDEO_STEPS), 8, 8), dtype=float64]`; by (vertical, horizontal)
    frequency.
    """
    relative = np.stack([INTRA_MATRIX / INTRA_MATRIX[0, 1], np.ones((8, 8))])
    return np.asarray((relative[:, None] * VIDEO_STEPS[:, None, None]).reshape(-1, 8, 8))
