"""JPEG 2000's colour and wavelet transforms, forward and inverse, at any parity of the sampling lattice.

The 9/7 transform works in floating point, the 5/3 transform in whole numbers with the standard's floors, so that the
latter is a bijection: what a decoder made from whole coefficients, the forward transform takes back exactly [1]_. A
crop moves the lattice: with parity (p, q) the low-pass samples of a plane are those at rows p, p + 2, ... and columns
q, q + 2, .... Rows are lifted before columns, as a forward transform does; borders are extended by reflection.

References
----------
.. [1] ISO/IEC 15444-1 (ITU-T T.800), Annexes F (discrete wavelet transforms) and G (colour transforms).
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from forensics_features._kernel import kernel
from forensics_features.standards import YCBCR_BT601
from forensics_features.wavelet import CDF53, CDF97, axis_norms

Wavelet = Literal["9/7", "5/3"]
ColourTransform = Literal["ict", "rct", "none"]

LOW_SCALE = CDF97.low_scale
"""Scale of the 9/7 transform's low-pass samples after lifting; that of the high-pass samples is its inverse."""
_LIFTING_97 = tuple(factor for factor, _ in CDF97.steps)
_ICT = np.array(YCBCR_BT601)
REACH = {"9/7": (4, 3), "5/3": (2, 1)}
"""Samples that a low-pass and a high-pass sample reach to either side."""


class Bands(NamedTuple):
    """One level of decomposition: HL is high-pass horizontally, LH vertically; LL is the plane of the next level."""

    ll: np.ndarray
    hl: np.ndarray
    lh: np.ndarray
    hh: np.ndarray


@kernel
def _lift_97_rows(plane: np.ndarray, first: int, factor: float) -> None:
    """plane[i] += factor * (plane[i - 1] + plane[i + 1]) for i = first, first + 2, ...; rows are reflected at the
    ends.
    """
    rows = plane.shape[0]
    size = np.float32(factor)
    for i in range(first, rows, 2):
        above = plane[i - 1] if i > 0 else plane[1]
        below = plane[i + 1] if i + 1 < rows else plane[rows - 2]
        row = plane[i]
        for j in range(row.shape[0]):
            row[j] += size * (above[j] + below[j])


@kernel
def _lift_97_columns(plane: np.ndarray, first: int, factor: float) -> None:
    """As `_lift_97_rows`, along each row."""
    columns = plane.shape[1]
    size = np.float32(factor)
    last = columns - 1
    for i in range(plane.shape[0]):
        row = plane[i]
        if first == 0:
            row[0] += size * (row[1] + row[1])
        for j in range(first if first > 0 else 2, last, 2):
            row[j] += size * (row[j - 1] + row[j + 1])
        if last % 2 == first and last > 0:
            row[last] += size * (row[last - 1] + row[last - 1])


@kernel
def _lift_53_rows(plane: np.ndarray, first: int, update: bool, sign: int) -> None:
    """plane[i] -= floor((a + b) / 2), or += floor((a + b + 2) / 4) with `update`, times `sign`, for i = first, first +
    2, ...
    """
    rows = plane.shape[0]
    for i in range(first, rows, 2):
        above = plane[i - 1] if i > 0 else plane[1]
        below = plane[i + 1] if i + 1 < rows else plane[rows - 2]
        row = plane[i]
        for j in range(row.shape[0]):
            total = above[j] + below[j]
            row[j] += sign * ((total + 2) >> 2) if update else -sign * (total >> 1)


@kernel
def _lift_53_columns(plane: np.ndarray, first: int, update: bool, sign: int) -> None:
    """As `_lift_53_rows`, along each row."""
    columns = plane.shape[1]
    for i in range(plane.shape[0]):
        row = plane[i]
        for j in range(first, columns, 2):
            left = row[j - 1] if j > 0 else row[1]
            right = row[j + 1] if j + 1 < columns else row[columns - 2]
            total = left + right
            row[j] += sign * ((total + 2) >> 2) if update else -sign * (total >> 1)


def _check(plane: np.ndarray, parity: tuple[int, int]) -> None:
    if plane.ndim != 2 or min(plane.shape) < 2:
        raise ValueError(f"planes have shape (height, width), both at least 2, not {plane.shape}")
    if not set(parity) <= {0, 1}:
        raise ValueError(f"a parity is 0 or 1 in each direction, not {parity}")


def _lift(plane: np.ndarray, wavelet: Wavelet, parity: int, axis: int, *, inverse: bool = False) -> None:
    """All lifting steps along one axis, in place."""
    order = (1, 0, 1, 0) if wavelet == "9/7" else (1, 0)
    steps = [(turn, (parity + odd) % 2) for turn, odd in enumerate(order)]
    for turn, first in reversed(steps) if inverse else steps:
        if wavelet == "9/7":
            lift = _lift_97_columns if axis else _lift_97_rows
            lift(plane, first, -_LIFTING_97[turn] if inverse else _LIFTING_97[turn])
        else:
            lift = _lift_53_columns if axis else _lift_53_rows
            lift(plane, first, turn == 1, -1 if inverse else 1)


def working_type(wavelet: Wavelet) -> type:
    """float32 for the 9/7 transform, int32 for the reversible 5/3."""
    return np.float32 if wavelet == "9/7" else np.int32


def forward(plane: np.ndarray, wavelet: Wavelet, parity: tuple[int, int] = (0, 0)) -> Bands:
    """One level of the forward transform in the standard's normalisation (low-pass gain 1, high-pass gain 2).

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32 for 9/7, int32 for 5/3]
        At least 2 a side.
    wavelet : {"9/7", "5/3"}
    parity : tuple of int
        Of the rows and of the columns that hold low-pass samples, 0 or 1 each.

    Returns
    -------
    Bands
        Each about half as high and wide, same dtype.
    """
    _check(plane, parity)
    work: np.ndarray = np.array(plane, working_type(wavelet), order="C")
    _lift(work, wavelet, parity[0], 0)
    _lift(work, wavelet, parity[1], 1)
    p, q = parity
    parts = (work[p::2, q::2], work[p::2, q ^ 1 :: 2], work[p ^ 1 :: 2, q::2], work[p ^ 1 :: 2, q ^ 1 :: 2])
    scales = (LOW_SCALE**2, 1.0, 1.0, LOW_SCALE**-2) if wavelet == "9/7" else (1, 1, 1, 1)
    return Bands(
        *(np.ascontiguousarray(part * np.asarray(s, work.dtype)) for part, s in zip(parts, scales, strict=True))
    )


def inverse(bands: Bands, wavelet: Wavelet, parity: tuple[int, int] = (0, 0)) -> np.ndarray:
    """What `forward` took apart, put together again: exactly for 5/3, within rounding for 9/7."""
    p, q = parity
    height, width = bands.ll.shape[0] + bands.lh.shape[0], bands.ll.shape[1] + bands.hl.shape[1]
    work = np.empty((height, width), working_type(wavelet))
    scales = (LOW_SCALE**-2, 1.0, 1.0, LOW_SCALE**2) if wavelet == "9/7" else (1, 1, 1, 1)
    places = ((p, q), (p, q ^ 1), (p ^ 1, q), (p ^ 1, q ^ 1))
    for band, scale, (row, column) in zip(bands, scales, places, strict=True):
        work[row::2, column::2] = band * np.asarray(scale, work.dtype)
    _lift(work, wavelet, q, 1, inverse=True)
    _lift(work, wavelet, p, 0, inverse=True)
    return work


def components(rgb: np.ndarray, transform: ColourTransform, wavelet: Wavelet) -> tuple[np.ndarray, ...]:
    """The planes that a codec with this colour transform codes, level-shifted by 128 where it does so.

    `rgb` is `np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]`; grey gives one plane whatever the
    transform. The reversible transform takes whole numbers: U = B - G, V = R - G, Y = floor((R + 2 G + B) / 4) (T.800
    G.2).
    """
    kind = working_type(wavelet)
    if rgb.ndim == 2:
        return (rgb.astype(kind) - kind(128),)
    planes: list[np.ndarray] = [np.ascontiguousarray(rgb[:, :, k]).astype(kind) for k in range(3)]
    if transform == "none":
        return tuple(plane - kind(128) for plane in planes)
    red, green, blue = planes
    if transform == "rct":
        luma = (red + 2 * green + blue) / 4 if wavelet == "9/7" else (red + 2 * green + blue) >> 2
        return luma - kind(128), blue - green, red - green
    weights = _ICT.astype(np.float32)
    y, cb, cr = (w[0] * red + w[1] * green + w[2] * blue for w in weights)
    return y - np.float32(128), cb, cr


_SYNTHESIS = {"9/7": CDF97.synthesis, "5/3": CDF53.synthesis}

ANALYSIS_97 = tuple(np.abs(taps).astype(np.float32) for taps in reversed(_SYNTHESIS["9/7"]))
"""Magnitudes of the 9/7 analysis filters, low-pass and high-pass: those of the other synthesis filter (signs
alternate).
"""


@cache
def synthesis_norms(wavelet: Wavelet, level: int) -> tuple[float, float, float, float]:
    """L2 norms of the synthesis basis functions of LL, HL, LH and HH at a level (1 the finest), T.800 J.14.4.

    An error of size e in a coefficient of the band weighs as much as an error of e times this norm in the picture.
    """
    if level < 1:
        raise ValueError(f"levels count from 1, not {level}")
    low_norm, high_norm = axis_norms({"9/7": CDF97, "5/3": CDF53}[wavelet], level)[-1]
    return low_norm**2, low_norm * high_norm, low_norm * high_norm, high_norm**2
