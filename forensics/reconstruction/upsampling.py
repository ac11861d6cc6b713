"""Chroma brought to full size as JPEG decoders do it, whole number for whole number.

"triangle" is libjpeg's fancy upsampling: (3 near + far) / 4 along each halved axis, rounded once with a bias that
alternates from sample to sample [1]_; "triangle, half up" is stb_image's, rounded half up throughout [2]_. "repeat"
repeats samples; merged upsampling gives the same numbers. Factors of four are repeated by all. The first and the last
stored sample of a row stand for what lies beyond them. "scaled" is no upsampling of samples: libjpeg 7 to 9 let the
inverse transform give twice as many (`coded.full_size`).

References
----------
.. [1] libjpeg-turbo, jdsample.c, `h2v1_fancy_upsample`, `h1v2_fancy_upsample`, `h2v2_fancy_upsample`.
.. [2] stb_image 2.27, `stbi__resample_row_h_2`, `stbi__resample_row_v_2`, `stbi__resample_row_hv_2`.
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

TRIANGLES = ("triangle", "triangle, half up")
"""Those that filter stored samples by the triangle."""
UPSAMPLINGS = (*TRIANGLES, "repeat", "scaled")
"""Names of the kinds."""
_FEWEST_COLUMNS = 3
"""Rows of fewer stored samples are repeated, as libjpeg does."""


@kernel
def triangle_h2v1(stored, half_up, out):
    """Rows doubled in width. stored: uint8 [rows, n]; out: uint8 [rows, 2 n].

    stb_image gives the last sample but one the weights of its neighbour.
    """
    bias = 2 if half_up else 1
    for y in range(stored.shape[0]):
        last = stored.shape[1] - 1
        for x in range(last + 1):
            own = 3 * np.int32(stored[y, x])
            before, after = np.int32(stored[y, max(x - 1, 0)]), np.int32(stored[y, min(x + 1, last)])
            out[y, 2 * x] = (own + before + bias) >> 2 if x else stored[y, 0]
            out[y, 2 * x + 1] = (own + after + 2) >> 2 if x < last else stored[y, last]
        if half_up and last:
            out[y, 2 * last] = (3 * np.int32(stored[y, last - 1]) + np.int32(stored[y, last]) + 2) >> 2


@kernel
def triangle_h1v2(stored, half_up, out):
    """Columns doubled in height. stored: uint8 [n, columns]; out: uint8 [2 n, columns]."""
    bias = 2 if half_up else 1
    last = stored.shape[0] - 1
    for y in range(last + 1):
        for x in range(stored.shape[1]):
            own = 3 * np.int32(stored[y, x])
            out[2 * y, x] = (own + np.int32(stored[max(y - 1, 0), x]) + bias) >> 2
            out[2 * y + 1, x] = (own + np.int32(stored[min(y + 1, last), x]) + 2) >> 2


@kernel
def triangle_h2v2(stored, half_up, out):
    """Both doubled, rounded once. stored: uint8 [n, m]; out: uint8 [2 n, 2 m]."""
    odd = 8 if half_up else 7
    rows, last = stored.shape[0], stored.shape[1] - 1
    sums = np.empty(last + 1, np.int32)
    for line in range(2 * rows):
        y = line >> 1
        other = min(y + 1, rows - 1) if line & 1 else max(y - 1, 0)
        for x in range(last + 1):
            sums[x] = 3 * np.int32(stored[y, x]) + np.int32(stored[other, x])
        for x in range(last + 1):
            out[line, 2 * x] = (3 * sums[x] + sums[x - 1] + 8) >> 4 if x else (4 * sums[0] + 8) >> 4
            out[line, 2 * x + 1] = (3 * sums[x] + sums[x + 1] + odd) >> 4 if x < last else (4 * sums[x] + odd) >> 4


def upsample(stored: np.ndarray, factors: tuple[int, int], kind: str, shape: tuple[int, int]) -> np.ndarray:
    """A component at full size.

    Parameters
    ----------
    stored : np.ndarray [shape=(rows, columns), dtype=uint8]
        All samples that the decoder uses: those of the picture's size divided by `factors`, rounded up.
    factors : tuple of int
        Vertical and horizontal factor, 1, 2 or 4.
    kind : str
        One of `UPSAMPLINGS` but "scaled".
    shape : tuple of int
        Height and width of the picture.

    Returns
    -------
    np.ndarray [shape=shape, dtype=uint8]
    """
    vertical, horizontal = factors
    height, width = shape
    fancy = kind in TRIANGLES and (horizontal == 1 or stored.shape[1] >= _FEWEST_COLUMNS or kind != "triangle")
    if fancy and factors in _KERNELS:
        out = np.empty((stored.shape[0] * vertical, stored.shape[1] * horizontal), np.uint8)
        _KERNELS[factors](np.ascontiguousarray(stored), kind == "triangle, half up", out)
    else:
        out = np.repeat(np.repeat(stored, vertical, axis=0), horizontal, axis=1)
    return out[:height, :width]


_KERNELS = {(1, 2): triangle_h2v1, (2, 1): triangle_h1v2, (2, 2): triangle_h2v2}
