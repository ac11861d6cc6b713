"""Blocks that hold few frequencies, searched among those alone.

In a block that is flat, or flat along an axis, samples next to each other are rounded alike, and what rounding adds is
no noise: all of it lies in one coefficient or few, levels away from the right ones, and many sets of coefficients lie
nearer. Hardly any of those does without high frequencies. So the lowest frequencies along each axis are tried alone,
few first, in a lattice of as many directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from forensics.history.jpeg.planes import coefficients
from forensics.reconstruction.lattice_beam import Lattice

_SIDES = (1, 2, 3, 4, 5, 6, 8)
"""Lowest frequencies that are tried along an axis."""
_SETS, _WAYS = 1024, 5
"""Sets that are tried, and multiples of a coefficient: bounds on work, a millisecond each time. Of a block flat along
an axis in a file found (quality 98) the right set is the 141st and three steps away in one coefficient, of another,
flat for the most part (98.5), it comes out with 1,024 sets and not with 64."""


@cache
def _parts() -> tuple[np.ndarray, ...]:
    """Frequencies of each part by their numbers, few first; not all."""
    numbers = np.arange(64).reshape(8, 8)
    parts = [numbers[:down, :across].ravel() for down in _SIDES for across in _SIDES]
    return tuple(sorted((part for part in parts if len(part) < 64), key=len))


def sets_of_few(samples: np.ndarray, off: float, lattice_of: Callable[[np.ndarray], Lattice]) -> Iterator[np.ndarray]:
    """Sets of coefficients of a block by one part of the frequencies after another.

    Parameters
    ----------
    samples : np.ndarray [shape=(64,), dtype=float]
        Estimates of its samples.
    off : float
        Levels by which each of them may be wrong: parts outside which they show more are left out.
    lattice_of : callable
        The lattice of some frequencies, by their numbers.

    Yields
    ------
    np.ndarray [shape=(n, 64), dtype=int64]
    """
    squares = coefficients(np.asarray(samples, np.float32)[None])[0].astype(np.float64) ** 2
    squares[0] = 0
    for part in _parts():
        if squares.sum() - squares[part].sum() <= 64 * off * off:
            yield lattice_of(part).nearest(_SETS, ways=_WAYS)
