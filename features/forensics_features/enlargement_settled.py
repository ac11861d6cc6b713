"""Which kernel, alignment and rounding give an enlarged picture back best."""

from __future__ import annotations

import math

import numpy as np

from forensics_features.enlargement_axes import (
    CENTRES,
    COMMON,
    CORNERS,
    FREE,
    KERNELS,
    LONGEST,
    RESIDUAL_FLOOR,
    WHOLE_LINES,
    Axis,
    Band,
    Enlargement,
    Kernel,
    axis_of_length,
    telling_lines,
)
from forensics_features.enlargement_crops import (
    free_axis,
)

_ROUNDED_FROM, _UNROUNDED_UP_TO = 1.3, 1.08
"""Ratio of the two axes' residuals from which samples were rounded between the passes, and from which that is open. Of
36 validation pictures enlarged by Pillow, which rounds, it is read in 33, as with 1.1 and 3 instead of the first and 1
and 1.2 instead of the second (`forensics_benchmarks.thresholds`)."""


_RARE = 1.05
"""Factor by which a kernel outside `COMMON` has to give the picture back better. The kernel is right in all of 36
enlarged validation pictures, with 1, 1.15 and 1.5 as well (`forensics_benchmarks.thresholds`)."""


_NOT_WHOLE = 3.0
"""Mean squared difference of patches undone, rounded and enlarged again, over the lines' residual and rounding's own
1/12, from which native samples are no whole numbers, so that there are none: lines that are all alike, as those of a
board, fit some length by chance. Four boards of one game, as drawn, have 3.5 to 5.2; of 48
enlarged photographs and drawings, cropped or saved as JPEG after that or not, the most is 2.3, the second most 1.5."""


_ALIKE = 1.5
"""Effective number of different lines (`Axis.diversity`) under which, along both axes, lines are one line over and
over, as those of a board: lines of equal cells fit some length by chance. Boards that were drawn have 1.0 to 1.2; of
21 enlarged photographs, drawings and icons the least along its better axis is 2.5."""


_RIVAL, _PATCH, _RIM = 1.5, 192, 16
"""Ratio to the least residual within which hypotheses are tried on patches; their side and the rim left out, in
pixels."""


def settled(plane: np.ndarray, enlargement: Enlargement) -> Enlargement | None:
    """The enlargement with the kernel, alignment and rounding that give the picture back best; None where none does.

    Near a factor of 1 and at 2 the ranges of two kernels are nearly one; what they make of it is not: native samples
    are whole numbers under the right one only. Those whose residual comes within `_RIVAL` of the least are tried: a
    patch is undone, rounded, enlarged again and compared.
    """
    if max(axis.diversity for axis in enlargement.axes) < _ALIKE:
        return None
    patches = _patches(plane)
    best, least = enlargement, math.inf
    rivals = _rivals(plane, enlargement)
    ways = [(rounded, last) for rounded in _roundings(rivals[0]) for last in ((True, False) if rounded else (True,))]
    for one in rivals:
        for rounded, rows_last in ways:
            tried = one._replace(rounded_between=rounded, rows_last=rows_last)
            errors = [_again(patch, place, tried) for patch, place in patches]
            error = sum(error for error, _ in errors) * (1.0 if one.axes[0].kernel in COMMON else _RARE)
            if error < least:
                best, least = tried._replace(repeated=sum(share for _, share in errors) / len(errors)), error
    explained = max(axis.residual for axis in best.axes) + 1 / 12
    return best if least / len(patches) < _NOT_WHOLE * explained else None


def _roundings(enlargement: Enlargement) -> tuple[bool, ...]:
    """Whether samples were rounded between the passes, as the residuals tell: the first pass then leaves more than the
    last; both where that is open.
    """
    residuals = sorted(axis.residual for axis in enlargement.axes)
    if len(residuals) < 2:
        return (False,)
    ratio = residuals[1] / max(residuals[0], RESIDUAL_FLOOR)
    return (True,) if ratio > _ROUNDED_FROM else (False, True) if ratio > _UNROUNDED_UP_TO else (False,)


def _rivals(plane: np.ndarray, enlargement: Enlargement) -> list[Enlargement]:
    """The enlargement with all kernels and alignments that explain the lines nearly as well as the best, which comes
    first.
    """
    lines = [telling_lines(one, WHOLE_LINES, LONGEST) for one in (np.ascontiguousarray(plane.T), plane)]
    tried = []
    free = any(axis.alignment == FREE for axis in enlargement.axes)
    for kernel in KERNELS:
        for alignment in (FREE,) if free else (CENTRES, CORNERS):
            axes = [
                axis and _with_kernel(*samples, axis, kernel, alignment)
                for axis, samples in zip((enlargement.rows, enlargement.columns), lines, strict=True)
            ]
            cost = sum(math.log(axis.residual + RESIDUAL_FLOOR) for axis in axes if axis)
            tried.append((cost, enlargement._replace(rows=axes[0], columns=axes[1])))
    tried.sort(key=lambda rival: rival[0])
    return [one for cost, one in tried if cost <= tried[0][0] + _RIVAL * len(enlargement.axes)]


def _with_kernel(samples: np.ndarray, start: int, axis: Axis, kernel: Kernel, alignment: str) -> Axis:
    if alignment == FREE:
        other = free_axis(samples, start, kernel, axis.slope, axis.offset, axis.new)
    else:
        other = axis_of_length(samples, start, kernel, axis.old, alignment, axis.new)
    return other._replace(ordinary=axis.ordinary, diversity=axis.diversity)


def _patches(plane: np.ndarray) -> list[tuple[np.ndarray, tuple[int, int]]]:
    """Two patches near corners of the picture, where alignments differ most, with much detail and little clipping, and
    their places.
    """
    height, width = plane.shape
    tall, wide = min(height, _PATCH), min(width, _PATCH)
    found = {}
    for top in {0, height - tall, (height - tall) // 4}:
        for left in {0, width - wide, (width - wide) // 4}:
            patch = plane[top : top + tall, left : left + wide].astype(np.float64)
            clipped = float(((patch <= 0) | (patch >= 255)).mean())
            detail = float(np.minimum(np.abs(np.diff(patch, 2, axis=1)), 16).mean())
            found[top, left] = (detail / (1 + 20 * clipped), patch)
    return [(found[place][1], place) for place in sorted(found, key=lambda place: -found[place][0])[:2]]


def _again(patch: np.ndarray, place: tuple[int, int], enlargement: Enlargement) -> tuple[float, float]:
    """Mean squared difference and share of equal samples of a patch and what it becomes undone, rounded and enlarged
    again.
    """
    bands = [(Band.of_segment(axis, place[at], patch.shape[at]), at) for axis, at in enlargement.passes]
    values = patch
    for band, at in bands:
        values = band.least_squares(values) if at == 0 else band.least_squares(values.T).T
        values = np.rint(values) if enlargement.rounded_between else values
    values = np.clip(np.rint(values), 0, 255)
    for band, at in reversed(bands):
        values = band.enlarged(values) if at == 0 else band.enlarged(values.T).T
        values = np.rint(values) if enlargement.rounded_between else values
    inner = tuple(slice(_RIM, -_RIM) for _ in range(2))
    apart = np.clip(np.rint(values), 0, 255)[inner] - patch[inner]
    return float(np.mean(np.minimum(apart**2, 16.0))), float(np.mean(apart == 0))
