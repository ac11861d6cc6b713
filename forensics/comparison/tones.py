"""The tone curve between two copies that lie pixel on pixel, whatever else was done to one of them.

Coding errors have a mean near zero at every level, so the mean level of one copy at each level of the other draws the
curve. Seen through it, what remains between the copies is coding alone.
"""

from __future__ import annotations

import numpy as np

_FEWEST_PIXELS = 20
"""Pixels of a level from which its mean counts. Of 46 pairs of copies of validation sources 41 are ordered rightly and
one wrongly, the same with 5; with 80 38 and two."""
MOVED = 2.5
"""Mean change of level, by the curve of either way, from which two copies differ in tone. Coding flattens the curve
from the source to the copy (2.7 levels at quality 60 in a made-up texture), hardly that of the other way. Of 46 pairs
of copies of validation sources the same 41 are ordered rightly and one wrongly at 1.5 and at 4."""


def tone_curves(source: np.ndarray, copy: np.ndarray) -> np.ndarray:
    """Level of the copy at each level of the source, a curve a channel, rising.

    Parameters
    ----------
    source, copy : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]

    Returns
    -------
    np.ndarray [shape=(channels, 256), dtype=float64]
        Levels that are not seen lie on the line between their neighbours.
    """
    curves = []
    for x, y in zip(_planes(source), _planes(copy), strict=True):
        count = np.bincount(x, minlength=256)
        total = np.bincount(x, weights=y, minlength=256)
        seen = np.flatnonzero(count >= _FEWEST_PIXELS)
        if len(seen) < 2:
            curves.append(np.arange(256.0))
            continue
        means = np.maximum.accumulate(total[seen] / count[seen])
        curves.append(np.interp(np.arange(256), seen, means))
    return np.stack(curves)


def moved(source: np.ndarray, curves: np.ndarray) -> float:
    """Mean change of level that the curves make of the source's pixels, in levels."""
    return float(np.mean([np.abs(curve[x] - x).mean() for x, curve in zip(_planes(source), curves, strict=True)]))


def through(source: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """The source's pixels with the curves applied, uint8."""
    tables = np.clip(np.rint(curves), 0, 255).astype(np.uint8)
    if source.ndim == 2:
        return tables[0][source]
    return np.stack([tables[k][source[..., k]] for k in range(source.shape[2])], axis=2)


def _planes(pixels: np.ndarray) -> list[np.ndarray]:
    return [pixels.ravel()] if pixels.ndim == 2 else [pixels[..., k].ravel() for k in range(pixels.shape[2])]
