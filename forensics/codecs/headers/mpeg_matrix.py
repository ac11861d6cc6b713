"""The quantisation matrix of intra blocks that MPEG-1 and MPEG-2 video have where they send none of their own.

References
----------
.. [1] ISO/IEC 13818-2:2013, 6.3.11, default of `intra_quantiser_matrix`; the same in ISO/IEC 11172-2:1993, 2.4.3.2.
"""

from __future__ import annotations

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
