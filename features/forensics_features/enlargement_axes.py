"""Enlargement of one axis by a whole length: kernels, the matrix of an interpolation, the search over lengths; what is
measured stands in `enlargement`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from functools import cache
from threading import Lock
from typing import NamedTuple

import numpy as np

from forensics_features import _enlargement_kernels as _kernels

LEAST, MOST = 1.02, 4.0
"""Smallest and largest factor that is looked for in a whole picture."""


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
"""The default kernels of Pillow and OpenCV; where others give a picture back as well, these are named."""


TRIED = (BILINEAR, SHARP_CUBIC, LANCZOS_3)
"""Kernels of the first pass over all lengths; the others leave a dip under one of these."""


CENTRES, CORNERS, FREE = "centres", "corners", "free"
"""Alignments: pixels are squares whose outer edges meet, or points whose first and last meet; a crop's are free."""


SEGMENT, LINES, WHOLE_LINES, LONGEST = 384, 12, 24, 4096
"""Samples and lines of the first pass; lines and most samples of the second."""


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


HOPELESS = 1.5
"""Score below which a candidate is given up: a bound on work."""


_CLOSE = 0.6
"""Share of the best contrast from which another kernel is a rival. Of 36 enlarged validation pictures kernel and size
are read rightly in all, at 0.4, 0.8 and 1 as well; none of 12 others is called enlarged
(`forensics_benchmarks.thresholds`)."""


BLOCKS = 1.35
"""Least of `Axis.blocks` over the residual: coarse JPEG and WebP reach 1.15; smooth training pictures enlarged by 2,
4/3 and 8/7 have 1.67 and more.
"""


_CANDIDATES = 6
"""Lengths of the first pass that are tried on whole lines: a bound on work."""


_RIDGE = 1e-6
"""Added to the diagonal of normal equations: a numerical guard."""


NEARBY = 12
"""Lengths on either side that a dip is compared with; the answers on the 48 pictures of `_CLOSE` are the same with 6
and with 24 (`forensics_benchmarks.thresholds`)."""


_MANY, _TOGETHER = 100, 1700
"""Pairs from which and up to which their factors are kept: first passes have 150 and more, later ones 50 at most, and
axes of more than 2,300 pixels as many as would drive the others out. What lies beyond is tried in parts of this."""


_AT_ONCE = (16, 12)
"""Lines that are tried at once: a matter of registers and speed."""


_MOST_KEPT = 1 << 25
"""Bytes of factors that are kept: a bound on memory. Both axes of a picture of 0.4 megapixels and crops take 29 MiB."""


_PHASES = 512
"""Phases at which a kernel is tabulated, with linear interpolation between: a matter of speed."""


RESIDUAL_FLOOR = 2e-3
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


_Factors = tuple[np.ndarray, np.ndarray]
_kept: OrderedDict[tuple[object, ...], _Factors] = OrderedDict()
_keeping = Lock()


def _factors(m: int, start: float, kernel: Kernel, slopes: np.ndarray, offsets: np.ndarray, *, keep: bool) -> _Factors:
    """Inputs and factors of pairs, see `_enlargement_kernels.factor_pairs`, which know nothing of the samples: those of
    first passes are kept for the next picture, of the same size or of any where it is a crop's.
    """
    key = (m, start, kernel, slopes.tobytes(), offsets.tobytes()) if keep else ()
    with _keeping:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found
    counts = np.empty(len(slopes), np.int64)
    _kernels.count_inputs(m, start, slopes, offsets, kernel.radius, counts)
    kept = np.empty((int(counts.sum()), 2 * kernel.radius))
    _kernels.factor_pairs(m, start, slopes, offsets, _table(kernel), _RIDGE, counts, kept)
    if key:
        with _keeping:
            _kept[key] = counts, kept
            while sum(one.nbytes for _, one in _kept.values()) > _MOST_KEPT:
                _kept.popitem(last=False)
    return counts, kept


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
    lines = samples.shape[1]
    together = min(_AT_ONCE, key=lambda count: -lines % count)
    filled = np.pad(samples, [(0, 0), (0, -lines % together)])
    out = np.empty((len(slopes), filled.shape[1]))
    for at in range(0, len(slopes), _TOGETHER):
        pairs = [np.ascontiguousarray(part[at : at + _TOGETHER]) for part in (slopes, offsets)]
        counts, kept = _factors(len(samples), float(start), kernel, *pairs, keep=_MANY <= len(slopes) <= _TOGETHER)
        _kernels.scan(filled, float(start), *pairs, _table(kernel), counts, kept, together, out[at : at + _TOGETHER])
    out = out[:, :lines]
    return np.where(out < 0, np.inf, np.log(np.maximum(out, 0.0) + RESIDUAL_FLOOR))


def nearby_medians(values: np.ndarray) -> np.ndarray:
    """Medians over `NEARBY` places on either side along the first axis, the ends repeated; `np.ndarray [shape=(m,
    lines)]`, without NaN.
    """
    out = np.empty_like(values)
    _kernels.running_medians(values, NEARBY, out)
    return out


def _candidate_lengths(plane: np.ndarray) -> list[tuple[float, int, Kernel]]:
    """The deepest dips over all lengths, deepest first: depth, length, kernel."""
    new = plane.shape[1]
    samples, start = telling_lines(plane, LINES, SEGMENT)
    lengths = np.arange(math.ceil(new / MOST), int(new / LEAST) + 1)
    slopes = lengths / new
    found = []
    for kernel in TRIED:
        logs = np.minimum(log_residuals(samples, start, kernel, slopes, 0.5 * slopes - 0.5), 20.0)
        dips = np.median(logs - nearby_medians(logs), axis=1)
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
    first = [axis_of_length(samples, start, kernel, *pair, new) for pair in sorted(pairs) for kernel in TRIED]
    best = max(first, key=lambda axis: axis.score)
    if best.score < HOPELESS:
        return best
    axes = [axis_of_length(samples, start, kernel, best.old, best.alignment, new) for kernel in KERNELS]
    best = max(axes, key=lambda axis: axis.score)
    rivals = [axis for axis in axes if axis[:2] == best[:2] and axis.contrast >= _CLOSE * best.contrast]
    return verified(samples, start, min(rivals, key=lambda axis: axis.residual))


def verified(samples: np.ndarray, start: int, axis: Axis) -> Axis:
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
    from forensics_features.block_dct import dct_matrix

    best = math.inf
    for side in (8, 16, 32):
        kept = round(side * axis.slope)
        if abs(axis.slope - kept / side) * axis.new > 1.5 or not 0 < kept < side:
            continue
        high = dct_matrix(side)[kept:]
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


def axis_of_length(samples: np.ndarray, start: int, kernel: Kernel, old: int, alignment: str, new: int) -> Axis:
    """One length, kernel and alignment, measured against lengths nearby."""
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
    residual = float(np.median(np.exp(here))) - RESIDUAL_FLOOR
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
