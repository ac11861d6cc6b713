"""Block spectra: how sparse the cosine transforms of blocks are that start at the picture's first sample.

A codec of blocks leaves out coefficients of its blocks, so that transforms of samples cut as it cut them hold more
small coefficients than those of samples cut elsewhere. In a picture that was not cropped the cut is known, and over the
whole picture means show what noise, a median or a blur leave of the difference (compare `block_phases`, which looks at
the edges of blocks alone). At which sizes and frequencies it shows, in luma or chroma, is of the codec: how large its
transforms are, and how coarsely each frequency is quantised.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, IEEE Trans. Image Processing 12(2), 2003, doi:10.1109/TIP.2002.807361 (coefficients of
       blocks on the grid of the compression against others).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from forensics_features.block_dct import dct_matrix
from forensics_features.block_phases import middle

MOST = 768
"""Larger pictures are measured in their middle (`block_phases.middle`)."""
LUMA_SIDES, CHROMA_SIDES = (4, 8, 16, 32), (8, 16)
"""Sides of blocks, in samples of the picture; chroma of half the resolution has its blocks at twice its own."""
_SMALL = 0.5
"""Coefficients under this count as small, in levels: about what rounding adds."""
_ADDED = 1.0, 0.05
"""Added to coefficients, and to their means, before logarithms, in levels."""


@cache
def _bands(side: int) -> np.ndarray:
    """The band of every pair of frequencies, `np.ndarray [shape=(side, side), dtype=int64]`: alike across and down, the
    eight lowest one by one in blocks of up to 8, else the four lowest, and two in every octave above.
    """
    single = np.arange(side)
    if side > 8:
        octave = np.floor(np.log2(np.maximum(single, 4))).astype(int)
        single = np.where(single < 4, single, 2 * octave + (single >= 1.5 * 2.0**octave))
    low, high = np.minimum.outer(single, single), np.maximum.outer(single, single)
    return np.unique(high * side + low, return_inverse=True)[1].reshape(side, side)


def spectrum(plane: np.ndarray, side: int, shift: int) -> np.ndarray:
    """How large coefficients of blocks are, by band of frequencies.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32]
    side : int
        Of a block, in samples.
    shift : int
        Row and column of the first block's first sample.

    Returns
    -------
    np.ndarray [shape=(3, bands), dtype=float64]
        Mean logarithm of absolutes, logarithm of the mean absolute, and share under half a level.
    """
    sizes = _sizes(plane, side, shift)
    bands = _bands(side).ravel()
    each = [np.log(sizes + np.float32(_ADDED[0])), sizes, sizes < _SMALL]
    means = [np.bincount(bands, _means(one).ravel()) for one in each]
    found = np.stack(means) / np.bincount(bands)
    found[1] = np.log(found[1] + _ADDED[1])
    return found


def _means(blocks: np.ndarray) -> np.ndarray:
    """Means over the blocks of an array as of `_sizes`; of whole rows first, which is several times as fast."""
    columns, side, rows, _ = blocks.shape
    over_columns = blocks.reshape(columns, -1).sum(axis=0, dtype=np.float32).reshape(side, rows, side)
    return np.asarray(over_columns.sum(axis=1) / (columns * rows))


def _sizes(plane: np.ndarray, side: int, shift: int) -> np.ndarray:
    """Absolutes of the coefficients of all whole blocks from (shift, shift) on, `np.ndarray [shape=(columns, side,
    rows, side), dtype=float32]`.
    """
    basis = dct_matrix(side).T
    height, width = ((n - shift) // side * side for n in plane.shape)
    within = np.ascontiguousarray(plane[shift : shift + height, shift : shift + width], np.float32)
    across = np.ascontiguousarray((within.reshape(-1, side) @ basis).reshape(height, width).T)
    return np.abs(across.reshape(-1, side) @ basis).reshape(width // side, side, height // side, side)


def block_spectra(pixels: np.ndarray) -> np.ndarray:
    """What tells codecs apart in the transforms of blocks from the first sample on.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        At least `block_phases.LEAST_SIDE` pixels a side; see `planes.as_planes`.

    Returns
    -------
    np.ndarray [shape=(1419,), dtype=float64]
        Of luma the spectra of blocks of 4, 8, 16 and 32 samples (`spectrum`), and what they are more than those of
        blocks half a block beside, and a quarter and a sample; of chroma, of both planes alike, what those of blocks of
        8 and 16 samples are more than half a block beside, 0 of a grey picture.

    Raises
    ------
    TypeError, ValueError
        See `planes.as_planes`; or a side is too short.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.block_spectra import block_spectra
    >>> levels = np.random.default_rng(0).integers(0, 256, (24, 24), np.uint8)
    >>> block_spectra(np.kron(levels, np.ones((8, 8), np.uint8))).shape
    (1419,)
    """
    planes, parts = middle(pixels, MOST), []
    for side in LUMA_SIDES:
        here = spectrum(planes.y, side, 0)
        parts += [here, *(here - spectrum(planes.y, side, shift) for shift in _shifts(side))]
    for side in CHROMA_SIDES:
        more = [spectrum(plane, side, 0) - spectrum(plane, side, side // 2) for plane in (planes.cb, planes.cr)]
        parts.append((more[0] + more[1]) / 2)
    return np.concatenate([part.ravel() for part in parts])


def _shifts(side: int) -> tuple[int, ...]:
    """Where blocks beside the codec's begin: half a block on, which may be on the grid of smaller ones, and on none."""
    return (side // 2,) if side == 4 else (side // 2, side // 4 + 1)
