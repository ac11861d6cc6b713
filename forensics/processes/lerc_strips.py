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
_NEXT_BEST = 0.8
"""Share of runs at the next best place above which none is a border of blocks: of 66 crops of the validation sources,
coded in strips of 3 to 13 rows with errors of 1 to 4, 56 are found, with 0.705 at most; a computed picture of all
colours, with ramps of eight equal samples, has 0.97."""
_TELLING = 0.6
"""Least telling runs at the best place, over the most at any: the 56 have 0.96 and more, every other column of that
picture, whose steps fall between runs there, 0.30."""


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
            evenly = grid.blocks >= _TELLING * counts[..., 1:].sum(axis=-1).max()
            if grid.log10_nfa <= below and grid.other <= _NEXT_BEST and evenly:
                return Strips(error, along_rows, counts, grid)
    return None


def _hopeful(lines: np.ndarray, step: int) -> bool:
    """Whether a sample of the lines leaves hope."""
    counts = runs_by_phase(lines[::_SAMPLED_EVERY], step)
    return bool((counts[:, 1] > _HOPELESS_SHARE * counts[:, 1:].sum(axis=1)).any())


def runs_by_phase(lines: np.ndarray, step: int) -> np.ndarray:
    """How many runs say nothing, leave one residue, or do not: by the column at which they start, modulo `SIDE`.

    A run that is the one of the line before says nothing new: colour bars have the same few runs in every line.

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
    tells, alike = (high - low >= step) & _new(lines), least == most
    for phase in range(SIDE):
        told = tells[:, phase::SIDE]
        fit = int(np.count_nonzero(alike[:, phase::SIDE] & told))
        telling = int(np.count_nonzero(told))
        counts[phase] = told.size - telling, fit, telling - fit
    return counts


def _new(lines: np.ndarray) -> np.ndarray:
    """Which runs are not those of the line before, by the column at which they start."""
    changed = np.ones(lines.shape, bool)
    np.not_equal(lines[1:], lines[:-1], out=changed[1:])
    return _extremes(changed)[1]


def _extremes(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest sample of every run, by the column at which it starts."""
    low = high = lines
    reach = 1
    while reach < SIDE:
        low = np.minimum(low[:, :-reach], low[:, reach:])
        high = np.maximum(high[:, :-reach], high[:, reach:])
        reach *= 2
    return low, high
