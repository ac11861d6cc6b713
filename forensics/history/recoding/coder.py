"""Quantiser indices of codecs with in-loop filters, read by coding a picture again (idempotence).

Recompressed on the grid it was coded on, a picture changes less than on any other; at the index it was coded with, less
than at the neighbouring indices. Prediction and in-loop filters, which hide the quantised coefficients from every comb,
are undone by the encoder itself: it predicts from what it has reconstructed, so that its residuals are those of the
first encoding wherever its decisions are.

Here is what all codecs read so have in common: the encoder as a function, the prior, what is reported. `recoding_grid`
looks for the grid, `recoding_sweep` for the index.

References
----------
.. [1] P. Bestagini et al., "Codec and GOP identification in double compressed videos", IEEE Trans. Image Processing
       25(5), 2016,
   doi:10.1109/TIP.2016.2541960 (recompression with candidate codecs).
.. [2] H. Farid, "Exposing digital forgeries from JPEG ghosts", IEEE TIFS 4(1), 2009, doi:10.1109/TIFS.2008.2012215 (the
       same for JPEG quality).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from forensics.pixels import eight_bit
from forensics.results.history import Parameter, Trace

LEAST_SIDE = 96
"""Smallest height and width of a picture in which a grid is looked for."""
GRID_FROM = 4.0
"""Lead over the second best position from which a block grid is taken as found."""
FINE_PERIOD = 4
"""Largest period in pixels for which the lead has to be `FINE_GRID_FROM`."""
FINE_GRID_FROM = 7.0
"""The same for such a grid: it has 16 positions only, of which one leads by up to 6.7 in 60 uncompressed pictures."""
BLOCK_TREES = ("bpg", "heic", "avif")
"""Classes coded in trees of blocks from one smallest size up: encoders of either standard repeat the other's blocks,
too, if less well.
"""
NO_GRID = "no position of the block grid stands out when the picture is re-encoded"
_LEAST_DEVIATION = 2.0
"""Least standard deviation of an estimate, in indices, for one without width: of 280 estimates of validation pictures
coded as BPG, HEIC, AVIF, WebP and JPEG XL the narrowest has 3.4 (HEIC), half of them more than 6."""
_WIDER = 1.5
"""The prior's deviation is taken so many times as large as stated: estimates err more on encoders never seen."""
_REACH = 2.5
"""Widened standard deviations of the estimate within which indices are tried: 98.8 % of a normal distribution."""
TRIED = _REACH * _WIDER
"""The same in stated standard deviations."""
_SPACES = {"bt601": "ycbcr", "bt709": "bt709", "bt2020": "bt2020", "rgb": "rgb", "ycgco": "ycgco"}


class Coder(Protocol):
    """An encoder and its decoder as a function on 8-bit samples: one plane, or the whole picture where colours are
    coded otherwise than apart.
    """

    @property
    def grid(self) -> int:
        """Side in pixels of the smallest coding block, which is the period of the grids that are looked for."""

    @property
    def tree(self) -> int:
        """Side in pixels of the largest."""

    @property
    def indices(self) -> tuple[int, ...]:
        """The quantiser indices it can be asked for, ascending."""

    def again(self, plane: np.ndarray, index: int) -> np.ndarray:
        """Samples, their sides multiples of `grid`, coded at an index and decoded: same shape, uint8."""

    def each_again(self, planes: Sequence[np.ndarray], index: int) -> Sequence[np.ndarray]:
        """`again` of several samples of one shape, for a coder that is quicker at them together."""
        return [self.again(plane, index) for plane in planes]


@dataclass(frozen=True)
class Grid:
    """Where blocks begin.

    Attributes
    ----------
    phase : (int, int)
        Row and column of the first block's corner, modulo `period`, against the picture's top left corner.
    score : float
        By how many robust standard deviations recompression changes the picture less there than at the median position,
        summed over probes.
    lead : float
        What of it is left against the second best position.
    tree : (int, int)
        The best position of the largest blocks on this grid; a choice that no test backs.
    period : int
        The coder's `grid`.
    """

    phase: tuple[int, int]
    score: float
    lead: float
    tree: tuple[int, int] = (0, 0)
    period: int = 8

    @property
    def found(self) -> bool:
        """Whether the lead is large enough for the grid to be stated."""
        return self.lead >= (GRID_FROM if self.period > FINE_PERIOD else FINE_GRID_FROM)


@dataclass(frozen=True)
class Recoded:
    """What the histories of all codecs that are read by recompression have in common.

    Attributes
    ----------
    grid : Grid or None
        Where coding blocks begin; None where it was not looked for.
    reason : str
        Why there is no quantiser index, or empty.
    gain : float
        How much less recompression at the index read changes luma on the grid than off it, in dB; NaN where none is
        read.
    trace : Trace or None
        The blocks behind it (`traces.coding_again`), where an index is read.
    """

    grid: Grid | None = None
    reason: str = field(default="", kw_only=True)
    gain: float = field(default=math.nan, kw_only=True)
    trace: Trace | None = field(default=None, kw_only=True)

    @property
    def found(self) -> bool:
        """Whether a grid was found."""
        return self.grid is not None and self.grid.found

    @property
    def agreeing_blocks(self) -> int:
        """Blocks that showed an index of their own; 0 for a codec whose blocks are not asked."""
        return 0

    @property
    def index_varies(self) -> bool | None:
        """Whether the index differs among blocks; None where that is not read."""
        return None

    def parameters(self) -> tuple[Parameter, ...]:
        """What the codec's own history adds to; the block grid and the fixed point here."""
        return self.grid_parameter(), self.gain_parameter()

    def grid_parameter(self) -> Parameter:
        """The position of the block grid."""
        name = "block_grid_phase"
        if self.grid is None or not self.grid.found:
            return Parameter(name, None, reason=self.reason)
        basis = (
            f"row and column of a coding block's first sample modulo {self.grid.period}: recompressed there the "
            f"picture changes less than at the "
            f"{self.grid.period**2 - 1} other positions, by {self.grid.lead:.0f} robust standard deviations"
        )
        return Parameter(name, self.grid.phase, unit="pixels", basis=basis)

    def gain_parameter(self) -> Parameter:
        """How nearly the picture is a fixed point of the encoder at the index that was read."""
        name = "fixed_point_gain"
        if math.isnan(self.gain):
            return Parameter(name, None, reason=self.reason)
        basis = (
            "recompressed at the quantiser index that was read, luma changes so much less (mean squared change) on "
            "the block grid than off it"
        )
        return Parameter(name, round(self.gain, 1), unit="dB", basis=basis)


@dataclass(frozen=True)
class Prior:
    """What is held of a quantiser index before recompression: a mean, and a standard deviation that is widened where it
    is used.
    """

    mean: float
    deviation: float

    def within(self, indices: Sequence[int]) -> list[int]:
        """The indices that are worth coding at."""
        mean = min(max(self.mean, min(indices)), max(indices))
        return [index for index in indices if abs(index - mean) <= TRIED * self.deviation]

    def logarithm(self, indices: np.ndarray) -> np.ndarray:
        """Natural logarithm of its density at `indices`, up to a constant; same shape, dtype=float64."""
        return np.asarray(-0.5 * ((indices - self.mean) / (_WIDER * self.deviation)) ** 2)


def stated(estimates: Sequence[Parameter], name: str) -> Parameter | None:
    """The estimate of that name; None where there is none."""
    return next((parameter for parameter in estimates if parameter.name == name), None)


def prior_of(estimates: Sequence[Parameter]) -> Prior | None:
    """What estimates say of `quantizer_index`, `_LEAST_DEVIATION` or more wide; None where they state none."""
    found = stated(estimates, "quantizer_index")
    if found is None or not isinstance(found.value, (int, float)) or found.low is None or found.high is None:
        return None
    return Prior(float(found.value), max((found.high - found.low) / 3.3, _LEAST_DEVIATION))


def starting_point(pixels: np.ndarray, estimates: Sequence[Parameter], missing: str) -> Prior | str:
    """The prior that a reading starts from, or the reason why nothing can be read.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3)]
    estimates : sequence of Parameter
    missing : str
        What keeps the coder from working here, or empty.
    """
    if missing:
        return f"it is read by coding the picture again, and {missing}"
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return f"a block grid is looked for in pictures of {LEAST_SIDE} pixels a side and more"
    return prior_of(estimates) or "there is no estimate to start from"


def coded_planes(pixels: np.ndarray, colour_coding: Parameter | None = None) -> Sequence[np.ndarray]:
    """The planes that were coded, at full resolution: luma (G for RGB) and two of chroma, or a grey picture's one.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    colour_coding : Parameter, optional
        Matrix and range such as `bt709 limited`; `bt601 full` where it or its value is missing.

    Returns
    -------
    sequence of np.ndarray [shape=(height, width), dtype=uint8]
    """
    from forensics.codecs.bpg import colour as bpg_colour

    pixels = eight_bit(pixels)
    if pixels.ndim == 2:
        return [pixels]
    coding = "bt601 full" if colour_coding is None or colour_coding.value is None else str(colour_coding.value)
    matrix, _, extent = coding.partition(" ")
    planes = bpg_colour.to_planes(np.ascontiguousarray(pixels), _SPACES.get(matrix, "ycbcr"), 8, extent == "limited")
    return [np.asarray(plane, np.uint8) for plane in planes]


def luma(pixels: np.ndarray, colour_coding: Parameter | None = None) -> np.ndarray:
    """The first of `coded_planes`."""
    return coded_planes(pixels, colour_coding)[0]
