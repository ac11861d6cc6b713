"""How few colours a picture has, and how they lie and are used; no part of the vector.

A palette that was chosen for a photograph or a render scatters over its colours, and its colours alternate pixel by
pixel. Drawings have few colours in flat areas; a colour map's lie on one line; posterised pictures have few levels in
every channel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MOST = 256
"""Most colours of a palette."""
_STRIP = 64
"""Rows whose colours are counted at a time, so that a picture of many colours is never copied whole: a bound on memory.
"""
_FIRST_STRIP = 4
"""Rows of the first strip, half of those of the next: most pictures show in a few rows that they have many colours."""
_NEAREST = 8
"""Rank of a neighbour's palette entry, by distance of colour, up to which a change counts as a near one. Under
`_NEAR` of the process `palette`, 97 % of 264 palettes of 64 and 256 colours that Pillow chose for 66 validation
pictures pass and none of 40 pictures in random colours (at most 0.06); with 4 90 %, with 16 and 32 all, the
random ones up to 0.11 and 0.22."""


class PaletteColours(NamedTuple):
    """What `palette_colours` measures.

    Attributes
    ----------
    colours : np.ndarray [shape=(n, 3), dtype=uint8]
    lone_pixels : int
        Pixels that differ from all four neighbours.
    fresh_pixels : int
        Pixels that differ from the left and the upper neighbour: each could have brought a new colour.
    ends : float
        Share of the colours that are ends of the tree of least total distance between all: near 0 for a colour map, a
        fifth to two fifths for a cloud.
    gap : float
        Median length of that tree's edges, in levels.
    gap_in_steps : float
        That of the tree in steps of each channel's own scale: the least distance between two of its levels, 1 in nearly
        all pictures.
    near : float
        Share of horizontal changes of colour that go to one of the eight nearest colours.
    returns : float
        Share of horizontal changes of colour after which the first colour comes back at once: many in dithered
        pictures.
    levels : int
        Most distinct levels in a channel.
    rarest : float
        Pixels of the colour that a tenth of the colours have fewer than, over the mean of all colours.
    """

    colours: np.ndarray
    lone_pixels: int
    fresh_pixels: int
    ends: float
    gap: float
    gap_in_steps: float
    near: float
    returns: float
    levels: int
    rarest: float


def palette_colours(rgb: np.ndarray) -> PaletteColours | None:
    """Measure a picture's colours; None where there are more than `MOST`, or fewer than three.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8]
        At least 3 pixels a side.
    """
    number = count_colours(rgb)
    if number is None or number < 3:
        return None
    values, index, used = np.unique(_packed(rgb), return_inverse=True, return_counts=True)
    index = index.reshape(rgb.shape[:2])
    colours = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1)
    inner = index[1:-1, 1:-1]
    sides = (index[:-2, 1:-1], index[2:, 1:-1], index[1:-1, :-2], index[1:-1, 2:])
    lone = np.logical_and.reduce([inner != side for side in sides])
    distance = _distances(colours)
    fresh = int(np.logical_and(sides[0] != inner, sides[2] != inner).sum())
    ends, gap = _tree(distance)
    steps = [_step(colours[:, c]) for c in range(3)]
    gap_in_steps = gap if max(steps) == 1 else _tree(_distances(colours / steps))[1]
    near, returns = _changes(index, distance)
    levels = max(len(np.unique(colours[:, c])) for c in range(3))
    rarest = float(np.quantile(used, 0.1) / used.mean())
    return PaletteColours(
        colours.astype(np.uint8), int(lone.sum()), fresh, ends, gap, gap_in_steps, near, returns, levels, rarest
    )


def count_colours(rgb: np.ndarray) -> int | None:
    """How many colours a picture has; None where there are more than `MOST`.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.palette_colours import count_colours
    >>> count_colours(np.zeros((4, 4, 3), np.uint8))
    1
    """
    seen = np.zeros(0, np.uint32)
    top, strip = 0, _FIRST_STRIP
    while top < len(rgb):
        seen = np.union1d(seen, _packed(rgb[top : top + strip]))
        if len(seen) > MOST:
            return None
        top, strip = top + strip, min(2 * strip, _STRIP)
    return len(seen)


def _packed(rgb: np.ndarray) -> np.ndarray:
    """Colours as one number each, `np.ndarray [shape=(height, width), dtype=uint32]`."""
    packed = rgb[..., 0].astype(np.uint32) << 16
    packed |= rgb[..., 1].astype(np.uint32) << 8
    packed |= rgb[..., 2]
    return packed


def _distances(colours: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(((colours[:, None].astype(np.float64) - colours[None]) ** 2).sum(axis=2)))


def _step(levels: np.ndarray) -> float:
    """Least distance between two different levels; 1 where there is one level alone."""
    steps = np.diff(np.unique(levels.astype(np.int64)))
    return float(steps.min()) if len(steps) else 1.0


def _tree(distance: np.ndarray) -> tuple[float, float]:
    """Share of ends, and median edge, of the minimum spanning tree (Prim)."""
    count = len(distance)
    nearest, parent = distance[0].copy(), np.zeros(count, np.int64)
    outside = np.ones(count, bool)
    outside[0] = False
    degree, edges = np.zeros(count, np.int64), []
    for _ in range(count - 1):
        at = int(np.where(outside, nearest, np.inf).argmin())
        outside[at] = False
        edges.append(nearest[at])
        degree[[at, parent[at]]] += 1
        closer = distance[at] < nearest
        nearest[closer], parent[closer] = distance[at][closer], at
    return float((degree == 1).mean()), float(np.median(edges))


def _changes(index: np.ndarray, distance: np.ndarray) -> tuple[float, float]:
    rank = distance.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    left, middle, right = index[:, :-2], index[:, 1:-1], index[:, 2:]
    changed = left != middle
    if not changed.any():
        return 0.0, 0.0
    near = rank[middle[changed], left[changed]] <= _NEAREST
    return float(near.mean()), float((left == right)[changed].mean())
