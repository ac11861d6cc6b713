"""Codecs told apart by coding the picture again, where the models leave it open: the word of the judge of recompression
(`forensics_models.recompression`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from forensics_models.classes import HEVC_FAMILY, INCONCLUSIVE, family_of
from forensics_models.open_judge import OpenJudge, by_family
from forensics_models.recompression import ENCODERS, FAMILIES, Repeats, asked, shows

from forensics.results.analysis import Analysis
from forensics.results.wording import TITLES
from forensics.verdict.restated import Ranking, ranked, restated, said_of, without_range
from forensics.verdict.weighing import KEPT_FROM, SURE
from forensics.windows.judges import recompression_judge

TRACE = "recompression"
"""Name of the statement."""
RIVALS = ("av1", HEVC_FAMILY)
"""Families that the models take for each other: such a name is held against recompression where it is not sure."""


def with_answer(analysis: Analysis, open_judge: OpenJudge | None, pixels: np.ndarray) -> Analysis:
    """The analysis with a codec as its verdict that recompression tells, or left open where that speaks against the AV1
    or HEVC that it names; the very same where none of the codecs that recompression tells is likely, the verdict is
    another or sure, an encoder is missing or nothing is certain enough.

    Parameters
    ----------
    analysis : Analysis
        After all exact readings.
    open_judge : OpenJudge, optional
        Whose picture it is.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        Those that it is on.
    """
    if open_judge is None or not _asks(analysis):
        return analysis
    judge, families = recompression_judge(open_judge.folder), by_family(dict(analysis.ranking))
    if judge is None or not asked(families):
        return analysis
    from forensics.history.recoding import identification

    found = None if identification.missing() else identification.repeats(pixels)
    if found is None:
        return analysis
    named = family_of(analysis.verdict)
    family, probabilities = judge.answer(families, found)
    if analysis.verdict == INCONCLUSIVE or family not in ("", named):
        return _named(analysis, family, probabilities, found) if family else analysis
    spoken_against = probabilities[named] < KEPT_FROM and any(shows(one, found, judge.least) for one in RIVALS)
    return _left_open(analysis, probabilities, found) if spoken_against else analysis


def _asks(analysis: Analysis) -> bool:
    """Whether the verdict is open, or one of the rivals and not sure."""
    rival = family_of(analysis.verdict) in RIVALS and analysis.probability < SURE
    return analysis.verdict == INCONCLUSIVE or rival


def _named(analysis: Analysis, family: str, probabilities: Mapping[str, float], repeats: Repeats) -> Analysis:
    ranking = _weighed(analysis.ranking, probabilities)
    verdict, named, probability = said_of(family, ranking)
    text = f"{_said(repeats)}; so {TITLES[family]} is repeated, by validation pictures"
    statement = without_range(TRACE, float(np.max(repeats.gains)), named, text)
    return restated(analysis, ranking, verdict, probability, named, (statement, *analysis.evidence))


def _left_open(analysis: Analysis, probabilities: Mapping[str, float], repeats: Repeats) -> Analysis:
    ranking = _weighed(analysis.ranking, probabilities)
    text = f"{_said(repeats)}; so {TITLES[analysis.verdict]} is hardly ever repeated, by validation pictures"
    statement = without_range(TRACE, float(np.max(repeats.gains)), (), text, supports=False)
    return restated(analysis, ranking, INCONCLUSIVE, ranking[0][1], (), (statement, *analysis.evidence))


def _weighed(ranking: Ranking, found: Mapping[str, float]) -> Ranking:
    """Processes with the probabilities of their families, or of all others together, in the proportions of before."""
    groups = {name: family_of(name) if family_of(name) in FAMILIES else FAMILIES[-1] for name, _ in ranking}
    before = dict.fromkeys(FAMILIES, 0.0)
    for name, p in ranking:
        before[groups[name]] += p
    return ranked({name: p * found[groups[name]] / max(before[groups[name]], 1e-12) for name, p in ranking})


def _said(repeats: Repeats) -> str:
    each = ", ".join(f"{name} {gain:.1f} ({agreed:.0f})" for name, gain, agreed in zip(ENCODERS, *repeats, strict=True))
    return (
        "coded again on the grid of blocks that starts at its first sample, the picture changes less than beside that "
        f"grid, by so many dB for each encoder (and so many standard errors over its blocks): {each}"
    )
