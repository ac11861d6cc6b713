"""JPEG XR's coefficients at any phase, and how well they fit the steps that its quantiser has.

A decoder puts a coefficient at a whole multiple of its step, so that pixels rounded to 8 bits give, at the right phase
and overlap mode, values within a few tenths of a grey level of such multiples. The steps are few: quantiser index i
stands for i / 4 grey levels below 16 and for (16 + i mod 16) * 2^(i div 16 - 1) / 4 from there on (T.832 clause 9.8;
jxrlib's scaled arithmetic).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from forensics_features.lapped import BLOCK, forward_transform

from forensics.history.jpeg2000.lattice import BIN, BINS, leads, magnitudes, scores_of

INDICES = np.arange(2, 176)
"""Quantiser indices that 8-bit pixels can show."""
_WIDTHS = {"luma": 2.4, "chroma": 3.6}
"""Full width about a multiple within which a coefficient can lie, in grey levels; chroma mixes RGB's roundings more."""
_CORE = {"luma": 1.25, "chroma": 1.8}
_ENOUGH = 12
"""Fewest coefficients that tell a step. Laplacian values without any (300 draws, scale 12) reach `_FITS` under some
index in less and less of the draws: 6 of them have a fit of up to 0.63 in 95 %, 12 of 0.44, 24 of 0.35. With 40,
one high-pass and two DC quantisers fewer are read on the crops of `_FITS`."""
_FITS = 0.3
"""Fit below which no step is read. Of 12 validation crops of 128 and 192 pixels, coded by jxrlib with quantisers 6
to 90, high-pass, low-pass and DC quantisers are read for 12, 11 and 5 with 0.1 and this, for 12, 10 and 4 with
0.5, all rightly."""
_SPARSE = 0.02
"""Share of coefficients outside the zero cell that a fine step must leave there; fewer are the tail of the rounding
noise.
"""
_FINE_STEP = 4.5
"""Steps below this are fine: rounding noise fills their zero cell. Decides little: the crops of `_FITS` are read the
same with 2, this and 8."""
_DC_FOUND = 12.0
"""Natural logarithm of the odds against chance from which the DC band's step is said to be seen."""
_DC_CELLS = 1.5
"""Steps that the standard deviation of the DC values must span."""
_FINEST_DC = 2.0
"""Smallest step at which a DC index other than the expected one is read. Decides little: on the crops of `_FITS`
five DC indices are read, all rightly, with 0.5, this and 4 alike."""
_OTHER_STEPS = (0.84, 0.9, 1.1, 1.18)
"""Factors of a step at which values must be less uniform than at the step itself. On the crops of `_FITS` five DC
indices are read, all rightly, with these, with 0.9 and 1.1, and with 0.7 and 1.3; with 0.97 and 1.03 three
rightly and one wrongly."""


def index_step(index: int) -> float:
    """Step in grey levels of a quantiser index, 1 to 255."""
    return index / 4 if index < 16 else (16 + index % 16) * 2.0 ** (index // 16 - 1) / 4


_STEPS = np.array([index_step(int(i)) for i in INDICES])


class Fit(NamedTuple):
    """A quantiser index, how well coefficients outside the zero cell fit it (-1 to 1), how many they are, and its
    neighbours' interval.
    """

    quantizer: int
    fit: float
    number: int
    low: int
    high: int


@cache
def _scores(kind: str) -> np.ndarray:
    """`np.ndarray [shape=(BINS, len(INDICES)), dtype=float32]`: score of every magnitude under every index."""
    x = (np.arange(BINS) + 0.5)[:, None] * BIN
    distance = np.abs(x - _STEPS * np.round(x / _STEPS))
    width = np.minimum(_STEPS, _WIDTHS[kind])
    return np.where(distance < width / 2, np.cos(2 * np.pi * distance / width), -1).astype(np.float32)


def _histogram(coefficients: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Magnitudes of coefficients (n, rows, columns) of the blocks that `valid` (rows, columns) marks."""
    rows = np.ascontiguousarray(coefficients.reshape(-1, coefficients.shape[2]))
    return magnitudes(rows, np.tile(valid, (len(coefficients), 1)), 1.0)


def _clean(counted: np.ndarray, origin: tuple[int, int], shape: tuple[int, ...], side: int, reach: int) -> np.ndarray:
    """Blocks of `side` samples without a clipped sample in them or within `reach`, from the cumulative count of clipped
    samples.
    """
    edges = []
    for axis in (0, 1):
        first = origin[axis] + side * np.arange(shape[axis])
        limit = counted.shape[axis] - 1
        edges.append((np.clip(first - reach, 0, limit), np.clip(first + side + reach, 0, limit)))
    (top, bottom), (left, right) = edges
    inside = (
        counted[np.ix_(bottom, right)]
        - counted[np.ix_(top, right)]
        - counted[np.ix_(bottom, left)]
        + counted[np.ix_(top, left)]
    )
    return inside == 0


def cumulative(clipped: np.ndarray) -> np.ndarray:
    """Clipped samples above and to the left, `np.ndarray [shape=(height + 1, width + 1), dtype=int32]`."""
    counted = np.zeros((clipped.shape[0] + 1, clipped.shape[1] + 1), np.int32)
    np.cumsum(np.cumsum(clipped, axis=0, dtype=np.int32), axis=1, out=counted[1:, 1:])
    return counted


def high_pass(plane: np.ndarray, counted: np.ndarray, overlap: int, phase: tuple[int, int]) -> np.ndarray:
    """Histogram of the high-pass magnitudes at one phase of the 4x4 grid, `np.ndarray [shape=(BINS,), dtype=int64]`."""
    bands = forward_transform(plane, overlap, phase)
    reach = 2 if overlap else 0
    return _histogram(bands.high_pass, _clean(counted, bands.block_origin, bands.high_pass.shape[1:], BLOCK, reach))


def low_pass(
    plane: np.ndarray, counted: np.ndarray, overlap: int, phase: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Histogram of the low-pass magnitudes at one phase of the macroblocks, and the valid DC values there."""
    bands = forward_transform(plane, overlap, phase)
    reach = (0, 2, 10)[overlap]
    valid = _clean(counted, bands.macroblock_origin, bands.dc.shape, 16, reach)
    return _histogram(bands.low_pass, valid), bands.dc[valid]


def phase_leads(histograms: np.ndarray, kind: str = "luma") -> np.ndarray:
    """How far each phase (first axis) leads the others, its best index taken, in standard errors, `np.ndarray
    [shape=(phases,)]`.
    """
    return leads(*scores_of(histograms, _scores(kind))).max(axis=1)


def best_index(histogram: np.ndarray, kind: str = "luma") -> Fit | None:
    """The quantiser index of a histogram of magnitudes (BINS,); None where too few coefficients lie outside the zero
    cell.

    A lattice lies within those of its step's parts, so that of the indices that fit about as well as the best the
    largest is taken.
    """
    x = (np.arange(BINS) + 0.5) * BIN
    first = int(_CORE[kind] / BIN)
    counts = histogram[first:].astype(np.float32)
    number = int(counts.sum())
    if number < _ENOUGH:
        return None
    table = np.where(x[first:, None] < _STEPS / 2, np.float32(-1), _scores(kind)[first:])
    fit = counts @ table / number
    # Small steps fit anything: a uniform density has a mean of zero under them.
    best = float(fit.max())
    if best < _FITS:
        return None
    tolerance = 0.05 + 1.0 / np.sqrt(number)
    chosen = int(np.flatnonzero(fit >= best - tolerance)[-1])
    while chosen > 0 and fit[chosen - 1] > fit[chosen]:
        chosen -= 1
    if _STEPS[chosen] < _FINE_STEP and number < _SPARSE * int(histogram.sum()):
        return None
    near = np.flatnonzero((fit >= fit[chosen] - tolerance) & (np.abs(INDICES - INDICES[chosen]) <= 3))
    return Fit(int(INDICES[chosen]), float(fit[chosen]), number, int(INDICES[near[0]]), int(INDICES[near[-1]]))


def dc_index(values: np.ndarray, expected: int | None) -> int | None:
    """The quantiser index of the DC band from its values, by Rayleigh's test at every step; None where no step stands
    out.

    `expected` is the low-pass band's, with which most encoders agree; it needs less evidence than the others.
    """
    if len(values) < _ENOUGH:
        return None
    power = _uniformity(values, _STEPS)
    others = np.max([_uniformity(values, _STEPS * factor) for factor in _OTHER_STEPS], axis=0)
    power = np.maximum(power - others, 0)
    other = np.not_equal(INDICES, -1 if expected is None else expected)
    power[float(values.std()) < _DC_CELLS * _STEPS] = 0
    power[other & (_STEPS < _FINEST_DC)] = 0
    odds = power - np.log(len(_STEPS)) * other
    best = float(odds.max())
    return int(INDICES[np.flatnonzero(odds > 0.8 * best)[-1]]) if best > _DC_FOUND else None


def _uniformity(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """N (mean cos(2 pi c / step))^2 where the mean is positive, else 0, for each step."""
    turns = values[:, None].astype(np.float64) / steps
    power: np.ndarray = np.maximum(np.cos(2 * np.pi * (turns - np.rint(turns))).sum(axis=0), 0) ** 2 / len(values)
    return power
