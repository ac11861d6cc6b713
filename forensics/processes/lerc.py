"""LERC: every 8x8 block keeps to a lattice that starts at its own minimum; in strips of other heights, every run
of 8 pixels along them (`lerc_strips`).

The test looks at the central 512x512 pixels. Turned and mirrored pictures are the same to it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from forensics.pixels import has_colour
from forensics.processes import lerc_strips
from forensics.processes.base import Process
from forensics.processes.figures import plot_phases
from forensics.processes.sampling import LEAST_SHARE, Grid, best_grid, excluding_each, shares
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import percentage

NAME = "lerc_blocks"
SIDE = 8
"""Side of LERC's blocks in pixels."""
ERRORS = (1, 2, 3, 4, 5, 6, 8, 10)
"""Errors tried, in levels: the lattice's step is twice as large."""
_MOST = 512
"""Side of the central part that is looked at, in pixels: a bound on work."""
_LEVELS = 0.9
"""Share of a plane's samples in one residue class from which the whole plane has coarser levels, which is no trace of
LERC. Of 48 validation crops coded by LERC with errors of 1 to 5 all are found at 0.8 to 1 (46 at 0.6), of 48 posterised
ones, up to 30 % of whose pixels changed since, none (`forensics_benchmarks.thresholds`)."""


def test(pixels: np.ndarray) -> Trace:
    """Test the 64 phases of the 8x8 grid for each of `ERRORS`, in the channel that tells most.

    Not found where the samples of the whole picture keep to one lattice (posterised or stretched pictures).

    Returns
    -------
    Trace
        `statistic`: share of the telling blocks that keep to a lattice of their own at the best phase, 0..1.
        `parameters`: `phase`, `error` in levels, `blocks`, `possible`, `beside` (share at the next best phase).
        `series`: `phases`, the share by phase.
    """
    from forensics_features.planes import central, level_counts, to_rgb8

    part, (top, left) = central(pixels, _MOST, SIDE)
    rgb = to_rgb8(part)
    levels = level_counts(rgb)
    chosen = int(np.argmax([_spread(counts) for counts in levels]))
    errors = [error for error in ERRORS if not _one_lattice(levels[chosen], 2 * error)]
    counted = _counted(np.ascontiguousarray(rgb[..., chosen]), errors)
    grids = [(best_grid(counts, len(ERRORS)), error, counts) for error, counts in counted.items()]
    if not grids:
        return _absent(best_grid(np.zeros((SIDE, SIDE, 3), np.int64), len(ERRORS)), np.zeros((SIDE, SIDE)))
    significant = [entry for entry in grids if entry[0].log10_nfa <= FOUND_BELOW]
    if not significant:
        for strips in (lerc_strips.find(rgb[..., k], errors, FOUND_BELOW) for k in _channels(rgb)):
            if strips is not None:
                return _in_strips(strips, (top, left))
        grid, _, counts = max(grids, key=lambda entry: entry[0].share)
        return _absent(grid, shares(counts))
    grid, error, counts = max(significant, key=lambda entry: entry[1])  # divisors of the step fit as well
    phase = [(grid.phase[0] + top) % SIDE, (grid.phase[1] + left) % SIDE]
    return _found(
        grid,
        phase,
        error,
        shares(counts),
        (
            f"On the 8x8 grid that starts at row {phase[0]}, column {phase[1]}, {grid.fit} of {grid.blocks} blocks "
            f"that can tell have samples that are multiples of {2 * error} above their own "
            f"minimum, as LERC with an error of {error} leaves them; on the next best of the other 63 grids "
            f"{percentage(grid.other, 0)} have. Chance gives this in {chance(grid.log10_nfa)}."
        ),
    )


def _channels(rgb: np.ndarray) -> tuple[int, ...]:
    """Channels that differ: a clipped one may hide what another shows."""
    return (0, 1, 2) if has_colour(rgb) else (0,)


def _in_strips(strips: lerc_strips.Strips, start: tuple[int, int]) -> Trace:
    grid, along = strips.grid, "rows" if strips.along_rows else "columns"
    phase = (grid.phase[1] + start[1 if strips.along_rows else 0]) % SIDE
    return _found(
        grid,
        [None, phase] if strips.along_rows else [phase, None],
        strips.error,
        np.array(np.broadcast_to(shares(strips.counts), (SIDE, SIDE))),
        (
            f"Of the runs of 8 pixels along {along} that start {phase} pixels from the first one and every 8 pixels "
            f"from there, {grid.fit} of {grid.blocks} that can tell have samples that lie multiples of "
            f"{2 * strips.error} apart, as LERC with an error of {strips.error} leaves them in strips whose height is "
            f"no multiple of 8; at the next best of the other 7 places {percentage(grid.other, 0)} have. Chance gives "
            f"this in {chance(grid.log10_nfa)}."
        ),
    )


def _found(grid: Grid, phase: list[Any], error: int, phases: np.ndarray, sentence: str) -> Trace:
    return Trace(
        name=NAME,
        statistic=grid.share,
        log10_nfa=grid.log10_nfa,
        speaks_for=("lerc",),
        parameters={
            "phase": phase,
            "error": error,
            "blocks": grid.blocks,
            "possible": grid.fit,
            "beside": round(grid.other, 3),
        },
        sentence=sentence,
        series={"phases": phases},
    )


def _counted(plane: np.ndarray, errors: list[int]) -> dict[int, np.ndarray]:
    """Counts of blocks by error; of a sample where that excludes the error at every phase."""
    from forensics_features.residual_lattice import block_lattices

    def counted(part: np.ndarray, of: list[int]) -> np.ndarray:
        return np.stack(block_lattices(part, [2 * error for error in of], SIDE))

    if not errors:
        return {}
    samples = dict(zip(errors, excluding_each(partial(counted, of=errors), plane, side=SIDE), strict=True))
    left = [error for error, sample in samples.items() if sample is None]
    whole = dict(zip(left, counted(plane, left), strict=True)) if left else {}
    return {error: whole[error] if sample is None else sample for error, sample in samples.items()}


def _spread(levels: np.ndarray) -> int:
    """Variance of samples by how many there are of each level, times their number squared."""
    values = np.arange(len(levels))
    return int(levels.sum()) * int(levels @ values**2) - int(levels @ values) ** 2


def _one_lattice(levels: np.ndarray, step: int) -> bool:
    """Whether nearly all samples, counted by level, leave one residue."""
    return bool(np.bincount(np.arange(len(levels)) % step, levels).max() > _LEVELS * levels.sum())


def _absent(grid: Grid, phases: np.ndarray) -> Trace:
    return Trace(
        name=NAME,
        statistic=grid.share,
        log10_nfa=max(grid.log10_nfa, 0.0),
        speaks_for=(),
        parameters={
            "phase": None,
            "error": None,
            "blocks": grid.blocks,
            "possible": grid.fit,
            "beside": round(grid.other, 3),
        },
        sentence=(
            f"On no 8x8 grid does each block keep to a lattice of its own: at most {grid.fit} of {grid.blocks} blocks "
            f"that could tell do, and {100 * LEAST_SHARE:.0f} % would have to."
        ),
        series={"phases": phases},
    )


PROCESS = Process(
    name="lerc",
    title="LERC",
    what=(
        "Limited error raster compression of maps and elevations: every 8x8 block is rounded to a lattice "
        "that starts at its own minimum."
    ),
    made_by="imagecodecs (LERC), errors of 1 to 4",
    undecided="the version of the format",
    exact=test,
    veto=True,
    trace=NAME,
    plot=plot_phases,
)
