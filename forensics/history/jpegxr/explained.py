"""The share of samples that the recovered lattice explains to the bit: a confirmation that needs no encoder.

Luma's coefficients are put on the multiples of their steps, band by band, and transformed back, overlap operators
included: without clipping they can be inverted. Where the lattice is the decoder's own, the rounding of the pixels is
all that was between, so that luma moves by less than half a level and the very same samples come out. One pixel off the
grid the coefficients have to move, and the samples with them. Chroma and bands whose step was not read, or is finer
than that rounding, stay as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from forensics_features.lapped import BLOCK, colour_planes, stage_matrices
from forensics_features.planes import to_rgb8

from forensics.history.fixed_point import aligned
from forensics.history.jpegxr.findings import JpegxrHistory
from forensics.history.jpegxr.lattice import index_step
from forensics.results.history import Parameter
from forensics.results.wording import percentage

_MACROBLOCK = 16
"""Side of a macroblock in pixels (ITU-T T.832 clause 3)."""
_BORDER = 32
"""Pixels in which the crop's own border acts: a macroblock, two blocks of its overlap operator and two samples of the
other one, rounded up to macroblocks."""
_FINEST = 1.8
"""Step in grey levels from which coefficients are put on its multiples: ten standard deviations of luma's noise, which
is 12^-0.5 (1/4 + 1/16 + 1/16)^0.5 with green counted by a half, red and blue by a quarter."""
_LEFT = 0.5
"""Share of them that a right step of DC leaves at least: its 26 right steps left 0.83 to 0.997 of all samples (seven
validation pictures of 384 pixels, quantisers 12 to 80), a wrong one 0.02."""
_FEWEST = 1024
"""Samples that are not clipped below which nothing is said: a square of 32."""


class Explained(NamedTuple):
    """Share of samples that come out the same on the recovered grid, and one pixel off it; 0..1."""

    share: float
    shifted: float


def explained(pixels: np.ndarray, history: JpegxrHistory) -> Explained | None:
    """The shares; None where no grid of macroblocks was found, the high-pass step is not read or too fine, or too few
    samples are left.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
    history : JpegxrHistory
        What was recovered of them.
    """
    steps = _steps(history)
    if history.phase is None or history.overlap is None or history.period != _MACROBLOCK or not steps[0]:
        return None
    rgb = to_rgb8(pixels)
    shares = [_share(aligned(rgb[by:, by:], history.phase, _MACROBLOCK), history.overlap, steps) for by in (0, 1)]
    return None if shares[0] is None or shares[1] is None else Explained(shares[0], shares[1])


def parameter(pixels: np.ndarray, history: JpegxrHistory) -> Parameter:
    """`explained_samples`, or the reason why there is none."""
    found = explained(pixels, history)
    if found is None:
        reason = (
            history.reason or "macroblocks or the high-pass step are not read, too fine, or too few samples are left"
        )
        return Parameter("explained_samples", None, reason=reason)
    basis = (
        f"with luma's coefficients put on the recovered steps {percentage(found.share)} of the samples come out the "
        f"same, one pixel off the grid {percentage(found.shifted)}"
    )
    return Parameter("explained_samples", round(found.share, 4), basis=basis)


def contradicts_dc(pixels: np.ndarray, history: JpegxrHistory) -> bool:
    """Whether samples that come out the same do so no longer once DC is put on the step that was read for it."""
    if history.dc is None:
        return False
    found, without = explained(pixels, history), explained(pixels, replace(history, dc=None))
    return found is not None and without is not None and found.share < _LEFT * without.share


def _steps(history: JpegxrHistory) -> tuple[float, float, float]:
    """Of high pass, low pass and DC; 0 where coefficients are left as they are."""
    indices = (
        None if history.high_pass is None else history.high_pass.quantizer,
        None if history.low_pass is None else history.low_pass.quantizer,
        history.dc,
    )
    high, low, dc = (0.0 if index is None else index_step(index) for index in indices)
    return tuple(step if step >= _FINEST else 0.0 for step in (high, low, dc))  # type: ignore[return-value]


def _share(rgb: np.ndarray, overlap: int, steps: tuple[float, float, float]) -> float | None:
    if min(rgb.shape[:2]) < 3 * _BORDER:
        return None
    luma = colour_planes(rgb)[0].astype(np.float64)
    moved = snapped(luma, overlap, steps) - luma
    inner = np.s_[_BORDER:-_BORDER, _BORDER:-_BORDER]
    telling = np.all((rgb > 0) & (rgb < 255), axis=2)[inner]
    # U and V stay, so that red, green and blue all move as luma does.
    same: np.ndarray = np.abs(moved[inner])[telling] < 0.5
    return float(same.mean()) if same.size >= _FEWEST else None


def snapped(luma: np.ndarray, overlap: int, steps: tuple[float, float, float]) -> np.ndarray:
    """A plane whose coefficients are multiples of their steps.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=float64]
        Whole macroblocks. Patches of the overlap operators that reach beyond the plane are left as they are.
    overlap : int
        Overlap mode, 0, 1 or 2.
    steps : tuple of float
        Of high pass, low pass and DC; 0 leaves a band as it is.
    """
    first = _forward(luma, overlap > 0)
    second = _forward(first[..., 0], overlap == 2)
    high, low, dc = steps
    first, second = first.copy(), second.copy()
    for band, step in ((second[..., 1:], low), (second[..., :1], dc), (first[..., 1:], high)):
        if step:
            band[...] = np.rint(band / step) * step
    first[..., 0] = _backward(second, overlap == 2)
    return _backward(first, overlap > 0)


def _forward(plane: np.ndarray, lapped: bool) -> np.ndarray:
    """Coefficients of each block, `np.ndarray [shape=(rows, columns, 16)]`."""
    core, overlap = stage_matrices()
    return _blocks(_patches(plane, overlap) if lapped else plane) @ core.T


def _backward(coefficients: np.ndarray, lapped: bool) -> np.ndarray:
    core, overlap = (np.linalg.inv(matrix) for matrix in stage_matrices())
    plane = _plane(coefficients @ core.T)
    return _patches(plane, overlap) if lapped else plane


def _patches(plane: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A matrix applied to the patches around inner corners of blocks."""
    out, half = plane.copy(), BLOCK // 2
    inner = np.s_[half:-half, half:-half]
    out[inner] = _plane(_blocks(plane[inner]) @ matrix.T)
    return out


def _blocks(plane: np.ndarray) -> np.ndarray:
    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    return plane.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2).reshape(rows, columns, BLOCK * BLOCK)


def _plane(blocks: np.ndarray) -> np.ndarray:
    rows, columns = blocks.shape[:2]
    return blocks.reshape(rows, columns, BLOCK, BLOCK).swapaxes(1, 2).reshape(rows * BLOCK, columns * BLOCK)
