"""What a JPEG XL encoder did to a picture: its block grid, its distance and how it was searched, read by recompression
with libjxl.

libjxl quantises every block after its content and smooths the picture in decoding, which leaves no comb; recompressed
it decides mostly alike. Fast encoders (effort 3 and less) have 8x8 transforms alone, slower ones choose among many:
both are tried, and which of them repeats the picture is stated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forensics.history.recoding import coder as recoding
from forensics.history.recoding import grid as recoding_grid
from forensics.history.recoding import sweep as recoding_sweep
from forensics.history.recoding.coder import Grid, Prior
from forensics.history.recoding.sweep import Sweep
from forensics.history.recoding.trace import coding_again
from forensics.pixels import eight_bit
from forensics.results.history import Parameter

_FINEST, _COARSEST, _RATIO = 0.1, 25.0, 1.1
"""Distance of the first index, the largest that libjxl takes, and by how much it grows from index to index."""
_EFFORTS = (3, 7)
"""Efforts of libjxl that are tried: a fast one, and its default."""
_PROBES = (-6, -2)
"""Indices at which grids are tried, against the estimate."""
_SPACING = 2
"""Every so many indices are tried: a bound on work."""
_LEAST_CONTRAST = 0.1
"""Contrast in binary logarithms below which no distance is stated."""
_CLEAR = 0.15
"""By how much the contrast of one effort must exceed the other's for it to be stated."""


def distance_of(index: float) -> float:
    """The Butteraugli distance of an index."""
    return float(_FINEST * _RATIO**index)


def index_of(distance: float) -> float:
    """The inverse of `distance_of`."""
    return math.log(distance / _FINEST) / math.log(_RATIO)


class Libjxl(recoding.Coder):
    """libjxl at one effort; a `recoding.Coder` of whole pictures."""

    grid, tree = 8, 64
    indices = tuple(range(58))

    def __init__(self, effort: int) -> None:
        self._effort = effort

    def again(self, samples: np.ndarray, index: int) -> np.ndarray:
        """See `forensics.history.recoding.coder.Coder`."""
        from forensics.codecs import registry

        codec = registry.get("jpegxl")
        return codec.decode(codec.encode(samples, distance=distance_of(index), effort=self._effort))


@dataclass(frozen=True)
class JpegXlHistory(recoding.Recoded):
    """The traces of a JPEG XL encoder.

    Attributes
    ----------
    distance : float or None
        Butteraugli distance; None where it is not read.
    low, high : float
        Ends of its 90 % interval.
    fast : bool or None
        Whether the encoder had 8x8 transforms alone; None where both kinds repeat the picture about as well.
    """

    distance: float | None = None
    low: float = 0.0
    high: float = 0.0
    fast: bool | None = None

    def parameters(self) -> tuple[Parameter, ...]:
        """The block grid, the distance, the effort and the fixed point, each with a value or a reason."""
        return self.grid_parameter(), _distance(self), _effort(self), self.gain_parameter()


def recover(pixels: np.ndarray, estimates: Sequence[Parameter] = (), codec: str = "jpegxl") -> JpegXlHistory:
    """The grid and distance of a picture held to be JPEG XL.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    estimates : sequence of Parameter
        `distance` with its interval, as `forensics.history.estimated.estimate` gives it. Without it nothing is read.
    codec : str
        Of the classes here there is one.

    Returns
    -------
    JpegXlHistory
    """
    from forensics.codecs import registry

    prior = recoding.starting_point(pixels, as_indices(estimates), registry.get("jpegxl").availability().reason)
    if isinstance(prior, str):
        return JpegXlHistory(reason=prior)
    samples = eight_bit(pixels)
    coders = [Libjxl(effort) for effort in _EFFORTS]
    grid = _located(samples, coders, prior)
    if not grid.found:
        return JpegXlHistory(grid, reason=recoding.NO_GRID)
    indices = prior.within(coders[0].indices)[::_SPACING]
    windows = recoding_grid.swept_windows(samples)
    return _read(grid, [recoding_sweep.sweep(samples, coder, grid, indices, windows) for coder in coders], prior)


def _located(samples: np.ndarray, coders: Sequence[Libjxl], prior: Prior) -> Grid:
    """The grid that one of the coders shows best, none being asked after a decisive one; the slow encoder, which has
    large blocks, aligns its trees.
    """
    probes = recoding_grid.nearest(coders[0], [round(prior.mean) + step for step in _PROBES])
    found: list[Grid] = []
    for coder in coders:
        found.append(recoding_grid.find_grid(samples, coder, probes, decisive=recoding_grid.DECISIVE))
        if found[-1].lead >= recoding_grid.DECISIVE:
            break
    grid = max(found, key=lambda one: one.lead)
    return recoding_grid.with_trees(grid, samples, coders[-1], probes) if grid.found else grid


def as_indices(estimates: Sequence[Parameter]) -> list[Parameter]:
    """The estimated distance as an index."""
    found = recoding.stated(estimates, "distance")
    if found is None or not isinstance(found.value, (int, float)) or not found.low or not found.high:
        return []
    value, low, high = (index_of(max(distance, _FINEST)) for distance in (found.value, found.low, found.high))
    return [Parameter("quantizer_index", value, low=low, high=high)]


def _read(grid: Grid, sweeps: Sequence[Sweep], prior: Prior) -> JpegXlHistory:
    """The distance at which the better effort repeats the picture best."""
    best = recoding_sweep.repeated_best(sweeps, prior)
    if best.contrast < _LEAST_CONTRAST:
        return JpegXlHistory(
            grid,
            reason="recompressed at the distances around the estimate, the picture changes hardly less on its grid "
            "than off it",
        )
    other = max(float(swept.contrast.max()) for number, swept in enumerate(sweeps) if number != best.coder)
    fast = _EFFORTS[best.coder] == min(_EFFORTS) if best.contrast >= other + _CLEAR else None
    distance, low, high = (min(distance_of(index), _COARSEST) for index in (best.index, best.low, best.high))
    swept = sweeps[best.coder]
    values = np.array([distance_of(float(index)) for index in swept.indices])
    trace = coding_again(
        swept,
        grid,
        best.index,
        encoder="libjxl",
        quantity="distance",
        values=values,
        tree=Libjxl.tree,
        encoders=len(sweeps),
        speaks_for=("jpegxl",),
    )
    return JpegXlHistory(grid, distance, low, high, fast, gain=swept.gain(best.index), trace=trace)


def _distance(history: JpegXlHistory) -> Parameter:
    name = "distance"
    if history.distance is None:
        return Parameter(name, None, reason=history.reason)
    basis = "the Butteraugli distance at which recompression by libjxl changes the picture least against a control"
    return Parameter(
        name, round(history.distance, 2), low=round(history.low, 2), high=round(history.high, 2), basis=basis
    )


def _effort(history: JpegXlHistory) -> Parameter:
    name = "encoder_effort"
    if history.fast is None:
        return Parameter(
            name, None, reason=history.reason or "a fast and a slow encoder repeat the picture about as well"
        )
    value = "fast, 8x8 transforms alone" if history.fast else "5 or more, many transforms"
    return Parameter(name, value, basis="libjxl repeats the picture best at an effort of this kind")
