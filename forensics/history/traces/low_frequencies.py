"""Low frequencies of luma's 8x8 DCT over a sample: magnitudes at every phase of the grid, and the coefficients of one
phase.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from forensics_features.block_dct import aligned_dct, phase_histograms
from forensics_features.comb import BINS

from forensics.history.traces.sample import Sample

BLOCK = 8
"""Side of a block in pixels: ITU-T T.81 A.3.1."""
KEPT = 5
"""Frequencies 0..KEPT-1 of each direction are looked at, the mean excepted."""
COUNT = KEPT * KEPT - 1
"""How many that are."""
SCALES = (1, 2, 4)
"""By which magnitudes may be divided."""
_INDEX = np.arange(-1, COUNT).reshape(KEPT, KEPT)


_counted: WeakKeyDictionary[Sample, dict[int, np.ndarray]] = WeakKeyDictionary()


def magnitudes(sample: Sample, scale: int) -> np.ndarray:
    """Histograms of |c| / scale, `np.ndarray [shape=(64, COUNT, BINS), dtype=int32]`, by phase and by frequency in
    raster order.

    A larger scale counts larger magnitudes, and rounding noise weighs less. Blocks are transformed once for all scales.

    Raises
    ------
    ValueError
        Another scale than those of `SCALES`.
    """
    if scale not in SCALES:
        raise ValueError(f"scales are {', '.join(map(str, SCALES))}, not {scale}")
    by_scale = _counted.get(sample)
    if by_scale is None:
        planes = (region.y for region in sample.regions)
        counts = phase_histograms(planes, BLOCK, KEPT, _INDEX, BINS * SCALES[-1])
        by_scale = _counted[sample] = {}
        for one in SCALES:
            by_scale[one] = np.ascontiguousarray(counts[:, :, :BINS])
            counts = counts[:, :, ::2] + counts[:, :, 1::2]  # ten times as fast as a sum along an axis of two
    return by_scale[scale]


def coefficients(sample: Sample, phase: tuple[int, int]) -> np.ndarray:
    """Coefficients of the blocks of one phase, `np.ndarray [shape=(COUNT, blocks), dtype=float32]`."""
    blocks = [aligned_dct(region.y, BLOCK, phase, KEPT).reshape(KEPT * KEPT, -1)[1:] for region in sample.regions]
    return np.concatenate(blocks, axis=1)
