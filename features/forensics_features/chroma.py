"""Chroma bandwidth and upsampling: whether colour was stored at half the resolution, along which axis, and how it came
back.

Most lossy codecs store chroma at half the width (4:2:2) or half the width and height (4:2:0). The decoder's upsampling
filter then ties neighbouring output samples together by an exact linear relation, on one of the two phases of
every axis. If even outputs are h0 * c and odd ones h1 * c of the same coarse samples c, then h1 * even - h0 * odd = 0:
repetition is found by the first difference, co-sited bilinear by the second, the centred (3, 1)/4 triangle of
libjpeg, libwebp and libyuv by the third, longer kernels by longer annihilators. Each annihilator is scaled to unit
energy, so where the relation holds its residual is rounding noise, about 0.2 levels. Only places where chroma
changes say anything: residuals are taken where the local difference exceeds `ACTIVITY` (repetition excepted).

Of each relation and axis two values are kept, neither of which says at which phase a crop began: *floor*, the decimal
logarithm of the smaller of the two phases' mean |residual|, and *contrast*, the logarithm of their ratio. The same
relations in luma are the control: a picture enlarged as a whole, or a demosaicked one, shows them there too. A lifting
wavelet leaves them as well: odd samples of a 5/3 transform with empty fine bands are the mean of their neighbours.

References
----------
.. [1] B. Lorch, C. Riess, "Image forensics from chroma subsampling of high-quality JPEG images", Proc. ACM IH&MMSec,
       2019,
   doi:10.1145/3335203.3335722.
.. [2] M. Benes, N. Hofer, R. Boehme, "Know your library: how the libjpeg version influences compression and
       decompression
   results", Proc. ACM IH&MMSec, 2022, doi:10.1145/3531536.3532962.
.. [3] A. C. Popescu, H. Farid, "Exposing digital forgeries by detecting traces of resampling", IEEE Trans. Signal
   Processing 53(2), 2005, doi:10.1109/TSP.2004.839932 (interpolated samples are combinations of their neighbours).
.. [4] R. G. Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29(6), 1981,
   doi:10.1109/TASSP.1981.1163711.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from forensics_features._kernel import fast_kernel
from forensics_features.family import Family
from forensics_features.planes import Planes, row_bands, to_rgb8

ACTIVITY = 3.0
"""A relation is tested where samples three apart differ by more than this, in levels."""
MINIMUM_PLACES = 32
"""A relation tested at fewer places than this on either phase has no value."""

_SEVEN_TAP = (-1, 4, -10, 57, 18, -6, 2)
"""HEVC's quarter-sample and half-sample interpolation filters, in 64ths (ITU-T H.265 table 8-11)."""
_EIGHT_TAP = (-1, 4, -11, 40, 40, -11, 4, -1)
"""See `_SEVEN_TAP`."""
_KEYS_QUARTER = (-9, 111, 29, -3)  # Keys' cubic, a = -1/2, at -5/4, -1/4, 3/4, 7/4, times 128


def _unit(taps: np.ndarray) -> np.ndarray:
    return (taps / np.linalg.norm(taps)).astype(np.float32)


def _centred(left: tuple[float, ...]) -> np.ndarray:
    """The annihilator of outputs a quarter sample left of the coarse ones by `left`, right of them by its mirror image.

    The two outputs around the same coarse sample are compared: `left` runs over increasing coarse samples for the
    output on the right, so that its mirror image makes the output on the left.
    """
    taps = np.zeros(2 * len(left))
    taps[0::2] = left
    taps[1::2] = [-tap for tap in reversed(left)]
    return _unit(np.trim_zeros(taps))


def _cosited(middle: tuple[float, ...]) -> np.ndarray:
    """The annihilator of copies alternating with midpoints that `middle` (an even number of taps) interpolates."""
    taps = np.zeros(2 * len(middle) - 1)
    taps[0::2] = middle
    taps[len(middle) - 1] = -sum(middle)
    return _unit(taps)


RELATIONS: dict[str, np.ndarray] = {
    "repeat": _unit(np.array([1.0, -1.0])),
    "linear": _cosited((1, 1)),
    "triangle": _unit(np.array([1.0, -3.0, 3.0, -1.0])),
    "cubic": _centred((0, *_KEYS_QUARTER)),
    "seven_tap": _centred(_SEVEN_TAP),
    "eight_tap": _cosited(_EIGHT_TAP),
}
"""Annihilators by name: nearest neighbour; co-sited bilinear; centred bilinear; centred Keys cubic (FFmpeg); the
centred and the co-sited filter of BPG's reference decoder."""

CONTROLS = ("linear", "triangle")
"""Relations measured in luma as well."""

_AXES = ("x", "y")
_PLANES = ("luma", "cb", "cr")
_LAGS = (1, 2, 4)
"""Distances in pixels at which samples are compared."""
NAMES = (
    *(f"{name}_{axis}_{value}" for name in RELATIONS for axis in _AXES for value in ("floor", "contrast")),
    *(f"luma_{name}_{axis}_contrast" for name in CONTROLS for axis in _AXES),
    *(f"{plane}_band_{axis}_{lag}" for plane in _PLANES for axis in _AXES for lag in _LAGS[:-1]),
    "cb_luma_noise",
    "cr_luma_noise",
    "luma_cb_correlation",
    "luma_cr_correlation",
    "cb_cr_correlation",
    *(f"equal_{axis}_{value}" for axis in _AXES for value in ("share", "contrast")),
)


@fast_kernel
def _four_taps(line: np.ndarray, step: int, t: np.ndarray, reach: int, residual: np.ndarray) -> None:
    """residual[j] = sum over k <= reach of t[k] line[j + k * step]; `t` has four taps, the last ones 0 beyond
    `reach`.
    """
    x0 = line[min(0, reach) * step :]
    x1 = line[min(1, reach) * step :]
    x2 = line[min(2, reach) * step :]
    x3 = line[min(3, reach) * step :]
    t0, t1, t2, t3 = t[0], t[1], t[2], t[3]
    for j in range(residual.shape[0]):
        residual[j] = t0 * x0[j] + t1 * x1[j] + t2 * x2[j] + t3 * x3[j]


@fast_kernel
def _sixteen_taps(line: np.ndarray, step: int, t: np.ndarray, reach: int, residual: np.ndarray) -> None:
    """As `_four_taps` for up to sixteen taps."""
    x0 = line[min(0, reach) * step :]
    x1 = line[min(1, reach) * step :]
    x2 = line[min(2, reach) * step :]
    x3 = line[min(3, reach) * step :]
    x4 = line[min(4, reach) * step :]
    x5 = line[min(5, reach) * step :]
    x6 = line[min(6, reach) * step :]
    x7 = line[min(7, reach) * step :]
    x8 = line[min(8, reach) * step :]
    x9 = line[min(9, reach) * step :]
    x10 = line[min(10, reach) * step :]
    x11 = line[min(11, reach) * step :]
    x12 = line[min(12, reach) * step :]
    x13 = line[min(13, reach) * step :]
    x14 = line[min(14, reach) * step :]
    x15 = line[min(15, reach) * step :]
    t0, t1, t2, t3, t4, t5, t6, t7 = t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]
    t8, t9, t10, t11, t12, t13, t14, t15 = t[8], t[9], t[10], t[11], t[12], t[13], t[14], t[15]
    for j in range(residual.shape[0]):
        left = t0 * x0[j] + t1 * x1[j] + t2 * x2[j] + t3 * x3[j] + t4 * x4[j] + t5 * x5[j] + t6 * x6[j] + t7 * x7[j]
        right = (
            t8 * x8[j]
            + t9 * x9[j]
            + t10 * x10[j]
            + t11 * x11[j]
            + t12 * x12[j]
            + t13 * x13[j]
            + t14 * x14[j]
            + t15 * x15[j]
        )
        residual[j] = left + right


@fast_kernel
def _accumulate(
    residual: np.ndarray, first: np.ndarray, last: np.ndarray, limit: np.float32, phases: np.ndarray, sums: np.ndarray
) -> None:
    """Add |residual| and 1 to sums[phase, 0] and sums[phase, 1], weighed by phases[phase], where `last` and `first`
    differ by more than the limit."""
    zero, one = np.float32(0), np.float32(1)
    here, there = phases[0], phases[1]
    a = b = m = n = np.float32(0)
    for j in range(residual.shape[0]):
        active = one if abs(last[j] - first[j]) > limit else zero
        size = active * abs(residual[j])
        a += here[j] * size
        m += here[j] * active
        b += there[j] * size
        n += there[j] * active
    sums[0, 0] += a
    sums[0, 1] += m
    sums[1, 0] += b
    sums[1, 1] += n


@fast_kernel
def _across(residual: np.ndarray, first: np.ndarray, last: np.ndarray, limit: np.float32, sums: np.ndarray) -> None:
    """As `_accumulate` where all places have one phase."""
    zero, one = np.float32(0), np.float32(1)
    a = n = np.float32(0)
    for j in range(residual.shape[0]):
        active = one if abs(last[j] - first[j]) > limit else zero
        a += active * abs(residual[j])
        n += active
    sums[0] += a
    sums[1] += n


@fast_kernel
def _relation(plane: np.ndarray, taps: np.ndarray, threshold: float, sums: np.ndarray) -> None:
    """Add |residual| and places to sums[axis, phase, :] where the local difference exceeds `threshold`."""
    height, width = plane.shape
    length = taps.shape[0]
    low = max(length // 2 - 2, 0)
    high = min(low + 3, length - 1)
    limit = np.float32(threshold)
    padded = np.zeros(16, np.float32)
    for k in range(length):  # a slice's assignment compiles for a second
        padded[k] = taps[k]
    phases = np.zeros((2, width), np.float32)
    phases[0, 0::2] = 1
    phases[1, 1::2] = 1
    residual = np.empty(width, np.float32)
    flat = plane.reshape(height * width)
    for axis in range(2):
        step = 1 if axis == 0 else width
        rows = height if axis == 0 else height - length + 1
        size = width - length + 1 if axis == 0 else width
        part = residual[:size]
        for i in range(rows):
            line = flat[i * width :]
            if length <= 4:
                _four_taps(line, step, padded, length - 1, part)
            else:
                _sixteen_taps(line, step, padded, length - 1, part)
            first, last = line[low * step : low * step + size], line[high * step : high * step + size]
            if axis == 0:
                _accumulate(part, first, last, limit, phases, sums[0])
            else:
                _across(part, first, last, limit, sums[1, i & 1])


@fast_kernel
def _bands(plane: np.ndarray, energies: np.ndarray) -> None:
    """Mean squared differences at lags 1, 2 and 4 along x and y into energies[axis, lag]."""
    height, width = plane.shape
    for lag in range(3):
        step = 1 << lag
        along = 0.0
        across = 0.0
        for i in range(height):
            row = np.float32(0)
            for j in range(width - step):
                d = plane[i, j + step] - plane[i, j]
                row += d * d
            along += float(row)
            if i + step < height:
                row = np.float32(0)
                for j in range(width):
                    d = plane[i + step, j] - plane[i, j]
                    row += d * d
                across += float(row)
        energies[0, lag] = along / (height * (width - step))
        energies[1, lag] = across / ((height - step) * width)


@fast_kernel
def _residual(plane: np.ndarray, i: int, bend: np.ndarray, out: np.ndarray) -> None:
    """The mixed second difference (1 -2 1) x (1 -2 1) / 4 around row i, blind to edges along either axis."""
    above, here, below = plane[i - 1], plane[i], plane[i + 1]
    for j in range(bend.shape[0]):
        bend[j] = np.float32(0.25) * (above[j] - 2 * here[j] + below[j])
    for j in range(out.shape[0]):
        out[j] = bend[j] - 2 * bend[j + 1] + bend[j + 2]


@fast_kernel
def _product(a: np.ndarray, b: np.ndarray) -> np.float32:
    total = np.float32(0)
    for j in range(a.shape[0]):
        total += a[j] * b[j]
    return total


@fast_kernel
def _moments(y: np.ndarray, cb: np.ndarray, cr: np.ndarray, moments: np.ndarray) -> None:
    """Mean products of the planes' residuals: yy, bb, rr, yb, yr, br."""
    height, width = y.shape
    bend = np.empty(width, np.float32)
    a = np.empty(width - 2, np.float32)
    b = np.empty(width - 2, np.float32)
    c = np.empty(width - 2, np.float32)
    for i in range(1, height - 1):
        _residual(y, i, bend, a)
        _residual(cb, i, bend, b)
        _residual(cr, i, bend, c)
        moments[0] += _product(a, a)
        moments[1] += _product(b, b)
        moments[2] += _product(c, c)
        moments[3] += _product(a, b)
        moments[4] += _product(a, c)
        moments[5] += _product(b, c)
    for k in range(moments.shape[0]):
        moments[k] /= (height - 2) * (width - 2)


@fast_kernel
def _near(b0: np.ndarray, b1: np.ndarray, r0: np.ndarray, r1: np.ndarray, counts: np.ndarray) -> None:
    """Count places where both chroma values of two runs of pixels are equal but for the rounding of RGB."""
    limit = np.float32(0.75)
    for j in range(b0.shape[0]):
        counts[j] += np.int32((abs(b1[j] - b0[j]) < limit) & (abs(r1[j] - r0[j]) < limit))


@fast_kernel
def _equal(cb: np.ndarray, cr: np.ndarray, counts: np.ndarray) -> None:
    """Neighbours of equal chroma into counts[axis, phase]."""
    height, width = cb.shape
    along = np.zeros(width - 1, np.int32)
    across = np.zeros((2, width), np.int32)
    for i in range(height):
        _near(cb[i, :-1], cb[i, 1:], cr[i, :-1], cr[i, 1:], along)
        if i + 1 < height:
            _near(cb[i], cb[i + 1], cr[i], cr[i + 1], across[i & 1])
    for j in range(width - 1):
        counts[0, j & 1] += along[j]
    for j in range(width):
        counts[1, 0] += across[0, j]
        counts[1, 1] += across[1, j]


def _floor_and_contrast(sums: np.ndarray) -> np.ndarray:
    """(floor, contrast) of each axis from sums [shape=(2 axes, 2 phases, 2), dtype=float64]."""
    out = np.full((2, 2), np.nan)
    for axis, ((a, na), (b, nb)) in enumerate(sums):
        if min(na, nb) >= MINIMUM_PLACES:
            low, high = sorted((np.log10(a / na + 0.01), np.log10(b / nb + 0.01)))
            out[axis] = low, high - low
    return out


def _relation_values(planes: Planes) -> list[np.ndarray]:
    values = []
    bands = row_bands(planes.y.shape)
    for name, taps in RELATIONS.items():
        sums = np.zeros((2, 2, 2))
        for rows, plane in product(bands, (planes.cb, planes.cr)):
            _relation(plane[rows], taps, -1.0 if name == "repeat" else ACTIVITY, sums)
        values.append(_floor_and_contrast(sums).ravel())
    for name in CONTROLS:
        sums = np.zeros((2, 2, 2))
        for rows in bands:
            _relation(planes.y[rows], RELATIONS[name], ACTIVITY, sums)
        values.append(_floor_and_contrast(sums)[:, 1])
    return values


def _spectral_values(planes: Planes) -> list[np.ndarray]:
    values = []
    for plane in (planes.y, planes.cb, planes.cr):
        energies = np.zeros((2, 3))
        _bands(plane, energies)
        values.append(-np.diff(np.log10(energies + 0.01), axis=1).ravel())
    moments = np.zeros(6)
    _moments(planes.y, planes.cb, planes.cr, moments)
    power, cross = moments[:3] + 1e-3, moments[3:]
    values.append(np.log10(power[1:] / power[0]))
    values.append(cross / np.sqrt(power[[0, 0, 1]] * power[[1, 2, 2]]))
    return values


def _compute(planes: Planes) -> np.ndarray:
    if planes.grey:
        return np.full(len(NAMES), np.nan, np.float32)
    height, width = planes.y.shape
    counts = np.zeros((2, 2), np.int64)
    _equal(planes.cb, planes.cr, counts)
    pairs = [
        [width // 2 * height, (width - 1) // 2 * height],
        [height // 2 * width, (height - 1) // 2 * width],
    ]
    shares = counts / np.array(pairs)
    equal = np.column_stack([shares.max(axis=1), np.ptp(shares, axis=1)]).ravel()
    values = [*_relation_values(planes), *_spectral_values(planes), equal]
    return np.concatenate(values).astype(np.float32)


FAMILY = Family("chroma", NAMES, _compute)


def chroma_features(pixels: np.ndarray) -> dict[str, float]:
    """Bandwidth and upsampling traces of a picture's chroma, by name.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        A picture of at least 64 x 64 pixels; see `forensics_features.planes.as_planes`.

    Returns
    -------
    dict[str, float]
        Keys `NAMES`; axis `x` compares neighbours in a row, `y` in a column. All NaN for a grey picture.
        `<relation>_<axis>_floor`: log10 of the mean absolute residual in levels on the better phase (-2 for an exact
        relation), and `..._contrast` how much worse the other phase is, from 0; both NaN where chroma changes in fewer
        than `MINIMUM_PLACES` places. `luma_<relation>_<axis>_contrast`: the control. `<plane>_band_<axis>_<lag>`: log10
        of the mean squared difference at `lag` over that at twice the lag: -0.6 for a smooth ramp, 0 for white noise.
        `<plane>_luma_noise`: log10 of the residual variance over luma's; `..._correlation`: of the residuals, -1..1.
        `equal_<axis>_share`: neighbours of equal chroma on the better phase, 0..1, and `..._contrast` the difference
        between the phases.

    Raises
    ------
    TypeError, ValueError
        As `forensics_features.planes.as_planes`.

    Notes
    -----
    A transposed picture swaps `x` and `y`. Block transforms of even size leave small contrasts of their own (about 0.05
    in a JPEG of full chroma resolution); nearest-neighbour upsampling leaves 1 and more in every relation of odd order.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import chroma_features
    >>> for sample in ("webp", "uncompressed"):
    ...     values = chroma_features(np.asarray(Image.open(f"examples/{sample}.png")))
    ...     print(sample, round(values["equal_x_share"], 2))
    webp 0.76
    uncompressed 0.21
    """
    return FAMILY.named(to_rgb8(pixels))
