"""What a WebP encoder did to a picture: its block grid and its quantiser index, read by coding luma again with libwebp.

libwebp gives macroblocks of different texture up to four indices and chooses them by the whole picture. Recompressed it
mostly chooses alike, and the picture changes least where the mean index is its own. How far the four lie apart depends
on the encoder's noise shaping, so that its presets are tried one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forensics.history.recoding import coder as recoding
from forensics.history.recoding import grid as recoding_grid
from forensics.history.recoding import sweep as recoding_sweep
from forensics.history.recoding.coder import Grid, Prior
from forensics.history.recoding.grid import BLOCK, block_means, change
from forensics.history.recoding.sweep import Sweep
from forensics.history.recoding.trace import coding_again
from forensics.pixels import eight_bit
from forensics.results.analysis import Window
from forensics.results.history import Parameter

_PROBES = (-12, 0)
"""Indices at which grids are tried, against the estimate."""
_PRESETS = ("default", "photo", "drawing")
"""Presets of libwebp whose noise shaping (50, 80, 25) and loop filters differ."""
_SPACING = 3
"""Every so many indices are tried: a bound on work."""
_BLOCK_FLOOR = 0.05
"""Mean squared change of a block in squared levels below which differences do not count: a numerical guard."""
_LEAST_CONTRAST = 0.25
"""Contrast in binary logarithms below which no index is stated."""
LUMA = Parameter("colour_coding", "bt601 limited")


class LibWebp(recoding.Coder):
    """libwebp and its decoder under one preset; a `recoding.Coder`."""

    grid, tree = 4, 16
    indices = tuple(range(128))

    def __init__(self, preset: str) -> None:
        self.preset = preset

    def again(self, plane: np.ndarray, index: int) -> np.ndarray:
        """See `forensics.history.recoding.coder.Coder`."""
        from forensics.codecs import webp

        return webp.recode(plane, index, self.preset)[0]


@dataclass(frozen=True)
class Vp8History(recoding.Recoded):
    """The traces of a VP8 encoder.

    Attributes
    ----------
    index : float or None
        Mean quantiser index (`y_ac_qi`, 0..127) over the macroblocks looked at; None where it is not read.
    low, high : float
        Ends of its 90 % interval.
    quality : float or None
        libwebp's quality setting for it, 0..100.
    preset : str
        The preset of libwebp that repeats the picture best.
    """

    index: float | None = None
    low: float = 0.0
    high: float = 0.0
    quality: float | None = None
    preset: str = ""

    def parameters(self) -> tuple[Parameter, ...]:
        """The block grid, the index, the quality and the fixed point, each with a value or a reason."""
        return self.grid_parameter(), _index(self), _quality(self), self.gain_parameter()


def recover(pixels: np.ndarray, estimates: Sequence[Parameter] = (), codec: str = "webp") -> Vp8History:
    """The grid and quantiser index of a picture held to be WebP.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    estimates : sequence of Parameter
        `quantizer_index` with its interval, as `forensics.history.estimated.estimate` gives it. Without it nothing is
        read.
    codec : str
        Of the classes here there is one.

    Returns
    -------
    Vp8History
    """
    from forensics.codecs import registry

    prior = recoding.starting_point(pixels, estimates, registry.get("webp").availability().reason)
    if isinstance(prior, str):
        return Vp8History(reason=prior)
    plane = recoding.luma(pixels, LUMA)
    coders = [LibWebp(preset) for preset in _PRESETS]
    probes = recoding_grid.nearest(coders[0], [round(prior.mean) + step for step in _PROBES])
    grid = recoding_grid.find_grid(plane, coders[0], probes, decisive=recoding_grid.DECISIVE)
    if not grid.found:
        return Vp8History(grid, reason=recoding.NO_GRID)
    windows = recoding_grid.swept_windows(plane)
    grid = replace(grid, tree=_macroblock(eight_bit(pixels), plane, grid, coders[0], probes, windows[0]))
    indices = prior.within(coders[0].indices)[::_SPACING]
    sweeps = [recoding_sweep.sweep(plane, coder, grid, indices, windows) for coder in coders]
    return _read(plane, windows[0], grid, coders, sweeps, prior)


def _macroblock(
    pixels: np.ndarray, plane: np.ndarray, grid: Grid, coder: LibWebp, probes: Sequence[int], window: Window
) -> tuple[int, int]:
    """The corner of a macroblock on a grid of smallest blocks: the place where recompression changes luma and chroma of
    most blocks least.

    Chroma tells it best: its smallest blocks are 8 pixels wide, and its samples lie at every other pixel.
    """
    from forensics.codecs import webp

    steps = range(0, coder.tree, coder.grid)
    side = (min(window.height, window.width) - coder.tree) // BLOCK * BLOCK
    changes = {}
    for place in ((grid.phase[0] + row, grid.phase[1] + column) for row in steps for column in steps):
        top, left = ((at - first) % coder.tree for at, first in zip(place, (window.top, window.left), strict=True))
        common = slice(coder.tree - top, side - top), slice(coder.tree - left, side - left)
        part = np.ascontiguousarray(window.cut(plane)[top : top + side, left : left + side])
        total = sum(_typical(change(part, coder.again(part, probe))[common]) for probe in probes)
        if pixels.ndim == 3:
            colours = np.ascontiguousarray(window.cut(pixels)[top : top + side, left : left + side])
            total += sum(
                _typical(_chroma_change(colours, webp.recode_colour(colours, probe))[common]) for probe in probes
            )
        changes[place] = total
    return min(changes, key=lambda place: changes[place])


def _chroma_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Squared change of the differences B - G and R - G, `np.ndarray [shape=(height, width), dtype=float32]`."""
    difference = before.astype(np.float32) - after
    return ((difference[:, :, ::2] - difference[:, :, 1:2]) ** 2).sum(axis=2)


def _typical(errors: np.ndarray) -> float:
    """Mean over blocks of the binary logarithm of their mean squared change: no few blocks decide it."""
    return float(np.log2(block_means(errors) + _BLOCK_FLOOR).mean())


def _read(
    plane: np.ndarray, window: Window, grid: Grid, coders: Sequence[LibWebp], sweeps: Sequence[Sweep], prior: Prior
) -> Vp8History:
    """The index at which the best preset repeats the picture best, as the header of `window` recompressed states it."""
    from forensics.codecs import webp

    best = recoding_sweep.repeated_best(sweeps, prior)
    if best.contrast < _LEAST_CONTRAST:
        return Vp8History(
            grid,
            reason="recompressed at the indices around the estimate, the picture changes hardly less on its grid than "
            "off it",
        )
    coder, swept, last = coders[best.coder], sweeps[best.coder], float(LibWebp.indices[-1])
    coded = min(max(best.index, 0.0), last)
    index = webp.recode(recoding_grid.aligned(plane, coder, window, grid.tree).part, coded, coder.preset)[1]
    low, high = max(0.0, best.low + index - coded), min(best.high + index - coded, last)
    trace = coding_again(
        swept,
        grid,
        coded,
        encoder="libwebp",
        quantity="quantiser index",
        values=swept.indices,
        tree=coder.tree,
        encoders=len(sweeps),
        speaks_for=("webp",),
    )
    return Vp8History(grid, index, low, high, webp.quality_of(coded), coder.preset, gain=swept.gain(coded), trace=trace)


def _index(history: Vp8History) -> Parameter:
    name = "quantizer_index"
    if history.index is None:
        return Parameter(name, None, reason=history.reason)
    basis = (
        f"mean over macroblocks: recompressed by libwebp ({history.preset} preset) the picture changes least against "
        f"a control at this index"
    )
    return Parameter(name, round(history.index, 1), low=round(history.low, 1), high=round(history.high, 1), basis=basis)


def _quality(history: Vp8History) -> Parameter:
    name = "quality_factor"
    if history.index is None or history.quality is None:
        return Parameter(name, None, reason=history.reason)
    from forensics.codecs import webp

    low, high = (round(webp.quality_of(index)) for index in (history.high, history.low))
    return Parameter(
        name,
        round(history.quality),
        low=low,
        high=high,
        basis=f"libwebp's setting that asks for this index ({history.preset} preset)",
    )
