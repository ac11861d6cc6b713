"""Steps after decoding, by the arithmetic of several programs: filters, noise and composition, and those of
`resampling_steps` and `colour_steps`.

Each is a frozen dataclass as in `forensics.dataset.preparation`, which lists them among its `STEPS`; numbers that
depend on a seed are drawn from the seed the step holds. `forensics.dataset.random_afterwards` draws them. A program
that is missing here raises `CodecUnavailable`.

References
----------
.. [1] D. L. Donoho, I. M. Johnstone, "Adapting to unknown smoothness via wavelet shrinkage", JASA 1995,
       doi:10.1080/01621459.1995.10476626.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from forensics.dataset.colour_steps import (
    CHROMA_PATHS,
    GREYS,
    PALETTES,
    RECOLOURS,
    ChromaPath,
    GreyBy,
    Halftone,
    PaletteBy,
    Recolour,
)
from forensics.dataset.plane_steps import FilterPlanes
from forensics.dataset.resampling_steps import (
    HELD_OUT_PROGRAMS,
    OPENCV,
    PILLOW,
    PROGRAMS,
    SPLINES,
    SWSCALE,
    Repeat,
    Resample,
    Rotate,
)
from forensics.dataset.shrinkage_steps import Shrink
from forensics.dataset.step_arithmetic import missing, opencv, to_levels
from forensics.errors import UsageError

__all__ = [
    "CHROMA_PATHS",
    "COMPOSITIONS",
    "FILTERS",
    "GREYS",
    "HELD_OUT_PROGRAMS",
    "NOISES",
    "OPENCV",
    "PALETTES",
    "PILLOW",
    "PROGRAMS",
    "RECOLOURS",
    "SPLINES",
    "STEPS",
    "SWSCALE",
    "ChromaPath",
    "Compose",
    "Filter",
    "FilterPlanes",
    "GreyBy",
    "Halftone",
    "Noise",
    "PaletteBy",
    "Recolour",
    "Repeat",
    "Resample",
    "Rotate",
    "Shrink",
    "missing",
]

FILTERS = (
    "gaussian",
    "box",
    "pillow-gaussian",
    "unsharp",
    "sharpen",
    "median",
    "pillow-median",
    "bilateral",
    "wavelet",
    "non-local",
)
"""Values of `Filter.how`."""


@dataclass(frozen=True)
class Filter:
    """A local filter of one of `FILTERS`; `amount` is a radius in pixels, a window's side for medians, or a noise
    level.

    `strength` is the gain of sharpening.
    """

    kind: ClassVar[str] = "filter"
    how: str
    amount: float
    strength: float = 0.8

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The filtered picture."""
        if self.how not in FILTERS:
            raise UsageError(f"a filter is one of {', '.join(FILTERS)}, not {self.how!r}")
        sigma = (self.amount, self.amount) + (0.0,) * (pixels.ndim - 2)
        if self.how == "gaussian":
            return to_levels(ndimage.gaussian_filter(pixels.astype(np.float32), sigma))
        if self.how == "box":
            side = (round(self.amount),) * 2 + (1,) * (pixels.ndim - 2)
            return to_levels(ndimage.uniform_filter(pixels.astype(np.float32), side))
        if self.how == "sharpen":
            whole = pixels.astype(np.float32)
            return to_levels(whole + self.strength * (whole - ndimage.gaussian_filter(whole, sigma)))
        if self.how == "median":
            side = (round(self.amount),) * 2 + (1,) * (pixels.ndim - 2)
            return ndimage.median_filter(pixels, side)
        if self.how == "wavelet":
            return _shrunken(pixels, self.amount)
        if self.how in ("bilateral", "non-local"):
            return self._edge_preserving(pixels)
        made = {
            "pillow-gaussian": ImageFilter.GaussianBlur(self.amount),
            "unsharp": ImageFilter.UnsharpMask(self.amount, round(100 * self.strength), 0),
            "pillow-median": ImageFilter.MedianFilter(round(self.amount) | 1),
        }
        return np.asarray(Image.fromarray(pixels).filter(made[self.how]))

    def _edge_preserving(self, pixels: np.ndarray) -> np.ndarray:
        cv2 = opencv()
        if self.how == "bilateral":
            return cv2.bilateralFilter(pixels, 5, 4 * self.amount, 2.0)
        if pixels.ndim == 2:
            return cv2.fastNlMeansDenoising(pixels, None, self.amount, 5, 11)
        return cv2.fastNlMeansDenoisingColored(pixels, None, self.amount, self.amount, 5, 11)


def _shrunken(pixels: np.ndarray, level: float) -> np.ndarray:
    """Soft thresholds on three levels of an undecimated Haar transform [1]: no codec's wavelet, and no quantisation."""
    whole = pixels.astype(np.float32)
    details, low = [], whole
    for scale in (1, 2, 4):
        taps = np.zeros(2 * scale + 1, np.float32)
        taps[0] = taps[-1] = 0.25
        taps[scale] = 0.5
        next_low = ndimage.convolve1d(ndimage.convolve1d(low, taps, axis=0, mode="mirror"), taps, axis=1, mode="mirror")
        details.append(low - next_low)
        low = next_low
    for number, detail in enumerate(details):
        threshold = level * (0.8, 0.3, 0.12)[number]
        low = low + np.sign(detail) * np.maximum(np.abs(detail) - threshold, 0)
    return to_levels(low)


NOISES = ("gaussian", "poisson", "uniform", "salt", "grain")
"""Values of `Noise.how`; `grain` is blurred noise of luma, as film has it."""


@dataclass(frozen=True)
class Noise:
    """Added noise of one of `NOISES` with a standard deviation of `amount` levels (share of pixels in 10^-3 for
    `salt`).
    """

    kind: ClassVar[str] = "noise"
    how: str
    amount: float
    seed: int

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The noisy picture."""
        numbers, whole = np.random.default_rng(self.seed), pixels.astype(np.float32)
        if self.how == "gaussian":
            return to_levels(whole + numbers.normal(0, self.amount, pixels.shape))
        if self.how == "poisson":
            gain = (self.amount / 8) ** 2 * 2 + 1e-3
            return to_levels(numbers.poisson(whole / gain) * gain)
        if self.how == "uniform":
            return to_levels(whole + numbers.uniform(-1.7, 1.7, pixels.shape) * self.amount)
        if self.how == "salt":
            changed, made = numbers.random(pixels.shape[:2]) < self.amount / 1000, pixels.copy()
            made[changed] = numbers.choice(np.array([0, 255], np.uint8), int(changed.sum())).reshape(
                -1, *(1,) * (pixels.ndim - 2)
            )
            return made
        if self.how == "grain":
            field = ndimage.gaussian_filter(numbers.normal(0, 1, pixels.shape[:2]), 0.8)
            field *= self.amount / max(float(field.std()), 1e-9)
            return to_levels(whole + (field if pixels.ndim == 2 else field[:, :, None]))
        raise UsageError(f"noise is one of {', '.join(NOISES)}, not {self.how!r}")


COMPOSITIONS = ("border", "text", "interface", "alpha", "watermark", "corners")
"""Values of `Compose.how`."""


@dataclass(frozen=True)
class Compose:
    """Something put on or around the picture, of one of `COMPOSITIONS`; what and where comes from the seed."""

    kind: ClassVar[str] = "compose"
    how: str
    seed: int

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The composed picture, of the same size."""
        if self.how not in COMPOSITIONS:
            raise UsageError(f"a composition is one of {', '.join(COMPOSITIONS)}, not {self.how!r}")
        numbers = np.random.default_rng(self.seed)
        height, width = pixels.shape[:2]
        picture = Image.fromarray(pixels)
        ink: Any = tuple(int(v) for v in numbers.integers(0, 256, 3))
        fill: Any = ink if pixels.ndim == 3 else ink[0]
        if self.how in ("alpha", "watermark"):
            over = Image.new(picture.mode, picture.size, fill)
            mask = Image.new("L", picture.size, 0)
            draw = ImageDraw.Draw(mask)
            opacity = int(numbers.integers(40, 200))
            if self.how == "alpha":
                left, top = int(numbers.integers(0, width // 2)), int(numbers.integers(0, height // 2))
                draw.rectangle((left, top, left + width // 2, top + height // 2), fill=opacity)
            else:
                for row in range(0, height, 60):
                    draw.text((row % 120, row), "sample preview " * 4, fill=opacity, font=ImageFont.load_default(22))
            return np.asarray(Image.composite(over, picture, mask))
        draw = ImageDraw.Draw(picture)
        if self.how == "border":
            edge = int(numbers.integers(4, 24))
            draw.rectangle((0, 0, width - 1, height - 1), outline=fill, width=edge)
        elif self.how == "text":
            for _ in range(int(numbers.integers(1, 6))):
                place = int(numbers.integers(0, width * 3 // 4)), int(numbers.integers(0, height * 7 // 8))
                draw.text(
                    place, "The quick brown fox", fill=fill, font=ImageFont.load_default(int(numbers.integers(10, 34)))
                )
        elif self.how == "interface":
            tall = int(numbers.integers(16, 40))
            draw.rectangle((0, 0, width, tall), fill=fill)
            draw.text(
                (6, 2),
                "File   Edit   View",
                fill=255 if pixels.ndim == 2 else (255, 255, 255),
                font=ImageFont.load_default(13),
            )
            draw.rectangle((width - 14, tall, width, height), fill=fill)
        else:
            radius = int(numbers.integers(8, 40))
            mask = Image.new("L", picture.size, 0)
            ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), radius, fill=255)
            return np.asarray(Image.composite(picture, Image.new(picture.mode, picture.size, fill), mask))
        return np.asarray(picture)


STEPS = (
    Resample,
    Repeat,
    Rotate,
    Filter,
    Noise,
    Recolour,
    GreyBy,
    PaletteBy,
    Compose,
    ChromaPath,
    Halftone,
    Shrink,
    FilterPlanes,
)
"""All steps of this module, which `preparation.STEPS` lists with its own."""
