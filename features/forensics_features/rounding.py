"""Rounding and truncation: what integers, clipping and quantisation by very small steps leave in values and
coefficients.

*Values.* Clipping at 0 and 255, gaps and combs in the histograms (an earlier stretch, palette or limited range), the
number of colours, flat neighbourhoods, and the level of the finest residuals.

*Coefficients.* A JPEG decoded at quality 95 to 100 shows no artefacts, but the 8x8 DCT of its luma, rounded to integers
as the decoder had it, lies near integers: every step is one. Rounding the pixels adds noise of variance 1/12 to each
coefficient, less when the file's own steps are one, which leaves mean cos(2 pi c) at exp(-pi^2 / 6) = 0.19 or more,
against 0 in any other picture of some texture and on the other 63 phases [1]_. The variance of c - round(c) falls from
1/12 likewise, and shares of small |c| shift [2]_. The phase is searched on a sample of blocks by that cosine, and the
features are taken at the best phase, with the mean of the other phases as well. Blocks that are flat or touch 0 or
255 are left out.

References
----------
.. [1] B. Li, T.-T. Ng, X. Li, S. Tan, J. Huang, "Revealing the trace of high-quality JPEG compression through
       quantization
   noise analysis", IEEE Trans. Information Forensics and Security 10(3), 2015, doi:10.1109/TIFS.2015.2389148.
.. [2] W. Luo, J. Huang, G. Qiu, "JPEG error analysis and its applications to digital image forensics", IEEE Trans.
       Information
   Forensics and Security 5(3), 2010, doi:10.1109/TIFS.2010.2051426.
.. [3] M. C. Stamm, K. J. R. Liu, "Forensic detection of image manipulation using statistical intrinsic fingerprints",
       IEEE
   Trans. Information Forensics and Security 5(3), 2010, doi:10.1109/TIFS.2010.2053202 (gaps and peaks of histograms).
"""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import fast_kernel, kernel
from forensics_features.family import Family
from forensics_features.planes import Planes, to_rgb8

SAMPLED_BLOCKS = 40
"""Blocks of each phase that the phase search looks at."""
MOST_BLOCKS = 2**13
"""Blocks that the coefficient features are taken from, at most; larger pictures are sampled evenly."""
CHROMA_BLOCKS = 256
"""The same for the chroma planes."""
SAMPLED_COLOURS = 4096
"""Pixels, spread over the picture, whose distinct colours are counted."""
MINIMUM_BLOCKS = 4
"""With fewer usable blocks than this nothing is said about coefficients."""
VARIANCE_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the blocks' variances that are features."""

_SIDE = 8
"""Side of a block's DCT."""
_LANES = 32  # blocks transformed together
_CHANNELS = ("red", "green", "blue", "luma")
_FINE = 8  # bins a level in the histogram of |residual|
_TABLE = 2**14
"""Entries of the hash table of sampled colours, a power of two: a bound on memory."""

_COEFFICIENTS = ("cosine", "noise_variance", "zeros", "ones", "cosine_contrast", "zeros_contrast")
_LONGEST = 30  # the longest period of a histogram comb is 256 / 30 = 8.5 levels
_WHITENING = 0.5 - 0.5 * np.cos(
    2 * np.pi * np.arange(_LONGEST, 129) / 256
)  # a second difference removes the slow shape
_VARIANCE_BINS = 140  # of the decimal logarithm of a block's variance, from -2 up
_VARIANCE_BIN = 0.05
"""Width of a bin of the histogram of variances, in decimal logarithms."""

NAMES = (
    *(f"{channel}_{edge}" for channel in _CHANNELS[:3] for edge in ("at_0", "at_255")),
    *(f"beside_{edge}" for edge in ("0", "255")),
    *(f"{channel}_{value}" for channel in _CHANNELS for value in ("gaps", "comb", "comb_period")),
    "colours",
    "flat",
    *(f"{plane}_noise" for plane in ("luma", "cb", "cr")),
    *(f"variance_{round(100 * q)}" for q in VARIANCE_QUANTILES),
    *(f"dct_luma_{value}" for value in _COEFFICIENTS),
    *(f"dct_{plane}_{value}" for plane in ("cb", "cr") for value in ("cosine", "cosine_contrast")),
    "dct_usable",
)


def _dct_matrix() -> np.ndarray:
    k, n = np.mgrid[:_SIDE, :_SIDE]
    matrix = np.sqrt(2 / _SIDE) * np.cos(np.pi * (2 * n + 1) * k / (2 * _SIDE))
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


_DCT = _dct_matrix()


@kernel
def _values(rgb: np.ndarray, y: np.ndarray, levels: np.ndarray, packed: np.ndarray, counts: np.ndarray) -> None:
    """Histograms of red, green, blue and rounded luma; rounded luma, -1 where a channel is clipped; colours as one
    number.
    """
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            r = np.int32(rgb[i, j, 0])
            g = np.int32(rgb[i, j, 1])
            b = np.int32(rgb[i, j, 2])
            luma = np.int32(y[i, j] + np.float32(0.5))
            counts[0, r] += 1
            counts[1, g] += 1
            counts[2, b] += 1
            counts[3, luma] += 1
            packed[i, j] = (r << 16) | (g << 8) | b
            clipped = (min(r, g, b) == 0) | (max(r, g, b) == 255)
            levels[i, j] = np.float32(-1) if clipped else np.float32(luma)


@kernel
def _distinct(packed: np.ndarray, step: int, table: np.ndarray) -> float:
    """Distinct colours over pixels among every `step`-th of every `step`-th row; `table` is a hash table filled with
    -1.
    """
    size = table.shape[0]
    found = 0
    seen = 0
    for i in range(0, packed.shape[0], step):
        for j in range(0, packed.shape[1], step):
            if seen == size // 2:
                return found / seen
            seen += 1
            colour = packed[i, j]
            slot = ((np.int64(colour) * 2654435761) >> 12) & (size - 1)
            while table[slot] != -1 and table[slot] != colour:
                slot = (slot + 1) & (size - 1)
            if table[slot] == -1:
                table[slot] = colour
                found += 1
    return found / seen


@kernel
def _flat_share(numbers: np.ndarray) -> float:
    """Share of 3x3 neighbourhoods of one value."""
    height, width = numbers.shape
    equal = np.empty((2, width - 1), np.uint8)
    total = 0
    for i in range(height - 1):
        now = equal[i & 1]
        before = equal[1 - (i & 1)]
        for j in range(width - 1):
            a = numbers[i, j]
            now[j] = (a == numbers[i, j + 1]) & (a == numbers[i + 1, j]) & (a == numbers[i + 1, j + 1])
        if i > 0:
            row = np.int32(0)
            for j in range(width - 2):
                row += np.int32(now[j] & now[j + 1] & before[j] & before[j + 1])
            total += int(row)
    return total / ((height - 2) * (width - 2))


@kernel
def _residual_histogram(plane: np.ndarray, counts: np.ndarray) -> None:
    """Histogram of |(1 -2 1) x (1 -2 1)| / 6, of unit gain for white noise, over every third row."""
    scale = np.float32(_FINE / 6)
    for i in range(1, plane.shape[0] - 1, 3):
        a, b, c = plane[i - 1], plane[i], plane[i + 1]
        for j in range(1, plane.shape[1] - 1):
            left = a[j - 1] - 2 * b[j - 1] + c[j - 1]
            centre = a[j] - 2 * b[j] + c[j]
            right = a[j + 1] - 2 * b[j + 1] + c[j + 1]
            counts[min(int(abs(left - 2 * centre + right) * scale), counts.shape[0] - 1)] += 1


@kernel
def _variance_histogram(plane: np.ndarray, counts: np.ndarray) -> None:
    """Histogram of log10(variance + 0.01) of the 4x4 blocks."""
    for i in range(0, plane.shape[0] - 3, 4):
        for j in range(0, plane.shape[1] - 3, 4):
            total = np.float32(0)
            squares = np.float32(0)
            origin = plane[i, j]
            for m in range(4):
                for n in range(4):
                    d = plane[i + m, j + n] - origin
                    total += d
                    squares += d * d
            variance = max((squares - total * total / 16) / 16, np.float32(0))
            bin_ = int((np.log10(variance + np.float32(0.01)) + 2) / _VARIANCE_BIN)
            counts[min(max(bin_, 0), counts.shape[0] - 1)] += 1


@fast_kernel
def _combine(source: np.ndarray, taps: np.ndarray, target: np.ndarray) -> None:
    """target = sum over n of taps[n] source[n]."""
    t0, t1, t2, t3, t4, t5, t6, t7 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6], taps[7]
    for m in range(target.shape[0]):
        low = t0 * source[0, m] + t1 * source[1, m] + t2 * source[2, m] + t3 * source[3, m]
        high = t4 * source[4, m] + t5 * source[5, m] + t6 * source[6, m] + t7 * source[7, m]
        target[m] = low + high


@fast_kernel
def _statistics(coefficients: np.ndarray, lanes: int, sums: np.ndarray) -> None:
    """Add the sums of cos(2 pi c), (c - round c)^2, |c| < 1/2, 1/2 <= |c| < 3/2 over the first `lanes` columns."""
    cosines = np.float32(0)
    squares = np.float32(0)
    zeros = np.float32(0)
    small = np.float32(0)
    for m in range(lanes):
        c = abs(coefficients[m])
        off = c - np.floor(c + np.float32(0.5))
        t = np.float32(0.25) - abs(off)
        s = np.float32(8) * t - np.float32(16) * t * abs(t)
        cosines += s + np.float32(0.225) * (s * abs(s) - s)
        squares += off * off
        zeros += np.float32(c < np.float32(0.5))
        small += np.float32(c < np.float32(1.5))
    sums[0] += cosines
    sums[1] += squares
    sums[2] += zeros
    sums[3] += small - zeros


@fast_kernel
def _transform(blocks: np.ndarray, lanes: int, dct: np.ndarray, half: np.ndarray, sums: np.ndarray) -> None:
    """AC statistics of the 8x8 DCTs of blocks [shape=(row, column, lane)]; `half` is as large and is overwritten."""
    line = np.empty(_LANES, np.float32)
    rows = blocks.reshape(8, 8 * _LANES)
    for k in range(8):
        _combine(rows, dct[k], half[k].reshape(8 * _LANES))
    for k in range(8):
        for m in range(8):
            if k + m > 0:
                _combine(half[k], dct[m], line)
                _statistics(line, lanes, sums)
    sums[4] += 63 * lanes


@fast_kernel
def _take(plane: np.ndarray, levels: np.ndarray, i: int, j: int, lane: int, blocks: np.ndarray) -> bool:
    """Copy the block at (i, j) to a lane; False where `levels` there are flat or clipped."""
    origin = levels[i, j]
    clipped = np.float32(0)
    spread = np.float32(0)
    for m in range(8):
        for n in range(8):
            level = levels[i + m, j + n]
            clipped += np.float32(level < 0)
            spread += abs(level - origin)
            blocks[m, n, lane] = plane[i + m, j + n]
    return bool(clipped == 0 and spread > 0)


@fast_kernel
def _phase_sums(plane: np.ndarray, levels: np.ndarray, phase: int, most: int, dct: np.ndarray, sums: np.ndarray) -> int:
    """Statistics over the usable ones of about `most` blocks, evenly spread, of one phase; the number of blocks looked
    at.
    """
    blocks = np.empty((8, 8, _LANES), np.float32)
    half = np.empty((8, 8, _LANES), np.float32)
    first_i, first_j = phase // 8, phase % 8
    rows = (plane.shape[0] - first_i) // 8
    columns = (plane.shape[1] - first_j) // 8
    thin = max(1.0, np.sqrt(rows * columns / most))
    tall = max(1, int(rows / thin))
    wide = max(1, int(columns / thin))
    used = 0
    for n in range(tall * wide):
        i = first_i + 8 * (n // wide * rows // tall)
        j = first_j + 8 * (n % wide * columns // wide)
        used += int(_take(plane, levels, i, j, used, blocks))
        if used == _LANES or (used > 0 and n == tall * wide - 1):
            _transform(blocks, used, dct, half, sums)
            used = 0
    return tall * wide


@fast_kernel
def _best_phase(levels: np.ndarray, most: int, dct: np.ndarray) -> int:
    """The phase 8 * row + column whose sampled coefficients lie nearest to integers."""
    best = 0
    top = -2.0
    sums = np.empty(5)
    for phase in range(64):
        sums[:] = 0
        _phase_sums(levels, levels, phase, most, dct, sums)
        if sums[4] > 0 and sums[0] / sums[4] > top:
            top = sums[0] / sums[4]
            best = phase
    return best


def _quantile(counts: np.ndarray, share: float) -> float:
    """The value below which `share` of a histogram lies, in bins, linear inside a bin."""
    cumulative = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    bin_ = int(np.searchsorted(cumulative, share, side="left"))
    if bin_ == 0:
        return 0.0
    return bin_ - 1 + (share - cumulative[bin_ - 1]) / (cumulative[bin_] - cumulative[bin_ - 1])


def _histogram_values(counts: np.ndarray) -> np.ndarray:
    """Share of gaps, height of the strongest comb and its period in levels of each histogram, [shape=(m, 3)]."""
    inner = counts[:, 1:-1].astype(np.float64)
    around = 0.5 * (inner[:, :-2] + inner[:, 2:])
    populated = around >= 8
    gaps = (populated & (inner[:, 1:-1] < 0.25 * around)).sum(axis=1) / np.maximum(populated.sum(axis=1), 1)
    totals = np.maximum(inner.sum(axis=1, keepdims=True), 1)
    spectrum = np.abs(np.fft.rfft(inner, 256, axis=1))[:, _LONGEST:] * _WHITENING / totals
    comb = spectrum.max(axis=1) - np.partition(spectrum, spectrum.shape[1] // 2, axis=1)[:, spectrum.shape[1] // 2]
    return np.column_stack([gaps, comb, 256 / (_LONGEST + spectrum.argmax(axis=1))])


def _value_features(planes: Planes, levels: np.ndarray) -> list[float]:
    packed = np.empty(planes.y.shape, np.int32)
    counts = np.zeros((4, 256), np.int64)
    _values(planes.rgb, planes.y, levels, packed, counts)
    pixels = packed.size
    step = max(1, int(np.sqrt(pixels / SAMPLED_COLOURS)))
    table = np.full(_TABLE, -1, np.int32)
    clip = [float(counts[c, v] / pixels) for c in range(3) for v in (0, 255)]
    near_ends = [float(counts[:3, v].sum() / (3 * pixels)) for v in (1, 254)]
    combs = _histogram_values(counts).ravel().tolist()
    return [*clip, *near_ends, *combs, _distinct(packed, step, table), _flat_share(packed)]


def _noise_features(planes: Planes) -> list[float]:
    noise = []
    for plane in (planes.y, planes.cb, planes.cr):
        counts = np.zeros(64 * _FINE, np.int64)
        if plane is planes.y or not planes.grey:
            _residual_histogram(plane, counts)
        median = _quantile(counts, 0.5) / _FINE / 0.6745 if counts.any() else np.nan
        noise.append(float(np.log10(median + 0.01)))
    counts = np.zeros(_VARIANCE_BINS, np.int64)
    _variance_histogram(planes.y, counts)
    return [*noise, *(_quantile(counts, q) * _VARIANCE_BIN - 2 for q in VARIANCE_QUANTILES)]


def _coefficient_features(planes: Planes, levels: np.ndarray) -> list[float]:
    phase = _best_phase(levels, SAMPLED_BLOCKS, _DCT)
    other = (phase // 8 + 4) % 8 * 8 + (phase % 8 + 4) % 8
    sums = np.zeros((6, 5))
    looked = _phase_sums(levels, levels, phase, MOST_BLOCKS, _DCT, sums[0])
    _phase_sums(levels, levels, other, MOST_BLOCKS, _DCT, sums[1])
    for k, plane in enumerate((planes.cb, planes.cr)):
        if not planes.grey:
            whole = np.rint(plane)
            _phase_sums(whole, levels, phase, CHROMA_BLOCKS, _DCT, sums[2 + k])
            _phase_sums(whole, levels, other, CHROMA_BLOCKS, _DCT, sums[4 + k])
    usable = sums[0, 4] / 63
    sums[sums[:, 4] < 63 * MINIMUM_BLOCKS] = np.nan
    shares = sums[:, :4] / sums[:, 4:]
    luma = shares[0] - shares[1]
    chroma = np.column_stack([shares[2:4, 0], shares[2:4, 0] - shares[4:, 0]]).ravel()
    return [*shares[0].tolist(), luma[0], luma[2], *chroma.tolist(), usable / looked]


def _compute(planes: Planes) -> np.ndarray:
    levels = np.empty(planes.y.shape, np.float32)
    values = _value_features(planes, levels)
    values += _noise_features(planes)
    values += _coefficient_features(planes, levels)
    return np.array(values, np.float32)


FAMILY = Family("rounding", NAMES, _compute)


def rounding_features(pixels: np.ndarray) -> dict[str, float]:
    """Rounding, truncation, noise level and integer-step quantisation statistics of a picture, by name.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        A picture of at least 64 x 64 pixels; see `forensics_features.planes.as_planes`.

    Returns
    -------
    dict[str, float]
        Keys `NAMES`, in shares 0..1 unless said otherwise:

        - `<channel>_at_0`, `..._at_255`: clipped pixels; `beside_0`, `..._255`: values of 1 and 254, all channels.
        - `<channel>_gaps`: histogram bins under a quarter of their neighbours' mean, among those whose neighbours hold
          eight pixels; `..._comb`: strongest periodicity of the histogram at periods of 2 to 8.5 levels, whitened, over
          the median one; `..._comb_period`: that period, levels.
        - `colours`: distinct colours over pixels in a regular sample; `flat`: 3x3 neighbourhoods of one colour.
        - `<plane>_noise`: log10 of the noise's standard deviation by the median residual, levels, -1 for none;
          `variance_<q>`: the q-th percentile of log10(variance of a 4x4 block of luma + 0.01).
        - `dct_luma_cosine`: mean cos(2 pi c) of the AC coefficients at the best phase, 0.19 and more when all steps are
          integers; `..._noise_variance`: mean squared distance to the next integer, 1/12 by chance; `..._zeros`,
          `..._ones`: magnitudes below 1/2, and from there to 3/2; `..._contrast`: difference to the
          phase half a block away; `dct_<cb or cr>_cosine`: the same phase in chroma; `dct_usable`: blocks neither
          flat nor clipped. NaN with fewer than `MINIMUM_BLOCKS` of them.

        Chroma is NaN for a grey picture.

    Raises
    ------
    TypeError, ValueError
        As `forensics_features.planes.as_planes`.

    Notes
    -----
    The largest of 64 phases is reported: chance gives a cosine of up to about 0.02 in a window of 256 x 256, and more
    in a smaller one. Values of windows of one size may be compared.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import rounding_features
    >>> for sample in ("jpeg", "uncompressed"):
    ...     values = rounding_features(np.asarray(Image.open(f"examples/{sample}.png")))
    ...     print(sample, round(values["dct_luma_cosine"], 2))
    jpeg 0.21
    uncompressed 0.0
    """
    return FAMILY.named(to_rgb8(pixels))
