"""Stored chroma as whole numbers: the rounded triangle filter undone by a search.

Least squares leaves noise of half a level and more in stored samples, as much as the finest steps. But four samples of
the full-size plane show each stored one, rounded, and whole numbers that give all of them are rare. From the rounded
estimate samples are moved by one, alone or two neighbours together, as long as that brings what they show nearer to the
picture: a descent on the squared distance from the intervals that the picture allows. Where it comes to rest too early
a tabu search goes on in a window: the best move is made even where it makes things worse, and not undone for some
moves [1]_.

Where chroma is halved along one axis alone every line of samples is a chain, each seen with the next one in two pixels:
the best line of all is found at once, by dynamic programming [2]_, before the descent.

References
----------
.. [1] F. Glover, "Tabu search, part I", ORSA Journal on Computing 1(3), 1989, doi:10.1287/ijoc.1.3.190.
.. [2] A. J. Viterbi, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm", IEEE
       Trans. Information Theory 13(2), 1967, doi:10.1109/TIT.1967.1054010.
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

_AROUND = 3
"""Samples about the one that a tabu search begins with."""
_TENURE = 6
"""Moves for which a sample rests. Of 737 blocks of six validation JPEGs of qualities 98, 99 and 100 the same 668 come
back with 2 and with 18."""
_STEPS, _ROUNDS = 60, 3
"""Moves of a tabu search, and rounds over all samples: bounds on work."""
_SHORT, _SHORTEST = 30, 8
"""Moves where a short search or the shortest is asked for, in one round: bounds on work. Of three pictures of 600
pixels at quality 75 and two at 90, 30 moves leave 81 instead of 79 blocks and save up to a third of the time. Eight
leave 168 instead of 167 of 162,526 blocks of a picture of 10 MP at quality 75 and save another quarter, but 333 instead
of 301 blocks of eight pictures of 660 pixels at 85 and 90."""
_COARSE, _COARSEST = 0.99, 1 - 1e-15
"""Share of blocks that rounding can settle from which the search is short, and shortest. Under chroma's standard tables
halved along both axes, one of 10^13 is left at 85, one of 10^5 at 90, and none in double precision up to 80."""
_DRAWS = 1500
"""Moves that are drawn for a block in a walk among samples that show the same; at quality 100 about one in thirty shows
nothing (eight planes of validation pictures). Of 737 blocks of six validation JPEGs of qualities 98, 99 and 100 668
come back; with 300 667, with 6,000 665."""
_REACH, _FIRST = 3, 1000.0
"""Levels about the estimate in which a line's samples are looked for, five standard deviations of its noise; and how
much a squared level beyond what is shown weighs against one from the estimate, more than a line of samples can bring.
"""
_SWEEPS = 40
"""Most rounds over the samples: a bound on work, most planes come to rest in ten."""


@kernel
def _share(line, own, count, factor):
    """Weight of sample `own` of `count` along one axis in a line of the full plane."""
    if factor == 1:
        return 1 * (line == own)
    near = line >> 1
    far = min(max(near - 1 + 2 * (line & 1), 0), count - 1)
    return 3 * (near == own) + (far == own)


@kernel
def _bias(line, at, vertical, horizontal, half_up):
    if vertical == 2 and horizontal == 2:
        return 8 if half_up else 8 - (at & 1)
    return 2 if half_up else 1 + ((at if horizontal == 2 else line) & 1)


@kernel
def _beyond(total, low, high, bits):
    """How far a weighted sum lies from those that are shown as low..high."""
    least, most = low << bits, (high << bits) + (1 << bits) - 1
    return max(total - most, 0) + max(least - total, 0)


@kernel
def _sums(stored, vertical, horizontal, half_up, out):
    """Weighted sums before the shift, int32 [lines, columns], of stored samples, int32 [rows, columns]."""
    rows, columns = stored.shape
    for line in range(out.shape[0]):
        y = line // vertical
        other = min(max(y - 1 + 2 * (line & 1), 0), rows - 1) if vertical == 2 else y
        for at in range(out.shape[1]):
            x = at // horizontal
            neighbour = min(max(x - 1 + 2 * (at & 1), 0), columns - 1) if horizontal == 2 else x
            total = _bias(line, at, vertical, horizontal, half_up)
            if vertical == 2 and horizontal == 2:
                total += 3 * (3 * stored[y, x] + stored[other, x]) + 3 * stored[y, neighbour] + stored[other, neighbour]
            else:
                total += 3 * stored[y, x] + stored[other, neighbour]
            out[line, at] = total


@kernel
def _change(sums, low, high, y, x, move, z, w, other_move, shape, factors, bits):
    """What moving sample (y, x) by `move` and (z, w) by `other_move` adds to the squared distance."""
    vertical, horizontal = factors
    total = 0
    top, bottom = min(y, z), max(y, z)
    left, right = min(x, w), max(x, w)
    first, last = max(vertical * top - (vertical - 1), 0), min(vertical * bottom + 2 * vertical - 1, sums.shape[0])
    start, stop = max(horizontal * left - (horizontal - 1), 0), horizontal * right + 2 * horizontal - 1
    stop = min(stop, sums.shape[1])
    for line in range(first, last):
        own = move * _share(line, y, shape[0], vertical)
        other = other_move * _share(line, z, shape[0], vertical)
        if own == 0 and other == 0:
            continue
        for at in range(start, stop):
            added = own * _share(at, x, shape[1], horizontal) + other * _share(at, w, shape[1], horizontal)
            if added:
                now = sums[line, at]
                lo, hi = np.int64(low[line, at]), np.int64(high[line, at])
                before, after = _beyond(now, lo, hi, bits), _beyond(now + added, lo, hi, bits)
                total += after * after - before * before
    return total


@kernel
def _move(sums, stored, y, x, move, factors):
    vertical, horizontal = factors
    stored[y, x] += move
    for line in range(max(vertical * y - (vertical - 1), 0), min(vertical * y + 2 * vertical - 1, sums.shape[0])):
        own = move * _share(line, y, stored.shape[0], vertical)
        if own:
            stop = min(horizontal * x + 2 * horizontal - 1, sums.shape[1])
            for at in range(max(horizontal * x - (horizontal - 1), 0), stop):
                sums[line, at] += own * _share(at, x, stored.shape[1], horizontal)


@kernel
def _disturbed(sums, low, high, y, x, factors, bits):
    """Whether any sample of the full plane that sample (y, x) is seen in lies outside what is shown."""
    vertical, horizontal = factors
    for line in range(max(vertical * y - (vertical - 1), 0), min(vertical * y + 2 * vertical - 1, sums.shape[0])):
        stop = min(horizontal * x + 2 * horizontal - 1, sums.shape[1])
        for at in range(max(horizontal * x - (horizontal - 1), 0), stop):
            if _beyond(sums[line, at], np.int64(low[line, at]), np.int64(high[line, at]), bits):
                return True
    return False


@kernel
def _walk(stored, sums, low, high, wanted, y, x, factors, bits, steps, until, log):
    """A tabu search in the window about a sample; moves are kept up to the best state met. until: int64 [17, 17];
    log: int64 [steps, 3].
    """
    rows, columns = stored.shape
    top, left = max(y - _AROUND, 0), max(x - _AROUND, 0)
    bottom, right = min(y + _AROUND + 1, rows), min(x + _AROUND + 1, columns)
    until[:] = 0
    cost, best, kept, count = 0, 0, 0, 0
    for step in range(1, steps + 1):
        least, at_y, at_x, way = 1 << 60, -1, -1, 0
        for v in range(top, bottom):
            for u in range(left, right):
                if until[v - top, u - left] > step or not wanted[v >> 3, u >> 3]:
                    continue
                if not _disturbed(sums, low, high, v, u, factors, bits):
                    continue
                for move in (-1, 1):
                    if 0 <= stored[v, u] + move <= 255:
                        change = _change(sums, low, high, v, u, move, v, u, 0, stored.shape, factors, bits)
                        if change < least:
                            least, at_y, at_x, way = change, v, u, move
        if way == 0:
            break
        _move(sums, stored, at_y, at_x, way, factors)
        until[at_y - top, at_x - left] = step + _TENURE + (step * 7 + at_x * 3 + at_y) % 5
        log[count, 0], log[count, 1], log[count, 2] = at_y, at_x, way
        count += 1
        cost += least
        if cost < best:
            best, kept = cost, count
            if not _disturbed(sums, low, high, y, x, factors, bits):
                break
    while count > kept:
        count -= 1
        _move(sums, stored, log[count, 0], log[count, 1], -log[count, 2], factors)
    return best < 0


@kernel
def _walk_all(stored, sums, low, high, wanted, factors, bits, steps, rounds):
    until, log = np.empty((2 * _AROUND + 1, 2 * _AROUND + 1), np.int64), np.empty((steps, 3), np.int64)
    for _ in range(rounds):
        better = False
        for y in range(stored.shape[0]):
            for x in range(stored.shape[1]):
                if wanted[y >> 3, x >> 3] and _disturbed(sums, low, high, y, x, factors, bits):
                    better |= _walk(stored, sums, low, high, wanted, y, x, factors, bits, steps, until, log)
        if not better:
            break


@kernel
def _descend(stored, sums, low, high, wanted, factors, bits, sweeps):
    """Samples moved in place. wanted: bool, blocks of 8x8 stored samples that are looked at."""
    rows, columns = stored.shape
    for _ in range(sweeps):
        moved = False
        for y in range(rows):
            for x in range(columns):
                if not wanted[y >> 3, x >> 3] or not _disturbed(sums, low, high, y, x, factors, bits):
                    continue
                best, at_z, at_w, own, other = 0, y, x, 0, 0
                for move in (-1, 1):
                    if not 0 <= stored[y, x] + move <= 255:
                        continue
                    gain = _change(sums, low, high, y, x, move, y, x, 0, stored.shape, factors, bits)
                    if gain < best:
                        best, at_z, at_w, own, other = gain, y, x, move, 0
                if own == 0:
                    for move in (-1, 1):
                        for z in range(max(y - 1, 0), min(y + 2, rows)):
                            for w in range(max(x - 1, 0), min(x + 2, columns)):
                                if (z == y and w == x) or not wanted[z >> 3, w >> 3]:
                                    continue
                                for second in (-1, 1):
                                    if not (0 <= stored[z, w] + second <= 255 and 0 <= stored[y, x] + move <= 255):
                                        continue
                                    gain = _change(
                                        sums, low, high, y, x, move, z, w, second, stored.shape, factors, bits
                                    )
                                    if gain < best:
                                        best, at_z, at_w, own, other = gain, z, w, move, second
                if own:
                    _move(sums, stored, y, x, own, factors)
                    if other:
                        _move(sums, stored, at_z, at_w, other, factors)
                    moved = True
        if not moved:
            break


@kernel
def _pair(own, beside, at, low, high, half_up):
    """Squared levels, in sums, by which a pixel of a line is shown beyond its bounds."""
    off = _beyond(3 * own + beside + (2 if half_up else 1 + (at & 1)), np.int64(low), np.int64(high), 2)
    return _FIRST * off * off


@kernel
def _best_line(stored, estimate, low, high, free, half_up, costs, ways):
    """Samples of one line, int64 [n], replaced by the best ones within `_REACH`, those alone that are free, bool [n].
    low, high: uint8 [2 n or 2 n - 1]; costs, ways: [n, 2 `_REACH` + 1].
    """
    count, width, states = len(stored), len(low), 2 * _REACH + 1
    for x in range(count):
        for state in range(states):
            costs[x, state] = np.inf
            value = stored[x] + state - _REACH
            if not 0 <= value <= 255 or (state != _REACH and not free[x]):
                continue
            own = (value - estimate[x]) ** 2
            if x == 0:
                own += _pair(value, value, 0, low[0], high[0], half_up)
            if x == count - 1 and 2 * x + 1 < width:
                own += _pair(value, value, 2 * x + 1, low[2 * x + 1], high[2 * x + 1], half_up)
            if x == 0:
                costs[x, state] = own
                continue
            for before in range(states):
                if costs[x - 1, before] == np.inf:
                    continue
                other = stored[x - 1] + before - _REACH
                cost = costs[x - 1, before] + own
                cost += _pair(other, value, 2 * x - 1, low[2 * x - 1], high[2 * x - 1], half_up)
                cost += _pair(value, other, 2 * x, low[2 * x], high[2 * x], half_up)
                if cost < costs[x, state]:
                    costs[x, state], ways[x, state] = cost, before
    state = int(np.argmin(costs[count - 1]))
    for x in range(count - 1, -1, -1):
        stored[x] += state - _REACH
        state = ways[x, state]


@kernel
def _best_lines(stored, estimate, low, high, wanted, half_up):
    """All lines that hold a wanted block, in place; halved along the second axis."""
    rows, columns = stored.shape
    costs, ways = np.empty((columns, 2 * _REACH + 1)), np.zeros((columns, 2 * _REACH + 1), np.int64)
    free = np.empty(columns, np.bool_)
    for y in range(rows):
        some = False
        for x in range(columns):
            free[x] = wanted[y >> 3, x >> 3]
            some |= free[x]
        if some:
            _best_line(stored[y], estimate[y], low[y], high[y], free, half_up, costs, ways)


@kernel
def _undisturbed(sums, low, high, row, column, shape, factors, bits):
    """Whether all that samples of a block of 8x8 are seen in is as the picture shows it."""
    for y in range(8 * row, min(8 * row + 8, shape[0])):
        for x in range(8 * column, min(8 * column + 8, shape[1])):
            if _disturbed(sums, low, high, y, x, factors, bits):
                return False
    return True


@kernel
def _wander(stored, sums, low, high, wanted, factors, bits, draws, start, clear):
    """Moves within each wanted block that show nothing worse, drawn by a congruential generator; `clear` tells blocks
    that show what the picture shows.
    """
    rows, columns = stored.shape
    number = np.uint64(start)
    for row in range(wanted.shape[0]):
        for column in range(wanted.shape[1]):
            if not wanted[row, column]:
                continue
            for _ in range(draws):
                number = number * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                drawn = np.int64(number >> np.uint64(40))
                y, x = 8 * row + (drawn & 7), 8 * column + ((drawn >> 3) & 7)
                z, w = y + ((drawn >> 6) % 3) - 1, x + ((drawn >> 8) % 3) - 1
                move = 1 - 2 * ((drawn >> 10) & 1)
                other = 0 if (drawn >> 11) & 1 else (1 - 2 * ((drawn >> 12) & 3) // 3)
                if y >= rows or x >= columns or not 0 <= stored[y, x] + move <= 255:
                    continue
                if z >> 3 != row or w >> 3 != column or z >= rows or w >= columns or (z == y and w == x):
                    z, w, other = y, x, 0
                elif not 0 <= stored[z, w] + other <= 255:
                    other = 0
                if _change(sums, low, high, y, x, move, z, w, other, stored.shape, factors, bits) <= 0:
                    _move(sums, stored, y, x, move, factors)
                    if other:
                        _move(sums, stored, z, w, other, factors)
            clear[row, column] = _undisturbed(sums, low, high, row, column, stored.shape, factors, bits)


def others_alike(
    stored: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    factors: tuple[int, int],
    wanted: np.ndarray,
    turn: int,
    *,
    half_up: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Other stored samples that show the same: a walk by moves that do not show.

    Where steps are fine many sets of samples are seen as the same picture, and about half of them come out of the
    inverse transform. That needs chroma halved along both axes; along one, every move of a sample shows.

    Parameters
    ----------
    stored : np.ndarray [shape=(rows, columns), dtype=uint8]
    lo, hi, factors, half_up
        See `whole_samples`.
    wanted : np.ndarray [shape=(rows / 8, columns / 8), dtype=bool]
        Blocks whose samples may move.
    turn : int
        Chooses the walk; 0 for none, only the second result is of use then.

    Returns
    -------
    stored : np.ndarray [shape=(rows, columns), dtype=uint8]
    clear : np.ndarray [shape=wanted.shape, dtype=bool]
        Wanted blocks whose samples show what the picture shows.
    """
    out, sums = stored.astype(np.int64), np.empty(lo.shape, np.int64)
    clear = np.zeros(wanted.shape, bool)
    _sums(out, factors[0], factors[1], half_up, sums)
    bits = 2 * (factors[0] == 2) + 2 * (factors[1] == 2)
    _wander(out, sums, lo, hi, wanted, factors, bits, _DRAWS if turn else 0, turn, clear)
    return out.astype(np.uint8), clear


def whole_samples(
    estimate: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    factors: tuple[int, int],
    wanted: np.ndarray,
    *,
    half_up: bool = False,
    settled: float = 0.0,
    walks: bool = True,
) -> np.ndarray:
    """Stored samples that show what the picture shows, as far as the descent finds them.

    Parameters
    ----------
    estimate : np.ndarray [shape=(rows, columns), dtype=float32]
        Stored samples, by least squares or known; all that the decoder uses.
    lo, hi : np.ndarray [shape=(lines, pixels), dtype=uint8]
        Bounds of the full-size samples, `factors` times as many or less.
    factors : tuple of int
        Vertical and horizontal factor, 1 or 2, not both 1.
    wanted : np.ndarray [shape=(rows / 8, columns / 8), dtype=bool]
        Blocks whose samples may move, rounded up.
    half_up : bool
        Whether the filter rounds half up.
    settled : float
        Share of blocks that rounding can settle, `blocks.rounding_settles`: the more, the earlier the search gives up
        where samples do not come to rest.
    walks : bool
        Whether samples that one move at a time does not bring to rest are searched further.

    Returns
    -------
    np.ndarray [shape=(rows, columns), dtype=uint8]
    """
    stored = np.clip(np.rint(estimate), 0, 255).astype(np.int64)
    if walks and factors == (1, 2):
        _best_lines(stored, estimate.astype(np.float64), lo, hi, wanted, half_up)
    elif walks and factors == (2, 1):
        across = stored.T.copy(), estimate.T.astype(np.float64), lo.T.copy(), hi.T.copy(), wanted.T.copy()
        _best_lines(*across, half_up)
        stored = across[0].T.copy()
    sums, bits = np.empty(lo.shape, np.int64), 2 * (factors[0] == 2) + 2 * (factors[1] == 2)
    _sums(stored, factors[0], factors[1], half_up, sums)
    _descend(stored, sums, lo, hi, wanted, factors, bits, _SWEEPS)
    steps, rounds = _STEPS, _ROUNDS
    if settled >= _COARSE:
        steps, rounds = (_SHORTEST if settled >= _COARSEST else _SHORT), 1
    if walks:
        _walk_all(stored, sums, lo, hi, wanted, factors, bits, steps, rounds)
    return stored.astype(np.uint8)
