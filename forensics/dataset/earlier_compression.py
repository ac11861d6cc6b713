"""A check of source pictures for traces of earlier block-DCT compression.

Two public traces, both on BT.601 luma: the 8-pixel *grid* (Fan & de Queiroz, IEEE TIP 12(2), 2003,
doi:10.1109/TIP.2002.807361: differences across block borders exceed those inside), and the *comb* that quantisation
leaves in the histograms of block-DCT coefficients. A finding is a flag to look at, not a verdict: flat graphics and
pictures with periodic content raise it too, and JPEG of quality 95 and above passes the grid.
"""

from __future__ import annotations

import numpy as np
from forensics_features.standards import LUMA_WEIGHTS
from scipy.fft import dctn

GRID_THRESHOLD = 3.0
"""Standard errors by which one grid phase must exceed the others, in both directions, to be called a grid.

137 uncompressed pictures of 0.2 megapixels stayed below 1.6."""

COMB_THRESHOLD = 0.3
"""Mean cosine at a quantisation period from which coefficients count as a comb; 0 without one, 1 for a perfect one.

The same pictures stayed below 0.25; after JPEG at quality 75 nine in ten, and at quality 90 half, lie above 0.43."""

_FREQUENCIES = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2), (0, 3), (3, 0))
"""Vertical and horizontal frequencies of the ten lowest AC coefficients, which the finest quality leaves the most
values. A comb is found in 19 of 24 JPEGs of validation sources (192 pixels, qualities 60 to 97), with three frequencies
in the same number, with twenty in 23; in none of 24 uncompressed ones with any. `COMB_THRESHOLD` was measured with ten.
"""
_PERIODS = np.arange(2.0, 41.0)
_SIDE = 1024
"""Side of the central part that is looked at, in pixels: a bound on work."""


def traces_of(pixels: np.ndarray) -> tuple[str, ...]:
    """Findings for a picture, out of `grid` and `comb`, on its central part of at most 1024x1024 pixels.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width, 3) or (height, width), dtype=uint8]
        Pictures below 32 pixels a side have no findings.
    """
    luma = pixels if pixels.ndim == 2 else pixels @ np.array(LUMA_WEIGHTS["bt601"])
    top, left = max(0, luma.shape[0] - _SIDE) // 2, max(0, luma.shape[1] - _SIDE) // 2
    luma = luma[top : top + _SIDE, left : left + _SIDE].astype(np.float64)
    if min(luma.shape) < 32:
        return ()
    column, across = grid_phase(luma)
    row, down = grid_phase(luma.T)
    found = ["grid"] if min(across, down) > GRID_THRESHOLD else []
    phases = {((-top) % 8, (-left) % 8), (row, column)}
    if max(comb_strength(luma[r:, c:]) for r, c in phases) > COMB_THRESHOLD:
        found.append("comb")
    return tuple(found)


def grid_phase(luma: np.ndarray) -> tuple[int, float]:
    """The column phase (0 to 7) at which blocks of 8 most likely start, and its excess in standard errors.

    A column's value is how far the step across its left border exceeds the steps next to it, clipped at 0; the excess
    is Welch's statistic of that phase's columns against all others.
    """
    step = np.abs(np.diff(luma, axis=1))
    excess = np.maximum(0, step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2).mean(axis=0)
    phases = (np.arange(excess.size) + 2) % 8
    scores = []
    for phase in range(8):
        inside, outside = excess[phases == phase], excess[phases != phase]
        error = inside.var(ddof=1) / inside.size + outside.var(ddof=1) / outside.size
        scores.append((inside.mean() - outside.mean()) / np.sqrt(error) if error > 0 else 0.0)
    best = int(np.argmax(scores))
    return best, float(scores[best])


def comb_strength(luma: np.ndarray) -> float:
    """How strongly low-frequency 8x8 DCT coefficients lie on multiples of one step: largest mean cosine over steps.

    The second largest over ten frequencies is returned, so that one odd histogram does not decide. Coefficients that
    would quantise to zero say nothing and are left out; a frequency with fewer than 100 others does not count.
    """
    height, width = (side // 8 * 8 for side in luma.shape)
    blocks = luma[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2)
    coefficients = dctn(blocks, axes=(2, 3), norm="ortho")
    strengths = []
    for frequency in _FREQUENCIES:
        values = np.abs(coefficients[:, :, frequency[0], frequency[1]]).ravel()
        best = 0.0
        for period in _PERIODS:
            active = values[values > period / 2]
            if active.size >= 100:
                best = max(best, float(np.cos(2 * np.pi / period * active).mean()))
        strengths.append(best)
    return sorted(strengths)[-2]
