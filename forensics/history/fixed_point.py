"""How nearly a picture is a fixed point of an encoder: what confirmations by recompression have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SIDE = 512
"""Most pixels a side of the part that is recompressed, so that a large picture costs no more than a small one."""


@dataclass(frozen=True)
class FixedPoint:
    """How nearly a picture is a fixed point of an encoder.

    Attributes
    ----------
    unchanged, unchanged_control : float
        Share of inner samples that the encoder leaves as they are, 0..1: at the recovered phase, and one pixel right
        and below.
    psnr, psnr_control : float
        Of the second encoding against the picture, in dB; infinite where nothing changes.
    ratio : float
        Compression ratio of the second encoding at the recovered phase.
    """

    unchanged: float
    unchanged_control: float
    psnr: float
    psnr_control: float
    ratio: float


def compare(picture: np.ndarray, again: np.ndarray, margin: int) -> tuple[float, float]:
    """Share of equal samples and PSNR in dB of two pictures of one shape, `margin` pixels from the border left out."""
    inner = slice(margin, -margin or None)
    difference = picture[inner, inner].astype(np.int16) - again[inner, inner]
    error = float(np.mean(np.square(difference, dtype=np.float64)))
    return float(np.mean(difference == 0)), float(10 * np.log10(255**2 / error)) if error else float("inf")


def aligned(picture: np.ndarray, phase: tuple[int, int], period: int) -> np.ndarray:
    """The part that starts on the grid and has whole periods, at most `_SIDE` pixels a side."""
    rows, columns = (
        min((length - first) // period * period, _SIDE) for length, first in zip(picture.shape[:2], phase, strict=True)
    )
    return np.ascontiguousarray(picture[phase[0] : phase[0] + rows, phase[1] : phase[1] + columns])
