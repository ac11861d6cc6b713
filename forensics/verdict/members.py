"""A member of HEVC intra is named where something speaks for it; elsewhere the verdict is the family.

BPG and HEIC are the same art of coding. What tells them apart is colour arithmetic, filters and habits of encoders; a
file of R, G and B planes has no colour arithmetic, whichever wrote it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from forensics_models.classes import HEVC_FAMILY, HEVC_INTRA, members_of

from forensics.pixels import eight_bit
from forensics.results.analysis import Analysis
from forensics.verdict import channel_order
from forensics.verdict.restated import restated

CERTAIN = 0.9
"""Probability from which a member is named without evidence of its own. Of 20 HEVC pictures of validation sources,
4:4:4 and R, G, B among them, five got the other member's name: four below it, the fifth as changed since. Six stay
named, from 0.99 on, and are right."""


ON_LATTICE = 0.9
"""Share of coloured pixels on the lattice of a colour conversion in 8 bits from which BPG is named without evidence of
its own. Of 81 BPG files of 8-bit YCbCr of nine validation sources (QP 22, 30, 38; 4:2:0, 4:2:2, 4:4:4) the least has
0.999; of 27 HEIC files of R, G and B (quality 40, 70, 90) the most has 0.372, and BPG files of R, G and B or of 10 bits
have no more, so that nothing in their colours could tell the two apart."""


def family_without_evidence(analysis: Analysis, pixels: np.ndarray) -> Analysis:
    """The analysis with the family as its verdict, where no evidence supports BPG or HEIC and it is not certain, looks
    changed since, or is BPG without a colour conversion in its `pixels`, which are those that the verdict is on.
    """
    if analysis.verdict not in HEVC_INTRA or analysis.afterwards is None:
        return analysis
    supported = any(s.supports and analysis.verdict in s.speaks_for for s in analysis.evidence)
    straight = max(analysis.afterwards, key=lambda name: analysis.afterwards[name]) == "nothing"  # type: ignore[index]
    certain = analysis.probability >= CERTAIN and straight
    if supported or (certain and (analysis.verdict != "bpg" or _colour_was_converted(pixels))):
        return analysis
    named, probabilities = members_of(HEVC_FAMILY), dict(analysis.ranking)
    together = sum(probabilities.get(name, 0.0) for name in named)
    stated = restated(analysis, analysis.ranking, HEVC_FAMILY, together, named, analysis.evidence)
    return replace(stated, ratio=analysis.ratio, ssim=analysis.ssim)  # the same for both members


def _colour_was_converted(pixels: np.ndarray) -> bool:
    """Whether the colours came out of 8-bit luma and chroma; so it is taken to be where there are too few to tell."""
    if pixels.ndim == 2:
        return True
    shares = channel_order.shares(eight_bit(pixels))
    return shares is None or shares[0] >= ON_LATTICE
