"""Combs: the regular spacing that quantisation leaves in the histogram of a transform coefficient.

A coefficient quantised with step q lies near k*q (or (k + r)*q for a decoder that reconstructs with offset r). The
empirical characteristic function of the coefficient's magnitude, z(f) = mean exp(2 pi i f |c|), then peaks at f = 1/q
whatever r is, while a smooth distribution gives a smooth, falling |z|. What is measured is how far |z| stands above its
own value at neighbouring frequencies. Magnitudes below `CORE` are left out: the zero cell says nothing about spacing.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history", IEEE Trans. Image Processing 12(2),
   2003, doi:10.1109/TIP.2002.807361 (periodicity of DCT-coefficient histograms).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from forensics_features._kernel import fast_kernel, kernel

CORE = 1.25
"""Magnitudes below this belong to the zero cell and rounding noise, in units of the coefficient."""
FINE_BIN = 0.25
"""Bin width of the histogram, in units of the coefficient."""
BINS = 256
"""Number of bins: magnitudes up to BINS * FINE_BIN = 64 are counted."""
TRANSFORM = 1024
"""Frequencies are multiples of 1 / (TRANSFORM * FINE_BIN), as in a Fourier transform of a histogram padded to this
length.
"""
_FIRST = TRANSFORM * FINE_BIN / 40.0
_FREQUENCIES = np.arange(int(_FIRST), int(TRANSFORM * FINE_BIN * 0.8) + 1)
STEPS = TRANSFORM * FINE_BIN / _FREQUENCIES
"""Candidate quantisation steps, in units of the coefficient, falling from about 40 to 1.25."""
_LOWER = np.round(_FREQUENCIES * 0.78).astype(np.int64)
_UPPER = np.round(_FREQUENCIES * 1.22).astype(np.int64)
_CORE_BINS = int(CORE / FINE_BIN)


_ROWS = 4
"""Rows of the sums that are worked on at a time: a matter of registers and speed."""
_PASSES = 4
"""Terms that are summed in one pass: a matter of registers and speed."""
_WHOLE = 32
"""Steps are padded to multiples of it, so that loops have no rest: a matter of speed."""


@cache
def _waves() -> np.ndarray:
    """Cosine and sine of each frequency used at 1/2, 3/2, ... bins from the middle, `np.ndarray [shape=(2, BINS / 2,
    used), dtype=float32]`.

    A few frequencies more than needed fill whole vector registers.
    """
    used = np.arange(_LOWER[0], _LOWER[0] + -(-(_UPPER[-1] + 1 - _LOWER[0]) // _WHOLE) * _WHOLE)
    angle = 2 * np.pi * np.outer(np.arange(BINS // 2) + 0.5, used) / TRANSFORM
    return np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


@fast_kernel
def _fold(histogram: np.ndarray, core: int, half: int, even: np.ndarray, odd: np.ndarray) -> np.float32:
    """Sums and differences of the bins that mirror each other about bin `half`, without the core; the count."""
    total = np.float32(0)
    for k in range(half):
        upper = histogram[half + k] if half + k >= core else np.float32(0)
        lower = histogram[half - 1 - k] if half - 1 - k >= core else np.float32(0)
        even[k] = upper + lower
        odd[k] = upper - lower
        total += even[k]
    return total


@fast_kernel
def _add_waves(parts: np.ndarray, waves: np.ndarray, k: int, sums: np.ndarray) -> None:
    """sums[r] += sum over n < 4 of parts[r, k + n] waves[k + n]: four rows in one pass over the table."""
    a0, a1, a2, a3 = parts[0, k], parts[0, k + 1], parts[0, k + 2], parts[0, k + 3]
    b0, b1, b2, b3 = parts[1, k], parts[1, k + 1], parts[1, k + 2], parts[1, k + 3]
    c0, c1, c2, c3 = parts[2, k], parts[2, k + 1], parts[2, k + 2], parts[2, k + 3]
    d0, d1, d2, d3 = parts[3, k], parts[3, k + 1], parts[3, k + 2], parts[3, k + 3]
    for j in range(waves.shape[1]):
        w0, w1, w2, w3 = waves[k, j], waves[k + 1, j], waves[k + 2, j], waves[k + 3, j]
        sums[0, j] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3
        sums[1, j] += b0 * w0 + b1 * w1 + b2 * w2 + b3 * w3
        sums[2, j] += c0 * w0 + c1 * w1 + c2 * w2 + c3 * w3
        sums[3, j] += d0 * w0 + d1 * w1 + d2 * w2 + d3 * w3


@fast_kernel
def _spectra(
    histograms: np.ndarray,
    core: int,
    waves: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    first: int,
    parts: np.ndarray,
    sums: np.ndarray,
    contrast: np.ndarray,
    counts: np.ndarray,
) -> None:
    """|z| at `first` + k less its mean at lower[k] and upper[k], and the counts outside the core.

    |z| does not depend on where phase 0 is: with it in the middle of the populated bins, the cosine sees only the sums of
    mirrored bins and the sine only their differences, and the empty bins beyond are never looked at. `parts` and
    `sums` are working space of `_ROWS` rows, zero at first.
    """  # noqa: E501
    rows, bins = histograms.shape
    for start in range(0, rows, _ROWS):
        size = min(_ROWS, rows - start)
        end = core
        for r in range(start, start + size):
            last = bins
            while last > end and histograms[r, last - 1] == 0:
                last -= 1
            end = last
        half = (end + 2 * _PASSES - 1) // (2 * _PASSES) * _PASSES
        for r in range(size):
            counts[start + r] = _fold(histograms[start + r], core, half, parts[0, r], parts[1, r])
        for part in range(2):
            for k in range(0, half, _PASSES):
                _add_waves(parts[part], waves[part], k, sums[part])
        for r in range(size):
            count = counts[start + r]
            z = sums[0, r]
            other = sums[1, r]
            unit = np.float32(1) / count if count >= 8 else np.float32(0)
            for j in range(z.shape[0]):
                z[j] = unit * np.sqrt(z[j] * z[j] + other[j] * other[j])
            out = contrast[start + r]
            for k in range(out.shape[0]):
                out[k] = z[first + k] - np.float32(0.5) * (z[lower[k]] + z[upper[k]])
            for j in range(z.shape[0]):
                z[j] = 0
                other[j] = 0


def _spectrum(histograms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`comb_spectrum` and the counts outside the core, `np.ndarray [shape=(m,), dtype=float32]`."""
    rows = np.ascontiguousarray(np.atleast_2d(histograms), np.float32)
    counts = np.empty(len(rows), np.float32)
    contrast = np.empty((len(rows), len(STEPS)), np.float32)
    waves = _waves()
    parts = np.zeros((2, _ROWS, BINS // 2), np.float32)
    sums = np.zeros((2, _ROWS, waves.shape[2]), np.float32)
    first = _LOWER[0]
    _spectra(
        rows,
        _CORE_BINS,
        waves,
        _LOWER - first,
        _UPPER - first,
        int(_FREQUENCIES[0] - first),
        parts,
        sums,
        contrast,
        counts,
    )
    return contrast, counts


def comb_spectrum(histograms: np.ndarray) -> np.ndarray:
    """How far each candidate step stands out in each histogram.

    Parameters
    ----------
    histograms : np.ndarray [shape=(m, BINS), dtype=float32 or integer]
        Counts of |c| in bins of width `FINE_BIN`, first bin at 0.

    Returns
    -------
    np.ndarray [shape=(m, len(STEPS)), dtype=float32]
        |z(1/step)| less the mean of |z| at 0.78 and 1.22 times that frequency, in -1..1; rows with fewer than eight counts
        outside the core are 0.
    """  # noqa: E501
    return _spectrum(histograms)[0]


@kernel
def _strongest(contrast: np.ndarray, frequencies: np.ndarray, height: np.ndarray, fundamental: np.ndarray) -> None:
    """The greatest contrast of each row, and the place of the lowest frequency of which it is a harmonic.

    A comb of step q also peaks at q/2, q/3, ..., q never at 2q.
    """
    for i in range(contrast.shape[0]):
        row = contrast[i]
        peak = 0
        for k in range(1, row.shape[0]):
            if row[k] > row[peak]:
                peak = k
        found = peak
        for divisor in range(2, 6):
            index = int(np.rint(frequencies[peak] / divisor)) - frequencies[0]
            for near in range(max(index - 1, 0), index + 2):
                if row[near] > 0.5 * row[peak] and (found > near + 2 or row[near] > row[found]):
                    found = near
        height[i] = row[peak]
        fundamental[i] = found


def comb_peak(histograms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The strongest comb of each histogram: its contrast, its step, and the number of values it rests on.

    Shapes: `histograms` is (m, BINS); each result is `np.ndarray [shape=(m,), dtype=float32]`. Chance alone gives a
    contrast of about 2.5 / sqrt(count).
    """
    contrast, counts = _spectrum(histograms)
    height = np.empty(len(contrast), np.float32)
    best = np.empty(len(contrast), np.int64)
    _strongest(contrast, _FREQUENCIES, height, best)
    return height, STEPS[best].astype(np.float32), counts
