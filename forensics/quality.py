"""How far a decoded picture is from its reference: SSIM on luma, PSNR on all channels, ratio and bits per pixel.

Pictures are `np.ndarray [shape=(height, width, 3) or (height, width), dtype=uint8]`. A grey picture stands for one
with three equal channels wherever its partner has three.

`ssim` is the mean structural similarity of Wang et al. [1]_ with the choices of scikit-image's
`structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)` applied to
BT.601 luma, `Y = 0.299 R + 0.587 G + 0.114 B`, not rounded. The windows are 11x11, K1 = 0.01 and K2 = 0.03, and only
windows wholly inside the picture count. Values may be compared with others of the same definition alone: an SSIM
averaged over channels, on rounded luma or with a uniform window is another number.

.. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error visibility to
   structural similarity", IEEE Transactions on Image Processing 13(4), 2004. DOI 10.1109/TIP.2003.819861
"""

from __future__ import annotations

import math

import numpy as np
from forensics_features._kernel import fast_kernel
from forensics_features.standards import LUMA_WEIGHTS

from forensics.errors import UsageError

SSIM_MINIMUM_SIDE = 11
"""Smallest width and height, in pixels, of a picture that has an SSIM."""

_RADIUS = 5
"""Reach of the Gaussian window with a standard deviation of 1.5, truncated at 3.5 of them as scikit-image has it."""
_TAPS = np.exp(-0.5 * (np.arange(_RADIUS + 1) / 1.5) ** 2)
_TAPS = (_TAPS / (_TAPS[0] + 2 * _TAPS[1:].sum())).astype(np.float32)


_RED, _GREEN, _BLUE = LUMA_WEIGHTS["bt601"]


@fast_kernel
def _luma_row(row: np.ndarray, luma: np.ndarray) -> None:
    if row.shape[1] == 1:
        for j in range(luma.size):
            luma[j] = np.float32(row[j, 0])
        return
    for j in range(luma.size):
        luma[j] = (
            np.float32(_RED) * np.float32(row[j, 0])
            + np.float32(_GREEN) * np.float32(row[j, 1])
            + np.float32(_BLUE) * np.float32(row[j, 2])
        )


@fast_kernel
def _filter_row(v: np.ndarray, taps: np.ndarray, out: np.ndarray) -> None:
    t0, t1, t2, t3, t4, t5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    for j in range(out.size):
        out[j] = (
            t0 * v[j + 5]
            + t1 * (v[j + 4] + v[j + 6])
            + t2 * (v[j + 3] + v[j + 7])
            + t3 * (v[j + 2] + v[j + 8])
            + t4 * (v[j + 1] + v[j + 9])
            + t5 * (v[j] + v[j + 10])
        )


@fast_kernel
def _filter_column(ring: np.ndarray, first: int, taps: np.ndarray, out: np.ndarray) -> None:
    """As `_filter_row`, across the 11 rows of a ring buffer whose oldest row is `first`."""
    t0, t1, t2, t3, t4, t5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    r0, r1, r2, r3 = ring[first % 11], ring[(first + 1) % 11], ring[(first + 2) % 11], ring[(first + 3) % 11]
    r4, r5, r6 = ring[(first + 4) % 11], ring[(first + 5) % 11], ring[(first + 6) % 11]
    r7, r8, r9 = ring[(first + 7) % 11], ring[(first + 8) % 11], ring[(first + 9) % 11]
    r10 = ring[(first + 10) % 11]
    for j in range(out.size):
        out[j] = (
            t0 * r5[j]
            + t1 * (r4[j] + r6[j])
            + t2 * (r3[j] + r7[j])
            + t3 * (r2[j] + r8[j])
            + t4 * (r1[j] + r9[j])
            + t5 * (r0[j] + r10[j])
        )


@fast_kernel
def _row_ssim(s: np.ndarray, d: np.ndarray, ss: np.ndarray, dd: np.ndarray) -> float:
    """Sum of SSIM over one row, from the windowed means of x + y - 255, x - y and their squares."""
    c1, c2 = np.float32(2 * (0.01 * 255) ** 2), np.float32(2 * (0.03 * 255) ** 2)
    total = np.float32(0)
    for j in range(s.size):
        variance_s = ss[j] - s[j] * s[j]
        difference = d[j] * d[j]
        variance_d = dd[j] - difference
        brightness = (s[j] + np.float32(255)) * (s[j] + np.float32(255))
        total += ((brightness - difference + c1) * (variance_s - variance_d + c2)) / (
            (brightness + difference + c1) * (variance_s + variance_d + c2)
        )
    return float(total)


@fast_kernel
def _mean_ssim(reference: np.ndarray, picture: np.ndarray, taps: np.ndarray) -> float:
    # With s = x + y and d = x - y, SSIM needs four filtered planes instead of five:
    # 4 xy = ss - dd and 2 (xx + yy) = ss + dd, for the means and for the (co)variances alike.
    # s is centred on zero so that float32 loses nothing to the subtraction of squared means.
    height, width = reference.shape[0], reference.shape[1]
    inner = width - 10
    x, y = np.empty(width, np.float32), np.empty(width, np.float32)
    ring = np.empty((4, 11, inner), np.float32)
    means = np.empty((4, inner), np.float32)
    total = 0.0
    for i in range(height):
        _luma_row(reference[i], x)
        _luma_row(picture[i], y)
        for j in range(width):
            s = x[j] + y[j] - np.float32(255)
            d = x[j] - y[j]
            x[j] = s
            y[j] = d
        slot = i % 11
        _filter_row(x, taps, ring[0, slot])
        _filter_row(y, taps, ring[1, slot])
        for j in range(width):
            x[j] *= x[j]
            y[j] *= y[j]
        _filter_row(x, taps, ring[2, slot])
        _filter_row(y, taps, ring[3, slot])
        if i >= 10:
            for plane in range(4):
                _filter_column(ring[plane], i + 1, taps, means[plane])
            total += _row_ssim(means[0], means[1], means[2], means[3])
    return total / (inner * (height - 10))


def ssim(reference: np.ndarray, picture: np.ndarray) -> float:
    """Mean structural similarity of the lumas of two pictures; the module's docstring defines it.

    Parameters
    ----------
    reference, picture : np.ndarray [shape=(height, width, 3) or (height, width), dtype=uint8]
        The same height and width; either may be grey. Symmetric in the two.

    Returns
    -------
    float
        At most 1, reached when the lumas are equal; near 0 for unrelated pictures, negative for inverted ones.

    Raises
    ------
    UsageError
        The pictures are not of this form, differ in size, or have a side under `SSIM_MINIMUM_SIDE` pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.quality import ssim
    >>> ramp = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    >>> float(round(ssim(ramp, ramp), 6))
    1.0
    >>> bool(ssim(ramp, ramp[::-1, ::-1].copy()) < 1)
    True
    """
    first, second = _pair(reference, picture)
    if min(first.shape[:2]) < SSIM_MINIMUM_SIDE:
        raise UsageError(
            f"SSIM needs {SSIM_MINIMUM_SIDE} pixels a side, the picture has {first.shape[1]}x{first.shape[0]}"
        )
    return float(_mean_ssim(first, second, _TAPS))


@fast_kernel
def _squared_error(reference: np.ndarray, picture: np.ndarray) -> int:
    total = 0
    for i in range(reference.shape[0]):
        for j in range(reference.shape[1]):
            difference = int(reference[i, j]) - int(picture[i, j])
            total += difference * difference
    return total


def psnr(reference: np.ndarray, picture: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels, `10 log10(255^2 / MSE)`, the mean taken over all channels together.

    Parameters and errors are those of `ssim`, save that any size will do. Infinite when the pictures are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.quality import psnr
    >>> black = np.zeros((16, 16), np.uint8)
    >>> float(round(psnr(black, black + 1), 2))
    48.13
    """
    first, second = _pair(reference, picture)
    channels = max(first.shape[2], second.shape[2])
    rows = [np.broadcast_to(p, (*p.shape[:2], channels)).reshape(p.shape[0], -1) for p in (first, second)]
    error = int(_squared_error(np.ascontiguousarray(rows[0]), np.ascontiguousarray(rows[1])))
    return math.inf if error == 0 else 10 * math.log10(255**2 * rows[0].size / error)


def raw_bytes(pixels: np.ndarray) -> int:
    """Size of the uncompressed 8-bit samples: height x width x channels, in bytes."""
    return math.prod(np.shape(pixels))


def compression_ratio(pixels: np.ndarray, file_bytes: int) -> float:
    """Raw bytes of the source pixels over the bytes of the file; more is stronger compression.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.quality import compression_ratio
    >>> compression_ratio(np.zeros((100, 100, 3), np.uint8), 3000)
    10.0
    """
    return raw_bytes(pixels) / file_bytes


def bits_per_pixel(pixels: np.ndarray, file_bytes: int) -> float:
    """Bits of the file for each pixel of the picture (not for each sample).

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.quality import bits_per_pixel
    >>> bits_per_pixel(np.zeros((100, 100, 3), np.uint8), 2500)
    2.0
    """
    height, width = np.shape(pixels)[:2]
    return 8 * file_bytes / (height * width)


def _pair(reference: np.ndarray, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures as C-ordered arrays of shape (height, width, 1 or 3), checked."""
    first, second = _checked(reference), _checked(picture)
    if first.shape[:2] != second.shape[:2]:
        raise UsageError(
            f"pictures to compare have one size, not {first.shape[1]}x{first.shape[0]}"
            f" and {second.shape[1]}x{second.shape[0]}"
        )
    return first, second


def _checked(picture: np.ndarray) -> np.ndarray:
    array = np.asarray(picture)
    if array.dtype != np.uint8:
        raise UsageError(f"pictures to compare are uint8, not {array.dtype}")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or 0 in array.shape:
        raise UsageError(f"pictures to compare have shape (height, width[, 3]), not {np.shape(picture)}")
    return np.ascontiguousarray(array)
