"""What an HEVC intra encoder (BPG, HEIC) did to a picture: its block grid and its QP, read by coding luma again with
x265.

The estimates of `forensics.history.estimated` say where to look and which colour matrix made luma; what is read is the
encoder's own: the QP at which recompression changes least, exact where it is stated. Where blocks agree better on one
QP once x265's adaptive quantisation is taken off their votes (`hevc_adaptive`), as in most HEIC files, that QP is
stated, and the range of the blocks' own with it. The first encoder need not be x265: files of the HEVC reference
software read as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forensics.history.recoding import coder as recoding
from forensics.history.recoding import grid as recoding_grid
from forensics.history.recoding import sweep as recoding_sweep
from forensics.history.recoding.coder import Grid
from forensics.history.recoding.hevc_adaptive import TextureOffsets
from forensics.history.recoding.sweep import Sweep
from forensics.history.recoding.trace import coding_again
from forensics.results.history import Parameter

_PROBES = (-6, -2, 2)
"""QP at which grids are tried, against the estimate: at the true QP and somewhat finer a grid shows best."""
_HALF_STEP = 6
"""QP by which a quantiser step halves (ITU-T H.265, 8.6.2)."""
_CODINGS = ("bt601 full", "rgb full", "bt601 limited", "ycgco full")
_BALLOT = recoding_sweep.Ballot(dip=0.7, reach=5, least=12, partner=_HALF_STEP)
QP_STATED_FROM = 0.7
"""Posterior probability from which a QP is stated."""
_CONSTANT_FROM, _APART = 0.6, 0.15
"""Share of the blocks' votes that the most frequent QP has from which the QP is constant, where taking texture off
leaves a share smaller by so much.
"""
_CENTRAL_FROM, _CLEARER = 0.6, 0.1
"""The same for a QP that follows texture, of the votes at it and the neighbouring QPs: of 27 training files of a
constant QP none comes out so.
"""
_AGREED = 0.4
"""Share from which blocks bear out the QP of the whole picture."""
_SETTLED_FROM = 60
"""Blocks that tell a QP from which no further window is coded, where they say whether it is constant. Of 28 validation
pictures coded as HEIC or BPG 18 end after one window so, with the same QP but for two that move by 0.4, within their
intervals."""
_ADAPTIVE_REACH = 2.0
"""QP either way within which the base of an adaptive QP lies: the texture of a whole picture is not known from a crop.
"""


class X265(recoding.Coder):
    """x265 and FFmpeg's decoder at one QP for the whole plane; a `recoding.Coder`."""

    grid, tree = 8, 64
    indices = tuple(range(5, 51))

    def again(self, plane: np.ndarray, index: int) -> np.ndarray:
        """See `forensics.history.recoding.coder.Coder`."""
        from forensics.codecs.hevc import pyav as hevc_pyav

        return hevc_pyav.recode([plane], index)[0]

    def each_again(self, planes: Sequence[np.ndarray], index: int) -> Sequence[np.ndarray]:
        """See `forensics.history.recoding.coder.Coder`."""
        from forensics.codecs.hevc import pyav as hevc_pyav

        return hevc_pyav.recode(planes, index)


@dataclass(frozen=True)
class HevcHistory(recoding.Recoded):
    """The traces of an HEVC encoder.

    Attributes
    ----------
    qp : float or None
        The QP of the whole picture, or that of a block of mean texture where it differs from block to block; None where
        it is not read.
    low, high : float
        Ends of its 90 % interval.
    probability : float
        Of the stated QP, 0..1; 0 where it comes from the votes of blocks.
    adaptive : bool or None
        Whether the QP differs among the blocks looked at; None where that is not read.
    blocks : int
        Blocks of 16 pixels that showed a QP of their own.
    spread : (float, float, float) or None
        Mean of these, and their 5th and 95th percentile.
    levelled : bool
        Whether the texture's part was taken off their votes.
    """

    qp: float | None = None
    low: float = 0.0
    high: float = 0.0
    probability: float = 0.0
    adaptive: bool | None = None
    blocks: int = 0
    spread: tuple[float, float, float] | None = None
    levelled: bool = False

    @property
    def agreeing_blocks(self) -> int:
        """Blocks that showed an index of their own."""
        return self.blocks

    @property
    def index_varies(self) -> bool | None:
        """Whether the QP differs among the blocks looked at."""
        return self.adaptive

    def parameters(self) -> tuple[Parameter, ...]:
        """The block grid, the QP, whether it is adaptive, the blocks' range and the fixed point, each with a value or a
        reason.
        """
        return self.grid_parameter(), _qp(self), _adaptive(self), _spread(self), self.gain_parameter()


def recover(pixels: np.ndarray, estimates: Sequence[Parameter] = (), codec: str = "") -> HevcHistory:
    """The grid and QP of a picture held to be HEVC.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    estimates : sequence of Parameter
        `quantizer_index` with its interval, `colour_coding` and `chroma_subsampling`, as
        `forensics.history.estimated.estimate` gives them. Without the first nothing is read.
    codec : str
        `heic` where the picture is held to be HEIC, whose encoders mostly vary the QP: that decides where blocks leave
        it open.

    Returns
    -------
    HevcHistory
    """
    from forensics.codecs.hevc import pyav as hevc_pyav

    prior = recoding.starting_point(pixels, estimates, hevc_pyav.missing())
    if isinstance(prior, str):
        return HevcHistory(reason=prior)
    colours, coder = _colours(pixels, estimates), X265()
    planes = recoding.coded_planes(pixels, colours[0])
    grid = recoding_grid.locate(planes[0], coder, prior, _PROBES)
    if not grid.found:
        return HevcHistory(grid, reason=recoding.NO_GRID)
    subsampling = recoding.stated(estimates, "chroma_subsampling")
    halved = subsampling is None or subsampling.value != "4:4:4"
    windows = recoding_grid.swept_windows(planes[0])
    for colour in colours:
        planes = planes if colour is colours[0] else recoding.coded_planes(pixels, colour)
        offsets = TextureOffsets(planes, halved, grid.tree)
        swept: Sweep | None = None
        for window in windows:
            more = recoding_sweep.sweep(planes[0], coder, grid, prior.within(coder.indices), [window])
            swept = more if swept is None else swept.joined(more)
            history = _read(grid, swept, prior, offsets, codec == "heic")
            if history.adaptive is not None and history.blocks >= _SETTLED_FROM:
                break
        if swept is not None and history.qp is not None:
            trace = coding_again(
                swept,
                grid,
                history.qp,
                encoder="x265",
                quantity="QP",
                values=swept.indices,
                tree=X265.tree,
                encoders=1,
                speaks_for=recoding.BLOCK_TREES,
            )
            return replace(history, gain=swept.gain(history.qp), trace=trace)
    return history


def _colours(pixels: np.ndarray, estimates: Sequence[Parameter]) -> list[Parameter | None]:
    """The estimated colour coding; where it is open, those that BPG files have, one after the other."""
    coding = recoding.stated(estimates, "colour_coding")
    if pixels.ndim == 2 or (coding is not None and coding.value is not None):
        return [coding]
    return [Parameter("colour_coding", one) for one in _CODINGS]


def _read(
    grid: Grid, swept: Sweep, prior: recoding.Prior, offsets: recoding_sweep.Offsets, varying: bool
) -> HevcHistory:
    """One QP where the whole picture or most blocks agree on it, once texture is taken off where that makes them agree,
    else nothing.
    """
    chances = recoding_sweep.posterior(swept, prior, _HALF_STEP)
    qp, chance = int(swept.indices[chances.argmax()]), float(chances.max())
    plain, textured = (recoding_sweep.vote(swept, prior, _BALLOT, taken) for taken in (None, offsets))
    constant = (
        plain is not None
        and plain.share >= _CONSTANT_FROM
        and (textured is None or plain.share >= textured.share + _APART)
    )
    adaptive = (
        textured is not None
        and textured.near >= _CENTRAL_FROM
        and (plain is None or textured.near >= plain.near + _CLEARER)
    )
    spread = None if plain is None else (plain.mean, plain.low, plain.high)
    if textured is not None and (adaptive or (varying and not constant)):
        low, high = textured.centre - _ADAPTIVE_REACH, textured.centre + _ADAPTIVE_REACH
        return HevcHistory(grid, textured.centre, low, high, 0.0, adaptive or None, textured.count, spread, True)
    if plain is None:
        if chance < QP_STATED_FROM:
            return HevcHistory(
                grid,
                reason="recompression at the QPs around the estimate shows no single one, and too few blocks tell "
                "their own",
            )
        return HevcHistory(grid, qp, qp - 1, qp + 1, chance)
    adapts = False if constant else None
    if chance >= QP_STATED_FROM and abs(qp - plain.mode) <= 1 and plain.share >= _AGREED:
        return HevcHistory(grid, qp, qp - (not constant), qp + (not constant), chance, adapts, plain.count, spread)
    if plain.share >= _CONSTANT_FROM:
        return HevcHistory(grid, plain.mode, plain.mode - 1, plain.mode + 1, 0.0, adapts, plain.count, spread)
    return HevcHistory(grid, plain.mean, plain.low, plain.high, 0.0, None, plain.count, spread)


def _qp(history: HevcHistory) -> Parameter:
    name = "quantizer_index"
    if history.qp is None:
        return Parameter(name, None, reason=history.reason)
    if history.probability:
        basis = (
            f"recompressed by x265 the picture changes less at this QP than at its neighbours (probability "
            f"{history.probability:.2f})"
        )
        return Parameter(name, int(history.qp), low=history.low, high=history.high, unit="QP", basis=basis)
    basis = (
        f"{history.blocks} blocks of {recoding_grid.BLOCK} pixels, each at the QP at which recompression by x265 "
        f"changes it least"
    )
    if history.levelled:
        basis += (
            ", less what x265's adaptive quantisation adds for their texture: the QP of a block of mean texture (the "
            "slice header of libheif's files "
            "states 3 less)"
        )
    return Parameter(
        name, round(history.qp, 1), low=round(history.low, 1), high=round(history.high, 1), unit="QP", basis=basis
    )


def _adaptive(history: HevcHistory) -> Parameter:
    name = "adaptive_quantization"
    if history.adaptive:
        basis = (
            f"the QPs that {history.blocks} blocks tell differ, and agree where x265's rule of their texture is "
            f"taken off"
        )
        return Parameter(name, True, basis=basis)
    if history.adaptive is None:
        return Parameter(
            name, None, reason=history.reason or "blocks tell QPs too few or too blurred to say whether they differ"
        )
    return Parameter(
        name,
        None,
        reason=f"the QPs that {history.blocks} blocks tell do not differ, and those of blocks not looked at may",
    )


def _spread(history: HevcHistory) -> Parameter:
    name = "block_quantizer"
    if history.spread is None:
        return Parameter(name, None, reason=history.reason or "too few blocks tell a QP of their own")
    mean, low, high = (round(number, 1) for number in history.spread)
    basis = (
        f"mean, 5th and 95th percentile of the QPs that {history.blocks} blocks tell, which are those with most texture"
    )
    return Parameter(name, mean, low=low, high=high, unit="QP", basis=basis)
