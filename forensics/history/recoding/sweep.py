"""The quantiser index of a codec with in-loop filters: a picture recompressed at many indices on its grid, with a
control off it.

An encoder changes its own ways from index to index, so a sweep over indices is compared with the same sweep on a grid
that is not the picture's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forensics.history.recoding.coder import Coder, Grid, Prior
from forensics.history.recoding.grid import (
    BLOCK,
    FLOOR,
    LEAST_SPREAD,
    Aligned,
    aligned,
    block_means,
    change,
    inner_blocks,
    places,
)
from forensics.history.recoding.threads import each
from forensics.results.analysis import Window

_CONTROL = (3, 5)
"""Where the control of a sweep is, against the grid: no block of 4 pixels or more is aligned there."""
_VOTE_FLOOR = 0.02
"""Mean squared change of a block in squared levels below which differences do not count in a vote: a numerical guard, a
quarter of rounding noise."""

_CONTRAST_FLOOR = 1.0
"""Mean squared change of a block in squared levels below which differences do not count in a contrast."""
_NATS_PER_OCTAVE = 8.0
"""Evidence, a natural logarithm, of an octave of contrast on `_REFERENCE_BLOCKS` blocks; it grows as the root of their
number. Fitted on training pictures."""
_REFERENCE_BLOCKS = 144
"""Blocks that `_NATS_PER_OCTAVE` holds for."""

Offsets = Callable[[np.ndarray], np.ndarray]
"""By how much the indices of blocks at given places, `np.ndarray [shape=(blocks, 2)]`, differ from the picture's,
`np.ndarray [shape=(blocks,)]`.
"""


@dataclass(frozen=True)
class Side:
    """A sweep's blocks on the grid, or those off it.

    Attributes
    ----------
    errors : np.ndarray [shape=(n, blocks), dtype=float32]
        Mean squared change of every inner block of `BLOCK` pixels at every index, in squared levels.
    places : np.ndarray [shape=(blocks, 2), dtype=int64]
        Row and column in the picture of each block's first sample.
    """

    errors: np.ndarray
    places: np.ndarray

    def joined(self, other: Side) -> Side:
        """The blocks of both."""
        return Side(np.concatenate([self.errors, other.errors], axis=1), np.concatenate([self.places, other.places]))


@dataclass(frozen=True)
class Sweep:
    """A picture recompressed at many indices.

    Attributes
    ----------
    indices : np.ndarray [shape=(n,), dtype=int64]
    on, control : Side
        The blocks on the grid, and the control.
    """

    indices: np.ndarray
    on: Side
    control: Side

    @property
    def curve(self) -> np.ndarray:
        """Binary logarithm of the mean squared change on the grid over that off it, `np.ndarray [shape=(n,),
        dtype=float64]`.
        """
        on, control = (np.log2(side.errors.mean(axis=1, dtype=np.float64) + FLOOR) for side in (self.on, self.control))
        return np.asarray(on - control)

    @property
    def contrast(self) -> np.ndarray:
        """How much less blocks change on the grid than off it, mean of binary logarithms over blocks, `np.ndarray
        [shape=(n,), dtype=float64]`.
        """
        on, control = (
            np.log2(side.errors + np.float32(_CONTRAST_FLOOR)).mean(axis=1, dtype=np.float64)
            for side in (self.on, self.control)
        )
        return np.asarray(control - on)

    def gain(self, index: float) -> float:
        """How much less the picture changes on the grid than off it at the nearest index of the sweep, in dB."""
        return -10 * math.log10(2) * float(self.curve[np.abs(self.indices - index).argmin()])

    def joined(self, other: Sweep) -> Sweep:
        """The blocks of both, swept at the same indices."""
        return Sweep(self.indices, self.on.joined(other.on), self.control.joined(other.control))


def sweep(plane: np.ndarray, coder: Coder, grid: Grid, indices: Sequence[int], windows: Sequence[Window]) -> Sweep:
    """Re-encode windows of a plane at the given indices, on a grid's trees and off them."""
    control = (grid.tree[0] + _CONTROL[0], grid.tree[1] + _CONTROL[1])
    on, off = (
        _side([aligned(plane, coder, window, place) for window in windows], coder, indices)
        for place in (grid.tree, control)
    )
    return Sweep(np.array(indices, np.int64), on, off)


def _side(pieces: Sequence[Aligned], coder: Coder, indices: Sequence[int]) -> Side:
    errors, at = [], []
    for part, (rows, columns), corner in pieces:

        def changed(index: int, part: np.ndarray = part, rows: int = rows, columns: int = columns) -> np.ndarray:
            return block_means(change(part, coder.again(part, index))[rows:, columns:]).ravel()

        errors.append(np.array(each(changed, indices), np.float32))
        whole = ((part.shape[0] - rows) // BLOCK, (part.shape[1] - columns) // BLOCK)
        firsts = (first + BLOCK * np.arange(count) for first, count in zip(corner, whole, strict=True))
        at.append(inner_blocks(places(*firsts)).reshape(-1, 2))
    return Side(np.concatenate(errors, axis=1), np.concatenate(at))


def dips(curve: np.ndarray, partner: int = 0) -> np.ndarray:
    """How far a curve lies below the mean of its two neighbours at each index, 0 at both ends.

    Parameters
    ----------
    curve : np.ndarray [shape=(n, ...)]
        Logarithms of changes by index along the first axis.
    partner : int
        Distance in indices at which the step is halved: what was quantised with a step is a multiple of half of it too,
        so that half of the dip there is added. 0 for a codec whose indices have no such distance.
    """
    found = np.zeros_like(curve)
    found[1:-1] = 0.5 * (curve[:-2] + curve[2:]) - curve[1:-1]
    if partner:
        found[partner:] += 0.5 * np.maximum(found[:-partner], 0.0)
    return found


@dataclass(frozen=True)
class Votes:
    """What single blocks say of a quantiser index.

    Attributes
    ----------
    mean, low, high : float
        Mean, 5th and 95th percentile of the indices that blocks tell.
    mode : int
        The index that most blocks tell.
    share : float
        Of the votes that `mode` has, 0..1.
    count : int
        Votes beyond those that the control has at the same index.
    centre : float
        Mean of the votes at `mode` and the two neighbouring indices.
    near : float
        Share of the votes that these three have, 0..1.
    """

    mean: float
    low: float
    high: float
    mode: int
    share: float
    count: int
    centre: float
    near: float


@dataclass(frozen=True)
class Ballot:
    """When blocks count and when their votes do.

    Attributes
    ----------
    dip : float
        Binary logarithm by which a block's change has to dip at an index for a vote.
    reach : int
        Votes count at up to so many indices from the place where they are densest.
    least : int
        Fewest votes that mean anything.
    partner : int
        See `dips`.
    """

    dip: float
    reach: int
    least: int
    partner: int = 0


def vote(swept: Sweep, prior: Prior, rules: Ballot, offsets: Offsets | None = None) -> Votes | None:
    """The indices at which single blocks change least, where more blocks agree on the grid than off it; None where
    they do not.

    A block votes for the index at which its change dips most. Votes of the control are subtracted index by index, and
    what is left is counted around the place where it is densest, weighed by the prior.

    Parameters
    ----------
    swept : Sweep
    prior : Prior
    rules : Ballot
    offsets : callable, optional
        Taken off every block's vote, for an encoder that is known to depart from the picture's index so; the sweep's
        indices must be consecutive then.
    """
    on, control = (_counts(side, rules, offsets) for side in (swept.on, swept.control))
    excess = np.maximum(on - control, 0)
    log = prior.logarithm(swept.indices)
    centre = int((np.convolve(excess, np.ones(3), mode="same") * np.exp(log - log.max())).argmax())
    near = slice(max(0, centre - rules.reach), centre + rules.reach + 1)
    weights, indices = excess[near], swept.indices[near]
    count = int(weights.sum())
    if count < rules.least or count < 2 * control[near].sum():
        return None
    voted = np.repeat(indices, weights)
    low, high = np.percentile(voted, [5, 95])
    mode = int(weights.argmax())
    around = slice(max(0, mode - 1), mode + 2)
    agreeing = int(weights[around].sum())
    middle = float((weights[around] * indices[around]).sum() / agreeing)
    return Votes(
        float(voted.mean()),
        float(low),
        float(high),
        int(indices[mode]),
        float(weights[mode] / count),
        count,
        middle,
        agreeing / count,
    )


def _counts(side: Side, rules: Ballot, offsets: Offsets | None) -> np.ndarray:
    """How many blocks have their greatest dip at each index, `np.ndarray [shape=(n,), dtype=int64]`."""
    dip = dips(np.log2(side.errors + np.float32(_VOTE_FLOOR)), rules.partner)
    voting = dip.max(axis=0) >= rules.dip
    votes = dip.argmax(axis=0)[voting]
    if offsets is not None:
        votes = np.rint(votes - offsets(side.places[voting])).astype(np.int64)
    return np.bincount(votes[(votes >= 0) & (votes < len(dip))], minlength=len(dip))


def posterior(swept: Sweep, prior: Prior, partner: int = 0) -> np.ndarray:
    """Probability of every index of a sweep: the prior times the exponential of the curve's dip in robust standard
    deviations.

    Parameters
    ----------
    swept : Sweep
    prior : Prior
    partner : int
        See `dips`.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float64]
        Sums to 1; 0 at both ends, where no dip can be seen.
    """
    log = prior.logarithm(swept.indices) + strengths(swept, partner)
    log[[0, -1]] = -np.inf
    found = np.exp(log - log.max())
    return np.asarray(found / found.sum())


def strengths(swept: Sweep, partner: int = 0) -> np.ndarray:
    """The dips of a sweep's curve in robust standard deviations about their median, `np.ndarray [shape=(n,),
    dtype=float64]`.
    """
    dip = dips(swept.curve, partner)
    away = dip - np.median(dip)
    return np.asarray(away / (1.4826 * np.median(np.abs(away)) + LEAST_SPREAD))


@dataclass(frozen=True)
class Repeated:
    """The coder and index that repeat a picture best.

    Attributes
    ----------
    coder : int
        Which of the sweeps' coders.
    index : float
        Between the indices of the sweep where their neighbours say so.
    low, high : float
        Ends of its 90 % interval.
    contrast : float
        `Sweep.contrast` there.
    """

    coder: int
    index: float
    low: float
    high: float
    contrast: float


def repeated_best(sweeps: Sequence[Sweep], prior: Prior) -> Repeated:
    """Where the contrast of one of several coders is greatest, a prior weighed in.

    Parameters
    ----------
    sweeps : sequence of Sweep
        One a coder, all at the same evenly spaced indices.
    prior : Prior
    """
    contrasts = np.stack([swept.contrast for swept in sweeps])
    indices = sweeps[0].indices
    log = _NATS_PER_OCTAVE * math.sqrt(len(sweeps[0].on.places) / _REFERENCE_BLOCKS) * contrasts + prior.logarithm(
        indices
    )
    coder, place = (int(at) for at in np.unravel_index(int(log.argmax()), log.shape))
    cumulative = np.cumsum(np.exp(log - log.max()).sum(axis=0))
    spacing = float(indices[1] - indices[0]) if len(indices) > 1 else 1.0
    index = float(indices[place]) + spacing * _summit(log.max(axis=0), place)
    low, high = (
        float(indices[min(int(np.searchsorted(cumulative, share * cumulative[-1])), len(indices) - 1)])
        for share in (0.05, 0.95)
    )
    return Repeated(coder, index, min(low, index - spacing), max(high, index + spacing), float(contrasts[coder, place]))


def _summit(values: np.ndarray, place: int) -> float:
    """Where a parabola through a greatest value and its two neighbours is highest, in steps from it, -0.5..0.5; 0 at an
    end.
    """
    if not 0 < place < len(values) - 1:
        return 0.0
    before, at, after = values[place - 1 : place + 2]
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
