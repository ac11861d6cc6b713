"""No name where the finest details of an orthogonal wavelet vanish (`forensics_features.orthogonal`): noise was reduced
by shrinking them, which leaves the zeros of a codec without one.

Whatever a name rests on, windows, blocks, coding again, or a reduction that was undone, such a picture was changed by
that transform last, and no picture codec has it.
"""

from __future__ import annotations

import numpy as np
from forensics_models.classes import CLASSES, INCONCLUSIVE, OTHER_LOSSY, family_of

from forensics.pixels import eight_bit
from forensics.results.analysis import Analysis
from forensics.results.wording import percentage
from forensics.verdict import doubt
from forensics.verdict.restated import ranked, restated, without_range

TRACE = "shrunk_wavelet"
"""Name of the statement."""
SHOWN_FROM = 0.33
"""Lead of an orthogonal wavelet (`forensics_features.orthogonal.Vanishing`) from which none of `HELD` is named. Of 910
validation pictures by all codecs and other processes, as decoded or changed since, the largest lead is 0.29, of a
JPEG 2000 file; frames of CineForm have 0.65, and 0.23 at the Haar wavelet. Of 20 untouched validation pictures that
were named after programs had reduced their noise, 14 have 0.35 to 1.2."""
HELD = frozenset({*map(family_of, CLASSES), OTHER_LOSSY} - {"uncompressed", "jpeg"})
"""Families that are held against it; JPEG was never one that reduced noise was given."""
HAAR = "haar"
"""The wavelet that `other-lossy` is held against alone: the processes that it stands for have others nearly like
orthogonal ones (CineForm's 2/6)."""


def withheld(analysis: Analysis, before: Analysis, pixels: np.ndarray) -> Analysis:
    """The analysis without its verdict, where that is one of `HELD` and an orthogonal wavelet shows; the very same
    otherwise.

    Parameters
    ----------
    analysis : Analysis
        After all that may give it a verdict.
    before : Analysis
        The same before a rotation or a reduction was undone: what is left then.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The picture as stored: shrinking was the last step.
    """
    if family_of(analysis.verdict) not in HELD:
        return analysis
    from forensics_features.orthogonal import vanishing

    found = vanishing(eight_bit(pixels))
    if found.lead < SHOWN_FROM or (analysis.verdict == OTHER_LOSSY and found.wavelet != HAAR):
        return analysis
    text = (
        f"the finest details of an orthogonal wavelet ({found.wavelet}) vanish where it takes them but for "
        f"{percentage(found.left)}, and nowhere else as often: noise was reduced by shrinking them"
    )
    statement = without_range(TRACE, found.lead, (), text, supports=False)
    left = analysis if analysis.steps == before.steps else before
    ranking = ranked(doubt.lessened(left.probabilities, analysis.verdict))
    note = doubt.not_given(analysis.verdict, "what shows is noise reduced in the bands of a wavelet that no codec has")
    evidence = (statement, *left.evidence)
    return restated(left, ranking, INCONCLUSIVE, ranking[0][1], (), evidence, limits=(note, *left.limits))
