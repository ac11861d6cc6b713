"""Pictures at other sizes by interpolating splines, a matrix for each axis."""

from __future__ import annotations

import numpy as np

DEGREE = 5
"""Of the splines: all figures of reductions that are undone, and of native sizes, are by this degree."""


def matrix(count: int, places: np.ndarray) -> np.ndarray:
    """The matrix that interpolates samples in a line at some places.

    Parameters
    ----------
    count : int
        Samples, more than `DEGREE`.
    places : np.ndarray [shape=(n,), dtype=float64]
        In samples; the ends count for those beyond.

    Returns
    -------
    np.ndarray [shape=(n, count), dtype=float64]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import splines
    >>> np.round(splines.matrix(8, np.array([2.5])) @ np.arange(8.0), 6).tolist()
    [2.5]
    """
    from scipy.interpolate import make_interp_spline

    spline = make_interp_spline(np.arange(count), np.eye(count), k=DEGREE)
    return np.asarray(spline(np.clip(places, 0, count - 1)))


def middles(old: int, new: int) -> np.ndarray:
    """Where the middles of `new` samples lie among `old` ones of the same extent, `np.ndarray [shape=(new,)]`.

    Examples
    --------
    >>> from forensics_features import splines
    >>> splines.middles(4, 2).tolist()
    [0.5, 2.5]
    """
    return np.asarray((np.arange(new) + 0.5) * old / new - 0.5)


def interpolated(samples: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """A picture interpolated along both axes, rounded.

    Parameters
    ----------
    samples : np.ndarray [shape=(height, width) or (height, width, channels), dtype=uint8]
    down, across : np.ndarray [shape=(h, height) and (w, width), dtype=float64]
        As of `matrix`.

    Returns
    -------
    np.ndarray [shape=(h, w) or (h, w, channels), dtype=uint8]
    """
    planes = samples.reshape(*samples.shape[:2], -1).astype(np.float64)
    made = np.stack([down @ planes[:, :, c] @ across.T for c in range(planes.shape[2])], axis=2)
    whole = np.clip(np.rint(made), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(whole.reshape(*whole.shape[:2], *samples.shape[2:]))
