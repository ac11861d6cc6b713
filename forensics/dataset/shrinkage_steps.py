"""Noise reduction by shrinking coefficients of wavelets, decimated or not, or of blocks of the DCT or the DFT.

What a codec of the same transform leaves is like it, zeros above all; but nothing is quantised, and nothing was ever
compressed.

References
----------
.. [1] D. L. Donoho, I. M. Johnstone, "Adapting to unknown smoothness via wavelet shrinkage", JASA 1995,
       doi:10.1080/01621459.1995.10476626.
.. [2] R. R. Coifman, D. L. Donoho, "Translation-invariant de-noising", Wavelets and Statistics, 1995,
       doi:10.1007/978-1-4612-2544-7_9.
.. [3] H.-Y. Gao, "Wavelet shrinkage denoising using the non-negative garrote", J. Comput. Graph. Stat. 1998,
       doi:10.1080/10618600.1998.10474789.
.. [4] G. Yu, G. Sapiro, "DCT image denoising: a simple and effective image denoising algorithm", IPOL 2011,
       doi:10.5201/ipol.2011.ys-dct.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import fft

from forensics.dataset.step_arithmetic import to_levels
from forensics.errors import CodecUnavailable, UsageError

WAVELETS = (
    "haar", "db2", "db3", "db4", "db6", "sym3", "sym4", "sym6", "sym8", "coif1", "coif2",
    "bior1.3", "bior2.2", "bior2.4", "bior3.3", "bior4.4", "bior5.5", "bior6.8", "rbio2.2", "rbio4.4", "dmey",
)  # fmt: skip
"""Wavelets that are drawn, as PyWavelets calls them; bior2.2 and bior4.4 are JPEG 2000's."""
BLOCKS = ("dct", "fourier")
"""Transforms of blocks."""
RULES = ("soft", "hard", "garrote", "wiener")
"""What is done to a coefficient c at a threshold t: |c| less t, |c| or nothing, c - t^2 / c, c (c^2 - t^2) / c^2 of its
surroundings."""
_SLIDING_RULES = {"hard": 0.8, "soft": 0.2}
"""Rules of transforms at every place, and how often each is drawn: what programs do is to drop coefficients."""
_RGB_TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_COSINES = fft.dct(np.eye(3), axis=0, norm="ortho")
"""An orthonormal cosine transform of red, green and blue: what [4]_ takes for luma and chroma."""


@dataclass(frozen=True)
class Shrink:
    """Noise reduction.

    Attributes
    ----------
    transform : str
        One of `WAVELETS` or of `BLOCKS`.
    size : int
        Levels of a wavelet, samples a side of a block.
    shifts : int
        Positions of the transform that are averaged: of a wavelet so many along the diagonal (1: decimated), of blocks
        one every size / shifts samples a side (size: at every sample, all places alike).
    rule : str
        One of `RULES`.
    threshold : float
        Of the finest details, in levels of an orthonormal transform.
    decay : float
        Factor of the threshold from a level to the next coarser.
    colour : float
        Factor of the threshold of chroma; 0 treats red, green and blue alike, a negative one is that of the three
        planes of an orthonormal cosine transform of them.
    kept : float
        Share of what is taken away that stays.
    """

    kind: ClassVar[str] = "shrink"
    transform: str
    size: int
    shifts: int
    rule: str
    threshold: float
    decay: float = 1.0
    colour: float = 1.0
    kept: float = 0.0

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture with less noise; raises `CodecUnavailable` without PyWavelets, `UsageError` for unknown names."""
        if self.rule not in RULES or self.transform not in (*WAVELETS, *BLOCKS):
            raise UsageError(f"no transform {self.transform!r} with a rule {self.rule!r}")
        whole = pixels.astype(np.float64)
        mixed = _COSINES if self.colour < 0 else _RGB_TO_YCC
        if whole.ndim == 2 or self.colour == 0:
            planes, factors = np.atleast_3d(whole), np.ones(1 if whole.ndim == 2 else whole.shape[2])
        else:
            planes, factors = whole[..., :3] @ mixed.T, np.array([1.0, abs(self.colour), abs(self.colour)])
        made = np.stack([self.of_plane(planes[..., c], factor) for c, factor in enumerate(factors)], axis=-1)
        made = made + self.kept * (planes - made)
        if whole.ndim == 3 and self.colour != 0:
            made = made @ np.linalg.inv(mixed).T
        return to_levels(made.reshape(whole.shape))

    def of_plane(self, plane: np.ndarray, factor: float = 1.0) -> np.ndarray:
        """One plane with all of its noise reduction, unrounded, `np.ndarray [shape=(height, width), dtype=float64]`;
        `factor` is that of the threshold.
        """
        threshold = self.threshold * factor
        if threshold <= 0:
            return plane
        if self.transform in BLOCKS:
            return self._blocks(plane, threshold)
        return np.mean([self._wavelet(plane, threshold, shift) for shift in range(self.shifts)], axis=0)

    def _wavelet(self, plane: np.ndarray, threshold: float, shift: int) -> np.ndarray:
        try:
            import pywt
        except ImportError:
            raise CodecUnavailable("wavelets: PyWavelets is not installed") from None
        moved = np.roll(plane, (shift, shift), (0, 1))
        most = pywt.dwtn_max_level(moved.shape, self.transform)
        low, *details = pywt.wavedec2(moved, self.transform, "symmetric", level=min(self.size, most))
        count = len(details)
        less = [
            tuple(_shrunk(band, threshold * self.decay ** (count - 1 - n), self.rule) for band in bands)
            for n, bands in enumerate(details)
        ]
        back = pywt.waverec2([low, *less], self.transform, "symmetric")[: plane.shape[0], : plane.shape[1]]
        return np.asarray(np.roll(back, (-shift, -shift), (0, 1)))

    def _blocks(self, plane: np.ndarray, threshold: float) -> np.ndarray:
        """Shrunken blocks at every place, each weighing as a raised cosine where they overlap."""
        size, step = self.size, max(1, self.size // self.shifts)
        wide = np.pad(plane, size, mode="symmetric")
        forth, back = _TRANSFORMS[self.transform]
        ramp = np.ones(size) if step in (1, size) else np.sin(np.pi * (np.arange(size) + 0.5) / size) + 0.05
        weight = np.outer(ramp, ramp)
        sums, weights = np.zeros_like(wide), np.zeros_like(wide)
        for top in range(0, size, step):
            for left in range(0, size, step):
                rows, columns = ((n - at) // size * size for n, at in zip(wide.shape, (top, left), strict=True))
                part = wide[top : top + rows, left : left + columns]
                blocks = part.reshape(rows // size, size, columns // size, size).swapaxes(1, 2)
                coefficients = forth(blocks)
                low = coefficients[..., :1, :1].copy()
                coefficients = _shrunk(coefficients, threshold, self.rule)
                coefficients[..., :1, :1] = low
                shrunken = (back(coefficients) * weight).swapaxes(1, 2).reshape(rows, columns)
                sums[top : top + rows, left : left + columns] += shrunken
                weights[top : top + rows, left : left + columns] += np.tile(weight, (rows // size, columns // size))
        middle = slice(size, -size)
        return np.asarray(sums[middle, middle] / weights[middle, middle])


def _shrunk(values: np.ndarray, threshold: float, rule: str) -> np.ndarray:
    """Coefficients, real or complex, after a rule of `RULES`."""
    size = np.abs(values)
    if rule == "hard":
        return np.where(size > threshold, values, 0)
    floor = np.maximum(size, 1e-9)
    if rule == "soft":
        return values * np.maximum(1 - threshold / floor, 0)
    if rule == "garrote":
        return values * np.maximum(1 - (threshold / floor) ** 2, 0)
    from scipy import ndimage

    around = ndimage.uniform_filter(size * size, (0,) * (size.ndim - 2) + (3, 3)) if size.ndim == 2 else size * size
    return values * np.maximum(1 - threshold**2 / np.maximum(around, 1e-9), 0)


_TRANSFORMS: dict[str, tuple[Callable[[np.ndarray], Any], Callable[[np.ndarray], Any]]] = {
    "dct": (
        lambda blocks: fft.dctn(blocks, axes=(-2, -1), norm="ortho"),
        lambda values: fft.idctn(values, axes=(-2, -1), norm="ortho"),
    ),
    "fourier": (
        lambda blocks: fft.fft2(blocks, axes=(-2, -1), norm="ortho"),
        lambda values: fft.ifft2(values, axes=(-2, -1), norm="ortho").real,
    ),
}


def draw_shrink(numbers: np.random.Generator) -> Shrink:
    """Random noise reduction: half of it by wavelets at one position, as FFmpeg's, RawTherapee's and scikit-image's."""
    rule = str(numbers.choice(RULES, p=[0.4, 0.25, 0.2, 0.15]))
    threshold = round(float(np.exp(numbers.uniform(np.log(1), np.log(24)))), 3)
    decay = round(float(numbers.choice([1.0, numbers.uniform(0.3, 1.0), numbers.uniform(1.0, 1.6)])), 3)
    colour = round(float(numbers.choice([0.0, 1.0, numbers.uniform(0.5, 4)])), 3)
    kept = round(float(numbers.choice([0.0, 0.15, numbers.uniform(0, 0.5)], p=[0.5, 0.25, 0.25])), 3)
    way = numbers.random()
    if way < 0.72:
        frequent = "bior4.4" if way < 0.14 else "bior2.2" if way < 0.2 else "haar" if way < 0.28 else ""
        wavelet = frequent or str(numbers.choice(WAVELETS))
        shifts = 1 if numbers.random() < 0.7 else int(numbers.choice([2, 4, 8]))
        return Shrink(wavelet, int(numbers.integers(1, 7)), shifts, rule, threshold, decay, colour, kept)
    blocks = str(numbers.choice(BLOCKS))
    size = int(numbers.choice([4, 8, 16, 32] if blocks == "dct" else [16, 32, 64]))
    shifts = int(numbers.choice([1, 2, 4], p=[0.1, 0.5, 0.4]))
    return Shrink(blocks, size, shifts, rule, threshold, 1.0, colour, kept)


def draw_sliding(numbers: np.random.Generator) -> Shrink:
    """Random noise reduction by cosine transforms of blocks at every place, as GEGL's and FFmpeg's [4]_."""
    size = int(numbers.choice([8, 16], p=[0.75, 0.25]))
    threshold = round(float(np.exp(numbers.uniform(np.log(4), np.log(45)))), 3)
    colour = float(numbers.choice([-1.0, 1.0, 0.0], p=[0.7, 0.15, 0.15]))
    rule = str(numbers.choice(list(_SLIDING_RULES), p=list(_SLIDING_RULES.values())))
    return Shrink("dct", size, size, rule, threshold, 1.0, colour)
