"""Sets of quantised coefficients by likelihood, of a block whose samples are known more or less well.

Samples, each over its own deviation, and what the coefficients are expected to be, over their spread, make one problem
of least squares in 64 whole numbers. Where many samples are not known its directions are far from orthogonal, and
whole numbers chosen one after another go astray; so the lattice is reduced first [1]_. Its triangle is then gone
through from the last direction on, and of all sets begun the nearest few are kept: the K-best search of lattice
decoding [2]_.

References
----------
.. [1] A. K. Lenstra, H. W. Lenstra, L. Lovasz, "Factoring polynomials with rational coefficients", Math. Annalen 261,
       1982, doi:10.1007/BF01457454.
.. [2] Z. Guo, P. Nilsson, "Algorithm and implementation of the K-best sphere decoding for MIMO detection", IEEE JSAC
       24(3), 2006, doi:10.1109/JSAC.2005.862402.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from forensics_features._kernel import kernel

from forensics.reconstruction.acceptance import SAMPLES, WORK, decodes_to
from forensics.reconstruction.block_search import WAVES
from forensics.reconstruction.blocks import Quantiser

UNKNOWN = np.inf
"""Deviation of a sample that nothing is known of."""
BEYOND = ((6.0, 8.0), (15.0, 20.0))
"""How far the transform is thought to lie beyond the scale where samples are at its end, and by how much that scatters,
one after another, as in `likely_search`. A million pixels put together of validation pictures
(quality 90) lack 12 blocks without them and none with them."""
_FIRST = 4
"""Sets that are looked for first: most blocks that come out do so by the likeliest one, 101 of 104 in a picture of 1 MP
put together of validation pictures (quality 75, its edges); and more take most of the time."""
_WAYS = 3
"""Multiples tried of a coefficient, the nearest ones: a bound on work."""
_SHORTER = 0.99
"""Part of the length before that two neighbouring directions have to keep when they change places: near 1, the value of
the strongest reduction, below which it is known to end (the reference)."""

_BY_A_STEP = 0.7
"""Standard deviation, in steps, of coefficients about those of a set that is nearly right: most are right, some one
off."""
_REMEMBERED = 64
"""Reduced lattices that are remembered, a bound on memory, a megabyte each: all blocks of a row at the picture's edge
have one, and reducing it takes most of the time of a search that keeps few sets."""
_HALF = 0.5 + 1e-12
"""Share of a direction from which it is subtracted: a half, and what double precision leaves of it."""


def spread(steps: np.ndarray, drift: float) -> np.ndarray:
    """Standard deviation of coefficients about those that are expected, in levels: that of their own quantisation and
    `drift`.
    """
    return np.asarray(np.sqrt(steps * steps / 12.0 + drift**2))


@kernel
def _subtract(columns, moves, at, other):
    """Column `other` taken from column `at` as often as brings them nearest to orthogonal."""
    times = np.rint(columns[at, other] / columns[other, other])
    if times != 0:
        for i in range(other + 1):
            columns[at, i] -= times * columns[other, i]
        for i in range(moves.shape[1]):
            moves[at, i] -= times * moves[other, i]


@kernel
def _change_places(columns, target, moves, at):
    """Columns `at` and the one before change places; a turn of two rows makes the matrix triangular again."""
    size = columns.shape[0]
    for i in range(size):
        columns[at, i], columns[at - 1, i] = columns[at - 1, i], columns[at, i]
    for i in range(moves.shape[1]):
        moves[at, i], moves[at - 1, i] = moves[at - 1, i], moves[at, i]
    length = np.hypot(columns[at - 1, at - 1], columns[at - 1, at])
    along, across = columns[at - 1, at - 1] / length, columns[at - 1, at] / length
    for j in range(at - 1, size):
        upper, lower = columns[j, at - 1], columns[j, at]
        columns[j, at - 1], columns[j, at] = along * upper + across * lower, along * lower - across * upper
    columns[at - 1, at] = 0.0
    upper, lower = target[at - 1], target[at]
    target[at - 1], target[at] = along * upper + across * lower, along * lower - across * upper


@kernel
def reduced(columns, target, moves):
    """A lattice reduced in place: columns, float64 [n, n], those of an upper triangle with no zero on its diagonal, one
    a row; target, float64 [n]; moves, float64 [n, m], rows of a unit matrix at first, whose rows are the new directions
    in the old ones, whole numbers.
    """
    at, size = 1, columns.shape[0]
    half = np.empty(size)
    for own in range(size):
        half[own] = abs(columns[own, own]) * _HALF
    while at < size:
        _subtract(columns, moves, at, at - 1)
        before, after, beside = columns[at - 1, at - 1] ** 2, columns[at, at] ** 2, columns[at, at - 1] ** 2
        if after + beside < _SHORTER * before:
            _change_places(columns, target, moves, at)
            half[at - 1], half[at] = abs(columns[at - 1, at - 1]) * _HALF, abs(columns[at, at]) * _HALF
            at = max(at - 1, 1)
        else:
            for other in range(at - 2, -1, -1):
                if abs(columns[at, other]) > half[other]:
                    _subtract(columns, moves, at, other)
            at += 1


@kernel
def _nearest(columns, target, sets, ways):
    """Whole vectors near the solution of a triangle's columns z = target, as many as there is room for in `sets`,
    float64 [n, length of target], the nearest first; how many.

    What is left of the target is kept for each of them, so that a level costs one pass over it.
    """
    width, size = sets.shape
    costs, grown = np.zeros(width), np.empty(ways * width)
    left, before = np.empty((width, size)), np.empty((width, size))
    value, parent = np.empty((size, width)), np.empty((size, width), np.int64)
    tried, kept = np.empty(ways * width), np.empty(width, np.int64)
    left[0] = target
    count = 1
    for level in range(size - 1, -1, -1):
        own = columns[level, level]
        for n in range(count):
            middle = left[n, level] / own
            nearest = np.rint(middle)
            side = 1.0 if middle >= nearest else -1.0
            for way in range(ways):
                tried[ways * n + way] = nearest + side * (((way + 1) >> 1) if way & 1 else -(way >> 1))
                grown[ways * n + way] = costs[n] + (own * (middle - tried[ways * n + way])) ** 2
        count = _least_of(grown[: ways * count], kept)
        left, before = before, left
        for n in range(count):
            at = kept[n]
            costs[n], value[level, n], parent[level, n] = grown[at], tried[at], at // ways
            for i in range(level):
                left[n, i] = before[at // ways, i] - columns[level, i] * tried[at]
    order = np.argsort(costs[:count])
    for n in range(count):
        at = order[n]
        for level in range(size):
            sets[n, level] = value[level, at]
            at = parent[level, at]
    return count


@kernel
def _least_of(values, places):
    """Places of the least of some values, as many as there is room for in `places`, int64; how many."""
    count = len(values)
    if count <= len(places):
        for n in range(count):
            places[n] = n
        return count
    limit = np.partition(values, len(places) - 1)[len(places) - 1]
    count = 0
    for n in range(len(values)):
        if values[n] < limit:
            places[count] = n
            count += 1
    for n in range(len(values)):
        if values[n] == limit and count < len(places):
            places[count] = n
            count += 1
    return count


@dataclass(frozen=True)
class Lattice:
    """The problem of one block or several together, reduced.

    Attributes
    ----------
    columns : np.ndarray [shape=(n, n), dtype=float64]
        Of the reduced triangle, see `reduced`.
    target : np.ndarray [shape=(n,), dtype=float64]
    moves : np.ndarray [shape=(n, 64 blocks), dtype=float64]
        By which whole vectors become coefficients in raster order.
    """

    columns: np.ndarray
    target: np.ndarray
    moves: np.ndarray

    def more_and_more(self, width: int) -> Iterator[np.ndarray]:
        """The sets of a search that keeps few, then those of one that keeps so many, as of `nearest`."""
        if width > _FIRST:
            yield self.nearest(_FIRST)
        yield self.nearest(width)

    def nearest(self, width: int, *, ways: int = _WAYS) -> np.ndarray:
        """Sets of coefficients, the likeliest first, of a search that keeps so many and tries so many multiples of each
        coefficient, `np.ndarray [shape=(count, 64 blocks), dtype=int64]`.
        """
        sets = np.empty((width, len(self.target)))
        count = _nearest(self.columns, self.target, sets, ways)
        return np.asarray(np.rint(sets[:count] @ self.moves), np.int64)


def of_samples(
    samples: np.ndarray,
    deviations: np.ndarray,
    quantiser: Quantiser,
    *,
    drift: float,
    among: np.ndarray | None = None,
) -> Lattice:
    """The lattice of a block.

    Parameters
    ----------
    samples : np.ndarray [shape=(64,), dtype=float64]
        Level-shifted, those that are not known as they are expected.
    deviations : np.ndarray [shape=(64,), dtype=float64]
        Of the samples, in levels; `UNKNOWN` for none.
    quantiser : Quantiser
    drift : float
        See `spread`; infinite where nothing is expected, which needs a deviation of every sample.
    among : np.ndarray [shape=(m,), dtype=int64], optional
        Frequencies, by their numbers, of which coefficients may be other than zero; all by default.
    """
    shown = np.isfinite(deviations)
    order = _finest_first(quantiser.table, among)
    sums = _waves(1)[order][:, shown]
    return _reduced(sums, samples[shown], deviations[shown], samples, quantiser.table, order, drift)


def of_rows(
    rows: np.ndarray,
    values: np.ndarray,
    deviations: np.ndarray,
    expected: np.ndarray,
    quantisers: Sequence[Quantiser],
    *,
    drift: float,
    among: np.ndarray | None = None,
) -> Lattice:
    """The same from weighted sums of samples, of one block or several together.

    Parameters
    ----------
    rows : np.ndarray [shape=(n, 64 blocks), dtype=float64]
        Weights of the samples in each sum.
    values, deviations : np.ndarray [shape=(n,), dtype=float64]
        The sums, of level-shifted samples, and their deviations, in levels.
    expected : np.ndarray [shape=(64 blocks,), dtype=float64]
        Level-shifted samples as they are expected.
    quantisers : sequence of Quantiser
        One a block.
    drift, among
        As of `of_samples`; numbers go through one block after another.
    """
    table = np.concatenate([quantiser.table for quantiser in quantisers])
    order = _finest_first(table, among)
    sums = _waves(len(quantisers))[order] @ rows.T
    return _reduced(sums, values, deviations, expected, table, order, drift)


def beyond_the_scale(
    rows: np.ndarray,
    values: np.ndarray,
    deviations: np.ndarray,
    expected: np.ndarray,
    beyond: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sums in which samples at the end of the scale are what they are, with what lies behind them.

    Pure red has a Cr at the end of the scale, pure blue a Cb. What is shown of such a sample is its end, whatever the
    transform gives; that lies beyond, nobody knows how far.

    Parameters
    ----------
    rows, values, deviations, expected
        As of `of_rows`.
    beyond : tuple of float
        How far the transform is thought to lie beyond the scale, and by how much that scatters, in levels.

    Returns
    -------
    rows, values, deviations, expected
        Of the same sums over the other samples, and one more for each at the end; the given ones where none is there.
    """
    ends = np.where(expected >= 127, 127.0, np.where(expected <= -128, -128.0, 0.0))
    at = np.flatnonzero(ends)
    if not len(at):
        return rows, values, deviations, expected
    behind = ends[at] + np.sign(ends[at]) * beyond[0]
    others = rows.copy()
    others[:, at] = 0
    some, alone = others.any(axis=1), np.zeros((len(at), rows.shape[1]))
    alone[np.arange(len(at)), at] = 1
    expected = expected.copy()
    expected[at] = behind
    return (
        np.concatenate([others[some], alone]),
        np.concatenate([(values - rows[:, at] @ ends[at])[some], behind]),
        np.concatenate([deviations[some], np.full(len(at), beyond[1])]),
        expected,
    )


def of_last(
    rows: np.ndarray,
    values: np.ndarray,
    deviations: np.ndarray,
    expected: np.ndarray,
    quantisers: Sequence[Quantiser],
    *,
    drift: float,
    about: np.ndarray,
) -> Lattice:
    """The lattice of the last blocks alone, the first ones' coefficients being no whole numbers, but near given ones.

    Parameters
    ----------
    rows, values, deviations, expected, quantisers, drift
        As of `of_rows`.
    about : np.ndarray [shape=(64 first blocks,), dtype=float64]
        Coefficients of the first blocks, from which they differ by a step or so.
    """
    table, first = np.concatenate([quantiser.table for quantiser in quantisers]), len(about)
    normal, wanted = _normal(_waves(len(quantisers)) @ rows.T, values, deviations, expected, table, drift)
    own = normal[:first, :first] + np.eye(first) / _BY_A_STEP**2
    # What is left of the problem when the first coefficients are at their best for any of the last.
    both = np.linalg.solve(own, np.column_stack([normal[:first, first:], wanted[:first] + about / _BY_A_STEP**2]))
    order = np.argsort(table[first:], kind="stable")
    rest = normal[first:, first:] - normal[first:, :first] @ both[:, :-1]
    moves = np.zeros((len(order), len(order)))
    moves[np.arange(len(order)), order] = 1.0
    return _of_normal(rest[np.ix_(order, order)], (wanted[first:] - normal[first:, :first] @ both[:, -1])[order], moves)


def _normal(
    sums: np.ndarray,
    values: np.ndarray,
    deviations: np.ndarray,
    expected: np.ndarray,
    table: np.ndarray,
    drift: float,
    order: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of the coefficients of some frequencies, in their order, all by default: what unit ones add to
    the sums is given, and what they add to samples is `_waves`.
    """
    order = np.arange(len(table)) if order is None else order
    normal, system, pull = _equations(sums, deviations, table[order], drift)
    waves = _waves(len(table) // 64)[order]
    return normal, system @ (values / deviations) + pull * (waves @ expected)


def _equations(
    sums: np.ndarray, deviations: np.ndarray, table: np.ndarray, drift: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of unit coefficients the normal matrix, what they add to sums in deviations of these, and how strongly each is
    drawn to what is expected of it; `table` of these coefficients alone.
    """
    steps = table.astype(np.float64)
    about = spread(steps, drift)
    system = sums * (steps[:, None] / deviations)
    normal = system @ system.T
    normal.ravel()[:: len(steps) + 1] += (steps / about) ** 2
    return normal, system, steps / about**2


def _of_normal(normal: np.ndarray, wanted: np.ndarray, moves: np.ndarray) -> Lattice:
    """The lattice of normal equations: their triangle takes a tenth of the time of an orthogonal one."""
    columns = np.linalg.cholesky(normal)
    target = np.linalg.solve(columns, wanted)
    reduced(columns, target, moves)
    return Lattice(columns, target, moves)


def _reduced(
    sums: np.ndarray,
    values: np.ndarray,
    deviations: np.ndarray,
    expected: np.ndarray,
    table: np.ndarray,
    order: np.ndarray,
    drift: float,
) -> Lattice:
    """The lattice of what unit coefficients, in order of their steps, add to some sums."""
    if len(table) > 64:
        moves = np.zeros((len(order), len(table)))
        moves[np.arange(len(order)), order] = 1.0
        return _of_normal(*_normal(sums, values, deviations, expected, table, drift, order), moves)
    reals = [np.asarray(numbers, np.float64).tobytes() for numbers in (sums, deviations)]
    wholes = [np.asarray(numbers, np.int64).tobytes() for numbers in (table, order)]
    known = _Basis.of(*reals, *wholes, drift)
    return Lattice(known.columns, known.of_values @ values + known.of_expected @ expected, known.moves)


@dataclass(frozen=True)
class _Basis:
    """A reduced lattice without its target, and the target as sums of values and of expected samples."""

    columns: np.ndarray
    moves: np.ndarray
    of_values: np.ndarray
    of_expected: np.ndarray

    @staticmethod
    @lru_cache(_REMEMBERED)
    def of(sums: bytes, deviations: bytes, table: bytes, order: bytes, drift: float) -> _Basis:
        """That of one block; arrays of float64 and, of table and order, int64, as of `_reduced`."""
        numbers, own = np.frombuffer(order, np.int64), np.frombuffer(table, np.int64)
        added, off = np.frombuffer(sums).reshape(len(numbers), -1), np.frombuffer(deviations)
        normal, system, pull = _equations(added, off, own[numbers], drift)
        lattice = _of_normal(normal, np.zeros(len(numbers)), np.eye(len(numbers)))
        turn = np.linalg.solve(lattice.columns, lattice.moves)
        moves = np.zeros((len(numbers), len(own)))
        moves[:, numbers] = lattice.moves
        return _Basis(lattice.columns, moves, turn @ (system / off), turn @ (pull[:, None] * _waves(1)[numbers]))


def _finest_first(table: np.ndarray, among: np.ndarray | None) -> np.ndarray:
    """Numbers of some frequencies, in order of their steps."""
    order = np.argsort(table, kind="stable")
    return order if among is None else order[np.isin(order, among)]


@cache
def _waves(blocks: int) -> np.ndarray:
    """Ideal samples of unit coefficients of so many blocks together, `np.ndarray [shape=(64 blocks, 64 blocks)]`."""
    return np.kron(np.eye(blocks), np.asarray(WAVES, np.float64))


@kernel
def first_decoding(sets, kind, steps, lo, hi, full_lo, full_hi, mode):
    """Number of the first set, int64 [n, 64], that decodes to what is shown, or -1; see `acceptance.decodes_to`."""
    work, samples = np.empty(WORK, np.int64), np.empty(SAMPLES, np.int64)
    for n in range(len(sets)):
        if decodes_to(kind, sets[n], steps, work, samples, lo, hi, full_lo, full_hi, mode):
            return n
    return -1
