"""Which JPEG grid each window of a map votes for: what tells two JPEG histories apart where the codec is the same.

Every pixel votes for the origin of the 8x8 grid whose block around it has the most DCT zeros (ZERO [1]_); a pasted JPEG
region keeps the grid of its own file. Sixty-four votes count as one trial, for neighbours share blocks. Under a grid a
trial falls on its origin with probability `AGREEMENT`, without one with 1/64; the logarithm of the ratio is a window's
likelihood for that grid. Flat and clipped parts do not vote, so that they speak for none.

References
----------
.. [1] T. Nikoukhah, J. Anger, M. Colom, J.-M. Morel, R. Grompone von Gioi, "ZERO: a local JPEG grid origin detector
       based on
   the number of DCT zeros and its applications in image forensics", IPOL 11, 2021, doi:10.5201/ipol.2021.390.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from forensics_features.standards import LUMA_WEIGHTS

from forensics.history.traces.grid_phase import BLOCK, ORIGINS, vote_map

AGREEMENT = 0.5
"""Share of trials that fall on a grid's origin where there is one; quality 50 to 95 gives 0.5 to 0.95."""
MOST_PIXELS = 200_000_000
"""Votes are taken in pictures of at most this many pixels, a byte each: a bound on memory."""
MOST_GRIDS = 6
"""Grids distinguished in one picture, at most."""
_STRIP = 512
"""Rows that are worked on at a time, a multiple of the blocks' 8: a bound on memory."""
_CLEAR = 8.0
"""Log likelihood ratio, natural, from which a window's grid counts. Of 369 windows of 128 pixels of 41 validation
pictures none reaches it uncompressed (at most -15.9); coded as JPEG at quality 50 to 95, 99.2 % do with the right
grid and none with another (a ratio of 4: 99.5 and 0.3 %; 16: 98.6 %)."""
_LUMA = np.array(LUMA_WEIGHTS["bt601"], np.float32)


def window_votes(
    pixels: np.ndarray, tops: Sequence[int], lefts: Sequence[int], height: int, width: int, threads: int
) -> np.ndarray:
    """Votes of the pixels in windows, `np.ndarray [shape=(len(tops), len(lefts), 64), dtype=int64]`, by origin 8 * row
    + column.

    Parameters
    ----------
    pixels : np.ndarray [shape=(rows, columns) or (rows, columns, 3), dtype=uint8]
    tops, lefts : sequence of int
        First rows and columns of the windows.
    height, width : int
        Of every window, in pixels.
    threads : int
        That share the picture's strips.
    """
    with ThreadPoolExecutor(max(1, threads)) as pool:
        votes = np.concatenate(list(pool.map(lambda top: _strip_votes(pixels, top), range(0, len(pixels), _STRIP))))
    columns = [votes[:, left : left + width] for left in lefts]
    return np.array([[_count(part[top : top + height]) for part in columns] for top in tops])


def _strip_votes(pixels: np.ndarray, top: int) -> np.ndarray:
    """Votes of the rows of one strip, seen with whole blocks around it, so that they are those of the whole picture."""
    first, last = max(0, top - 2 * BLOCK), min(len(pixels), top + _STRIP + 2 * BLOCK)
    rows = pixels[first:last]
    votes = vote_map(rows @ _LUMA if rows.ndim == 3 else rows.astype(np.float32))
    return votes[top - first : top - first + _STRIP]


def _count(votes: np.ndarray) -> np.ndarray:
    return np.bincount(votes[votes >= 0].ravel(), minlength=ORIGINS)


def grid_likelihoods(votes: np.ndarray) -> np.ndarray:
    """Log-likelihood ratio of each grid against none, `np.ndarray [shape=(..., 64), dtype=float64]`, from votes of that
    shape.
    """
    trials = votes.sum(axis=-1, keepdims=True) / ORIGINS
    mine = votes / ORIGINS
    other = np.log((1 - AGREEMENT) / (1 - 1 / ORIGINS))
    return mine * np.log(AGREEMENT * ORIGINS) + (trials - mine) * other


def clear_grids(likelihoods: np.ndarray, jpeg: np.ndarray) -> list[int]:
    """Origins that win clearly in some JPEG window, those of most windows first, at most `MOST_GRIDS`.

    `likelihoods` has shape (rows, columns, 64); `jpeg`, (rows, columns), says which windows are JPEG.
    """
    clear = jpeg & (likelihoods.max(axis=2) > _CLEAR)
    counts = np.bincount(likelihoods.argmax(axis=2)[clear], minlength=ORIGINS)
    order = np.argsort(-counts, kind="stable")
    return [int(origin) for origin in order[:MOST_GRIDS] if counts[origin]]
