"""A change of brightness or contrast after decoding: found in the histogram, undone before the picture is judged again.

Codecs leave lattices and combs in the samples; a brightness, contrast, gamma or levels adjustment stretches them until
no classifier of codecs knows them. `forensics_features.tone_curve` finds the adjustment's curve,
`forensics.results.analysis.ToneChange.undo` takes it back, and `forensics.verdict.analysis` judges the picture both
ways. Where the curve is a decoder's expansion of limited range nothing is undone: what is judged is what decoders give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import numpy as np

from forensics.results.analysis import Statement, ToneChange

if TYPE_CHECKING:
    from forensics_features.tone_curve import ToneCurve

NAME = "tone_curve"
"""Name of the statement that `statement` makes."""
LIMITED = (
    "the histogram's gaps are those of limited range, luma of 16 to 235, brought to 0 to 255 ({arithmetic}): a "
    "decoder's way or the same change of levels since, which is not undone"
)
"""Note on a decoder's own curve."""
_RANGE = (0.0, 6.1, 138.4)
"""0.5 %, 50 % and 99.5 % quantiles of the odds on 513 uncompressed training and validation files whose histograms are
smooth enough to tell.
"""


class Tone(NamedTuple):
    """What a histogram shows.

    Attributes
    ----------
    change : ToneChange or None
        A change after decoding.
    note : str
        Of a decoder's own curve, empty where there is none.
    """

    change: ToneChange | None
    note: str


def read(pixels: np.ndarray) -> Tone:
    """What a picture's histogram shows.

    `pixels` is `np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]`.
    """
    from forensics_features.tone_curve import found_curve, histograms

    curve = found_curve(histograms(pixels))
    if curve is None:
        return Tone(None, "")
    if curve.expansion:
        return Tone(None, LIMITED.format(arithmetic=curve.expansion))
    return Tone(_change(curve), "")


def find(pixels: np.ndarray) -> ToneChange | None:
    """The change of tone that a picture's histogram shows, None where it shows none; pixels as of `read`."""
    return read(pixels).change


def _change(curve: ToneCurve) -> ToneChange:
    populated = np.flatnonzero(curve.populated)
    inverse = tuple(int(level) for level in curve.inverse)
    return ToneChange(
        round(curve.odds, 1), int(populated[0]), int(populated[-1]), curve.gaps, curve.merged, inverse, True
    )


def undo(pixels: np.ndarray, change: ToneChange) -> np.ndarray:
    """`ToneChange.undo`: samples (uint8, any shape) with the change undone; same shape and dtype."""
    return change.undo(pixels)


def undoes(change: ToneChange | None) -> TypeGuard[ToneChange]:
    """Whether there is a change that the verdict rests on undoing."""
    return change is not None and change.undone


def statement(change: ToneChange) -> Statement:
    """The change as evidence."""
    low, median, high = _RANGE
    return Statement(NAME, NAME, change.odds, low, median, high, 1.0, (), True, change.text)
