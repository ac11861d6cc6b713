"""The largest part of a picture that has one compression history: where its parameters can be read.

A step of a pasted region is no step of the rest, and a table read off both together is neither's. The part is a
rectangle, which a second person can cut out and read again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from forensics.localisation.outputs import sentence
from forensics.localisation.regions import Localisation
from forensics.results.analysis import Window

LEAST_SIDE = 96
"""Least side of a part in pixels: what the recovery of JPEG XR, which needs most, can read."""
ALIGNED = 64
"""A part begins at multiples of so many pixels, the largest block of the codecs (HEVC's coding tree unit, AV1's
superblock) and a multiple of the others', so that phases stated relative to its corner hold for the whole picture."""
_FINE, _MANY = 16, 1 << 22
"""Lattice of a part's ends in pixels, `ALIGNED` for pictures of more than so many: a bound on work."""


class ReadIn(NamedTuple):
    """Where parameters are to be read: a `part`, None for the whole picture, and what a reader should know of it."""

    part: Window | None
    note: str


def where_to_read(found: Localisation | None, codec: str | None) -> ReadIn:
    """Where the parameters of a codec are to be read.

    Parameters
    ----------
    found : Localisation or None
        The map and its regions; None where none was made.
    codec : str or None
        The verdict's codec, BPG and HEIC as one; None where it is open.

    Returns
    -------
    ReadIn
        The whole picture, without a note, where no region departs.
    """
    if found is None:
        return ReadIn(
            None,
            "parameters and earlier compressions are those of the whole picture: whether a region of it has another "
            "history was not looked for (no map was made)",
        )
    if not found.regions:
        return ReadIn(None, "")
    departing = "; ".join(f"region {sentence(number, one, found)}" for number, one in enumerate(found.regions, 1))
    part = clear_part(found, found.host.codec if codec is None else codec)
    if part is None:
        return ReadIn(
            None,
            "parameters and earlier compressions are read in the whole picture, regions that depart included, and may "
            f"be wrong for each: no part of one history is large enough ({departing})",
        )
    return ReadIn(
        part,
        f"parameters, traces and earlier compressions are read in a part without regions that depart, x {part.left} "
        f"to {part.left + part.width}, y {part.top} to {part.top + part.height} ({departing})",
    )


def clear_part(found: Localisation, codec: str) -> Window | None:
    """The largest rectangle of one codec's history, half a window away from all others; None where it has a side below
    `LEAST_SIDE`, or the codec is neither the host's nor a region's.

    Parameters
    ----------
    found : Localisation
    codec : str
        One of `forensics.localisation.histories.CODECS`.
    """
    if codec == found.host.codec:
        parts = [~found.mask]
    else:
        own = [region.cells for region in found.regions if region.history.codec == codec]
        parts = [found.map.to_pixels(cells) for cells in own]
    cell = _FINE if found.map.height * found.map.width <= _MANY else ALIGNED
    margin = found.map.window_height // 2, found.map.window_width // 2
    windows = [one for part in parts if (one := _largest(_clear(part, margin), cell)) is not None]
    best = max(windows, key=lambda one: one.height * one.width, default=None)
    return best if best is not None and min(best.height, best.width) >= LEAST_SIDE else None


def _clear(part: np.ndarray, margin: tuple[int, int]) -> np.ndarray:
    """Pixels of a part with no other pixel as near as the margin; the picture's border is none."""
    near = ndimage.maximum_filter((~part).view(np.uint8), (2 * margin[0] + 1, 2 * margin[1] + 1), mode="nearest")
    return np.asarray(near == 0)


def _largest(free: np.ndarray, cell: int) -> Window | None:
    """The largest rectangle of free pixels that begins at multiples of `ALIGNED` and ends at multiples of `cell` or at
    the picture's border.
    """
    height, width = free.shape
    rows, columns = -(-height // cell), -(-width // cell)
    padded = np.ones((rows * cell, columns * cell), bool)
    padded[:height, :width] = free
    cells = np.asarray(padded.reshape(rows, cell, columns, cell).all(axis=(1, 3)))
    starts = np.arange(0, columns, ALIGNED // cell)
    best: Window | None = None
    for top in range(0, rows, ALIGNED // cell):
        below = np.ones(columns, bool)
        for bottom in range(top + 1, rows + 1):
            below &= cells[bottom - 1]
            if not below.any():
                break
            ends = np.append(np.flatnonzero(~below), columns)
            runs = ends[np.searchsorted(ends, starts)]
            wide = np.minimum(runs * cell, width) - starts * cell
            at = int(wide.argmax())
            tall = min(bottom * cell, height) - top * cell
            if wide[at] > 0 and (best is None or tall * wide[at] > best.height * best.width):
                best = Window(top * cell, int(starts[at]) * cell, tall, int(wide[at]))
    return best
