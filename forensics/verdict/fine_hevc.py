"""HEVC intra is not named where it would be so fine that a conversion of colours alone looks like it.

A picture stored as luma and chroma of half the resolution without any codec (TIFF and BMP modes of cameras, frame
grabs) bears the colours of a decoder, and where it is noisy its estimated ratio is that of a nearly lossless HEIC.
"""

from __future__ import annotations

import numpy as np
from forensics_models.classes import HEVC_FAMILY, HEVC_INTRA, INCONCLUSIVE

from forensics.results.analysis import Analysis
from forensics.verdict.restated import restated

LOWEST_RATIO = 3.1
"""Lower end of the ratio's interval up to which the name is withheld. Crops of fourteen validation sources, plain or
with noise of 3 or 6 levels, and eight made-up noisy scenes, converted to YCbCr with halved chroma and back: 51 of 127
were named HEIC or HEVC intra, with lower ends of 2.1 to 3.0. Of 76 HEIC files of such pictures that were named (quality
80 to 88) 64 lie there too, as nothing that is measured tells the two apart; of the 14 without added noise three."""
NOTE = (
    "HEVC intra is not named at so low a ratio: colours that were stored as luma and halved chroma without any codec "
    "look like it"
)


def too_fine(lowest: float, pixels: np.ndarray) -> bool:
    """Whether a picture whose ratio may be as low as `lowest` looks like halved chroma alone; grey ones cannot."""
    return pixels.ndim > 2 and lowest <= LOWEST_RATIO


def withheld(analysis: Analysis, pixels: np.ndarray) -> Analysis:
    """The analysis without its verdict, where that is HEVC intra or a member of it at so low a ratio; `pixels` are
    those that it is on.
    """
    if analysis.verdict not in (HEVC_FAMILY, *HEVC_INTRA) or analysis.ratio is None:
        return analysis
    if not too_fine(analysis.ratio.low, pixels):
        return analysis
    return restated(
        analysis,
        analysis.ranking,
        INCONCLUSIVE,
        analysis.ranking[0][1],
        (),
        analysis.evidence,
        limits=(NOTE, *analysis.limits),
    )
