"""LERC in strips whose height is no multiple of 8: runs of 8 pixels along rows that each keep to one lattice.

GeoTIFF's strips are about 8 KiB by GDAL's default, seven rows of an RGB picture of 384 columns, and blocks start anew
in each. Whatever their height, every run of 8 pixels across a block leaves one residue. In a turned picture the runs
lie along columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forensics.processes.sampling import Grid, best_grid

SIDE = 8
"""Pixels of a run: the width of LERC's blocks."""
_SAMPLED_EVERY = 8
"""One line in so many is read first."""
_HOPELESS_SHARE = 0.8
"""Share of a sample's runs under which a step is given up, at every phase: what GDAL coded with errors of 2 and 4 (ten
pictures of five validation sources) has 0.988 and more, and at most 0.65 at the next phase."""


class Strips(NamedTuple):
    """Runs that keep to a lattice: the error, whether they lie along rows, counts by phase as of `best_grid`, and what
    those say.
    """

    error: int
    along_rows: bool
    counts: np.ndarray
    grid: Grid


def find(plane: np.ndarray, errors: Sequence[int], below: float) -> Strips | None:
    """The largest error with which runs keep to a lattice, along rows or columns; None where none does.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
    errors : sequence of int
        Errors to try: half of the lattice's step.
    below : float
        log10 of the number of false alarms from which on it counts.
    """
    ways = [
        (along_rows, lines)
        for along_rows, lines in ((True, plane), (False, plane.T))
        if _hopeful(lines, 2)  # all steps are multiples of the least
    ]
    for error in sorted(errors, reverse=True):
        for along_rows, lines in ways:
            if not _hopeful(lines, 2 * error):
                continue
            counts = runs_by_phase(lines, 2 * error)[None]
            grid = best_grid(counts, 2 * len(errors))
            if grid.log10_nfa <= below:
                return Strips(error, along_rows, counts, grid)
    return None


def _hopeful(lines: np.ndarray, step: int) -> bool:
    """Whether a sample of the lines leaves hope."""
    counts = runs_by_phase(lines[::_SAMPLED_EVERY], step)
    return bool((counts[:, 1] > _HOPELESS_SHARE * counts[:, 1:].sum(axis=1)).any())


def runs_by_phase(lines: np.ndarray, step: int) -> np.ndarray:
    """How many runs say nothing, leave one residue, or do not: by the column at which they start, modulo `SIDE`.

    Parameters
    ----------
    lines : np.ndarray [shape=(height, width), dtype=uint8]
    step : int
        Of the lattice, in levels; a run tells where its samples lie a step apart at least.

    Returns
    -------
    np.ndarray [shape=(8, 3), dtype=int64]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.processes.lerc_strips import runs_by_phase
    >>> line = np.array([[3, 7, 7, 11, 3, 3, 3, 3, 0, 4, 8, 8, 0, 0, 0, 0]], np.uint8)
    >>> runs_by_phase(line, 4)[:2]
    array([[0, 2, 0],
           [0, 0, 1]])
    """
    counts = np.zeros((SIDE, 3), np.int64)
    if lines.shape[1] < SIDE:
        return counts
    residues = lines % np.uint8(step)
    low, high = _extremes(lines)
    least, most = _extremes(residues)
    tells, alike = high - low >= step, least == most
    for phase in range(SIDE):
        told = tells[:, phase::SIDE]
        fit = int(np.count_nonzero(alike[:, phase::SIDE] & told))
        telling = int(np.count_nonzero(told))
        counts[phase] = told.size - telling, fit, telling - fit
    return counts


def _extremes(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest sample of every run, by the column at which it starts."""
    low = high = lines
    reach = 1
    while reach < SIDE:
        low = np.minimum(low[:, :-reach], low[:, reach:])
        high = np.maximum(high[:, :-reach], high[:, reach:])
        reach *= 2
    return low, high
