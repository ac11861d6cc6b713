"""Means, medians and maxima of neighbours, as `scipy.ndimage` gives them, whose import takes a fifth of a second of
every fresh process that says a verdict.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def running_means(values: np.ndarray, size: int) -> np.ndarray:
    """Means of `size` neighbours along the last axis, the ends repeated beyond themselves.

    Parameters
    ----------
    values : np.ndarray [shape=(..., n), dtype=float64]
    size : int
        Neighbours, the value itself among them, at least 1; of an even number one more lies before than behind.

    Returns
    -------
    np.ndarray [shape=(..., n), dtype=float64]
        As of `scipy.ndimage.uniform_filter1d(values, size, mode="nearest")`, by sums carried along.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.running import running_means
    >>> running_means(np.array([0.0, 3.0, 6.0]), 3).tolist()
    [1.0, 3.0, 5.0]
    """
    padded = _repeated(values, size)
    first = np.cumsum(padded[..., :size], axis=-1)[..., -1:]
    sums = np.cumsum(np.concatenate([first, padded[..., size:] - padded[..., :-size]], axis=-1), axis=-1)
    return np.asarray(sums / size)


def running_medians(values: np.ndarray, size: int) -> np.ndarray:
    """Medians of `size` neighbours along the last axis, the upper one of an even number, the ends repeated beyond
    themselves: `scipy.ndimage.median_filter` with mode `nearest`.

    Parameters
    ----------
    values : np.ndarray [shape=(..., n)]
    size : int
        Neighbours, the value itself among them, at least 1; of an even number one more lies before than behind.

    Returns
    -------
    np.ndarray [shape=(..., n)]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.running import running_medians
    >>> running_medians(np.array([0, 9, 1, 2]), 3).tolist()
    [0, 1, 2, 2]
    """
    windows = sliding_window_view(_repeated(values, size), size, axis=-1)
    return np.asarray(np.partition(windows, size // 2, axis=-1)[..., size // 2])


def running_maxima(values: np.ndarray, size: int) -> np.ndarray:
    """Largest of `size` neighbours along the last axis, at the ends of those that there are.

    Parameters
    ----------
    values : np.ndarray [shape=(..., n)]
    size : int
        Neighbours, the value itself among them, at least 1; of an even number one more lies before than behind.

    Returns
    -------
    np.ndarray [shape=(..., n)]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.running import running_maxima
    >>> running_maxima(np.array([3, 1, 2]), 3).tolist()
    [3, 3, 2]
    """
    return np.asarray(sliding_window_view(_repeated(values, size), size, axis=-1).max(axis=-1))


def _repeated(values: np.ndarray, size: int) -> np.ndarray:
    before = size // 2
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(before, size - 1 - before)], mode="edge")
