"""Comb in wavelet bands: JPEG 2000's quantisation, in the 9/7 or 5/3 transform, at the parity that the crop left.

Bands HL, LH and HH of the first two levels of luma are tried under both transforms, each level at its four parities,
the second from the low-pass band of the first level's best parity. Fine steps (1 to 43) and coarse ones (4 to 171) are
hypotheses of their own. `phase_comb` has the null model; parities of a demosaicked picture differ a little, so only
what exceeds `TOLERANCE` counts.

References
----------
.. [1] ISO/IEC 15444-1 (ITU-T T.800), Annexes E (quantisation), F (wavelet transforms) and G (colour transforms).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from forensics_features.comb import BINS, FINE_BIN
from forensics_features.planes import Planes
from forensics_features.wavelet import BANDS, CDF53, CDF97, Wavelet, undecimated_bands

from forensics.history.traces.phase_comb import STEPS, CombEvidence, comb_evidence
from forensics.history.traces.sample import Sample
from forensics.results.a_contrario import log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

NAME = "wavelet_comb"
SPEAKS_FOR = ("jpeg2000",)
LEVELS = 2
"""Decomposition levels that are tested."""
SCALES = (1.0, 4.0)
"""Factors by which contrast is taken down before coefficients are counted: the second weighs rounding noise less.
Both count as hypotheses."""
TOLERANCE = 0.2
"""Difference of the characteristic function that a colour filter array makes between parities; 0.15 was the most in
simulated cameras.
"""
FINEST = 1.25
"""Smallest step tried, in units of the coefficient: below it the interpolation of integers makes combs of its own."""
_TESTS = 2 * LEVELS * len(SCALES)
_MARGIN = 4
"""Coefficients at the border that the mirror extension has reached."""
_TITLES = {"97": "CDF 9/7", "53": "CDF 5/3"}
_ROW_TAIL = -4.0
"""Decimal logarithm of a band's tail below which its step is reported: `_TESTS` hypotheses of three bands have 24, so
that chance gives a step in one of 400 pictures at most."""


class _Outcome(NamedTuple):
    wavelet: Wavelet
    level: int
    scale: float
    evidence: CombEvidence


def wavelet_comb(sample: Sample) -> Trace:
    """Test both wavelets at two levels, all parities.

    Returns
    -------
    Trace
        `statistic`: |D| of the clearest band, 0..1 (`phase_comb`). `parameters`: `wavelet` (`97` or `53`), `level`,
        `parity` (row, column of the canvas origin modulo 2, at that level), `steps` by band (None where no narrow comb
        is seen). `series`: `candidates`, `spectrum` [shape=(3, steps)] of the best hypothesis (HL, LH, HH), `log10_nfa`
        [shape=(2 wavelets, levels)].
    """
    outcomes = [outcome for wavelet in (CDF97, CDF53) for outcome in _outcomes(sample, wavelet)]
    best = min(outcomes, key=lambda outcome: outcome.evidence.log10_nfa)
    evidence = best.evidence
    nfa = log10_nfa(evidence.log10_nfa, _TESTS)
    found = nfa <= FOUND_BELOW
    parity = divmod(evidence.phase, 2)
    narrow = _narrow(evidence)
    steps = {
        band: round(float(step * best.scale), 2) if tail < _ROW_TAIL and sharp else None
        for band, step, tail, sharp in zip(BANDS, evidence.step, evidence.tail, narrow, strict=True)
    }
    return Trace(
        name=NAME,
        statistic=float(evidence.strength[evidence.tail.argmin()]),
        log10_nfa=nfa,
        speaks_for=SPEAKS_FOR if found else (),
        parameters={
            "wavelet": best.wavelet.name if found else None,
            "level": best.level if found else None,
            "parity": list(parity) if found else None,
            "steps": steps if found else None,
        },
        sentence=_sentence(best, steps, nfa, found),
        series={"candidates": STEPS * best.scale, "spectrum": evidence.spectrum, "log10_nfa": _by_wavelet(outcomes)},
    )


def _narrow(evidence: CombEvidence) -> list[bool]:
    """Whether each band's comb falls off to both sides of its step: a broad hump is a heap of zeros, and names no
    step.
    """
    out = []
    for step, spectrum in zip(evidence.step, evidence.spectrum, strict=True):
        height, low, high = np.interp([step, 0.78 * step, 1.28 * step], STEPS[::-1], spectrum[::-1])
        out.append(bool(height > 1.15 * max(low, high)))
    return out


def _outcomes(sample: Sample, wavelet: Wavelet) -> list[_Outcome]:
    planes = [_luma(region, wavelet) for region in sample.regions]
    outcomes = []
    for level in range(1, LEVELS + 1):
        bands = [undecimated_bands(plane, wavelet) for plane in planes]
        found = [_Outcome(wavelet, level, scale, _evidence(bands, wavelet, scale)) for scale in SCALES]
        outcomes += found
        row, column = divmod(min(found, key=lambda outcome: outcome.evidence.log10_nfa).evidence.phase, 2)
        factor = np.float32(wavelet.low_scale**2)
        planes = [np.ascontiguousarray(part[0][row::2, column::2]) * factor for part in bands]
    return outcomes


def _evidence(bands: Sequence[tuple[np.ndarray, ...]], wavelet: Wavelet, scale: float) -> CombEvidence:
    histograms = np.sum([_histograms(part, wavelet, scale) for part in bands], axis=0)
    return comb_evidence(histograms, tolerance=TOLERANCE, finest=FINEST)


def _luma(planes: Planes, wavelet: Wavelet) -> np.ndarray:
    """BT.601 luma for the irreversible transform, floor((R + 2 G + B) / 4) for the reversible one."""
    if not wavelet.floored:
        return planes.y
    rgb = planes.rgb.astype(np.int32)
    return ((rgb[:, :, 0] + 2 * rgb[:, :, 1] + rgb[:, :, 2]) >> 2).astype(np.float32)


def _histograms(bands: tuple[np.ndarray, ...], wavelet: Wavelet, scale: float) -> np.ndarray:
    """Magnitudes of HL, LH, HH by parity of the canvas origin, `np.ndarray [shape=(4, 3, BINS), dtype=int64]`."""
    out = np.empty((4, 3, BINS), np.int64)
    gains = (1.0, 1.0, wavelet.low_scale**-2)
    for phase in range(4):
        p, q = divmod(phase, 2)
        for k, (row, column) in enumerate(((p, q ^ 1), (p ^ 1, q), (p ^ 1, q ^ 1))):
            band = bands[k + 1][row::2, column::2][_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
            bins = (np.abs(band) * np.float32(gains[k] / (FINE_BIN * scale))).astype(np.int64).ravel()
            out[phase, k] = np.bincount(np.minimum(bins, BINS), minlength=BINS + 1)[:BINS]
    return out


def _by_wavelet(outcomes: list[_Outcome]) -> np.ndarray:
    """Best log10 NFA over the scales, after all hypotheses, `np.ndarray [shape=(2, LEVELS), dtype=float64]`."""
    scores = np.array([log10_nfa(outcome.evidence.log10_nfa, _TESTS) for outcome in outcomes])
    return scores.reshape(2, LEVELS, len(SCALES)).min(axis=2)


def _sentence(best: _Outcome, steps: dict[str, float | None], nfa: float, found: bool) -> str:
    if not found:
        return (
            "In neither the CDF 9/7 nor the CDF 5/3 wavelet transform do coefficients of luma gather at multiples of a "
            "step at one parity "
            f"more than at the others (expected by chance in {chance(nfa)})."
        )
    listed = (
        ", ".join(f"{band.upper()} {step:g}" for band, step in steps.items() if step is not None) or "not distinguished"
    )
    return (
        f"In level {best.level} of the {_TITLES[best.wavelet.name]} wavelet transform of luma, coefficients gather at "
        f"multiples of a step "
        f"({listed}) at one of four parities alone; chance gives this in {chance(nfa)}."
    )
