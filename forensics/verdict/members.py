"""A member of HEVC intra is named where something speaks for it; elsewhere the verdict is the family.

BPG and HEIC are the same art of coding. What tells them apart is colour arithmetic, filters and habits of encoders; a
file of R, G and B planes has none of that, whichever wrote it.
"""

from __future__ import annotations

from dataclasses import replace

from forensics_models.classes import HEVC_FAMILY, HEVC_INTRA, members_of

from forensics.results.analysis import Analysis
from forensics.verdict.restated import restated

CERTAIN = 0.9
"""Probability from which a member is named without evidence of its own. Of 20 HEVC pictures of validation sources,
4:4:4 and R, G, B among them, five got the other member's name: four below it, the fifth as changed since. Six stay
named, from 0.99 on, and are right."""


def family_without_evidence(analysis: Analysis) -> Analysis:
    """The analysis with the family as its verdict, where no evidence supports BPG or HEIC and it is not certain or
    looks changed since.
    """
    if analysis.verdict not in HEVC_INTRA or analysis.afterwards is None:
        return analysis
    supported = any(s.supports and analysis.verdict in s.speaks_for for s in analysis.evidence)
    straight = max(analysis.afterwards, key=lambda name: analysis.afterwards[name]) == "nothing"  # type: ignore[index]
    if supported or (analysis.probability >= CERTAIN and straight):
        return analysis
    named, probabilities = members_of(HEVC_FAMILY), dict(analysis.ranking)
    together = sum(probabilities.get(name, 0.0) for name in named)
    stated = restated(analysis, analysis.ranking, HEVC_FAMILY, together, named, analysis.evidence)
    return replace(stated, ratio=analysis.ratio, ssim=analysis.ssim)  # the same for both members
