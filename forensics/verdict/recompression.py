"""Codecs told apart by coding the picture again, where the models leave it open: the word of the judge of recompression
(`forensics_models.recompression`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from forensics_models.classes import HEVC_FAMILY, INCONCLUSIVE, allowed_by, family_of
from forensics_models.open_judge import OpenJudge, by_family, member_or_family
from forensics_models.recompression import ENCODERS, FAMILIES, asked

from forensics.results.analysis import Analysis
from forensics.results.wording import TITLES
from forensics.verdict.restated import Ranking, ranked, restated, without_range
from forensics.windows.judges import recompression_judge

TRACE = "recompression"
"""Name of the statement."""


def with_answer(analysis: Analysis, open_judge: OpenJudge | None, pixels: np.ndarray) -> Analysis:
    """The analysis with a codec as its verdict that recompression tells; the very same where there is a verdict, none
    of the codecs that recompression tells is likely, an encoder is missing or nothing is certain enough.

    Parameters
    ----------
    analysis : Analysis
        After all exact readings.
    open_judge : OpenJudge, optional
        Whose picture it is.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        Those that it is on.
    """
    if analysis.verdict != INCONCLUSIVE or open_judge is None:
        return analysis
    judge, families = recompression_judge(open_judge.folder), by_family(dict(analysis.ranking))
    if judge is None or not asked(families):
        return analysis
    from forensics.history.recoding import identification

    found = None if identification.missing() else identification.gains(pixels)
    if found is None:
        return analysis
    family, _ = judge.answer(families, found)
    if not family:
        return analysis
    ranking = _weighed(analysis.ranking, judge.probabilities(families, found))
    verdict = family if family == HEVC_FAMILY else member_or_family(family, dict(ranking))
    named = allowed_by(verdict)
    probability = sum(p for name, p in ranking if name in named)
    statement = without_range(TRACE, float(found.max()), named, _text(family, found))
    return restated(analysis, ranking, verdict, probability, named, (statement, *analysis.evidence))


def _weighed(ranking: Ranking, found: Mapping[str, float]) -> Ranking:
    """Processes with the probabilities of their families, or of all others together, in the proportions of before."""
    groups = {name: family_of(name) if family_of(name) in FAMILIES else FAMILIES[-1] for name, _ in ranking}
    before = dict.fromkeys(FAMILIES, 0.0)
    for name, p in ranking:
        before[groups[name]] += p
    return ranked({name: p * found[groups[name]] / max(before[groups[name]], 1e-12) for name, p in ranking})


def _text(family: str, gains: np.ndarray) -> str:
    each = ", ".join(f"{name} {gain:.1f}" for name, gain in zip(ENCODERS, gains, strict=True))
    return (
        "coded again on the grid of blocks that starts at its first sample, the picture changes less than beside that "
        f"grid, by so many dB for each encoder: {each}; so {TITLES[family]} is repeated, by validation pictures"
    )
