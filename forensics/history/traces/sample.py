"""Where the traces are looked for: all of a small picture, a bounded sample of a large one.

Places keep their distance to the picture's upper left corner modulo `ALIGNMENT`, so a phase found in one region is a
phase of the picture, whatever grid up to that period is meant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from forensics_features.planes import Planes, as_planes

ALIGNMENT = 64
"""Regions begin at multiples of this, in pixels."""
REGION_SIDE = 384
"""Side of a sampled region, in pixels."""
CENTRE_SIDE = 1536
"""Largest side of the central part, in pixels."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What the tests look at.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the picture.
    regions : tuple of Planes
        The whole picture, or four regions of `REGION_SIDE`, one in each quarter.
    origins : tuple of (int, int)
        Row and column of each region's first pixel.
    centre : Planes
        The whole picture, or its central part: for tests that need long rows and cost little.
    grey : bool
        Whether every region is grey.
    """

    shape: tuple[int, int]
    regions: tuple[Planes, ...]
    origins: tuple[tuple[int, int], ...]
    centre: Planes
    grey: bool


def draw_sample(pixels: np.ndarray, *, seed: int = 0) -> Sample:
    """Choose the regions of a picture.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, channels]), dtype=uint8 or uint16]
        At least 64 pixels a side; see `forensics_features.planes.as_planes` for what is refused.
    seed : int
        Of the regions' places in a large picture.
    """
    height, width = np.shape(pixels)[:2]
    if height * width <= 5 * REGION_SIDE**2 or min(height, width) < 2 * REGION_SIDE:
        top, left, tall, wide = _central(height, width, 5 * REGION_SIDE**2 // max(1, min(height, width, 1024)))
        origins: tuple[tuple[int, int], ...] = ((top, left),)
        regions: tuple[Planes, ...] = (as_planes(pixels[top : top + tall, left : left + wide]),)
    else:
        numbers = np.random.default_rng(seed)
        origins = tuple(
            (_place(height, row, numbers), _place(width, column, numbers)) for row in (0, 1) for column in (0, 1)
        )
        regions = tuple(as_planes(pixels[top : top + REGION_SIDE, left : left + REGION_SIDE]) for top, left in origins)
    top, left, tall, wide = _central(height, width, CENTRE_SIDE)
    centre = (
        regions[0]
        if len(regions) == 1 and (tall, wide) == regions[0].y.shape
        else as_planes(pixels[top : top + tall, left : left + wide])
    )
    return Sample((height, width), regions, origins, centre, all(region.grey for region in regions))


def _place(length: int, half: int, numbers: np.random.Generator) -> int:
    """A random aligned start of a region inside the first or second half of a side."""
    steps = (length // 2 - REGION_SIDE) // ALIGNMENT
    start = half * -(-(length // 2) // ALIGNMENT) * ALIGNMENT
    last = (length - REGION_SIDE) // ALIGNMENT * ALIGNMENT
    return min(start + ALIGNMENT * int(numbers.integers(steps + 1)), last)


def _central(height: int, width: int, most: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of the aligned central part of at most `most` pixels a side."""
    tall, wide = min(height, most), min(width, most)
    return (height - tall) // 2 // ALIGNMENT * ALIGNMENT, (width - wide) // 2 // ALIGNMENT * ALIGNMENT, tall, wide
