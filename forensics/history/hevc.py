"""What an HEVC intra encoder (BPG, HEIC) did to a picture: its block grid and its QP, read by coding luma again with x265.

The estimates of `forensics.history.estimated` say where to look and which colour matrix made luma; what is read is the encoder's own: the QP at which
coding again changes least, exact where it is stated. Encoders that change the QP from block to block (x265's adaptive quantisation, as
in most HEIC files) get its mean and range over blocks. The first encoder need not be x265: files of the HEVC reference software read as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forensics.history import recoding
from forensics.history.findings import Parameter
from forensics.history.recoding import Grid

_LEAST_DEVIATION = 2.0
_PROBES = (-6, -2, 2)
"""QP at which grids are tried, against the estimate: at the true QP and somewhat finer a grid shows best."""
_HALF_STEP = 6
"""QP by which a quantiser step halves (ITU-T H.265, 8.6.2)."""
_CODINGS = ("bt601 full", "rgb full", "bt601 limited", "ycgco full")
_BALLOT = recoding.Ballot(dip=0.7, reach=5, least=12, partner=_HALF_STEP)
CERTAIN = 0.7
"""Posterior probability from which a QP is stated."""
_BLURRED_FROM = 30
"""QP from which blocks tell a constant QP so vaguely that it looks adaptive."""
_ADAPTIVE_BELOW, _CONSTANT_FROM = 0.4, 0.6
"""Shares of the blocks' votes that the most frequent QP has: below the first the QP is adaptive, from the second on constant; between them neither is said."""


class X265:
    """x265 and FFmpeg's decoder at one QP for the whole plane; a `recoding.Coder`."""

    indices = tuple(range(5, 51))

    def again(self, plane: np.ndarray, index: int) -> np.ndarray:
        """See `forensics.history.recoding.Coder`."""
        from forensics.codecs import hevc_pyav

        return hevc_pyav.recode(plane, index)


@dataclass(frozen=True)
class HevcHistory(recoding.Recoded):
    """The traces of an HEVC encoder.

    Attributes
    ----------
    qp : float or None
        The QP of the whole picture, or the mean over blocks where it differs; None where it is not read.
    low, high : float
        Ends of its 90 % interval, or of the range over blocks.
    probability : float
        Of the stated QP, 0..1; 0 for a mean over blocks.
    adaptive : bool or None
        Whether the QP differs among the blocks looked at; None where that is not read.
    blocks : int
        Blocks of 16 pixels that told a QP of their own.
    """

    qp: float | None = None
    low: float = 0.0
    high: float = 0.0
    probability: float = 0.0
    adaptive: bool | None = None
    blocks: int = 0

    def parameters(self) -> tuple[Parameter, ...]:
        """The block grid, the QP, whether it is adaptive and the fixed point, each with a value or a reason."""
        return self.grid_parameter(), _qp(self), _adaptive(self), self.gain_parameter()


def recover(pixels: np.ndarray, estimates: Sequence[Parameter] = ()) -> HevcHistory:
    """The grid and QP of a picture held to be HEVC.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    estimates : sequence of Parameter
        `quantizer_index` with its interval and `colour_coding`, as `forensics.history.estimated.estimate` gives them. Without
        the first nothing is read.

    Returns
    -------
    HevcHistory
    """
    from forensics.codecs import hevc_pyav

    prior = recoding.starting_point(pixels, estimates, hevc_pyav.missing(), _LEAST_DEVIATION)
    if isinstance(prior, str):
        return HevcHistory(reason=prior)
    colours, coder = _colours(pixels, estimates), X265()
    grid = recoding.locate(recoding.luma(pixels, colours[0]), coder, prior, _PROBES)
    if not grid.found:
        return HevcHistory(grid, reason=recoding.NO_GRID)
    for colour in colours:
        plane = recoding.luma(pixels, colour)
        swept = recoding.sweep(plane, coder, grid, prior, recoding.swept_windows(plane))
        history = _read(grid, swept, prior)
        if history.qp is not None:
            return replace(history, gain=swept.gain(history.qp))
    return history


def _colours(pixels: np.ndarray, estimates: Sequence[Parameter]) -> list[Parameter | None]:
    """The estimated colour coding; where it is open, those that BPG files have, one after the other."""
    coding = recoding.stated(estimates, "colour_coding")
    if pixels.ndim == 2 or (coding is not None and coding.value is not None):
        return [coding]
    return [Parameter("colour_coding", one) for one in _CODINGS]


def _read(grid: Grid, swept: recoding.Sweep, prior: recoding.Prior) -> HevcHistory:
    """One QP where the whole picture or most blocks agree on it, else the mean over blocks, else nothing."""
    chances = recoding.posterior(swept, prior, _HALF_STEP)
    qp, chance = int(swept.indices[chances.argmax()]), float(chances.max())
    votes = recoding.vote(swept, prior, _BALLOT)
    if votes is None:
        if chance < CERTAIN:
            return HevcHistory(grid, reason="coding again at the QPs around the estimate shows no single one, and too few blocks tell their own")
        return HevcHistory(grid, qp, qp - 1, qp + 1, chance)
    if chance >= CERTAIN and abs(qp - votes.mode) <= 1 and votes.share >= _ADAPTIVE_BELOW:
        constant = votes.share >= _CONSTANT_FROM
        return HevcHistory(grid, qp, qp - (not constant), qp + (not constant), chance, False if constant else None, votes.count)
    if votes.share >= _CONSTANT_FROM:
        return HevcHistory(grid, votes.mode, votes.mode - 1, votes.mode + 1, 0.0, None, votes.count)
    adaptive = True if votes.share < _ADAPTIVE_BELOW and votes.mean < _BLURRED_FROM else None
    return HevcHistory(grid, votes.mean, votes.low, votes.high, 0.0, adaptive, votes.count)


def _qp(history: HevcHistory) -> Parameter:
    name = "quantizer_index"
    if history.qp is None:
        return Parameter(name, None, reason=history.reason)
    if history.probability:
        basis = f"coded again by x265 the picture changes less at this QP than at those beside it (probability {history.probability:.2f})"
        return Parameter(name, int(history.qp), low=history.low, high=history.high, unit="QP", basis=basis)
    basis = f"mean and range over {history.blocks} blocks of {recoding.VOTE_BLOCK} pixels, each at the QP at which coding again by x265 changes it least"
    return Parameter(name, round(history.qp, 1), low=history.low, high=history.high, unit="QP", basis=basis)


def _adaptive(history: HevcHistory) -> Parameter:
    name = "adaptive_quantization"
    if history.adaptive:
        return Parameter(name, True, basis=f"the QPs that {history.blocks} blocks tell differ")
    if history.adaptive is None:
        return Parameter(name, None, reason=history.reason or "blocks tell QPs too few or too blurred to say whether they differ")
    return Parameter(name, None, reason=f"the QPs that {history.blocks} blocks tell do not differ, and those of blocks not looked at may")
