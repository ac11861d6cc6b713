"""Block phases: how neighbouring samples differ by their place in blocks that start at the picture's first sample.

A picture that was not cropped has its codec's blocks there. Where an edge between two blocks is known to be, it need
not be found: over a whole picture means are taken that show what noise, a median or a blur leave of it, far below what
a search for a grid finds. Which multiples of 4, 8, 16, 32 and 64 samples stand out, on which side of an edge, in luma
or chroma, is of the codec: how it cuts trees of blocks, and which samples its deblocking filter moves.

Every difference is taken over the mean of those nearby along its axis, so that smooth parts count as much as textures
(compare `blockiness`, whose measures do not depend on the crop).

References
----------
.. [1] Z. Fan, R. L. de Queiroz, IEEE Trans. Image Processing 12(2), 2003, doi:10.1109/TIP.2002.807361 (block-edge
       evidence).
"""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import fast_kernel
from forensics_features.blockiness import FOLD, fold_profile
from forensics_features.planes import Planes, as_planes, central

PERIODS = (4, 8, 16, 32, FOLD)
"""Periods in samples, each of which shows in the means over those that it divides."""
MOST = 1024
"""Larger pictures are measured in their middle, from a multiple of `FOLD` on."""
LEAST_SIDE = 160
"""Smallest side, in pixels: about that of the smallest pictures that the judge of block phases learns from."""
_REACH = 16
"""Samples to either side that a difference is compared with."""
_ROUNDING = 0.5
"""Added to what it is compared with, in levels: about rounding's own differences."""
_CAP = 4.0
"""Times the mean nearby at which a difference is cut off, so that edges of the scene do not drown blocks."""


@fast_kernel
def _relative(plane: np.ndarray, reach: int, added: float, cap: float, out: np.ndarray) -> None:
    """Sums over rows, by column j of the edge between j and j + 1: first, second and third differences over their means
    over 2 * reach + 1 columns.
    """
    width = plane.shape[1]
    sizes = np.zeros((3, width), np.float32)
    sums = np.zeros(width + 1, np.float32)
    wide = np.float32(2 * reach + 1)
    least, most = np.float32(added), np.float32(cap)
    for i in range(plane.shape[0]):
        for j in range(1, width - 2):
            before, left, right, after = plane[i, j - 1], plane[i, j], plane[i, j + 1], plane[i, j + 2]
            sizes[0, j] = abs(right - left)
            sizes[1, j] = abs(before - left - right + after)
            sizes[2, j] = abs(after - before + np.float32(3) * (left - right))
        for m in range(3):
            for j in range(width):
                sums[j + 1] = sums[j] + sizes[m, j]
            for j in range(1 + reach, width - 2 - reach):
                near = (sums[j + reach + 1] - sums[j - reach]) / wide + least
                out[m, j] += min(sizes[m, j] / near, most)


def relative_profiles(plane: np.ndarray) -> np.ndarray:
    """Mean relative difference at each vertical pixel boundary.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32]
        At least `LEAST_SIDE` samples a side.

    Returns
    -------
    np.ndarray [shape=(3, width - 35), dtype=float64]
        Absolute first, second and third difference over its mean nearby, at the boundary between columns j + 17 and
        j + 18.
    """
    sums = np.zeros((3, plane.shape[1]))
    _relative(np.ascontiguousarray(plane), _REACH, _ROUNDING, _CAP, sums)
    return sums[:, 1 + _REACH : -2 - _REACH] / plane.shape[0]


def middle(pixels: np.ndarray, most: int) -> Planes:
    """The planes of a picture, or of its middle of `most` pixels a side, from a multiple of `FOLD` on.

    Raises
    ------
    TypeError, ValueError
        See `planes.as_planes`; or a side is under `LEAST_SIDE`.
    """
    planes = as_planes(central(pixels, most, FOLD)[0])
    if min(planes.y.shape) < LEAST_SIDE:
        raise ValueError(f"pictures are at least {LEAST_SIDE} pixels a side, not {'x'.join(map(str, planes.y.shape))}")
    return planes


def block_phases(pixels: np.ndarray) -> np.ndarray:
    """Relative differences by their place in a block of 64x64 samples.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        At least `LEAST_SIDE` pixels a side; see `planes.as_planes`.

    Returns
    -------
    np.ndarray [shape=(3, 2, 3, 64), dtype=float64]
        Of luma and both chroma planes, across and down, the first, second and third difference, at the boundary before
        each sample of a block; means that are about 1. Chroma of a grey picture is all 0.

    Raises
    ------
    TypeError, ValueError
        See `planes.as_planes`; or a side is too short.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.block_phases import block_phases
    >>> levels = np.random.default_rng(0).integers(0, 256, (24, 24), np.uint8)
    >>> found = block_phases(np.kron(levels, np.ones((8, 8), np.uint8)))
    >>> found.shape
    (3, 2, 3, 64)
    >>> np.flatnonzero(found[0, 0, 0] > 1).tolist()
    [0, 8, 16, 24, 32, 40, 48, 56]
    """
    planes = middle(pixels, MOST)
    first = 1 + _REACH + 1
    return np.stack(
        [
            [np.roll(fold_profile(relative_profiles(one)), first, axis=-1) for one in (plane, plane.T)]
            for plane in (planes.y, planes.cb, planes.cr)
        ]
    )


def values_of(phases: np.ndarray) -> np.ndarray:
    """What tells codecs apart in block phases.

    Parameters
    ----------
    phases : np.ndarray [shape=(3, 2, 3, 64)]
        As of `block_phases`.

    Returns
    -------
    np.ndarray [shape=(1107,), dtype=float64]
        For each plane, difference and period the logarithms of means over both axes and all places alike, as far as
        they are the same on both sides of an edge and as far as they are not.
    """
    logs = np.log(np.asarray(phases, np.float64) + 1e-3)
    logs = (logs - logs.mean(axis=-1, keepdims=True)).mean(axis=1)
    parts = []
    for period in PERIODS:
        folded = logs.reshape(*logs.shape[:-1], FOLD // period, period).mean(axis=-2)
        half = period // 2
        ahead, behind = folded[..., 1:half], folded[..., :half:-1]
        parts += [folded[..., :1], (ahead + behind) / 2, folded[..., half : half + 1], (ahead - behind) / 2]
    return np.concatenate(parts, axis=-1).ravel()
