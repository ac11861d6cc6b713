"""The shared test of all combs: does one phase of a grid show a comb that the other phases do not?

Coefficients quantised with step q lie near multiples of q, so their empirical characteristic function at the frequency
1/q, z = mean exp(2 pi i |c| / q), is far from that of a smooth distribution. What a smooth distribution, the picture's
own values or its 8-bit numbers do to z, they do alike at every phase of the grid: the null model is that phases are
exchangeable. D = z(phase) - mean of z at the others is then a mean of n independent unit vectors less its expectation,
and P(n |D|^2 >= u) = exp(-u) for large n. Where contents repeat (flat graphics, textures) the vectors are fewer than n:
the mean of n |D|^2 over the other phases, which should be 1, measures by how much, and divides u.

The tails of the rows (frequencies, bands) are combined by Fisher's method.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, IEEE Trans. Image Processing 12(2), 2003, doi:10.1109/TIP.2002.807361.
.. [2] K. V. Mardia, P. E. Jupp, "Directional Statistics", Wiley 2000, section 5.3 (Rayleigh's test).
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from forensics_features.comb import BINS, CORE, FINE_BIN
from forensics_features.running import running_means

from forensics.results.a_contrario import LN10, log10_gamma_tails, log10_nfa

FREQUENCIES = np.arange(6, 262) / 256.0
"""Candidate combs, in periods a unit of the coefficient."""
STEPS = 1.0 / FREQUENCIES
"""Candidate quantisation steps, falling from 43 to 1 unit."""
LEAST_VALUES = 24
"""A row with fewer values outside the zero cell says nothing."""
_INDEPENDENT = len(FREQUENCIES) / 2
"""Frequencies this far apart in number are independent: values end at 64 units and the grid is twice as fine."""
_SMOOTHING = 31
"""Frequencies over which the spread is averaged, odd. Of 48 validation crops of 128x128 pixels coded as JPEG of quality
60 to 97 46 are found, of 48 others none, with 9, 15 and 63 as well (`forensics_benchmarks.thresholds`)."""
_CENTRES = (np.arange(int(CORE / FINE_BIN), BINS) + 0.5) * FINE_BIN


class CombEvidence(NamedTuple):
    """What the best phase shows.

    Attributes
    ----------
    phase : int
        Index of the best phase.
    log10_nfa : float
        Of all phases and rows together, before other hypotheses.
    strength : np.ndarray [shape=(rows,), dtype=float64]
        |D| at each row's most significant step, 0..1.
    step : np.ndarray [shape=(rows,), dtype=float64]
        That step, in units of the coefficient: the largest one of which the comb is a multiple.
    tail : np.ndarray [shape=(rows,), dtype=float64]
        log10 of the probability of so strong a comb at some step.
    values : np.ndarray [shape=(rows,), dtype=float64]
        Number of values outside the zero cell.
    spectrum : np.ndarray [shape=(rows, len(STEPS)), dtype=float64]
        |D| at every step.
    cosine : np.ndarray [shape=(rows, len(STEPS)), dtype=float32]
        Re z at every step: greatest where values are whole multiples of it.
    phase_scores : np.ndarray [shape=(phases,), dtype=float64]
        log10 of the number of false alarms of each phase.
    """

    phase: int
    log10_nfa: float
    strength: np.ndarray
    step: np.ndarray
    tail: np.ndarray
    values: np.ndarray
    spectrum: np.ndarray
    cosine: np.ndarray
    phase_scores: np.ndarray


@cache
def _waves() -> tuple[np.ndarray, np.ndarray]:
    """Real and imaginary part of exp(2 pi i c f) at bin centres, each `np.ndarray [shape=(BINS, len(FREQUENCIES)),
    dtype=float32]`; 0 in the zero cell.
    """
    turns = 2 * np.pi * np.outer((np.arange(BINS) + 0.5) * FINE_BIN, FREQUENCIES)
    outside = np.arange(BINS)[:, None] >= int(CORE / FINE_BIN)
    return (np.cos(turns) * outside).astype(np.float32), (np.sin(turns) * outside).astype(np.float32)


class _Departures:
    """What every phase's z departs by from the mean of all phases', and what that comes to against the others."""

    def __init__(self, histograms: np.ndarray, count: np.ndarray) -> None:
        self._phases, self._count = len(histograms), count.astype(np.float32)
        counted = histograms.astype(np.float32)
        each = (1 / np.maximum(self._count, 1))[:, :, None]
        self._parts = [(counted.reshape(-1, BINS) @ wave).reshape(*count.shape, -1) * each for wave in _waves()]
        self._mean = self._parts[0].mean(axis=0)
        for part, mean in zip(self._parts, (self._mean, self._parts[1].mean(axis=0)), strict=True):
            part -= mean
        self._squares = self._parts[0] ** 2
        self._squares += self._parts[1] ** 2

    def cosine(self, phase: int) -> np.ndarray:
        """Re z of one phase, `np.ndarray [shape=(rows, steps), dtype=float32]`."""
        return np.asarray(self._parts[0][phase] + self._mean)

    def from_others(self, phases: slice | int = slice(None)) -> np.ndarray:
        """|D|^2 of z and the mean of the other phases', `np.ndarray [shape=(phases, rows, steps), dtype=float32]`."""
        return np.asarray(self._squares[phases] * np.float32((self._phases / (self._phases - 1)) ** 2))

    def spread_without(self, best: int) -> np.ndarray:
        """Mean of n |D|^2 of the phases but one among themselves, `np.ndarray [shape=(rows, steps)]`: that one must not
        widen it.
        """
        others = self._phases - 1
        count = self._count.copy()
        count[best] = 0
        sums = [np.einsum("pr,prs->rs", count, part) for part in (self._squares, *self._parts)]
        # Without one phase the others' mean moves by its departure over their number, to the other side.
        moved = [part[best] / others for part in self._parts]
        sums[0] += 2 * (sums[1] * moved[0] + sums[2] * moved[1])
        sums[0] += count.sum(axis=0)[:, None] * (moved[0] ** 2 + moved[1] ** 2)
        return np.asarray(sums[0] / max(others - 1, 1))


def comb_evidence(
    histograms: np.ndarray, distinct: float = 1.0, tolerance: float = 0.0, finest: float = 1.0
) -> CombEvidence:
    """Test whether one phase shows combs that the others do not.

    Parameters
    ----------
    histograms : np.ndarray [shape=(phases, rows, BINS)]
        Counts of |c| in bins of `FINE_BIN`, from 0; at least three phases.
    distinct : float
        Share of the values that are no copies of others, 0..1; copies are no evidence.
    tolerance : float
        |D| that the null model allows, 0..1, where something else than quantisation distinguishes the phases: the tail is then that of |D| - tolerance.
    finest : float
        Steps under this are not tried, in units of the coefficient.
    """  # noqa: E501
    phases, rows = histograms.shape[:2]
    count = histograms[:, :, int(CORE / FINE_BIN) :].sum(axis=2).astype(np.float64)
    departures = _Departures(histograms, count)
    beyond = departures.from_others()
    if tolerance > 0:
        beyond = np.maximum(np.sqrt(beyond) - np.float32(tolerance), 0) ** 2
    beyond[:, :, finest > STEPS] = 0
    effective = distinct * count * (1 - 1 / phases)
    usable = count >= LEAST_VALUES
    best = int(_fisher(effective * beyond.max(axis=2), usable).argmin())
    spread = np.maximum(running_means(departures.spread_without(best), _SMOOTHING), 1.0)
    beyond /= spread
    scores = _fisher(effective * beyond.max(axis=2), usable)
    surplus = effective[best][:, None] * beyond[best]
    peak = surplus.argmax(axis=1)
    outside = histograms[best, :, int(CORE / FINE_BIN) :]
    mean = (outside @ _CENTRES) / np.maximum(count[best], 1)
    index = np.array([_fundamental(row, at) for row, at in zip(surplus, mean.tolist(), strict=True)])
    spectrum = np.sqrt(departures.from_others(best)) * (finest <= STEPS)
    return CombEvidence(
        phase=best,
        log10_nfa=log10_nfa(float(scores[best]), phases),
        strength=spectrum[np.arange(rows), peak] * usable[best],
        step=np.array([_between(row, at) for row, at in zip(surplus, index.tolist(), strict=True)]),
        tail=_row_tails(surplus.max(axis=1), usable[best]) / -LN10,
        values=count[best],
        spectrum=spectrum,
        cosine=departures.cosine(best),
        phase_scores=scores + math.log10(phases),
    )


def _row_tails(most: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """-ln of the tail of the most significant step, whose n |D|^2 is given; 0 for rows without values."""
    return np.where(usable, np.maximum(most - math.log(_INDEPENDENT), 0.0), 0.0)


def _fisher(most: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """log10 tail of each phase, `np.ndarray [shape=(phases,), dtype=float64]`, from the n |D|^2 of the most significant
    step [shape=(phases, rows)].
    """
    totals = _row_tails(most, usable).sum(axis=1)
    rows = usable.sum(axis=1)
    return np.array(log10_gamma_tails(totals.tolist(), rows.tolist()))


def _fundamental(surplus: np.ndarray, mean: float) -> int:
    """The largest step that explains the comb about as well as the best one and is not above the mean of the values.

    A comb of step q also peaks at q / 2, q / 3, ...; where all values are one step, every frequency does.
    """
    allowed = np.where(1.15 * mean >= STEPS, surplus, 0.0)
    if allowed.max() <= 0:
        allowed = surplus
    at = int(np.argmax(allowed >= 0.5 * allowed.max()))
    while at + 1 < len(allowed) and allowed[at + 1] > allowed[at]:
        at += 1
    return at


def refined_step(values: np.ndarray, at: int) -> float:
    """The step at the peak of `values` [shape=(len(STEPS),)] that is uphill of index `at`, between the candidates."""
    while 0 < at < len(values) - 1 and values[at] < max(values[at - 1], values[at + 1]):
        at += 1 if values[at + 1] > values[at - 1] else -1
    return _between(values, at)


def _between(values: np.ndarray, at: int) -> float:
    """The step at the top of the parabola through a peak and its neighbours."""
    if not 0 < at < len(values) - 1:
        return float(STEPS[at])
    before, here, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float(1 / (FREQUENCIES[at] + min(max(shift, -0.5), 0.5) / 256))


def distinct_share(coefficients: np.ndarray) -> float:
    """Share of the blocks with any coefficient above 1 that differ from all others by more than the sign.

    `coefficients` is `np.ndarray [shape=(frequencies, blocks)]`; 0 without such blocks.
    """
    blocks = coefficients[:, np.abs(coefficients).max(axis=0, initial=0) > 1].astype(np.float64)
    mark = np.abs(np.random.default_rng(0).normal(size=len(blocks)) @ blocks)
    return len(np.unique(np.round(mark, 2))) / max(len(mark), 1)
