"""Codecs told apart by coding the picture again, where the models leave it open: the word of the judge of recompression
(`forensics_models.recompression`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from forensics_models.classes import HEVC_FAMILY, INCONCLUSIVE, family_of
from forensics_models.open_judge import OpenJudge, by_family
from forensics_models.recompression import (
    ENCODERS,
    FAMILIES,
    UNKNOWN,
    RecompressionJudge,
    Repeats,
    asked,
    borne_out,
    shows,
)

from forensics.results.analysis import Analysis
from forensics.results.steps import InsetStep, ReductionStep, RotationStep
from forensics.results.wording import TITLES, percentage
from forensics.verdict import doubt
from forensics.verdict.restated import Ranking, ranked, restated, said_of, without_range
from forensics.verdict.weighing import KEPT_FROM, SURE
from forensics.windows.judges import block_phase_logarithms, recompression_judge

TRACE = "recompression"
"""Name of the statement."""
RIVALS = ("av1", HEVC_FAMILY)
"""Families that the models take for each other: such a name is held against recompression where it is not sure."""
_LIKELY = 0.5
"""Probability of the judge of block phases from which it is told what it says."""
IN_CELLS_BELOW = 0.7
"""Neighbours that differ across borders of cells, over those that do elsewhere (`forensics_features.cells.margins`),
under which the judge of block phases is not heard. A sheet of a game's sprites in cells of 32 pixels, never coded, has
0.50 and was HEVC intra (0.94) by that judge. Of 51 codings of validation photographs, synthetic drawings and games' art
one is under it, a sheet itself, and the same one of 51 changed since; of 20 drawings as they are four."""


def with_answer(analysis: Analysis, open_judge: OpenJudge | None, pixels: np.ndarray) -> Analysis:
    """The analysis with a codec as its verdict that recompression tells, or left open where that speaks against the AV1
    or HEVC that it names; of an open picture by none of the codecs that recompression tells, with one that block phases
    tell. The very same where the verdict is another or sure, an encoder is missing or nothing is certain enough.

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
    if judge is None:
        return analysis
    if not asked(families):
        return _by_phases(analysis, judge, families, open_judge, pixels)
    from forensics.history.recoding import identification

    found = None if identification.missing() else identification.repeats(pixels)
    if found is None:
        return analysis
    named = family_of(analysis.verdict)
    phases = _phases(open_judge, pixels)
    family, probabilities = judge.answer(families, found, phases)
    told = _said(found, phases), float(np.max(found.gains))
    sure = analysis.verdict != INCONCLUSIVE and analysis.probability >= SURE
    if not sure and (analysis.verdict == INCONCLUSIVE or family not in ("", named)):
        return _named(analysis, family, probabilities, *told) if family else analysis
    if analysis.verdict == HEVC_FAMILY and _as_stored(analysis) and not borne_out(found, phases):
        return _not_borne_out(analysis, *told)
    spoken_against = probabilities[named] < KEPT_FROM and any(shows(one, found, judge.least) for one in RIVALS)
    return _left_open(analysis, probabilities, *told) if spoken_against and not sure else analysis


def _by_phases(
    analysis: Analysis,
    judge: RecompressionJudge,
    families: Mapping[str, float],
    open_judge: OpenJudge,
    pixels: np.ndarray,
) -> Analysis:
    """An open picture that is not coded again, with a codec as its verdict that block phases tell."""
    if analysis.verdict != INCONCLUSIVE:
        return analysis
    phases = _phases(open_judge, pixels)
    family, probabilities = judge.answer_unasked(families, phases)
    if not family:
        return analysis
    said = _spoken(phases, "the grid that starts at the picture's first sample")
    return _named(analysis, family, probabilities, said, float(np.exp(np.max(phases))))


def _phases(open_judge: OpenJudge, pixels: np.ndarray) -> np.ndarray:
    """What the judge of block phases says; nothing of what is drawn in cells that end where blocks do."""
    from forensics_features.cells import margins
    from forensics_features.planes import to_rgb8

    in_cells = margins(to_rgb8(pixels)) < IN_CELLS_BELOW
    return UNKNOWN if in_cells else block_phase_logarithms(open_judge.folder, pixels)


def _asks(analysis: Analysis) -> bool:
    """Whether the verdict is open, one of the rivals and not sure, or HEVC of no single member."""
    rival = family_of(analysis.verdict) in RIVALS and analysis.probability < SURE
    return rival or analysis.verdict in (INCONCLUSIVE, HEVC_FAMILY)


def _as_stored(analysis: Analysis) -> bool:
    """Whether the first sample that is judged is the picture's own, or that of one that was enlarged as a whole."""
    return not any(isinstance(step, InsetStep | RotationStep | ReductionStep) for step in analysis.steps)


def _named(analysis: Analysis, family: str, probabilities: Mapping[str, float], said: str, most: float) -> Analysis:
    ranking = _weighed(analysis.ranking, probabilities)
    verdict, named, probability = said_of(family, ranking)
    statement = without_range(TRACE, most, named, f"{said}; so {TITLES[family]} shows, by validation pictures")
    return restated(analysis, ranking, verdict, probability, named, (statement, *analysis.evidence))


def _left_open(analysis: Analysis, probabilities: Mapping[str, float], said: str, most: float) -> Analysis:
    ranking = _weighed(analysis.ranking, probabilities)
    text = f"{said}; so {TITLES[analysis.verdict]} hardly ever shows, by validation pictures"
    statement = without_range(TRACE, most, (), text, supports=False)
    return restated(analysis, ranking, INCONCLUSIVE, ranking[0][1], (), (statement, *analysis.evidence))


def _not_borne_out(analysis: Analysis, said: str, most: float) -> Analysis:
    ranking = ranked(doubt.lessened(analysis.probabilities, HEVC_FAMILY))
    text = (
        f"{said}; so {TITLES[HEVC_FAMILY]} does not show in blocks from the first sample on, and a JPEG of which "
        "pixels were left out has the same traces elsewhere"
    )
    statement = without_range(TRACE, most, (), text, supports=False)
    return restated(analysis, ranking, INCONCLUSIVE, ranking[0][1], (), (statement, *analysis.evidence))


def _weighed(ranking: Ranking, found: Mapping[str, float]) -> Ranking:
    """Processes with the probabilities of their families, or of all others together, in the proportions of before."""
    groups = {name: family_of(name) if family_of(name) in FAMILIES else FAMILIES[-1] for name, _ in ranking}
    before = dict.fromkeys(FAMILIES, 0.0)
    for name, p in ranking:
        before[groups[name]] += p
    return ranked({name: p * found[groups[name]] / max(before[groups[name]], 1e-12) for name, p in ranking})


def _said(repeats: Repeats, phases: np.ndarray) -> str:
    """What both show; of the judge of block phases where it holds one of its families likelier than not."""
    each = ", ".join(f"{name} {gain:.1f} ({agreed:.0f})" for name, gain, agreed in zip(ENCODERS, *repeats, strict=True))
    again = (
        "coded again on the grid of blocks that starts at its first sample, the picture changes less than beside that "
        f"grid, by so many dB for each encoder (and so many standard errors over its blocks): {each}"
    )
    if np.exp(np.max(phases)) < _LIKELY or FAMILIES[int(np.argmax(phases))] not in TITLES:
        return again
    return f"{again}; {_spoken(phases, 'that grid')}"


def _spoken(phases: np.ndarray, grid: str) -> str:
    """What the judge of block phases says, of blocks on a grid."""
    best, p = FAMILIES[int(np.argmax(phases))], float(np.exp(np.max(phases)))
    return (
        f"how neighbours differ by their place in blocks on {grid}, and how sparse those are, speaks for "
        f"{TITLES[best]} by itself ({percentage(p)})"
    )
