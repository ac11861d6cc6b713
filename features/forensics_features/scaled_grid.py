"""The block grid of a codec, seen after the picture was scaled: a period of 8 s pixels instead of 8.

Borders of 8x8 blocks raise second differences. After a reduction to the share s of the size they stand 8 s pixels
apart, which is no whole number: the profile of second differences along an axis has lines at the frequencies k / (8 s).
The scale is the one at which the lines of both axes are strongest together. Resampling leaves lines of its own, where
samples of the result fall on samples of the original (1 / s, folded), and some scales of either explain the other's
lines; so a reading is more than one number: the strengths of all lines, in quiet and in busy parts, and their phases.
`forensics_models.block_grids` weighs them.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history: JPEG detection and quantizer
   estimation", IEEE TIP 2003, doi:10.1109/TIP.2002.807361 (second differences across block borders).
.. [2] A. C. Gallagher, "Detection of linear and cubic interpolation in JPEG compressed images", CRV 2005,
   doi:10.1109/CRV.2005.33 (lines of resampling in the spectrum of second differences).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.fft import rfft

from forensics_features.planes import as_planes, central
from forensics_features.unexplained import over_surroundings, second_differences

SCALES = np.exp(np.arange(np.log(0.33), np.log(0.985), 0.0008))
"""Scales that are tried, `np.ndarray [shape=(m,), dtype=float64]`: steps of 0.08 %, finer than a line's width at 1,000
pixels."""
BLOCK = 8
"""Side of a block in pixels of the coded picture."""
LINES = (1, 2, 3)
"""Multiples of the grid's frequency that are read, as far as they lie below `HIGHEST`."""
HIGHEST = 0.49
"""Highest frequency of a line, cycles a pixel."""
LEAST_SIDE = 64
"""Smallest side of a picture in which a grid is looked for."""
MOST_SIDE = 2048
"""Larger pictures are read in their middle: lines are strong enough there, and memory stays bounded."""

_CAP = 12.0
"""Second differences, levels, above which edges of the scene count no more."""
_MOST = 40.0
"""Power of a line over its surroundings above which it counts no more towards the choice of a scale: one line that
stands alone is the resampling's."""
_LENGTH = 4096
"""Points of the transform of a profile, padded with zeros."""
_SMOOTH = 17
"""Samples over which a profile is levelled."""
_AROUND = 20
"""Cycles a picture on either side of a line from which its surroundings are taken."""
_APART = 0.03
"""Logarithm of the ratio from which on two scales are different readings."""


class ScaledGrid(NamedTuple):
    """The best reading of a grid.

    Attributes
    ----------
    scale : float
        Share of its coded size that the picture has now, as of the period of its grid over `BLOCK`.
    values : np.ndarray [shape=(len(VALUE_NAMES),), dtype=float32]
        What shows how sure that is, in the order of `VALUE_NAMES`; NaN for lines above `HIGHEST`.
    """

    scale: float
    values: np.ndarray

    @property
    def period(self) -> float:
        """Pixels from one border of a block to the next."""
        return BLOCK * self.scale


_PARTS = ("all", "quiet", "busy")
VALUE_NAMES = (
    "scale", "lines", "lines_but_one", "next_scale", "middle_scale",
    *(
        name
        for axis in ("x", "y")
        for name in (
            *(
                f"{axis}.{part}.{what}{line}"
                for part in _PARTS
                for line in LINES
                for what in (("power", "phase") if part == "all" else ("power",))
            ),
            f"{axis}.own1", f"{axis}.own2", f"{axis}.other2", f"{axis}.other3", f"{axis}.other4",
        )
    ),
    "log2_pixels", "contrast", "gradient",
)  # fmt: skip
"""Names of the values: strengths are powers over their surroundings, 1 on average where there is no line; `phase` is
the cosine of a line's phase at the picture's edge; `own` are lines of the resampling by that scale, `other` multiples
of the grid's frequency beyond those read, folded, where a resampling that resembles the grid has lines."""


def find(pixels: np.ndarray) -> ScaledGrid | None:
    """The best reading of a scaled block grid; None where the picture is too small.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]

    Returns
    -------
    ScaledGrid or None
        There is always a best reading; whether there is a grid `forensics_models.block_grids` judges.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import scaled_grid
    >>> y, x = np.mgrid[:512, :512]
    >>> scene = 128 + 50 * np.sin(x / 23) + 40 * np.cos(y / 31) + np.random.default_rng(0).normal(0, 6, (512, 512))
    >>> stream = io.BytesIO()
    >>> Image.fromarray(scene.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=50)
    >>> found = scaled_grid.find(np.asarray(Image.open(stream).resize((384, 384))))
    >>> abs(found.scale - 0.75) < 0.01
    True
    """
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return None
    luma = as_planes(central(pixels, MOST_SIDE)[0]).y
    spectra = [[_spectrum(profile) for profile in _profiles(plane)] for plane in (luma, luma.T)]
    lines = _lines(spectra)
    total = lines.sum(axis=0)
    best = int(total.argmax())
    scale = float(SCALES[best])
    apart = np.abs(np.log(SCALES / scale)) > _APART
    values = [scale, total[best], total[best] - lines[:, best].max(), total[apart].max(), float(np.median(total))]
    for axis in spectra:
        values += _of_axis(axis, scale)
    steps = float(np.abs(np.diff(luma, axis=1)).mean())
    values += [np.log2(pixels.shape[0] * pixels.shape[1]), float(luma.std()), steps]
    return ScaledGrid(scale, np.array(values, np.float32))


def strengths(pixels: np.ndarray) -> np.ndarray:
    """How strong the lines of a grid are together at each of `SCALES`, `np.ndarray [shape=(len(SCALES),),
    dtype=float64]`.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        At least `LEAST_SIDE` a side.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import scaled_grid
    >>> noise = np.random.default_rng(0).integers(0, 256, (256, 256), np.uint8)
    >>> bool(scaled_grid.strengths(noise).max() < 40)  # twice three lines of 1 each where there is no grid
    True
    """
    return np.asarray(line_powers(as_planes(central(pixels, MOST_SIDE)[0]).y).sum(axis=0))


def line_powers(luma: np.ndarray) -> np.ndarray:
    """Power of each of `LINES` along rows and along columns at every scale, at most `_MOST`, 0 where it is not read.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=float32]

    Returns
    -------
    np.ndarray [shape=(2 * len(LINES), len(SCALES)), dtype=float64]
    """
    spectra = [_spectrum(_levelled(_roots(second_differences(plane)).mean(axis=0)))[0] for plane in (luma, luma.T)]
    return np.array([_capped(power, line) for power in spectra for line in LINES])


def _lines(spectra: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]]) -> np.ndarray:
    """Powers of each of `LINES` at every scale, both axes together, `np.ndarray [shape=(3, m)]`."""
    return np.array([sum(_capped(axis[0][0], line) for axis in spectra) for line in LINES])


def _profiles(luma: np.ndarray) -> list[np.ndarray]:
    """Means over lines of the root of second differences along the second axis, levelled and windowed: of all samples,
    of the quieter half and of the busier half.
    """
    differences = np.abs(second_differences(luma))
    around = ndimage.uniform_filter(np.minimum(differences, 40), (9, 33), mode="nearest")
    roots = _roots(differences)
    quiet = around <= np.median(around[::2, ::2])
    profiles = [roots.mean(axis=0)]
    for part in (quiet, ~quiet):
        count = part.sum(axis=0)
        mean = (roots * part).sum(axis=0) / np.maximum(count, 1)
        known = count > 3
        profiles.append(np.where(known, mean, mean[known].mean() if known.any() else 0.0))
    return [_levelled(one) for one in profiles]


def _roots(differences: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.minimum(np.abs(differences), _CAP)))


def _levelled(profile: np.ndarray) -> np.ndarray:
    return (profile - ndimage.uniform_filter1d(profile, _SMOOTH, mode="nearest")) * np.hanning(len(profile))


def _spectrum(profile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Power over its surroundings, 1 on average for noise, and phases with the picture's edge as their origin."""
    values = rfft(profile.astype(np.float64), _LENGTH)
    power = over_surroundings(np.abs(values) ** 2, max(15, (int(_AROUND * _LENGTH / len(profile)) * 2 + 1) // 4))
    # The first second difference is that of sample 1, whose middle lies 1.5 samples from the edge.
    turned = np.angle(values * np.exp(-2j * np.pi * np.arange(len(power)) / _LENGTH * 1.5))
    return power, turned


def _bins(frequencies: np.ndarray | float) -> np.ndarray:
    folded = np.abs(frequencies - np.round(frequencies))
    return np.clip(np.round(folded * _LENGTH).astype(int), 0, _LENGTH // 2)


def _capped(power: np.ndarray, line: int) -> np.ndarray:
    """Power of a line at every scale, at most `_MOST`; 0 where the line lies above `HIGHEST`."""
    frequencies = line / (BLOCK * SCALES)
    return np.where(frequencies < HIGHEST, np.minimum(power[_bins(frequencies)], _MOST), 0.0)


def _of_axis(axis: list[tuple[np.ndarray, np.ndarray]], scale: float) -> list[float]:
    values: list[float] = []
    base = 1 / (BLOCK * scale)
    for part, (power, phase) in zip(_PARTS, axis, strict=True):
        for line in LINES:
            seen = line * base < HIGHEST
            place = int(_bins(line * base))
            values.append(float(power[place]) if seen else np.nan)
            if part == "all":
                values.append(float(np.cos(phase[place])) if seen else np.nan)
    power = axis[0][0]
    for frequency in (1 / scale, 2 / scale, 2 * base, 3 * base, 4 * base):
        place = int(_bins(frequency))
        values.append(float(power[max(0, place - 2) : place + 3].max()))
    return values
