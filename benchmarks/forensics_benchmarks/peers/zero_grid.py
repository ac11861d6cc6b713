"""The zero-count a-contrario grid detector as a detector of JPEG (Nikoukhah et al., IPOL 2021,
doi:10.5201/ipol.2021.390).

It says JPEG where some origin of the 8x8 grid has a number of false alarms under 1, and no compression elsewhere: it
knows no other codec.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from forensics_features import as_planes
from forensics_models.classes import FINE_CLASSES

from forensics.history.traces import grid_phase
from forensics_benchmarks.models import Judged, PatchBatch, Workplace, digest, only_classes


@dataclass(frozen=True)
class ZeroGrid:
    """JPEG or nothing, by the grid that most pixels vote for."""

    name: str = "zero"

    def prepare(self, place: Workplace) -> ZeroGrid:
        return self

    def key(self) -> str:
        return digest("zero", 1)

    def judge(self, batch: PatchBatch) -> Judged:
        start = time.perf_counter()
        said = np.zeros((len(batch), len(FINE_CLASSES)))
        for index, patch in enumerate(batch):
            luma = np.rint(as_planes(patch).y).astype(np.float32)
            _, _, log10_nfa = main_grid(luma)
            said[index, FINE_CLASSES.index("jpeg" if log10_nfa < 0 else "uncompressed")] = 1.0
        return only_classes(said, time.perf_counter() - start)


def main_grid(luma: np.ndarray) -> tuple[int, int, float]:
    """Origin (row, column) that most pixels vote for, and log10 of its number of false alarms."""
    votes = grid_phase.vote_map(luma)
    counts = np.bincount(votes[votes >= 0].ravel(), minlength=grid_phase.ORIGINS)
    scores = grid_phase.grid_log10_nfa(counts, votes.shape)
    best = int(scores.argmin())
    row, column = divmod(best, grid_phase.BLOCK)
    return row, column, float(scores[best])
