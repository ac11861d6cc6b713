"""Quantisation tables put right by the blocks that they settle.

Likelihoods say which steps are possible; whether a step is the right one the decoder's own arithmetic tells: under it
more blocks that hold a coefficient of that frequency come out as they are shown. So every step that the coefficients
speak against is tried, and taken when it settles more blocks. Nothing is believed of known tables here.
"""

from __future__ import annotations

import numpy as np

from forensics.history.jpeg.comb import ROUNDING, ZERO_CELL, ac_likelihoods, dc_likelihoods
from forensics.history.jpeg.planes import coefficients
from forensics.reconstruction.blocks import ROUNDED, Quantiser, fit_blocks
from forensics.reconstruction.chroma_samples import chroma_noise
from forensics.reconstruction.coded import Decoder
from forensics.reconstruction.sampled import Sampled

_MOST_BLOCKS = 4096
"""Blocks of a component that steps are tried on: a bound on work."""
_DOUBTFUL = 1.0
"""Natural logarithm of the odds from which another step is tried: a choice that costs time only."""
_LIKELY = 6.0
"""The same from which it is tried together with all others: blocks may hold several wrong coefficients."""
_CANDIDATES = 4
"""Steps that are tried of a frequency."""
_PASSES = 3
"""Rounds over all frequencies."""
_OF_ITS_OWN = 3
"""Blocks more that a step of Cb or Cr alone has to settle: a choice, files with three tables are rare."""


class _Part:
    """Blocks of one component, with what is shown of them."""

    def __init__(self, sampled: Sampled, component: int, decoder: Decoder) -> None:
        rows = np.linspace(0, len(sampled.blocks[component]) - 1, _MOST_BLOCKS).astype(np.int64)
        rows = np.unique(rows) if len(sampled.blocks[component]) else rows[:0]
        self.centers, self.kind = sampled.blocks[component][rows], decoder.transform
        self.shown, self.mode = sampled.shown[component], sampled.modes[component]
        self.shown = self.shown[rows]
        self.values = coefficients(self.centers)
        self.noise = np.full(64, ROUNDING) if not component else chroma_noise(sampled.factors, decoder.upsampling)

    def settled(self, table: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Whether rounding settles each of some blocks, bool."""
        shown = self.shown[rows]
        if self.mode:
            anything = np.zeros((len(rows), 64), np.uint8), np.full((len(rows), 64), 255, np.uint8)
            seen = shown, shown, self.mode
        else:
            anything, seen = (shown, shown), None
        quantiser = Quantiser.of(table, self.kind)
        return fit_blocks(*anything, quantiser, width=0, centers=self.centers[rows], seen=seen)[1] == ROUNDED

    def holding(self, frequency: int) -> np.ndarray:
        """Blocks with a coefficient of that frequency other than zero."""
        beyond = ZERO_CELL / ROUNDING * self.noise[frequency]
        return np.flatnonzero(np.abs(self.values[:, frequency]) >= beyond)

    def likelihoods(self) -> np.ndarray:
        """Of each step by frequency, `np.ndarray [shape=(64, 255)]`."""
        found = ac_likelihoods(self.values, noise=self.noise)
        found[0] = dc_likelihoods(self.values[:, 0], noise=float(self.noise[0]))
        return found


def refined(sampled: Sampled, decoder: Decoder, tables: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Tables that settle at least as many blocks as the given ones.

    Parameters
    ----------
    sampled : Sampled
    decoder : Decoder
        Whose arithmetic settles blocks.
    tables : tuple of np.ndarray [shape=(64,), dtype=int64]
        Of each component, raster order.
    """
    parts = [_Part(sampled, k, decoder) for k in range(len(tables))]
    if len(parts) < 3:
        return tuple(_mended([part], table) for part, table in zip(parts, tables, strict=True))
    luma = _mended(parts[:1], tables[0])
    if not np.array_equal(tables[1], tables[2]):
        return luma, _mended(parts[1:2], tables[1]), _mended(parts[2:], tables[2])
    both = _mended(parts[1:], tables[1])
    return luma, *(_mended([part], both, _OF_ITS_OWN) for part in parts[1:])


def _mended(parts: list[_Part], table: np.ndarray, least: int = 1) -> np.ndarray:
    everything = [np.arange(len(part.values)) for part in parts]

    def count(steps: np.ndarray, rows: list[np.ndarray]) -> int:
        return sum(int(part.settled(steps, r).sum()) for part, r in zip(parts, rows, strict=True) if len(r))

    likelihoods = np.sum([part.likelihoods() for part in parts], axis=0)
    own = likelihoods[np.arange(64), table - 1]
    gain = likelihoods.max(axis=1) - own
    if least == 1:
        together = np.asarray(np.where(gain > _LIKELY, likelihoods.argmax(axis=1) + 1, table), np.int64)
        if (together != table).any() and count(together, everything) > count(table, everything):
            table = together
    table = table.copy()
    doubtful = [f for f in np.argsort(-gain) if gain[f] > _DOUBTFUL]
    for _ in range(_PASSES):
        before = table.copy()
        for f in doubtful:
            rows = [part.holding(int(f)) for part in parts]
            most = count(table, rows) + least - 1
            trial = table.copy()
            for step in np.argsort(-likelihoods[f])[:_CANDIDATES] + 1:
                trial[f] = step
                settled = count(trial, rows) if step != table[f] else 0
                if settled > most:
                    most, table = settled, trial.copy()
        if np.array_equal(before, table):
            break
    return table
