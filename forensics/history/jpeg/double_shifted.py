"""A first JPEG on another grid: at one other phase the coefficients still gather at multiples of the first steps.

The second compression adds noise to them, uniform within its own steps where it left anything, so the comb of the first
is looked for with that much noise, at all other phases and for all known tables. A phase counts by how far it stands
out among the others [1]_.

References
----------
.. [1] T. Bianchi, A. Piva, "Detection of nonaligned double JPEG compression based on integer periodicity maps", IEEE
       TIFS 7(2),
   2012, doi:10.1109/TIFS.2011.2170836.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from forensics_features.standards import ZIGZAG

from forensics.history.jpeg.comb import ROUNDING, ac_bins, log_ratios, magnitude_counts
from forensics.history.jpeg.planes import BLOCK, DCT_8, coefficients, lively

FREQUENCIES = np.array(ZIGZAG[1:21])
"""The lowest AC frequencies in zigzag order."""
_LARGEST_STEP = 128
"""Largest step of the first compression that is tried: a bound on work."""
_LEVELS = 0.3 * 1.2 ** np.arange(24)
"""Noise levels for which likelihoods are tabulated."""


@cache
def _mixing(offset: int) -> np.ndarray:
    """Share of each frequency's energy that a basis function shifted by `offset` samples takes up, `np.ndarray
    [shape=(8, 8)]`.

    Row u is the shifted function, column w the frequency of the two blocks that it overlaps. Every row sums to 1.
    """
    placed = np.zeros((BLOCK, 2 * BLOCK))
    placed[:, offset : offset + BLOCK] = DCT_8
    return (placed[:, :BLOCK] @ DCT_8.T) ** 2 + (placed[:, BLOCK:] @ DCT_8.T) ** 2


def noise_at(offset: tuple[int, int], variance: np.ndarray) -> np.ndarray:
    """Standard deviation, on a grid shifted by `offset`, of noise that has `variance` on the last one.

    Parameters
    ----------
    offset : tuple of int
        Rows and columns, each 0..7.
    variance : np.ndarray [shape=(8, 8), dtype=float64]
        Of independent errors by frequency.

    Returns
    -------
    np.ndarray [shape=(8, 8), dtype=float64]
        Rounding of the samples included.
    """
    return np.sqrt(_mixing(offset[0]) @ variance @ _mixing(offset[1]).T + ROUNDING**2)


def quantisation_errors(found: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Variance of the last quantisation's errors by frequency, `np.ndarray [shape=(8, 8), dtype=float64]`.

    Where coefficients survive, errors are uniform within a step; zeros err by what they were, which is less. The share
    of survivors interpolates between the two.
    """
    alive = (np.abs(found) > 0.5 * steps).mean(axis=0)
    return (steps**2 / 12 * np.clip(0.25 + 2 * alive, 0, 1)).reshape(BLOCK, BLOCK)


def shifted_scores(patches: np.ndarray, phase: tuple[int, int], variance: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Log evidence of each table as the first, at each phase.

    Parameters
    ----------
    patches : np.ndarray [shape=(n, 15, 15), dtype=float32]
        Squares of luma whose corner lies at a multiple of 8 pixels.
    phase : tuple of int
        Of the last grid; there the result is -inf.
    variance : np.ndarray [shape=(8, 8), dtype=float64]
        Of the last quantisation's errors by frequency.
    tables : np.ndarray [shape=(candidates, 64), dtype=int64]

    Returns
    -------
    np.ndarray [shape=(64, candidates), dtype=float64]
        Natural logarithms against no first compression; row 8 top + left is the phase.
    """
    bins = ac_bins(_LARGEST_STEP)
    phases = [index for index in range(BLOCK * BLOCK) if divmod(index, BLOCK) != phase]
    counts = np.zeros((BLOCK * BLOCK, len(FREQUENCIES), bins), np.float32)
    levels = np.full((BLOCK * BLOCK, len(FREQUENCIES)), -1)
    for index in phases:
        top, left = divmod(index, BLOCK)
        blocks = patches[:, top : top + BLOCK, left : left + BLOCK].reshape(-1, BLOCK * BLOCK)
        counts[index] = magnitude_counts(lively(coefficients(blocks))[:, FREQUENCIES], bins)
        noise = noise_at(((top - phase[0]) % BLOCK, (left - phase[1]) % BLOCK), variance).ravel()[FREQUENCIES]
        levels[index] = np.abs(np.log(_LEVELS[:, None] / noise)).argmin(axis=0)
    ratios = np.zeros((BLOCK * BLOCK, len(FREQUENCIES), _LARGEST_STEP))
    for level in np.unique(levels[levels >= 0]):
        ratios[levels == level] = counts[levels == level] @ log_ratios(
            bins, _LARGEST_STEP, float(_LEVELS[level]), False
        )
    scores = np.zeros((BLOCK * BLOCK, len(tables)))
    for i, frequency in enumerate(FREQUENCIES):
        scores += ratios[:, i, np.minimum(tables[:, frequency], _LARGEST_STEP) - 1]
    scores[phase[0] * BLOCK + phase[1]] = -np.inf
    return scores
