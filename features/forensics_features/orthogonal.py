"""Do the finest details of an orthogonal wavelet vanish at one place of four? Noise reduction that shrinks a decimated
transform leaves that; no part of the vector.

Details that were set to zero come back as what rounding to 8 bits leaves, at the samples where the transform was taken
and by its own filters alone: moved by one sample, or by other filters, they do not vanish. Picture codecs take
biorthogonal wavelets (JPEG 2000's 5/3 and 9/7), whose own details then vanish more, or blocks, beside whose borders
some places vanish as well: the least of all other places, by four rows and four columns, is what the best is held
against.

References
----------
.. [1] I. Daubechies, "Ten Lectures on Wavelets", SIAM 1992, tables 6.1 and 6.3: filters of `LOWPASS` but coiflets.
.. [2] I. Daubechies, "Orthonormal bases of compactly supported wavelets II", SIAM J. Math. Anal. 1993,
       doi:10.1137/0524031: coiflets.
.. [3] D. L. Donoho, I. M. Johnstone, "Adapting to unknown smoothness via wavelet shrinkage", JASA 1995,
       doi:10.1080/01621459.1995.10476626.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from forensics_features.packet_comb import HIGH_PASS
from forensics_features.planes import central, to_rgb8
from forensics_features.standards import LUMA_WEIGHTS

LOWPASS = {
    "haar": (0.707106781, 0.707106781),
    "db2": (-0.129409523, 0.224143868, 0.836516304, 0.482962913),
    "db3": (0.035226292, -0.085441274, -0.13501102, 0.459877502, 0.806891509, 0.332670553),
    "db4": (
        -0.010597402, 0.032883012, 0.030841382, -0.187034812, -0.027983769, 0.630880768, 0.714846571, 0.230377813,
    ),
    "db6": (
        -0.001077301, 0.004777258, 0.000553842, -0.031582039, 0.027522866, 0.097501606, -0.129766868, -0.226264694,
        0.315250352, 0.751133908, 0.49462389, 0.111540743,
    ),
    "sym4": (
        -0.075765715, -0.029635528, 0.497618668, 0.803738752, 0.297857796, -0.099219544, -0.012603967, 0.032223101,
    ),
    "sym6": (
        0.015404109, 0.003490712, -0.117990111, -0.048311743, 0.491055942, 0.787641141, 0.337929422, -0.072637523,
        -0.021060293, 0.044724902, 0.001767712, -0.007800708,
    ),
    "sym8": (
        -0.003382416, -0.000542132, 0.031695088, 0.007607487, -0.143294238, -0.061273359, 0.481359651, 0.777185752,
        0.364441895, -0.051945838, -0.02721903, 0.04913718, 0.003808752, -0.014952258, -0.000302921, 0.00188995,
    ),
    "coif1": (-0.015655728, -0.07273262, 0.384864847, 0.85257202, 0.337897662, -0.07273262),
    "coif2": (
        -0.000720549, -0.001823209, 0.005611435, 0.023680172, -0.059434419, -0.076488599, 0.417005184, 0.812723635,
        0.386110067, -0.067372555, -0.041464937, 0.016387336,
    ),
}  # fmt: skip
"""Scaling filters of orthogonal wavelets, as PyWavelets calls them and orders those of decomposition."""
BIORTHOGONAL = {"5/3": (-0.5, 1.0, -0.5), "9/7": tuple(HIGH_PASS)}
"""Filters of details of JPEG 2000's wavelets (ISO/IEC 15444-1, annex F), to a factor."""
MOST = 384
"""Side of the central part that is looked at, in pixels."""
LEAST_SIDE = 64
"""Side of a picture under which nothing is read: a place of sixteen then has 256 samples."""
_ROUNDING = 2.5
"""Standard deviations of rounding to 8 bits, uniform and independent between channels, beyond which a detail has not
vanished: 1.2 % of normal ones lie there."""
_FLOOR = 0.02
"""Added to shares before their logarithms: what lies beyond rounding by chance, and a little more for a second rounding
in planes of luma and chroma."""
_LUMA = np.array(LUMA_WEIGHTS["bt601"])


class Vanishing(NamedTuple):
    """How far details of an orthogonal wavelet vanish.

    Attributes
    ----------
    wavelet : str
        Of `LOWPASS`: at which they do most.
    contrast : float
        Logarithm of the share of details that have not vanished, at the place among 4x4 where fewest have not but the
        four that the wavelet itself would take, over that share at those four.
    lead : float
        By how much that is more than the contrast of JPEG 2000's wavelets, if those have any.
    left : float
        Share of details that have not vanished where the wavelet takes them.
    """

    wavelet: str
    contrast: float
    lead: float
    left: float


def vanishing(pixels: np.ndarray) -> Vanishing:
    """At which orthogonal wavelet the finest details vanish most, and how far.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The central part of a large picture is looked at (`MOST`).

    Returns
    -------
    Vanishing
        Without any contrast where the picture is smaller than `LEAST_SIDE`.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.orthogonal import vanishing
    >>> numbers = np.random.default_rng(0)
    >>> low, down, across = (numbers.integers(60, 100, (64, 64)) for _ in range(3))
    >>> made = [low, down - 80, across - 80]  # and no diagonal details
    >>> signs = ([[1, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]])
    >>> found = vanishing(sum(np.kron(plane, sign) for plane, sign in zip(made, signs)).astype(np.uint8))
    >>> found.wavelet, found.left, found.lead > 3
    ('haar', 0.0, True)
    """
    part = central(pixels, MOST, 4)[0]
    if min(part.shape[:2]) < LEAST_SIDE:
        return Vanishing("haar", 0.0, 0.0, 1.0)
    planes = tuple(_planes(to_rgb8(part)))
    codecs = max(_contrast(plane, f, noise)[0] for f in _biorthogonal() for plane, noise in planes)
    (contrast, left), wavelet = max(
        (_contrast(plane, f, noise), name) for name, f in _orthogonal() for plane, noise in planes
    )
    return Vanishing(wavelet, contrast, contrast - max(codecs, 0.0), left)


def _planes(rgb: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    """Luma, and green where that is another, with the standard deviation of rounding."""
    green = rgb[..., 1].astype(np.float32)
    alone = bool(np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2]))
    yield green, 12**-0.5
    if not alone:
        yield rgb.astype(np.float32) @ _LUMA.astype(np.float32), float(np.linalg.norm(_LUMA)) * 12**-0.5


@cache
def _orthogonal() -> tuple[tuple[str, np.ndarray], ...]:
    """Filters of details of unit norm, both ways round: programs differ, and pictures are turned by half."""
    made = []
    for name, lowpass in LOWPASS.items():
        taps = np.array(lowpass)
        one = taps * (-1.0) ** np.arange(len(taps))
        made.append((name, one))
        if name != "haar":
            made.append((name, one[::-1].copy()))
    return tuple(made)


@cache
def _biorthogonal() -> tuple[np.ndarray, ...]:
    return tuple(np.array(taps) / np.linalg.norm(taps) for taps in BIORTHOGONAL.values())


def _contrast(plane: np.ndarray, taps: np.ndarray, noise: float) -> tuple[float, float]:
    """Of diagonal details by a filter: `Vanishing.contrast` and `Vanishing.left`."""
    beyond = np.abs(_along_rows(_along_rows(plane, taps).T, taps)) > _ROUNDING * noise
    shares = np.array([[beyond[row::4, column::4].mean() for column in range(4)] for row in range(4)])
    own = shares.reshape(2, 2, 2, 2).mean(axis=(0, 2))
    row, column = np.unravel_index(own.argmin(), own.shape)
    left = float(own[row, column])
    shares[row::2, column::2] = np.inf
    return float(np.log((shares.min() + _FLOOR) / (left + _FLOOR))), left


def _along_rows(plane: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Inner products with the filter at every sample of a row that it fits."""
    count = plane.shape[1] - len(taps) + 1
    made = np.zeros((plane.shape[0], count), np.float32)
    for at, tap in enumerate(taps.tolist()):
        made += np.float32(tap) * plane[:, at : at + count]
    return made
