"""An earlier JPEG of a picture that was reduced and saved as a JPEG again.

The borders of its blocks stand 8 s pixels apart in the last one (`forensics_features.scaled_grid`), beside those of the
last grid, whose lines are left out. `forensics_models.block_grids` says whether the reading is a grid.
"""

from __future__ import annotations

import numpy as np
from forensics_models.block_grids import GridJudge

from forensics.pixels import eight_bit
from forensics.results.history import Generation, Parameter

SCALE = "scale"
"""Name of the parameter: share of its size that the picture was reduced to after the earlier compression."""
_INTERVAL = 0.01
"""Relative half-width of the interval of a scale: what counts as read rightly where the judge was trained."""


def before_reduction(pixels: np.ndarray) -> Generation | None:
    """The earlier JPEG of a picture whose last compression was a JPEG; None where its grid is not found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, channels]), dtype=uint8 or uint16]
    """
    from forensics_features import scaled_grid

    grid = scaled_grid.find(eight_bit(pixels), saved_again=True)
    if grid is None:
        return None
    judged = GridJudge.shipped("resaved").judge(grid.values)
    if not (judged.found and judged.jpeg):
        return None
    probability = float(min(judged.probabilities[2], 1 - (judged.reached + 1) / (judged.tried + 2)))
    basis = (
        f"borders of blocks stand {grid.period:.2f} pixels apart, beside those of the last grid at every 8th pixel; "
        f"{judged.reached or 'none'} of {judged.tried:,} pictures that were compressed once have borders as clear"
    )
    low, high = grid.scale * (1 - _INTERVAL), grid.scale * (1 + _INTERVAL)
    return Generation("jpeg", probability, (Parameter(SCALE, round(grid.scale, 4), low, high, basis=basis),))
