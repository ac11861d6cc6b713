"""Where do blocks start? Places of the first block of a picture that does not begin with one, as of a picture that was
rotated and turned back.

Borders of blocks change the differences between neighbours (`block_phases`). Along each axis the place modulo 8 is the
one at which they are farthest from their mean; larger blocks start at some of those places, and borders of the largest
differ most.

Reference: Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history: JPEG detection and quantizer
estimation", IEEE TIP 2003, doi:10.1109/TIP.2002.807361 (blockiness by the place of the grid).
"""

from __future__ import annotations

import numpy as np

from forensics_features.block_phases import LEAST_SIDE, block_phases

_BLOCK = 8
"""Side of the smallest blocks that are looked for, in pixels."""
_CHROMA = 0.5
"""Weight of each chroma plane beside luma."""


def origins(pixels: np.ndarray, count: int) -> list[tuple[int, int]]:
    """The places at which the first whole block most probably starts, the likeliest first.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
    count : int
        Places tried along each axis.

    Returns
    -------
    list of (int, int)
        Rows and columns from 0 to 63, of which at least `block_phases.LEAST_SIDE` pixels are left; none of a smaller
        picture.

    Raises
    ------
    TypeError, ValueError
        See `planes.as_planes`.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.block_origin import origins
    >>> blocks = np.kron(np.random.default_rng(0).integers(0, 256, (30, 30), np.uint8), np.ones((8, 8), np.uint8))
    >>> row, column = origins(blocks[3:, 5:], 1)[0]
    >>> row % 8, column % 8
    (5, 3)
    """
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return []
    phases = block_phases(pixels)
    across, down = (phases[0, axis] + _CHROMA * (phases[1, axis] + phases[2, axis]) for axis in (0, 1))
    rows, columns = _places(down, count), _places(across, count)
    tall, wide = (side - LEAST_SIDE for side in pixels.shape[:2])
    pairs = sorted(((i + j, row, column) for i, row in enumerate(rows) for j, column in enumerate(columns)))
    return [(row, column) for _, row, column in pairs if row <= tall and column <= wide]


def _places(phases: np.ndarray, count: int) -> list[int]:
    """Likely places of the first border along an axis, by phases of shape (differences, `FOLD`)."""
    apart = np.abs(phases - phases.mean(axis=1, keepdims=True))
    folded = np.abs(phases.reshape(len(phases), -1, _BLOCK).mean(axis=1) - phases.mean(axis=1, keepdims=True))
    place = int(folded.sum(axis=0).argmax())
    larger = apart.sum(axis=0)[place::_BLOCK]
    return [place + _BLOCK * int(at) for at in np.argsort(-larger, kind="stable")[:count]]
