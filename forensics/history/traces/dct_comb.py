"""Comb in 8x8 DCT coefficients of luma: quantisation as JPEG does it, by frequency, at the one phase of the grid where
it is seen.

All 64 phases are tried, at two scales: steps of 1 to 43 as they are, and of 4 to 171 on the picture at a quarter of its
contrast, where rounding noise weighs less. `phase_comb` has the null model. Blocks that repeat others but for a
constant are counted once.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history: JPEG detection and quantizer
       estimation",
   IEEE Trans. Image Processing 12(2), 2003, doi:10.1109/TIP.2002.807361.
.. [2] ITU-T T.81, A.3.3 and A.3.4 (DCT and quantisation).
"""

from __future__ import annotations

import numpy as np

from forensics.history.traces.low_frequencies import BLOCK, KEPT, coefficients, magnitudes
from forensics.history.traces.phase_comb import (
    STEPS,
    CombEvidence,
    comb_evidence,
    distinct_share,
    refined_step,
)
from forensics.history.traces.sample import Sample
from forensics.results.a_contrario import log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

NAME = "dct_comb"
SPEAKS_FOR = ("jpeg", "jpegxl", "avif")
OTHERS = ("jpegxr", "webp", "bpg", "heic")
"""Codecs with transforms of other sizes besides, or in the place of, 8x8: they leave it at a part of the
frequencies.
"""
MANY = 16
"""Clear combs at so many of the 24 frequencies speak against `OTHERS`."""
SCALES = (1, 4)
"""Factors by which contrast is taken down before coefficients are counted: the second weighs rounding noise less.
Both count as hypotheses."""
_AGREE = 0.5
"""The comb's step and the cosine's agree when their log2 differ by less."""
_ROW_TAIL = -4.0
"""A frequency's step is reported when chance gives its comb less often than this (log10)."""


def dct_comb(sample: Sample) -> Trace:
    """Test the 64 phases of the 8x8 grid.

    Returns
    -------
    Trace
        `statistic`: |D| of the clearest frequency, 0..1 (`phase_comb`). `parameters`: `phase` (row, column of the grid
        in the picture), `steps` (8x8 in raster order, None where no comb is clear), `scale`. `series`: `steps`,
        `strength` and `tail` of the frequencies [shape=(5, 5)], `candidates`, `spectrum` [shape=(24, steps)],
        `phase_scores` [shape=(8, 8)], log10 NFA.
    """
    results = [_at_scale(sample, scale) for scale in SCALES]
    best = min(range(len(SCALES)), key=lambda k: results[k].log10_nfa)
    evidence, scale = results[best], SCALES[best]
    nfa = log10_nfa(evidence.log10_nfa, len(SCALES))
    phase = divmod(evidence.phase, BLOCK)
    # A JPEG decoder puts out whole multiples of the step, whose cosine peaks at the step itself.
    steps = scale * np.array(
        [
            refined_step(row, int(np.abs(STEPS - step).argmin()))
            for row, step in zip(evidence.cosine, evidence.step, strict=True)
        ]
    )
    found = nfa <= FOUND_BELOW
    clear = (evidence.tail < _ROW_TAIL) & (np.abs(np.log2(steps / (scale * evidence.step))) < _AGREE)
    top = int(evidence.tail.argmin())
    parameters = {
        "phase": list(phase) if found else None,
        "steps": _table(np.where(clear, steps, np.nan)) if found else None,
        "scale": float(scale),
    }
    return Trace(
        name=NAME,
        statistic=float(evidence.strength[top]),
        log10_nfa=nfa,
        speaks_for=_classes(int(clear.sum())) if found else (),
        parameters=parameters,
        sentence=_sentence(steps[clear], nfa, phase, found),
        series={
            "steps": _square(steps),
            "strength": _square(evidence.strength),
            "tail": _square(evidence.tail),
            "candidates": STEPS * scale,
            "spectrum": evidence.spectrum,
            "phase_scores": evidence.phase_scores.reshape(BLOCK, BLOCK),
        },
    )


def _at_scale(sample: Sample, scale: int) -> CombEvidence:
    histograms = magnitudes(sample, scale)
    evidence = comb_evidence(histograms)
    if evidence.log10_nfa > 0:
        return evidence
    return comb_evidence(histograms, distinct_share(coefficients(sample, divmod(evidence.phase, BLOCK))))


def _classes(clear: int) -> tuple[str, ...]:
    return SPEAKS_FOR if clear >= MANY else (*SPEAKS_FOR, *OTHERS)


def _square(values: np.ndarray) -> np.ndarray:
    """Values of the 24 frequencies as a square with NaN at the mean."""
    return np.concatenate([[np.nan], values]).reshape(KEPT, KEPT)


def _table(steps: np.ndarray) -> list[float | None]:
    """8x8 in raster order, rounded; None where there is no step."""
    full = np.full((BLOCK, BLOCK), np.nan)
    full[:KEPT, :KEPT] = _square(steps)
    return [None if np.isnan(step) else round(float(step), 2) for step in full.ravel()]


def _sentence(steps: np.ndarray, nfa: float, phase: tuple[int, int], found: bool) -> str:
    if not found:
        return (
            "At none of the 64 phases of an 8x8 grid do DCT coefficients of luma gather at multiples of a step more "
            "than at the "
            f"other phases (expected by chance in {chance(nfa)})."
        )
    span = (
        f"steps {steps.min():.1f} to {steps.max():.1f} at {len(steps)} of 24 frequencies"
        if len(steps)
        else "steps not distinguished"
    )
    return (
        f"On the 8x8 grid that starts at row {phase[0]}, column {phase[1]}, DCT coefficients of luma gather at "
        f"multiples of "
        f"quantisation steps ({span}), at the other 63 phases they do not; chance gives this in {chance(nfa)}."
    )
