"""`uncompressed` for pictures that all other readings leave open: the word of the judge of innocence
(`forensics_models.innocence`), asked last, if nothing that was read before speaks against it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import OpenJudge

from forensics.results.analysis import Analysis
from forensics.verdict import doubt, open_pictures
from forensics.verdict.agreement import resizing
from forensics.verdict.evidence import quantised_blocks
from forensics.verdict.restated import restated, without_range
from forensics.windows.judges import block_phase_logarithms, innocence_judge

TRACE = "innocence"
"""Name of the statement."""
_TEXT = (
    "what the judges hold likely leaves this open; together with how exactly the picture is drawn (equal neighbours, "
    "what lies beside sharp edges, greys, the sharpness of chroma) and with what its blocks show it is certain enough, "
    "by validation pictures"
)


def with_answer(analysis: Analysis, open_judge: OpenJudge | None, pixels: np.ndarray) -> Analysis:
    """The analysis with `uncompressed` as its verdict; the very same where there is a verdict, where the judge is not
    certain enough, or where what was read since speaks against it.

    Parameters
    ----------
    analysis : Analysis
        After all other readings.
    open_judge : OpenJudge, optional
        Whose picture it is.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        Those that it is on.
    """
    left = analysis.left_open
    if open_judge is None or left is None or not _asks(analysis, left.uncompressed):
        return analysis
    judge = innocence_judge(open_judge.folder)
    if judge is None:
        return analysis
    from forensics_features.exactness import exactness
    from forensics_features.planes import to_rgb8
    from forensics_models.innocence import values_of

    blocks = block_phase_logarithms(open_judge.folder, pixels)
    drawn = exactness(to_rgb8(pixels))
    right = judge.never_compressed(values_of(left.family, np.array(left.values), blocks, drawn))
    if not judge.says(right) or quantised_blocks(pixels) is not None:
        return analysis
    probability = open_pictures.of_uncompressed(analysis, right)
    ranking = open_pictures.led(analysis.ranking, "uncompressed", probability)
    statement = without_range(TRACE, right, (), _TEXT)
    made = restated(analysis, ranking, "uncompressed", probability, (), (statement, *analysis.evidence))
    return replace(made, afterwards=None, limits=(*resizing(pixels), *made.limits))


def _asks(analysis: Analysis, held: float) -> bool:
    """Whether nothing speaks against it that was read after the models, which held no compression so likely."""
    from forensics_models.innocence import ASKED_FROM

    if analysis.verdict != INCONCLUSIVE or held < ASKED_FROM or doubt.withheld(analysis.limits):
        return False
    return open_pictures.still_likeliest(analysis, "uncompressed", held) and not open_pictures.is_altered(analysis)
