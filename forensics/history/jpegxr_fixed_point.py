"""Confirmation by idempotence: re-encode with the recovered parameters through jxrlib, and see how much of the picture stays.

Coefficients that already are multiples of the step pass the quantiser unchanged, so that a second encoding at the same phase, overlap
mode, subsampling and quantiser changes next to nothing, while one pixel beside it the same encoder changes most pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from forensics_features.planes import to_rgb8

from forensics.history.jpegxr import JpegxrHistory

_MACROBLOCK = 16
_SIDE = 512


@dataclass(frozen=True)
class FixedPoint:
    """How nearly a picture is a fixed point of an encoder.

    Attributes
    ----------
    unchanged, unchanged_beside : float
        Share of inner samples that the encoder leaves as they are, 0..1: at the recovered phase, and one pixel right and below.
    psnr, psnr_beside : float
        Of the second encoding against the picture, in dB; infinite where nothing changes.
    """

    unchanged: float
    unchanged_beside: float
    psnr: float
    psnr_beside: float


def compare(picture: np.ndarray, again: np.ndarray, margin: int) -> tuple[float, float]:
    """Share of equal samples and PSNR in dB of two pictures of one shape, `margin` pixels from the border left out."""
    inner = slice(margin, -margin or None)
    difference = picture[inner, inner].astype(np.int16) - again[inner, inner]
    error = float(np.mean(np.square(difference, dtype=np.float64)))
    return float(np.mean(difference == 0)), float(10 * np.log10(255**2 / error)) if error else float("inf")


def aligned(picture: np.ndarray, phase: tuple[int, int], period: int) -> np.ndarray:
    """The part that starts on the grid and has whole periods, at most `_SIDE` pixels a side."""
    rows, columns = (min((length - first) // period * period, _SIDE) for length, first in zip(picture.shape[:2], phase, strict=True))
    return np.ascontiguousarray(picture[phase[0] : phase[0] + rows, phase[1] : phase[1] + columns])


def fixed_point(pixels: np.ndarray, history: JpegxrHistory) -> FixedPoint | None:
    """Re-encode with the history's parameters; None where one that the encoder needs is missing, or the encoder is.

    jxrlib's command has one quantiser for all bands: the high-pass index is used, so that a picture whose bands have others is
    changed more.
    """
    from forensics.codecs import registry

    codec = registry.get("jpegxr-jxrlib")
    if history.overlap is None or history.high_pass is None or history.chroma_subsampling is None or history.phase is None:
        return None
    if history.period != _MACROBLOCK or not codec.availability().encode:
        return None
    picture = to_rgb8(pixels)
    options: dict[str, str | int] = {
        "quantizer": history.high_pass.quantizer, "overlap": history.overlap,
        "subsampling": "4:4:4" if history.chroma_subsampling == "grey" else history.chroma_subsampling,
    }  # fmt: skip
    results = []
    for shift in (0, 1):
        part = aligned(picture[shift:, shift:], history.phase, _MACROBLOCK)
        if min(part.shape[:2]) < 4 * _MACROBLOCK:
            return None
        results.append(compare(part, codec.decode(codec.encode(part, **options)), _MACROBLOCK))
    return FixedPoint(results[0][0], results[1][0], results[0][1], results[1][1])
