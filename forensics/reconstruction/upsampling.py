"""Chroma brought to full size as JPEG decoders do it, whole number for whole number.

"triangle" is libjpeg's fancy upsampling: (3 near + far) / 4 along each halved axis, rounded once with a bias that
alternates from sample to sample [1]_. "repeat" repeats samples; merged upsampling gives the same numbers. Factors of
four are repeated by both. The first and the last stored sample of a row stand for what lies beyond them.

References
----------
.. [1] libjpeg-turbo, jdsample.c, `h2v1_fancy_upsample`, `h1v2_fancy_upsample`, `h2v2_fancy_upsample`.
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

REPEAT, TRIANGLE = 0, 1
"""Kinds of upsampling: samples repeated, or the triangle filter."""
UPSAMPLINGS = {"repeat": REPEAT, "triangle": TRIANGLE}
"""Numbers of the kinds by their names."""
_FEWEST_COLUMNS = 3
"""Rows of fewer stored samples are repeated, as libjpeg does."""


@kernel
def triangle_h2v1(stored, out):
    """Rows doubled in width. stored: uint8 [rows, n]; out: uint8 [rows, 2 n]."""
    for y in range(stored.shape[0]):
        last = stored.shape[1] - 1
        for x in range(last + 1):
            own = 3 * np.int32(stored[y, x])
            before, after = np.int32(stored[y, max(x - 1, 0)]), np.int32(stored[y, min(x + 1, last)])
            out[y, 2 * x] = (own + before + 1) >> 2 if x else stored[y, 0]
            out[y, 2 * x + 1] = (own + after + 2) >> 2 if x < last else stored[y, last]


@kernel
def triangle_h1v2(stored, out):
    """Columns doubled in height. stored: uint8 [n, columns]; out: uint8 [2 n, columns]."""
    last = stored.shape[0] - 1
    for y in range(last + 1):
        for x in range(stored.shape[1]):
            own = 3 * np.int32(stored[y, x])
            out[2 * y, x] = (own + np.int32(stored[max(y - 1, 0), x]) + 1) >> 2
            out[2 * y + 1, x] = (own + np.int32(stored[min(y + 1, last), x]) + 2) >> 2


@kernel
def triangle_h2v2(stored, out):
    """Both doubled, rounded once. stored: uint8 [n, m]; out: uint8 [2 n, 2 m]."""
    rows, last = stored.shape[0], stored.shape[1] - 1
    sums = np.empty(last + 1, np.int32)
    for line in range(2 * rows):
        y = line >> 1
        other = min(y + 1, rows - 1) if line & 1 else max(y - 1, 0)
        for x in range(last + 1):
            sums[x] = 3 * np.int32(stored[y, x]) + np.int32(stored[other, x])
        for x in range(last + 1):
            out[line, 2 * x] = (3 * sums[x] + sums[x - 1] + 8) >> 4 if x else (4 * sums[0] + 8) >> 4
            out[line, 2 * x + 1] = (3 * sums[x] + sums[x + 1] + 7) >> 4 if x < last else (4 * sums[x] + 7) >> 4


def upsample(stored: np.ndarray, factors: tuple[int, int], kind: str, shape: tuple[int, int]) -> np.ndarray:
    """A component at full size.

    Parameters
    ----------
    stored : np.ndarray [shape=(rows, columns), dtype=uint8]
        All samples that the decoder uses: those of the picture's size divided by `factors`, rounded up.
    factors : tuple of int
        Vertical and horizontal factor, 1, 2 or 4.
    kind : str
        A key of `UPSAMPLINGS`.
    shape : tuple of int
        Height and width of the picture.

    Returns
    -------
    np.ndarray [shape=shape, dtype=uint8]
    """
    vertical, horizontal = factors
    height, width = shape
    fancy = kind == "triangle" and (horizontal == 1 or stored.shape[1] >= _FEWEST_COLUMNS)
    if fancy and factors in _TRIANGLES:
        out = np.empty((stored.shape[0] * vertical, stored.shape[1] * horizontal), np.uint8)
        _TRIANGLES[factors](np.ascontiguousarray(stored), out)
    else:
        out = np.repeat(np.repeat(stored, vertical, axis=0), horizontal, axis=1)
    return out[:height, :width]


_TRIANGLES = {(1, 2): triangle_h2v1, (2, 1): triangle_h1v2, (2, 2): triangle_h2v2}
