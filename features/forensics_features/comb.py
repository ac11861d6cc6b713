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

import numpy as np
import scipy.fft

CORE = 1.25
"""Magnitudes below this belong to the zero cell and rounding noise, in units of the coefficient."""
FINE_BIN = 0.25
"""Bin width of the histogram, in units of the coefficient."""
BINS = 256
"""Number of bins: magnitudes up to BINS * FINE_BIN = 64 are counted."""
TRANSFORM = 1024
"""Length of the zero-padded Fourier transform of a histogram."""
_FIRST = TRANSFORM * FINE_BIN / 40.0
_FREQUENCIES = np.arange(int(_FIRST), int(TRANSFORM * FINE_BIN * 0.8) + 1)
STEPS = TRANSFORM * FINE_BIN / _FREQUENCIES
"""Candidate quantisation steps, in units of the coefficient, falling from about 40 to 1.25."""
_LOWER = np.round(_FREQUENCIES * 0.78).astype(np.int64)
_UPPER = np.round(_FREQUENCIES * 1.22).astype(np.int64)


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
    """
    tails = np.array(histograms, dtype=np.float32, ndmin=2)
    tails[:, : int(CORE / FINE_BIN)] = 0
    counts = tails.sum(axis=1)
    z = np.abs(scipy.fft.rfft(tails, TRANSFORM, axis=1)[:, : _UPPER[-1] + 1])
    z /= np.maximum(counts, 1)[:, None]
    contrast = z[:, _FREQUENCIES] - 0.5 * (z[:, _LOWER] + z[:, _UPPER])
    contrast[counts < 8] = 0
    return contrast.astype(np.float32)


def comb_peak(histograms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The strongest comb of each histogram: its contrast, its step, and the number of values it rests on.

    Shapes: `histograms` is (m, BINS); each result is `np.ndarray [shape=(m,), dtype=float32]`. Chance alone gives a contrast of
    about 2.5 / sqrt(count).
    """
    histograms = np.atleast_2d(histograms)
    contrast = comb_spectrum(histograms)
    best = _fundamental(contrast, contrast.argmax(axis=1))
    counts = histograms[:, int(CORE / FINE_BIN) :].sum(axis=1).astype(np.float32)
    return contrast.max(axis=1), STEPS[best].astype(np.float32), counts


def _fundamental(contrast: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """The lowest frequency of which `peak` is a harmonic: a comb of step q also peaks at q/2, q/3, ..., q never at 2q."""
    rows = np.arange(len(peak))
    height = contrast[rows, peak]
    found = peak.copy()
    for divisor in (2, 3, 4, 5):
        index = np.rint(_FREQUENCIES[peak] / divisor).astype(np.int64) - _FREQUENCIES[0]
        for near in (index - 1, index, index + 1):
            inside = (near >= 0) & (contrast[rows, np.maximum(near, 0)] > 0.5 * height)
            better = inside & ((found > near + 2) | (contrast[rows, np.maximum(near, 0)] > contrast[rows, found]))
            found = np.where(better, near, found)
    return found
