"""No name where reduced noise or filtered planes look the same: what the models hold likeliest is held against the
judge of doubt (`forensics_models.doubt`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from forensics_models.classes import FINE_CLASSES, OTHER_LOSSY, allowed_by, family_of, process_of

from forensics.history.readings import lattice_of
from forensics.results.wording import TITLES
from forensics.windows.judges import doubt_judge

if TYPE_CHECKING:
    from forensics_models.open_judge import OpenJudge

    from forensics.windows.picture_reading import PictureReading


class Withheld(str):
    """A limit of an analysis that tells why its likeliest name is not given, for reasons beyond its probability."""


LEAST_LEFT = 0.05
"""Share of its probability that a family in doubt keeps; the rest counts as `uncompressed`, so that an exact test can
name it again and little else."""

UNSURE_BELOW = 0.95
"""Probability under which a name is not given that is in `LEAST_WHERE_UNSURE` and that the judge of codecs speaks
against."""
LEAST_WHERE_UNSURE = {"jpeg2000": 0.5}
"""Log-odds by the judge of doubt that such a name needs: its own threshold was set without noise reduced by cosine
transforms at every place. Of 66 validation pictures of that kind, as they are, six were named JPEG 2000 (0.78 to 0.92,
log-odds up to 0.44) and none is; of 120 right names of 195 validation pictures by JPEG 2000 that were changed since
nine are lost, all but one of pictures that were reduced, enlarged or rotated."""
LEAST_WITHOUT_LATTICE = 1.0
"""Log-odds that JPEG 2000 needs where details vanish as its own do and the others are no multiples of a step
(`forensics.history.readings.wavelet_lattice`): noise reduced by its wavelets leaves that, and a change since a decoder.
Of 138 right names on validation pictures, changed since or not, 30 show it, 29 of which have more (1.03 to 5.2); of six
untouched validation pictures whose noise other programs reduced by wavelets, and which were JPEG 2000 (up to 0.998),
four do, with -0.1 to 0.9."""
CLEAN_FROM = 0.5
"""Probability of no compression by the judge of codecs from which it speaks against a name: more likely than not. Those
six have 0.97 and more; from 0.95 on four right names would be lost, without its word twelve."""


def log_odds(open_judge: OpenJudge, verdict: str, reading: PictureReading, pixels: np.ndarray) -> float:
    """By the judge of doubt, that a verdict's family is right: the mean of a picture's windows; NaN without that
    judge, or where the windows were not judged by the open judge.

    Parameters
    ----------
    open_judge : OpenJudge
        Whose verdict it is.
    verdict : str
        One that names a process.
    reading : PictureReading
        Of the picture's windows.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The picture as judged.
    """
    judge, family = doubt_judge(open_judge.folder), family_of(verdict)
    return math.nan if judge is None else reading.log_odds(judge, family, lattice_of(family, pixels))


def held_in_doubt(reading: PictureReading, open_judge: OpenJudge | None, pixels: np.ndarray) -> PictureReading:
    """The reading without its verdict, where that looks like reduced noise.

    Parameters
    ----------
    reading : PictureReading
    open_judge : OpenJudge, optional
        Whose reading it is.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The picture as judged.
    """
    judge, family = None if open_judge is None else doubt_judge(open_judge.folder), family_of(reading.verdict)
    if judge is None or family not in judge.right_from:
        return reading
    lattice = lattice_of(family, pixels)
    odds = reading.log_odds(judge, family, lattice)
    unlike = lattice < 0 and odds < LEAST_WITHOUT_LATTICE
    if not judge.doubts(family, odds) and not unlike and not _unsure(family, odds, reading):
        return reading
    return reading.left_open(lessened(reading.probabilities, reading.verdict), note(reading.verdict))


def _unsure(family: str, odds: float, reading: PictureReading) -> bool:
    """Whether a name needs more than it has: it is not sure, and the judge of codecs speaks against it."""
    if reading.probability >= UNSURE_BELOW or odds >= LEAST_WHERE_UNSURE.get(family, -math.inf):
        return False
    clean = [process_of(name) == "uncompressed" for name in FINE_CLASSES]
    return float(reading.judged.fine_probabilities[:, clean].sum(axis=1).mean()) >= CLEAN_FROM


def lessened(processes: Mapping[str, float], verdict: str) -> dict[str, float]:
    """Probabilities of processes with most of that of the verdict's family counted as `uncompressed`."""
    named = allowed_by(family_of(verdict))
    less = {name: p * LEAST_LEFT if name in named else p for name, p in processes.items()}
    less["uncompressed"] += (1 - LEAST_LEFT) * sum(p for name, p in processes.items() if name in named)
    return less


def note(verdict: str) -> Withheld:
    """Why a verdict is not given."""
    if verdict == OTHER_LOSSY:
        return not_given(verdict, "what is measured is hardly ever seen after one")
    return not_given(
        verdict,
        "noise reduced in the bands of a transform, or planes filtered as video is, bear the same traces without any "
        "compression, and the rest of what is measured speaks for that",
    )


def not_given(verdict: str, reason: str) -> Withheld:
    """The note that a verdict would be said but for a reason."""
    return Withheld(f"{TITLES[verdict]} would be likeliest, but {reason}")


def withheld(limits: Sequence[str]) -> bool:
    """Whether one of the limits of an analysis tells that its likeliest name is not given."""
    return any(isinstance(one, Withheld) for one in limits)
