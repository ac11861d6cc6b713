"""How decoders turn whole Y, Cb, Cr into R, G, B: the same matrix [1]_, rounded in ways of their own.

Each is a table of what luma gives and tables of what Cb and Cr add to a channel; a channel is their sum, cut to whole
levels and to 0..255.

References
----------
.. [1] ITU-T T.871 (2011), clause 7.
.. [2] libjpeg-turbo 2.1, jdcolor.c, `build_ycc_rgb_table` (16-bit constants); IJG libjpeg 9f, the same with two more
       digits for green.
.. [3] stb_image 2.27, `stbi__YCbCr_to_RGB_row` (12-bit constants).
.. [4] Go 1.19, image/color, `YCbCrToRGB` (16-bit constants; luma times 0x10101).
.. [5] jpeg-js 0.4.4, lib/decoder.js, `getData`: real numbers, cut.
.. [6] FFmpeg 5.1, libswscale: the x86 converter of subsampled pictures multiplies in 16 bits (8 times chroma by
       13-bit constants, the high half of the product); the general one for chroma at full size rounds once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

SHIFT = 32
"""Fractional bits of all tables."""
_CHROMA = np.arange(256, dtype=np.int64) - 128


@dataclass(frozen=True)
class Conversion:
    """One decoder's conversion.

    Attributes
    ----------
    luma, red, green_cb, green_cr, blue : np.ndarray [shape=(256,), dtype=int64]
        What Y gives to each channel, Cr adds to red, Cb and Cr add to green, and Cb adds to blue, with `SHIFT`
        fractional bits; rounding is in them.
    """

    luma: np.ndarray
    red: np.ndarray
    green_cb: np.ndarray
    green_cr: np.ndarray
    blue: np.ndarray

    @cached_property
    def forward(self) -> tuple[np.ndarray, ...]:
        """The five tables."""
        return self.luma, self.red, self.green_cb, self.green_cr, self.blue

    @cached_property
    def backward(self) -> tuple[np.ndarray, ...]:
        """Cr of Y and red, and Cb of Y and blue, `np.ndarray [shape=(256, 256), dtype=int16]`, -1 where there is none,
        each followed by the largest chroma with which the channel is 0 at most and the smallest with which it is 255 at
        least, `np.ndarray [shape=(256,), dtype=int64]`.
        """
        return *_inverse(self.luma, self.red), *_inverse(self.luma, self.blue)


def _inverse(luma: np.ndarray, added: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sums = (luma[:, None] + added) >> SHIFT
    of_channel = np.full((256, 256), -1, np.int16)
    y, chroma = np.nonzero((sums >= 0) & (sums <= 255))
    of_channel[y, sums[y, chroma]] = chroma
    return of_channel, (sums <= 0).sum(axis=1) - 1, 256 - (sums >= 255).sum(axis=1)


_LUMA = np.arange(256, dtype=np.int64) << SHIFT


def _sixteen_bits(luma: np.ndarray, half: int, green_cb: int, green_cr: int) -> Conversion:
    up = SHIFT - 16
    return Conversion(
        luma << up,
        (91881 * _CHROMA + half) << up,
        (-green_cb * _CHROMA + half) << up,
        (-green_cr * _CHROMA) << up,
        (116130 * _CHROMA + half) << up,
    )


def _stb() -> Conversion:
    """Sums of 4 fractional bits, the products cut to them before."""
    red, minus_cr, minus_cb, blue = (int(np.float32(v) * 4096 + 0.5) for v in (1.402, 0.71414, 0.34414, 1.772))
    products = ((factor * _CHROMA) >> 8 for factor in (red, -minus_cb, -minus_cr, blue))
    added = [product << (SHIFT - 4) for product in products]
    return Conversion(_LUMA + (1 << (SHIFT - 1)), *added)


def _cut() -> Conversion:
    def real(factor: float) -> np.ndarray:
        return np.asarray(np.rint(factor * _CHROMA * 2.0**SHIFT), np.int64)

    return Conversion(_LUMA, real(1.402), real(-0.3441363), real(-0.71413636), real(1.772))


def _swscale() -> Conversion:
    added = [((factor * 8 * _CHROMA) >> 16) << SHIFT for factor in (11485, -2819, -5850, 14516)]
    return Conversion(_LUMA, *added)


def _swscale_full() -> Conversion:
    """13-bit constants, rounded once."""
    up = SHIFT - 13
    added = [(factor * _CHROMA) << up for factor in (11485, -2819, -5850, 14516)]
    return Conversion(_LUMA + (1 << (SHIFT - 1)), *added)


CONVERSIONS = {
    "libjpeg-turbo": _sixteen_bits(np.arange(256, dtype=np.int64) << 16, 32768, 22554, 46802),
    "libjpeg 9": _sixteen_bits(np.arange(256, dtype=np.int64) << 16, 32768, 22553, 46802),
    "stb_image": _stb(),
    "Go": _sixteen_bits(np.arange(256, dtype=np.int64) * 0x10101, 0, 22554, 46802),
    "jpeg-js": _cut(),
    "swscale": _swscale(),
    "swscale, full chroma": _swscale_full(),
}
"""By name."""
