"""Was a picture enlarged by interpolation? The native length of an axis to the pixel, the kernel, and how sure that is.

Interpolation is linear: along one axis z = A x + rounding, where A (m outputs, n inputs) follows from the two lengths,
the kernel and the alignment of the ends. With m > n the range of A is a proper subspace. If n and the kernel are right,
the energy of z outside it, per missing dimension, is that of rounding (1/12 after one pass, some 0.15 after two); if
not, it is that of the scene's own detail. The dependence between neighbours is that of [1]_ and [2]_, taken over the
whole line at once. A is a band, so that every length can be tried by banded normal equations.

Every length from m / `MOST` to m / `LEAST` is tried on a segment in the middle of a few lines with the kernels of
`TRIED`; the deepest dips against the lengths nearby are tried again on whole lines with all `KERNELS` and both
alignments. Where no whole length stands out, the picture may be a crop: the slope and the offset are then free,
searched on a short segment and refined on longer and longer ones.

`Axis.score` is the median over lines of ln(residual of lengths nearby / residual) times the root of the number of
missing dimensions (at most `ENOUGH`). Its tail over pictures that were not enlarged is exponential as far as
`log10_false_alarms` was fitted.

References
----------
.. [1] A. C. Popescu, H. Farid, "Exposing digital forgeries by detecting traces of resampling", IEEE Trans. Signal
       Processing 53(2), 2005,
   doi:10.1109/TSP.2004.839932.
.. [2] M. Kirchner, "Fast and reliable resampling detection by spectral analysis of fixed linear predictor residue",
       MM&Sec 2008,
   doi:10.1145/1411328.1411333.
"""

from __future__ import annotations

import math

import numpy as np

from forensics_features.enlargement_axes import (
    BILINEAR,
    BLOCKS,
    CENTRES,
    COMMON,
    CORNERS,
    CUBIC,
    DIVERSE,
    ENOUGH,
    FREE,
    KERNELS,
    LANCZOS_3,
    LEAST,
    LINES,
    LONGEST,
    MOST,
    ROUNDING,
    SEGMENT,
    SHARP_CUBIC,
    SHORTEST,
    TRIED,
    UNEVEN,
    WHOLE_LINES,
    WORTH_A_LOOK,
    Axis,
    Band,
    Enlargement,
    Kernel,
    axis_of_length,
    log_residuals,
    places,
    telling_lines,
    verified,
    whole_axis,
)
from forensics_features.enlargement_crops import (
    CROP_LINES,
    CROP_SEGMENT,
    CROP_WORTH_A_LOOK,
    LEAST_CROP,
    crop_axis,
)
from forensics_features.enlargement_settled import (
    settled,
)
from forensics_features.enlargement_undone import (
    undo,
)

__all__ = [
    "BILINEAR",
    "BLOCKS",
    "CENTRES",
    "COMMON",
    "CORNERS",
    "CROP_FOUND_SCORE",
    "CROP_LINES",
    "CROP_SEGMENT",
    "CROP_WORTH_A_LOOK",
    "CUBIC",
    "DIVERSE",
    "ENOUGH",
    "FOUND_SCORE",
    "FREE",
    "KERNELS",
    "LANCZOS_3",
    "LEAST",
    "LEAST_CROP",
    "LEAST_RATE",
    "LINES",
    "LONGEST",
    "MOST",
    "ROUNDING",
    "SEGMENT",
    "SHARP_CUBIC",
    "SHORTEST",
    "SUPPORTING_SCORE",
    "TAIL",
    "TRIED",
    "UNEVEN",
    "WHOLE_LINES",
    "WORTH_A_LOOK",
    "Axis",
    "Band",
    "Enlargement",
    "Kernel",
    "alike",
    "crop_axis",
    "find",
    "judged_plane",
    "log10_false_alarms",
    "log_residuals",
    "places",
    "settled",
    "telling_lines",
    "undo",
    "whole_axis",
]


FOUND_SCORE, SUPPORTING_SCORE = 6.0, 1.5
"""Score from which an enlargement is reported, of one axis or of two that were enlarged alike (root of the sum of
squares), and the least of the weaker one then.
"""


TAIL = (0.0, 0.55)
"""Score at which the number of false alarms of a picture is 1, and its decades a unit of score. Of 780 axes of training
and validation crops (as they are, demosaicked, JPEG, WebP, halved chroma, reduced) 1.5 % reach 2 and none 3.2: the line
lies above that everywhere."""


LEAST_RATE = -4.0
"""What the line is trusted to, in decades."""


CROP_FOUND_SCORE = 8.0
"""As `FOUND_SCORE`, of both axes of a crop together: slope and offset are free, ten times as many are tried."""


def judged_plane(pixels: np.ndarray) -> np.ndarray:
    """The plane that is looked at, uint8: the grey samples or the green ones, not mixed, so that their rounding stays
    what it is.
    """
    from forensics_features.planes import to_rgb8

    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        pixels = pixels[:, :, 1]
    elif pixels.ndim == 3:
        pixels = pixels[:, :, 0]
    return pixels if pixels.dtype == np.uint8 else to_rgb8(pixels)[:, :, 0]


def find(pixels: np.ndarray) -> Enlargement | None:
    """What a picture was enlarged from; None where neither axis shows it.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
    """
    plane = judged_plane(pixels)
    planes = (np.ascontiguousarray(plane.T), plane)
    rows, columns = (whole_axis(one) for one in planes)
    rows, columns = _completed(planes[0], rows, columns), _completed(planes[1], columns, rows)
    together = alike(rows, columns) and min(axis.score for axis in (rows, columns) if axis) >= SUPPORTING_SCORE
    score = math.hypot(rows.score, columns.score) if together and rows and columns else 0.0
    if rows and columns and score >= FOUND_SCORE:
        return settled(plane, Enlargement(rows, columns, log10_false_alarms(score)))
    found = [axis if axis is not None and axis.score >= FOUND_SCORE else None for axis in (rows, columns)]
    if not any(found):
        return _find_crop(*planes)
    best = max(axis.score for axis in found if axis)
    crop = _find_crop(*planes) if None in found else None
    if crop is not None and math.hypot(*(axis.score for axis in crop.axes)) > best:
        return crop
    return settled(plane, Enlargement(found[0], found[1], log10_false_alarms(best)))


def _find_crop(transposed: np.ndarray, plane: np.ndarray) -> Enlargement | None:
    """A crop of an enlarged picture: columns first, then rows at slopes nearby, or at any where they do not fit."""
    columns = crop_axis(plane)
    if columns is None or columns.score < SUPPORTING_SCORE:
        return None
    rows = crop_axis(transposed, near=columns.slope)
    if columns.score >= CROP_FOUND_SCORE and (rows is None or rows.score < SUPPORTING_SCORE):
        rows = crop_axis(transposed)
        rows = rows if rows is not None and rows.score >= CROP_FOUND_SCORE else None
    known = [axis for axis in (rows, columns) if axis is not None]
    score = math.hypot(*(axis.score for axis in known))
    if (rows is None and columns.score < CROP_FOUND_SCORE) or min(axis.score for axis in known) < SUPPORTING_SCORE:
        return None
    if score < CROP_FOUND_SCORE:
        return None
    return settled(plane, Enlargement(rows, columns, log10_false_alarms(score - CROP_FOUND_SCORE + FOUND_SCORE)))


def alike(one: Axis | None, other: Axis | None) -> bool:
    """Whether both axes were enlarged by one factor, as far as whole lengths allow."""
    if one is None or other is None:
        return False
    return abs(one.slope - other.slope) <= 1.0 / one.new + 1.0 / other.new


def _completed(plane: np.ndarray, axis: Axis | None, other: Axis | None) -> Axis | None:
    """The axis, or where it does not stand out and the other one does, this axis at the other's factor."""
    if (
        other is None
        or other.score < FOUND_SCORE
        or (axis is not None and (axis.score >= FOUND_SCORE or alike(axis, other)))
    ):
        return axis
    new = plane.shape[1]
    samples, start = telling_lines(plane, WHOLE_LINES, LONGEST)
    near = round(new * other.slope)
    kernels = [other.kernel] if other.missing > 20 else KERNELS
    tried = [
        axis_of_length(samples, start, k, n, other.alignment, new)
        for n in (near - 1, near, near + 1)
        for k in kernels
        if n < new
    ]
    best = verified(samples, start, max(tried, key=lambda one: one.score))
    return best if axis is None or best.score > axis.score else axis


def log10_false_alarms(score: float) -> float:
    """Decimal logarithm of how many pictures that were not enlarged reach a score, of one picture; see `TAIL`."""
    level, decades = TAIL
    return max(LEAST_RATE, min(0.0, (level - score) * decades))
