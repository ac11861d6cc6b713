"""The inverse 8x8 transforms of JPEG decoders, integer for integer: what a block of quantised coefficients becomes.

The standard leaves the arithmetic open [1]_, so every library rounds in its own way. Each kernel takes the 64 quantised
coefficients and their steps in raster order and writes the 64 samples, level shift and clipping included. They follow
the published fast algorithms [2]_ [3]_ in the fixed-point form that the named library uses.

References
----------
.. [1] ITU-T T.81 (1992), Annex A.3.3.
.. [2] C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications", ICASSP
       1989,
   doi:10.1109/ICASSP.1989.266596 (ISLOW, 13-bit constants).
.. [3] Y. Arai, T. Agui, M. Nakajima, "A fast DCT-SQ scheme for images", Trans. IEICE E71(11), 1988 (IFAST, 8-bit
       constants; float).
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

from forensics.reconstruction.matrix_transforms import ffmpeg, stb
from forensics.reconstruction.stepwise_transforms import go, jpeg_js

ISLOW, IFAST, FLOAT, STB, FFMPEG, GO, JPEG_JS = range(7)
"""Numbers of the arithmetics: libjpeg's accurate integer, fast integer and floating-point transforms; then those of
stb_image, FFmpeg, Go's image/jpeg and jpeg-js.
"""

_AAN = np.array([1.0] + [np.cos(k * np.pi / 16) * np.sqrt(2) for k in range(1, 8)])
AAN_FIXED = np.rint(np.outer(_AAN, _AAN).ravel() * 16384).astype(np.int64)
"""Scale factors of the fast transform with 14 fractional bits, raster order."""
AAN_FLOAT = np.outer(_AAN, _AAN).ravel()
"""The same as real numbers."""


@kernel
def scaled_steps(table, kind, fixed, real, out):
    """The steps as the arithmetic multiplies them, float64 [64]; whole numbers but for `FLOAT`."""
    for i in range(64):
        if kind == IFAST:
            out[i] = (table[i] * fixed[i] + 2048) >> 12
        elif kind == FLOAT:
            out[i] = np.float32(np.float64(table[i]) * real[i] * 0.125)
        else:
            out[i] = table[i]


@kernel
def _clipped(value):
    return min(max(value, 0), 255)


@kernel
def _islow_line(a, at, by, out, shift):
    """One line of ISLOW: eight values of `a` from `at` on, `by` apart, into `out` at the same places, rounded by
    `shift` bits.
    """
    z2, z3 = a[at + 2 * by], a[at + 6 * by]
    z1 = (z2 + z3) * 4433
    t2 = z1 - z3 * 15137
    t3 = z1 + z2 * 6270
    t0 = (a[at] + a[at + 4 * by]) << 13
    t1 = (a[at] - a[at + 4 * by]) << 13
    e0, e3, e1, e2 = t0 + t3, t0 - t3, t1 + t2, t1 - t2
    o0, o1, o2, o3 = a[at + 7 * by], a[at + 5 * by], a[at + 3 * by], a[at + by]
    z1, z2, z3, z4 = o0 + o3, o1 + o2, o0 + o2, o1 + o3
    z5 = (z3 + z4) * 9633
    z1, z2 = -z1 * 7373, -z2 * 20995
    z3, z4 = z5 - z3 * 16069, z5 - z4 * 3196
    o0 = o0 * 2446 + z1 + z3
    o1 = o1 * 16819 + z2 + z4
    o2 = o2 * 25172 + z2 + z3
    o3 = o3 * 12299 + z1 + z4
    half = 1 << (shift - 1)
    out[at] = (e0 + o3 + half) >> shift
    out[at + 7 * by] = (e0 - o3 + half) >> shift
    out[at + by] = (e1 + o2 + half) >> shift
    out[at + 6 * by] = (e1 - o2 + half) >> shift
    out[at + 2 * by] = (e2 + o1 + half) >> shift
    out[at + 5 * by] = (e2 - o1 + half) >> shift
    out[at + 3 * by] = (e3 + o0 + half) >> shift
    out[at + 4 * by] = (e3 - o0 + half) >> shift


@kernel
def _islow(quantised, steps, work, out):
    for i in range(64):
        work[i] = quantised[i] * np.int64(steps[i])
    for u in range(8):
        _islow_line(work, u, 8, work, 11)
    for v in range(8):
        _islow_line(work, 8 * v, 1, work, 18)
    for i in range(64):
        out[i] = _clipped(work[i] + 128)


@kernel
def _ifast_line(a, at, by, shift):
    """One line of IFAST in place; products and results are cut, not rounded."""
    t10, t11 = a[at] + a[at + 4 * by], a[at] - a[at + 4 * by]
    t13 = a[at + 2 * by] + a[at + 6 * by]
    t12 = (((a[at + 2 * by] - a[at + 6 * by]) * 362) >> 8) - t13
    e0, e3, e1, e2 = t10 + t13, t10 - t13, t11 + t12, t11 - t12
    z13, z10 = a[at + 5 * by] + a[at + 3 * by], a[at + 5 * by] - a[at + 3 * by]
    z11, z12 = a[at + by] + a[at + 7 * by], a[at + by] - a[at + 7 * by]
    o7 = z11 + z13
    t11 = ((z11 - z13) * 362) >> 8
    z5 = ((z10 + z12) * 473) >> 8
    t10 = ((z12 * 277) >> 8) - z5
    t12 = ((z10 * -669) >> 8) + z5
    o6 = t12 - o7
    o5 = t11 - o6
    o4 = t10 + o5
    a[at], a[at + 7 * by] = (e0 + o7) >> shift, (e0 - o7) >> shift
    a[at + by], a[at + 6 * by] = (e1 + o6) >> shift, (e1 - o6) >> shift
    a[at + 2 * by], a[at + 5 * by] = (e2 + o5) >> shift, (e2 - o5) >> shift
    a[at + 4 * by], a[at + 3 * by] = (e3 + o4) >> shift, (e3 - o4) >> shift


@kernel
def _ifast(quantised, steps, work, out):
    for i in range(64):
        work[i] = quantised[i] * np.int64(steps[i])
    for u in range(8):
        _ifast_line(work, u, 8, 0)
    for v in range(8):
        _ifast_line(work, 8 * v, 1, 5)
    for i in range(64):
        out[i] = _clipped(work[i] + 128)


@kernel
def _float_line(a, at, by):
    root = np.float32(1.414213562)
    t10, t11 = a[at] + a[at + 4 * by], a[at] - a[at + 4 * by]
    t13 = a[at + 2 * by] + a[at + 6 * by]
    t12 = (a[at + 2 * by] - a[at + 6 * by]) * root - t13
    e0, e3, e1, e2 = t10 + t13, t10 - t13, t11 + t12, t11 - t12
    z13, z10 = a[at + 5 * by] + a[at + 3 * by], a[at + 5 * by] - a[at + 3 * by]
    z11, z12 = a[at + by] + a[at + 7 * by], a[at + by] - a[at + 7 * by]
    o7 = z11 + z13
    t11 = (z11 - z13) * root
    z5 = (z10 + z12) * np.float32(1.847759065)
    t10 = z5 - z12 * np.float32(1.082392200)
    t12 = z5 - z10 * np.float32(2.613125930)
    o6 = t12 - o7
    o5 = t11 - o6
    o4 = t10 - o5
    a[at], a[at + 7 * by] = e0 + o7, e0 - o7
    a[at + by], a[at + 6 * by] = e1 + o6, e1 - o6
    a[at + 2 * by], a[at + 5 * by] = e2 + o5, e2 - o5
    a[at + 3 * by], a[at + 4 * by] = e3 + o4, e3 - o4


@kernel
def _float(quantised, steps, out):
    work = np.empty(64, np.float32)
    for i in range(64):
        work[i] = np.float32(quantised[i]) * np.float32(steps[i])
    for u in range(8):
        _float_line(work, u, 8)
    for v in range(8):
        _float_line(work, 8 * v, 1)
    for i in range(64):
        out[i] = _clipped(np.int64(np.rint(work[i])) + 128)


@kernel
def inverse(kind, quantised, steps, work, out):
    """Samples of one block.

    Parameters: the arithmetic's number; quantised coefficients, integer [64], raster order; `scaled_steps`, float64
    [64]; room for int64 [64]; the samples, int64 [64] in 0..255, written here.
    """
    if kind == IFAST:
        _ifast(quantised, steps, work, out)
    elif kind == FLOAT:
        _float(quantised, steps, out)
    elif kind == STB:
        stb(quantised, steps, work, out)
    elif kind == FFMPEG:
        ffmpeg(quantised, steps, work, out)
    elif kind == GO:
        go(quantised, steps, work, out)
    elif kind == JPEG_JS:
        jpeg_js(quantised, steps, work, out)
    else:
        _islow(quantised, steps, work, out)
