"""From Y, Cb, Cr to R, G, B in a decoder's fixed point, and all the way back.

Y, Cb and Cr are whole, so away from clipping a pixel has one antecedent or none: the tables of red and blue have steps
of one or two levels, and green tells which pair was meant. A clipped channel only bounds its sum, so a pixel with one
keeps a set [1]_.

References
----------
.. [1] A. B. Lewis, M. G. Kuhn, "Exact JPEG recompression", Proc. SPIE 7543, 2010, doi:10.1117/12.838878.
"""

from __future__ import annotations

import threading

import numpy as np
from forensics_features._kernel import kernel

from forensics.reconstruction.conversions import CONVERSIONS, SHIFT

LIBJPEG_TURBO = "libjpeg-turbo"
"""The conversion that is meant where none is named."""


@kernel
def rgb_of(y, cb, cr, luma, red, green_cb, green_cr, blue, out):
    """uint8 planes [h, w] to uint8 [h, w, 3]."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            a, b, c = luma[y[i, j]], cb[i, j], cr[i, j]
            out[i, j, 0] = min(max((a + red[c]) >> SHIFT, 0), 255)
            out[i, j, 1] = min(max((a + green_cb[b] + green_cr[c]) >> SHIFT, 0), 255)
            out[i, j, 2] = min(max((a + blue[b]) >> SHIFT, 0), 255)


def to_rgb(y: np.ndarray, cb: np.ndarray, cr: np.ndarray, conversion: str = LIBJPEG_TURBO) -> np.ndarray:
    """RGB pixels `np.ndarray [shape=(height, width, 3), dtype=uint8]` of three planes of that shape and type.

    `conversion` is a key of `CONVERSIONS`.
    """
    out = np.empty((*y.shape, 3), np.uint8)
    rgb_of(y, cb, cr, *CONVERSIONS[conversion].forward, out)
    return out


KNOWN, BOUNDED, NONE = 0, 1, 2
"""State of a pixel: one antecedent, several, or none at all."""
_CACHE = 1 << 16
"""Clipped colours whose sets are remembered, a power of two: a bound on memory, a megabyte for each conversion."""
_STEPS = 5
"""Values of Y that are tried about that of BT.601: roundings move it by less than two levels."""


@kernel
def _chroma_range(y, channel, of_channel, at_most, at_least, out):
    """First and last chroma with which Y gives the channel, into out[0:2]; first > last where there is none."""
    if channel == 0:
        out[0], out[1] = 0, at_most[y]
    elif channel == 255:
        out[0], out[1] = at_least[y], 255
    else:
        found = np.int64(of_channel[y, channel])
        out[0], out[1] = found, found if found >= 0 else -2


@kernel
def _first_at_most(falling, limit, first, last):
    """First index in first..last whose value is `limit` at most; last + 1 where there is none."""
    low, high = first, last + 1
    while low < high:
        middle = (low + high) >> 1
        if falling[middle] <= limit:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def _narrow_green(y, channel, luma, green_cb, green_cr, b, c):
    """Ranges of Cb and Cr, int64 [2] each, cut to what green allows; whether anything is left.

    Green's sum falls with both, so its bounds on one follow from the extremes of the other.
    """
    beyond = np.int64(1) << 60
    least = (channel << SHIFT) - luma[y] if channel > 0 else -beyond
    most = ((channel + 1) << SHIFT) - 1 - luma[y] if channel < 255 else beyond
    b[0] = _first_at_most(green_cb, most - green_cr[c[1]], b[0], b[1])
    b[1] = _first_at_most(green_cb, least - green_cr[c[0]] - 1, b[0], b[1]) - 1
    if b[0] > b[1]:
        return False
    c[0] = _first_at_most(green_cr, most - green_cb[b[1]], c[0], c[1])
    c[1] = _first_at_most(green_cr, least - green_cb[b[0]] - 1, c[0], c[1]) - 1
    return c[0] <= c[1]


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
def _bounds(r, g, b, luma, green_cb, green_cr, cr_of, red_low, red_high, cb_of, blue_low, blue_high, cb, cr, box):
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
        if cb[0] > cb[1] or not _narrow_green(y, g, luma, green_cb, green_cr, cb, cr):
            continue
        box[0], box[1] = min(box[0], y), max(box[1], y)
        box[2], box[3] = min(box[2], cb[0]), max(box[3], cb[1])
        box[4], box[5] = min(box[4], cr[0]), max(box[5], cr[1])
    return box[1] >= 0


@kernel
def _antecedents(
    rgb, luma, red, green_cb, green_cr, blue, cr_of, red_low, red_high, cb_of, blue_low, blue_high, lo, hi, nearest,
    state, names, boxes, some,
):  # fmt: skip
    cb, cr, box = np.empty(2, np.int64), np.empty(2, np.int64), np.empty(6, np.int64)
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            r, g, b = np.int64(rgb[i, j, 0]), np.int64(rgb[i, j, 1]), np.int64(rgb[i, j, 2])
            near = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16
            state[i, j] = NONE
            if min(r, g, b) > 0 and max(r, g, b) < 255:
                for step in range(_STEPS):
                    y = near + (step + 1) // 2 * (1 - 2 * (step & 1))
                    if y < 0 or y > 255:
                        continue
                    one, other = np.int64(cr_of[y, r]), np.int64(cb_of[y, b])
                    if one < 0 or other < 0:
                        continue
                    if (luma[y] + green_cb[other] + green_cr[one]) >> SHIFT == g:
                        lo[0, i, j] = hi[0, i, j] = nearest[0, i, j] = y
                        lo[1, i, j] = hi[1, i, j] = nearest[1, i, j] = other
                        lo[2, i, j] = hi[2, i, j] = nearest[2, i, j] = one
                        state[i, j] = KNOWN
                        break
                if state[i, j] == KNOWN:
                    continue
            else:
                name = (r * 256 + g) * 256 + b
                slot = (name * 2654435761 >> 12) % len(names)
                if names[slot] != name:
                    names[slot] = name
                    some[slot] = _bounds(
                        r, g, b, luma, green_cb, green_cr, cr_of, red_low, red_high, cb_of, blue_low, blue_high, cb,
                        cr, box,
                    )  # fmt: skip
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


def antecedents(
    rgb: np.ndarray, conversion: str = LIBJPEG_TURBO
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Whole Y, Cb and Cr that the decoder can have turned into these pixels.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8]
    conversion : str
        A key of `CONVERSIONS`.

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
    tables = CONVERSIONS[conversion]
    _antecedents(rgb, *tables.forward, *tables.backward, lo, hi, nearest, state, *_remembered(conversion))
    return lo, hi, nearest, state


_memory = threading.local()


def _remembered(conversion: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Names of clipped colours met before in this thread, the boxes of their antecedents, and whether there are any:
    one picture is asked for several times, in parts.
    """
    own: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = _memory.__dict__
    if conversion not in own:
        own[conversion] = np.full(_CACHE, -1, np.int64), np.empty((_CACHE, 6), np.uint8), np.empty(_CACHE, np.bool_)
    return own[conversion]


@kernel
def _luma_bounds(rgb, cb, cr, luma, red, green_cb, green_cr, blue, lo, hi):
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            if lo[i, j] == hi[i, j]:
                continue
            low, high = 0, 255
            for k in range(3):
                added = red[cr[i, j]] if k == 0 else blue[cb[i, j]]
                if k == 1:
                    added = green_cb[cb[i, j]] + green_cr[cr[i, j]]
                channel = np.int64(rgb[i, j, k])
                if channel > 0:
                    while low < 256 and (luma[low] + added) >> SHIFT < channel:
                        low += 1
                if channel < 255:
                    while high >= 0 and (luma[high] + added) >> SHIFT > channel:
                        high -= 1
            if low <= high:
                lo[i, j], hi[i, j] = low, high


def narrow_luma(
    rgb: np.ndarray,
    cb: np.ndarray,
    cr: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    conversion: str = LIBJPEG_TURBO,
) -> None:
    """Bounds of luma, uint8 planes, tightened in place where chroma, uint8 planes of the same shape, agrees with the
    pixel.
    """
    _luma_bounds(rgb, cb, cr, *CONVERSIONS[conversion].forward, lo, hi)


@kernel
def _chroma_bounds(rgb, y, luma, green_cb, green_cr, cr_of, red_low, red_high, cb_of, blue_low, blue_high, lo, hi):
    cb, cr = np.empty(2, np.int64), np.empty(2, np.int64)
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            if lo[0, i, j] == hi[0, i, j] and lo[1, i, j] == hi[1, i, j]:
                continue
            r, g, b = np.int64(rgb[i, j, 0]), np.int64(rgb[i, j, 1]), np.int64(rgb[i, j, 2])
            own = np.int64(y[i, j])
            _chroma_range(own, r, cr_of, red_low, red_high, cr)
            _chroma_range(own, b, cb_of, blue_low, blue_high, cb)
            if cb[0] > cb[1] or cr[0] > cr[1] or not _narrow_green(own, g, luma, green_cb, green_cr, cb, cr):
                continue
            low_b, high_b = max(cb[0], np.int64(lo[0, i, j])), min(cb[1], np.int64(hi[0, i, j]))
            low_r, high_r = max(cr[0], np.int64(lo[1, i, j])), min(cr[1], np.int64(hi[1, i, j]))
            if low_b <= high_b and low_r <= high_r:
                lo[0, i, j], hi[0, i, j], lo[1, i, j], hi[1, i, j] = low_b, high_b, low_r, high_r


def narrow_chroma(
    rgb: np.ndarray, y: np.ndarray, lo: np.ndarray, hi: np.ndarray, conversion: str = LIBJPEG_TURBO
) -> None:
    """Bounds of Cb and Cr, uint8 [2, height, width], tightened in place where luma, a uint8 plane, agrees with the
    pixel. Where one channel is clipped, luma and the two others leave one pair only, or few.
    """
    tables = CONVERSIONS[conversion]
    base, _, green_cb, green_cr, _ = tables.forward
    _chroma_bounds(rgb, y, base, green_cb, green_cr, *tables.backward, lo, hi)
