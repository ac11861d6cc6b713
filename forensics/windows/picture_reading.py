"""What the models say of the windows of a picture together: the verdict before exact tests, if it is given."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from forensics_models.classes import BEYOND, CLASSES, HEVC_INTRA, INCONCLUSIVE, OTHER_LOSSY, allowed_by, family_of
from forensics_models.judgement import INCONCLUSIVE_BELOW, PictureJudgement, WindowJudgement, decide
from forensics_models.open_judge import OpenJudge, by_family, member_or_family

from forensics.windows.judges import Judge
from forensics.windows.reading import OpenReading, read_open

if TYPE_CHECKING:
    from forensics_models.doubt import DoubtJudge

AGREED_FROM = 0.85
"""Probability of a family by the open judge from which it is named where the judge of codecs names it too. On 16,215
validation windows (runs 3 and 4 of the open judge) this raises the right answers as decoded from 57.7 to 62.4 %, and
the names that never were from 0.11 to 0.34 % there, from 0.24 to 0.31 % after steps, and from 1 to 3 of the 2,732
untouched; from 0.7 on it would be 63.8, 0.60, 0.46 % and 7."""


@dataclass(frozen=True)
class PictureReading:
    """What a judge says of the windows and of the picture they make up; `probability` is that of the verdict, of the
    best class where it is inconclusive; `measured` are the open judge's features, `withheld` is why a verdict is not
    given (`forensics.verdict.doubt`, `forensics.verdict.colours`).
    """

    features: np.ndarray
    judged: WindowJudgement
    whole: PictureJudgement
    probabilities: dict[str, float]
    verdict: str
    probability: float
    opened: OpenReading | None = None
    measured: np.ndarray | None = None
    withheld: str = ""

    @property
    def names_codec(self) -> bool:
        """Whether the verdict is a codec or a family of them."""
        return self.verdict not in ("uncompressed", INCONCLUSIVE)

    @property
    def named(self) -> tuple[str, ...]:
        """The processes that the verdict allows; empty where it is inconclusive."""
        return allowed_by(self.verdict)

    @property
    def states_strength(self) -> bool:
        """Whether a ratio and an SSIM are stated: they were learned on pictures straight from a decoder, of the classes
        of the judge of codecs.
        """
        return self.names_codec and self.straight and any(name in CLASSES for name in self.named)

    @property
    def straight(self) -> bool:
        """Whether the picture is more likely than not as its decoder left it, as far as that is asked."""
        return self.opened is None or self.opened.afterwards["nothing"] >= 0.5

    @property
    def certainty(self) -> float:
        """Probability of the verdict, that of BPG and HEIC together where it is one of them."""
        return self.hevc_intra if self.verdict in HEVC_INTRA else self.probability

    @property
    def hevc_intra(self) -> float:
        """Probability of BPG and HEIC together."""
        return sum(self.probabilities[name] for name in HEVC_INTRA)

    def log_odds(self, judge: DoubtJudge, family: str, lattice: float) -> float:
        """By a judge of doubt, that a family is right; NaN where the open judge did not judge the windows. `lattice` as
        of `forensics_models.doubt.columns_of`.
        """
        if self.opened is None or self.judged.trees is None or self.measured is None:
            return math.nan
        return judge.of_picture(
            family, self.measured, self.judged.trees, self.opened.windows, self.opened.afterwards, lattice
        )

    def left_open(self, probabilities: dict[str, float], why: str) -> PictureReading:
        """The reading with other probabilities and without its verdict, and why that is not given."""
        most = max(probabilities.values())
        return replace(self, probabilities=probabilities, verdict=INCONCLUSIVE, probability=most, withheld=why)


def read_picture(
    judge: Judge, count: int, open_judge: OpenJudge | None, measured: np.ndarray, judged: WindowJudgement
) -> PictureReading:
    """The reading of windows that are measured and judged: the first `count` columns are what the judge took."""
    features = measured[:, :count]
    whole = judge.combine(judged)
    threshold = float(judge.card.get("inconclusive_below", INCONCLUSIVE_BELOW))
    probabilities = {name: float(p) for name, p in zip(CLASSES, whole.probabilities, strict=True)}
    decided = decide(probabilities, threshold, float(judge.card.get("compressed_from", 0.0)))
    if open_judge is None or judged.trees is None:
        return PictureReading(features, judged, whole, probabilities, *decided)
    opened = read_open(open_judge, measured, judged)
    return PictureReading(features, judged, whole, opened.processes, *_answered(opened, decided[0]), opened, measured)


def _answered(opened: OpenReading, decided: str) -> tuple[str, float]:
    """The verdict and its probability, that of the best process where it is inconclusive.

    Where the open judge is not certain enough by itself, what the judge of codecs has `decided` stands if both agree
    (`AGREED_FROM`).
    """
    said, families = opened.answer, by_family(opened.processes)
    if not said and decided not in ("uncompressed", INCONCLUSIVE):
        best = max(families, key=lambda name: families[name])
        if best == family_of(decided) and families[best] >= AGREED_FROM:
            said = member_or_family(best, opened.processes)
    if not said:
        return INCONCLUSIVE, max(opened.processes.values())
    if said == OTHER_LOSSY:
        return said, sum(opened.processes[name] for name in BEYOND)
    return said, opened.processes[said] if said in opened.processes else families[said]
