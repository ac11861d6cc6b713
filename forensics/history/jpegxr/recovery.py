"""How a picture was compressed by JPEG XR, from its pixels alone and at any crop: overlap mode, macroblock phase,
quantiser indices, chroma.

The standard's forward transform is taken at every phase that a crop can leave, without and with the overlap operator,
first the 4x4 stage, then that of the macroblocks. At the codec's own phase the coefficients are multiples of a
quantisation step.

References
----------
.. [1] ITU-T T.832 | ISO/IEC 29199-2, clauses 9.8 (dequantisation) and 9.9 (inverse transform), annex D (encoder).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from forensics_features.lapped import BLOCK, colour_planes
from forensics_features.planes import to_rgb8

from forensics.history.jpeg2000.levels import judged_region, unclipped
from forensics.history.jpegxr.explained import contradicts_dc
from forensics.history.jpegxr.findings import JpegxrHistory
from forensics.history.jpegxr.lattice import Fit, best_index, cumulative, dc_index, high_pass, low_pass, phase_leads
from forensics.results.wording import percentage

LEAST_SIDE = 96
"""Smallest width and height that is read, in pixels: six macroblocks."""
REGION = 512
"""Side of the region that a large picture is judged by, in pixels."""
FOUND = 8.0
"""Standard errors by which a phase leads the others when the 4x4 grid is called found."""
_SURE = 6.0
"""Lead of the best phase, in robust standard deviations, from which it is that of macroblocks. Of 12 validation
crops of 128 and 192 pixels, coded by jxrlib with quantisers 6 to 90 in all overlap modes and subsamplings, all
have the right phase with 3, this and 12."""
_SUBSAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2)}
_CHROMA_FOUND = 6.0
"""Lead from which the grid of chroma counts as found. Of the crops of `_SURE` 11 have the right subsampling and one
is open, with 3, this and 12 alike."""
_CHROMA_MARGIN = 0.12
"""Natural logarithm of the ratio of contrasts from which the better subsampling is declared."""
_LEAST = 64
"""Samples a side that the transform takes."""


@dataclass
class _Grid:
    """The best phase of one stage in one overlap mode."""

    overlap: int
    phase: tuple[int, int]
    lead: float
    histogram: np.ndarray = field(repr=False)
    dc: np.ndarray = field(repr=False, default_factory=lambda: np.empty(0))


def recover(pixels: np.ndarray, *, seed: int = 0) -> JpegxrHistory:
    """Recover the parameters of JPEG XR from a decoded picture or a crop of it.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        What `planes.to_rgb8` accepts; at least `LEAST_SIDE` a side.
    seed : int
        Of the choice of a region in a picture of more than `REGION` pixels a side.
    """
    rgb = to_rgb8(pixels)
    if min(rgb.shape[:2]) < LEAST_SIDE:
        return JpegxrHistory(False, reason=f"pictures are at least {LEAST_SIDE} pixels a side for this")
    origin, part = judged_region(rgb, REGION, seed)
    y, u, v = colour_planes(part)
    counted = cumulative(~unclipped(part))
    first = [_first_stage(y, counted, overlap) for overlap in (0, 1)]
    grid = max(first, key=lambda found: found.lead)
    if grid.lead < FOUND:
        return JpegxrHistory(False, lead=grid.lead, reason=_why_not(counted))
    second = [_second_stage(y, counted, mode, grid.phase) for mode in ((1, 2) if grid.overlap else (0,))]
    history = _describe(grid, first, second, (u, v), counted, origin)
    return replace(history, dc=None) if contradicts_dc(rgb, history) else history


def _why_not(counted: np.ndarray) -> str:
    share = 1 - counted[-1, -1] / ((counted.shape[0] - 1) * (counted.shape[1] - 1))
    if share < 0.1:
        return f"only {percentage(share, 0)} of the samples are not clipped at 0 or 255"
    return (
        "no phase of the 4x4 grid shows quantised coefficients: not JPEG XR, or finer than the rounding of the pixels"
    )


def _first_stage(y: np.ndarray, counted: np.ndarray, overlap: int) -> _Grid:
    histograms = np.stack([high_pass(y, counted, overlap, divmod(phase, BLOCK)) for phase in range(BLOCK * BLOCK)])
    lead = phase_leads(histograms)
    best = int(lead.argmax())
    return _Grid(overlap, (best // BLOCK, best % BLOCK), float(lead[best]), histograms[best])


def _second_stage(y: np.ndarray, counted: np.ndarray, overlap: int, block: tuple[int, int]) -> _Grid:
    phases = [(block[0] + BLOCK * row, block[1] + BLOCK * column) for row in range(BLOCK) for column in range(BLOCK)]
    found = [low_pass(y, counted, overlap, phase) for phase in phases]
    lead = phase_leads(np.stack([histogram for histogram, _ in found]))
    best = int(lead.argmax())
    return _Grid(overlap, phases[best], float(lead[best]), *found[best])


def _describe(
    grid: _Grid,
    first: list[_Grid],
    second: list[_Grid],
    chroma: tuple[np.ndarray, np.ndarray],
    counted: np.ndarray,
    origin: tuple[int, int],
) -> JpegxrHistory:
    best = max(second, key=lambda found: found.lead)
    macroblocks = best.lead >= _SURE
    high = best_index(grid.histogram)
    low = best_index(best.histogram) if macroblocks else None
    dc = dc_index(best.dc, None if low is None else low.quantizer) if macroblocks else None
    if high is None and low is None:
        return JpegxrHistory(
            False, lead=grid.lead, reason="a 4x4 grid stands out, but no coefficients show one of JPEG XR's steps"
        )
    overlap: int | None = best.overlap if macroblocks or not grid.overlap else None
    margin = abs(first[1].lead - first[0].lead)
    if grid.overlap:
        margin = min(margin, best.lead - min(found.lead for found in second))
    period = 16 if macroblocks else 4
    phase = best.phase if macroblocks else grid.phase
    subsampling, lead, sure, fits = _chroma(chroma, counted, grid.overlap, best.phase, macroblocks)
    return JpegxrHistory(
        found=True,
        overlap=overlap,
        overlap_probability=float(1 / (1 + np.exp(-margin))),
        phase=((phase[0] + origin[0]) % period, (phase[1] + origin[1]) % period),
        period=period,
        high_pass=high,
        low_pass=low,
        dc=dc,
        chroma_high_pass=fits,
        chroma_subsampling=subsampling,
        lead=grid.lead,
        low_pass_lead=best.lead,
        chroma_lead=lead,
        chroma_probability=sure,
    )


class _Chroma(NamedTuple):
    """One subsampling: its lead in standard errors, and the histograms of U and V at the macroblocks' phase."""

    name: str
    lead: float
    histograms: tuple[np.ndarray, ...]

    @property
    def contrast(self) -> float:
        """The lead a single coefficient has on average, whatever their number."""
        number = sum(int(histogram.sum()) for histogram in self.histograms)
        return self.lead / max(number, 1) ** 0.5


def _chroma(
    planes: tuple[np.ndarray, np.ndarray], counted: np.ndarray, overlap: int, phase: tuple[int, int], known: bool
) -> tuple[str | None, float, float, tuple[Fit | None, ...]]:
    """Subsampling, its lead in standard errors, its probability, and the fits of U and V.

    The macroblocks' phase leaves one phase open. The subsampling whose coefficients stand out most there, one by one,
    is taken: too fine a grid sees interpolated samples, too coarse a one misses half of the coded samples.
    """
    if not planes[0].any() and not planes[1].any():
        return "grey", float("inf"), 1.0, ()
    if not known:
        return None, 0.0, 0.0, ()
    clipped = np.diff(np.diff(counted, axis=0), axis=1) > 0
    tried = [_chroma_grid(name, planes, clipped, overlap, phase) for name in _SUBSAMPLINGS]
    candidates = sorted((c for c in tried if c is not None), key=lambda c: -c.contrast)
    best = candidates[0]
    if best.lead < _CHROMA_FOUND:
        return None, best.lead, 0.0, ()
    margin = np.log(best.contrast / max(candidates[1].contrast, 1e-3)) if len(candidates) > 1 else 3.0
    if margin < _CHROMA_MARGIN:
        return None, best.lead, 0.0, ()
    fits = tuple(best_index(histogram, "chroma") for histogram in best.histograms)
    return best.name, best.lead, float(1 / (1 + np.exp(-8 * margin))), fits


def _chroma_grid(
    name: str, planes: tuple[np.ndarray, np.ndarray], clipped: np.ndarray, overlap: int, phase: tuple[int, int]
) -> _Chroma | None:
    """Decoders keep the coded chroma samples at the even places of the macroblock and interpolate the others."""
    rows, columns = _SUBSAMPLINGS[name]
    places = slice(phase[0] % rows, None, rows), slice(phase[1] % columns, None, columns)
    if min(clipped[places].shape) < _LEAST:
        return None
    count = cumulative(clipped[places])
    at = (phase[0] // rows % BLOCK) * BLOCK + phase[1] // columns % BLOCK
    lead, histograms = 0.0, []
    for plane in planes:
        samples = np.ascontiguousarray(plane[places])
        stack = np.stack([high_pass(samples, count, overlap, divmod(p, BLOCK)) for p in range(BLOCK * BLOCK)])
        of_phase = phase_leads(stack, "chroma")
        lead += float(of_phase[at])
        histograms.append(stack[at])
    return _Chroma(name, lead, tuple(histograms))
