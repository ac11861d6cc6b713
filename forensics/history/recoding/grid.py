"""The block grid of a codec with in-loop filters: where coding a picture again changes it least.

The smallest blocks tell the grid modulo their side; the largest are aligned by trying, from twice that side up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from forensics_features.standards import LUMA_WEIGHTS

from forensics.history.recoding.coder import Coder, Grid, Prior
from forensics.history.recoding.threads import each
from forensics.results.analysis import Window
from forensics.windows.choice import choose_windows, interest

PROBE_SIDE, SWEEP_SIDE = 128, 224
"""Largest sides of the squares that are recompressed at every position of the grid, and at every index."""
PROBED, SWEPT = 6, 2
"""Most windows that a grid is looked for in, and that are coded at every index."""
DECISIVE = 8.0
"""Lead from which on no further window is looked at."""
FEWEST_POSITIONS = 16
"""Positions down to which a probe leaves the better half for the next one: a robust standard deviation has to come from
as many, which a grid of 4 pixels has from the start. Of 28 validation pictures coded as HEIC or BPG the grid is found
right in all, as with all positions at every probe (benchmarks/results/2026-11-29-reports-maps.md)."""
BEHIND = 0.05
"""By how much more a picture has to change at a position of its trees than at the best, summed over probes, for the
position to be given up, as a binary logarithm of mean squared changes, mean of the windows. Of 28 validation pictures
coded as HEIC or BPG the trees of 16, 32 and 64 pixels are placed right in 28, 28 and 24, as where every position is
tried at every probe, with 39 codings instead of 60; from 0.02 on in 28, 27 and 23."""
ROOM = 8
"""Pixels by which windows are larger than the squares cut from them, for every position of a grid."""
BLOCK = 16
"""Side of the blocks whose changes are looked at one by one."""
FLOOR = 1e-3
"""Mean squared error in squared levels that counts as no change."""
_LUMA = np.array(LUMA_WEIGHTS["bt601"], np.float32)
LEAST_SPREAD = 0.01
"""The least that robust standard deviations of logarithms are taken for."""


class Aligned(NamedTuple):
    """A piece of a plane for the coder, its largest blocks where the picture's are.

    Attributes
    ----------
    part : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
        Led by repeated edges up to a tree's corner.
    padding : (int, int)
        How many rows and columns were put before the piece.
    corner : (int, int)
        The picture's row and column of the first sample behind them.
    """

    part: np.ndarray
    padding: tuple[int, int]
    corner: tuple[int, int]


def locate(plane: np.ndarray, coder: Coder, prior: Prior, steps: Sequence[int]) -> Grid:
    """The block grid of a plane, with its trees where it is found.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
        At least `LEAST_SIDE` pixels a side; of shape (height, width, 3) for a coder of whole pictures.
    coder : Coder
    prior : Prior
    steps : sequence of int
        Distances from the prior's mean at which the coder is tried; best at the true index and somewhat finer.
    """
    probes = nearest(coder, [round(prior.mean) + step for step in steps])
    grid = find_grid(plane, coder, probes, decisive=DECISIVE)
    return with_trees(grid, plane, coder, probes) if grid.found else grid


def find_grid(
    plane: np.ndarray, coder: Coder, probes: Sequence[int], *, decisive: float, windows: int = PROBED
) -> Grid:
    """The grid position at which an encoder changes a plane least.

    Each probe in each window leaves the better half of the positions for the next one, down to `FEWEST_POSITIONS`.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
        At least `LEAST_SIDE` pixels a side; of shape (height, width, 3) for a coder of whole pictures.
    coder : Coder
    probes : sequence of int
        Indices to code at.
    decisive : float
        Lead from which on no further window is looked at.
    windows : int
        Most windows that are looked at.

    Returns
    -------
    Grid
    """
    total = np.zeros((coder.grid, coder.grid))
    candidates = np.ones_like(total, bool)
    row = column = 0
    best, second, started = 0.0, 0.0, False
    for window in telling_windows(plane, PROBE_SIDE + ROOM)[:windows]:
        piece = window.cut(plane)
        moved = (window.top % coder.grid, window.left % coder.grid)
        for probe in probes:
            if started and candidates.sum() > FEWEST_POSITIONS:
                candidates &= total >= np.sort(total[candidates])[candidates.sum() // 2]
            tried = np.roll(candidates, (-moved[0], -moved[1]), axis=(0, 1))
            total += np.roll(_gains(piece, coder, probe, tried), moved, axis=(0, 1))
            started = True
        left = np.where(candidates, total, -np.inf)
        best, second = np.sort(left, axis=None)[:-3:-1]
        row, column = divmod(int(left.argmax()), coder.grid)
        if best - second >= decisive:
            break
    return Grid((row, column), float(best), float(best - second), (row, column), coder.grid)


def nearest(coder: Coder, wanted: Sequence[int]) -> list[int]:
    """The coder's indices next to the wanted ones, ascending, each once."""
    return sorted({min(coder.indices, key=lambda index: abs(index - one)) for one in wanted})


def with_trees(grid: Grid, plane: np.ndarray, coder: Coder, probes: Sequence[int]) -> Grid:
    """The grid with the position of its trees, found by halving what is open, from twice the grid up to the coder's
    `tree`.

    The probe in the middle is tried first; a position that falls behind by `BEHIND` is not tried at the others.
    """
    windows = swept_windows(plane)
    place, period = grid.phase, coder.grid
    ordered = sorted(probes, key=lambda probe: abs(probe - probes[len(probes) // 2]))
    known: dict[tuple[int, int], list[float]] = {}
    while period < coder.tree:
        known = {place: known.get(place, [])}
        left = [(place[0] + row, place[1] + column) for row in (0, period) for column in (0, period)]
        for count, probe in enumerate(ordered, 1):
            for there in left:
                changes = known.setdefault(there, [])
                if len(changes) < count:
                    changes.append(_changed_at(there, windows, plane, coder, probe))
            sums = {there: sum(known[there][:count]) for there in left}
            least = min(sums.values())
            left = [there for there in left if sums[there] <= least + BEHIND]
            if len(left) == 1:
                break
        place, period = min(left, key=sums.__getitem__), 2 * period
    return replace(grid, tree=place)


def _changed_at(
    there: tuple[int, int], windows: Sequence[Window], plane: np.ndarray, coder: Coder, index: int
) -> float:
    """How much recompression with a tree at a place changes windows, a binary logarithm."""
    pieces = [aligned(plane, coder, window, there) for window in windows]
    return float(np.mean(each(lambda piece: _overall_change(piece, coder, index), pieces)))


def _gains(piece: np.ndarray, coder: Coder, index: int, tried: np.ndarray) -> np.ndarray:
    """How much less recompression changes a piece at each shift that is tried than at the median one, in robust
    standard deviations; 0 at the others.
    """
    side = _whole(min(piece.shape[:2]), PROBE_SIDE)
    parts = [
        np.ascontiguousarray(piece[row : row + side, column : column + side]) for row, column in np.argwhere(tried)
    ]
    again = coder.each_again(parts, index)
    means = [change(part, after)[ROOM:-ROOM, ROOM:-ROOM].mean() for part, after in zip(parts, again, strict=True)]
    changes = np.array([np.log2(mean + FLOOR) for mean in means], np.float64)
    away = np.median(changes) - changes
    gains = np.zeros(tried.shape)
    gains[tried] = away / max(1.4826 * np.median(np.abs(away)), LEAST_SPREAD)
    return gains


def swept_windows(plane: np.ndarray) -> list[Window]:
    """The windows of a plane that are worth coding at every index, most telling first."""
    return telling_windows(plane, SWEEP_SIDE + ROOM)[:SWEPT]


def aligned(plane: np.ndarray, coder: Coder, window: Window, place: tuple[int, int]) -> Aligned:
    """A window's whole blocks on a grid with a tree at `place`."""
    starts = [-(first - at) % coder.grid for first, at in zip((window.top, window.left), place, strict=True)]
    rows, columns = (_whole(length, SWEEP_SIDE) for length in (window.height, window.width))
    part = window.cut(plane)[starts[0] : starts[0] + rows, starts[1] : starts[1] + columns]
    top, left = window.top + starts[0], window.left + starts[1]
    padding = ((top - place[0]) % coder.tree, (left - place[1]) % coder.tree)
    return Aligned(
        np.pad(part, ((padding[0], 0), (padding[1], 0), (0, 0))[: part.ndim], mode="edge"), padding, (top, left)
    )


def _overall_change(piece: Aligned, coder: Coder, index: int) -> float:
    rows, columns = piece.padding
    errors = change(piece.part, coder.again(piece.part, index))[rows + ROOM : -ROOM, columns + ROOM : -ROOM]
    return float(np.log2(errors.mean() + FLOOR))


def _whole(length: int, most: int) -> int:
    return min(most, (length - ROOM + 1) // ROOM * ROOM)


def change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Squared difference of two planes, or of the luma of two pictures, pixel by pixel, `np.ndarray [shape=(height,
    width), dtype=float32]`.
    """
    difference = before.astype(np.float32) - after
    difference = difference @ _LUMA if difference.ndim == 3 else difference
    return np.asarray(difference * difference)


def block_means(errors: np.ndarray) -> np.ndarray:
    """Means over the blocks of `BLOCK` pixels that have neighbours on all sides, as far as there are any, `np.ndarray
    [shape=(rows, columns)]`.
    """
    rows, columns = (length // BLOCK for length in errors.shape)
    return inner_blocks(
        errors[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3))
    )


def inner_blocks(blocks: np.ndarray) -> np.ndarray:
    """Blocks (rows, columns, ...) without the outermost, as far as that leaves any."""
    return blocks[1:-1, 1:-1] if min(blocks.shape[:2]) > 2 else blocks


def places(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Every row with every column, `np.ndarray [shape=(len(rows), len(columns), 2)]`."""
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)


def telling_windows(pixels: np.ndarray, side: int) -> list[Window]:
    """Windows of a picture, those with most texture first."""
    return sorted(choose_windows(pixels, side=side), key=lambda window: -interest(window.cut(pixels)))
