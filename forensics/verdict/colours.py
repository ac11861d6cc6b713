"""No name that rests on colours alone: a picture that a codec of luma and halved chroma seems to have left is judged
again without its colours.

Video is filtered, scaled, blended and mixed as planes of luma and chroma of half the size, whether it was ever
compressed or not. What comes out bears a decoder's colours, and where it was smoothed little else, so that the judges
take it for a frame of a codec, or for another lossy process. What a codec leaves is in luma too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from forensics_models.classes import HEVC_FAMILY, OTHER_LOSSY, family_of
from forensics_models.open_judge import by_family

from forensics.pixels import channel_range, has_colour, luma
from forensics.verdict import doubt

if TYPE_CHECKING:
    from forensics_models.open_judge import OpenJudge

    from forensics.windows.picture_reading import PictureReading

ASKED_BELOW = 0.25
"""Log-odds of the judge of doubt under which colours are left out for a family. Untouched pictures that were named
after a filter in planes of luma and chroma (12 validation sources by 100 filters of FFmpeg) reach -0.37; of 287
validation pictures of AVIF, HEIC and BPG that are named rightly, most of them changed since, 13 lie under it."""
OTHER_ASKED_BELOW = 1.0
"""The same for other lossy processes: chroma of a quarter of the size reaches -0.41 there, 95 % of 66 validation
windows filtered in planes and named so 1.14; a tenth of 92 windows named rightly lie under it."""
SURE = 0.99
"""Probability from which a codec's name is not asked: after filters in planes untouched pictures reach 0.985, but as
other lossy processes, which are always asked, 0.9999.
"""
CHANGED_BELOW = 0.7
"""Probability that nothing happened since under which HEVC intra is asked whatever the judge of doubt says. Thinned
out (reduced without a filter) a JPEG keeps its colours and loses its grid: of 42 from 14 validation sources, reduced to
0.5 to 0.87, six were named so at 0.91 to 0.98, and one of 8 in pages by Ghostscript; five of the seven lie under it,
and luma alone gives those 0.24 to 0.54 (the other two 0.86 and 0.93). Of 13 WebP files decoded by Go, with full-range
colours, two were (0.55 and less); luma alone gives 0.03 and less. Of 14 right names of HEIC, 10 of them changed since,
luma alone gives all 0.75 and more; three of the four others lie above it."""
LEAST_IN_LUMA = 0.65
"""Probability of a family by luma alone from which its name stands. Those untouched pictures reach 0.60; of the 13
that are asked four have less."""
LEAST_OF_VIDEO = 0.9
"""The same for frames of video: untouched pictures that were blurred in planes have up to 0.86. Of 114 validation
windows named HEVC or AV1 video rightly 17 are asked, and most of those lose the name."""
MOST_UNCOMPRESSED = 0.2
"""Probability of no compression by luma alone from which no other lossy process is told. Untouched pictures of halved
or quartered chroma have 0.26 to 0.74; of nine pictures of such processes that are asked six have at most 0.13, and
three of CineForm's (a wavelet at fine rates) 0.27 and more."""
FAMILIES = (
    "hevc-intra", "av1", "video-h264", "video-vp9", "video-mpeg2", "video-mpeg4", OTHER_LOSSY,
)  # fmt: skip
"""Verdicts that are asked about, by family: codecs that nearly always keep chroma at half the size."""
STRAY, STRAY_LEVELS = 0.05, 2
"""Share of a window's pixels, and the most levels, up to which colours are strays of a grey picture, as conversions by
way of other colours leave them: chroma that is zero nearly everywhere looks like nothing that training has seen. Of 22
grey validation crops of which a hundred-thousandth of the pixels was coloured by one level 15 were named JPEG XL, of 11
of which a fiftieth was two, of which a twentieth was none."""


def may_rest_on_them(reading: PictureReading, open_judge: OpenJudge | None, pieces: Sequence[np.ndarray]) -> bool:
    """Whether a verdict could rest on colours alone: on coloured windows, one of `FAMILIES` that the judge of doubt is
    not sure of.
    """
    if open_judge is None or family_of(reading.verdict) not in FAMILIES or not any(map(has_colour, pieces)):
        return False
    if reading.verdict != OTHER_LOSSY and by_family(reading.probabilities)[family_of(reading.verdict)] >= SURE:
        return False
    if family_of(reading.verdict) == HEVC_FAMILY and _probably_changed(reading):
        return True
    below = OTHER_ASKED_BELOW if reading.verdict == OTHER_LOSSY else ASKED_BELOW
    return doubt.log_odds(open_judge, reading.verdict, reading, pieces[0]) < below


def _probably_changed(reading: PictureReading) -> bool:
    return reading.opened is not None and reading.opened.afterwards.get("nothing", 0.0) < CHANGED_BELOW


def without_strays(piece: np.ndarray) -> np.ndarray:
    """A window that is grey but for a few pixels as its luma, `np.ndarray [shape=(height, width), dtype=uint8]`; any
    other as it is.
    """
    if piece.ndim < 3 or piece.shape[2] < 3:
        return piece
    low, high = channel_range(piece)
    apart = high - low
    most = int(apart.max(initial=0))
    grey = 0 < most <= STRAY_LEVELS and np.count_nonzero(apart) <= STRAY * apart.size
    return luma(piece) if grey else piece


def shown_in_luma(verdict: str, processes: Mapping[str, float]) -> bool:
    """Whether luma alone, with its probabilities of `processes`, shows what a verdict says."""
    if verdict == OTHER_LOSSY:
        return processes["uncompressed"] < MOST_UNCOMPRESSED
    least = LEAST_OF_VIDEO if verdict.startswith("video-") else LEAST_IN_LUMA
    return by_family(processes)[family_of(verdict)] >= least


def held_by_luma(reading: PictureReading, in_luma: PictureReading) -> PictureReading:
    """The reading without its verdict where luma alone, read in `in_luma`, does not show it; what luma says is left."""
    if shown_in_luma(reading.verdict, in_luma.probabilities):
        return reading
    return reading.left_open(in_luma.probabilities, note(reading.verdict))


def note(verdict: str) -> doubt.Withheld:
    """Why a verdict is not given."""
    return doubt.not_given(
        verdict,
        "the colours alone speak for it: without them it is not found, and video that was filtered or scaled in "
        "planes of luma and chroma without any compression has such colours, or a JPEG of which pixels were left out",
    )
