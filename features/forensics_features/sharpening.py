"""Was a picture sharpened by a linear filter? The kernel and the amount, how sure that is, and the samples before it.

Unsharp masks and sharpening kernels are y = x + a (x - b * x), rounded, with a low-pass kernel b. In the frequency
domain that is a product with H = 1 + a (1 - B) >= 1, so that dividing by it makes rounding noise smaller, not larger
[1]_. Where x were whole numbers (as a decoder leaves them), the quotient lies near whole numbers, if, and only if, b
and a are right: the mean of exp(2 pi i x) over the samples that the filter changed is then far from 0. A wrong filter
leaves fractions that are as good as uniform, and the mean of n of them has a magnitude of about 1 / sqrt(n). That holds
where the changes themselves are spread smoothly; so samples fade in with their change (`CHANGED`), since a limit would
leave more fractions just above it than below.

Amounts and widths are tried on a small part of the picture, the best on larger ones. Ends of the picture are mirrored
(a cosine transform diagonalises the filter), clipped samples do not count.

References
----------
.. [1] G. Cao, Y. Zhao, R. Ni, A. C. Kot, "Unsharp masking sharpening detection via overshoot artifacts analysis", IEEE
       Signal Processing Letters 18(10), 2011, doi:10.1109/LSP.2011.2164791: sharpening as a filter of this form.
.. [2] P. Gwosdek, S. Grewenig, A. Bruhn, J. Weickert, "Theoretical foundations of Gaussian convolution by extended box
       filtering", SSVM 2011, doi:10.1007/978-3-642-24785-9_38: the Gaussian of Pillow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

CHANGED = 1.5
"""Levels by which the filter must have moved a sample for it to count by 1 - exp(-1/2): where it moved none, every
filter fits.
"""
MARGIN = 4
"""Samples at the picture's ends that do not count: programs continue pictures in their own ways."""
CLIPPED = (3, 252)
"""Samples outside this range, and their neighbours, may be clipped and do not count."""
LEAST_CHANGE = 2.0
"""Levels by which the samples must have moved on average, weighted so: where changes are fractions of a level, their
own distribution is no uniform one of fractions. If their density falls by e in b levels, a wrong filter leaves a mean
of (1 + (2 pi b)^2)^(-3/2), and this average is 3 b: 0.013 at 2.
"""
FEWEST = 400
"""Changed samples under which nothing is said."""
COARSE, FINE = 112, 288
"""Sides of the parts that are tried first and last."""
WIDTHS = np.geomspace(0.35, 4.5, 22)
"""Standard deviations of Gaussians that are tried, in pixels."""
AMOUNTS = np.geomspace(0.12, 6.0, 30)
"""Amounts that are tried."""
KEPT = 6
"""Filters of the first trial that are refined."""
STEPS = (0.06, 0.03, 0.015, 0.007, 0.003)
"""Relative steps of the refinement."""
HOPELESS = 4.0
"""Score under which a filter is refined no further: chance gives it to one of the filters that are tried."""
TURNS = 4
"""Of the estimate of clipped samples."""

TRIED = (len(WIDTHS) + 2) * len(AMOUNTS) * 2
"""Filters tried, those of the refinement included, as far as they differ."""
LEAST_SCORE = 20.0
"""Least score of a filter that is clear. With the two limits below, 26 of 29 validation pictures sharpened by SciPy's
Gaussian are clear (the others: amounts of 0.25 and 0.3, and a flat drawing), 4 of 27 by Pillow's `UnsharpMask`, and of
240 others 11: three that ended so after another step, eight of few levels, flat blocks or a scarce touch of colour.
"""
LEAST_OF_EXPECTED, MOST_OF_EXPECTED = 0.6, 1.3
"""Shares of the fit expected after two roundings, and after one, that the fit lies between: less is a filter that only
resembles the true one, more are samples whose levels lie on a lattice by themselves (palettes, posterised pictures)."""
LEAST_REPEATED = 0.6
"""Least share of samples that come out the same again; masks with a threshold give less."""


@dataclass(frozen=True)
class Sharpening:
    """A sharpening filter y = x + amount (x - b * x).

    Attributes
    ----------
    kernel : str
        The low-pass kernel b: `gaussian`, `box` (three passes of an extended box, as Pillow's Gaussian), or a
        fixed one of all or the four nearest neighbours, `ring 3x3` or `cross 3x3`.
    sigma : float
        Standard deviation of a `gaussian` or `box`, in pixels; 0 for a fixed kernel.
    amount : float
    offset : float
        Of the quotient from whole numbers, -0.75 to 0.25: 0 where the program rounded, -0.5 where it cut off.
    fit : float
        Magnitude of the mean phase of the changed samples, 0..1; 1 where all of them are whole numbers.
    samples : int
        Changed samples, as many as their weights are worth.
    repeated : float
        Share of samples that come out the same when it is undone and done again, 0..1.
    """

    kernel: str
    sigma: float
    amount: float
    offset: float
    fit: float
    samples: int
    repeated: float

    @property
    def score(self) -> float:
        """`fit` in units of what chance gives."""
        return self.fit * math.sqrt(self.samples)

    def expected_fit(self, *, twice: bool) -> float:
        """What `fit` would be if the result, or the low-pass part too (`twice`), were rounded to whole numbers."""
        low = low_pass(self.kernel, self.sigma, (FINE, FINE))
        left = float(np.mean(1 / np.square(gain_of(low, self.amount))))
        return math.exp(-2 * math.pi**2 * (1 + self.amount**2 * twice) / 12 * left)

    @property
    def log10_nfa(self) -> float:
        """Decimal logarithm of the number of false alarms: filters tried times the chance that n uniform phases have a
        mean of that magnitude, exp(-n fit^2).
        """
        return math.log10(TRIED) - self.score**2 / math.log(10)

    @property
    def clear(self) -> bool:
        """Whether the picture was sharpened by this filter, as far as can be said."""
        return (
            self.score >= LEAST_SCORE
            and LEAST_OF_EXPECTED * self.expected_fit(twice=True) <= self.fit
            and self.fit <= MOST_OF_EXPECTED * self.expected_fit(twice=False)
            and self.repeated >= LEAST_REPEATED
        )


_FIXED = {
    "ring 3x3": np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]) / 8,
    "cross 3x3": np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4,
}
"""Kernels of 3x3 filters. The middle may weigh anything, which only scales the amount: Pillow's SHARPEN is a ring of
amount 1, its `ImageEnhance.Sharpness` of f one of 8/13 (f - 1), the Laplacian's cross one of amount 4.
"""


def low_pass(kernel: str, sigma: float, shape: tuple[int, int]) -> np.ndarray:
    """Eigenvalues of a low-pass kernel under the cosine transform of a part, `np.ndarray [shape=shape]`."""
    angles = [np.pi * np.arange(side) / side for side in shape]
    if kernel in _FIXED:
        b = _FIXED[kernel]
        waves = [np.stack([np.ones_like(angle), 2 * np.cos(angle)]) for angle in angles]
        return np.einsum("ij,ix,jy->xy", b[1:, 1:], waves[0], waves[1])
    along = _gaussian if kernel == "gaussian" else _extended_box
    return np.multiply.outer(along(sigma, angles[0]), along(sigma, angles[1]))


def gain_of(low: np.ndarray, amount: float) -> np.ndarray:
    """The filter's eigenvalues, 1 or more, from those of its low-pass kernel."""
    return np.asarray(1 + amount * (1 - low))


def _gaussian(sigma: float, angles: np.ndarray) -> np.ndarray:
    taps = np.arange(1, math.ceil(4 * sigma) + 2)
    weights = np.exp(-(taps**2) / (2 * sigma**2))
    return (1 + 2 * weights @ np.cos(np.multiply.outer(taps, angles))) / (1 + 2 * weights.sum())


def _extended_box(sigma: float, angles: np.ndarray) -> np.ndarray:
    """Three passes of a box with fractional ends [2]."""
    passes = 3
    length = math.sqrt(12 * sigma**2 / passes + 1)
    whole = math.floor((length - 1) / 2)
    end = (2 * whole + 1) * (whole * (whole + 1) - 3 * sigma**2 / passes)
    end /= 6 * (sigma**2 / passes - (whole + 1) ** 2)
    inner = 1 + 2 * np.cos(np.multiply.outer(np.arange(1, whole + 1), angles)).sum(axis=0)
    return ((inner + 2 * end * np.cos((whole + 1) * angles)) / (2 * whole + 1 + 2 * end)) ** passes


class _Part:
    """A part of the green plane with its cosine transform."""

    def __init__(self, plane: np.ndarray) -> None:
        from scipy.fft import dctn
        from scipy.ndimage import maximum_filter

        self.samples = plane.astype(np.float32)
        self.waves = dctn(self.samples, type=2)
        clipped = (plane < CLIPPED[0]) | (plane > CLIPPED[1])
        self.counted = ~maximum_filter(clipped, 3)
        self.counted[:MARGIN] = self.counted[-MARGIN:] = False
        self.counted[:, :MARGIN] = self.counted[:, -MARGIN:] = False

    def before(self, low: np.ndarray, amount: float) -> np.ndarray:
        """What the filter would have been given."""
        from scipy.fft import idctn

        return np.asarray(idctn(self.waves / gain_of(low, amount).astype(np.float32), type=2))

    def phase(self, low: np.ndarray, amount: float) -> tuple[complex, int]:
        """The mean phase of the changed samples, and how many these are."""
        before = self.before(low, amount)
        change = before - self.samples
        weights = -np.expm1(np.square(change) * np.float32(-0.5 / CHANGED**2)) * self.counted
        total = float(weights.sum(dtype=np.float64))
        if total < FEWEST or float(np.vdot(weights, np.abs(change))) < LEAST_CHANGE * total:
            return 0j, 0
        turns = before * np.float32(2 * np.pi)
        mean = complex(float(np.vdot(weights, np.cos(turns))), float(np.vdot(weights, np.sin(turns)))) / total
        return mean, int(total**2 / float(np.vdot(weights, weights)))

    def score(self, low: np.ndarray, amount: float) -> float:
        mean, count = self.phase(low, amount)
        return abs(mean) * math.sqrt(count)


def find(pixels: np.ndarray) -> Sharpening | None:
    """The sharpening filter that fits a picture best, whether it was sharpened or not; None where nothing can be said.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8]

    Returns
    -------
    Sharpening or None
        None where too few samples would have changed. `score` tells how sure it is.
    """
    from forensics_features.enlargement import judged_plane

    plane = judged_plane(pixels)
    if min(plane.shape) < 2 * MARGIN + 24:
        return None
    part = _Part(_central(plane, COARSE, busiest=True))
    tried = [
        (part.score(low, amount), kernel, sigma, amount)
        for kernel, sigma in (*(("gaussian", float(width)) for width in WIDTHS), *((name, 0.0) for name in _FIXED))
        for low in (low_pass(kernel, sigma, part.samples.shape),)
        for amount in map(float, AMOUNTS)
    ]
    tried.sort(reverse=True)
    large = _Part(_central(plane, FINE, busiest=False))
    best = max((_refined(large, *one[1:]) for one in _apart(tried)), default=None)
    if best is None or best[0] <= 0:
        return None
    kernel, sigma, amount = best[1:]
    mean, count = large.phase(low_pass(kernel, sigma, large.samples.shape), amount)
    turn = math.atan2(mean.imag, mean.real) / (2 * math.pi)
    found = Sharpening(kernel, sigma, amount, turn - 1 if turn > 0.25 else turn, abs(mean), count, 0.0)
    return replace(found, repeated=_repeated(large, found))


def _apart(tried: list[tuple[float, str, float, float]]) -> list[tuple[float, str, float, float]]:
    """The best filters of a trial, of each kernel and width once."""
    kept: list[tuple[float, str, float, float]] = []
    for one in tried:
        if one[0] > 0 and all(one[1:3] != other[1:3] for other in kept):
            kept.append(one)
        if len(kept) == KEPT:
            break
    return kept


def _refined(part: _Part, kernel: str, sigma: float, amount: float) -> tuple[float, str, float, float]:
    """The best filter nearby, by smaller and smaller steps of width and amount; a Gaussian as the box that resembles it
    too.
    """
    kernels = ("gaussian", "box") if kernel == "gaussian" else (kernel,)
    return max(_climbed(part, name, sigma, amount) for name in kernels)


def _climbed(part: _Part, kernel: str, sigma: float, amount: float) -> tuple[float, str, float, float]:
    shape = part.samples.shape
    best = (part.score(low_pass(kernel, sigma, shape), amount), kernel, sigma, amount)
    for step in STEPS:
        moved = True
        while moved:
            moved = False
            for wider in (-step, 0.0, step) if sigma else (0.0,):
                width = best[2] * (1 + wider)
                low = low_pass(kernel, width, shape)
                for more in (-step, 0.0, step):
                    if (wider, more) == (0.0, 0.0):
                        continue
                    tried = (part.score(low, best[3] * (1 + more)), kernel, width, best[3] * (1 + more))
                    if tried[0] > best[0] * 1.0005:
                        best, moved = tried, True
            if step == STEPS[0] and best[0] < HOPELESS:
                return best
    return best


def _central(plane: np.ndarray, side: int, *, busiest: bool) -> np.ndarray:
    """A part of at most `side` samples a side: the one in the middle, or, of nine, the one with the most samples that
    are neither flat nor clipped.
    """
    height, width = (min(side, one) for one in plane.shape)
    tops, lefts = ((plane.shape[axis] - part) // 2 for axis, part in enumerate((height, width)))
    if not busiest:
        return plane[tops : tops + height, lefts : lefts + width]
    parts = [
        plane[top : top + height, left : left + width]
        for top in {0, tops, plane.shape[0] - height}
        for left in {0, lefts, plane.shape[1] - width}
    ]
    return max(parts, key=_busy)


def _busy(part: np.ndarray) -> int:
    inside = (part >= CLIPPED[0]) & (part <= CLIPPED[1])
    change = np.abs(np.diff(part.astype(np.int16), axis=1)) >= 2
    return int(np.count_nonzero(inside[:, 1:] & change))


def undo(pixels: np.ndarray, found: Sharpening) -> np.ndarray:
    """The samples before the filter, rounded; shape and dtype as given, an alpha channel as it is.

    What a clipped sample would have been is estimated in turns with what was before it.
    """
    gain = gain_of(low_pass(found.kernel, found.sigma, pixels.shape[:2]), found.amount).astype(np.float32)
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    made = planes.copy()
    for at in range(planes.shape[2] if planes.shape[2] not in (2, 4) else planes.shape[2] - 1):
        made[:, :, at] = np.clip(np.rint(_before(planes[:, :, at], gain, found.offset)), 0, 255)
    return made.reshape(pixels.shape)


def _before(plane: np.ndarray, gain: np.ndarray, offset: float) -> np.ndarray:
    from scipy.fft import dctn, idctn

    low, high = plane == 0, plane == 255
    samples = plane.astype(np.float32) - np.float32(offset)
    before = idctn(dctn(samples, type=2) / gain, type=2)
    if not (low.any() or high.any()):
        return np.asarray(before)
    for _ in range(TURNS):
        beyond = idctn(dctn(np.clip(before, 0, 255), type=2) * gain, type=2)
        samples[high] = np.maximum(beyond[high], 255)
        samples[low] = np.minimum(beyond[low], 0)
        before = idctn(dctn(samples, type=2) / gain, type=2)
    return np.asarray(before)


def redo(pixels: np.ndarray, found: Sharpening) -> np.ndarray:
    """The filter applied to one plane of 8 bits, `np.ndarray [shape=(h, w), dtype=uint8]`."""
    from scipy.fft import dctn, idctn

    gain = gain_of(low_pass(found.kernel, found.sigma, pixels.shape), found.amount)
    made = idctn(dctn(pixels.astype(np.float64), type=2) * gain, type=2)
    return np.clip(np.rint(made + found.offset), 0, 255).astype(np.uint8)


def _repeated(part: _Part, found: Sharpening) -> float:
    plane = np.rint(part.samples).astype(np.uint8)
    again = redo(undo(plane, found), found)
    rows = part.counted
    return float((again == plane)[rows].mean()) if rows.any() else 0.0
