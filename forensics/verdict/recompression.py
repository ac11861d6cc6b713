"""Codecs told apart by coding the picture again, where the models leave it open: the word of the judge of recompression
(`forensics_models.recompression`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from forensics_models.classes import HEVC_FAMILY, INCONCLUSIVE, OTHER_LOSSY, family_of
from forensics_models.open_judge import OpenJudge, by_family
from forensics_models.recompression import (
    ENCODERS,
    FAMILIES,
    OTHER,
    UNKNOWN,
    WITHOUT_BLOCKS,
    RecompressionJudge,
    Repeats,
    as_eight,
    asked,
    borne_out,
    other_borne_out,
    shows,
)

from forensics.results.analysis import Analysis
from forensics.results.steps import InsetStep, ReductionStep, RotationStep
from forensics.results.wording import TITLES, percentage
from forensics.verdict import doubt
from forensics.verdict.restated import ranked, restated, said_of, weighed_by_family, without_range
from forensics.verdict.tone import undoes
from forensics.verdict.weighing import KEPT_FROM, SURE
from forensics.windows.judges import block_phase_logarithms, luma_phase_logarithms, recompression_judge

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


_ELSEWHERE = (
    "does not show in blocks from the first sample on, and a JPEG of which pixels were left out has the same traces "
    "elsewhere"
)
_AS_EIGHT = "does not show: blocks of 8x8 samples repeat the picture far better than its own"


@dataclass(frozen=True)
class Heard:
    """What the judge of recompression says of a picture that it is asked about.

    Attributes
    ----------
    family : str
        That may be named, `other-lossy` for processes beyond the families, or an empty string.
    probabilities : mapping of str to float
        By family of `forensics_models.recompression.FAMILIES`.
    text : str
        What it rests on, in words.
    most : float
        The largest gain of an encoder in dB, or the probability of the judge of block phases where none was asked.
    shown : bool
        Whether the encoder of one of the `RIVALS` shows.
    borne_out : bool
        Whether HEVC shows in blocks from the first sample on.
    of_eight : bool
        Whether blocks of 8x8 samples show where AV1 would be named.
    """

    family: str
    probabilities: Mapping[str, float]
    text: str
    most: float
    shown: bool = False
    borne_out: bool = False
    of_eight: bool = False


def heard(analysis: Analysis, open_judge: OpenJudge | None, pixels: np.ndarray) -> Heard | None:
    """What the judge of recompression says; None where the verdict is another or sure, an encoder is missing, or
    neither a codec that encoders repeat is likely nor the judge of block phases can be asked.

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
        return None
    judge, families = recompression_judge(open_judge.folder), by_family(dict(analysis.ranking))
    if judge is None:
        return None
    if not asked(families):
        return _heard_of_blocks(judge, families, open_judge, pixels, toned(analysis)) if _is_open(analysis) else None
    from forensics.history.recoding import identification

    found = None if identification.missing() else identification.repeats(pixels)
    if found is None:
        return None
    phases = _phases(open_judge, pixels)
    family, probabilities = judge.answer(families, found, phases, encoders_alone=toned(analysis))
    family = _in_luma_too(family, open_judge, pixels)
    shown = any(shows(one, found, judge.least) for one in RIVALS)
    most = float(np.max(found.gains))
    said = _said(found, phases)
    return Heard(family, probabilities, said, most, shown, borne_out(found, phases), as_eight("av1", found))


def _heard_of_blocks(
    judge: RecompressionJudge, families: Mapping[str, float], open_judge: OpenJudge, pixels: np.ndarray, toned: bool
) -> Heard | None:
    """What is said of an open picture that is not coded again."""
    phases = _phases(open_judge, pixels)
    if np.array_equal(phases, UNKNOWN):
        return None
    said = _spoken(phases, "the grid that starts at the picture's first sample")
    family, probabilities = judge.answer_unasked(families, phases)
    family = "" if toned else _in_luma_too(family, open_judge, pixels)
    return Heard(family, probabilities, said, float(np.exp(np.max(phases))))


def toned(analysis: Analysis) -> bool:
    """Whether a change of tone that skips values was undone, so that block phases name nothing by themselves: where one
    was seen in what a conversion from video's range leaves, which is steeper than one, 8x8 blocks of other codecs look
    like a JPEG's. Of 70 validation frames of DV, ProRes, Theora, FLV1 and WMV2 four were toned so, one of which was
    HEVC (0.96); of 60 of MPEG-1, MPEG-2, MPEG-4 and their like none. What merges values alone is mostly the rounding of
    a filter: of 14 blurred and sharpened validation pictures that it is seen in one more is named, rightly.
    """
    return undoes(analysis.tone) and analysis.tone.gaps > 0


def _in_luma_too(family: str, open_judge: OpenJudge, pixels: np.ndarray) -> str:
    """The name that verdicts know a family by; an empty string for other processes that colours alone speak for."""
    if family != OTHER:
        return family
    in_luma = luma_phase_logarithms(open_judge.folder, pixels)
    return OTHER_LOSSY if other_borne_out(OTHER, in_luma) else ""


def with_answer(analysis: Analysis, said: Heard | None) -> Analysis:
    """The analysis with a codec as its verdict that recompression, or block phases alone, tell, or left open where
    recompression speaks against the AV1 or HEVC that it names; the very same where nothing is certain enough, or where
    it says `other-lossy` of a picture whose likeliest name was withheld.

    Parameters
    ----------
    analysis : Analysis
    said : Heard, optional
        As of `heard`.
    """
    if said is None or (said.family == OTHER_LOSSY and doubt.withheld(analysis.limits)):
        return analysis
    if said.family in WITHOUT_BLOCKS and not _likeliest_to_models(analysis, said.family):
        return analysis
    named = family_of(analysis.verdict)
    sure = not _is_open(analysis) and analysis.probability >= SURE
    if not sure and (_is_open(analysis) or said.family not in ("", named)):
        return _named(analysis, said) if said.family else analysis
    if analysis.verdict == HEVC_FAMILY and _as_stored(analysis) and not said.borne_out:
        left = doubt.lessened(analysis.probabilities, HEVC_FAMILY)
        return _not_borne_out(analysis, said, left, _ELSEWHERE)
    if named == "av1" and not sure and said.of_eight:
        return _not_borne_out(analysis, said, _of_another(analysis.probabilities, named), _AS_EIGHT)
    spoken_against = said.probabilities[named] < KEPT_FROM and said.shown
    return _left_open(analysis, said) if spoken_against and not sure else analysis


def _likeliest_to_models(analysis: Analysis, family: str) -> bool:
    """Whether the models, before anything was read after them, held a family likeliest, or said nothing else.

    Of seven validation pictures that are named JPEG 2000 here six are its own, and the models held it likeliest in all
    of them; the seventh, noise that FFmpeg's vaguedenoiser reduced in planes of luma and chroma (0.999), was HEVC intra
    to them.
    """
    return analysis.left_open is None or analysis.left_open.family == family


def weighed(analysis: Analysis, said: Heard | None) -> Analysis:
    """The analysis of a picture that stays open, with probabilities that what was heard is part of; any other as it
    is, and one that was left open for what was heard, or whose likeliest name was withheld where other processes are
    likeliest to what was heard.

    Of 466 open validation pictures, 67 of which are in the fit of the weights, whether they were ever compressed is
    told rightly for 440 instead of 434 (log-loss 0.133 instead of 0.173) by block phases alone.

    Parameters
    ----------
    analysis : Analysis
        After all that may give it a verdict.
    said : Heard, optional
        As of `heard`.
    """
    if said is None or not _is_open(analysis) or any(one.trace == TRACE for one in analysis.evidence):
        return analysis
    if doubt.withheld(analysis.limits) and max(said.probabilities, key=lambda name: said.probabilities[name]) == OTHER:
        return analysis
    ranking = weighed_by_family(analysis.ranking, said.probabilities)
    text = f"{said.text}; that is not enough for a name by itself, and part of the probabilities"
    statement = without_range(TRACE, said.most, (), text, supports=None)
    return restated(analysis, ranking, INCONCLUSIVE, ranking[0][1], (), (*analysis.evidence, statement))


def _phases(open_judge: OpenJudge, pixels: np.ndarray) -> np.ndarray:
    """What the judge of block phases says; nothing of what is drawn in cells that end where blocks do."""
    from forensics_features.cells import margins

    return UNKNOWN if margins(pixels) < IN_CELLS_BELOW else block_phase_logarithms(open_judge.folder, pixels)


def _is_open(analysis: Analysis) -> bool:
    return analysis.verdict == INCONCLUSIVE


def _asks(analysis: Analysis) -> bool:
    """Whether the verdict is open, one of the rivals and not sure, or HEVC of no single member."""
    rival = family_of(analysis.verdict) in RIVALS and analysis.probability < SURE
    return rival or analysis.verdict in (INCONCLUSIVE, HEVC_FAMILY)


def _as_stored(analysis: Analysis) -> bool:
    """Whether the first sample that is judged is the picture's own, or that of one that was enlarged as a whole."""
    return not any(isinstance(step, InsetStep | RotationStep | ReductionStep) for step in analysis.steps)


def _named(analysis: Analysis, said: Heard) -> Analysis:
    ranking = weighed_by_family(analysis.ranking, said.probabilities)
    verdict, named, probability = said_of(said.family, ranking)
    text = f"{said.text}; so {TITLES[said.family]} shows, by validation pictures"
    statement = without_range(TRACE, said.most, named, text)
    return restated(analysis, ranking, verdict, probability, named, (statement, *analysis.evidence))


def _left_open(analysis: Analysis, said: Heard) -> Analysis:
    ranking = weighed_by_family(analysis.ranking, said.probabilities)
    text = f"{said.text}; so {TITLES[analysis.verdict]} hardly ever shows, by validation pictures"
    statement = without_range(TRACE, said.most, (), text, supports=False)
    return restated(analysis, ranking, INCONCLUSIVE, ranking[0][1], (), (statement, *analysis.evidence))


def _of_another(processes: Mapping[str, float], family: str) -> dict[str, float]:
    """Probabilities of processes with most of that of a family counted as that of a process beyond all."""
    left = {name: p * doubt.LEAST_LEFT if family_of(name) == family else p for name, p in processes.items()}
    left[OTHER_LOSSY] += sum(processes.values()) - sum(left.values())
    return left


def _not_borne_out(analysis: Analysis, said: Heard, left: dict[str, float], why: str) -> Analysis:
    ranking = ranked(left)
    text = f"{said.text}; so {TITLES[analysis.verdict]} {why}"
    statement = without_range(TRACE, said.most, (), text, supports=False)
    return restated(analysis, ranking, INCONCLUSIVE, ranking[0][1], (), (statement, *analysis.evidence))


def _said(repeats: Repeats, phases: np.ndarray) -> str:
    """What both show; of the judge of block phases where it holds one of its families likelier than not."""
    each = ", ".join(f"{name} {gain:.1f} ({agreed:.0f})" for name, gain, agreed in zip(ENCODERS, *repeats, strict=True))
    again = (
        "coded again on the grid of blocks that starts at its first sample, the picture changes less than beside that "
        f"grid, by so many dB for each encoder (and so many standard errors over its blocks): {each}"
    )
    if np.exp(np.max(phases)) < _LIKELY:
        return again
    return f"{again}; {_spoken(phases, 'that grid')}"


def title(family: str) -> str:
    """The name by which titles and verdicts know a family of `FAMILIES`."""
    return OTHER_LOSSY if family == OTHER else family


def _spoken(phases: np.ndarray, grid: str) -> str:
    """What the judge of block phases says, of blocks on a grid."""
    best, p = title(FAMILIES[int(np.argmax(phases))]), float(np.exp(np.max(phases)))
    return (
        f"how neighbours differ by their place in blocks on {grid}, and how sparse those are, speaks for "
        f"{TITLES[best]} by itself ({percentage(p)})"
    )
