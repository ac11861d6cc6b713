"""The native picture of an enlarged one."""

from __future__ import annotations

import numpy as np

from forensics_features import linear_light
from forensics_features.enlargement_axes import (
    FREE,
    WHOLE_LINES,
    Axis,
    Band,
    Enlargement,
)

_CHUNK = 128
"""Lines that are solved at a time: a bound on memory."""


def undo(pixels: np.ndarray, enlargement: Enlargement, linear: bool = False) -> np.ndarray:
    """The native picture: least squares along each axis, the last pass first, rounded to whole levels.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, channels), dtype=uint8]
    enlargement : Enlargement
    linear : bool
        Whether it took place in linear light (`linear_light`).

    Returns
    -------
    np.ndarray [shape=(rows.old, columns.old[, channels]), dtype=uint8]
    """
    channels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    planes = [(_light_undone if linear else _undone)(channels[:, :, k], enlargement) for k in range(channels.shape[2])]
    native = np.stack(planes, axis=-1)
    return native[:, :, 0] if pixels.ndim == 2 else native


def _undone(plane: np.ndarray, enlargement: Enlargement) -> np.ndarray:
    values = plane.astype(np.float64)
    for axis, at in enlargement.passes:
        values = _least_squares(values, axis, at)
        if enlargement.rounded_between:
            values = np.clip(np.rint(values), 0, 255)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _light_undone(plane: np.ndarray, enlargement: Enlargement) -> np.ndarray:
    """Of levels that were rounded, or cut off, whichever leaves native levels that are nearer to whole ones."""
    found = []
    for cut in (False, True):
        values = linear_light.decoded(plane, cut)
        for axis, at in enlargement.passes:
            values = _least_squares(values, axis, at)
        found.append(linear_light.encoded(values))
    nearest = max(found, key=lambda levels: float(np.cos(2 * np.pi * levels).mean()))
    return np.rint(nearest).astype(np.uint8)


def _least_squares(values: np.ndarray, axis: Axis, at: int) -> np.ndarray:
    """Inputs along one axis of a plane, in chunks of lines."""
    lines = values if at == 0 else values.T
    band = _whole_band(axis, lines)
    chunks = [
        band.least_squares(np.ascontiguousarray(lines[:, k : k + _CHUNK])) for k in range(0, lines.shape[1], _CHUNK)
    ]
    solved = np.concatenate(chunks, axis=1)
    if axis.alignment == FREE:  # inputs before the first output's place and behind the last one's are hardly determined
        solved = solved[axis.kernel.radius - 1 :][: axis.old]
    return solved if at == 0 else np.ascontiguousarray(solved.T)


def _whole_band(axis: Axis, lines: np.ndarray) -> Band:
    """The matrix of a whole axis; its ends as they fit the lines better."""
    some = np.ascontiguousarray(lines[:, :: max(1, lines.shape[1] // WHOLE_LINES)], dtype=np.float64)
    if axis.alignment == FREE:
        return Band.of_segment(axis, 0, axis.new)
    bands = [Band.of(axis.kernel, axis.slope, axis.offset, axis.old, axis.new, fold=fold) for fold in (False, True)]
    return min(bands, key=lambda band: float(((band.enlarged(band.least_squares(some)) - some) ** 2).sum()))
