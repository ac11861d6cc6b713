"""Quantiser indices of codecs with in-loop filters, read by coding a picture again (idempotence).

Coded again on the grid it was coded on, a picture changes less than on any other; at the index it was coded with, less than at the indices
beside it. Prediction and in-loop filters, which hide the quantised coefficients from every comb, are undone by the encoder itself: it
predicts from what it has reconstructed, so that its residuals are those of the first encoding wherever its decisions are.

The smallest blocks tell the grid modulo `GRID`; trees of larger ones are aligned by trying, from twice that size up to `TREE`. An encoder changes
its own ways from index to index, so a sweep over indices is told against the same sweep on a grid that is not the picture's.

References
----------
.. [1] P. Bestagini et al., "Codec and GOP identification in double compressed videos", IEEE Trans. Image Processing 25(5), 2016,
   doi:10.1109/TIP.2016.2541960 (coding again with candidate codecs).
.. [2] H. Farid, "Exposing digital forgeries from JPEG ghosts", IEEE TIFS 4(1), 2009, doi:10.1109/TIFS.2008.2012215 (the same for JPEG quality).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from forensics.analysis import eight_bit
from forensics.history.findings import Parameter
from forensics.windows import Window, choose_windows, interest

GRID, TREE = 8, 64
"""Sides in pixels of the smallest coding block, which is the period of the grids that are looked for, and of the largest."""
LEAST_SIDE = 96
"""Smallest height and width of a picture in which a grid is looked for."""
PROBE_SIDE, SWEEP_SIDE = 128, 224
"""Largest sides of the squares that are coded again at every position of the grid, and at every index."""
VOTE_BLOCK = 16
"""Side of the blocks that tell their own index."""
PROBED, SWEPT = 6, 2
"""Most windows that a grid is looked for in, and that are coded at every index."""
GRID_FROM, DECISIVE = 4.0, 8.0
"""Leads from which a grid is taken as found, and from which on no further window is looked at."""
NO_GRID = "at no position of the block grid does coding again change the picture clearly less than at the others"
_BESIDE = (3, 5)
"""Where the control of a sweep is, against the grid: no block of 4 pixels or more is aligned there."""
_WIDER = 1.5
"""The prior's deviation is taken so many times as large as stated: estimates err more on encoders never seen."""
_REACH = 2.5
_SPACES = {"bt601": "ycbcr", "bt709": "bt709", "bt2020": "bt2020", "rgb": "rgb", "ycgco": "ycgco"}
_FLOOR = 1e-3
"""Mean squared error in squared levels that counts as no change."""
_LEAST_SPREAD = 0.01
_VOTE_FLOOR = 0.02


class Coder(Protocol):
    """An encoder and its decoder as a function on one plane of 8-bit samples."""

    @property
    def indices(self) -> tuple[int, ...]:
        """The quantiser indices it can be asked for, finest first."""

    def again(self, plane: np.ndarray, index: int) -> np.ndarray:
        """A plane, its sides multiples of `GRID`, coded at an index and decoded: same shape, uint8."""


@dataclass(frozen=True)
class Grid:
    """Where blocks begin.

    Attributes
    ----------
    phase : (int, int)
        Row and column of the first block's corner, modulo `GRID`, against the picture's top left corner.
    score : float
        By how many robust standard deviations coding again changes the picture less there than at the median position, summed over probes.
    lead : float
        What of it is left against the second best position.
    tree : (int, int)
        The best position of trees of `TREE` pixels on this grid; a choice that no test backs.
    """

    phase: tuple[int, int]
    score: float
    lead: float
    tree: tuple[int, int] = (0, 0)

    @property
    def found(self) -> bool:
        """Whether the lead is large enough for the grid to be stated."""
        return self.lead >= GRID_FROM


@dataclass(frozen=True)
class Recoded:
    """What the histories of all codecs that are read by coding again have in common.

    Attributes
    ----------
    grid : Grid or None
        Where coding blocks begin; None where it was not looked for.
    reason : str
        Why there is no quantiser index, or empty.
    gain : float
        How much less coding again at the index read changes luma on the grid than beside it, in dB; NaN where none is read.
    """

    grid: Grid | None = None
    reason: str = field(default="", kw_only=True)
    gain: float = field(default=math.nan, kw_only=True)

    @property
    def found(self) -> bool:
        """Whether a grid was found."""
        return self.grid is not None and self.grid.found

    def grid_parameter(self) -> Parameter:
        """The position of the block grid."""
        name = "block_grid_phase"
        if self.grid is None or not self.grid.found:
            return Parameter(name, None, reason=self.reason)
        basis = (
            f"row and column of a coding block's first sample modulo {GRID}: coded again there the picture changes less than at the 63 other "
            f"positions, by {self.grid.lead:.0f} robust standard deviations"
        )
        return Parameter(name, self.grid.phase, unit="pixels", basis=basis)

    def gain_parameter(self) -> Parameter:
        """How nearly the picture is a fixed point of the encoder at the index that was read."""
        name = "fixed_point_gain"
        if math.isnan(self.gain):
            return Parameter(name, None, reason=self.reason)
        basis = "coded again at the quantiser index that was read, luma changes so much less (mean squared change) on the block grid than beside it"
        return Parameter(name, round(self.gain, 1), unit="dB", basis=basis)


@dataclass(frozen=True)
class Prior:
    """What is held of a quantiser index before coding again: a mean, and a standard deviation that is widened where it is used."""

    mean: float
    deviation: float

    def within(self, indices: Sequence[int]) -> list[int]:
        """The indices that are worth coding at."""
        mean = min(max(self.mean, min(indices)), max(indices))
        return [index for index in indices if abs(index - mean) <= _REACH * _WIDER * self.deviation]

    def logarithm(self, indices: np.ndarray) -> np.ndarray:
        """Natural logarithm of its density at `indices`, up to a constant; same shape, dtype=float64."""
        return np.asarray(-0.5 * ((indices - self.mean) / (_WIDER * self.deviation)) ** 2)


@dataclass(frozen=True)
class Sweep:
    """A picture coded again at many indices.

    Attributes
    ----------
    indices : np.ndarray [shape=(n,), dtype=int64]
    errors, control : np.ndarray [shape=(n, blocks), dtype=float32]
        Mean squared change of every inner block of `VOTE_BLOCK` pixels, in squared levels, on the grid and beside it.
    """

    indices: np.ndarray
    errors: np.ndarray
    control: np.ndarray

    @property
    def curve(self) -> np.ndarray:
        """Binary logarithm of the mean squared change on the grid over that beside it, `np.ndarray [shape=(n,), dtype=float64]`."""
        on, beside = (np.log2(errors.mean(axis=1, dtype=np.float64) + _FLOOR) for errors in (self.errors, self.control))
        return np.asarray(on - beside)

    def gain(self, index: float) -> float:
        """How much less the picture changes on the grid than beside it at the nearest index of the sweep, in dB."""
        return -10 * math.log10(2) * float(self.curve[np.abs(self.indices - index).argmin()])

    def joined(self, other: Sweep) -> Sweep:
        """The blocks of both, swept at the same indices."""
        return Sweep(self.indices, *(np.concatenate(pair, axis=1) for pair in ((self.errors, other.errors), (self.control, other.control))))


def stated(estimates: Sequence[Parameter], name: str) -> Parameter | None:
    """The estimate of that name; None where there is none."""
    return next((parameter for parameter in estimates if parameter.name == name), None)


def prior_of(estimates: Sequence[Parameter], least: float) -> Prior | None:
    """What estimates say of `quantizer_index`, with a deviation of at least `least`; None where they state none."""
    found = stated(estimates, "quantizer_index")
    if found is None or not isinstance(found.value, (int, float)) or found.low is None or found.high is None:
        return None
    return Prior(float(found.value), max((found.high - found.low) / 3.3, least))


def starting_point(pixels: np.ndarray, estimates: Sequence[Parameter], missing: str, least: float) -> Prior | str:
    """The prior that a reading starts from, or the reason why nothing can be read.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3)]
    estimates : sequence of Parameter
    missing : str
        What keeps the coder from working here, or empty.
    least : float
        See `prior_of`.
    """
    if missing:
        return f"it is read by coding the picture again, and {missing}"
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return f"a block grid is looked for in pictures of {LEAST_SIDE} pixels a side and more"
    return prior_of(estimates, least) or "there is no estimate to start from"


def locate(plane: np.ndarray, coder: Coder, prior: Prior, steps: Sequence[int]) -> Grid:
    """The block grid of a plane, with its trees where it is found.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
        At least `LEAST_SIDE` pixels a side.
    coder : Coder
    prior : Prior
    steps : sequence of int
        Distances from the prior's mean at which the coder is tried; best at the true index and somewhat finer.
    """
    probes = nearest(coder, [round(prior.mean) + step for step in steps])
    grid = find_grid(plane, coder, probes, decisive=DECISIVE)
    return with_trees(grid, plane, coder, probes) if grid.found else grid


def find_grid(plane: np.ndarray, coder: Coder, probes: Sequence[int], *, decisive: float) -> Grid:
    """The grid position at which an encoder changes a plane least.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
        At least `LEAST_SIDE` pixels a side.
    coder : Coder
    probes : sequence of int
        Indices to code at.
    decisive : float
        Lead from which on no further window is looked at.

    Returns
    -------
    Grid
    """
    total = np.zeros((GRID, GRID))
    row = column = 0
    best = second = 0.0
    for window in telling_windows(plane, PROBE_SIDE + GRID)[:PROBED]:
        piece = window.cut(plane)
        for probe in probes:
            total += np.roll(_gains(piece, coder, probe), (window.top % GRID, window.left % GRID), axis=(0, 1))
        best, second = np.sort(total, axis=None)[:-3:-1]
        row, column = divmod(int(total.argmax()), GRID)
        if best - second >= decisive:
            break
    return Grid((row, column), float(best), float(best - second), (row, column))


def nearest(coder: Coder, wanted: Sequence[int]) -> list[int]:
    """The coder's indices next to the wanted ones, ascending, each once."""
    return sorted({min(coder.indices, key=lambda index: abs(index - one)) for one in wanted})


def with_trees(grid: Grid, plane: np.ndarray, coder: Coder, probes: Sequence[int]) -> Grid:
    """The grid with the position of its trees, found by halving what is open: 16, 32, then `TREE` pixels."""
    windows = swept_windows(plane)
    place, period = grid.phase, GRID
    while period < TREE:
        tried = {}
        for step in ((0, 0), (0, period), (period, 0), (period, period)):
            there = (place[0] + step[0], place[1] + step[1])
            parts = [_aligned(plane, window, there) for window in windows]
            tried[there] = sum(
                float(np.log2(_change(part, coder.again(part, probe))[_inner(lead)].mean() + _FLOOR))
                for probe in probes
                for part, lead in parts
            )
        place, period = min(tried, key=lambda there: tried[there]), 2 * period
    return replace(grid, tree=place)


def _gains(piece: np.ndarray, coder: Coder, index: int) -> np.ndarray:
    """How much less coding again changes a piece at each shift than at the median shift, in robust standard deviations."""
    side = _whole(min(piece.shape), PROBE_SIDE)
    changes = np.empty((GRID, GRID))
    for row in range(GRID):
        for column in range(GRID):
            part = np.ascontiguousarray(piece[row : row + side, column : column + side])
            changes[row, column] = np.log2(_change(part, coder.again(part, index))[GRID:-GRID, GRID:-GRID].mean() + _FLOOR)
    away = np.median(changes) - changes
    return np.asarray(away / max(1.4826 * np.median(np.abs(away)), _LEAST_SPREAD))


def swept_windows(plane: np.ndarray) -> list[Window]:
    """The windows of a plane that are worth coding at every index, most telling first."""
    return telling_windows(plane, SWEEP_SIDE + GRID)[:SWEPT]


def sweep(plane: np.ndarray, coder: Coder, grid: Grid, prior: Prior, windows: Sequence[Window]) -> Sweep:
    """Code windows of a plane again at the indices that a prior leaves, on a grid's trees and beside them."""
    indices = prior.within(coder.indices)
    beside = (grid.tree[0] + _BESIDE[0], grid.tree[1] + _BESIDE[1])
    on: list[np.ndarray] = []
    off: list[np.ndarray] = []
    for window in windows:
        for place, found in ((grid.tree, on), (beside, off)):
            part, lead = _aligned(plane, window, place)
            changes = (_change(part, coder.again(part, index))[lead[0] :, lead[1] :] for index in indices)
            found.append(np.array([_block_means(change) for change in changes], np.float32))
    return Sweep(np.array(indices, np.int64), np.concatenate(on, axis=1), np.concatenate(off, axis=1))


def _aligned(plane: np.ndarray, window: Window, place: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """A window's whole blocks on a grid with a tree at `place`, led by repeated edges up to a tree's corner; and how many pixels lead."""
    starts = [-(first - at) % GRID for first, at in zip((window.top, window.left), place, strict=True)]
    rows, columns = (_whole(length, SWEEP_SIDE) for length in (window.height, window.width))
    part = window.cut(plane)[starts[0] : starts[0] + rows, starts[1] : starts[1] + columns]
    lead = tuple((first + start - at) % TREE for first, start, at in zip((window.top, window.left), starts, place, strict=True))
    return np.pad(part, ((lead[0], 0), (lead[1], 0)), mode="edge"), (lead[0], lead[1])


def _inner(lead: tuple[int, int]) -> tuple[slice, slice]:
    return slice(lead[0] + GRID, -GRID), slice(lead[1] + GRID, -GRID)


def _whole(length: int, most: int) -> int:
    return min(most, (length - GRID + 1) // GRID * GRID)


def _change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    difference = before.astype(np.float32) - after
    return difference * difference


def _block_means(change: np.ndarray) -> np.ndarray:
    rows, columns = (length // VOTE_BLOCK for length in change.shape)
    blocks = change[: rows * VOTE_BLOCK, : columns * VOTE_BLOCK].reshape(rows, VOTE_BLOCK, columns, VOTE_BLOCK).mean(axis=(1, 3))
    return blocks[1:-1, 1:-1].ravel() if min(rows, columns) > 2 else blocks.ravel()


def dips(curve: np.ndarray, partner: int = 0) -> np.ndarray:
    """How far a curve lies below the mean of its two neighbours at each index, 0 at both ends.

    Parameters
    ----------
    curve : np.ndarray [shape=(n, ...)]
        Logarithms of changes by index along the first axis.
    partner : int
        Distance in indices at which the step is halved: what was quantised with a step is a multiple of half of it too, so that half of the
        dip there is added. 0 for a codec whose indices have no such distance.
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
    """

    mean: float
    low: float
    high: float
    mode: int
    share: float
    count: int


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


def vote(swept: Sweep, prior: Prior, rules: Ballot) -> Votes | None:
    """The indices at which single blocks change least, where more blocks agree on the grid than beside it; None where they do not.

    A block votes for the index at which its change dips most. Votes of the control are subtracted index by index, and what is left is
    counted around the place where it is densest, weighed by the prior.

    Parameters
    ----------
    swept : Sweep
    prior : Prior
    rules : Ballot
    """
    on, beside = (_counts(errors, rules) for errors in (swept.errors, swept.control))
    excess = np.maximum(on - beside, 0)
    log = prior.logarithm(swept.indices)
    centre = int((np.convolve(excess, np.ones(3), mode="same") * np.exp(log - log.max())).argmax())
    near = slice(max(0, centre - rules.reach), centre + rules.reach + 1)
    weights, indices = excess[near], swept.indices[near]
    count = int(weights.sum())
    if count < rules.least or count < 2 * beside[near].sum():
        return None
    told = np.repeat(indices, weights)
    low, high = np.percentile(told, [5, 95])
    return Votes(float(told.mean()), float(low), float(high), int(indices[weights.argmax()]), float(weights.max() / count), count)


def _counts(errors: np.ndarray, rules: Ballot) -> np.ndarray:
    """How many blocks have their greatest dip at each index, `np.ndarray [shape=(n,), dtype=int64]`."""
    dip = dips(np.log2(errors + np.float32(_VOTE_FLOOR)), rules.partner)
    return np.bincount(dip.argmax(axis=0)[dip.max(axis=0) >= rules.dip], minlength=len(errors))


def luma(pixels: np.ndarray, colour_coding: Parameter | None = None) -> np.ndarray:
    """The plane that was coded: luma, or G for RGB; grey is taken as it is.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    colour_coding : Parameter, optional
        Matrix and range such as `bt709 limited`; `bt601 full` where it or its value is missing.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=uint8]
    """
    from forensics.codecs import bpg_colour

    pixels = eight_bit(pixels)
    if pixels.ndim == 2:
        return pixels
    coding = "bt601 full" if colour_coding is None or colour_coding.value is None else str(colour_coding.value)
    matrix, _, extent = coding.partition(" ")
    planes = bpg_colour.to_planes(np.ascontiguousarray(pixels), _SPACES.get(matrix, "ycbcr"), 8, extent == "limited")
    return np.asarray(planes[0], np.uint8)


def telling_windows(pixels: np.ndarray, side: int) -> list[Window]:
    """Windows of a picture, those with most texture first."""
    return sorted(choose_windows(pixels, side=side), key=lambda window: -interest(window.cut(pixels)))


def posterior(swept: Sweep, prior: Prior, partner: int = 0) -> np.ndarray:
    """Probability of every index of a sweep: the prior times the exponential of the curve's dip in robust standard deviations.

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
    """The dips of a sweep's curve in robust standard deviations about their median, `np.ndarray [shape=(n,), dtype=float64]`."""
    dip = dips(swept.curve, partner)
    away = dip - np.median(dip)
    return np.asarray(away / (1.4826 * np.median(np.abs(away)) + _LEAST_SPREAD))
