"""A table of free steps read from blocks with clipped samples: of drawings on white ground there are hardly any others.

Where an encoder had white to code, the inverse transform of its coefficients lies about white by the noise of their
quantisation, and what lies above is clipped. So a clipped sample is not unknown: it lies beyond the end of the scale by
the upper half of a normal distribution whose deviation is near that of the steps, a few tenths of a step at most. With
it every coefficient of the block has an estimate whose noise is known, and steps are read from their comb as from whole
blocks, but with the noise of each block. Which deviation that is, the evidence says.

What is read so is nearly right. Then the nearest set of multiples of each block is looked for as a lattice problem, and
each coefficient measured again, as if it alone were not quantised: what the samples leave of it, weighed by how well
each is known, with noise as large as what is left of the block says. Wrong steps stand out there, and two or three
rounds bring tables to rest. Blocks that come out have the coefficients by which they do. A table is believed when the
blocks that come out under it are told in fewer bits than they would come out by chance, by more than the table itself
takes [1]_.

Chroma that is shown through the triangle filter is read in the same way from its estimates, those under clipped colours
with the variance that their bounds leave.

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
from forensics.reconstruction.acceptance import DIRECT
from forensics.reconstruction.block_search import WAVES
from forensics.reconstruction.blocks import SEARCHED, Quantiser, fit_blocks, mean_excess
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.lattice_beam import first_decoding, of_samples
from forensics.reconstruction.sampled import Tried
from forensics.reconstruction.scaled_tables import known_tables

_MOST_FREE = 40
"""Open samples of a block that is looked at: a bound on what one has to tell; of seven drawings found on white, whose
tables all are read, those of 9 to 40 open samples are nearly all."""
_BLOCKS, _MOST_LEFT, _FEWEST = 192, 768, 8
"""Blocks that steps are read from, and of those that rounding leaves under them: bounds on work, a millisecond each a
round; and blocks below which nothing is read."""
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
_AGAIN = 3
"""Times that the blocks which are left are read: a bound on work."""
_HOLDING, _CANDIDATES = 24, 3
"""Blocks that steps of one frequency are tried on, and steps that are tried: bounds on work."""
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
    bits : float
        By which those are told in fewer than by chance.
    """

    table: np.ndarray
    settled: int
    blocks: int
    bits: float


class _Seen(NamedTuple):
    """What is known of blocks: level-shifted samples of the ideal transform and their deviations, `np.ndarray
    [shape=(n, 64)]` each; how much more or less than white noise the estimates' is, by frequency; and what is shown.
    """

    samples: np.ndarray
    deviations: np.ndarray
    shape: np.ndarray
    tried: Tried

    def some(self, rows: np.ndarray) -> _Seen:
        """Blocks of some numbers."""
        return _Seen(self.samples[rows], self.deviations[rows], self.shape, self.tried.some(rows))


def clipped_steps(
    tried: Tried,
    *,
    kind: int = ISLOW,
    plane: int = 0,
    noise: np.ndarray | float = ROUNDING,
    start: np.ndarray | None = None,
) -> ClippedReading | None:
    """The steps of blocks with and without clipped samples.

    Parameters
    ----------
    tried : Tried
        Blocks on the grid.
    kind : int
        Arithmetic of the transform.
    plane : int
        Whose known tables are likely: luma's (0) or chroma's (1).
    noise : np.ndarray [shape=(64,)] or float
        Standard deviation of the estimates' transform by frequency, in levels, where samples are known.
    start : np.ndarray [shape=(64,), dtype=int64], optional
        A table that may be nearly right; steps that blocks do not speak against stay.

    Returns
    -------
    ClippedReading or None
        None where blocks do not speak for any table more than chance does.
    """
    part = _of_use(tried)
    if len(part.lo) < _FEWEST:
        return None
    noise = np.broadcast_to(np.asarray(noise, np.float64), 64)
    readings = []
    for scale in _SPREADS if part.mode == DIRECT else (0.0,):
        seen = _seen(part, scale, noise, mean_excess(kind))
        values = seen.samples @ WAVES.T, _noise_of(seen)
        readings.append((*_read(_likelihoods(*values), plane), scale))
    evidence, table, scale = max(readings, key=lambda reading: reading[0])
    seen = _seen(part, scale, noise, mean_excess(kind))
    found = [] if evidence <= 0 else [_in_rounds(seen, table, kind, plane)]
    found += [] if start is None else [_in_rounds(seen, start, kind, plane, about=start)]
    told = [one for one in found if one is not None]
    if not told and _mostly_under_colours(part):
        scale, seen = _USUAL, _seen(part, _USUAL, noise, mean_excess(kind))
        standard = _in_rounds(seen, _standard(seen, kind, plane), kind, plane)
        told = [] if standard is None else [standard]
    mended = [(*_with_those_left(tried, one.table, scale, noise, kind, plane), one) for one in told]
    if not mended:
        return None
    table, _, best = max(mended, key=lambda one: (one[1], one[2].bits))
    return best._replace(table=table)


def _in_rounds(
    seen: _Seen, table: np.ndarray, kind: int, plane: int, *, about: np.ndarray | None = None
) -> ClippedReading | None:
    """The table of the round in which most bits are saved, from a given one on; None where they are too few."""
    best = ClippedReading(table, 0, len(seen.samples), 0.0)
    for _ in range(_ROUNDS):
        values, noise, fits = _measured(seen, Quantiser.of(table, kind))
        bits = float(np.maximum(_bits(table, seen), 0)[fits].sum())
        if bits > best.bits:
            best = ClippedReading(table, int(fits.sum()), len(fits), bits)
        _, again = _read(_likelihoods(values, noise), plane, about)
        if np.array_equal(again, table):
            break
        table = again
    return best if best.bits >= _BITS else None


def _with_those_left(
    tried: Tried, table: np.ndarray, scale: float, white: np.ndarray, kind: int, plane: int
) -> tuple[np.ndarray, int]:
    """The table that those blocks show as well which a table leaves, of all that vary, and how many it leaves then less
    than none: a step that few blocks hold is wrong in those alone.
    """
    part = _left_by_rounding(tried, table, kind)
    seen = _seen(part, scale, white, mean_excess(kind))
    values, noise, fits = _measured(seen, Quantiser.of(table, kind))
    for _ in range(_AGAIN):
        left, others = np.flatnonzero(~fits), np.flatnonzero(fits)
        if not len(left):
            break
        rows = np.concatenate([left[_spread(len(left), _BLOCKS // 2)], others[_spread(len(others), _BLOCKS // 2)]])
        found = _in_rounds(seen.some(rows), table, kind, plane, about=table)
        other = table if found is None else found.table
        other = _step_by_step(seen, other, values, _likelihoods(values[left], noise[left]), fits, kind)
        values, noise, after = _measured(seen, Quantiser.of(other, kind))
        if after.sum() <= fits.sum():
            break
        table, fits = other, after
    return table, -int((~fits).sum())


def _left_by_rounding(tried: Tried, table: np.ndarray, kind: int) -> Tried:
    """Blocks that vary and that rounding does not settle under a table, with some that it settles."""
    varied = (coefficients(tried.centers)[:, 1:] ** 2).sum(axis=1) >= 1
    rows = np.flatnonzero(varied & (_unknown(tried).sum(axis=1) <= _MOST_FREE))
    part = tried.some(rows)
    lo, hi, seen = part.lo, part.hi, None
    if part.mode != DIRECT:
        seen = lo, hi, part.mode
        lo, hi = np.zeros(part.centers.shape, np.uint8), np.full(part.centers.shape, 255, np.uint8)
    status = fit_blocks(lo, hi, Quantiser.of(table, kind), width=0, centers=part.centers, seen=seen)[1]
    left, others = np.flatnonzero(status > SEARCHED), np.flatnonzero(status <= SEARCHED)
    return part.some(np.concatenate([left[_spread(len(left), _MOST_LEFT)], others[_spread(len(others), _BLOCKS)]]))


def _step_by_step(
    seen: _Seen, table: np.ndarray, values: np.ndarray, likelihoods: np.ndarray, fits: np.ndarray, kind: int
) -> np.ndarray:
    """The table with the steps changed, one after another, under which more of the blocks that hold a coefficient of
    the frequency come out: of two steps next to each other one or two coefficients do not tell, but the decoder does.
    """
    table = table.copy()
    own = likelihoods[np.arange(64), table - 1]
    for frequency in np.flatnonzero(likelihoods.max(axis=1) > own):
        holding = np.flatnonzero(np.abs(values[:, frequency]) > table[frequency] / 2)
        left, others = holding[~fits[holding]][:_HOLDING], holding[fits[holding]]
        if not len(left):  # blocks that come out speak for no other step
            continue
        some = seen.some(left), seen.some(others[: _HOLDING - len(left)])
        best, most = int(table[frequency]), _come_out(some, table, kind)
        for step in np.argsort(-likelihoods[frequency])[:_CANDIDATES] + 1:
            table[frequency] = step
            settled = _come_out(some, table, kind, beyond=most)
            if sum(settled) > sum(most):
                best, most = int(step), settled
        table[frequency] = best
    return table


def _come_out(
    parts: tuple[_Seen, _Seen], table: np.ndarray, kind: int, *, beyond: tuple[int, int] = (-1, 0)
) -> tuple[int, int]:
    """How many blocks of two parts come out; none of the second where the first brings so little that all of the second
    would not make good for it.
    """
    first = int(_measured(parts[0], Quantiser.of(table, kind))[2].sum())
    if first + len(parts[1].samples) <= sum(beyond):
        return first, 0
    return first, int(_measured(parts[1], Quantiser.of(table, kind))[2].sum())


def _spread(count: int, most: int) -> np.ndarray:
    """At most so many of the numbers below a count, evenly."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _mostly_under_colours(part: Tried) -> bool:
    """Whether most blocks hold samples that clipped colours leave open: no comb shows under bounds so wide."""
    return bool((part.hi.astype(int) - part.lo > _AT_END).any(axis=1).mean() > _MOSTLY) and part.mode == DIRECT


def _standard(seen: _Seen, kind: int, plane: int) -> np.ndarray:
    """The standard table of a whole quality under which most of a few blocks come out."""
    known = candidates()
    usual = known.tables[(np.array(known.family) == "standard") & (known.quality % 1 == 0), plane]
    few = seen.some(_spread(len(seen.samples), _GLANCE))
    saved = []
    for table in usual:
        _, _, fits = _measured(few, Quantiser.of(table, kind))
        saved.append(np.maximum(_bits(table, few), 0)[fits].sum())
    return np.asarray(usual[int(np.argmax(saved))])


def _unknown(tried: Tried) -> np.ndarray:
    """Samples that the picture leaves open, bool [n, 64]."""
    if tried.mode == DIRECT:
        return np.asarray((tried.lo != tried.hi) | (tried.lo == 0) | (tried.hi == 255))
    return np.asarray(tried.variance > ROUNDING**2)


def _of_use(tried: Tried) -> Tried:
    """Blocks that steps are read from: those that vary along both axes and are not open for the most part, spread
    evenly.
    """
    middle = tried.centers if tried.mode != DIRECT else (tried.lo.astype(np.float32) + tried.hi) / 2
    rows = np.flatnonzero(lively_rows(coefficients(middle)) & (_unknown(tried).sum(axis=1) <= _MOST_FREE))
    return tried.some(rows[_spread(len(rows), _BLOCKS)])


def _at_end(part: Tried) -> tuple[np.ndarray, np.ndarray]:
    """Samples that are clipped at white and at black, bool [n, 64] each."""
    narrow = part.hi.astype(int) - part.lo <= _AT_END
    return (part.hi == 255) & narrow, (part.lo == 0) & narrow


def _seen(part: Tried, scale: float, noise: np.ndarray, excess: float) -> _Seen:
    """Estimates of samples; clipped ones as far beyond the scale as a deviation says."""
    white = float(np.sqrt((noise**2).mean()))
    if part.mode != DIRECT:
        samples, deviations = part.centers.astype(np.float64), np.sqrt(white**2 + part.variance)
        return _Seen(samples - 128 + excess, deviations, noise / white, part)
    width = part.hi.astype(np.float64) - part.lo
    samples, deviations = part.lo + width / 2, np.sqrt(white**2 + width**2 / 12)
    for clipped, end, side in zip(_at_end(part), (255.0, 0.0), (1, -1), strict=True):
        samples = np.where(clipped, end + side * _MEAN * scale, samples)
        deviations = np.where(clipped, np.hypot(_SCATTER * scale, white), deviations)
    return _Seen(samples - 128 + excess, deviations, noise / white, part)


def _noise_of(seen: _Seen) -> np.ndarray:
    """Standard deviations of the samples' transform, `np.ndarray [shape=(n, 64)]`."""
    return np.asarray(np.sqrt(seen.deviations**2 @ (WAVES.T**2)) * seen.shape)


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


def _read(likelihoods: np.ndarray, plane: int, about: np.ndarray | None = None) -> tuple[float, np.ndarray]:
    """Evidence of the likeliest known table, and the likeliest steps about it or about a given one."""
    known = known_tables(plane)
    evidence = evidence_of(known.tables, likelihoods)[0] + known.log_prior
    best = int(np.argmax(evidence))
    table, every = known.tables[best] if about is None else about, np.arange(64)
    free = (likelihoods + free_steps_about(table, LARGEST_STEP)).argmax(axis=1)
    better = likelihoods[every, free] > likelihoods[every, table - 1] + _CLEARLY
    return float(evidence[best]), np.asarray(np.where(better, free + 1, table), np.int64)


def _measured(seen: _Seen, quantiser: Quantiser) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, their noise, `np.ndarray [shape=(n, 64)]` each, and which blocks come out.

    Those of blocks that come out are what they come out of. Of the others each is what the samples leave of it as if it
    alone were not quantised, with noise as much larger as what is left of the samples.
    """
    samples, deviations, tried = seen.samples, seen.deviations, seen.tried
    nearest, fits = np.empty(samples.shape), np.zeros(len(samples), bool)
    lo, hi = tried.lo, tried.hi
    if tried.mode != DIRECT:
        lo, hi = np.zeros(samples.shape, np.uint8), np.full(samples.shape, 255, np.uint8)
    for n in range(len(samples)):
        sets = of_samples(samples[n], deviations[n], quantiser, drift=np.inf).nearest(_SETS)
        first = first_decoding(
            sets, quantiser.kind, quantiser.scaled, lo[n], hi[n], tried.lo[n], tried.hi[n], tried.mode
        )
        fits[n] = first >= 0
        nearest[n] = sets[max(first, 0)] * quantiser.table
    weights, off = deviations**-2, samples - nearest @ WAVES
    precision = weights @ (WAVES.T**2)
    excess = np.sqrt(np.maximum((weights * off * off).mean(axis=1), 1))
    noise = precision**-0.5 * seen.shape * np.where(fits, 1, excess)[:, None]
    return nearest + ~fits[:, None] * ((weights * off) @ WAVES.T / precision), noise, fits


def _bits(table: np.ndarray, seen: _Seen) -> np.ndarray:
    """Binary logarithm of one in how many tables alike blocks come out of by chance, `np.ndarray [shape=(n,)]`: of the
    volume of a cell of the lattice against that of the samples that would be taken, a normal distribution's but where
    they are whole.
    """
    tried = seen.tried
    taken = np.log2(_NORMAL_WIDTH * seen.deviations + 1)
    if tried.mode == DIRECT:
        white, black = _at_end(tried)
        taken = np.where(white | black, taken, np.log2(tried.hi.astype(np.float64) - tried.lo + 1))
    return np.asarray(np.log2(table).sum() - taken.sum(axis=1) - np.log2(_SETS))
