"""Random preparations and after-steps for training: what a picture may have been through before and after a codec."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forensics.dataset.camera import BAYER_PHASES, DEMOSAICINGS, Camera
from forensics.dataset.preparation import (
    COLOUR_SPACES,
    INTERPOLATIONS,
    TURNS,
    ColourSpace,
    Crop,
    Grey,
    Palette,
    Requantise,
    Resize,
    Step,
    SubsampledChroma,
    Trim,
    Turn,
)
from forensics.dataset.sources import Source

KINDS: Mapping[str, float] = {
    "as-is": 0.22,
    "camera": 0.25,
    "resized": 0.17,
    "colour-space": 0.08,
    "soft-chroma": 0.14,
    "palette": 0.04,
    "grey": 0.10,
}
"""Shares of the kinds of preparation; those that look most like a codec's traces, or leave least to tell, are frequent.
"""

FACTORS = (0.4, 1.6)
"""Range of the factor of a random resizing, drawn log-uniform."""

AFTER_SHARE = 0.12
"""Share of compressed files with a step after decoding."""

SHIFTED_SHARE = 0.4
"""Share of chains whose second codec works on other block positions than the first."""


def draw_preparation(source: Source, sides: tuple[int, int], numbers: np.random.Generator) -> tuple[str, list[Step]]:
    """A kind out of `KINDS` and its steps; the result's sides lie between `sides`, as far as the source allows.

    Parameters
    ----------
    source : Source
        Gives width and height; both at least `sides[0]`.
    sides : (int, int)
        Smallest and largest side of the prepared picture in pixels.
    """
    kind = str(numbers.choice(list(KINDS), p=list(KINDS.values())))
    if kind == "camera":
        return kind, _camera(source, sides, numbers)
    if kind == "resized":
        return kind, _resized(source, sides, numbers)
    steps: list[Step] = [random_crop(source.height, source.width, sides, numbers)]
    if kind == "colour-space":
        steps.append(ColourSpace(str(numbers.choice(COLOUR_SPACES))))
    elif kind == "soft-chroma":
        steps.append(draw_chroma(numbers))
    elif kind == "palette":
        steps.append(Palette(int(2 ** numbers.uniform(3, 8)), bool(numbers.random() < 0.5)))
    elif kind == "grey":
        steps.append(Grey(channels=1 if numbers.random() < 0.5 else 3))
    if numbers.random() < 0.25:
        steps.append(Turn(str(numbers.choice(TURNS))))
    return kind, steps


def draw_after(numbers: np.random.Generator) -> tuple[Step, ...]:
    """Nothing, or in `AFTER_SHARE` of the cases one step that leaves a picture in its class."""
    if numbers.random() >= AFTER_SHARE:
        return ()
    if numbers.random() < 0.8:
        return (Turn(str(numbers.choice(TURNS))),)
    return (Requantise(round(float(numbers.uniform(0.85, 0.99)), 3)),)


def draw_shift(numbers: np.random.Generator) -> tuple[Step, ...]:
    """What lies between two codecs: in `SHIFTED_SHARE` of the cases a few rows and columns fewer, else nothing."""
    if numbers.random() >= SHIFTED_SHARE:
        return ()
    return (Trim(int(numbers.integers(16)), int(numbers.integers(16))),)


def draw_chroma(numbers: np.random.Generator) -> SubsampledChroma:
    """A random history of chroma subsampling without a codec: mostly halved along both axes, mostly linear
    interpolation.
    """
    horizontal, vertical = [(2, 2), (2, 1), (1, 2)][int(numbers.choice(3, p=[0.7, 0.25, 0.05]))]
    return SubsampledChroma(
        horizontal,
        vertical,
        str(numbers.choice(list(INTERPOLATIONS), p=[0.12, 0.5, 0.2, 0.1, 0.08])),
        cosited=bool(numbers.random() < 0.5),
        rounded=bool(numbers.random() < 0.4),
    )


def draw_camera(downsample: int, numbers: np.random.Generator) -> Camera:
    """A random camera: from a clean one at low sensitivity to a noisy one, with any demosaicing and sharpening."""
    return Camera(
        downsample=downsample,
        gamma=round(float(numbers.uniform(1.8, 2.4)), 3),
        contrast=round(float(numbers.choice([0.0, numbers.uniform(0, 0.6)])), 3),
        shot=_significant(10 ** numbers.uniform(-5, -2.3)),
        read=_significant(10 ** numbers.uniform(-3.7, -2.0)),
        phase=str(numbers.choice(BAYER_PHASES)),
        demosaicing=str(numbers.choice(DEMOSAICINGS, p=[0.05, 0.2, 0.4, 0.35])),
        red_gain=round(float(numbers.uniform(1.2, 2.4)), 3),
        blue_gain=round(float(numbers.uniform(1.2, 2.2)), 3),
        sharpening=round(float(numbers.choice([0.0, numbers.uniform(0.1, 1.2)], p=[0.3, 0.7])), 3),
        radius=round(float(numbers.uniform(0.5, 1.6)), 2),
        seed=int(numbers.integers(2**31)),
    )


def random_crop(height: int, width: int, sides: tuple[int, int], numbers: np.random.Generator) -> Crop:
    """A rectangle of random sides and offset inside `height` x `width`; small crops are the exception."""
    least, most = sides
    # The larger of two draws: most crops are near the largest size, which is worth more patches in training.
    drawn = numbers.integers(least, most + 1, (2, 2)).max(axis=0)
    tall, wide = min(int(drawn[0]), height), min(int(drawn[1]), width)
    top, left = int(numbers.integers(height - tall + 1)), int(numbers.integers(width - wide + 1))
    return Crop(top, left, tall, wide)


def _camera(source: Source, sides: tuple[int, int], numbers: np.random.Generator) -> list[Step]:
    """A camera on a region, then a crop that takes its borders off, or resizing as half the cameras' pictures see."""
    least, most = sides
    largest = min(source.height, source.width) // (least + 8)
    downsample = int(numbers.choice([1, 2])) if largest >= 2 else 1
    region = _region(source, downsample * (most + 8), numbers)
    steps: list[Step] = [region, draw_camera(downsample, numbers)]
    height, width = region.height // downsample, region.width // downsample
    if numbers.random() < 0.3 and min(height, width) * 0.95 >= least:
        lowest = max(0.6, least / min(height, width))
        size = _scaled(height, width, float(numbers.uniform(lowest, 1.0)))
        steps.append(_draw_resize(*size, numbers))
        height, width = size
    return [*steps, random_crop(height, width, sides, numbers)]


def _resized(source: Source, sides: tuple[int, int], numbers: np.random.Generator) -> list[Step]:
    lowest = max(FACTORS[0], min(1.0, sides[0] / min(source.height, source.width)))
    factor = float(np.exp(numbers.uniform(np.log(lowest), np.log(FACTORS[1]))))
    region = _region(source, int(np.ceil(sides[1] / factor)) + 8, numbers)
    size = _scaled(region.height, region.width, factor)
    return [region, _draw_resize(*size, numbers), random_crop(*size, sides, numbers)]


def _region(source: Source, side: int, numbers: np.random.Generator) -> Crop:
    """A region of at most `side` a side: what later steps need of a large source, and no more."""
    height, width = min(side, source.height), min(side, source.width)
    top, left = int(numbers.integers(source.height - height + 1)), int(numbers.integers(source.width - width + 1))
    return Crop(top, left, height, width)


def _scaled(height: int, width: int, factor: float) -> tuple[int, int]:
    return max(1, round(height * factor)), max(1, round(width * factor))


def _draw_resize(height: int, width: int, numbers: np.random.Generator) -> Resize:
    return Resize(height, width, str(numbers.choice(list(INTERPOLATIONS))), bool(numbers.random() < 0.7))


def _significant(value: float) -> float:
    return float(f"{value:.4g}")
