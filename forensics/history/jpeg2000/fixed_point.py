"""Confirmation by idempotence: re-encode with the recovered transforms through OpenJPEG, and compare with a grid
moved by one pixel.

The encoder's rate control cuts bit planes where it likes, so that no second encoding repeats the first. But at the
recovered alignment most coefficients already are zero or coarse, which makes the picture cheap: at the same rate it
comes back nearer than when the grid is moved by one pixel. The rate at which the difference is greatest is reported.
"""

from __future__ import annotations

import numpy as np
from forensics_features.planes import to_rgb8

from forensics.history.fixed_point import FixedPoint, aligned, compare
from forensics.history.jpeg2000.explained import parameter
from forensics.history.jpeg2000.findings import Jpeg2000History
from forensics.results.history import Parameter

_RATIOS = (4.0, 8.0, 16.0, 32.0)
"""Compression ratios at which the encoder is tried."""
_BORDER = 32
"""Pixels in which the crop's own border acts."""


def fixed_point(pixels: np.ndarray, history: Jpeg2000History) -> FixedPoint | None:
    """Re-encode with the history's wavelet, levels, colour transform and phase; None where nothing was found or the
    encoder is missing.

    Raises nothing of its own; `unchanged` and `psnr` are those of the ratio with the greatest gain in PSNR.
    """
    from forensics.codecs import registry

    codec = registry.get("jpeg2000")
    if not history.found or history.wavelet is None or not codec.availability().encode:
        return None
    picture = to_rgb8(pixels)
    period = 1 << history.levels_at_least
    parts = [aligned(picture[shift:, shift:], history.phase, period) for shift in (0, 1)]
    if min(min(part.shape[:2]) for part in parts) < 3 * _BORDER:
        return None
    best: FixedPoint | None = None
    for ratio in _RATIOS:
        results = [
            compare(part, codec.decode(codec.encode(part, ratio=ratio, **_options(history))), _BORDER) for part in parts
        ]
        tried = FixedPoint(results[0][0], results[1][0], results[0][1], results[1][1], ratio)
        if best is None or _gain(tried) > _gain(best):
            best = tried
    return best


def confirmation(pixels: np.ndarray, history: Jpeg2000History) -> tuple[Parameter, Parameter]:
    """How much nearer recompression comes at the recovered alignment than off it, and the share of samples that the
    recovered lattice explains; the reason why, where one is not tested.
    """
    return _gain_of(pixels, history), parameter(pixels, history)


def _gain_of(pixels: np.ndarray, history: Jpeg2000History) -> Parameter:
    name = "fixed_point_gain"
    point = fixed_point(pixels, history)
    if point is None:
        return Parameter(
            name, None, reason=history.reason or "not tested: no encoder, or too small a picture for the levels found"
        )
    basis = (
        f"recompressed at {point.ratio:g}:1 with the recovered transforms it comes back at {point.psnr:.1f} dB, one "
        f"pixel off the grid at "
        f"{point.psnr_control:.1f} dB"
    )
    return Parameter(name, round(_gain(point), 2), unit="dB", basis=basis)


def _options(history: Jpeg2000History) -> dict[str, str | int | bool]:
    return {
        "wavelet": str(history.wavelet),
        "levels": history.levels or history.levels_at_least,
        "colour_transform": history.colour_transform != "none",
    }


def _gain(point: FixedPoint) -> float:
    return min(point.psnr, 99.0) - min(point.psnr_control, 99.0)
