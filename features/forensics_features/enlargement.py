"""Was a picture enlarged by interpolation? The native length of an axis to the pixel, the kernel, and how sure that is.

Interpolation is linear: along one axis z = A x + rounding, where A (m outputs, n inputs) follows from the two lengths,
the kernel and the alignment of the ends. With m > n the range of A is a proper subspace. If n and the kernel are right,
the energy of z outside it, per missing dimension, is that of rounding (1/12 after one pass, some 0.15 after two); if
not, it is that of the scene's own detail. The dependence between neighbours is that of [1]_ and [2]_, taken over the
whole line at once. A is a band, so that every length can be tried by banded normal equations.

Every length from m / `MOST` to m / `LEAST` is tried on a segment in the middle of a few lines with the kernels of
`TRIED`; the deepest dips against the lengths nearby are tried again on whole lines with all `KERNELS` and both
alignments. Where no whole length stands out, the picture may be a crop: the slope and the offset are then free,
searched on a short segment and refined on longer and longer ones.

`Axis.score` is the median over lines of ln(residual of lengths nearby / residual) times the root of the number of
missing dimensions (at most `ENOUGH`). Its tail over pictures that were not enlarged is exponential as far as
`log10_false_alarms` was fitted.

References
----------
.. [1] A. C. Popescu, H. Farid, "Exposing digital forgeries by detecting traces of resampling", IEEE Trans. Signal
       Processing 53(2), 2005,
   doi:10.1109/TSP.2004.839932.
.. [2] M. Kirchner, "Fast and reliable resampling detection by spectral analysis of fixed linear predictor residue",
       MM&Sec 2008,
   doi:10.1145/1411328.1411333.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from forensics_features import _enlargement_kernels as _kernels

LEAST, MOST = 1.02, 4.0
"""Smallest and largest factor that is looked for in a whole picture."""
LEAST_CROP = 1.06
"""Smallest factor that is looked for in a crop: a segment of `CROP_SEGMENT` has ten missing dimensions there."""
SHORTEST = 64
"""Axes shorter than this, in pixels, are not asked."""


class Kernel(NamedTuple):
    """An interpolation kernel: a piecewise cubic with parameters B and C (radius 1: the triangle), or a windowed sine.

    Mitchell & Netravali, SIGGRAPH 1988, doi:10.1145/54852.378514, for B and C; `cubic -a` is B = 0, C = a.
    """

    name: str
    kind: int
    b: float
    c: float
    radius: int


BILINEAR = Kernel("bilinear", _kernels.CUBIC, 0.0, 0.0, 1)
CUBIC = Kernel("cubic -0.5", _kernels.CUBIC, 0.0, 0.5, 2)
SHARP_CUBIC = Kernel("cubic -0.75", _kernels.CUBIC, 0.0, 0.75, 2)
LANCZOS_3 = Kernel("Lanczos 3", _kernels.LANCZOS, 0.0, 0.0, 3)
KERNELS = (
    BILINEAR,
    CUBIC,
    Kernel("cubic -0.6", _kernels.CUBIC, 0.0, 0.6, 2),
    SHARP_CUBIC,
    Kernel("cubic -1", _kernels.CUBIC, 0.0, 1.0, 2),
    Kernel("Mitchell", _kernels.CUBIC, 1 / 3, 1 / 3, 2),
    Kernel("B-spline", _kernels.CUBIC, 1.0, 0.0, 2),
    Kernel("Lanczos 2", _kernels.LANCZOS, 0.0, 0.0, 2),
    LANCZOS_3,
    Kernel("Lanczos 4", _kernels.LANCZOS, 0.0, 0.0, 4),
)
"""Pillow: bilinear, cubic -0.5, Lanczos 3; OpenCV: bilinear, cubic -0.75, Lanczos 4; swscale: cubic -0.6; Mitchell:
ImageMagick, Skia; splines: scikit-image.
"""
COMMON = (BILINEAR, CUBIC, SHARP_CUBIC, LANCZOS_3, KERNELS[-1])
"""The default kernels of Pillow and OpenCV; where others give a picture back as well, these are told."""
TRIED = (BILINEAR, SHARP_CUBIC, LANCZOS_3)
"""Kernels of the first pass over all lengths; the others leave a dip under one of these."""
CENTRES, CORNERS, FREE = "centres", "corners", "free"
"""Alignments: pixels are squares whose outer edges meet, or points whose first and last meet; a crop's are free."""
SEGMENT, LINES, WHOLE_LINES, LONGEST = 384, 12, 24, 4096
"""Samples and lines of the first pass; lines and most samples of the second."""
CROP_SEGMENT, CROP_LINES = 192, 16
"""Samples and lines of the first pass over slopes and offsets of crops."""
ENOUGH = 256
"""Missing dimensions from which more do not raise the score: what departs from the null model does not shrink with
their number.
"""
ROUNDING, UNEVEN, DIVERSE = 0.7, 3.0, 8.0
"""From these on a score is lowered: `Axis.ordinary` (0.43 to 0.76 in nine of ten enlarged training pictures, above 0.87
in JPEGs, demosaicked and plain ones that reach a score of 3.5 without), the median residual over the square of what
that quantile says of it, and `Axis.diversity` (6 to 22, waves 1 to 4)."""
WORTH_A_LOOK = 4.0
"""Depth of a dip in the first pass, in units of the score, from which it is tried on whole lines."""
FOUND_SCORE, SUPPORTING_SCORE = 6.0, 1.5
"""Score from which an enlargement is told, of one axis or of two that were enlarged alike (root of the sum of squares),
and the least of the weaker one then.
"""
TAIL = (0.0, 0.55)
"""Score at which the number of false alarms of a picture is 1, and its decades a unit of score. Of 780 axes of training
and validation crops (as they are, demosaicked, JPEG, WebP, halved chroma, reduced) 1.5 % reach 2 and none 3.2: the line
lies above that everywhere."""
LEAST_RATE = -4.0
"""What the line is trusted to, in decades."""
_ROUNDED_FROM, _UNROUNDED_UP_TO = 1.3, 1.08
"""Ratio of the two axes' residuals from which samples were rounded between the passes, and from which that is open; no
record of the statistic that set it."""
CROP_FOUND_SCORE = 8.0
"""As `FOUND_SCORE`, of both axes of a crop together: slope and offset are free, ten times as many are tried."""
CROP_WORTH_A_LOOK = 6.0
"""As `WORTH_A_LOOK`, of crops: of 21 enlarged training crops 19 lie above it, of as many others 4."""
_SLOPE_STEP, _OFFSETS, _CROP_CANDIDATES, _LONGEST_CROP = 0.4, 5, 2, 1024
"""Of crops: step of the slope in samples over a segment, offsets a sample, candidates that are refined, samples of the
longest segment: a bound on work."""
_HOPELESS = 1.5
"""Score below which a candidate is given up: a bound on work."""
_CLOSE = 0.6
"""Share of the best contrast from which another kernel is a rival; no record of the statistic that set it."""
_RARE = 1.05
"""Factor by which a kernel outside `COMMON` has to give the picture back better; no record of the statistic that set
it."""
_RIVAL, _PATCH, _RIM = 1.5, 192, 16
"""Ratio to the least residual within which hypotheses are tried on patches; their side and the rim left out, in
pixels."""
_CHUNK = 128
"""Lines that are solved at a time: a bound on memory."""
BLOCKS = 1.35
"""Least of `Axis.blocks` over the residual: coarse JPEG and WebP reach 1.15; smooth training pictures enlarged by 2,
4/3 and 8/7 have 1.67 and more.
"""
_CANDIDATES = 6
"""Lengths of the first pass that are tried on whole lines: a bound on work."""
_RIDGE = 1e-6
"""Added to the diagonal of normal equations: a numerical guard."""
_NEARBY = 12
"""Lengths on either side that a dip is compared with; no record of the statistic that set it."""
_PHASES = 512
"""Phases at which a kernel is tabulated, with linear interpolation between: a matter of speed."""
_FLOOR = 2e-3
"""Added to residuals, levels squared, before their logarithm: a fortieth of rounding."""


class Axis(NamedTuple):
    """What one axis was enlarged from.

    Attributes
    ----------
    old, new : int
        Lengths in pixels; of a crop those of what is there.
    kernel : Kernel
    alignment : str
        `CENTRES`, `CORNERS` or `FREE`.
    slope, offset : float
        Output i lies at input place slope * i + offset; 1 / slope is the factor.
    contrast : float
        Median over lines of ln(residual of lengths nearby / residual).
    residual : float
        Median variance per missing dimension, levels squared.
    missing : int
        Missing dimensions of a line.
    ordinary : float
        90 % quantile of the residual's size over what its energy would be were all dimensions missing, levels: 0.5 for
        rounding.
    diversity : float
        Effective number of different lines: their number over the mean squared correlation of their second differences.
    blocks : float
        What `residual` would be were the lines blocks of a codec without their highest frequencies; infinite where none
        has such a number of them.
    """

    old: int
    new: int
    kernel: Kernel
    alignment: str
    slope: float
    offset: float
    contrast: float
    residual: float
    missing: int
    ordinary: float = ROUNDING
    diversity: float = DIVERSE
    blocks: float = math.inf

    @property
    def score(self) -> float:
        """The contrast, weighed by the dimensions it was seen in, and less where the residual is not rounding's or all
        lines are alike.

        Blocks of a JPEG that keep seven of eight frequencies look like seven samples made eight: there the residual is
        nothing in most places and large in a few. A picture of one or two waves is as predictable as an enlarged one:
        there all lines are alike.
        """
        if not self.ordinary > 0 or self.blocks < BLOCKS * self.residual:
            return 0.0
        uneven = self.residual * (1.645 / self.ordinary) ** 2
        weight = min(1.0, (ROUNDING / self.ordinary) ** 2) * min(1.0, UNEVEN / max(uneven, 1e-9))
        return self.contrast * math.sqrt(min(self.missing, ENOUGH)) * weight * min(1.0, self.diversity / DIVERSE)


def places(old: int, new: int, alignment: str) -> tuple[float, float]:
    """Slope and offset of the places of outputs among the inputs."""
    if alignment == CORNERS:
        return (old - 1) / (new - 1), 0.0
    return old / new, 0.5 * old / new - 0.5


def telling_lines(plane: np.ndarray, number: int, longest: int) -> tuple[np.ndarray, int]:
    """Rows with much detail and little clipping, one from each of `number` strips, less their means, and where they
    start.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width)]
        Samples of 0..255.
    number, longest : int
        Rows, and most samples of each, from the middle.

    Returns
    -------
    np.ndarray [shape=(length, rows), dtype=float64], int
    """
    height, width = plane.shape
    length = min(width, longest)
    start = (width - length) // 2
    rows = np.arange(0, height, max(1, height // (number * 8)))
    part = plane[rows, start : start + length].astype(np.float32)
    detail = np.minimum(np.abs(part[:, 2:] - 2 * part[:, 1:-1] + part[:, :-2]), 16).mean(axis=1)
    clipped = ((part <= 0) | (part >= 255)).mean(axis=1)
    score = detail / (1 + 50 * clipped)
    strips = np.array_split(np.arange(len(rows)), min(number, len(rows)))
    lines = part[[int(strip[np.argmax(score[strip])]) for strip in strips]].astype(np.float64)
    return np.ascontiguousarray((lines - lines.mean(axis=1, keepdims=True)).T), start


class Band(NamedTuple):
    """A resampling matrix and the factor of its normal equations; see `_enlargement_kernels`.

    Attributes
    ----------
    first : np.ndarray [shape=(m,), dtype=int64]
    weights : np.ndarray [shape=(m, taps), dtype=float64]
    lower : np.ndarray [shape=(n, taps), dtype=float64]
    """

    first: np.ndarray
    weights: np.ndarray
    lower: np.ndarray

    @classmethod
    def of_segment(cls, axis: Axis, start: int, length: int) -> Band:
        """That of output places `start` to `start + length - 1`, with all inputs that they touch."""
        radius = axis.kernel.radius
        at = axis.slope * start + axis.offset
        base = math.floor(at) - radius + 1
        n = math.floor(axis.slope * (length - 1) + at) - base + radius + 1
        return cls.of(axis.kernel, axis.slope, at - base, n, length, fold=True)

    @classmethod
    def of(cls, kernel: Kernel, slope: float, offset: float, n: int, m: int, *, fold: bool) -> Band:
        """That of m outputs at input places slope * i + offset of n inputs.

        Inputs beyond the ends are the end's own where `fold` (OpenCV), left out and the rest weighed more where not
        (Pillow).
        """
        first, weights = np.empty(m, np.int64), np.empty((m, 2 * kernel.radius))
        _kernels.fill_band(slope, offset, n, kernel.kind, kernel.b, kernel.c, kernel.radius, fold, first, weights)
        lower = np.empty((n, 2 * kernel.radius))
        _kernels.factor_normal(first, weights, _RIDGE, lower)
        return cls(first, weights, lower)

    def least_squares(self, outputs: np.ndarray) -> np.ndarray:
        """Inputs that explain outputs best: (m, lines) to (n, lines), float64."""
        out = np.empty((len(self.lower), outputs.shape[1]))
        _kernels.solve(np.ascontiguousarray(outputs, np.float64), self.first, self.weights, self.lower, out)
        return out

    def enlarged(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs of inputs: (n, lines) to (m, lines), float64, not rounded."""
        taps = range(self.weights.shape[1])
        return np.asarray(sum(self.weights[:, t, None] * inputs[self.first + t] for t in taps))


@cache
def _table(kernel: Kernel) -> np.ndarray:
    table = np.empty((_PHASES + 1, 2 * kernel.radius))
    _kernels.fill_table(kernel.kind, kernel.b, kernel.c, kernel.radius, table)
    return table


def log_residuals(
    samples: np.ndarray, start: float, kernel: Kernel, slopes: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Logarithm of the residual variance per missing dimension, levels squared, of every line for pairs of slope and
    offset.

    Parameters
    ----------
    samples : np.ndarray [shape=(length, lines), dtype=float64]
        Output places `start` to `start + length - 1` of every line.
    slopes, offsets : np.ndarray [shape=(pairs,), dtype=float64]

    Returns
    -------
    np.ndarray [shape=(pairs, lines), dtype=float64]
        Infinite where fewer than four dimensions are missing.
    """
    out = np.empty((len(slopes), samples.shape[1]))
    _kernels.scan(
        samples, float(start), np.ascontiguousarray(slopes), np.ascontiguousarray(offsets), _table(kernel), _RIDGE, out
    )
    return np.where(out < 0, np.inf, np.log(np.maximum(out, 0.0) + _FLOOR))


def _candidate_lengths(plane: np.ndarray) -> list[tuple[float, int, Kernel]]:
    """The deepest dips over all lengths, deepest first: depth, length, kernel."""
    from scipy.ndimage import median_filter

    new = plane.shape[1]
    samples, start = telling_lines(plane, LINES, SEGMENT)
    lengths = np.arange(math.ceil(new / MOST), int(new / LEAST) + 1)
    slopes = lengths / new
    found = []
    for kernel in TRIED:
        logs = np.minimum(log_residuals(samples, start, kernel, slopes, 0.5 * slopes - 0.5), 20.0)
        nearby = [median_filter(line, size=2 * _NEARBY + 1, mode="nearest") for line in np.ascontiguousarray(logs.T)]
        dips = np.median(logs - np.transpose(nearby), axis=1)
        missing = len(samples) * (1 - slopes) - 2 * kernel.radius
        dips *= np.sqrt(np.clip(missing, 0, ENOUGH))
        found += [(-float(dips[at]), int(lengths[at]), kernel) for at in np.argsort(dips)[:3]]
    return sorted(found, key=lambda candidate: -candidate[0])[:_CANDIDATES]


def whole_axis(plane: np.ndarray) -> Axis | None:
    """The best whole length of rows, however little it stands out; None where nothing stands out in the first pass.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width)]
        Samples of 0..255; transpose for columns.
    """
    new = plane.shape[1]
    if min(plane.shape) < SHORTEST:
        return None
    candidates = [c for c in _candidate_lengths(plane) if c[0] >= WORTH_A_LOOK]
    if not candidates:
        return None
    samples, start = telling_lines(plane, WHOLE_LINES, LONGEST)
    pairs = set()
    for _, length, kernel in candidates:
        for alignment in (CENTRES, CORNERS):
            near = [n for n in range(length - 2, length + 3) if n < new]
            logs = np.median(_at_lengths(samples, start, kernel, near, new, alignment), axis=1)
            pairs.add((near[int(np.argmin(logs))], alignment))
    first = [_axis(samples, start, kernel, *pair, new) for pair in sorted(pairs) for kernel in TRIED]
    best = max(first, key=lambda axis: axis.score)
    if best.score < _HOPELESS:
        return best
    axes = [_axis(samples, start, kernel, best.old, best.alignment, new) for kernel in KERNELS]
    best = max(axes, key=lambda axis: axis.score)
    rivals = [axis for axis in axes if axis[:2] == best[:2] and axis.contrast >= _CLOSE * best.contrast]
    return _verified(samples, start, min(rivals, key=lambda axis: axis.residual))


def _verified(samples: np.ndarray, start: int, axis: Axis) -> Axis:
    """The axis with what its residual and its lines are like."""
    residual = np.abs(samples - _predicted(samples, start, axis)) / math.sqrt(max(axis.missing, 1) / len(samples))
    detail = np.diff(samples, 2, axis=0)
    detail /= np.sqrt((detail**2).sum(axis=0) + 1.0)
    correlations = detail.T @ detail
    blocks = _block_residual(samples, axis)
    axis = axis._replace(blocks=blocks)
    diversity = float(np.trace(correlations)) ** 2 / max(float((correlations**2).sum()), 1e-9)
    return axis._replace(ordinary=float(np.quantile(residual, 0.9)), diversity=diversity)


def _block_residual(samples: np.ndarray, axis: Axis) -> float:
    """Median variance of the block frequencies that would be missing, were the lines blocks of a codec; infinite where
    no block has such a number.
    """
    from scipy.fft import dct

    best = math.inf
    for side in (8, 16, 32):
        kept = round(side * axis.slope)
        if abs(axis.slope - kept / side) * axis.new > 1.5 or not 0 < kept < side:
            continue
        high = dct(np.eye(side), axis=0, norm="ortho")[kept:]
        for phase in range(side):
            usable = (len(samples) - phase) // side * side
            blocks = samples[phase : phase + usable].reshape(-1, side, samples.shape[1])
            energy = np.einsum("fs,bsl->bfl", high, blocks) ** 2
            best = min(best, float(np.median(energy.mean(axis=(0, 1)))))
    return best


def _predicted(samples: np.ndarray, start: int, axis: Axis) -> np.ndarray:
    """The part of lines within the range of the resampling, the inputs that they touch free; same shape."""
    band = Band.of_segment(axis, start, len(samples))
    return band.enlarged(band.least_squares(samples))


def _at_lengths(
    samples: np.ndarray, start: int, kernel: Kernel, lengths: list[int], new: int, alignment: str
) -> np.ndarray:
    slopes, offsets = np.array([places(n, new, alignment) for n in lengths]).T
    return log_residuals(samples, start, kernel, slopes, offsets)


def _axis(samples: np.ndarray, start: int, kernel: Kernel, old: int, alignment: str, new: int) -> Axis:
    near = [n for k in (3, 5, 7, 9) for n in (old - k, old + k) if n < new]
    around = _at_lengths(samples, start, kernel, near, new, alignment)
    here = _at_lengths(samples, start, kernel, [old], new, alignment)[0]
    around = np.where(np.isfinite(around), around, np.nan)
    known = np.isfinite(around).any(axis=1)
    contrast = (
        float(np.median(np.median(around[known], axis=0) - here)) if known.any() and np.isfinite(here).all() else 0.0
    )
    slope, offset = places(old, new, alignment)
    missing = int(len(samples) * (1 - slope)) - 2 * kernel.radius
    residual = float(np.median(np.exp(here))) - _FLOOR
    return Axis(old, new, kernel, alignment, slope, offset, contrast, residual, max(missing, 0))


class Enlargement(NamedTuple):
    """A picture enlarged along one axis or both.

    Attributes
    ----------
    rows, columns : Axis or None
        What the height and the width were enlarged from; None for an axis that was not enlarged.
    log10_nfa : float
        Decimal logarithm of the number of false alarms; see `log10_false_alarms`.
    rounded_between : bool
        Whether samples were rounded to 8 bits between the passes along the two axes.
    rows_last : bool
        Whether the height was enlarged last (Pillow); it matters where samples were rounded between the passes.
    repeated : float
        Share of samples that enlarging the native picture again gives exactly, on the patches that chose the kernel.
    """

    rows: Axis | None
    columns: Axis | None
    log10_nfa: float
    rounded_between: bool = False
    rows_last: bool = True
    repeated: float = 0.0

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes that were enlarged."""
        return tuple(axis for axis in (self.rows, self.columns) if axis is not None)

    @property
    def passes(self) -> list[tuple[Axis, int]]:
        """The axes that were enlarged and their numbers in arrays, the last pass first."""
        both = [(self.rows, 0), (self.columns, 1)]
        return [(axis, at) for axis, at in (both if self.rows_last else both[::-1]) if axis is not None]


def told_plane(pixels: np.ndarray) -> np.ndarray:
    """The plane that is looked at, uint8: the grey samples or the green ones, not mixed, so that their rounding stays
    what it is.
    """
    from forensics_features.planes import to_rgb8

    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        pixels = pixels[:, :, 1]
    elif pixels.ndim == 3:
        pixels = pixels[:, :, 0]
    return pixels if pixels.dtype == np.uint8 else to_rgb8(pixels)[:, :, 0]


def find(pixels: np.ndarray) -> Enlargement | None:
    """What a picture was enlarged from; None where neither axis shows it.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
    """
    plane = told_plane(pixels)
    planes = (np.ascontiguousarray(plane.T), plane)
    rows, columns = (whole_axis(one) for one in planes)
    rows, columns = _completed(planes[0], rows, columns), _completed(planes[1], columns, rows)
    together = alike(rows, columns) and min(axis.score for axis in (rows, columns) if axis) >= SUPPORTING_SCORE
    score = math.hypot(rows.score, columns.score) if together and rows and columns else 0.0
    if rows and columns and score >= FOUND_SCORE:
        return settled(plane, Enlargement(rows, columns, log10_false_alarms(score)))
    found = [axis if axis is not None and axis.score >= FOUND_SCORE else None for axis in (rows, columns)]
    if not any(found):
        return _find_crop(*planes)
    best = max(axis.score for axis in found if axis)
    crop = _find_crop(*planes) if None in found else None
    if crop is not None and math.hypot(*(axis.score for axis in crop.axes)) > best:
        return crop
    return settled(plane, Enlargement(found[0], found[1], log10_false_alarms(best)))


def _find_crop(transposed: np.ndarray, plane: np.ndarray) -> Enlargement | None:
    """A crop of an enlarged picture: columns first, then rows at slopes nearby, or at any where they do not fit."""
    columns = crop_axis(plane)
    if columns is None or columns.score < SUPPORTING_SCORE:
        return None
    rows = crop_axis(transposed, near=columns.slope)
    if columns.score >= CROP_FOUND_SCORE and (rows is None or rows.score < SUPPORTING_SCORE):
        rows = crop_axis(transposed)
        rows = rows if rows is not None and rows.score >= CROP_FOUND_SCORE else None
    known = [axis for axis in (rows, columns) if axis is not None]
    score = math.hypot(*(axis.score for axis in known))
    if (rows is None and columns.score < CROP_FOUND_SCORE) or min(axis.score for axis in known) < SUPPORTING_SCORE:
        return None
    if score < CROP_FOUND_SCORE:
        return None
    return settled(plane, Enlargement(rows, columns, log10_false_alarms(score - CROP_FOUND_SCORE + FOUND_SCORE)))


def crop_axis(plane: np.ndarray, near: float | None = None) -> Axis | None:
    """The best slope and offset of rows that are a piece of longer ones; None where nothing stands out on a short
    segment.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width)]
        Samples of 0..255.
    near : float, optional
        A slope; only those within a fiftieth of it are tried.
    """
    new = plane.shape[1]
    if min(plane.shape) < SHORTEST:
        return None
    low, high = (1 / MOST, 1 / LEAST_CROP) if near is None else (near / 1.02, near * 1.02)
    segment = min(new, CROP_SEGMENT)
    samples, _ = telling_lines(plane, CROP_LINES, segment)
    slopes = np.arange(low, high, _SLOPE_STEP / segment)
    depths = []
    for kernel in (BILINEAR, SHARP_CUBIC):
        logs = _centred(samples, kernel, slopes, np.arange(_OFFSETS) / _OFFSETS)
        level = np.median(logs.reshape(len(slopes), -1), axis=1)
        depths.append(_smooth(level)[:, None] - logs)
    depth = np.maximum(*depths) * np.sqrt(np.clip(segment * (1 - slopes) - 4, 0, ENOUGH))[:, None]
    best: Axis | None = None
    for at in np.argsort(-depth.ravel())[:_CROP_CANDIDATES]:
        if depth.ravel()[at] < CROP_WORTH_A_LOOK:
            break
        axis = _refined(plane, float(slopes[at // _OFFSETS]), at % _OFFSETS / _OFFSETS)
        best = axis if best is None or axis.score > best.score else best
    return best


def _centred(samples: np.ndarray, kernel: Kernel, slopes: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Median over lines of the logarithm of the residual, by slope and by phase of the middle sample, (slopes,
    phases).
    """
    middle = (len(samples) - 1) / 2
    pairs = [(slope, 4096 + phase - slope * middle) for slope in slopes for phase in phases]
    first, second = np.array(pairs).T
    logs = np.minimum(log_residuals(samples, 0.0, kernel, first, second), 20.0)
    return np.asarray(np.median(logs, axis=1)).reshape(len(slopes), len(phases))


def _smooth(level: np.ndarray) -> np.ndarray:
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(level, size=2 * _NEARBY + 1, mode="nearest"))


def _refined(plane: np.ndarray, slope: float, phase: float) -> Axis:
    """A slope and a phase made finer on longer and longer segments about the middle, with the kernel that fits."""
    new = plane.shape[1]
    length, kernel = min(new, CROP_SEGMENT), CUBIC
    while True:
        samples, start = telling_lines(plane, CROP_LINES, length)
        for fine in (0.25, 0.1, 0.04):
            tried = []
            slopes = slope + np.arange(-3, 4) * fine / length
            phases = phase + np.arange(-3, 4) * fine / 2
            for kernel in (BILINEAR, CUBIC, SHARP_CUBIC, LANCZOS_3):
                logs = _centred(samples, kernel, slopes, phases)
                at = int(logs.argmin())
                tried.append((float(logs.min()), float(slopes[at // 7]), float(phases[at % 7]), kernel.name))
            _, slope, phase, name = min(tried)
        offset = 4096 + phase - slope * ((length - 1) / 2 + start)
        if length == min(new, _LONGEST_CROP) or (
            length == CROP_SEGMENT and _free_axis(samples, start, CUBIC, slope, offset, new).score < _HOPELESS
        ):
            break
        length = min(2 * length, new, _LONGEST_CROP)
    kernel = next(one for one in KERNELS if one.name == name)
    lines, start = telling_lines(plane, WHOLE_LINES, LONGEST)
    return _verified(lines, start, _free_axis(lines, start, kernel, slope, offset - math.floor(offset), new))


def _free_axis(samples: np.ndarray, start: int, kernel: Kernel, slope: float, offset: float, new: int) -> Axis:
    """An axis whose inputs begin where its first output does, measured against slopes nearby."""
    steps = np.array([k for j in (3, 5, 7, 9) for k in (j, -j)])
    middle = start + (len(samples) - 1) / 2
    slopes = slope + steps / new
    around = log_residuals(samples, start, kernel, slopes, offset + 0.5 - (slopes - slope) * middle)
    around = np.concatenate([around, log_residuals(samples, start, kernel, slopes, offset - (slopes - slope) * middle)])
    here = log_residuals(samples, start, kernel, np.array([slope]), np.array([offset]))[0]
    around = np.where(np.isfinite(around), around, np.nan)
    known = np.isfinite(around).any(axis=1)
    contrast = (
        float(np.median(np.median(around[known], axis=0) - here)) if known.any() and np.isfinite(here).all() else 0.0
    )
    old = math.floor(slope * (new - 1) + offset) + 1
    missing = max(int(len(samples) * (1 - slope)) - 2 * kernel.radius - 2, 0)
    residual = float(np.median(np.exp(here))) - _FLOOR
    return Axis(old, new, kernel, FREE, slope, offset, contrast, residual, missing)


def alike(one: Axis | None, other: Axis | None) -> bool:
    """Whether both axes were enlarged by one factor, as far as whole lengths allow."""
    if one is None or other is None:
        return False
    return abs(one.slope - other.slope) <= 1.0 / one.new + 1.0 / other.new


def _completed(plane: np.ndarray, axis: Axis | None, other: Axis | None) -> Axis | None:
    """The axis, or where it does not stand out and the other one does, this axis at the other's factor."""
    if (
        other is None
        or other.score < FOUND_SCORE
        or (axis is not None and (axis.score >= FOUND_SCORE or alike(axis, other)))
    ):
        return axis
    new = plane.shape[1]
    samples, start = telling_lines(plane, WHOLE_LINES, LONGEST)
    near = round(new * other.slope)
    kernels = [other.kernel] if other.missing > 20 else KERNELS
    tried = [
        _axis(samples, start, k, n, other.alignment, new)
        for n in (near - 1, near, near + 1)
        for k in kernels
        if n < new
    ]
    best = _verified(samples, start, max(tried, key=lambda one: one.score))
    return best if axis is None or best.score > axis.score else axis


def log10_false_alarms(score: float) -> float:
    """Decimal logarithm of how many pictures that were not enlarged reach a score, of one picture; see `TAIL`."""
    level, decades = TAIL
    return max(LEAST_RATE, min(0.0, (level - score) * decades))


def settled(plane: np.ndarray, enlargement: Enlargement) -> Enlargement:
    """The enlargement with the kernel, alignment and rounding that give the picture back best.

    Near a factor of 1 and at 2 the ranges of two kernels are nearly one; what they make of it is not: native samples
    are whole numbers under the right one only. Those whose residual comes within `_RIVAL` of the least are tried: a
    patch is undone, rounded, enlarged again and compared.
    """
    patches = _patches(plane)
    best, least = enlargement, math.inf
    rivals = _rivals(plane, enlargement)
    ways = [(rounded, last) for rounded in _roundings(rivals[0]) for last in ((True, False) if rounded else (True,))]
    for one in rivals:
        for rounded, rows_last in ways:
            tried = one._replace(rounded_between=rounded, rows_last=rows_last)
            errors = [_again(patch, place, tried) for patch, place in patches]
            error = sum(error for error, _ in errors) * (1.0 if one.axes[0].kernel in COMMON else _RARE)
            if error < least:
                best, least = tried._replace(repeated=sum(share for _, share in errors) / len(errors)), error
    return best


def _roundings(enlargement: Enlargement) -> tuple[bool, ...]:
    """Whether samples were rounded between the passes, as the residuals tell: the first pass then leaves more than the
    last; both where that is open.
    """
    residuals = sorted(axis.residual for axis in enlargement.axes)
    if len(residuals) < 2:
        return (False,)
    ratio = residuals[1] / max(residuals[0], _FLOOR)
    return (True,) if ratio > _ROUNDED_FROM else (False, True) if ratio > _UNROUNDED_UP_TO else (False,)


def _rivals(plane: np.ndarray, enlargement: Enlargement) -> list[Enlargement]:
    """The enlargement with all kernels and alignments that explain the lines nearly as well as the best, which comes
    first.
    """
    lines = [telling_lines(one, WHOLE_LINES, LONGEST) for one in (np.ascontiguousarray(plane.T), plane)]
    tried = []
    free = any(axis.alignment == FREE for axis in enlargement.axes)
    for kernel in KERNELS:
        for alignment in (FREE,) if free else (CENTRES, CORNERS):
            axes = [
                axis and _with_kernel(*samples, axis, kernel, alignment)
                for axis, samples in zip((enlargement.rows, enlargement.columns), lines, strict=True)
            ]
            cost = sum(math.log(axis.residual + _FLOOR) for axis in axes if axis)
            tried.append((cost, enlargement._replace(rows=axes[0], columns=axes[1])))
    tried.sort(key=lambda rival: rival[0])
    return [one for cost, one in tried if cost <= tried[0][0] + _RIVAL * len(enlargement.axes)]


def _with_kernel(samples: np.ndarray, start: int, axis: Axis, kernel: Kernel, alignment: str) -> Axis:
    if alignment == FREE:
        other = _free_axis(samples, start, kernel, axis.slope, axis.offset, axis.new)
    else:
        other = _axis(samples, start, kernel, axis.old, alignment, axis.new)
    return other._replace(ordinary=axis.ordinary, diversity=axis.diversity)


def _patches(plane: np.ndarray) -> list[tuple[np.ndarray, tuple[int, int]]]:
    """Two patches near corners of the picture, where alignments differ most, with much detail and little clipping, and
    their places.
    """
    height, width = plane.shape
    tall, wide = min(height, _PATCH), min(width, _PATCH)
    found = {}
    for top in {0, height - tall, (height - tall) // 4}:
        for left in {0, width - wide, (width - wide) // 4}:
            patch = plane[top : top + tall, left : left + wide].astype(np.float64)
            clipped = float(((patch <= 0) | (patch >= 255)).mean())
            detail = float(np.minimum(np.abs(np.diff(patch, 2, axis=1)), 16).mean())
            found[top, left] = (detail / (1 + 20 * clipped), patch)
    return [(found[place][1], place) for place in sorted(found, key=lambda place: -found[place][0])[:2]]


def _again(patch: np.ndarray, place: tuple[int, int], enlargement: Enlargement) -> tuple[float, float]:
    """Mean squared difference and share of equal samples of a patch and what it becomes undone, rounded and enlarged
    again.
    """
    bands = [(Band.of_segment(axis, place[at], patch.shape[at]), at) for axis, at in enlargement.passes]
    values = patch
    for band, at in bands:
        values = band.least_squares(values) if at == 0 else band.least_squares(values.T).T
        values = np.rint(values) if enlargement.rounded_between else values
    values = np.clip(np.rint(values), 0, 255)
    for band, at in reversed(bands):
        values = band.enlarged(values) if at == 0 else band.enlarged(values.T).T
        values = np.rint(values) if enlargement.rounded_between else values
    inner = tuple(slice(_RIM, -_RIM) for _ in range(2))
    apart = np.clip(np.rint(values), 0, 255)[inner] - patch[inner]
    return float(np.mean(np.minimum(apart**2, 16.0))), float(np.mean(apart == 0))


def undo(pixels: np.ndarray, enlargement: Enlargement) -> np.ndarray:
    """The native picture: least squares along each axis, the last pass first, rounded to whole levels.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, channels), dtype=uint8]
    enlargement : Enlargement

    Returns
    -------
    np.ndarray [shape=(rows.old, columns.old[, channels]), dtype=uint8]
    """
    channels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    planes = [_undone(channels[:, :, k], enlargement) for k in range(channels.shape[2])]
    native = np.stack(planes, axis=-1)
    return native[:, :, 0] if pixels.ndim == 2 else native


def _undone(plane: np.ndarray, enlargement: Enlargement) -> np.ndarray:
    values = plane.astype(np.float64)
    for axis, at in enlargement.passes:
        values = _least_squares(values, axis, at)
        if enlargement.rounded_between:
            values = np.clip(np.rint(values), 0, 255)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _least_squares(values: np.ndarray, axis: Axis, at: int) -> np.ndarray:
    """Inputs along one axis of a plane, in chunks of lines."""
    lines = values if at == 0 else values.T
    band = _whole_band(axis, lines)
    chunks = [
        band.least_squares(np.ascontiguousarray(lines[:, k : k + _CHUNK])) for k in range(0, lines.shape[1], _CHUNK)
    ]
    solved = np.concatenate(chunks, axis=1)
    if axis.alignment == FREE:  # inputs before the first output's place and behind the last one's are hardly told
        solved = solved[axis.kernel.radius - 1 :][: axis.old]
    return solved if at == 0 else np.ascontiguousarray(solved.T)


def _whole_band(axis: Axis, lines: np.ndarray) -> Band:
    """The matrix of a whole axis; its ends as they fit the lines better."""
    some = np.ascontiguousarray(lines[:, :: max(1, lines.shape[1] // WHOLE_LINES)], dtype=np.float64)
    if axis.alignment == FREE:
        return Band.of_segment(axis, 0, axis.new)
    bands = [Band.of(axis.kernel, axis.slope, axis.offset, axis.old, axis.new, fold=fold) for fold in (False, True)]
    return min(bands, key=lambda band: float(((band.enlarged(band.least_squares(some)) - some) ** 2).sum()))
