"""A table of free steps read from blocks with clipped samples: of drawings on white ground there are hardly any others.

Where an encoder had white to code, the inverse transform of its coefficients lies about white by the noise of their
quantisation, and what lies above is clipped. So a clipped sample is not unknown: it lies beyond the end of the scale by
the upper half of a normal distribution whose deviation is near that of the steps, a few tenths of a step at most. With
it every coefficient of the block has an estimate whose noise is known, and steps are read from their comb as from whole
blocks, but with the noise of each block. Which deviation that is, the evidence says.

What is read so is nearly right. Then the nearest set of multiples of each block is looked for as a lattice problem, and
each coefficient measured again, as if it alone were not quantised: what the samples leave of it, weighed by how well
each is known, with noise as large as what is left of the block says. Wrong steps stand out there, and two or three
rounds bring tables to rest. A table is believed when the
blocks that come out under it are told in fewer bits than they would come out by chance, by more than the table itself
takes [1]_.

References
----------
.. [1] J. Rissanen, "Modeling by shortest data description", Automatica 14(5), 1978, doi:10.1016/0005-1098(78)90005-5.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forensics.history.jpeg.comb import LARGEST_STEP, ROUNDING, ZERO_CELL
from forensics.history.jpeg.planes import coefficients, lively_rows
from forensics.history.jpeg.steps import candidates, evidence_of, free_steps_about
from forensics.reconstruction.block_search import WAVES
from forensics.reconstruction.blocks import Quantiser, mean_excess
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.lattice_beam import first_decoding, likeliest_sets
from forensics.reconstruction.scaled_tables import known_tables

_MOST_FREE = 40
"""Open samples of a block that is looked at: a bound on what one has to tell; of seven drawings found on white, whose
tables all are read, those of 9 to 40 open samples are nearly all."""
_BLOCKS, _FEWEST = 192, 8
"""Blocks that steps are read from: a bound on work, a millisecond each a round; and below which nothing is read."""
_SPREADS = (1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 19.0, 28.0)
"""Standard deviations, in levels, of what the transform gives where white was coded: 0.29 (that of a uniform
distribution) times steps of 5 to 45, a half apart. The seven drawings are best explained with 2.5 to 13."""
_MEAN, _SCATTER = (2 / np.pi) ** 0.5, (1 - 2 / np.pi) ** 0.5
"""Mean and standard deviation of the upper half of a standard normal distribution."""
_NORMAL_WIDTH = float(np.sqrt(2 * np.pi * np.exp(1)))
"""Width of a uniform distribution with the entropy of a normal one of deviation one."""
_AT_END = 2
"""Width of bounds, in levels, up to which a sample that may be clipped is one at the end of the scale; wider ones are
of luma under clipped colours."""
_OUTLIERS = 0.05
"""Share of coefficients that may lie anywhere: those of blocks that were not white where they are clipped. Of the seven
drawings the steps first read are as many rightly within one or two with 0.02."""
_CLEARLY = 3.0
"""Natural logarithm of the odds by which a free step has to be likelier than that of the nearest known table: 20 to 1,
"strong" evidence in the scale of Kass and Raftery (doi:10.1080/01621459.1995.10476572)."""
_SETS = 8
"""Sets of coefficients that are tried of a block: a bound on work."""
_ROUNDS = 6
"""Rounds: a bound on work; of seven drawings found all come to rest within four."""
_MOSTLY = 0.5
"""Share of blocks with luma under clipped colours from which standard tables are tried: most."""
_USUAL, _GLANCE = 6.0, 4
"""Deviation of clipped samples and number of blocks that standard tables are tried with: a bound on work, four tenths
of a second. Of a file found of that kind (quality 40) all of 192 blocks come out with deviations of 1.5 to 13."""
_BITS = 2 * 64 * 8
"""Bits by which blocks have to be told in fewer than by chance: twice what a table of 64 steps of 8 bits takes."""


class ClippedReading(NamedTuple):
    """A table that blocks with clipped samples show.

    Attributes
    ----------
    table : np.ndarray [shape=(64,), dtype=int64]
        Steps in raster order; of frequencies that no block shows, those of the nearest known table.
    settled, blocks : int
        Blocks that come out of coefficients, of so many.
    """

    table: np.ndarray
    settled: int
    blocks: int


def clipped_steps(
    lo: np.ndarray, hi: np.ndarray, *, kind: int = ISLOW, plane: int = 0, start: np.ndarray | None = None
) -> ClippedReading | None:
    """The steps of blocks with and without clipped samples.

    Parameters
    ----------
    lo, hi : np.ndarray [shape=(n, 64), dtype=uint8]
        Bounds of each sample of blocks on the grid; those that reach 0 or 255 are open there.
    kind : int
        Arithmetic of the transform.
    plane : int
        Whose known tables are likely: luma's (0) or chroma's (1).
    start : np.ndarray [shape=(64,), dtype=int64], optional
        A table that is nearly right, where one is known.

    Returns
    -------
    ClippedReading or None
        None where blocks do not speak for any table more than chance does.
    """
    rows = _of_use(lo, hi)
    if len(rows) < _FEWEST:
        return None
    lo, hi = lo[rows], hi[rows]
    excess = mean_excess(kind)
    readings = []
    for scale in _SPREADS:
        samples, deviations = _estimates(lo, hi, scale, excess)
        values, noise = samples @ WAVES.T, np.sqrt(deviations**2 @ (WAVES.T**2))
        readings.append((*_read(_likelihoods(values, noise), plane), scale))
    evidence, table, scale = max(readings, key=lambda reading: reading[0])
    found = None
    for first in (start, table if evidence > 0 else None):
        if found is None and first is not None:
            found = _settled_in_rounds(lo, hi, first, scale, kind, plane)
    if found is None and ((hi.astype(int) - lo) > _AT_END).any(axis=1).mean() > _MOSTLY:
        found = _settled_in_rounds(lo, hi, _standard(lo, hi, kind, plane), _USUAL, kind, plane)
    return found


def _settled_in_rounds(
    lo: np.ndarray, hi: np.ndarray, table: np.ndarray, scale: float, kind: int, plane: int
) -> ClippedReading | None:
    """The table of the round in which most bits are saved, from a given one on; None where they are too few."""
    samples, deviations = _estimates(lo, hi, scale, mean_excess(kind))
    most, best, settled = 0.0, table, 0
    for _ in range(_ROUNDS):
        values, noise, fits = _measured(samples, deviations, lo, hi, Quantiser.of(table, kind))
        bits = float(np.maximum(_bits(table, lo, hi, scale), 0)[fits].sum())
        if bits > most:
            most, best, settled = bits, table, int(fits.sum())
        _, again = _read(_likelihoods(values, noise), plane)
        if np.array_equal(again, table):
            break
        table = again
    return ClippedReading(best, settled, len(lo)) if most >= _BITS else None


def _standard(lo: np.ndarray, hi: np.ndarray, kind: int, plane: int) -> np.ndarray:
    """The standard table of a whole quality under which most of a few blocks come out: where colours are clipped bounds
    of luma are so wide that its coefficients show no comb.
    """
    known = candidates()
    usual = known.tables[(np.array(known.family) == "standard") & (known.quality % 1 == 0), plane]
    few = np.linspace(0, len(lo) - 1, _GLANCE).astype(np.int64)
    samples, deviations = _estimates(lo[few], hi[few], _USUAL, mean_excess(kind))
    saved = []
    for table in usual:
        _, _, fits = _measured(samples, deviations, lo[few], hi[few], Quantiser.of(table, kind))
        saved.append(np.maximum(_bits(table, lo[few], hi[few], _USUAL), 0)[fits].sum())
    return np.asarray(usual[int(np.argmax(saved))])


def _of_use(lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Numbers of the blocks that steps are read from: those that vary along both axes and are not open for the most
    part, spread evenly.
    """
    middle = (lo.astype(np.float32) + hi) / 2
    rows = np.flatnonzero(lively_rows(coefficients(middle)) & (_open(lo, hi).sum(axis=1) <= _MOST_FREE))
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), _BLOCKS)).astype(np.int64)]


def _open(lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    return np.asarray((lo != hi) | (lo == 0) | (hi == 255))


def _estimates(lo: np.ndarray, hi: np.ndarray, scale: float, excess: float) -> tuple[np.ndarray, np.ndarray]:
    """Level-shifted samples of the ideal transform and their deviations, `np.ndarray [shape=(n, 64)]` each."""
    width = hi.astype(np.float64) - lo
    samples, deviations = (lo + hi.astype(np.float64)) / 2, np.sqrt((1 + width**2) / 12)
    beyond = np.hypot(_SCATTER * scale, ROUNDING)
    for clipped, end, side in ((hi == 255, 255.0, 1), (lo == 0, 0.0, -1)):
        at_end = clipped & (width <= _AT_END)
        samples = np.where(at_end, end + side * _MEAN * scale, samples)
        deviations = np.where(at_end, beyond, deviations)
    return samples - 128 + excess, deviations


def _likelihoods(values: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Of each step by frequency, `np.ndarray [shape=(64, LARGEST_STEP)]`, as `comb.ac_likelihoods`, with the noise of
    each coefficient; a DC coefficient of zero speaks too.
    """
    steps = np.arange(1, LARGEST_STEP + 1)
    out = np.zeros((64, LARGEST_STEP))
    for frequency in range(64):
        size, sigma = np.abs(values[:, frequency]), noise[:, frequency]
        told = size >= ZERO_CELL / ROUNDING * sigma if frequency else np.ones(len(size), bool)
        if told.any():
            size, sigma = size[told, None], sigma[told, None]
            nearest = np.maximum(np.rint(size / steps), 1 if frequency else 0)
            off = (size - nearest * steps) / sigma
            density = np.exp(-0.5 * off * off) * steps / (sigma * np.sqrt(2 * np.pi))
            out[frequency] = np.log((1 - _OUTLIERS) * density + _OUTLIERS).sum(axis=0)
    return out


def _read(likelihoods: np.ndarray, plane: int) -> tuple[float, np.ndarray]:
    """Evidence of the likeliest known table, and the likeliest steps about it."""
    known = known_tables(plane)
    evidence = evidence_of(known.tables, likelihoods)[0] + known.log_prior
    best = int(np.argmax(evidence))
    table, every = known.tables[best], np.arange(64)
    free = (likelihoods + free_steps_about(table, LARGEST_STEP)).argmax(axis=1)
    better = likelihoods[every, free] > likelihoods[every, table - 1] + _CLEARLY
    return float(evidence[best]), np.asarray(np.where(better, free + 1, table), np.int64)


def _measured(
    samples: np.ndarray, deviations: np.ndarray, lo: np.ndarray, hi: np.ndarray, quantiser: Quantiser
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each coefficient as if it alone were not quantised, its noise, `np.ndarray [shape=(n, 64)]` each, and which
    blocks come out. Where a block does not, its noise is as much larger as what is left of its samples.
    """
    nearest, fits = np.empty(samples.shape), np.zeros(len(samples), bool)
    for n in range(len(samples)):
        sets = likeliest_sets(samples[n], deviations[n], quantiser, drift=np.inf, width=_SETS)
        first = first_decoding(sets, quantiser.kind, quantiser.scaled, lo[n], hi[n])
        fits[n] = first >= 0
        nearest[n] = sets[max(first, 0)] * quantiser.table
    weights, off = deviations**-2, samples - nearest @ WAVES
    precision = weights @ (WAVES.T**2)
    excess = np.sqrt(np.maximum((weights * off * off).mean(axis=1), 1))
    noise = precision**-0.5 * np.where(fits, 1, excess)[:, None]
    return nearest + (weights * off) @ WAVES.T / precision, noise, fits


def _bits(table: np.ndarray, lo: np.ndarray, hi: np.ndarray, scale: float) -> np.ndarray:
    """Binary logarithm of one in how many tables alike blocks come out of by chance, `np.ndarray [shape=(n,)]`: of the
    volume of a cell of the lattice against that of the samples that would be taken, a normal distribution's where they
    are clipped.
    """
    width = hi.astype(np.float64) - lo
    clipped = ((lo == 0) | (hi == 255)) & (width <= _AT_END)
    beyond = np.log2(_NORMAL_WIDTH * _SCATTER * scale + 1)
    taken = np.where(clipped, beyond, np.log2(width + 1)).sum(axis=1)
    return np.asarray(np.log2(table).sum() - taken - np.log2(_SETS))
