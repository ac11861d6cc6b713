"""How exactly a picture is drawn: equal neighbours, what lies beside sharp edges, windows that are flat or nearly so,
exact greys, and chroma as sharp as luma; no part of the vector.

A lossy codec leaves deviations of some levels around the edges of what is drawn, and mostly blurs chroma; sensors leave
them everywhere. One of these alone proves nothing: a fine codec leaves most of a flat ground alone, and draughtsmen
shade. They are weighed together with what judges say (`forensics_models.innocence`).
"""

from __future__ import annotations

import numpy as np

NAMES = (
    "equal", "beside.count", "beside.equal", "beside.near", "beside.equal_to_near",
    "flat4", "near4", "flat_to_near4", "flat8", "near8", "flat_to_near8",
    "grey", "near_grey", "extreme", "chroma.sharp", "luma.sharp", "chroma.to_luma",
)  # fmt: skip
"""What `exactness` measures, in its order."""

SIDE = 640
"""Largest part that is looked at, from the middle, in pixels a side: 0.1 s."""
LEAST_SIDE = 9
"""Fewest pixels a side: one more than the largest window."""
_EDGE = 40
"""Difference of neighbours, in levels, from which there is a sharp edge between them."""
_NEAR, _NEARLY_FLAT = 3, 4
"""Largest difference of neighbours, and largest range of a window, in levels, that a fine codec leaves of none."""


def exactness(rgb: np.ndarray) -> np.ndarray:
    """Measures of how exactly a picture is drawn.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8]
        At least `LEAST_SIDE` a side.

    Returns
    -------
    np.ndarray [shape=(len(NAMES),), dtype=float64]
        Log-odds of shares of neighbours, windows or pixels, and logarithms of ratios.

    Raises
    ------
    ValueError
        Another shape or type, or a smaller picture.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.exactness import NAMES, exactness
    >>> flat = np.full((64, 64, 3), 200, np.uint8)
    >>> round(float(exactness(flat)[NAMES.index("equal")]), 1)  # every neighbour is equal
    6.9
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < LEAST_SIDE:
        raise ValueError(f"pictures are (height, width, 3) of uint8, {LEAST_SIDE} a side or more, not {rgb.shape}")
    part = _middle(rgb).astype(np.int16)
    across, down = (_over_channels(np.abs(np.diff(part, axis=axis)), np.maximum) for axis in (1, 0))
    equal = float(np.mean(np.concatenate([across.ravel(), down.ravel()]) == 0))
    found = [_log_odds(equal), *_beside_edges(across, down), *_windows(part, 4), *_windows(part, 8)]
    return np.array([*found, *_greys(part), *_sharpness(part)])


def _middle(rgb: np.ndarray) -> np.ndarray:
    top, left = (max(0, (n - SIDE) // 2) for n in rgb.shape[:2])
    return rgb[top : top + SIDE, left : left + SIDE]


def _over_channels(part: np.ndarray, of: np.ufunc) -> np.ndarray:
    """Channel by channel: along an axis of three NumPy takes forty times as long."""
    return np.asarray(of(of(part[..., 0], part[..., 1]), part[..., 2]))


def _log_odds(share: float) -> float:
    return float(np.log(share + 1e-3) - np.log(1 - share + 1e-3))


def _shares(equal: int, near: int, of: int) -> tuple[float, float, float]:
    """Log-odds of what is equal and nearly so, and the logarithm of their ratio; zeros where there is none."""
    if of == 0:
        return 0.0, 0.0, 0.0
    return _log_odds(equal / of), _log_odds(near / of), float(np.log((equal + 1) / (near + 1)))


def _beside_edges(across: np.ndarray, down: np.ndarray) -> tuple[float, ...]:
    """How many neighbours follow a sharp edge, and how many of them are equal, or nearly so."""
    behind = [
        *(across[:, 1:][across[:, :-1] > _EDGE], across[:, :-1][across[:, 1:] > _EDGE]),
        *(down[1:][down[:-1] > _EDGE], down[:-1][down[1:] > _EDGE]),
    ]
    steps = np.concatenate(behind)
    pixels = across.shape[0] * down.shape[1]
    equal = int((steps == 0).sum())
    near = int(((steps > 0) & (steps <= _NEAR)).sum())
    return float(np.log2(len(steps) / pixels + 1e-4)), *_shares(equal, near, len(steps))


def _windows(part: np.ndarray, side: int) -> tuple[float, float, float]:
    """How many windows, at every second place, are flat in all channels, or nearly so."""
    ranges = _running(part, side, np.maximum) - _running(part, side, np.minimum)
    ranges = _over_channels(ranges[::2, ::2], np.maximum)
    near = (ranges > 0) & (ranges <= _NEARLY_FLAT)
    return _shares(int((ranges == 0).sum()), int(near.sum()), ranges.size)


def _running(part: np.ndarray, side: int, of: np.ufunc) -> np.ndarray:
    """Maxima or minima of all windows, whose side is a power of two."""
    at = 1
    while at < side:
        part = of(part[:-at], part[at:])
        part = of(part[:, :-at], part[:, at:])
        at *= 2
    return part


def _greys(part: np.ndarray) -> tuple[float, float, float]:
    """Pixels of three equal samples, and of nearly equal ones; samples at either end of the scale."""
    spread = _over_channels(part, np.maximum) - _over_channels(part, np.minimum)
    near = (spread > 0) & (spread <= _NEAR)
    extreme = (part == 0) | (part == 255)
    return _log_odds(float((spread == 0).mean())), _log_odds(float(near.mean())), _log_odds(float(extreme.mean()))


def _sharpness(part: np.ndarray) -> tuple[float, float, float]:
    """Second over first differences of chroma and of luma, and second differences of chroma over those of luma."""
    luma = part @ np.array([0.299, 0.587, 0.114])
    chroma = part[..., 2] - luma, part[..., 0] - luma
    fine, coarse = sum(_second(one) for one in chroma) + 0.05, sum(_first(one) for one in chroma) + 0.05
    own = _second(luma) + 0.05
    return float(np.log(fine / coarse)), float(np.log(own / (_first(luma) + 0.05))), float(np.log(fine / own))


def _second(plane: np.ndarray) -> float:
    across = np.abs(plane[:, 2:] - 2 * plane[:, 1:-1] + plane[:, :-2]).mean()
    return float(across + np.abs(plane[2:] - 2 * plane[1:-1] + plane[:-2]).mean())


def _first(plane: np.ndarray) -> float:
    return float(np.abs(plane[:, 2:] - plane[:, :-2]).mean() + np.abs(plane[2:] - plane[:-2]).mean())
