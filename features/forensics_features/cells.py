"""Is what is drawn laid out in cells whose size is a power of two, as sheets of sprites and icons are? No part of the
vector.

Cells end where blocks of a codec end, so that everything that tells borders of blocks from their insides tells those of
cells, too. But margins of cells are flat: across their borders fewer neighbours differ than elsewhere. Codecs do the
opposite, whose blocks differ from each other more than they do inside; loop filters leave borders as they leave the
rest.
"""

from __future__ import annotations

import numpy as np

from forensics_features.block_spectra import MOST
from forensics_features.planes import central, to_rgb8

SIZES = (8, 16, 32, 64)
"""Sides of cells that are tried, in pixels: those of the blocks of all codecs that have any."""
EXPECTED = 100
"""Pairs across borders that have to be expected to differ: a tenth of them is three standard errors off by chance at
the most, if each pair were by itself."""


def margins(pixels: np.ndarray) -> float:
    """How much rarer neighbours differ across borders of cells than elsewhere, at the size at which they do so least.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        Cells begin at its first sample. The middle of a larger picture is looked at, the part that transforms of blocks
        are taken of (`block_spectra.MOST`).

    Returns
    -------
    float
        Share of the pairs of neighbours across the borders that differ over the share of all others that do: 1 where
        cells do not matter, 0 where no neighbours differ across any border; 1, too, where too few pairs differ anywhere
        (`EXPECTED`).

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.cells import margins
    >>> sprite = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    >>> margins(np.tile(np.pad(sprite, ((2, 2), (2, 2), (0, 0))), (6, 6, 1)))
    0.0
    """
    rgb = to_rgb8(central(pixels, MOST, SIZES[-1])[0])
    across = [np.any(a != b, axis=2).sum(axis=one) for a, b, one in _neighbours(rgb)]
    lengths = [rgb.shape[0], rgb.shape[1]]
    least = 1.0
    for size in SIZES:
        at = [counts[size - 1 :: size] for counts in across]
        here = sum(int(counts.sum()) for counts in at)
        pairs = sum(len(counts) * length for counts, length in zip(at, lengths, strict=True))
        total = sum(len(counts) * length for counts, length in zip(across, lengths, strict=True))
        elsewhere = (sum(int(counts.sum()) for counts in across) - here) / max(total - pairs, 1)
        if pairs * elsewhere >= EXPECTED:
            least = min(least, here / (pairs * elsewhere))
    return least


def _neighbours(rgb: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray, int], ...]:
    """Both of each pair along rows and along columns, and the axis along which a border runs."""
    return (rgb[:, 1:], rgb[:, :-1], 0), (rgb[1:], rgb[:-1], 1)
