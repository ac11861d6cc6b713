"""Levels of the sRGB curve and of linear light, for pictures that were resampled in it; no part of the vector.

Squoosh, and libvips and ImageMagick where told so, resample light and not the stored levels: linear along a line is
then what the curve of IEC 61966-2-1 decodes.
"""

from __future__ import annotations

import numpy as np

_KNEE, _SLOPE, _OFFSET, _EXPONENT = 0.04045, 12.92, 0.055, 2.4
"""IEC 61966-2-1, 5.2."""


def _curve(offset: float) -> np.ndarray:
    stored = np.minimum(np.arange(256) + offset, 255) / 255
    return 255 * np.where(stored <= _KNEE, stored / _SLOPE, ((stored + _OFFSET) / (1 + _OFFSET)) ** _EXPONENT)


_LIGHT, _OF_CUT = _curve(0.0), _curve(0.5)


def decoded(pixels: np.ndarray, cut: bool = False) -> np.ndarray:
    """Linear light of stored levels, 0 to 255, `np.ndarray [shape as given, dtype=float64]`.

    Parameters
    ----------
    pixels : np.ndarray [dtype=uint8]
    cut : bool
        Whether they were cut off to whole levels, as Squoosh's are, and not rounded: half a level is added.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import linear_light
    >>> linear_light.decoded(np.array([0, 128, 255], np.uint8)).round(1)
    array([  0.,  55., 255.])
    """
    return np.asarray((_OF_CUT if cut else _LIGHT)[pixels])


def encoded(light: np.ndarray) -> np.ndarray:
    """Stored levels of linear light, clipped to 0 and 255, not rounded, `np.ndarray [shape as given, dtype=float64]`.

    Parameters
    ----------
    light : np.ndarray [dtype=float64]
    """
    share = np.clip(light / 255, 0, 1)
    curved = (1 + _OFFSET) * share ** (1 / _EXPONENT) - _OFFSET
    stored = np.where(share <= _KNEE / _SLOPE, share * _SLOPE, curved)
    return np.asarray(255 * stored)
