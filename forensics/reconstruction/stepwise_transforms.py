"""Inverse transforms that round between their steps: Go's image/jpeg and jpeg-js.

References
----------
.. [1] Z. Wang, "Fast algorithms for the discrete W transform and for the discrete Fourier transform", IEEE Trans. ASSP
       32(4), 1984, doi:10.1109/TASSP.1984.1164399; Go 1.19, image/jpeg/idct.go (11-bit constants).
.. [2] C. Loeffler, A. Ligtenberg, G. Moschytz, ICASSP 1989, doi:10.1109/ICASSP.1989.266596; jpeg-js 0.4.4,
       lib/decoder.js (12-bit constants).
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

_G1, _G2, _G3, _G5, _G6, _G7 = 2841, 2676, 2408, 1609, 1108, 565
"""cos(k pi / 16) sqrt(2) with 11 fractional bits."""
_GO_HALF = 181
"""sqrt(1/2) with 8 fractional bits."""


@kernel
def _go_line(a, at, by, before, half, back, shift):
    """One line in place: values shifted up by `before` bits, products back by `back` bits, results down by `shift`."""
    room = (1 << back) >> 1
    a0, a4 = (a[at] << before) + half, a[at + 4 * by] << before
    one, seven, five, three = a[at + by], a[at + 7 * by], a[at + 5 * by], a[at + 3 * by]
    two, six = a[at + 2 * by], a[at + 6 * by]
    common = _G7 * (one + seven) + room
    o1, o7 = (common + (_G1 - _G7) * one) >> back, (common - (_G1 + _G7) * seven) >> back
    common = _G3 * (five + three) + room
    o5, o3 = (common - (_G3 - _G5) * five) >> back, (common - (_G3 + _G5) * three) >> back
    common = _G6 * (two + six) + room
    e6, e2 = (common - (_G2 + _G6) * six) >> back, (common + (_G2 - _G6) * two) >> back
    first, last = o1 + o5, o7 + o3
    left, right = o1 - o5, o7 - o3
    second = (_GO_HALF * (left + right) + 128) >> 8
    third = (_GO_HALF * (left - right) + 128) >> 8
    up, down = a0 + a4, a0 - a4
    a[at], a[at + 7 * by] = (up + e2 + first) >> shift, (up + e2 - first) >> shift
    a[at + by], a[at + 6 * by] = (down + e6 + second) >> shift, (down + e6 - second) >> shift
    a[at + 2 * by], a[at + 5 * by] = (down - e6 + third) >> shift, (down - e6 - third) >> shift
    a[at + 3 * by], a[at + 4 * by] = (up - e2 + last) >> shift, (up - e2 - last) >> shift


@kernel
def go(quantised, steps, work, out):
    """Go up to 1.25: rows first; a row of DC alone comes out the same by the shortcut."""
    for i in range(64):
        work[i] = quantised[i] * np.int64(steps[i])
    for v in range(8):
        _go_line(work, 8 * v, 1, 11, 128, 0, 8)
    for u in range(8):
        _go_line(work, u, 8, 8, 8192, 3, 14)
    for i in range(64):
        out[i] = min(max(work[i] + 128, 0), 255)


_COS1, _SIN1, _COS3, _SIN3, _COS6, _SIN6 = 4017, 799, 3406, 2276, 1567, 3784
"""cos and sin of k pi / 16 with 12 fractional bits."""
_ROOT, _HALF = 5793, 2896
"""sqrt(2) and sqrt(1/2) with 12 fractional bits."""


@kernel
def _mean(a, b):
    return (a + b + 1) >> 1


@kernel
def _turned(a, b, cosine, sine, bits):
    """a, b turned by an angle: (b sin + a cos, ...) rounded by `bits`."""
    half = 1 << (bits - 1)
    return (a * cosine - b * sine + half) >> bits, (a * sine + b * cosine + half) >> bits


@kernel
def _js_line(a, at, by, bits):
    """One line in place; `bits` is 8 for rows, which keep four more, and 12 for columns."""
    half = 1 << (bits - 1)
    e0, e4 = (_ROOT * a[at] + half) >> bits, (_ROOT * a[at + 4 * by] + half) >> bits
    one, seven = a[at + by], a[at + 7 * by]
    o4, o7 = (_HALF * (one - seven) + half) >> bits, (_HALF * (one + seven) + half) >> bits
    o5, o6 = a[at + 3 * by] << (12 - bits), a[at + 5 * by] << (12 - bits)
    e2, e6 = _turned(a[at + 2 * by], a[at + 6 * by], _COS6, _SIN6, bits)
    up, down = _mean(e0, e4), _mean(e0, -e4)
    first, fourth = _mean(up, e6), _mean(up, -e6)
    second, third = _mean(down, e2), _mean(down, -e2)
    o4, o6 = _mean(o4, o6), _mean(o4, -o6)
    o7, o5 = _mean(o7, o5), _mean(o7, -o5)
    o4, o7 = _turned(o4, o7, _COS3, _SIN3, 12)
    o5, o6 = _turned(o5, o6, _COS1, _SIN1, 12)
    a[at], a[at + 7 * by] = first + o7, first - o7
    a[at + by], a[at + 6 * by] = second + o6, second - o6
    a[at + 2 * by], a[at + 5 * by] = third + o5, third - o5
    a[at + 3 * by], a[at + 4 * by] = fourth + o4, fourth - o4


@kernel
def _js_flat(a, at, by):
    flat = True
    for k in range(1, 8):
        flat &= a[at + k * by] == 0
    return flat


@kernel
def jpeg_js(quantised, steps, work, out):
    """jpeg-js (and PDF.js before 2014): rows first, with one rounding where a line holds DC alone."""
    for i in range(64):
        work[i] = quantised[i] * np.int64(steps[i])
    for v in range(8):
        if _js_flat(work, 8 * v, 1):
            value = (_ROOT * work[8 * v] + 512) >> 10
            for u in range(8):
                work[8 * v + u] = value
        else:
            _js_line(work, 8 * v, 1, 8)
    for u in range(8):
        if _js_flat(work, u, 8):
            value = (_ROOT * work[u] + 8192) >> 14
            for v in range(8):
                work[8 * v + u] = value
        else:
            _js_line(work, u, 8, 12)
    for i in range(64):
        out[i] = min(max(128 + ((work[i] + 8) >> 4), 0), 255)
