"""To what share of its size may a picture have been reduced? Scales that its lines make likely, and the picture at the
size before.

Where samples of a reduced picture fall on samples of before, differences between neighbours are larger or smaller than
elsewhere: their means over columns and rows have a line at the frequency 1 / s, folded, for a reduction to the share s
[1]_; borders of a codec's blocks stand 8 s pixels apart and have lines too (`scaled_grid`). Filters of good programs
leave the first nearly nothing, and several scales share a folded frequency. So the few scales whose lines are strongest
together are candidates and no more; what is judged is the picture, enlarged by each. Detail above the reduced picture's
is gone, but what a codec did below it stands in its own geometry again.

References
----------
.. [1] A. C. Gallagher, "Detection of linear and cubic interpolation in JPEG compressed images", CRV 2005,
       doi:10.1109/CRV.2005.33.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage
from scipy.fft import rfft

from forensics_features import scaled_grid, splines
from forensics_features.planes import as_planes, central
from forensics_features.scaled_grid import LEAST_SIDE, SCALES
from forensics_features.unexplained import classes, over_surroundings, second_differences, sizes, unexplained

SIDE = 640
"""Larger pictures are read in their middle, which bounds the time."""
MOST_SIDE = 420
"""Part of the middle that is enlarged back, in pixels."""
SMALLEST = 0.58
"""Smaller shares of the size are no candidates: below it nothing of a codec is left that is judged rightly."""

_MOST = 40.0
"""Power of a line over its surroundings above which it counts no more."""
_LENGTH = 16384
"""Points of the transform of a profile, padded with zeros."""
_SMOOTH = 33
"""Samples over which a profile is levelled."""
_AROUND = 40
"""Cycles a picture on either side of a line from which its surroundings are taken."""
_BLIND = 0.012
"""Frequencies next to 0 at which nothing is read."""
_APART = 0.008
"""Logarithm of the ratio from which on two scales are different candidates."""


def candidates(pixels: np.ndarray, count: int) -> list[float]:
    """The scales whose lines are strongest together, the strongest first; none of a picture that is too small.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
    count : int

    Returns
    -------
    list of float
        Shares of the size before, `SMALLEST` to 0.985. Of 83 pictures of validation sources, coded and reduced to 0.6
        and more by ten programs, 41 have the right one first (within half a percent), 68 among five, 72 among eight.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import reduction
    >>> picture = Image.open("examples/jpeg.png")
    >>> reduced = picture.resize((picture.width * 4 // 5, picture.height * 4 // 5), Image.Resampling.BILINEAR)
    >>> len(reduction.candidates(np.asarray(reduced), 5))
    5
    """
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return []
    strong = _strengths(as_planes(central(pixels, SIDE)[0]).y)
    strong[SCALES < SMALLEST] = -np.inf
    found: list[float] = []
    while len(found) < count:
        best = float(SCALES[int(strong.argmax())])
        strong[np.abs(np.log(SCALES / best)) < _APART] = -np.inf
        found.append(best)
    return found


def _strengths(luma: np.ndarray) -> np.ndarray:
    """How far the lines of interpolation and of a grid stand out at each of `SCALES`, sums of logarithms."""
    total = np.log1p(scaled_grid.line_powers(luma)).sum(axis=0)
    for lines in lines_of_interpolation(luma, 1 / SCALES):
        total += lines
    return np.asarray(total)


def lines_of_interpolation(luma: np.ndarray, ratios: np.ndarray, by_chance: float = 0.0) -> Iterator[np.ndarray]:
    """How far the lines of interpolation stand out, along rows and along columns.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=float32]
    ratios : np.ndarray [shape=(n,), dtype=float64]
        Sizes before over sizes now.
    by_chance : float
        Taken off each line that is read.

    Yields
    ------
    np.ndarray [shape=(n,), dtype=float64]
        Logarithms of 1 + power; 0 where none is read.
    """
    alike = classes(luma)
    frequencies = np.abs(ratios - np.round(ratios))
    bins = np.clip(np.round(frequencies * _LENGTH).astype(int), 0, _LENGTH // 2)
    for plane, of in ((luma, alike), (luma.T, alike.T)):
        power = _power(unexplained(sizes(second_differences(plane)), of[:, 1:-1]).mean(axis=0))
        yield np.where(frequencies < _BLIND, 0.0, np.log1p(np.minimum(power[bins], _MOST)) - by_chance)


def _power(profile: np.ndarray) -> np.ndarray:
    """Power of a profile's spectrum over its surroundings, 1 on average for noise."""
    levelled = profile - ndimage.uniform_filter1d(profile, _SMOOTH, mode="nearest")
    power = np.abs(rfft(levelled * np.hanning(len(levelled)), _LENGTH)) ** 2
    return over_surroundings(power, reach_of(len(profile)))


def reach_of(length: int) -> int:
    """Frequencies that make the level around one, of a profile of some length, for `over_surroundings`."""
    return max(15, _AROUND * _LENGTH // length // 8 * 2 + 1)


def undo(pixels: np.ndarray, scale: float) -> np.ndarray:
    """The middle of a picture at the size before a reduction, by splines.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, channels), dtype=uint8]
    scale : float
        Share of the size before that the picture has.

    Returns
    -------
    np.ndarray [shape=(h, w) or (h, w, channels), dtype=uint8]
        At most `MOST_SIDE` / `scale` a side.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import reduction
    >>> reduction.undo(np.zeros((80, 200, 3), np.uint8), 0.8).shape
    (100, 250, 3)
    """
    part, _ = central(pixels, MOST_SIDE)
    down, across = (splines.matrix(side, splines.middles(side, round(side / scale))) for side in part.shape[:2])
    return splines.interpolated(part, down, across)
