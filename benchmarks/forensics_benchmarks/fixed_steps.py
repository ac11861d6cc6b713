"""Six makers at fixed strengths, each as decoded and after one step at a fixed strength, by Pillow alone: what the part
`fixed` of `verdicts` is made of.

Anyone can make them again without this package, and builds can be compared by them; the part `processed` draws
strengths and programs at random, and wider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from forensics.dataset.encoders import encoder
from forensics_benchmarks.conditions import noised

MAKERS: Mapping[str, tuple[str, str, float]] = {
    "JPEG 75": ("jpeg", "quality", 75),
    "JPEG 92": ("jpeg", "quality", 92),
    "WebP 80": ("webp", "quality", 80),
    "AVIF 60": ("avif", "quality", 60),
    "HEIC 60": ("heic", "quality", 60),
    "JPEG 2000 16:1": ("jpeg2000", "ratio", 16),
}
"""Encoder, its strength parameter and value, by name."""


_TOLERANCE = 0.1
"""Share of a ratio that its file may be off."""


def coded(maker: str, pixels: np.ndarray) -> np.ndarray:
    """A picture after one of `MAKERS`, `np.ndarray [shape=(height, width, 3), dtype=uint8]`; raises as `coded_at`."""
    return coded_at(*MAKERS[maker], pixels, _TOLERANCE)


def coded_at(name: str, parameter: str, value: float, pixels: np.ndarray, tolerance: float) -> np.ndarray:
    """A picture after an encoder at one strength; `parameter` is one of the encoder's, or `ratio`, which the file keeps
    to within a share of `tolerance` where it can.

    Raises
    ------
    ForensicsError
        The encoder does not run here, or fails.
    """
    codec = encoder(name)
    if parameter == "ratio":
        from forensics.codecs.target.search import to_ratio

        return to_ratio(codec, pixels, value, tolerance=tolerance, strict=False).pixels
    return codec.decode(codec.encode(pixels, **{parameter: round(value) if codec.strength.integer else value}))


def _resized(factor: float, kernel: Image.Resampling) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.resize((round(picture.width * factor), round(picture.height * factor)), kernel)


def _rotated(picture: Image.Image) -> Image.Image:
    lost = round(0.04 * max(picture.size)) + 2
    return picture.rotate(2, Image.Resampling.BICUBIC).crop((lost, lost, picture.width - lost, picture.height - lost))


def _noised(picture: Image.Image) -> Image.Image:
    return Image.fromarray(noised(np.asarray(picture), np.random.default_rng(2), 2))


STEPS: Mapping[str, tuple[str, Callable[[Image.Image], Image.Image]]] = {
    "nothing": ("nothing", lambda picture: picture),
    "bicubic 0.5": ("reduced", _resized(0.5, Image.Resampling.BICUBIC)),
    "Lanczos 0.75": ("reduced", _resized(0.75, Image.Resampling.LANCZOS)),
    "bilinear 1.25": ("enlarged", _resized(1.25, Image.Resampling.BILINEAR)),
    "Lanczos 2": ("enlarged", _resized(2, Image.Resampling.LANCZOS)),
    "rotated by 2 degrees, bicubic": ("rotated", _rotated),
    "Gaussian blur, sigma 0.6": ("blurred", lambda picture: picture.filter(ImageFilter.GaussianBlur(0.6))),
    "unsharp mask, 1 px, 80 %": ("sharpened", lambda picture: picture.filter(ImageFilter.UnsharpMask(1, 80, 0))),
    "median 3x3": ("median", lambda picture: picture.filter(ImageFilter.MedianFilter(3))),
    "saturation 1.2": ("recoloured", lambda picture: ImageEnhance.Color(picture).enhance(1.2)),
    "to grey": ("grey", lambda picture: picture.convert("L")),
    "palette of 256": ("palette", lambda picture: picture.quantize(256).convert("RGB")),
    "noise, sigma 2": ("noise", _noised),
}
"""What happens since: its kind, and the step, by name."""


def after(step: str, pixels: np.ndarray) -> np.ndarray:
    """A picture after one of `STEPS`.

    Parameters
    ----------
    step : str
    pixels : np.ndarray [shape=(height, width, 3), dtype=uint8]

    Returns
    -------
    np.ndarray [shape=(h, w, 3) or (h, w), dtype=uint8]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_benchmarks import fixed_steps
    >>> fixed_steps.after("bilinear 1.25", np.zeros((40, 80, 3), np.uint8)).shape
    (50, 100, 3)
    """
    return np.asarray(STEPS[step][1](Image.fromarray(pixels)))
