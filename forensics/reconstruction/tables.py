"""The quantisation tables of each component, from whole samples of the entire picture.

`forensics.history.jpeg.steps` gives the posterior of each step; here it sees the decoder's own whole samples (luma and
stored chroma, Cb and Cr apart), from rows spread over the picture. Steps of frequencies whose coefficients are all zero
cannot be known and do not matter: any step decodes to the same samples.
"""

from __future__ import annotations

import math

import numpy as np

from forensics.history.jpeg.comb import ROUNDING, ac_likelihoods, dc_likelihoods, nonzero_counts
from forensics.history.jpeg.planes import coefficients, lively
from forensics.history.jpeg.steps import StepEstimate, TableMatch, estimate_steps
from forensics.reconstruction.chroma_samples import chroma_noise
from forensics.reconstruction.guetzli_tables import match_guetzli
from forensics.reconstruction.jpegli_tables import match_jpegli
from forensics.reconstruction.sampled import Sampled
from forensics.reconstruction.scaled_tables import match_pair

_SURE = 0.9
"""Probability of a known family from which its table is preferred."""
_CONSISTENT = 4.5
"""Standard deviations of noise within which a coefficient agrees with a step."""
_FEWEST_ALIVE = 8
"""Blocks that vary along both axes below which all are looked at."""
_LARGE = 3.0
"""Coefficients beyond this speak, in levels: in blocks that are flat along an axis, rounding follows the signal and
leaves up to 2.3 (pictures looked at). Steps up to twice that are left as they are: their first multiples may hide."""
_STRAY = math.log(0.01)
"""Logarithm of the density of a value that no multiple explains, changed since or in a flat block: one in a hundred. Of
1,001 blocks of eight validation JPEGs of qualities 75, 90 and 95 the same 948 come back at one in a thousand and one in
twenty."""
_CLEARLY = 3.0
"""Natural logarithm of the odds by which another step has to be likelier: 20 to 1, "strong" evidence in the scale of
Kass and Raftery (doi:10.1080/01621459.1995.10476572). Of 1,001 blocks of eight validation JPEGs of qualities 75, 90 and
95 the same 948 come back at 1.5 and at 6."""
_MOST_VALUES = 400
"""Coefficients from which a doubtful step is read: a bound on work."""
_MOSTLY_ONES = 0.5
"""Share of steps of one. Standard tables have 64 of 64 at quality 100, at 99 42 in luma and 13 in chroma. Of 737 blocks
of six validation JPEGs of qualities 98, 99 and 100 668 come back; at 0.1 600, at 0.9 684."""
_FEW = 0.001
"""Share of blocks by which a known table's step may disagree more often than the step that the data alone prefer, and
still be taken: flat blocks, whose rounding is no noise, mislead the latter."""


def component_steps(sampled: Sampled, upsampling: str, match: TableMatch) -> tuple[np.ndarray, ...]:
    """Steps of each component.

    Parameters
    ----------
    sampled : Sampled
        Blocks of whole samples.
    upsampling : str
        How chroma was brought to full size.
    match : TableMatch
        The nearest known tables; taken where nothing speaks against them.

    Returns
    -------
    tuple of np.ndarray [shape=(64,), dtype=int64]
        In raster order; Cb and Cr get one table unless their steps differ.
    """
    noise = chroma_noise(sampled.factors, upsampling)
    noises = [np.full(64, ROUNDING), noise, noise]
    found = [coefficients(blocks.astype(np.float32)) for blocks in sampled.blocks]
    likelihoods = [_likelihoods(values, noises[k]) for k, values in enumerate(found)]
    estimates = [_estimate(likelihoods[k], values, noises[k], min(k, 1)) for k, values in enumerate(found)]
    parts = [(estimate, values, 1) for estimate, values in zip(estimates, found, strict=True)]
    if len(found) == 3:
        both = np.concatenate(found[1:])
        of_both = _likelihoods(both, noise)
        own = match_jpegli(likelihoods[0], of_both, sampled.factors)
        if own is not None:
            return own.tables[0], own.tables[1], own.tables[1]
        if not _differ(estimates[1], estimates[2]):
            parts[1:] = [(_estimate(of_both, both, noise, 1), both, 2)]
    if any(_departs(estimate, match.tables[min(k, 1)]) for k, (estimate, _, _) in enumerate(parts)):
        match = match_pair(likelihoods[0], of_both if len(found) == 3 else None) or match
    tables: list[np.ndarray] = []
    for k, (estimate, values, times) in enumerate(parts):
        plane = min(k, 1)
        tables += [_settled(estimate, match, match.tables[plane], values, noises[plane])] * times
    return tuple(tables)


def guetzli_table(sampled: Sampled) -> np.ndarray | None:
    """The table of Guetzli that luma's blocks speak for, `np.ndarray [shape=(64,), dtype=int64]`, or None."""
    return match_guetzli(_likelihoods(coefficients(sampled.blocks[0].astype(np.float32)), np.full(64, ROUNDING)))


def finest(table: np.ndarray) -> np.ndarray:
    """The table with steps of one for those of two where half of all are one: so near to rounding noise no step is read
    surely, multiples of two are multiples of one as well, and one step too coarse leaves every second block that holds
    its coefficient.
    """
    return np.where(table == 2, 1, table) if (table == 1).mean() >= _MOSTLY_ONES else table


def _estimate(likelihoods: np.ndarray, found: np.ndarray, noise: np.ndarray, plane: int) -> StepEstimate:
    return estimate_steps(likelihoods, plane, nonzero_counts(_alive(found), noise))


def _likelihoods(found: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Of each step by frequency, `np.ndarray [shape=(64, LARGEST_STEP)]`."""
    found = _alive(found)
    likelihoods = ac_likelihoods(found, noise=noise)
    likelihoods[0] = dc_likelihoods(found[:, 0], noise=float(noise[0]))
    return likelihoods


def _alive(found: np.ndarray) -> np.ndarray:
    """Blocks whose rounding is noise: in flat ones it follows the signal and DC lies at multiples of 8, whatever its
    step.
    """
    alive = lively(found)
    return alive if len(alive) >= _FEWEST_ALIVE else found


def _settled(
    estimate: StepEstimate, match: TableMatch, known: np.ndarray, found: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Identified steps, but the known table's where that is of a known family and the coefficients agree with it
    too.
    """
    chosen = own = np.asarray(np.where(estimate.identified, estimate.steps, known), np.int64)
    if match.known >= _SURE and len(found):
        alive = _alive(found)
        worse = _disagreeing(alive, known, noise) - _disagreeing(alive, own, noise)
        chosen = np.asarray(np.where(worse <= _FEW, known, own), np.int64)
    if match.known >= _SURE:
        return chosen
    # In a block that is flat along an axis all eight rows or columns are rounded alike.
    for frequency in np.flatnonzero(~estimate.identified):
        flat = 8**0.5 if frequency < 8 or frequency % 8 == 0 else 1.0
        wide = flat * float(noise[frequency])
        chosen[frequency] = _by_the_few(found[:, frequency], int(chosen[frequency]), wide)
    return chosen


def _by_the_few(values: np.ndarray, step: int, noise: float) -> int:
    """The step that the few coefficients of a frequency which are not zero speak for; the given one unless it is
    clearly less likely.

    Under a smooth distribution of multiples a value has a density of step times the noise's at its distance, against
    that of a stray value.
    """
    large = values[np.abs(values) > max(_LARGE, _CONSISTENT * noise)][:_MOST_VALUES].astype(np.float64)
    if not len(large) or step <= 2 * _LARGE:
        return step
    steps = np.arange(1, 256)
    multiples = np.rint(large[:, None] / steps)
    off = np.abs(large[:, None] - steps * multiples) / noise
    agree = (off <= _CONSISTENT) & (multiples != 0)
    score = np.where(agree, np.log(steps) - off * off / 2, _STRAY).sum(axis=0)
    best = int(np.argmax(score))
    return step if step <= len(steps) and score[step - 1] + _CLEARLY >= score[best] else int(steps[best])


def _disagreeing(found: np.ndarray, steps: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Share of coefficients that lie off the multiples of each frequency's step, `np.ndarray [shape=(64,)]`."""
    off = np.abs(found - steps * np.rint(found / steps))
    return np.asarray((off > _CONSISTENT * noise).mean(axis=0))


def _departs(estimate: StepEstimate, known: np.ndarray) -> bool:
    """Whether steps that are identified are others than a known table's: more than one, which may be misread."""
    return bool((estimate.identified & (estimate.steps != known)).sum() > 1)


def _differ(one: StepEstimate, other: StepEstimate) -> bool:
    both = one.identified & other.identified
    return bool((one.steps != other.steps)[both].sum() > 1)
