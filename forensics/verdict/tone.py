"""A change of brightness or contrast after decoding: found in the histogram, undone before the picture is judged again.

Codecs leave lattices and combs in the samples; a brightness, contrast, gamma or levels adjustment stretches them until
no classifier of codecs knows them. `forensics_features.tone_curve` finds the adjustment's curve,
`forensics.results.analysis.ToneChange.undo` takes it back, and `forensics.verdict.analysis` judges the picture both
ways.
"""

from __future__ import annotations

from typing import TypeGuard

import numpy as np

from forensics.results.analysis import Statement, ToneChange

NAME = "tone_curve"
"""Name of the statement that `statement` makes."""
_RANGE = (0.0, 6.1, 138.4)
"""0.5 %, 50 % and 99.5 % quantiles of the odds on 513 uncompressed training and validation files whose histograms are
smooth enough to tell.
"""


def find(pixels: np.ndarray) -> ToneChange | None:
    """The change of tone that a picture's histogram shows, None where it shows none.

    `pixels` is `np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]`.
    """
    from forensics_features.tone_curve import found_curve, histograms

    curve = found_curve(histograms(pixels))
    if curve is None:
        return None
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
