"""What an AV1 encoder (AVIF) did to a picture: its block grid and its quantiser index, read by coding luma again with
aom.

Recent versions of aom weigh frequencies by quantisation matrices when they code still pictures, others have one step
for all AC coefficients: both are tried, and which of them repeats the picture is stated. aom can be asked for every
fourth index only. Encoders that decide otherwise than aom (SVT-AV1, rav1e) show the grid, and mostly no index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forensics.history.recoding import coder as recoding
from forensics.history.recoding import grid as recoding_grid
from forensics.history.recoding import sweep as recoding_sweep
from forensics.history.recoding.coder import Grid
from forensics.history.recoding.trace import coding_again
from forensics.results.history import Parameter

_BALLOT = recoding_sweep.Ballot(dip=0.3, reach=2, least=8)
_PROBES = (-40, -16, 8)
"""Indices at which grids are tried, against the estimate: at the true index and somewhat finer a grid shows best."""
_SPACING = 4
"""Distance of the indices that aom can be asked for."""
_SURE_FROM, _CLEAR_FROM = 40, 20
"""Votes from which an index is exact up to the spacing of aom's, and a tuning certain: fewer come from other encoders,
too.
"""
_AGREEING, _SHARE, _PART = 20, 0.75, 0.25
"""Votes that make an index; or the share of the votes that agree exactly and the part of all blocks that vote, both. Of
the first 20 readings on training pictures, the five with less were the five that were off by 16 and more: encoders that
change the quantiser from block to block."""
_CLEAR_GAIN = 4.0
"""Gain in dB from which the encoder was one that decides as aom does. Below it 3 of 9 readings on training pictures
were off, by 12 to 22.
"""
_FLAT, _MATRICES = "psnr", "default"


class Aom(recoding.Coder):
    """aom and its decoder under one tuning, with tools for screens or without; a `recoding.Coder`."""

    grid, tree = 8, 64

    def __init__(self, tune: str, *, screens: bool = True) -> None:
        from forensics.codecs import avif

        self._tune, self._screens, self._qualities = tune, screens, avif.aom_qualities(tune)

    @property
    def indices(self) -> tuple[int, ...]:
        """See `forensics.history.recoding.coder.Coder`."""
        return tuple(self._qualities)

    def again(self, plane: np.ndarray, index: int) -> np.ndarray:
        """See `forensics.history.recoding.coder.Coder`."""
        from forensics.codecs import avif

        return avif.recode(plane, self._qualities[index], self._tune, screens=self._screens)


@dataclass(frozen=True)
class Av1History(recoding.Recoded):
    """The traces of an AV1 encoder.

    Attributes
    ----------
    index : int or None
        The quantiser index (`base_q_idx`, 0..255), one of those that aom can be asked for; None where it is not read.
    low, high : float
        Ends of its 90 % interval.
    blocks : int
        Blocks that showed an index of their own.
    matrices : bool or None
        Whether frequencies were weighed by quantisation matrices; None where that is not read.
    """

    index: int | None = None
    low: float = 0.0
    high: float = 0.0
    blocks: int = 0
    matrices: bool | None = None

    @property
    def agreeing_blocks(self) -> int:
        """Blocks that showed an index of their own."""
        return self.blocks

    def parameters(self) -> tuple[Parameter, ...]:
        """The block grid, the index, whether there were matrices and the fixed point, each with a value or a reason."""
        return self.grid_parameter(), _index(self), _matrices(self), self.gain_parameter()


def recover(pixels: np.ndarray, estimates: Sequence[Parameter] = (), codec: str = "avif") -> Av1History:
    """The grid and quantiser index of a picture held to be AV1.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    estimates : sequence of Parameter
        `quantizer_index` with its interval and `colour_coding`, as `forensics.history.estimated.estimate` gives them.
        Without the first nothing is read.
    codec : str
        Of the classes here there is one.

    Returns
    -------
    Av1History
    """
    from forensics.codecs import registry

    able = registry.get("avif").availability()
    prior = recoding.starting_point(pixels, estimates, able.reason)
    if isinstance(prior, str):
        return Av1History(reason=prior)
    plane = recoding.luma(pixels, recoding.stated(estimates, "colour_coding"))
    coders = [Aom(tune) for tune in (_FLAT, _MATRICES)]
    grid = recoding_grid.locate(plane, coders[0], prior, _PROBES)
    if not grid.found:
        return Av1History(grid, reason=recoding.NO_GRID)
    sweeps: list[recoding_sweep.Sweep] = []
    for window in recoding_grid.swept_windows(plane):
        more = [recoding_sweep.sweep(plane, coder, grid, prior.within(coder.indices), [window]) for coder in coders]
        sweeps = [one.joined(other) for one, other in zip(sweeps, more, strict=True)] if sweeps else more
        history = _read(grid, sweeps, prior)
        if history.index is not None:
            break
    return history


def _read(grid: Grid, sweeps: Sequence[recoding_sweep.Sweep], prior: recoding.Prior) -> Av1History:
    """The index that most blocks tell, under the tuning in which more of them agree."""
    found = [recoding_sweep.vote(swept, prior, _BALLOT) for swept in sweeps]
    counts = [0 if votes is None else votes.count for votes in found]
    best = int(np.argmax(counts))
    votes = found[best]
    if votes is None or not _agreed(votes, len(sweeps[best].on.places)):
        return Av1History(grid, reason="recompressed at the indices around the estimate, too few blocks agree on one")
    clear = counts[best] >= max(_CLEAR_FROM, 2 * min(counts))
    gain = sweeps[best].gain(votes.mode)
    reach = 8 * _SPACING if gain < _CLEAR_GAIN else _SPACING if votes.count >= _SURE_FROM else 4 * _SPACING
    low, high = min(votes.low, votes.mode - reach), max(votes.high, votes.mode + reach)
    trace = coding_again(
        sweeps[best],
        grid,
        votes.mode,
        encoder="aom",
        quantity="quantiser index",
        values=sweeps[best].indices,
        tree=Aom.tree,
        encoders=len(sweeps),
        speaks_for=recoding.BLOCK_TREES,
    )
    return Av1History(grid, votes.mode, low, high, votes.count, bool(best) if clear else None, gain=gain, trace=trace)


def _agreed(votes: recoding_sweep.Votes, blocks: int) -> bool:
    """Whether votes of so many blocks make an index."""
    return votes.count >= _AGREEING or (votes.share >= _SHARE and votes.count >= _PART * blocks)


def _index(history: Av1History) -> Parameter:
    name = "quantizer_index"
    if history.index is None:
        return Parameter(name, None, reason=history.reason)
    basis = (
        f"the index at which most of {history.blocks} blocks of {recoding_grid.BLOCK} pixels change least when aom "
        f"codes them again"
    )
    return Parameter(name, history.index, low=max(0.0, history.low), high=min(255.0, history.high), basis=basis)


def _matrices(history: Av1History) -> Parameter:
    name = "quantization_matrices"
    if history.matrices is None:
        return Parameter(name, None, reason=history.reason or "both tunings of aom repeat the picture about as well")
    tuning = (
        "its default tuning, which has quantisation matrices where this version of aom has them,"
        if history.matrices
        else "one step for all frequencies"
    )
    return Parameter(name, history.matrices, basis=f"aom repeats the picture best with {tuning}")
