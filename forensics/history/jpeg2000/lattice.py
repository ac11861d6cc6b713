"""How well transform coefficients fit the lattice that a quantiser allows, dead zone and rounding noise included.

A histogram of magnitudes is scored against every candidate step at once: each candidate has a table with a score in
-1..1 for every magnitude, +1 where a reconstructed coefficient can lie, -1 where none can, smooth between so that noise
costs little. A smooth density scores about the same at every phase of the transform; a quantised one scores high at the
codec's own phase alone, so phases are compared with each other and the lead is given in standard errors.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from forensics_features._kernel import kernel

BINS = 2048
"""Magnitudes are counted in this many bins; those beyond are left out."""
BIN = 1 / 16
"""Width of a bin of real coefficients, in grey levels of an orthonormal transform; whole coefficients have bins of 1.
"""
STEPS = np.geomspace(0.6, 90, 400)
"""Candidate steps of a real quantiser, 1.26 % apart, in grey levels of an orthonormal transform."""
PLANES = np.arange(1, 9)
"""Candidate numbers of bit planes cut off from whole coefficients."""


@kernel
def _count(band: np.ndarray, valid: np.ndarray, scale: float, shift: float, counts: np.ndarray) -> None:
    size = np.float32(scale)
    offset = np.float32(shift)
    last = np.float32(counts.shape[0] - 1)
    for i in range(band.shape[0]):
        for j in range(band.shape[1]):
            if valid[i, j]:
                code = abs(np.float32(band[i, j])) * size + offset
                if code < last:
                    counts[int(code)] += 1


def magnitudes(band: np.ndarray, valid: np.ndarray, norm: float) -> np.ndarray:
    """Histogram of |c|, `np.ndarray [shape=(BINS,), dtype=int64]`, of the coefficients that `valid` marks.

    Real coefficients are multiplied by `norm` first and counted in bins of `BIN`; whole ones are counted value by
    value.
    """
    counts = np.zeros(BINS, np.int64)
    whole = band.dtype.kind == "i"
    _count(band, valid, 1.0 if whole else norm / BIN, 0.5 if whole else 0.0, counts)
    return counts


def cell_scores(x: np.ndarray, step: float, mixed: bool) -> np.ndarray:
    """Scores of magnitudes `x` for a mid-point quantiser of this step; `mixed` allows twice the step next to it."""
    if mixed:
        score = np.where(x >= 1.25 * step, np.cos(4 * np.pi * x / step), -1.0)
        return np.where(x < step / 4, np.cos(4 * np.pi * x / step), score)
    score = np.where(x >= step, -np.cos(2 * np.pi * x / step), -1.0)
    return np.where(x < step / 2, np.cos(2 * np.pi * x / step), score)


@cache
def real_scores() -> np.ndarray:
    """`np.ndarray [shape=(BINS, 2 len(STEPS)), dtype=float32]`: one step a cell, then one step and its double mixed.

    A coder that stops within a bit plane leaves, in one code-block, coefficients known to one step and to twice that
    step.
    """
    x = (np.arange(BINS) + 0.5) * BIN
    tables = [cell_scores(x, step, mixed) for mixed in (False, True) for step in STEPS]
    return np.stack(tables, axis=1).astype(np.float32)


@cache
def whole_scores() -> np.ndarray:
    """`np.ndarray [shape=(BINS, len(PLANES)), dtype=float32]`: +1 where a coefficient cut off by that many planes or
    more can lie.

    Decoders put a coefficient that is known down to plane k half a unit of 2^k up, so that values are 0 or at
    least 3 * 2^(k-1), and multiples of 2^(k-1).
    """
    value = np.arange(BINS)
    tables = []
    for plane in PLANES:
        half = 1 << (int(plane) - 1)
        tables.append(np.where((value == 0) | ((value >= 3 * half) & (value % half == 0)), 1.0, -1.0))
    return np.stack(tables, axis=1).astype(np.float32)


@cache
def real_fit_scores() -> np.ndarray:
    """As `real_scores` for coefficients outside the zero cell: what lies nearer to zero than one step does not fit."""
    x = (np.arange(BINS) + 0.5)[:, None] * BIN
    nearest = np.concatenate([STEPS, 1.25 * STEPS])
    return np.where(x < nearest, np.float32(-1), real_scores()).astype(np.float32)


@cache
def whole_fit_scores() -> np.ndarray:
    """`np.ndarray [shape=(BINS, 2 len(PLANES)), dtype=float32]` for coefficients other than zero: 1 where one fits, 0
    on average by chance.

    First the hypothesis that all planes from k on may be cut off (multiples of 2^(k-1)), then that exactly k are (odd
    multiples).
    """
    value = np.arange(BINS)
    tables = []
    for odd in (False, True):
        for plane in PLANES:
            half = 1 << (int(plane) - 1)
            period = 2 * half if odd else half
            fits = (value % period == (half if odd else 0)) & (value >= 3 * half)
            tables.append(np.where(fits, 1.0, -1.0 / (period - 1) if period > 1 else 0.0) * (period > 1))
    return np.stack(tables, axis=1).astype(np.float32)


def scores_of(histograms: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean score of each histogram (..., BINS) under each hypothesis, (..., hypotheses), and the number of coefficients
    (...).
    """
    number = histograms.sum(axis=-1)
    used = np.flatnonzero(histograms.reshape(-1, histograms.shape[-1]).any(axis=0))
    end = int(used[-1]) + 1 if len(used) else 1
    mean = (histograms[..., :end].astype(np.float32) @ table[:end]) / np.maximum(number, 1)[..., None]
    return mean, number


def leads(mean: np.ndarray, number: np.ndarray) -> np.ndarray:
    """How far each phase (first axis) leads the mean of the others, in standard errors, same shape as `mean`.

    Scores lie in -1..1, so that one of mean m has a variance of at most 1 - m^2; two coefficients more keep it from
    zero.
    """
    phases = len(mean)
    others = (mean.sum(axis=0) - mean) / max(phases - 1, 1)
    variance = 1 - others**2 + 4 / (number[..., None] + 2)
    return (mean - others) * np.sqrt(number[..., None] / variance)
