"""Are pictures set into flat surroundings? A photograph on a page, in a screenshot, between the bars of a film.

Drawn surroundings are flat without one exception: samples equal their neighbours exactly. Cells of 8x8 pixels in which
few do are gathered to boxes by cutting along empty rows and columns in turn (the recursive X-Y cut of page analysis
[1]_). A box is an inset where each of its sides lies on the picture's own border or is a straight edge: the lines just
outside are flat along it, those just inside are not, and samples differ across it all along. Text, silhouettes and
scenes on a plain ground fail there; so do surroundings that were lossily compressed, whose samples ring along the edge.

References
----------
.. [1] G. Nagy, S. Seth, "Hierarchical representation of optically scanned documents", ICPR 1984.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

CELL = 8
"""Side of a cell, pixels: half the height of common text, so that lines of text come apart; a byte has as many bits."""
FLAT = 0.95
"""Least share of equal neighbours along a line just outside an inset: windows' round corners and shadows take up to a
twentieth of a side."""
VARIED = 0.8
"""Largest share of equal neighbours along a line just inside it. Clipped skies of photographs reach a half."""
ACROSS = 0.7
"""Least share of a side along which samples differ across it; in each quarter of the side half as much."""
OUTSIDE = 2
"""Lines outside an inset that have to be flat, pixels: less may be a seam."""
NARROWEST = 8
"""Flat lines up to the picture's border that are surroundings, pixels, a cell; fewer are the edge that cameras and
scanners leave (one to three lines in 21 of the 24 Kodak pictures)."""
SHORTEST = 96
"""Shortest side of an inset, pixels: a window and a half of the smallest kind."""
MAIN = 0.5
"""Least share of all that is not flat in the picture that lies in insets: else they do not speak for it."""
MOST = 16
"""Boxes that are looked at, the largest first: a bound on work."""
_STRIP = 512
"""Rows that are looked at together: a bound on memory."""
_SEARCH = 2 * CELL
"""Pixels on either side of a box's edge in which the inset's is looked for: cells tell it to one cell."""
_DEEPEST = 12
"""Cuts within cuts: a bound on work."""
_ROWS = 256
"""Rows that are asked at most whether anything in the picture is flat: a matter of speed."""
_FLAT_AT_ALL = 0.02
"""Least share of equal neighbours in those rows; surroundings that take less are no more than a line's width."""


class Inset(NamedTuple):
    """Where it lies, pixels; and what was seen along its sides.

    Attributes
    ----------
    top, left, height, width : int
    flat : float
        Smallest share of equal neighbours along the lines just outside, 0..1.
    across : float
        Smallest share of a side along which samples differ across it, 0..1.
    surroundings : float
        Share of the picture's area that lies outside, 0..1.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.inset import Inset
    >>> Inset(1, 2, 2, 3, 1.0, 1.0, 0.75).cut(np.arange(24).reshape(4, 6)).tolist()
    [[8, 9, 10], [14, 15, 16]]
    """

    top: int
    left: int
    height: int
    width: int
    flat: float
    across: float
    surroundings: float

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """The inset alone, contiguous."""
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        return np.ascontiguousarray(pixels[rows, columns])


def find(pixels: np.ndarray, tolerance: int = 0) -> tuple[Inset, ...]:
    """The insets that a picture is made of besides its flat surroundings, the largest first; none where there is more
    than they.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        Alpha counts as a channel.
    tolerance : int
        Levels by which samples that count as equal may differ: 1 where an enlargement was undone, which rounds.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import inset
    >>> page = np.full((300, 400), 250, np.uint8)
    >>> page[60:220, 33:300] = np.random.default_rng(0).integers(0, 200, (160, 267))
    >>> [found[:4] for found in inset.find(page)]
    [(60, 33, 160, 267)]
    """
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if (
        min(pixels.shape[:2]) < SHORTEST
        or _equal(pixels[:: -(-len(pixels) // _ROWS)], 1, tolerance).mean() < _FLAT_AT_ALL
    ):
        return ()
    varied = _varied_cells(pixels, tolerance)
    least = SHORTEST // CELL - 1  # cells that the sides cut may look flat
    boxes = [box for box in _boxes(varied) if min(box[2] - box[0], box[3] - box[1]) >= least]
    boxes.sort(key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))
    pairs = [(box, _refined(pixels, [CELL * at for at in box], tolerance)) for box in boxes[:MOST]]
    known = [(box, found) for box, found in pairs if found is not None and found.surroundings > 0]
    if sum(varied[box[0] : box[2], box[1] : box[3]].sum() for box, _ in known) < MAIN * max(int(varied.sum()), 1):
        return ()
    return tuple(sorted((found for _, found in known), key=lambda one: -one.height * one.width))


def _equal(pixels: np.ndarray, axis: int, tolerance: int) -> np.ndarray:
    """Whether each sample equals the next along an axis in every channel, one less along it."""
    first, second = (pixels[:-1], pixels[1:]) if axis == 0 else (pixels[:, :-1], pixels[:, 1:])
    same = np.ones(first.shape[:2], bool)
    for channel in range(pixels.shape[2]):
        same &= _alike(first[..., channel], second[..., channel], tolerance)
    return same


def _alike(first: np.ndarray, second: np.ndarray, tolerance: int) -> np.ndarray:
    if not tolerance:
        return np.asarray(first == second)
    return np.asarray(np.abs(first.astype(np.int32) - second) <= tolerance)


def _varied_cells(pixels: np.ndarray, tolerance: int) -> np.ndarray:
    """Whether less than half of a cell's samples equal those on their right and below; whole cells only."""
    height, width = (side // CELL for side in pixels.shape[:2])
    varied = np.zeros((height, width), bool)
    for start in range(0, height, _STRIP // CELL):
        rows = min(_STRIP // CELL, height - start)
        part = pixels[start * CELL : (start + rows) * CELL + 1, : width * CELL + 1]
        flat = np.zeros((rows * CELL, width * CELL), bool)
        down, across = _equal(part, 0, tolerance), _equal(part, 1, tolerance)
        both = down[:, : across.shape[1]] & across[: len(down)]
        flat[: len(both), : both.shape[1]] = both
        counted = np.bitwise_count(np.packbits(flat, axis=1)).reshape(rows, CELL, width).sum(axis=1)
        varied[start : start + rows] = counted < CELL * CELL / 2
    return varied


def _boxes(varied: np.ndarray, depth: int = 0) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of cells that no empty row or column cuts any more: top, left, bottom, right."""
    for axis in (1, 0):
        runs = _runs(varied.any(axis=axis))
        whole = len(varied) if axis == 1 else varied.shape[1]
        if runs != [(0, whole)] and depth < _DEEPEST:
            for first, end in runs:
                part = varied[first:end] if axis == 1 else varied[:, first:end]
                for top, left, bottom, right in _boxes(part, depth + 1):
                    yield (
                        (first + top, left, first + bottom, right)
                        if axis == 1
                        else (top, first + left, bottom, first + right)
                    )
            return
    if varied.size:
        yield 0, 0, *varied.shape


def _runs(line: Any) -> list[tuple[int, int]]:
    """First and end of every run of true values."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]])))
    return list(zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True))


def _refined(pixels: np.ndarray, box: Sequence[int], tolerance: int) -> Inset | None:
    """The box (top, left, bottom, right) to the pixel; None where a side is no straight edge."""
    top, left, bottom, right = box
    turned = pixels.swapaxes(0, 1)
    for _ in range(2):  # the second time along sides that are known to the pixel
        columns = _sides(pixels, (left, right), (top, bottom), tolerance)
        if columns is None:
            return None
        left, right = columns
        rows = _sides(turned, (top, bottom), (left, right), tolerance)
        if rows is None:
            return None
        top, bottom = rows
    if min(bottom - top, right - left) < SHORTEST:
        return None
    seen = [
        *_along(pixels, (left, right), (top, bottom), tolerance),
        *_along(turned, (top, bottom), (left, right), tolerance),
    ]
    flat, across = (min((one[k] for one in seen), default=1.0) for k in (0, 1))
    if flat < FLAT or across < ACROSS:
        return None
    area = (bottom - top) * (right - left)
    return Inset(top, left, bottom - top, right - left, flat, across, 1 - area / (pixels.shape[0] * pixels.shape[1]))


def _sides(pixels: np.ndarray, ends: tuple[int, int], span: tuple[int, int], tolerance: int) -> tuple[int, int] | None:
    """First column of a box and the end of its columns, near those given, from the rows of a span without its ends."""
    width, trimmed = pixels.shape[1], (span[1] - span[0]) // 10
    rows = pixels[span[0] + trimmed : span[1] - trimmed]
    if len(rows) < SHORTEST // 2:
        return None
    found = []
    for end, out in zip(ends, (-1, 1), strict=True):
        inside = range(end - out * _SEARCH, end + out * (_SEARCH + 1), out)
        columns = [at for at in inside if 0 <= at < width]
        low, high = min(columns, default=0), max(columns, default=-1) + 1
        shares = _equal(rows[:, low:high], 0, tolerance).mean(axis=0)
        flat = [bool(shares[at - low] >= FLAT) for at in columns]
        starts = range(len(flat) - OUTSIDE + 1)
        edge = next((k for k in starts if all(flat[k : k + OUTSIDE])), len(flat))
        ends_there = bool(columns) and columns[-1] in (0, width - 1)
        if ends_there and len(flat) - edge < NARROWEST and all(flat[edge:]):
            found.append(columns[-1] + out)
        elif edge < len(flat):
            found.append(columns[edge])
        else:
            return None
    first, end = found[0] + 1, found[1]
    return (first, end) if end - first >= SHORTEST else None


def _along(
    pixels: np.ndarray, ends: tuple[int, int], span: tuple[int, int], tolerance: int
) -> Iterator[tuple[float, float]]:
    """Of each side in columns that is not the picture's own border: how flat it is just outside, and how much of it
    differs across; 0 for the second where the inside is flat, or where a quarter of the side differs too little.
    """
    rows, width = pixels[span[0] : span[1]], pixels.shape[1]
    for outside, out in ((ends[0] - 1, -1), (ends[1], 1)):
        if not 0 <= outside < width:
            continue
        lines = [at for at in range(outside, outside + out * OUTSIDE, out) if 0 <= at < width]
        flat = min(float(_equal(rows[:, at : at + 1], 0, tolerance).mean()) for at in lines)
        inner = outside - out
        differs = ~_equal(rows[:, [inner, outside]], 1, tolerance)[:, 0]
        varied = max(float(_equal(rows[:, at : at + 1], 0, tolerance).mean()) for at in (inner, inner - out)) <= VARIED
        least = min(float(part.mean()) for part in np.array_split(differs, 4))
        yield flat, float(differs.mean()) if varied and least >= ACROSS / 2 else 0.0
