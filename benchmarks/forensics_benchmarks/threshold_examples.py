"""What sets of pictures for thresholds are made of: examples with their truth, and how they are drawn."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image


class Example(NamedTuple):
    """A picture, or a pair of them, and what is true of it."""

    pixels: np.ndarray
    truth: dict[str, Any]
    other: np.ndarray | None = None


Make = Callable[[Sequence[np.ndarray], int, np.random.Generator], Iterator[Example]]
Read = Callable[[Example], dict[str, str]]


def outcome(declared: object, truth: object) -> str:
    """`open` where nothing is declared, else whether it is true."""
    return "open" if declared is None else "right" if declared == truth else "wrong"


def crop(pixels: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """A square at a place that is drawn."""
    top, left = (int(rng.integers(max(1, length - side + 1))) for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def drawn(sources: Sequence[np.ndarray], number: int, side: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Crops of the sources in turn."""
    for index in range(number):
        yield crop(sources[index % len(sources)], side, rng)


def jpeg(pixels: np.ndarray, quality: int, **options: Any) -> np.ndarray:
    """Coded by Pillow and decoded."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, **options)
    return np.asarray(Image.open(stream).convert("RGB"))
