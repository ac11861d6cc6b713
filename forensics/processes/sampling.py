"""The part of a picture that an exact test looks at, and what counts of blocks by grid phase say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from forensics.results.a_contrario import log10_binomial_tail, log10_nfa
from forensics.results.history import FOUND_BELOW

LEAST_SHARE = 0.95
"""Share of the telling blocks from which a grid speaks for the whole picture: a texture pasted into another picture was
not the picture's last step.
"""
LEAST_BLOCKS = 20
"""Fewest telling blocks."""
HOPELESS_SHARE, HOPELESS_BLOCKS = 0.5, 100
"""Share of possible blocks under which, at every phase and on at least so many telling blocks each, a sample excludes
a grid: where 95 % of all blocks fit, fewer than half of 100 do in fewer than 1 of 10^38 samples (binomial)."""
_SAMPLED_EVERY = 64
"""Rows between the bands of blocks that a sample takes: one row of blocks in 16 at each of the 16 phases."""
_FLOOR = 0.05
"""Least chance granted to a block that fits by accident."""

BENT_FROM, BITS_FROM = 0.15, 0.6
"""Content (`forensics_features.content`) from which samples depend little enough on each other for chance to be a
measure. Validation photographs, 256 px of each, coded near-lossless as WebP or JPEG-LS: the least are 0.20 and 1.1, as
WSQ 0.23 and 2.2. Of 164 pictures that ImageMagick, FFmpeg, netpbm and matplotlib computed, the nine that passed as one
of the three have less of one or the other.
"""


def measured_by_chance(rgb: np.ndarray) -> bool:
    """Whether a part of a picture, `[shape=(height, width, 3), dtype=uint8]`, has content enough for a test that counts
    by chance.
    """
    from forensics_features.content import content_of

    return content_of(rgb).measured_by_chance(BENT_FROM, BITS_FROM)


def unless_computed(nfa: float, rgb: np.ndarray, tests: int) -> float:
    """log10 of the number of false alarms of the best of `tests` outcomes; where it would be found in a part that
    chance does not measure, that of all of them.
    """
    return log10_nfa(0.0, tests) if nfa <= FOUND_BELOW and not measured_by_chance(rgb) else nfa


class Grid(NamedTuple):
    """The best grid of some counts: its first row and column, telling blocks, how many fit, the next best grid's share
    and log10 of the number of false alarms.
    """

    phase: tuple[int, int]
    blocks: int
    fit: int
    other: float
    log10_nfa: float

    @property
    def share(self) -> float:
        """Share of the telling blocks that fit, 0..1."""
        return self.fit / self.blocks if self.blocks else 0.0


def best_grid(counts: np.ndarray, hypotheses: int = 1) -> Grid:
    """The phase at which most blocks are possible, against the others as the measure of chance.

    Parameters
    ----------
    counts : np.ndarray [shape=(side, side, 3), dtype=int64]
        By phase: blocks that say nothing, that are possible, that are not.
    hypotheses : int
        Kinds tried besides the phases.

    Returns
    -------
    Grid
        Under the null hypothesis a telling block is possible as often as on the best of the other grids. Not
        significant where fewer than `LEAST_SHARE` fit.
    """
    telling = counts[..., 1:].sum(axis=2)
    share = np.where(telling >= LEAST_BLOCKS, counts[..., 1] / np.maximum(telling, 1), 0.0)
    at = np.unravel_index(int(share.argmax()), share.shape)
    blocks, fit = int(telling[at]), int(counts[(*at, 1)])
    others = (counts[..., 1] + 1) / (telling + 2)
    others = np.where(telling >= LEAST_BLOCKS, others, 0.0)
    others[at] = 0
    other = float(others.max())
    phase = (int(at[0]), int(at[1]))
    if blocks < LEAST_BLOCKS or fit < LEAST_SHARE * blocks:
        return Grid(phase, blocks, fit, other, math.log10(share.size * hypotheses))
    tail = log10_binomial_tail(fit, blocks, min(max(other, _FLOOR), 1 - 1e-6))
    return Grid(phase, blocks, fit, other, log10_nfa(tail, share.size * hypotheses))


def screened(count: Callable[..., np.ndarray], *planes: np.ndarray) -> np.ndarray:
    """Counts of 4x4 blocks: of a sample of rows where those exclude every phase already, else of all.

    Parameters
    ----------
    count : callable
        From planes to counts, as for `best_grid`.
    planes : np.ndarray [shape=(height, width[, 3]), dtype=uint8]
        Of one height. What is found is found in counts of all blocks, as without a sample.
    """
    sample = np.zeros((4, 4, 3), np.int64)
    for top in range(0, planes[0].shape[0] - 6, _SAMPLED_EVERY):
        sample += count(*(plane[top : top + 7] for plane in planes))
    telling = sample[..., 1:].sum(axis=2)
    hopeless = telling.min() >= HOPELESS_BLOCKS and bool((sample[..., 1] < HOPELESS_SHARE * telling).all())
    return sample if hopeless else count(*planes)


def shares(counts: np.ndarray) -> np.ndarray:
    """Share of possible blocks among the telling ones by phase, 0 where none tells."""
    return counts[..., 1] / np.maximum(counts[..., 1:].sum(axis=2), 1)


ORIENTATIONS = 8
"""Turns and mirror images of a picture."""


def oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """One of the eight turns and mirror images: the low two bits are quarter turns, the third mirrors first."""
    mirrored = pixels[:, ::-1] if orientation >> 2 else pixels
    return np.ascontiguousarray(np.rot90(mirrored, orientation & 3))


ORIENTATION_TITLES = (
    "as stored",
    "turned by 90°",
    "turned by 180°",
    "turned by 270°",
    "mirrored",
    "mirrored and turned by 90°",
    "mirrored and turned by 180°",
    "mirrored and turned by 270°",
)
"""How a picture has to be turned to lie as its coder saw it."""
