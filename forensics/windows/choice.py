"""Which parts of a picture are judged: a bounded number of windows, spread out, textured and not clipped.

A picture of at most `SIDE` pixels a side is one window. A larger one is divided in at most `LIMIT` cells of about equal
shape; in each cell several random places compete, and the one with most texture and fewest clipped pixels wins. Offsets
are random and no multiple of 8 where the picture leaves the room, so that no coding grid is favoured; the seed is
fixed, so the same picture gives the same windows.
"""

from __future__ import annotations

import numpy as np

from forensics.results.analysis import Window

MINIMUM_SIDE = 64
"""Smallest width and height that is analysed, in pixels."""
SIDE = 256
"""Width and height of a window, in pixels, where the picture is large enough."""
LIMIT = 16
"""Most windows of one picture."""
SEED = 20_260_101
"""Seed of the windows' places: a date, so that the same picture always gives the same windows."""
_PLACES = 6
"""Places that are drawn for each window, of which the most telling is taken: a bound on work. Mean `interest` of 214
windows of 66 validation pictures with 1, 3, 6, 12 and 24 places: 0.72, 0.76, 0.76, 0.78, 0.78."""
_STRIDE = 4
"""Every so many rows enter the measure of texture: a bound on work."""
_TEXTURE_CAP = 8.0
"""Mean absolute difference of neighbours in grey levels from which more texture counts as no better, so that the
rough part of a picture does not outweigh clipping: 60 % of 214 windows of 66 validation pictures lie below it and
are ranked by texture (median 6.9, 95 % under 17.7)."""


def grid_shape(height: int, width: int, *, side: int = SIDE, limit: int = LIMIT) -> tuple[int, int]:
    """Rows and columns of cells: about one a window's area, at most `limit` in all, cells as square as that allows."""
    rows = max(1, round(height / side))
    columns = max(1, round(width / side))
    if rows * columns <= limit:
        return rows, columns
    fitting = ((r, c) for r in range(1, min(rows, limit) + 1) for c in [min(columns, limit // r)])
    return max(fitting, key=lambda rc: (rc[0] * rc[1] * _squareness(height / rc[0], width / rc[1]), rc))


def _squareness(height: float, width: float) -> float:
    return min(height, width) / max(height, width)


def interest(pixels: np.ndarray) -> float:
    """How much a window can tell, 0..1: its mean horizontal difference, capped at 8 levels, times its unclipped share
    squared.

    Every fourth row counts; `pixels` is `np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or
    uint16]`.
    """
    rows = pixels[::_STRIDE]
    top = int(np.iinfo(rows.dtype).max)
    rows = np.ascontiguousarray(rows[:, :, 1] if rows.ndim == 3 else rows)
    unclipped = float(np.count_nonzero((rows > 0) & (rows < top)) / rows.size)
    left, right = rows[:, :-1], rows[:, 1:]
    steps = np.maximum(left, right) - np.minimum(left, right)
    texture = float(np.float32(steps.mean() * (255 / top)))
    return (0.05 + 0.95 * min(texture, _TEXTURE_CAP) / _TEXTURE_CAP) * unclipped**2


def choose_windows(pixels: np.ndarray, *, side: int = SIDE, limit: int = LIMIT, seed: int = SEED) -> list[Window]:
    """Windows of a picture, in reading order.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    side : int
        Width and height of a window; a picture narrower or lower than that gives windows as wide or high as it is.
    limit : int
        Most windows.
    seed : int
        Seed of the random offsets.

    Returns
    -------
    list of Window
        At least one.
    """
    height, width = pixels.shape[:2]
    tall, wide = min(side, height), min(side, width)
    rows, columns = grid_shape(height, width, side=side, limit=limit)
    rng = np.random.default_rng(seed)
    windows = []
    for i in range(rows):
        for j in range(columns):
            tops = _offsets(rng, i, rows, height, tall)
            lefts = _offsets(rng, j, columns, width, wide)
            places = [Window(top, left, tall, wide) for top, left in zip(tops, lefts, strict=True)]
            places = list(dict.fromkeys(places))
            windows.append(max(places, key=lambda place: interest(place.cut(pixels))) if len(places) > 1 else places[0])
    return windows


def _offsets(rng: np.random.Generator, index: int, count: int, length: int, side: int) -> list[int]:
    """Random first positions for the cell `index` of `count` along an axis, moved off the multiples of 8 where there is
    room.
    """
    last = length - side
    first, end = index * length // count, (index + 1) * length // count - side
    slack = side // 4
    low, high = max(0, min(first, end) - slack), min(last, max(first, end) + slack)
    low, high = min(low, high), max(low, high)
    drawn = rng.integers(low, high + 1, _PLACES)
    moved = np.where((drawn % 8 == 0) & (drawn < high), drawn + 1, drawn)
    return [int(place) for place in np.where((moved % 8 == 0) & (moved > low), moved - 1, moved)]
