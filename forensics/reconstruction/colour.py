"""From Y, Cb, Cr to R, G, B in libjpeg's 16-bit fixed point, and all the way back.

Y, Cb and Cr are whole, so away from clipping a pixel has one antecedent or none: the tables of red and blue have steps
of one or two levels, and green tells which pair was meant. A clipped channel only bounds its sum, so a pixel with one
keeps a set [1]_ [2]_.

References
----------
.. [1] ITU-T T.871 (2011), clause 7; libjpeg, jdcolor.c, `build_ycc_rgb_table`.
.. [2] A. B. Lewis, M. G. Kuhn, "Exact JPEG recompression", Proc. SPIE 7543, 2010, doi:10.1117/12.838878.
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

_CHROMA = np.arange(256, dtype=np.int64) - 128
RED = (91881 * _CHROMA + 32768) >> 16
"""What Cr adds to Y for red."""
BLUE = (116130 * _CHROMA + 32768) >> 16
"""What Cb adds to Y for blue."""
GREEN_CB = -22554 * _CHROMA + 32768
GREEN_CR = -46802 * _CHROMA
"""Their sum, shifted right by 16 bits, is added to Y for green."""


def _inverse(table: np.ndarray) -> np.ndarray:
    """Chroma of each sum in -256..255 (at index sum + 256), or -1."""
    out = np.full(512, -1, np.int64)
    out[table + 256] = np.arange(256)
    return out


CR_OF_RED, CB_OF_BLUE = _inverse(RED), _inverse(BLUE)


@kernel
def rgb_of(y, cb, cr, red, blue, green_cb, green_cr, out):
    """uint8 planes [h, w] to uint8 [h, w, 3]."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            a, b, c = np.int64(y[i, j]), cb[i, j], cr[i, j]
            out[i, j, 0] = min(max(a + red[c], 0), 255)
            out[i, j, 1] = min(max(a + ((green_cb[b] + green_cr[c]) >> 16), 0), 255)
            out[i, j, 2] = min(max(a + blue[b], 0), 255)


def to_rgb(y: np.ndarray, cb: np.ndarray, cr: np.ndarray) -> np.ndarray:
    """RGB pixels `np.ndarray [shape=(height, width, 3), dtype=uint8]` of three planes of that shape and type."""
    out = np.empty((*y.shape, 3), np.uint8)
    rgb_of(y, cb, cr, RED, BLUE, GREEN_CB, GREEN_CR, out)
    return out


KNOWN, BOUNDED, NONE = 0, 1, 2
"""State of a pixel: one antecedent, several, or none at all."""
_CACHE = 4096
"""Entries of the table of colours that were looked up before: a bound on memory."""


def _reaching(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each Y: the largest chroma with which the channel is 0 at most, and the smallest with which it is 255 at
    least.
    """
    y = np.arange(256)[:, None]
    return ((y + table) <= 0).sum(axis=1) - 1, 256 - ((y + table) >= 255).sum(axis=1)


RED_REACH, BLUE_REACH = _reaching(RED), _reaching(BLUE)


@kernel
def _chroma_range(y, channel, of_sum, at_most, at_least, out):
    """First and last chroma with which Y gives the channel, into out[0:2]; first > last where there is none."""
    if channel == 0:
        out[0], out[1] = 0, at_most[y]
    elif channel == 255:
        out[0], out[1] = at_least[y], 255
    else:
        found = of_sum[channel - y + 256]
        out[0], out[1] = found, found if found >= 0 else -2


@kernel
def _green_fits(value, channel):
    return value == channel or (channel == 0 and value < 0) or (channel == 255 and value > 255)


@kernel
def _narrow_green(y, channel, b, c):
    """Ranges of Cb and Cr, int64 [2] each, cut to what green allows; whether anything is left.

    Green's sum falls with both, so its bounds on one follow from the extremes of the other.
    """
    most = 32768 - ((channel - y) << 16) if channel > 0 else np.int64(1) << 40
    least = 32768 - ((channel - y + 1) << 16) if channel < 255 else -(np.int64(1) << 40)
    b[0] = max(b[0], (least - 46802 * (c[1] - 128)) // 22554 + 129)
    b[1] = min(b[1], (most - 46802 * (c[0] - 128)) // 22554 + 128)
    c[0] = max(c[0], (least - 22554 * (b[1] - 128)) // 46802 + 129)
    c[1] = min(c[1], (most - 22554 * (b[0] - 128)) // 46802 + 128)
    return b[0] <= b[1] and c[0] <= c[1]


@kernel
def _luma_range(r, g, b):
    """First and last Y worth a look: where one channel is clipped the other two leave a line, and the clipped one and
    chroma's range cut it.
    """
    red_cut, green_cut, blue_cut = r == 0 or r == 255, g == 0 or g == 255, b == 0 or b == 255
    first, last = 0.0, 255.0
    if red_cut + green_cut + blue_cut > 1:
        return 0, 255
    if blue_cut:
        slope = (1 + 0.714136 / 1.402) / 0.344136
        start = -(0.714136 / 1.402 * r + g) / 0.344136
        first, last = (-128 - start) / slope, (127 - start) / slope
        edge = (b - 1.772 * start) / (1 + 1.772 * slope)
        first, last = (first, min(last, edge)) if b == 0 else (max(first, edge), last)
    elif red_cut:
        slope = (1 + 0.344136 / 1.772) / 0.714136
        start = -(0.344136 / 1.772 * b + g) / 0.714136
        first, last = (-128 - start) / slope, (127 - start) / slope
        edge = (r - 1.402 * start) / (1 + 1.402 * slope)
        first, last = (first, min(last, edge)) if r == 0 else (max(first, edge), last)
    else:
        slope = 1 + 0.344136 / 1.772 + 0.714136 / 1.402
        edge = (g + 0.344136 / 1.772 * b + 0.714136 / 1.402 * r) / slope
        first, last = (first, min(last, edge)) if g == 0 else (max(first, edge), last)
    return max(0, int(first) - 3), min(255, int(last) + 3)


@kernel
def _bounds(r, g, b, cr_of, cb_of, red_low, red_high, blue_low, blue_high, cb, cr, box):
    """Smallest box that holds every antecedent of a clipped pixel, int64 [6]: Y, Cb, Cr from and to; whether there is
    any.
    """
    for k in range(3):
        box[2 * k], box[2 * k + 1] = 256, -1
    first, last = _luma_range(r, g, b)
    for y in range(first, last + 1):
        _chroma_range(y, r, cr_of, red_low, red_high, cr)
        if cr[0] > cr[1]:
            continue
        _chroma_range(y, b, cb_of, blue_low, blue_high, cb)
        if cb[0] > cb[1] or not _narrow_green(y, g, cb, cr):
            continue
        box[0], box[1] = min(box[0], y), max(box[1], y)
        box[2], box[3] = min(box[2], cb[0]), max(box[3], cb[1])
        box[4], box[5] = min(box[4], cr[0]), max(box[5], cr[1])
    return box[1] >= 0


@kernel
def _antecedents(
    rgb, cr_of, cb_of, red_low, red_high, blue_low, blue_high, red, blue, green_cb, green_cr, lo, hi, nearest, state
):
    cb, cr, box = np.empty(2, np.int64), np.empty(2, np.int64), np.empty(6, np.int64)
    names = np.full(_CACHE, -1, np.int64)
    boxes = np.empty((_CACHE, 6), np.uint8)
    some = np.empty(_CACHE, np.bool_)
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            r, g, b = np.int64(rgb[i, j, 0]), np.int64(rgb[i, j, 1]), np.int64(rgb[i, j, 2])
            near = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16
            state[i, j] = NONE
            if min(r, g, b) > 0 and max(r, g, b) < 255:
                for step in range(3):
                    y = near + (step + 1) // 2 * (1 - 2 * (step & 1))
                    one, other = cr_of[r - y + 256], cb_of[b - y + 256]
                    if one < 0 or other < 0 or y < 0 or y > 255:
                        continue
                    if y + ((green_cb[other] + green_cr[one]) >> 16) == g:
                        lo[0, i, j] = hi[0, i, j] = nearest[0, i, j] = y
                        lo[1, i, j] = hi[1, i, j] = nearest[1, i, j] = other
                        lo[2, i, j] = hi[2, i, j] = nearest[2, i, j] = one
                        state[i, j] = KNOWN
                        break
                if state[i, j] == KNOWN:
                    continue
            else:
                name = (r * 256 + g) * 256 + b
                slot = (name * 2654435761 >> 12) % _CACHE
                if names[slot] != name:
                    names[slot] = name
                    some[slot] = _bounds(r, g, b, cr_of, cb_of, red_low, red_high, blue_low, blue_high, cb, cr, box)
                    if some[slot]:
                        boxes[slot] = box
                if some[slot]:
                    state[i, j] = KNOWN
                    for k in range(3):
                        lo[k, i, j], hi[k, i, j] = boxes[slot, 2 * k], boxes[slot, 2 * k + 1]
                        if lo[k, i, j] != hi[k, i, j]:
                            state[i, j] = BOUNDED
            values = (
                near,
                128 + ((-11058 * r - 21710 * g + 32768 * b + 32768) >> 16),
                128 + ((32768 * r - 27439 * g - 5329 * b + 32768) >> 16),
            )
            for k in range(3):
                value = min(max(values[k], 0), 255)
                if state[i, j] == NONE:
                    lo[k, i, j] = hi[k, i, j] = value
                nearest[k, i, j] = min(max(value, lo[k, i, j]), hi[k, i, j])


def antecedents(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Whole Y, Cb and Cr that the decoder can have turned into these pixels.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8]

    Returns
    -------
    lo, hi : np.ndarray [shape=(3, height, width), dtype=uint8]
        Smallest and largest Y, Cb, Cr of any antecedent. Equal where there is one only.
    nearest : np.ndarray [shape=(3, height, width), dtype=uint8]
        The member of that box nearest to the colour by BT.601; of pixels without an antecedent that colour itself.
    state : np.ndarray [shape=(height, width), dtype=uint8]
        `KNOWN`, `BOUNDED` or `NONE`.
    """
    shape = (3, *rgb.shape[:2])
    lo, hi, nearest = (np.empty(shape, np.uint8) for _ in range(3))
    state = np.empty(shape[1:], np.uint8)
    _antecedents(
        rgb, CR_OF_RED, CB_OF_BLUE, *RED_REACH, *BLUE_REACH, RED, BLUE, GREEN_CB, GREEN_CR, lo, hi, nearest, state
    )
    return lo, hi, nearest, state


@kernel
def _luma_bounds(rgb, cb, cr, red, blue, green_cb, green_cr, lo, hi):
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            if lo[i, j] == hi[i, j]:
                continue
            low, high = 0, 255
            for k in range(3):
                added = red[cr[i, j]] if k == 0 else blue[cb[i, j]]
                if k == 1:
                    added = (green_cb[cb[i, j]] + green_cr[cr[i, j]]) >> 16
                channel = np.int64(rgb[i, j, k])
                if channel > 0:
                    low = max(low, channel - added)
                if channel < 255:
                    high = min(high, channel - added)
            if low <= high:
                lo[i, j], hi[i, j] = low, high


def narrow_luma(rgb: np.ndarray, cb: np.ndarray, cr: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> None:
    """Bounds of luma, uint8 planes, tightened in place where chroma, uint8 planes of the same shape, agrees with the
    pixel.
    """
    _luma_bounds(rgb, cb, cr, RED, BLUE, GREEN_CB, GREEN_CR, lo, hi)
