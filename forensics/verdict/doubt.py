"""No name where reduced noise looks the same: what the models hold likeliest is held against the judge of doubt
(`forensics_models.doubt`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from forensics_models.classes import OTHER_LOSSY, allowed_by, family_of
from forensics_models.doubt import columns_of
from forensics_models.open_judge import GROUPS

from forensics.history.readings import wavelet_lattice
from forensics.results.wording import TITLES
from forensics.windows.judges import doubt_judge

if TYPE_CHECKING:
    from forensics_models.open_judge import OpenJudge

    from forensics.windows.picture_reading import PictureReading
    from forensics.windows.reading import OpenReading

LEAST_LEFT = 0.05
"""Share of its probability that a family in doubt keeps; the rest counts as `uncompressed`, so that an exact test can
name it again and little else."""
OTHER_LOSSY_FROM = -1.5
"""Log-odds under which no other lossy process is told: 2 % of 1,046 validation windows for which that is right lie
lower (their median is 1.4), enlargements by xBR at -3.5 and -2.7. Its own families have thresholds that were trained
(`forensics.training.shrinkage`)."""


def in_doubt(
    open_judge: OpenJudge,
    verdict: str,
    features: np.ndarray,
    codec_trees: np.ndarray,
    opened: OpenReading,
    pixels: np.ndarray,
) -> bool:
    """Whether a verdict of the models looks like noise reduction.

    Parameters
    ----------
    open_judge : OpenJudge
        Whose verdict it is.
    verdict : str
        One that names a process.
    features, codec_trees : np.ndarray [shape=(n, ...)]
        Of the picture's windows, as of `forensics_models.doubt.columns_of`.
    opened : OpenReading
        What the open judge says of them.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The picture as judged.
    """
    judge, family = doubt_judge(open_judge.folder), family_of(verdict)
    if judge is not None and verdict == OTHER_LOSSY:
        return log_odds(open_judge, verdict, features, codec_trees, opened) < OTHER_LOSSY_FROM
    if judge is None or family not in judge.right_from:
        return False
    lattice = wavelet_lattice(pixels) if family == "jpeg2000" else math.nan
    return judge.doubts(_columns(features, codec_trees, opened, lattice), family)


def log_odds(
    open_judge: OpenJudge, verdict: str, features: np.ndarray, codec_trees: np.ndarray, opened: OpenReading
) -> float:
    """By the judge of doubt, that a verdict's family is right: the mean of a picture's windows, whose arguments are
    those of `in_doubt`; NaN without that judge.
    """
    judge = doubt_judge(open_judge.folder)
    if judge is None:
        return math.nan
    return float(judge.log_odds(_columns(features, codec_trees, opened, math.nan), family_of(verdict)).mean())


def _columns(features: np.ndarray, codec_trees: np.ndarray, opened: OpenReading, lattice: float) -> np.ndarray:
    since = np.array([[opened.afterwards[name] for name, _ in GROUPS]] * len(features))
    return columns_of(features, codec_trees, opened.windows, since, lattice)


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
    opened, trees = reading.opened, reading.judged.trees
    if open_judge is None or opened is None or reading.measured is None or trees is None:
        return reading
    if not in_doubt(open_judge, reading.verdict, reading.measured, trees, opened, pixels):
        return reading
    return reading.left_open(lessened(reading.probabilities, reading.verdict), note(reading.verdict))


def lessened(processes: Mapping[str, float], verdict: str) -> dict[str, float]:
    """Probabilities of processes with most of that of the verdict's family counted as `uncompressed`."""
    named = allowed_by(family_of(verdict))
    less = {name: p * LEAST_LEFT if name in named else p for name, p in processes.items()}
    less["uncompressed"] += (1 - LEAST_LEFT) * sum(p for name, p in processes.items() if name in named)
    return less


def note(verdict: str) -> str:
    """Why a verdict is not given."""
    if verdict == OTHER_LOSSY:
        return f"{TITLES[verdict]} would be likeliest, but what is measured is hardly ever seen after one"
    return (
        f"{TITLES[verdict]} would be likeliest, but reducing noise in the bands of a transform leaves the same "
        "traces without any compression, and the rest of what is measured speaks for that"
    )
