"""Pictures larger than the sources: four of one origin laid side by side around a random point, none enlarged, before
anything is encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from forensics_models.fused import as_rgb

from forensics.dataset import sources
from forensics.errors import UsageError

SIDE = 576
"""Width and height of a canvas, in pixels."""
_TRIES = 200
"""Draws after which a place is given up: a bound on work."""


def by_origin(folder: Path, split: str) -> dict[str, list[Path]]:
    """Source files in the sub-folder `split` by where they come from."""
    found: dict[str, list[Path]] = {}
    for name in sources.find(folder / split):
        found.setdefault(sources.origin_of(name), []).append(folder / split / name)
    return found


def canvas(members: Sequence[Path], numbers: np.random.Generator) -> np.ndarray:
    """Parts of four sources, drawn with repetition: `np.ndarray [shape=(SIDE, SIDE, 3), dtype=uint8]`.

    Raises `UsageError` where hardly any source is large enough for a part, which is up to two thirds of a side.
    """
    low = SIDE // 3
    row, column = (int(numbers.integers(low, SIDE - low + 1)) for _ in range(2))
    parts = [_part(members, tall, wide, numbers) for tall in (row, SIDE - row) for wide in (column, SIDE - column)]
    return np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])


def _part(members: Sequence[Path], tall: int, wide: int, numbers: np.random.Generator) -> np.ndarray:
    for _ in range(_TRIES):
        pixels = as_rgb(sources.load(members[int(numbers.integers(len(members)))]))
        if pixels.shape[0] >= tall and pixels.shape[1] >= wide:
            top, left = (
                int(numbers.integers(pixels.shape[0] - tall + 1)),
                int(numbers.integers(pixels.shape[1] - wide + 1)),
            )
            return pixels[top : top + tall, left : left + wide]
    raise UsageError(
        f"canvases need sources of {SIDE - SIDE // 3} pixels a side, and {members[0].parent.name!r} has hardly any of "
        f"{wide}x{tall}"
    )
