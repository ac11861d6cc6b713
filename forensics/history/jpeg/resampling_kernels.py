"""Kernels by which programs resize, as the weights of each sample that they make."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from forensics.codecs.decoders import conversions


class Kernel(NamedTuple):
    """A kernel of resampling.

    Attributes
    ----------
    name : str
    reach : float
        Half of its width, in samples.
    values : callable
        Its values at places in samples from its middle, an array for an array.
    widened : bool
        Whether it is widened where a picture is reduced, as by programs that keep from aliasing.
    """

    name: str
    reach: float
    values: Callable[[np.ndarray], np.ndarray]
    widened: bool = True


def _even(values: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """A kernel of distances, of places on either side."""
    return lambda places: values(np.abs(places))


def _box(x: np.ndarray) -> np.ndarray:
    return np.where((x > -0.5) & (x <= 0.5), 1.0, 0.0)


_TRIANGLE = _even(conversions.KERNELS["bilinear"])
KERNELS = (
    Kernel("cubic", 2.0, _even(partial(conversions.cubic, slope=-0.5))),
    Kernel("triangle", 1.0, _TRIANGLE),
    Kernel("Lanczos", 3.0, _even(conversions.KERNELS["lanczos"])),
    Kernel("box", 0.5, _box),
    Kernel("linear", 1.0, _TRIANGLE, widened=False),
    Kernel("sharp cubic", 2.0, _even(conversions.KERNELS["cubic-sharp"]), widened=False),
)
"""Those of Pillow, ImageMagick, browsers and OpenCV: a cubic of -0.5, a triangle, Lanczos' of three lobes and means
over areas, widened; and OpenCV's linear and cubic ones, which are not."""


def taps(old: int, new: int, used: int, kernel: Kernel) -> tuple[np.ndarray, np.ndarray]:
    """Which of `old` samples each of the first `used` of `new` samples is made of, and by which weights.

    Returns
    -------
    at : np.ndarray [shape=(used, count), dtype=int64]
        Samples; those beyond an end stand for the one at it, with weight 0.
    weights : np.ndarray [shape=(used, count), dtype=float64]
        With the sum 1.

    Examples
    --------
    >>> from forensics.history.jpeg.resampling_kernels import KERNELS, taps
    >>> at, weights = taps(8, 4, 1, KERNELS[3])
    >>> [(int(place), float(weight)) for place, weight in zip(at[0], weights[0]) if weight]
    [(0, 0.5), (1, 0.5)]
    """
    ratio = old / new
    wide = max(ratio, 1.0) if kernel.widened else 1.0
    middle = (np.arange(used) + 0.5) * ratio
    first = np.floor(middle - kernel.reach * wide).astype(np.int64)
    at = first[:, None] + np.arange(math.ceil(2 * kernel.reach * wide) + 2)
    weights = np.where((at >= 0) & (at < old), kernel.values((at + 0.5 - middle[:, None]) / wide), 0.0)
    return np.clip(at, 0, old - 1), weights / weights.sum(axis=1, keepdims=True)
