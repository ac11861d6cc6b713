"""Recompression: on the grid and at the index where a codec coded a picture, its encoder changes most blocks less than
off the grid.

Every block on the grid is compared with the nearest one of the control, three rows and five columns away. In a picture
that was not coded there about as many win as lose; rows and columns of a demosaiced or enlarged picture differ by
parity, so that up to `SHARE` are granted to chance (binomial tail), counted over every position of the largest blocks,
every index and every encoder tried. The test is made where a history has found a grid and read an index; it is not
among those that run on every picture. Of 62 untouched pictures tried with libwebp all the same, one is below 0.01 false
alarms, at a position whose lead is far too small for a grid to be found.
"""

from __future__ import annotations

import numpy as np

from forensics.history.recoding.coder import Grid
from forensics.history.recoding.sweep import Sweep
from forensics.results.a_contrario import log10_binomial_tail, log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

NAME = "coding_again"
SHARE = 0.65
"""Share of the blocks that may change less on a grid where nothing was coded."""


def coding_again(
    swept: Sweep,
    grid: Grid,
    index: float,
    *,
    encoder: str,
    quantity: str,
    values: np.ndarray,
    tree: int,
    encoders: int,
    speaks_for: tuple[str, ...],
) -> Trace:
    """Compare the blocks of a sweep on the grid and off it, at the index that was read.

    Parameters
    ----------
    swept : Sweep
    grid : Grid
    index : float
        What was read; the nearest index of the sweep is looked at.
    encoder, quantity : str
        What recompresses, and what its indices are called.
    values : np.ndarray [shape=(n,)]
        The quantity at every index of the sweep.
    tree, encoders : int
        Side of the largest blocks, whose positions are hypotheses as the indices are, and how many encoders were tried.
    speaks_for : tuple of str
        Classes whose files show it.

    Returns
    -------
    Trace
        `statistic`: share of the blocks that change less on the grid, 0..1. `parameters`: `encoder`, `quantity`, its
        value `at` the index, `phase`, `blocks` and how many change `less`. `series`: `values`, and the mean squared
        changes `on` and `beside` the grid in dB (of blocks, mean of logarithms), one a value.
    """
    place = int(np.abs(swept.indices - index).argmin())
    pairs = np.abs(swept.on.places[:, None] - swept.control.places[None]).sum(axis=2).argmin(axis=1)
    on, control = swept.on.errors[place], swept.control.errors[place][pairs]
    blocks = int((on != control).sum())
    less = int((on < control).sum())
    nfa = log10_nfa(log10_binomial_tail(less, blocks, SHARE), tree**2 * len(swept.indices) * encoders)
    found = nfa <= FOUND_BELOW
    value = round(float(values[place]), 2)
    row, column = grid.phase
    return Trace(
        name=NAME,
        statistic=less / blocks if blocks else 0.0,
        log10_nfa=nfa,
        speaks_for=speaks_for if found else (),
        parameters={
            "encoder": encoder,
            "quantity": quantity,
            "at": value,
            "phase": [row, column],
            "blocks": blocks,
            "less": less,
        },
        sentence=(
            f"Recompressed by {encoder} at {quantity} {value:g}, {less} of {blocks} blocks change less on the grid "
            f"that starts at row {row}, column {column} "
            f"(modulo {grid.period}) than off it, where chance gives up to {100 * SHARE:.0f} %; chance gives this "
            f"in {chance(nfa)}."
        ),
        series={
            "values": np.asarray(values, np.float64),
            "on": _decibels(swept.on.errors),
            "beside": _decibels(swept.control.errors),
        },
    )


def _decibels(errors: np.ndarray) -> np.ndarray:
    return np.asarray(10 * np.log10(errors + np.float32(0.01)).mean(axis=1, dtype=np.float64))
