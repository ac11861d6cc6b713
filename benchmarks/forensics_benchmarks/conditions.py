"""What happens to a picture after decoding, for the suite `robustness`: steps that weaken or remove traces, by name and
level.

The truth of a patch stays the codec before the step. A step acts on the whole decoded picture, so that nothing ends at
a patch's border but the patch itself; it draws from the file's id, so it is the same for every model and in any order
of work.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

NONE = "none"


@dataclass(frozen=True)
class Condition:
    """One step at one level.

    Attributes
    ----------
    group, level : str, float
        Curves are drawn over the levels of a group; `unit` is the level's.
    apply : callable
        From pixels `[shape=(height, width, 3) or (height, width), dtype=uint8]` and a random generator to the same of
        any size.
    """

    group: str
    level: float
    unit: str
    apply: Callable[[np.ndarray, np.random.Generator], np.ndarray]

    @property
    def name(self) -> str:
        """Group and level, as in the table's column `condition`."""
        return f"{self.group}-{self.level:g}"


def resized(pixels: np.ndarray, numbers: np.random.Generator, factor: float) -> np.ndarray:
    """Bicubic resizing, antialiased where it shrinks."""
    height, width = pixels.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def resaved(pixels: np.ndarray, numbers: np.random.Generator, quality: float) -> np.ndarray:
    """Saved once more as JPEG, 4:2:0 with standard tables, and decoded."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=int(quality))
    with Image.open(stream) as picture:
        return np.asarray(picture)


def noised(pixels: np.ndarray, numbers: np.random.Generator, sigma: float) -> np.ndarray:
    """Independent Gaussian noise of `sigma` levels, rounded and clipped."""
    return np.clip(np.rint(pixels + numbers.normal(0.0, sigma, pixels.shape)), 0, 255).astype(np.uint8)


def gamma_corrected(pixels: np.ndarray, numbers: np.random.Generator, exponent: float) -> np.ndarray:
    """Every level v becomes 255 (v / 255) ** exponent, rounded."""
    table = np.rint(255.0 * (np.arange(256) / 255.0) ** exponent).astype(np.uint8)
    return table[pixels]


def screenshot(pixels: np.ndarray, numbers: np.random.Generator, factor: float) -> np.ndarray:
    """Scaled bilinearly by `factor` and pasted on a plain canvas with a frame, as a viewer shows it; the picture fills
    most of it.
    """
    height, width = pixels.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
    top, left, right = int(numbers.integers(8, 40)), int(numbers.integers(0, 32)), int(numbers.integers(0, 32))
    shape = (small.shape[0] + top, small.shape[1] + left + right, *small.shape[2:])
    canvas = np.full(shape, int(numbers.choice([255, 240, 30])), np.uint8)
    canvas[top - 2 : top, :] = 128
    canvas[top:, left : left + small.shape[1]] = small
    return canvas


def _levels(group: str, unit: str, step: Callable[..., np.ndarray], levels: tuple[float, ...]) -> list[Condition]:
    def at(level: float) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
        return partial(_call, step, level)

    return [Condition(group, level, unit, at(level)) for level in levels]


def _call(
    step: Callable[..., np.ndarray], level: float, pixels: np.ndarray, numbers: np.random.Generator
) -> np.ndarray:
    return step(pixels, numbers, level)


CONDITIONS: Mapping[str, Condition] = {
    condition.name: condition
    for condition in (
        *_levels("resize", "factor", resized, (0.5, 0.75, 0.9, 1.1, 1.25, 1.5)),
        *_levels("jpeg", "quality", resaved, (95, 90, 75)),
        *_levels("noise", "sigma in levels", noised, (1, 2, 3)),
        *_levels("gamma", "exponent", gamma_corrected, (0.8, 1.25)),
        *_levels("screenshot", "factor", screenshot, (0.8, 1.0, 1.25)),
    )
}
"""All conditions by name."""


def apply(name: str, pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """Pixels after the condition of that name; `none` leaves them."""
    return pixels if name == NONE else CONDITIONS[name].apply(np.ascontiguousarray(pixels), numbers)
