"""Comb in JPEG XR's transform: one step for all high-pass coefficients, with or without the overlap operator, at one of
16 phases.

`forensics_features.lapped` describes the transform; `phase_comb` has the null model; blocks that repeat others are
counted once. Fine and coarse steps are hypotheses of their own.

References
----------
.. [1] ITU-T T.832 | ISO/IEC 29199-2, "JPEG XR image coding system - Image coding specification", clause 9.9.
"""

from __future__ import annotations

import numpy as np
from forensics_features.comb import BINS, FINE_BIN
from forensics_features.lapped import BLOCK, colour_planes, forward_transform

from forensics.history.traces.phase_comb import STEPS, CombEvidence, comb_evidence, distinct_share
from forensics.history.traces.sample import Sample
from forensics.results.a_contrario import log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

NAME = "lapped_comb"
SPEAKS_FOR = ("jpegxr",)
OTHERS = ("webp", "avif", "heic", "bpg", "jpeg")
"""Without overlap the transform is near a 4x4 DCT or Hadamard transform: other codecs leave its comb too, more weakly.
"""
SCALES = (0.25, 1.0)
"""Sample units in a unit of `phase_comb`: steps of 0.25 to 10.7 and of 1 to 43."""
_PHASES = BLOCK * BLOCK
_TITLES = ("without the overlap operator", "with the overlap operator")


def lapped_comb(sample: Sample) -> Trace:
    """Test the 16 phases of the 4x4 grid without and with overlap.

    Returns
    -------
    Trace
        `statistic`: |D| at the best step, 0..1 (`phase_comb`). `parameters`: `overlapped` (False: overlap mode 0, True:
        1 or 2), `phase` (row, column of the 4x4 grid in the picture), `step` in sample units. `series`: `candidates`,
        `spectrum` [shape=(1, steps)], `phase_scores` [shape=(4, 4)], log10 NFA.
    """
    luma = [colour_planes(region.rgb)[0] for region in sample.regions]
    outcomes: list[tuple[bool, float, CombEvidence]] = []
    for overlapped in (False, True):
        histograms = np.sum([_histograms(plane, overlapped) for plane in luma], axis=0)
        outcomes += [
            (overlapped, scale, _evidence(histograms[:, k, None], luma, overlapped)) for k, scale in enumerate(SCALES)
        ]
    overlapped, scale, evidence = min(outcomes, key=lambda outcome: outcome[2].log10_nfa)
    nfa = log10_nfa(evidence.log10_nfa, len(outcomes))
    found = nfa <= FOUND_BELOW
    phase, step = divmod(evidence.phase, BLOCK), float(evidence.step[0] * scale)
    return Trace(
        name=NAME,
        statistic=float(evidence.strength[0]),
        log10_nfa=nfa,
        speaks_for=(SPEAKS_FOR if overlapped else (*SPEAKS_FOR, *OTHERS)) if found else (),
        parameters={
            "overlapped": overlapped if found else None,
            "phase": list(phase) if found else None,
            "step": round(step, 3) if found else None,
        },
        sentence=_sentence(overlapped, phase, step, nfa, found),
        series={
            "candidates": STEPS * scale,
            "spectrum": evidence.spectrum,
            "phase_scores": evidence.phase_scores.reshape(BLOCK, BLOCK),
        },
    )


def _evidence(histograms: np.ndarray, luma: list[np.ndarray], overlapped: bool) -> CombEvidence:
    """Blocks that repeat others are counted once where there is something to count."""
    evidence = comb_evidence(histograms)
    if evidence.log10_nfa > 0:
        return evidence
    phase = divmod(evidence.phase, BLOCK)
    blocks = np.concatenate(
        [forward_transform(plane, int(overlapped), phase).high_pass.reshape(15, -1) for plane in luma], axis=1
    )
    return comb_evidence(histograms, distinct_share(blocks))


def _histograms(plane: np.ndarray, overlapped: bool) -> np.ndarray:
    """Magnitudes of all high-pass coefficients by phase and scale, `np.ndarray [shape=(16, len(SCALES), BINS),
    dtype=int64]`.
    """
    out = np.empty((_PHASES, len(SCALES), BINS), np.int64)
    for phase in range(_PHASES):
        magnitudes = np.abs(forward_transform(plane, int(overlapped), divmod(phase, BLOCK)).high_pass).ravel()
        for k, scale in enumerate(SCALES):
            bins = np.minimum(magnitudes * np.float32(1 / (FINE_BIN * scale)), BINS).astype(np.int64)
            out[phase, k] = np.bincount(bins, minlength=BINS + 1)[:BINS]
    return out


def _sentence(overlapped: bool, phase: tuple[int, int], step: float, nfa: float, found: bool) -> str:
    if not found:
        return (
            "At none of the 16 phases of JPEG XR's 4x4 transform, without or with overlap, do coefficients of luma "
            "gather at multiples of "
            f"one step more than at the others (expected by chance in {chance(nfa)})."
        )
    return (
        f"In JPEG XR's 4x4 transform {_TITLES[overlapped]}, on the grid that starts at row {phase[0]}, column "
        f"{phase[1]}, coefficients of luma "
        f"gather at multiples of {step:.3g}, at the other 15 phases they do not; chance gives this in {chance(nfa)}."
    )
