"""How well each quantisation step explains the unrounded DCT coefficients of one frequency: log-likelihood ratios.

A decoder's coefficients are whole multiples of the step. Rounding its samples to integers adds noise that is, by the
central limit theorem, Gaussian with a variance of 1/12 at every frequency of an orthonormal transform. Under step q the
density of a coefficient x away from zero is that of the unquantised coefficients, g, gathered at the multiples, so
against no quantisation at all

    r_q(x) = (1 - e) q sum_{k > 0} N(|x| - k q; 0, s^2) + e,

where g cancels because it varies little within a step, and e is the share of outliers. Coefficients of the zero cell
say nothing on the step and are left out. Every multiple of a divisor of q is weighed q / divisor times less, so the
largest step that explains the data wins. Under no quantisation r_q has a mean of at most one, so products of it are
e-values and bound false-alarm rates [1]_.

References
----------
.. [1] V. Vovk, R. Wang, "E-values: calibration, combination and applications", Annals of Statistics 49(3), 2021,
   doi:10.1214/20-AOS2020.
.. [2] T. H. Thai, R. Cogranne, F. Retraint, T.-N.-C. Doan, "JPEG quantization step estimation and its applications to
       digital
   image forensics", IEEE TIFS 12(1), 2017, doi:10.1109/TIFS.2016.2604208.
"""

from __future__ import annotations

from functools import cache

import numpy as np

LARGEST_STEP = 255
"""Largest quantisation step of 8-bit tables: ITU-T T.81 B.2.4.1."""
ROUNDING = 12.0**-0.5
"""Standard deviation of a coefficient's noise after rounding of the samples, in levels."""
ZERO_CELL = 1.2
"""Magnitudes below this may be a zero with noise, in levels."""
_WIDE_ZERO_CELL = 2.0
"""Half width in grey levels of the zero cell where a step is at least `_WIDE_FROM_STEP`, at the noise of rounding.
Of 48 validation crops of 96 to 192 pixels, coded as JPEG at quality 30 to 100 with tables of several families,
2,124 steps of luma are identified with the width of `ZERO_CELL`, 2,131 with this and with 3, all of them right."""
_WIDE_FROM_STEP = 4
"""See `_WIDE_ZERO_CELL`."""
_WIDE_PENALTY = np.log(0.5)
_OUTLIERS = 0.02
"""Share of coefficients that may lie anywhere, clipped or changed ones. Of 48 validation crops of 96 to 192 pixels,
coded as JPEG at quality 30 to 100 with tables of several families, 2,131 steps of luma are identified with 0.005
and this, 2,128 with 0.05, all of them right."""
_BIN = 0.125
"""Width of a bin of coefficients in grey levels, less than half the deviation of rounding."""
_AC_BINS = int(320 / _BIN)
_DC_BINS = int(1024 / _BIN) + 1
_STEPS_AT_ONCE = 16
"""Steps whose tables are computed together: all at once take 100 MiB for intermediate results."""
_ALIKE = 3.0
"""Mean levels of blocks repeat; so many equal ones count, more say nothing new."""


@cache
def log_ratios(bins: int, largest: int, noise: float, with_zero: bool) -> np.ndarray:
    """log r_q at the bins' middles, `np.ndarray [shape=(bins, largest), dtype=float32]`; column q - 1 is step q."""
    table = np.empty((bins, largest), np.float32)
    for first in range(1, largest + 1, _STEPS_AT_ONCE):
        steps = np.arange(first, min(first + _STEPS_AT_ONCE, largest + 1))[None]
        table[:, first - 1 : first - 1 + steps.size] = _log_ratios_of(bins, steps, noise, with_zero)
    return table


def _log_ratios_of(bins: int, steps: np.ndarray, noise: float, with_zero: bool) -> np.ndarray:
    """Columns of `log_ratios` in float64; `steps` [shape=(1, n)]."""
    x = (np.arange(bins)[:, None] + 0.5) * _BIN
    nearest = np.maximum(np.rint(x / steps), 0 if with_zero else 1)
    density = np.zeros(nearest.shape)
    narrow = int(np.count_nonzero(steps <= 12 * noise + 1))
    for k in (0, -2, -1, 1, 2):
        reached = slice(None) if k == 0 else slice(0, narrow)
        multiple = nearest[:, reached] + k
        allowed = multiple >= (-2 if with_zero else 1)
        density[:, reached] += allowed * np.exp(-0.5 * ((x - multiple * steps[:, reached]) / noise) ** 2)
    density *= steps / (noise * np.sqrt(2 * np.pi))
    table = np.log((1 - _OUTLIERS) * density + _OUTLIERS)
    if not with_zero:
        wide = (x < _WIDE_ZERO_CELL * noise / ROUNDING) & (steps >= _WIDE_FROM_STEP)
        table = np.where(wide, np.maximum(table, np.minimum(0, _WIDE_PENALTY * (8 - steps) / 4)), table)
        table[x[:, 0] < ZERO_CELL * noise / ROUNDING] = 0
    return np.asarray(table)


def magnitude_counts(values: np.ndarray, bins: int) -> np.ndarray:
    """Histograms of |x| by column, `np.ndarray [shape=(columns, bins), dtype=float32]`; magnitudes beyond the last bin
    are left out.
    """
    columns = values.shape[1]
    index = (np.abs(values) * np.float32(1 / _BIN)).astype(np.int32)
    index += np.arange(columns, dtype=np.int32) * (bins + 1)
    np.minimum(index, (np.arange(columns, dtype=np.int32) + 1) * (bins + 1) - 1, out=index)
    counts = np.bincount(index.ravel(), minlength=columns * (bins + 1))
    return counts.reshape(columns, bins + 1)[:, :bins].astype(np.float32)


def ac_bins(largest: int) -> int:
    """Bins that hold at least the first multiple of every step up to `largest`."""
    return min(_AC_BINS, int(1.25 * largest / _BIN) + 1)


def ac_likelihoods(values: np.ndarray, largest: int = LARGEST_STEP, noise: float | np.ndarray = ROUNDING) -> np.ndarray:
    """Log-likelihood ratio of each step against no quantisation, for AC frequencies.

    Parameters
    ----------
    values : np.ndarray [shape=(n, frequencies), dtype=float32]
        Unrounded coefficients of one frequency a column, in levels.
    largest : int
        Steps 1 to `largest` are tried.
    noise : float or np.ndarray [shape=(frequencies,), dtype=float64]
        Standard deviation of the coefficients' noise, in levels; one table is made for each distinct value.

    Returns
    -------
    np.ndarray [shape=(frequencies, largest), dtype=float64]
        Natural logarithms; column q - 1 is step q; zero for a frequency without coefficients outside the zero cell.
    """
    bins = ac_bins(largest)
    counts = magnitude_counts(values, bins)
    if np.ndim(noise) == 0:
        return np.asarray(counts @ log_ratios(bins, largest, float(noise), False), np.float64)
    levels = np.broadcast_to(np.asarray(noise, np.float64), len(counts))
    out = np.empty((len(counts), largest))
    for level in np.unique(levels):
        out[levels == level] = counts[levels == level] @ log_ratios(bins, largest, float(level), False)
    return out


def dc_likelihoods(values: np.ndarray, largest: int = LARGEST_STEP, noise: float = ROUNDING) -> np.ndarray:
    """As `ac_likelihoods` for the DC coefficients `np.ndarray [shape=(n,), dtype=float32]`; `np.ndarray
    [shape=(largest,)]`.

    Zero is a multiple like any other here. Block means are not independent, so values that occur often are counted
    `_ALIKE` times.
    """
    counts = magnitude_counts(values[:, None], _DC_BINS)[0]
    near = np.convolve(counts, np.ones(int(1.5 / _BIN) | 1), mode="same")
    weighed = (counts * np.minimum(1.0, _ALIKE / np.maximum(near, 1))).astype(np.float32)
    return (weighed @ log_ratios(_DC_BINS, largest, float(noise), True)).astype(np.float64)


def nonzero_counts(values: np.ndarray, noise: float | np.ndarray = ROUNDING) -> np.ndarray:
    """Coefficients outside the zero cell by frequency, `np.ndarray [shape=(frequencies,), dtype=int64]`."""
    return np.asarray((np.abs(values) >= ZERO_CELL * np.asarray(noise) / ROUNDING).sum(axis=0), dtype=np.int64)
