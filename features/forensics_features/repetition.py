"""Were samples repeated? Rows and columns that equal the one before, exactly as nearest-neighbour enlargement leaves
them.

Let D be the places at which a line differs from the one before. After enlargement by repetition from n to m lines D is
a subset of the m-long staircase's steps, without one exception. Of a picture that was not enlarged every line differs,
or the places at which they do are where the scene has them: each of them lies on the steps by chance with probability n
/ m, so the number of false alarms is the number of staircases tried times (n / m)^|D|.

Whole factors are tried at every phase (crops); others as whole lengths, with the places of outputs taken at their
middle (Pillow) or at their start (OpenCV).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

REPEATED_BELOW = -6.0
"""Decimal logarithm of the number of false alarms below which repetition is reported. Flat drawings have few places at
which lines differ, and those on a grid.
"""
MOST = 64
"""Largest factor that is looked for."""
_TIE = 1e-6
"""Tolerance of a place that falls on the border of two samples: a numerical guard."""
LEAST_LINES = 8
"""Fewest different lines that tell."""


class Staircase(NamedTuple):
    """Which lines of one axis are copies.

    Attributes
    ----------
    old, new : int
        Lengths in lines.
    kept : np.ndarray [shape=(old,), dtype=int64]
        The first line of every step.
    log10_nfa : float
        Decimal logarithm of the number of false alarms.
    """

    old: int
    new: int
    kept: np.ndarray
    log10_nfa: float


class Repetition(NamedTuple):
    """A picture whose samples were repeated along one axis or both; None for an axis along which they were not."""

    rows: Staircase | None
    columns: Staircase | None

    @property
    def log10_nfa(self) -> float:
        """That of the surer axis."""
        return min(one.log10_nfa for one in (self.rows, self.columns) if one is not None)


def find(pixels: np.ndarray) -> Repetition | None:
    """The repetition of a picture's lines, None where there is none.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, channels)]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import repetition
    >>> small = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    >>> found = repetition.find(small.repeat(3, axis=0).repeat(3, axis=1))
    >>> found.rows.old, found.rows.new
    (40, 120)
    """
    rows, columns = staircase(differing(pixels)), staircase(differing(pixels.swapaxes(0, 1)))
    return Repetition(rows, columns) if rows is not None or columns is not None else None


def differing(pixels: np.ndarray) -> np.ndarray:
    """Whether each row differs from the one before, `np.ndarray [shape=(height,), dtype=bool]`; the first one does.

    Most rows of a picture differ within a few samples, so every 64th column is compared first.
    """
    differ = np.ones(len(pixels), bool)
    few = pixels[:, ::64]
    differ[1:] = (few[1:] != few[:-1]).reshape(len(pixels) - 1, -1).any(axis=1)
    for row in np.flatnonzero(~differ):
        differ[row] = bool((pixels[row] != pixels[row - 1]).any())
    return differ


def staircase(differ: np.ndarray) -> Staircase | None:
    """The staircase of fewest steps whose steps hold all places at which lines differ; None where chance may have put
    them there.

    Parameters
    ----------
    differ : np.ndarray [shape=(new,), dtype=bool]
        See `differing`.
    """
    at = np.flatnonzero(differ[1:]) + 1
    new = len(differ)
    if len(at) < LEAST_LINES or len(at) + 1 >= new:
        return None
    whole = _whole_factor(at, new)
    return whole if whole is not None else _whole_length(differ, at)


def _whole_factor(at: np.ndarray, new: int) -> Staircase | None:
    factor = int(np.gcd.reduce(at - at[0]))
    if not 1 < factor <= MOST:
        return None
    log10_nfa = math.log10(MOST * MOST) - (len(at) - 1) * math.log10(factor)
    steps = np.arange(int(at[0]) % factor, new, factor)
    kept = steps if steps[0] == 0 else np.concatenate([[0], steps])
    return Staircase(len(kept), new, kept, log10_nfa) if log10_nfa <= REPEATED_BELOW else None


def _whole_length(differ: np.ndarray, at: np.ndarray) -> Staircase | None:
    new = len(differ)
    most = new * 10 ** ((REPEATED_BELOW - math.log10(2 * new)) / len(at))
    for old in range(max(len(at) + 1, new // MOST, 2), min(new - 1, int(most)) + 1):
        for middle in (0.5, 0.0):
            places = (np.arange(new) + middle) * (old / new)
            if not (np.floor(places[at] + _TIE) > np.floor(places[at - 1] - _TIE)).all():
                continue
            kept = _kept(differ, places, old)
            if np.isin(at, kept).all():
                return Staircase(old, new, kept, math.log10(2 * new) + len(at) * math.log10(old / new))
    return None


def _kept(differ: np.ndarray, places: np.ndarray, old: int) -> np.ndarray:
    """The first line of every step; where a place is a whole number, up to rounding, the step is there or one line
    later, as the lines themselves show.
    """
    kept = np.searchsorted(places, np.arange(old) - _TIE)
    later = np.minimum(kept + 1, len(places) - 1)
    tied = (np.abs(places[kept] - np.arange(old)) <= _TIE) & ~differ[kept] & differ[later]
    return np.where(tied, later, kept)


def undo(pixels: np.ndarray, repetition: Repetition) -> np.ndarray:
    """The picture with every repeated line once, same channels and dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import repetition
    >>> small = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    >>> large = small.repeat(2, axis=0).repeat(2, axis=1)
    >>> bool((repetition.undo(large, repetition.find(large)) == small).all())
    True
    """
    if repetition.rows is not None:
        pixels = pixels[repetition.rows.kept]
    if repetition.columns is not None:
        pixels = pixels[:, repetition.columns.kept]
    return np.ascontiguousarray(pixels)
