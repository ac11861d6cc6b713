"""What steps after decoding share: rounding to levels, linear light, and OpenCV where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from forensics.errors import CodecUnavailable


def missing(program: str) -> str:
    """Why a program of `resampling_steps.PROGRAMS` does not run here; empty where it does."""
    try:
        if program == "opencv":
            import cv2  # noqa: F401
        if program == "swscale":
            import av  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed"
    return ""


def opencv() -> Any:
    """The module cv2 on one thread; raises `CodecUnavailable` where it is not installed."""
    reason = missing("opencv")
    if reason:
        raise CodecUnavailable(f"opencv: {reason}")
    import cv2

    cv2.setNumThreads(1)
    return cv2


def to_linear(pixels: np.ndarray) -> np.ndarray:
    """Levels 0..255 of sRGB to linear intensities 0..1 (IEC 61966-2-1)."""
    unit = pixels / 255.0
    return np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)


def from_linear(linear: np.ndarray) -> np.ndarray:
    """Linear intensities, cut to 0..1, to levels 0..255 of sRGB, unrounded (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def to_levels(values: np.ndarray) -> np.ndarray:
    """Values rounded and cut to levels, `np.ndarray [dtype=uint8]` of the same shape."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
