"""Maps of known content, for tests of what is made of a map."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_models.classes import FINE_CLASSES

from forensics.localisation.scan import CodecMap, places


def make_map(
    codecs: np.ndarray, *, sure: float = 0.99, evidence: float = 1.0, votes: np.ndarray | None = None
) -> CodecMap:
    """A map of 64-pixel windows, 32 apart, whose windows say the fine class in `codecs` [shape=(rows, columns),
    dtype=str].
    """
    rows, columns = codecs.shape
    fine = np.full((rows, columns, len(FINE_CLASSES)), (1 - sure) / (len(FINE_CLASSES) - 1))
    for row in range(rows):
        for column in range(columns):
            fine[row, column, FINE_CLASSES.index(codecs[row, column])] = sure
    height, width = 32 * rows + 32, 32 * columns + 32
    return CodecMap(
        width=width,
        height=height,
        side=64,
        step=32,
        tops=np.array(places(height, 64, 32)),
        lefts=np.array(places(width, 64, 32)),
        fine_probabilities=fine,
        log2_ratio=np.tile([2.0, 3.0, 4.0], (rows, columns, 1)),
        ssim=np.tile([0.9, 0.95, 0.97], (rows, columns, 1)),
        evidence=np.full((rows, columns), evidence),
        grid_votes=votes,
    )


@pytest.fixture
def codec_map():
    """The function `make_map`."""
    return make_map


@pytest.fixture
def planted():
    """Rows of JPEG XR with a rectangle of WebP: the names and the rectangle's mask."""
    names = np.full((12, 14), "jpegxr-1", dtype="<U12")
    mask = np.zeros(names.shape, bool)
    mask[3:7, 5:10] = True
    names[mask] = "webp"
    return names, mask
