"""Differences between neighbours, as far as the scene does not explain them: what interpolation is looked for in.

How large a difference is depends on gradients and textures first. Samples of like gradient and like texture are
compared with each other; what is left is the lattice's: which samples are copies and which are means, where blocks end.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_CAP = 30.0
"""Levels above which a difference counts no more."""
_ALIKE = 12
"""Classes of gradient and of texture, each with as many samples, in which sizes are compared."""


def second_differences(plane: np.ndarray) -> np.ndarray:
    """Twice every sample less its neighbours along the second axis, `np.ndarray [shape=(rows, columns - 2)]`."""
    return np.asarray(2 * plane[:, 1:-1] - plane[:, :-2] - plane[:, 2:])


def sizes(difference: np.ndarray) -> np.ndarray:
    """Logarithms of sizes of differences in levels, capped, `np.ndarray [shape as given]`."""
    return np.asarray(np.log(np.minimum(np.abs(difference), _CAP) + 0.5))


def classes(luma: np.ndarray) -> np.ndarray:
    """The class of each sample by the gradient of a blurred picture and the texture around.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=float32]

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=int64]
    """
    blurred = ndimage.gaussian_filter(luma, 1.5)
    gradient = np.hypot(ndimage.sobel(blurred, 0), ndimage.sobel(blurred, 1))
    texture = ndimage.uniform_filter(np.abs(luma - ndimage.uniform_filter(luma, 9)), 9)
    shares = np.linspace(0, 1, _ALIKE + 1)[1:-1]
    first, second = (
        np.searchsorted(np.quantile(one[::3, ::3], shares), one.ravel()).reshape(luma.shape)
        for one in (gradient, texture)
    )
    return np.asarray(first * _ALIKE + second)


def unexplained(values: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Values less the mean of their class, in its standard deviations.

    Parameters
    ----------
    values : np.ndarray [shape=(height, width)]
    alike : np.ndarray [shape=(height, width), dtype=int64]
        As of `classes`.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.unexplained import unexplained
    >>> unexplained(np.array([[1.0, 3.0, 10.0, 30.0]]), np.array([[0, 0, 1, 1]])).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    flat, of = values.ravel().astype(np.float64), alike.ravel()
    count = np.maximum(np.bincount(of, minlength=_ALIKE**2), 1)
    mean = np.bincount(of, flat, minlength=_ALIKE**2) / count
    spread = np.sqrt(np.maximum(np.bincount(of, flat**2, minlength=_ALIKE**2) / count - mean**2, 1e-4))
    return np.asarray(((flat - mean[of]) / spread[of]).reshape(values.shape), np.float32)


def over_surroundings(power: np.ndarray, reach: int) -> np.ndarray:
    """A power spectrum over the level around each frequency, 1 on average for noise, `np.ndarray [shape as given]`.

    Parameters
    ----------
    power : np.ndarray [shape=(m,), dtype=float64]
        Of a profile padded with zeros to several times its length.
    reach : int
        Every fourth frequency counts; so many of these around one make its level, their median.
    """
    every = np.arange(0, len(power), 4)
    level = ndimage.median_filter(power[::4], size=reach, mode="nearest")
    around = np.interp(np.arange(len(power)), every, level) / np.log(2)
    return np.asarray(power / np.maximum(around, 1e-12))
