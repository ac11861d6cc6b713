"""A known JPEG quantisation table in 8x8 DCT coefficients of luma: one comb at all frequencies together, deep under
later noise.

A later codec adds noise to every coefficient, and the comb of one frequency (`dct_comb`) drowns in it. A table says
where the combs of all frequencies lie, so their evidence adds up: sum cos(2 pi c / q_k) over the coefficients outside
the zero cell of step q_k is large at the grid and table of the JPEG file, and on no other grid. Every grid and every
table of the common families is tried. Two bounds of chance must both be low: Hoeffding's of the sum about its mean over
the other grids, and the binomial one of the frequencies that speak for the table by themselves. JPEG XL, JPEG XR and
AV1 with combs of their own agree with a table at some frequencies; only where nearly all do, they are ruled out.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history: JPEG detection and quantizer
       estimation",
   IEEE Trans. Image Processing 12(2), 2003, doi:10.1109/TIP.2002.807361.
.. [2] W. Hoeffding, "Probability inequalities for sums of bounded random variables", JASA 58(301), 1963,
   doi:10.1080/01621459.1963.10500830.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from forensics_features.comb import BINS, FINE_BIN

from forensics.history.traces.low_frequencies import BLOCK, COUNT, KEPT, coefficients, magnitudes
from forensics.history.traces.sample import Sample
from forensics.results.a_contrario import LN10, log10_binomial_tail, log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

NAME = "jpeg_table"
QUALITIES = range(5, 98)
"""Whole qualities tried; finer tables have steps that noise of one level hides."""
FAMILIES = ("standard", "robidoux")
"""Families tried: libjpeg's, and the default of MozJPEG and choice of ImageMagick. Flatter ones are what JPEG XL and
AV1 have, too.
"""
_SCALE = 2
"""Contrast is taken down by this, so that magnitudes up to 128 are counted."""
_LEAST_STEP, _LARGEST_STEP = 3, 128
"""Least and largest step. Under normal noise of one level the comb of step q keeps exp(-2 pi^2 / q^2) of its
strength: 0.11 at 3, 0.007 at 2. Magnitudes are counted up to 128, where the first multiple of the largest lies."""
_ZERO_CELL, _FARTHEST = 0.75, 8.5
"""Coefficients from so many steps on and up to so many count: nearer ones are zeros, farther ones few."""
_ENOUGH = 20
"""Coefficients with which a frequency speaks for itself."""
_SPEAKS = 1.5
"""Standard deviations from which a frequency speaks for the table."""
_SPEAKS_BY_CHANCE = 0.067
"""Standard deviations from which it does so for the table, and how often chance gives that (normal tail)."""
OTHERS = ("jpegxl", "jpegxr", "avif")
"""Codecs whose own combs meet a table at some frequencies."""
_SHARE, _LEAST_TESTED = 0.6, 12
"""Share of the frequencies that have to speak for a table, and fewest of them: of 2,500 files without a JPEG one does
under a codec not of `OTHERS`.
"""
_MOST, _MANY = 0.8, 15
"""The same from which on none of `OTHERS` explains it: of 3,700 files without a JPEG none reaches both."""
_PRIOR_COUNT = 10.0
"""Coefficients added to each count, so that few do not tell much: a numerical guard."""
_ALIKE = 2.0
"""Qualities whose evidence is less than the best one's by no more than so many standard deviations are not excluded."""


@cache
def _waves() -> tuple[np.ndarray, np.ndarray]:
    """Cosine of every bin at every step, and which bins count: `np.ndarray [shape=(BINS, _LARGEST_STEP),
    dtype=float32]`, by step - 1.
    """
    magnitude = (np.arange(BINS)[:, None] + 0.5) * FINE_BIN * _SCALE
    step = np.arange(1, _LARGEST_STEP + 1)[None]
    counted = (magnitude >= _ZERO_CELL * step) & (magnitude < _FARTHEST * step) & (step >= _LEAST_STEP)
    return np.where(counted, np.cos(2 * np.pi * magnitude / step), 0).astype(np.float32), counted.astype(np.float32)


@cache
def _tables() -> tuple[np.ndarray, tuple[tuple[str, int], ...]]:
    """Luma steps of the frequencies looked at, `np.ndarray [shape=(n, 24), dtype=int64]`, and each table's family and
    quality.
    """
    from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table

    names = tuple((family, quality) for family in FAMILIES for quality in QUALITIES)
    steps = [
        scaled_table(TABLE_FAMILIES[family][0], float(quality)).reshape(BLOCK, BLOCK)[:KEPT, :KEPT].ravel()[1:]
        for family, quality in names
    ]
    return np.array(steps, np.int64), names


def jpeg_table(sample: Sample) -> Trace:
    """Test every known table at the 64 phases of the 8x8 grid.

    Returns
    -------
    Trace
        `statistic`: standard deviations by which the sum of cosines exceeds its mean over the other grids.
        `parameters`: `phase` (row, column of the grid in the picture), `family`, `quality` with its `low` and `high`,
        `frequencies` that speak for it and `of` how many. `series`: `qualities`, `evidence` (of the best family at the
        best phase, in standard deviations), `phase_scores` [shape=(8, 8)], of the best table at each phase.
    """
    excess, counts = excesses(magnitudes(sample, _SCALE).astype(np.float32))
    steps, names = _tables()
    frequency = np.arange(COUNT)
    usable = steps <= _LARGEST_STEP
    place = np.minimum(steps, _LARGEST_STEP) - 1
    sums = np.where(usable, excess[:, frequency, place], 0)
    numbers = np.where(usable, counts[:, frequency, place], 0)
    scores = sums.sum(axis=2) / np.sqrt(numbers.sum(axis=2) / 2 + _PRIOR_COUNT)
    phase, table = np.unravel_index(int(scores.argmax()), scores.shape)
    at = divmod(int(phase), BLOCK)
    tail, speaking, tested = _evidence(sums[phase, table], numbers[phase, table])
    if tail < 0:  # blocks that repeat others are no evidence of their own
        from forensics.history.traces.phase_comb import distinct_share

        share = distinct_share(coefficients(sample, at))
        tail, speaking, tested = _evidence(share * sums[phase, table], share * numbers[phase, table])
    nfa = log10_nfa(tail, scores.size)
    family, quality = names[table]
    members = [index for index, name in enumerate(names) if name[0] == family]
    evidence = scores[phase, members]
    low, high = _alike(evidence, quality)
    found = nfa <= FOUND_BELOW
    return Trace(
        name=NAME,
        statistic=float(scores[phase, table]),
        log10_nfa=nfa,
        speaks_for=()
        if not found
        else ("jpeg",)
        if speaking >= _MOST * tested and tested >= _MANY
        else ("jpeg", *OTHERS),
        parameters={
            "phase": list(at) if found else None,
            "family": family if found else None,
            "quality": quality if found else None,
            "low": low if found else None,
            "high": high if found else None,
            "frequencies": speaking,
            "of": tested,
        },
        sentence=_sentence(family, quality, at, speaking, tested, nfa, found),
        series={
            "qualities": np.array(QUALITIES),
            "evidence": evidence.astype(np.float64),
            "phase_scores": scores.max(axis=1).reshape(BLOCK, BLOCK).astype(np.float64),
        },
    )


def excesses(histograms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of cosines beyond what the other phases give for as many coefficients, and the coefficients counted.

    `histograms` are of magnitudes, `np.ndarray [shape=(64, 24, BINS), dtype=float32]`; both results have shape (64, 24,
    `_LARGEST_STEP`), by step - 1.
    """
    cosines, counted = _waves()
    sums, counts = histograms @ cosines, histograms @ counted
    other_sums, other_counts = sums.sum(axis=0) - sums, counts.sum(axis=0) - counts
    return sums - counts * other_sums / np.maximum(other_counts, 1), counts


def _evidence(sums: np.ndarray, numbers: np.ndarray) -> tuple[float, int, int]:
    """log10 of the bound of chance for one table's sums by frequency, how many frequencies speak for it, and of how
    many.
    """
    own = sums / np.sqrt(numbers / 2 + 1)
    tested = numbers >= _ENOUGH
    speaking, of = int((own[tested] > _SPEAKS).sum()), int(tested.sum())
    if of < _LEAST_TESTED or speaking < _SHARE * of:
        return 0.0, speaking, of
    return (
        max(_hoeffding(float(sums.sum()), float(numbers.sum())), log10_binomial_tail(speaking, of, _SPEAKS_BY_CHANCE)),
        speaking,
        of,
    )


def _hoeffding(total: float, number: float) -> float:
    """log10 of the bound of P(sum >= total) for so many independent values in -1..1 of mean 0."""
    return -(total**2) / (2 * max(number, 1.0)) / LN10 if total > 0 else 0.0


def _alike(evidence: np.ndarray, quality: int) -> tuple[int, int]:
    """Ends of the run of qualities about the best one that are not excluded."""
    near = evidence >= evidence[quality - QUALITIES[0]] - _ALIKE
    low = high = quality
    while low > QUALITIES[0] and near[low - 1 - QUALITIES[0]]:
        low -= 1
    while high < QUALITIES[-1] and near[high + 1 - QUALITIES[0]]:
        high += 1
    return low, high


def _sentence(
    family: str, quality: int, phase: tuple[int, int], speaking: int, tested: int, nfa: float, found: bool
) -> str:
    if not found:
        return (
            "On no 8x8 grid do DCT coefficients of luma keep to a known JPEG quantisation table more than on the other "
            "grids (expected by chance "
            f"in {chance(nfa)})."
        )
    return (
        f"On the 8x8 grid that starts at row {phase[0]}, column {phase[1]}, DCT coefficients of luma keep to JPEG's "
        f"{family} table at quality {quality}, "
        f"{speaking} of {tested} frequencies each by itself; on the other 63 grids they do not. Chance gives this in "
        f"{chance(nfa)}; a later "
        "compression leaves it as long as its errors are smaller than the table's steps."
    )
