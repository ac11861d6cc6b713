"""From what size may a whole picture have been resized? Sizes at which borders of a codec's blocks, from the picture's
first sample on, show in all planes at once.

Programs resize whole pictures so that their edges stay edges. A border before sample 8 b of a picture of w' samples
then stands 8 b w / w' samples from the edge in one of w: not only how far borders are apart follows from the size, but
also where the first one stands. The profile of differences has lines at the frequencies k w' / (8 w), all in phase at
the edge; what has any other phase counts half as much, and chance is half as likely. Chroma that was stored at half the
size has borders 16 samples apart, and little detail that hides them. Resampling leaves lines of its own, at w' / w
folded [1]_, whose phase depends on its filter. So most sizes are told by both.

References
----------
.. [1] A. C. Gallagher, "Detection of linear and cubic interpolation in JPEG compressed images", CRV 2005,
       doi:10.1109/CRV.2005.33.
.. [2] Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history: JPEG detection and quantizer
   estimation", IEEE TIP 2003, doi:10.1109/TIP.2002.807361 (block-edge evidence).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.fft import rfft, rfftfreq

from forensics_features import splines
from forensics_features.block_phases import relative_profiles
from forensics_features.planes import as_planes, central
from forensics_features.reduction import lines_of_interpolation, reach_of
from forensics_features.unexplained import over_surroundings

LEAST_SIDE = 96
"""Smallest side of a picture of which sizes are looked for, in pixels, and of a native size."""
MOST_SIDE = 2048
"""Larger pictures are read in their middle."""
REDUCED, ENLARGED = (1.015, 2.6), (1 / 2.2, 1 / 1.015)
"""Ranges of the native width over the stored one. Nearer to 1 a line cannot be told from what is at the frequency 0;
reductions to less than 0.4 leave one line of blocks of 8 samples, and little of a codec. A JPEG that was reduced to
0.42 was HEVC where sizes up to 1.8 were tried alone, for half of its size is one of them, with blocks of 4."""
RESTORED_SIDE = 768
"""Part of the native picture that is restored, in pixels, from a multiple of `BLOCKS` on."""
BLOCKS = 64
"""Side of the largest blocks whose place in the restored part stays."""

_LENGTH = 16384
"""Points of the transform of a profile, padded with zeros."""
_SMOOTH = 17
"""Samples over which a profile is levelled."""
_HIGHEST = 0.49
"""Highest frequency of a line, cycles a sample."""
_MOST = 40.0
"""Power of a line over its surroundings above which it counts no more."""
_APART = 0.008
"""Logarithm of the ratio from which on two sizes are different candidates: nearer ones share their lines."""
_FIRST = 18
"""The edge between samples that the first value of a profile of differences is of (`relative_profiles`)."""
_LINES = {"luma": ((8, (1, 2, 3), 0.1),), "chroma": ((8, (1, 2, 3), 0.2), (16, (1, 3, 5), 0.1))}
"""Periods in samples, multiples of their frequency, and weights beside a line of resampling. Of 125 reduced pictures of
validation sources the right width, within a pixel, is the first candidate in 82 %; of 61 without chroma in 33 %, by
lines of resampling and of luma as `reduction.candidates` reads them in 41 %."""
_BLOCKS_BY_CHANCE, _RESAMPLING_BY_CHANCE = 0.534, 0.596
"""Mean of log(1 + power) of noise: of the part of a line in phase, of one degree of freedom, and of a whole line, of
two. Subtracted, so that sizes at which more lines can be read do not gain by that."""
_UNEVEN, _UNEVEN_WITHIN = (0.5, 0.75), 0.006
"""Shares of the size at which a few samples stand for a whole number of native ones, 1 for 2 and 3 for 4, and how near
to them: restored samples differ in sharpness by their place there, in steps like those of small blocks."""
_SMOOTHED = 0.6
"""Samples by which such a picture is smoothed before it is restored. Of 8 validation pictures each by AVIF and HEIC
(quality 60), at their native sizes, block phases have the right family likeliest in 21 without this and 27 with it of
32 reduced to 0.75, in 11 and 12 of 16 at 0.5; 0.4 and 0.8 samples do less in sum. At other shares it is worse: of 375
coded ones that are restored at a likely size 80 are named rightly without and 72 with it."""
_MARGIN = 32
"""Stored samples around a part whose splines are those of the whole to rounding."""


class NativeSize(NamedTuple):
    """A size that a picture may have had before it was resized.

    Attributes
    ----------
    width, height : int
        In pixels.
    strength : float
        How far its lines stand out, a sum of logarithms less what chance gives.
    """

    width: int
    height: int
    strength: float


def candidates(pixels: np.ndarray, count: int, ratios: tuple[float, float] = REDUCED) -> list[NativeSize]:
    """The native sizes whose lines are strongest together, the strongest first; none of a picture that is too small.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        A whole picture: of one that was cropped after it was resized the borders are out of phase.
    count : int
    ratios : tuple of float
        Least and largest ratio of the native width to the stored one.

    Returns
    -------
    list of NativeSize

    Raises
    ------
    TypeError, ValueError
        See `planes.as_planes`.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import native_size
    >>> blocks = np.kron(np.random.default_rng(1).integers(0, 256, (40, 40), np.uint8), np.ones((8, 8), np.uint8))
    >>> reduced = np.asarray(Image.fromarray(blocks).resize((250, 250), Image.Resampling.BICUBIC))
    >>> native_size.candidates(reduced, 1)[0][:2]
    (320, 320)
    """
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST_SIDE:
        return []
    part, (top, left) = central(pixels, MOST_SIDE)
    planes = as_planes(part)
    widths = np.arange(np.ceil(width * ratios[0]), np.floor(width * ratios[1]) + 1)
    widths = widths[widths * min(1, height / width) >= LEAST_SIDE]
    if not len(widths):
        return []
    tried = widths / width
    strength = np.zeros(len(tried))
    for lines in lines_of_interpolation(planes.y, tried, _RESAMPLING_BY_CHANCE):
        strength += lines
    for name, plane in (("luma", planes.y), ("chroma", planes.cb), ("chroma", planes.cr)):
        if np.ptp(plane) > 0:
            strength += _of_blocks(plane, left, tried, name) + _of_blocks(plane.T, top, tried, name)
    return list(_strongest(widths, strength, count, height / width))


def _strongest(widths: np.ndarray, strength: np.ndarray, count: int, tall: float) -> Iterator[NativeSize]:
    left = strength.copy()
    for _ in range(count):
        best = int(left.argmax())
        if np.isneginf(left[best]):
            return
        yield NativeSize(int(widths[best]), round(tall * widths[best]), float(strength[best]))
        left[np.abs(np.log(widths / widths[best])) < _APART] = -np.inf


def _of_blocks(plane: np.ndarray, start: int, ratios: np.ndarray, name: str) -> np.ndarray:
    """How far lines of borders of blocks across a plane stand out in phase at each ratio; `start` is where it starts in
    the picture.
    """
    lines = [_in_phase(profile, start) for profile in relative_profiles(plane)]
    total = np.zeros(len(ratios))
    for period, multiples, weight in _LINES[name]:
        for multiple in multiples:
            frequencies = multiple * ratios / period
            bins = np.clip(np.rint(frequencies * _LENGTH).astype(int), 0, _LENGTH // 2)
            found = sum(np.log1p(np.minimum(line[bins], _MOST)) - _BLOCKS_BY_CHANCE for line in lines)
            total += weight * np.where(frequencies < _HIGHEST, found, 0.0)
    return total


def _in_phase(profile: np.ndarray, start: int) -> np.ndarray:
    """Power of that part of each line of a profile that is in phase with the picture's edge, over the line's
    surroundings, `np.ndarray [shape=(_LENGTH // 2 + 1,)]`; 1 on average for noise.
    """
    levelled = profile - ndimage.uniform_filter1d(profile, _SMOOTH, mode="nearest")
    tapered = levelled * np.sqrt(np.hanning(len(levelled) + 2)[1:-1])
    lines = rfft(tapered, _LENGTH)
    power = np.abs(lines) ** 2
    level = power / np.maximum(over_surroundings(power, reach_of(len(profile))), 1e-12)
    turned = lines * np.exp(-2j * np.pi * rfftfreq(_LENGTH) * (start + _FIRST))
    return np.asarray(2 * turned.real**2 / np.maximum(level, 1e-12))


def restored(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """The middle of a picture at another size, by splines, from a multiple of `BLOCKS` on.

    Parameters
    ----------
    pixels : np.ndarray [shape=(h, w) or (h, w, channels), dtype=uint8]
    width, height : int
        The size of the whole.

    Returns
    -------
    np.ndarray [shape=(min(height, RESTORED_SIDE), min(width, RESTORED_SIDE)[, channels]), dtype=uint8]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import native_size
    >>> native_size.restored(np.zeros((80, 200, 3), np.uint8), 250, 100).shape
    (100, 250, 3)
    """
    (down, tall), (across, wide) = (_middle(*each) for each in zip(pixels.shape[:2], (height, width), strict=True))
    return splines.interpolated(pixels[tall, wide], down, across)


def _middle(old: int, new: int) -> tuple[np.ndarray, slice]:
    """The matrix that interpolates stored samples at the middles of native ones of the middle of a line, and which
    stored samples it takes.
    """
    count = min(new, RESTORED_SIDE)
    first = (new - count) // 2 // BLOCKS * BLOCKS
    places = splines.middles(old, new)[first : first + count].clip(0, old - 1)
    start, end = max(int(places[0]) - _MARGIN, 0), min(int(places[-1]) + 2 + _MARGIN, old)
    spread = splines.matrix(end - start, places - start)
    uneven = min(abs(old / new - share) for share in _UNEVEN) < _UNEVEN_WITHIN
    return (spread @ _smoothing(end - start) if uneven else spread), slice(start, end)


def _smoothing(count: int) -> np.ndarray:
    """A Gaussian of `_SMOOTHED` samples, `np.ndarray [shape=(count, count)]`."""
    return ndimage.gaussian_filter1d(np.eye(count), _SMOOTHED, axis=0, mode="nearest")
