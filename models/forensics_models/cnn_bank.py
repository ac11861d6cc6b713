"""The network's fixed numbers: colour matrices, the high-pass bank, the waves of a folded map.

Both the Keras layers that are trained (`cnn_layers`) and the network at run time (`cnn_forward`) take them from here.

References
----------
.. [1] ITU-T T.871 (JFIF): full-range YCbCr by BT.601; ITU-R BT.601-7, 2.5.1: the limited range.
"""

from __future__ import annotations

import numpy as np
from forensics_features.standards import YCBCR_BT601

PERIOD = 16
"""Period in pixels that phase statistics are folded at: it shows grids of 2, 4, 8 and 16."""

MARGIN = 4
"""Pixels on each side that the widest fixed kernel takes."""

CERTAINTY = (8.5, -15.0)
"""Offset and slope of the certainty that a pixel is on a colour lattice, before it is clipped to 0..1: steep, and no
step that rounding could turn over.
"""
FARTHEST = 2.0
"""Change of a channel at which the distance from a lattice ends."""
LIMIT = 6.0
"""Residuals are softly limited to this."""
TONE = 1 / 64
"""Factor of the colour planes that are seen as they are."""
GROUPS = ((0, 0, 15, 3, 7), (0, 15, 18, 0, 9), (1, 18, 20, 3, 6), (2, 20, 22, 3, 6))
"""Residual kernels that run together: plane, first and last + 1 of the 22, and the rows and columns of the 9x9 that
they occupy.
"""
FLOOR = 1e-3
"""Added to variances and to levels of folded maps, so that their rounding error does not show on flat pictures."""

_BITS = 14
"""Fractional bits of the colour matrices: sums of their products with 8-bit values are exact in float32, in any order.
"""

_BT601 = np.array(YCBCR_BT601)
_BT601_LIMITED = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255


def _exact(matrix: np.ndarray) -> np.ndarray:
    return (np.round(matrix * 2**_BITS) / 2**_BITS).astype(np.float32)


FULL_RANGE, FULL_RANGE_BACK = _exact(_BT601), _exact(np.linalg.inv(_BT601))
LIMITED_RANGE, LIMITED_RANGE_BACK = _exact(_BT601_LIMITED), _exact(np.linalg.inv(_BT601_LIMITED))
"""Matrices from RGB to YCbCr less its offsets, and back, rows an output; entries are multiples of 2 ** -14."""


def block_cosines() -> np.ndarray:
    """Vectors of the DCT of four samples, orthonormal, `np.ndarray [shape=(4, 4), dtype=float64]`, rows a frequency."""
    place, order = np.meshgrid(np.arange(4), np.arange(4))
    return np.asarray(np.cos(np.pi * (place + 0.5) * order / 4) * np.sqrt(np.where(order == 0, 1, 2) / 4))


def wavelet_filters() -> np.ndarray:
    """Low-pass and high-pass analysis filter of the CDF 9/7 wavelet, `np.ndarray [shape=(2, 9), dtype=float64]`."""
    low = np.array([0.026748757, -0.016864118, -0.078223266, 0.266864118, 0.602949018])
    high = np.array([0.0, 0.045635882, -0.028771763, -0.295635882, 0.557543526]) * 2
    return np.array([np.concatenate([half, half[-2::-1]]) for half in (low, high)])


def bank_kernels() -> np.ndarray:
    """The high-pass bank for one plane, `np.ndarray [shape=(9, 9, 18), dtype=float32]`.

    Fifteen 4x4 block-cosine kernels (orthonormal, without the constant one) and the three detail bands of the CDF 9/7
    wavelet's first level (the scaling of JPEG 2000, ITU-T T.800 annex F), each centred in 9x9 and undecimated:
    whichever phase a codec worked at is there.
    """
    cosines, (low, high) = block_cosines(), wavelet_filters()
    kernels = [np.pad(np.outer(cosines[v], cosines[u]), (3, 2)) for v in range(4) for u in range(4) if u + v]
    kernels += [np.outer(low, high), np.outer(high, low), np.outer(high, high)]
    return np.stack(kernels, axis=-1).astype(np.float32)


def chroma_kernels() -> np.ndarray:
    """Second differences along rows and columns for a chroma plane, `np.ndarray [shape=(9, 9, 2), dtype=float32]`."""
    kernel = np.zeros((9, 9, 2), np.float32)
    kernel[4, 3:6, 0] = kernel[3:6, 4, 1] = (0.5, -1, 0.5)
    return kernel


def fourier_matrix() -> np.ndarray:
    """Real and imaginary parts of the DFT of a folded map, `np.ndarray [shape=(256, 258), dtype=float32]`.

    Rows are the 16x16 positions, columns the cosines and then the sines of one half of the plane without the constant;
    divided by 256, so that magnitudes do not grow with the map.
    """
    y, x = np.divmod(np.arange(PERIOD**2), PERIOD)
    phases = [
        2 * np.pi * (v * y + u * x) / PERIOD
        for v in range(PERIOD)
        for u in range(PERIOD // 2 + 1)
        if (u, v) != (0, 0) and not (u in (0, PERIOD // 2) and v > PERIOD // 2)
    ]
    waves = np.stack(phases, axis=1)
    return (np.concatenate([np.cos(waves), np.sin(waves)], axis=1) / PERIOD**2).astype(np.float32)


FREQUENCIES = fourier_matrix().shape[1] // 2
"""Magnitudes of a folded map's spectrum."""
