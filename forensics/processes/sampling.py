"""The part of a picture that an exact test looks at, and what counts of blocks by grid phase say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
HOPELESS_SHARE, HOPELESS_BLOCKS = 0.5, 50
"""Share of possible blocks under which, at every phase and on at least so many telling blocks each, a sample excludes
a grid: where 95 % of all blocks fit, fewer than half of 50 do in fewer than 1 of 10^19 samples (binomial)."""
_SAMPLED_EVERY = 64
"""Rows between the bands of blocks that a sample takes: one row of blocks in 16 or 8 at each phase."""
_SAMPLED_BLOCKS = (10, 40, None)
"""Blocks of a band at each phase that samples take, one after the other, or all: a matter of speed."""
_FLOOR = 0.05
"""Least chance granted to a block that fits by accident."""

BENT_FROM, BITS_FROM = 0.15, 0.6
"""Content (`forensics_features.content`) from which samples depend little enough on each other for chance to be a
measure. Validation photographs, 256 px of each, coded near-lossless as WebP or JPEG-LS: the least are 0.20 and 1.1, as
WSQ 0.23 and 2.2. Of 164 pictures that ImageMagick, FFmpeg, netpbm and matplotlib computed, the nine that passed as one
of the three have less of one or the other.
"""
LEVELS_FROM = 0.4
"""Share of the levels of green between its 1st and 99th percentile that occur, from which chance is a measure: 5 and 6
bits a channel, and a contrast times 3, leave a third or less, so that differences keep to a lattice. Coded
near-lossless as WebP or JPEG-LS at 5 settings, crops of 22 validation sources and up to 60 charts and drawings that are
found have 0.50 and more (175 pictures), most of them 1."""
REPEATED_FROM, _PERIODS = 0.3, (2, 3, 4)
"""Difference between the shares of equal neighbours at two places of a period of so many pixels, from which samples
were mostly repeated, as scalers of pixel art do (EPX, Scale2x): they depend on each other. Of 22 validation sources
scaled so two passed as near-lossless JPEG-LS (0.47 to 0.8); 194 pictures that were coded near-lossless have 0.18 and
less."""


def measured_by_chance(rgb: np.ndarray) -> bool:
    """Whether a part of a picture, `[shape=(height, width, 3), dtype=uint8]`, has content and levels enough, and enough
    samples of their own, for a test that counts by chance.
    """
    from forensics_features.content import content_of

    green = rgb[..., 1]
    if levels_occurring(green) < LEVELS_FROM or repetition(green) >= REPEATED_FROM:
        return False
    return content_of(rgb).measured_by_chance(BENT_FROM, BITS_FROM)


def repetition(plane: np.ndarray) -> float:
    """How much more neighbours are equal at some places of a period of 2, 3 or 4 pixels than at others, 0..1: the
    largest difference of shares along rows or columns.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.processes.sampling import repetition
    >>> repetition(np.arange(64, dtype=np.uint8).reshape(8, 8).repeat(2, axis=1))
    1.0
    """
    most = 0.0
    for lines in (plane, plane.T):
        equal = lines[:, 1:] == lines[:, :-1]
        for period in _PERIODS:
            if equal.shape[1] >= period:
                shares = [float(equal[:, place::period].mean()) for place in range(period)]
                most = max(most, max(shares) - min(shares))
    return most


def levels_occurring(plane: np.ndarray) -> float:
    """Share of the levels between a plane's 1st and 99th percentile that occur in it, 0..1; ends included.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.processes.sampling import levels_occurring
    >>> levels_occurring(np.arange(256, dtype=np.uint8).reshape(16, 16) // 8 * 8)
    0.1285140562248996
    """
    counts = np.bincount(plane.ravel(), minlength=256)
    below = np.cumsum(counts) / counts.sum()
    low, high = int(np.searchsorted(below, 0.01)), int(np.searchsorted(below, 0.99))
    return float(np.count_nonzero(counts[low : high + 1]) / (high - low + 1))


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


def screened(count: Callable[..., np.ndarray], *planes: np.ndarray, side: int = 4) -> np.ndarray:
    """Counts of square blocks: of a sample where that excludes every phase already, else of all.

    Parameters
    ----------
    count : callable
        From planes to counts, as for `best_grid`.
    planes : np.ndarray [shape=(height, width[, 3]), dtype=uint8]
        Of one height. What is found is found in counts of all blocks, as without a sample.
    side : int
        Of a block, in pixels; a divisor of `_SAMPLED_EVERY`.
    """
    sample = excluding(count, *planes, side=side)
    return count(*planes) if sample is None else sample


def excluding(count: Callable[..., np.ndarray], *planes: np.ndarray, side: int = 4) -> np.ndarray | None:
    """Counts of a sample of the blocks that excludes every phase; None where none does. Arguments as of `screened`."""
    return excluding_each(lambda *parts: count(*parts)[None], *planes, side=side)[0]


def excluding_each(count: Callable[..., np.ndarray], *planes: np.ndarray, side: int = 4) -> list[np.ndarray | None]:
    """`excluding` for several kinds of blocks, whose counts `count` gives together, with the kinds along a first axis;
    each by the first sample that excludes it.
    """
    found: list[np.ndarray | None] = []
    for blocks in _SAMPLED_BLOCKS:
        sample = _sampled(count, planes, side, None if blocks is None else blocks * side)
        telling = sample[..., 1:].sum(axis=3)
        enough = telling.min(axis=(1, 2)) >= HOPELESS_BLOCKS
        hopeless = enough & (sample[..., 1] < HOPELESS_SHARE * telling).all(axis=(1, 2))
        found = found or [None] * len(sample)
        found = [
            counts if one is None and out else one for one, counts, out in zip(found, sample, hopeless, strict=True)
        ]
        if all(one is not None for one in found):
            break
    return found


def _sampled(count: Callable[..., np.ndarray], planes: Sequence[np.ndarray], side: int, wide: int | None) -> np.ndarray:
    """Counts in bands of one row of blocks at each phase, `wide` pixels of each, farther right from band to band."""
    height, width = planes[0].shape[:2]
    reach = 2 * side - 1
    span = width if wide is None else min(wide + side - 1, width)
    tops = range(0, max(height - reach, 0) + 1, _SAMPLED_EVERY)
    lefts = [number * _SAMPLED_EVERY % max(width - span, 1) // side * side for number in range(len(tops))]
    bands = (
        count(*(plane[top : top + reach, left : left + span] for plane in planes))
        for top, left in zip(tops, lefts, strict=True)
    )
    return np.asarray(sum(bands))


def shares(counts: np.ndarray) -> np.ndarray:
    """Share of possible blocks among the telling ones by phase, 0 where none tells."""
    return counts[..., 1] / np.maximum(counts[..., 1:].sum(axis=2), 1)


ORIENTATIONS = 8
"""Turns and mirror images of a picture."""


def oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """One of the eight turns and mirror images: the low two bits are quarter turns, the third mirrors first."""
    mirrored = pixels[:, ::-1] if orientation >> 2 else pixels
    return np.ascontiguousarray(np.rot90(mirrored, orientation & 3))


def all_oriented(plane: np.ndarray) -> list[np.ndarray]:
    """`oriented` of a plane, `[shape=(height, width)]`, by orientation: rows and columns are exchanged once."""
    turned = np.ascontiguousarray(plane.T)
    back, on = slice(None, None, -1), slice(None)
    flips = [(on, on), (back, on), (back, back), (on, back), (on, back), (on, on), (back, on), (back, back)]
    return [np.ascontiguousarray((turned if k % 2 else plane)[flip]) for k, flip in enumerate(flips)]


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
