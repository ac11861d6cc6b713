"""JPEG quality without a header, by ghosts: compress again at every quality and look for the one that changes least
(Farid, IEEE TIFS 2009, doi:10.1109/TIFS.2008.2012215).

The patch is first cut to the 8x8 grid that the zero-count detector finds; where it finds none, the patch counts as not
JPEG. The estimate is read on the scale of the standard luminance table, as the tools that estimate quality from pixels
do.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass

import numpy as np
from forensics_features import as_planes
from forensics_models.classes import FINE_CLASSES
from PIL import Image

from forensics_benchmarks.models import Judged, PatchBatch, Workplace, digest, only_classes
from forensics_benchmarks.peers.zero_grid import main_grid

QUALITIES = (*range(30, 90, 3), *range(90, 101))
"""Qualities that are tried."""


@dataclass(frozen=True)
class Ghosts:
    """JPEG quality of the deepest ghost."""

    name: str = "jpeg-ghost"

    def prepare(self, place: Workplace) -> Ghosts:
        return self

    def key(self) -> str:
        return digest("ghosts", QUALITIES)

    def judge(self, batch: PatchBatch) -> Judged:
        start = time.perf_counter()
        said, quality = np.zeros((len(batch), len(FINE_CLASSES))), np.full(len(batch), np.nan)
        for index, patch in enumerate(batch):
            luma = np.rint(as_planes(patch).y).astype(np.float32)
            row, column, log10_nfa = main_grid(luma)
            found = log10_nfa < 0
            said[index, FINE_CLASSES.index("jpeg" if found else "uncompressed")] = 1.0
            if found:
                quality[index] = deepest_ghost(luma[row:, column:].astype(np.uint8))
        return only_classes(said, time.perf_counter() - start, quality)


def deepest_ghost(luma: np.ndarray) -> float:
    """The quality at which compressing once more changes luma least, relative to the qualities next to it.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=uint8]
        Aligned with the grid of the earlier compression.
    """
    height, width = (extent // 8 * 8 for extent in luma.shape)
    plane = np.ascontiguousarray(luma[:height, :width])
    picture = Image.fromarray(plane)
    changes = np.array([_change(picture, plane, quality) for quality in QUALITIES])
    # The change falls with quality of itself; a ghost is a dip under the line between its neighbours.
    rising = np.minimum.accumulate(changes)
    around = np.sqrt(np.r_[rising[0], rising[:-1]] * np.r_[changes[1:], changes[-1]])
    return float(QUALITIES[int(np.argmin(changes / np.maximum(around, 1e-3)))])


def _change(picture: Image.Image, plane: np.ndarray, quality: int) -> float:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    with Image.open(stream) as again:
        return float(np.mean((np.asarray(again, np.float32) - plane) ** 2)) + 1e-3
