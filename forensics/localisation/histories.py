"""How likely each window of a map is under each compression history that a picture may hold.

A history is a codec, and for JPEG also the grid of its blocks. A window's likelihood for a codec is its calibrated
probability, with a floor that stands for the windows on which the model errs with confidence, weighed by how much the
window can tell, so that flat sky argues for nothing. BPG and HEIC share HEVC intra coding and are one history.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from forensics_models.classes import CLASSES, family

from forensics.localisation.grids import clear_grids, grid_likelihoods
from forensics.localisation.scan import CodecMap
from forensics.results.wording import HEVC_FAMILY

FLOOR = 0.02
"""Share of windows on which the model may err with confidence: probabilities are mixed with this much of the uniform
distribution.
"""
GRID_CAP = 6.0
"""Most, in nats, that one window's votes may say against a grid."""

CODECS = (HEVC_FAMILY, *(name for name in CLASSES if family(name) == name))
"""Codecs distinguished: the classes, with BPG and HEIC as one."""
_CODEC_OF = [CODECS.index(family(name)) for name in CLASSES]
_MEMBERS = np.eye(len(CODECS))[_CODEC_OF]
_JPEG = CODECS.index("jpeg")


class History(NamedTuple):
    """A codec of `CODECS`, and the row and column (0..7) on which JPEG's blocks begin, None where no grid is seen."""

    codec: str
    grid: tuple[int, int] | None = None

    def members(self) -> list[int]:
        """Indices in `CLASSES` of the classes it stands for."""
        return [index for index, codec in enumerate(_CODEC_OF) if CODECS[codec] == self.codec]


def likelihoods(scanned: CodecMap) -> tuple[list[History], np.ndarray]:
    """The histories that a map may hold and the windows' log-likelihoods, `np.ndarray [shape=(rows, columns, k),
    dtype=float64]`.
    """
    probabilities = scanned.probabilities @ _MEMBERS
    floored = (1 - FLOOR) * probabilities + FLOOR / len(CODECS)
    values = scanned.evidence[:, :, None] * np.log(floored)
    histories = [History(codec) for codec in CODECS]
    if scanned.grid_votes is None:
        return histories, values
    by_grid = grid_likelihoods(scanned.grid_votes)
    grids = clear_grids(by_grid, probabilities[:, :, _JPEG] > 0.5)
    if not grids:
        return histories, values
    chosen = by_grid[:, :, grids]
    against = np.minimum(chosen.max(axis=2, keepdims=True) - chosen, GRID_CAP)
    jpeg = values[:, :, [_JPEG]] - against
    others = [index for index in range(len(CODECS)) if index != _JPEG]
    named = [History("jpeg", (grid // 8, grid % 8)) for grid in grids]
    return [*(histories[index] for index in others), *named], np.concatenate([values[:, :, others], jpeg], axis=2)
