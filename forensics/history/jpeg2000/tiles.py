"""JPEG 2000's tiles: lines along which the wavelet transform breaks off and is reflected, so that the coefficients next
to them fit no lattice.

Tiles are transformed apart from each other (T.800 B.3). Taking the transform across a boundary gives, for the one to
three high-pass samples next to it, values that no quantiser left; every other row or column of coefficients keeps to
the lattice.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from forensics.history.jpeg2000.lattice import BIN, BINS
from forensics.history.jpeg2000.levels import Space, score_table, unclipped, valid_bands
from forensics.history.jpeg2000.transform import components, forward, synthesis_norms

_DIP = 6.0
"""Robust standard deviations by which a line's mean score lies under the median of all."""
_LEAST_DIP = 0.1
"""Least dip of a line against its surroundings that counts: more than the 0.06 that `_DIP` asks for in a picture
without scatter. Decides little: of six validation pictures, three of them in tiles, the tiles of one are read,
with 0, this and 0.2 alike, and of none that has none."""
_SLACK = 1
"""Lines are located to this many pixels."""
_JOINED = 4
"""Dips this close are those of one boundary, in pixels."""
_LEAST_TILE = 32
"""Smallest side of a tile that is read, in pixels: `_lines` takes at most an eighth of the lines, two pixels apart,
for boundaries, and a boundary spoils one to three of them, two in the mean: 2 * 8 * 2. The tiles of T.800's
Profile 0 have 128."""


def tile_lines(picture: np.ndarray, space: Space) -> tuple[list[int], list[int]]:
    """Rows and columns at which a tile begins, found in `picture` [shape=(height, width[, 3]), dtype=uint8].

    Of 5/3, each number of planes up to the one that stands out is tried: a boundary shows best under the highest that
    all code-blocks share.
    """
    masks = valid_bands(unclipped(picture), space.wavelet, space.parity)
    planes = components(picture, space.transform, space.wavelet)
    details = [forward(plane, space.wavelet, space.parity) for plane in planes]
    columns = range(space.hypothesis + 1) if space.wavelet == "5/3" else (space.hypothesis,)
    tables = [score_table(space.wavelet)[:, column] for column in columns]
    found = []
    for axis, band in ((0, 2), (1, 1)):
        codes = [_codes(bands[band], space, band) for bands in details]
        number = len(codes) * masks[band].sum(axis=1 - axis)
        totals = [sum((table[code] * masks[band]).sum(axis=1 - axis) for code in codes) for table in tables]
        found.append(
            max((_lines(np.asarray(total), number, first=space.parity[axis] ^ 1) for total in totals), key=len)
        )
    return found[0], found[1]


def _codes(band: np.ndarray, space: Space, number: int) -> np.ndarray:
    """Bins of the magnitudes of a first-level band, `np.ndarray [dtype=int64]`."""
    size = 1.0 if space.wavelet == "5/3" else synthesis_norms(space.wavelet, 1)[number] / BIN
    return np.minimum(np.abs(band) * size, BINS - 1).astype(np.int64)


def _lines(total: np.ndarray, number: np.ndarray, *, first: int) -> list[int]:
    """Boundaries from the sums of scores and the counts of each line of high-pass samples, the first one at `first`."""
    usable = number >= 16
    if usable.sum() < 16:
        return []
    mean = total / np.maximum(number, 1)
    middle = float(np.median(mean[usable]))
    spread = 1.4826 * float(np.median(np.abs(mean[usable] - middle))) + 0.01
    dips = np.flatnonzero(usable & (middle - mean > max(_DIP * spread, _LEAST_DIP)))
    # Content that keeps to no lattice at all would dip everywhere.
    if not 0 < len(dips) <= len(mean) // 8:
        return []
    places = first + 2 * dips
    groups = np.split(places, np.flatnonzero(np.diff(places) > _JOINED) + 1)
    return [int(np.median(group)) + 1 for group in groups]


def tile_size(lines: tuple[list[int], list[int]], period: int) -> int | None:
    """Side of square tiles where two boundaries show it; None where they do not, or are no multiple of `period` apart.

    `period` is that of the grid of the last level seen: boundaries lie on it.
    """
    gaps = [b - a for axis in lines for a, b in pairwise(axis)]
    sizes = [round(gap / period) * period for gap in gaps if abs(gap - round(gap / period) * period) <= _SLACK]
    if not sizes or len(sizes) < len(gaps) or min(sizes) < _LEAST_TILE or any(size % min(sizes) for size in sizes):
        return None
    return min(sizes)
