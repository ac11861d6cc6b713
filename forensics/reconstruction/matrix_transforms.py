"""Inverse transforms whose passes are one integer matrix each: stb_image's, FFmpeg's, libjpeg's to twice the size.

However a fast algorithm orders its sums, a pass that rounds only at its end multiplies by a matrix of whole numbers,
sums of its fixed-point constants. So a pass here is that matrix, a rounding and a shift.

References
----------
.. [1] C. Loeffler, A. Ligtenberg, G. Moschytz, ICASSP 1989, doi:10.1109/ICASSP.1989.266596: the sums of the 8-point
       transform.
.. [2] stb_image 2.27, `stbi__idct_block` (12-bit constants).
.. [3] FFmpeg 5.1, libavcodec/simple_idct_template.c (14-bit constants).
.. [4] IJG libjpeg 9f, jidctint.c, `jpeg_idct_16x16`, `jpeg_idct_16x8`, `jpeg_idct_8x16` (13-bit constants).
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel


def _both_halves(even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Rows of the first half, and the second half by symmetry: even frequencies keep their sign, odd ones change it."""
    first = np.zeros((len(even), 8), np.int64)
    first[:, ::2], first[:, 1::2] = even, odd
    second = first[::-1].copy()
    second[:, 1::2] *= -1
    return np.concatenate([first, second])


def loeffler_matrix(constants: tuple[int, ...], one: int) -> np.ndarray:
    """The 8-point transform as the sums of Loeffler's algorithm give it, `np.ndarray [shape=(8, 8), dtype=int64]`,
    rows for samples, columns for frequencies.

    `constants` are 0.541196100, 0.765366865, -1.847759065, 1.175875602, 0.298631336, 2.053119869, 3.072711026,
    1.501321110, -0.899976223, -2.562915447, -1.961570560, -0.390180644 in fixed point, `one` is 1.
    """
    c6, c2_c6, minus_c2_c6, c3, own7, own5, own3, own1, z1, z2, z3, z4 = constants
    big, small = c6 + c2_c6, c6 + minus_c2_c6
    even = [[one, big, one, c6], [one, c6, -one, small], [one, -c6, -one, -small], [one, -big, one, -c6]]
    odd = [
        [own1 + z1 + z4 + c3, c3, c3 + z4, z1 + c3],
        [c3, own3 + z2 + z3 + c3, c3 + z2, c3 + z3],
        [c3 + z4, c3 + z2, own5 + z2 + z4 + c3, c3],
        [c3 + z1, c3 + z3, c3, own7 + z1 + z3 + c3],
    ]
    return _both_halves(np.array(even), np.array(odd))


_LOEFFLER = (0.541196100, 0.765366865, -1.847759065, 1.175875602, 0.298631336, 2.053119869, 3.072711026, 1.501321110,
             -0.899976223, -2.562915447, -1.961570560, -0.390180644)  # fmt: skip
"""Constants of the 8-point transform [1]_, in the order of `loeffler_matrix`."""
_STB = loeffler_matrix(tuple(int(value * 4096 + 0.5) for value in _LOEFFLER), 4096)
"""Negative constants are cut towards zero, as the library's macro does."""
_IJG_8 = loeffler_matrix(tuple(round(value * 8192) for value in _LOEFFLER), 8192)

_W1, _W2, _W3, _W4, _W5, _W6, _W7 = 22725, 21407, 19266, 16383, 12873, 8867, 4520
"""cos(k pi / 16) sqrt(2) in 14 bits; the constant of DC is one less than 2^14, so that it fits 16-bit products."""
_FFMPEG = _both_halves(
    np.array([[_W4, _W2, _W4, _W6], [_W4, _W6, -_W4, -_W2], [_W4, -_W6, -_W4, _W2], [_W4, -_W2, _W4, -_W6]]),
    np.array([[_W1, _W3, _W5, _W7], [_W3, -_W7, -_W1, -_W5], [_W5, -_W1, _W7, _W3], [_W7, -_W5, _W3, -_W1]]),
)
"""FFmpeg's pass, rows for samples."""


def _sixteen() -> np.ndarray:
    """The 16-point transform of 8 frequencies, `np.ndarray [shape=(16, 8), dtype=int64]`.

    Constants are cosines times sqrt(2) in 13 bits, and the roundings of sums of constants are those of [4]_: where two
    products share a factor, its rounding is shared.
    """

    def c(value: float) -> int:
        return round(value * 8192)

    near, far = c(1.306562965), c(0.541196100)
    wide, slim = c(1.387039845), c(0.275899379)
    turns = [
        (wide, c(2.562915447) - wide),
        (slim + c(0.899976223), -slim),
        (wide - c(0.601344887), -wide),
        (slim, -slim - c(0.509795579)),
    ]
    fourth = [near, far, -far, -near]
    even = [[8192, a, f, b] for f, (a, b) in zip(fourth, turns, strict=True)]
    even += [[8192, -a, f, -b] for f, (a, b) in zip(fourth[::-1], turns[::-1], strict=True)]
    c1, c3, c5, c7, c9 = c(1.407403738), c(1.353318001), c(1.247225013), c(1.093201867), c(0.897167586)
    c11, c13, c15 = c(0.666655658), c(0.410524528), c(0.138617169)
    odd = [
        [c3 + c5 + c7 - c(2.286341144), c3, c5, c7],
        [c3, c3 + c15 + c(0.071888074) - c11, c15, -c11],
        [c5, c15, c5 + c15 - c(1.125726048) - c3, -c3],
        [c7, -c11, -c3, c7 - c11 + c(1.065388962) - c3],
        [c9, -c5, -c13, c13 - c9 - c5 + c(3.141271809)],
        [c11, -c1, c11 + c1 - c(0.766367282) - c13, c13],
        [c13, c(1.971951411) - c1 - c5 - c13, c1, -c5],
        [c9 + c11 + c13 - c(1.835730603), -c13, c11, -c9],
    ]
    return _both_halves(np.array(even), np.array(odd))


_IJG_16 = _sixteen()


@kernel
def _line(matrix, a, at, by, bias, shift, out, to, apart):
    """One line: eight values of `a` from `at` on, `by` apart, times the matrix, into `out`, rounded by `shift` bits."""
    half = matrix.shape[0] // 2
    for i in range(half):
        even, odd = bias, np.int64(0)
        for k in range(0, 8, 2):
            even += matrix[i, k] * a[at + k * by]
            odd += matrix[i, k + 1] * a[at + (k + 1) * by]
        out[to + i * apart] = (even + odd) >> shift
        out[to + (2 * half - 1 - i) * apart] = (even - odd) >> shift


@kernel
def stb(quantised, steps, work, out):
    """stb_image: columns first, two bits kept between; the shortcut for flat columns gives what the matrix gives."""
    for i in range(64):
        work[i] = quantised[i] * np.int64(steps[i])
    for u in range(8):
        _line(_STB, work, u, 8, 512, 10, out, u, 8)
    for v in range(8):
        _line(_STB, out, 8 * v, 1, 65536, 17, work, 8 * v, 1)
    for i in range(64):
        out[i] = min(max(work[i] + 128, 0), 255)


@kernel
def ffmpeg(quantised, steps, work, out):
    """FFmpeg's "simple" transform: rows first, the level shift in DC, and rows of DC alone by a shift."""
    for i in range(64):
        work[i] = quantised[i] * np.int64(steps[i])
    work[0] += 1024
    for v in range(8):
        flat = True
        for u in range(1, 8):
            flat &= work[8 * v + u] == 0
        if flat:
            for u in range(8):
                out[8 * v + u] = work[8 * v] << 3
        else:
            _line(_FFMPEG, work, 8 * v, 1, 1024, 11, out, 8 * v, 1)
    for u in range(8):
        _line(_FFMPEG, out, u, 8, 16383 * 32, 20, work, u, 8)
    for i in range(64):
        out[i] = min(max(work[i], 0), 255)


@kernel
def enlarged(quantised, steps, vertical, horizontal, work, out):
    """libjpeg 7 to 9: a block of 8x8 coefficients as 8 `vertical` x 8 `horizontal` samples.

    quantised: integer [64]; steps: [64]; work: int64 [128 or more]; out: int64 [64 vertical horizontal], row by row.
    """
    width = 8 * horizontal
    for i in range(64):
        out[i] = quantised[i] * np.int64(steps[i])
    for u in range(8):
        if vertical == 2:
            _line(_IJG_16, out, u, 8, 1 << 10, 11, work, u, 8)
        else:
            _line(_IJG_8, out, u, 8, 1 << 10, 11, work, u, 8)
    for v in range(8 * vertical):
        if horizontal == 2:
            _line(_IJG_16, work, 8 * v, 1, 1 << 17, 18, out, width * v, 1)
        else:
            _line(_IJG_8, work, 8 * v, 1, 1 << 17, 18, out, width * v, 1)
    for i in range(64 * vertical * horizontal):
        out[i] = min(max(out[i] + 128, 0), 255)
