"""What may be said of a whole picture that its windows leave open: the word of the judge of open pictures
(`forensics_models.open_pictures`), if nothing that is read afterwards speaks against it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from forensics_models.classes import HEVC_FAMILY, INCONCLUSIVE, family_of
from forensics_models.open_judge import OpenJudge, by_family
from forensics_models.open_pictures import values_of

from forensics.results.analysis import Analysis, LeftOpen, WholeAnswer
from forensics.verdict import doubt, fine_hevc
from forensics.verdict.agreement import resizing
from forensics.verdict.block_grids import SURELY_UNCOMPRESSED
from forensics.verdict.evidence import ALTERED, quantised_blocks
from forensics.verdict.restated import Ranking, ranked, restated, said_of, without_range
from forensics.windows.judges import open_picture_judge

if TYPE_CHECKING:
    from forensics.windows.picture_reading import PictureReading

TRACE = "whole_picture"
"""Name of the statement."""
LOST = 0.05
"""Probability that a family may have lost to exact readings since; what lost more was spoken against."""


def left_open(reading: PictureReading, open_judge: OpenJudge | None, pixels: np.ndarray) -> LeftOpen | None:
    """What a judge of whole pictures is asked about; None where nothing is open, or where no open judge said so.

    Parameters
    ----------
    reading : PictureReading
        Of all windows of the picture.
    open_judge : OpenJudge, optional
        Whose reading it is.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The picture as judged.
    """
    opened, trees = reading.opened, reading.judged.trees
    if reading.verdict != INCONCLUSIVE:
        return None
    if open_judge is None or opened is None or trees is None:
        return None
    family, values = values_of(
        opened.processes,
        opened.windows,
        opened.afterwards,
        reading.judged.fine_probabilities,
        trees,
        pixels.shape[0] * pixels.shape[1],
        lambda family: doubt.log_odds(open_judge, family, reading, pixels),
    )
    return LeftOpen(family, by_family(opened.processes)["uncompressed"], tuple(values.tolist()))


def answer(
    left: LeftOpen | None, reading: PictureReading, open_judge: OpenJudge | None, pixels: np.ndarray
) -> WholeAnswer | None:
    """What may be said of a picture that its windows leave open, before it is doubted as any verdict of the models is;
    None where nothing may be, or where nothing is open.

    Parameters
    ----------
    left : LeftOpen, optional
        As of `left_open`.
    reading, open_judge, pixels
        What that was made of.
    """
    opened = reading.opened
    if left is None or open_judge is None or opened is None:
        return None
    judge = open_picture_judge(open_judge.folder)
    if judge is None:
        return None
    family = left.family
    said, right = judge.answer(family, np.array(left.values))
    if not said or (family == HEVC_FAMILY and fine_hevc.too_fine(float(reading.whole.ratio[0]), pixels)):
        return None
    return WholeAnswer(family, by_family(opened.processes)[family], right)


def with_answer(analysis: Analysis, pixels: np.ndarray) -> Analysis:
    """The analysis with what may be said of the whole picture as its verdict; the very same where there is a verdict,
    nothing may be said, or what was read since speaks against it.

    Parameters
    ----------
    analysis : Analysis
        After all exact readings.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        Those that it is on.
    """
    whole = analysis.whole_answer
    if whole is None or analysis.verdict != INCONCLUSIVE:
        return analysis
    best = whole.family
    if not still_likeliest(analysis, best, whole.held):
        return analysis
    if best != "uncompressed":
        if best != "jpeg" and _shows_a_jpeg(analysis):
            return analysis
        return _said(analysis, best, max(whole.right, by_family(dict(analysis.ranking))[best]))
    if is_altered(analysis) or quantised_blocks(pixels) is not None:
        return analysis
    made = _said(analysis, best, of_uncompressed(analysis, whole.right))
    return replace(made, limits=(*resizing(pixels), *made.limits))


def still_likeliest(analysis: Analysis, family: str, held: float) -> bool:
    """Whether a family that was held so likely by the models is the likeliest one, and has lost `LOST` at most."""
    families = by_family(dict(analysis.ranking))
    return max(families, key=lambda name: families[name]) == family and families[family] >= held - LOST


def is_altered(analysis: Analysis) -> bool:
    """Whether marks of a JPEG that was altered since were read."""
    return any(one.trace == ALTERED for one in analysis.evidence)


def of_uncompressed(analysis: Analysis, right: float) -> float:
    """Probability that is stated of `uncompressed` where a judge holds it right with another: never surer than a block
    grid could still speak against, which was looked for under this probability.
    """
    return min(max(right, by_family(dict(analysis.ranking))["uncompressed"]), SURELY_UNCOMPRESSED)


def _shows_a_jpeg(analysis: Analysis) -> bool:
    """Whether a changed or reduced JPEG's lattice was read: that another codec followed takes more to be said."""
    from forensics.history.jpeg import changed, reduced

    return any(one.trace in (changed.NAME, reduced.NAME) for one in analysis.evidence)


def _said(analysis: Analysis, family: str, probability: float) -> Analysis:
    ranking = led(analysis.ranking, family, probability)
    verdict, named, stated = said_of(family, ranking)
    statement = without_range(TRACE, stated, named, _text(len(analysis.windows)))
    return restated(analysis, ranking, verdict, stated, named, (statement, *analysis.evidence))


def led(ranking: Ranking, family: str, probability: float) -> Ranking:
    """Processes ranked anew, those of a family with so much together, the others in the same proportions."""
    before = sum(p for name, p in ranking if family_of(name) == family)
    less = (1 - probability) / max(1 - before, 1e-9)
    return ranked({name: p * (probability / before if family_of(name) == family else less) for name, p in ranking})


def _text(windows: int) -> str:
    seen = "the one window of the picture leaves" if windows == 1 else f"the {windows} windows one by one leave"
    return (
        f"{seen} this open; together with what the judge of codecs and the traces of later steps say it is certain "
        "enough, by validation pictures"
    )
