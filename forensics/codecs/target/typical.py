"""How far common codecs compress a common picture at each strength: what a search for a target starts from.

The figures only save encodes. A search begins where the typical curve meets the target and measures distances along it,
so a codec or a picture that differs costs a few files more and reaches the same.
"""

from __future__ import annotations

import math

import numpy as np

from forensics.codecs.base import Strength

# Medians over eight photographs and drawings (centres of 320x320 pixels, RGB), every switch at its default: settings
# from the finest to the coarsest, the natural logarithm of the compression ratio, and that of 1 - SSIM.
_CURVES: dict[tuple[str, str], tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    ("jpeg", "quality"): (
        (100, 98, 95, 90, 80, 70, 55, 40, 20, 10, 5, 1),
        (1.2, 1.45, 1.77, 2.07, 2.43, 2.68, 2.94, 3.16, 3.62, 4.11, 4.47, 4.71),
        (-7.07, -5.73, -4.62, -3.79, -3.09, -2.75, -2.46, -2.24, -1.84, -1.43, -1.08, -0.83),
    ),
    ("jpeg2000", "ratio"): (
        (2, 3, 4, 6, 10, 16, 25, 40, 64, 100, 200, 400),
        (1.23, 1.23, 1.39, 1.79, 2.3, 2.77, 3.22, 3.69, 4.16, 4.61, 5.3, 5.97),
        (-6.98, -6.67, -6.4, -5.3, -3.97, -3.14, -2.48, -1.92, -1.52, -1.27, -0.94, -0.66),
    ),
    ("jpeg2000", "psnr"): (
        (50, 48, 46, 44, 41, 38, 35, 32, 29, 26, 24, 22),
        (1.5, 1.6, 1.71, 1.84, 2.07, 2.33, 2.68, 3.02, 3.5, 4.22, 5.17, 6.12),
        (-6.34, -5.74, -5.41, -5.05, -4.13, -3.63, -3.1, -2.56, -1.9, -1.33, -1.04, -0.83),
    ),
    ("jpeg2000", "step"): (
        (0.002, 0.004, 0.006, 0.01, 0.015, 0.025, 0.04, 0.07, 0.12, 0.2, 0.35, 0.5),
        (0.83, 1.15, 1.34, 1.6, 1.84, 2.18, 2.56, 3.06, 3.76, 4.52, 5.24, 5.72),
        (-9.03, -6.91, -6.07, -5.17, -4.61, -3.79, -3.15, -2.44, -1.88, -1.47, -1.1, -0.96),
    ),
    ("jpegxr", "level"): (
        (0.999, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.499, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.001),
        (0.76, 1.03, 1.29, 1.53, 1.88, 2.07, 2.24, 2.43, 2.51, 2.72, 2.91, 3.15, 3.47, 3.71, 3.83, 3.94),
        (
            -8.69,
            -7.38,
            -6.28,
            -5.59,
            -4.72,
            -4.18,
            -3.65,
            -3.21,
            -3.44,
            -3.08,
            -2.81,
            -2.54,
            -2.21,
            -2.0,
            -1.91,
            -1.84,
        ),
    ),
    ("jpegxr", "quantizer"): (
        (2, 5, 10, 15, 20, 30, 40, 55, 70, 90, 120, 160),
        (1.17, 1.46, 1.73, 1.92, 2.06, 2.28, 2.56, 3.1, 3.87, 5.0, 6.28, 6.55),
        (-6.81, -6.27, -5.49, -4.97, -4.56, -3.93, -3.34, -2.57, -1.86, -1.24, -0.7, -0.33),
    ),
    ("webp", "quality"): (
        (100, 98, 95, 90, 80, 70, 55, 40, 20, 10, 5, 0),
        (1.78, 1.85, 2.05, 2.37, 2.8, 3.04, 3.15, 3.29, 3.71, 4.08, 4.37, 5.2),
        (-5.59, -5.39, -4.96, -4.36, -3.52, -3.13, -2.86, -2.61, -2.19, -1.89, -1.69, -1.19),
    ),
    ("avif", "quality"): (
        (99, 98, 95, 90, 80, 70, 60, 50, 40, 25, 10, 1),
        (1.62, 1.74, 1.94, 2.22, 2.56, 2.82, 3.13, 3.5, 3.84, 4.54, 5.08, 5.47),
        (-6.43, -6.04, -5.54, -4.92, -4.15, -3.69, -3.24, -2.79, -2.34, -1.76, -1.43, -1.27),
    ),
    ("avif", "quantizer"): (
        (1, 2, 4, 6, 10, 16, 24, 32, 40, 48, 56, 63),
        (1.59, 1.72, 1.93, 2.1, 2.36, 2.64, 2.92, 3.28, 3.75, 4.49, 5.24, 5.99),
        (-6.64, -6.17, -5.56, -5.14, -4.62, -4.04, -3.51, -2.89, -2.34, -1.85, -1.44, -1.01),
    ),
    ("heic", "quality"): (
        (100, 95, 90, 80, 70, 60, 50, 40, 30, 20, 10, 0),
        (1.37, 1.37, 1.46, 1.75, 2.11, 2.49, 2.91, 3.4, 3.93, 4.54, 5.35, 5.83),
        (-7.5, -7.5, -7.28, -6.41, -5.51, -4.55, -3.7, -2.95, -2.29, -1.72, -1.28, -1.07),
    ),
    ("jpegxl", "distance"): (
        (0.05, 0.1, 0.2, 0.4, 0.7, 1, 1.5, 2.5, 4, 7, 12, 25),
        (0.87, 1.16, 1.49, 1.82, 2.1, 2.32, 2.59, 3.04, 3.47, 3.97, 4.41, 4.96),
        (-7.49, -6.91, -6.2, -5.43, -4.84, -4.31, -3.73, -3.07, -2.57, -2.01, -1.57, -1.15),
    ),
    ("bpg", "qp"): (
        (1, 4, 8, 12, 16, 20, 24, 28, 32, 38, 44, 51),
        (1.34, 1.48, 1.67, 1.89, 2.17, 2.47, 2.81, 3.2, 3.49, 4.23, 5.34, 6.46),
        (-7.67, -7.32, -6.54, -5.76, -5.07, -4.48, -3.76, -3.16, -2.61, -1.91, -1.41, -1.04),
    ),
}
"""Class and strength parameter: settings, log ratio, log (1 - SSIM)."""

RATIO, DISSIMILARITY = 1, 2
"""The two curves: log of the ratio, log of 1 - SSIM."""

_STRAIGHT = {RATIO: (math.log(3), math.log(300)), DISSIMILARITY: (math.log(0.002), math.log(0.5))}
_LEAST_RISE = 0.1
"""Rise over a whole segment that is added to every curve, so that flat stretches keep an order."""


class Scale:
    """A segment of a strength parameter, measured along its typical curve.

    A place on the scale is the typical value of the goal there, so the places of two settings differ by about as much
    as their values will. Places rise strictly with strength.

    Attributes
    ----------
    finest, coarsest : float
        Places of the segment's two ends.
    """

    def __init__(self, codec_class: str, strength: Strength, curve: int) -> None:
        self.strength = strength
        known = _CURVES.get((codec_class, strength.parameter))
        nodes, values = np.array([0.0, 1.0]), np.array(_STRAIGHT[curve])
        rise = _LEAST_RISE
        if strength.parameter == "ratio" and curve == RATIO:
            values, rise = np.log([strength.finest, strength.coarsest]), 0.0
        elif known is not None:
            settings = np.array([self._share(setting) for setting in known[0]])
            nodes = np.unique([0.0, 1.0, *settings[(settings > 0) & (settings < 1)]])
            order = np.argsort(settings)
            values = np.interp(nodes, settings[order], np.array(known[curve])[order])
        self._positions = nodes
        self._places = np.maximum.accumulate(values) + rise * nodes
        self.finest, self.coarsest = float(self._places[0]), float(self._places[-1])

    def place(self, setting: float) -> float:
        """The place of a setting."""
        return float(np.interp(self.position(setting), self._positions, self._places))

    def distance(self, value: float) -> float:
        """How far a value is from those that are typical of the segment, 0 inside it."""
        return max(self.finest - value, value - self.coarsest, 0.0)

    def position(self, setting: float) -> float:
        """Where in [0, 1] of its segment a setting lies; the inverse of `Strength.at`, clipped."""
        return min(max(self._share(setting), 0.0), 1.0)

    def _share(self, setting: float) -> float:
        finest, coarsest = self.strength.finest, self.strength.coarsest
        if self.strength.logarithmic and setting > 0:
            return math.log(setting / finest) / math.log(coarsest / finest)
        return (setting - finest) / (coarsest - finest)

    def position_at(self, place: float) -> float:
        """The position in [0, 1] of a place, clipped to the segment."""
        return float(np.interp(place, self._places, self._positions))
