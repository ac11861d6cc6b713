"""Low frequencies of luma's 8x8 DCT over a sample: magnitudes at every phase of the grid, and the coefficients of one
phase.
"""

from __future__ import annotations

import numpy as np
from forensics_features.block_dct import aligned_dct, phase_scan
from forensics_features.comb import BINS

from forensics.history.traces.sample import Sample

BLOCK = 8
"""Side of a block in pixels: ITU-T T.81 A.3.1."""
KEPT = 5
"""Frequencies 0..KEPT-1 of each direction are looked at, the mean excepted."""
COUNT = KEPT * KEPT - 1
"""How many that are."""
_INDEX = np.arange(-1, COUNT).reshape(KEPT, KEPT)


def magnitudes(sample: Sample, scale: float) -> np.ndarray:
    """Histograms of |c| / scale, `np.ndarray [shape=(64, COUNT, BINS), dtype=int64]`, by phase and by frequency in
    raster order.

    Contrast is taken down by `scale` first, so that larger magnitudes are counted and rounding noise weighs less.
    """
    found = np.zeros((BLOCK * BLOCK, COUNT, BINS), np.int64)
    for region in sample.regions:
        plane = region.y if scale == 1 else region.y / np.float32(scale)
        found += phase_scan(plane, BLOCK, KEPT, _INDEX)[1]
    return found


def coefficients(sample: Sample, phase: tuple[int, int]) -> np.ndarray:
    """Coefficients of the blocks of one phase, `np.ndarray [shape=(COUNT, blocks), dtype=float32]`."""
    blocks = [aligned_dct(region.y, BLOCK, phase, KEPT).reshape(KEPT * KEPT, -1)[1:] for region in sample.regions]
    return np.concatenate(blocks, axis=1)
