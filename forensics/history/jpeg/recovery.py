"""What a JPEG encoder did to a picture, from its pixels alone: grid, quantisation steps, quality, chroma subsampling,
upsampling.

The picture may be cropped at any place. Steps are stated for frequencies of which coefficients other than zero were
seen; the others left no trace. The decoder is libjpeg's (accurate integer transform) or one that rounds like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from forensics.history.jpeg import chroma as jpeg_chroma
from forensics.history.jpeg.chroma import (
    FACTORS,
    probabilities,
    stored_samples,
    stored_usable,
    try_hypotheses,
)
from forensics.history.jpeg.comb import ac_likelihoods, dc_likelihoods, nonzero_counts
from forensics.history.jpeg.findings import STATED_FROM, JpegHistory
from forensics.history.jpeg.fixed_point import SUBSAMPLINGS, coded_bytes, unchanged_share
from forensics.history.jpeg.grid import GridPhase, PlaneMask, find_grid
from forensics.history.jpeg.planes import (
    BLOCK,
    Tile,
    blocks_at,
    checked,
    coefficients,
    lively,
    tiles_of,
    without_colour,
)
from forensics.history.jpeg.steps import (
    StepEstimate,
    beside_luma,
    estimate_steps,
    log_prior,
    match_tables,
    table_evidence,
)

GRID_FOUND_BELOW = -1.0
"""Decimal logarithm of the grid's number of false alarms below which a grid is taken as found."""
_FEWEST_STEPS = 24
"""Identified steps of luma from which the tables are sure enough for the size of the recompressed picture to be that of
the file.
"""
_STABLE = 0.9
"""Share of samples that recompression has to leave unchanged for the same."""

_RGB_FACTOR = 1.05
"""A grid in R, G and B has to score by this factor, and `_RGB_MARGIN` natural units, above that in luma and chroma,
which nearly all files have. Green scores at most 0.83 times luma in 47 validation crops coded with YCbCr at
quality 30 to 100; of 24 coded as RGB at quality 50 to 97, 23 pass (23 with 1.2 or with 30 units, too)."""
_RGB_MARGIN = 10.0
"""See `_RGB_FACTOR`."""

__all__ = ["GRID_FOUND_BELOW", "STATED_FROM", "JpegHistory", "block_grid", "recover"]


def recover(pixels: np.ndarray, *, fixed_point: bool = True) -> JpegHistory:
    """Recover the parameters of the last JPEG compression.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
        At least 64 pixels a side. Of pictures above one megapixel the most textured tiles are read.
    fixed_point : bool
        Whether to confirm by recompression.

    Raises
    ------
    TypeError, ValueError
        See `jpeg_planes.checked`.
    """
    rgb = checked(pixels)
    tiles = tiles_of(rgb)
    grid, colour = _grid(tiles, all(without_colour(tile.channels) for tile in tiles))
    if grid.log10_nfa > GRID_FOUND_BELOW:
        return JpegHistory(grid, colour)
    history = _on_grid(grid, colour, tiles)
    if not fixed_point:
        return history
    history = _confirmed(history, tiles)
    return replace(history, ratio=_ratio(history, rgb, np.asarray(pixels).ndim)) if _sure(history) else history


def recover_on(pixels: np.ndarray, phase: tuple[int, int]) -> JpegHistory:
    """As `recover` without confirmation, on a grid that is known otherwise: rows and columns before the first whole
    block, components stored as luma and chroma.
    """
    tiles = tiles_of(checked(pixels))
    colour = "grey" if all(without_colour(tile.channels) for tile in tiles) else "ycbcr"
    return _on_grid(GridPhase(phase, 0.0, 0.0, np.zeros((BLOCK, BLOCK))), colour, tiles)


def _on_grid(grid: GridPhase, colour: str, tiles: Sequence[Tile]) -> JpegHistory:
    planes = _component_planes(tiles, colour)
    found = lively(np.concatenate([coefficients(blocks_at(plane, usable, grid.phase)) for plane, usable in planes]))
    luma = _likelihoods(found)
    history = JpegHistory(grid, colour)
    belief = log_prior()
    evidence, chroma_evidence = table_evidence(luma, 0), np.zeros(len(belief))
    if colour == "ycbcr":
        history, chroma_evidence = _with_chroma(history, tiles, belief + evidence)
        belief = belief + beside_luma(chroma_evidence)
    match = match_tables(belief + evidence)
    agrees = history.chroma is None or bool(chroma_evidence[match.index] > chroma_evidence[-1])
    return replace(
        history, luma=estimate_steps(luma, 0, nonzero_counts(found), belief), match=match, chroma_agrees=agrees
    )


def block_grid(pixels: np.ndarray) -> GridPhase:
    """The grid in luma alone, which costs a small part of `recover`; `pixels` as there."""
    return find_grid(_component_planes(tiles_of(checked(pixels)), "ycbcr"))


def unchanged_on_and_off_grid(pixels: np.ndarray, moved_by: int) -> tuple[int, float, float]:
    """How many steps of luma were read, and the shares of luma that recompression with them leaves unchanged.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
        At least 64 pixels a side.
    moved_by : int
        Rows and columns by which the control grid is moved.

    Returns
    -------
    tuple of (int, float, float)
        Steps, 0 without a grid; the shares on the grid and on the control, 0..1, NaN where no block is usable.
    """
    history = recover(pixels, fixed_point=False)
    if history.luma is None or history.match is None:
        return 0, float("nan"), float("nan")
    plane, usable = _component_planes(tiles_of(checked(pixels))[:1], history.colour)[0]
    table, (row, column) = _filled(history.luma, history.match.tables[0]), history.grid.phase
    moved = ((row + moved_by) % BLOCK, (column + moved_by) % BLOCK)
    shares = [unchanged_share(plane, usable, phase, table) for phase in ((row, column), moved)]
    return int(history.luma.identified.sum()), shares[0], shares[1]


def _grid(tiles: Sequence[Tile], colourless: bool) -> tuple[GridPhase, str]:
    """The grid in luma, or that in green where it is clearly better: then no colour transform was used.

    Where colour hardly varies, green is luma but for a constant and nearly as good; so it must be better by a margin.
    """
    grid = find_grid(_component_planes(tiles, "ycbcr"))
    if colourless:
        return grid, "grey"
    other = find_grid([(tile.channels[..., 1].astype(np.float32), tile.usable) for tile in tiles])
    threshold = max(0.0, float(grid.score.max())) * _RGB_FACTOR + _RGB_MARGIN
    return (other, "rgb") if other.score.max() > threshold else (grid, "ycbcr")


def _component_planes(tiles: Sequence[Tile], colour: str) -> list[PlaneMask]:
    """Planes coded with the luma table."""
    if colour != "rgb":
        return [(tile.y, tile.usable) for tile in tiles]
    return [(tile.channels[..., i].astype(np.float32), tile.usable) for tile in tiles for i in range(3)]


def _likelihoods(found: np.ndarray) -> np.ndarray:
    likelihoods = ac_likelihoods(found)
    likelihoods[0] = dc_likelihoods(found[:, 0])
    return likelihoods


def _with_chroma(history: JpegHistory, tiles: Sequence[Tile], belief: np.ndarray) -> tuple[JpegHistory, np.ndarray]:
    """Subsampling and chroma steps added; the evidence of chroma for each candidate table.

    When chroma speaks for no hypothesis at all the tables are not judged by it.
    """
    tried = try_hypotheses(tiles, history.grid.phase)
    weights = probabilities(tried)
    ranked = sorted(zip(tried, weights.tolist()), key=lambda pair: -pair[1])
    best = ranked[0][0]
    evidence = table_evidence(best.likelihoods, 1)
    steps = estimate_steps(best.likelihoods, 1, best.nonzero, belief)
    return replace(history, chroma=steps, hypotheses=tuple(ranked)), evidence


def _confirmed(history: JpegHistory, tiles: Sequence[Tile]) -> JpegHistory:
    """With the shares of unchanged samples on the first tile; frequencies without a trace take the nearest known
    table's steps.
    """
    assert history.luma is not None
    assert history.match is not None
    tile = tiles[0]
    plane, usable = _component_planes([tile], history.colour)[0]
    luma = unchanged_share(plane, usable, history.grid.phase, _filled(history.luma, history.match.tables[0]))
    chroma = float("nan")
    if history.chroma is not None and history.subsampling[1] >= STATED_FROM:
        best = history.hypotheses[0][0]
        factors = FACTORS[best.subsampling]
        sides = jpeg_chroma.cut_at(factors, best.upsampling)
        full, whole = (jpeg_chroma.cropped(p, best.origin, sides) for p in (tile.cb, tile.usable))
        low = stored_samples(full, factors, best.upsampling)
        chroma = unchanged_share(
            low, stored_usable(whole, factors), best.phase, _filled(history.chroma, history.match.tables[1])
        )
    return replace(history, fixed_point_luma=luma, fixed_point_chroma=chroma)


def _sure(history: JpegHistory) -> bool:
    """Whether the tables are those of the file: of a known family, seen at many frequencies, and repeated by coding
    again.
    """
    assert history.luma is not None
    assert history.match is not None
    shares = [share for share in (history.fixed_point_luma, history.fixed_point_chroma) if np.isfinite(share)]
    known = history.match.known >= STATED_FROM and history.chroma_agrees
    return known and int(history.luma.identified.sum()) >= _FEWEST_STEPS and min(shares, default=0.0) >= _STABLE


def _ratio(history: JpegHistory, rgb: np.ndarray, axes: int) -> float:
    """Raw bytes of a picture of two or three axes over those of it recompressed; NaN where chroma is there and its
    subsampling is open or not coded by libjpeg.
    """
    assert history.luma is not None
    assert history.match is not None
    luma = _filled(history.luma, history.match.tables[0])
    if history.colour != "ycbcr":
        pixels = rgb[..., 1] if history.colour == "grey" else rgb
        raw = rgb.size if axes == 3 else rgb.size / 3
        return raw / coded_bytes(pixels, history.grid.phase, (luma, luma), "4:4:4", history.colour == "rgb")
    if history.chroma is None or history.subsampling[0] not in SUBSAMPLINGS or history.subsampling[1] < STATED_FROM:
        return float("nan")
    best = history.hypotheses[0][0]
    factors = FACTORS[best.subsampling]
    origin = tuple(
        first + factor * phase for first, factor, phase in zip(best.origin, factors, best.phase, strict=True)
    )
    tables = (luma, _filled(history.chroma, history.match.tables[1]))
    return rgb.size / coded_bytes(rgb, (origin[0], origin[1]), tables, best.subsampling, False)


def _filled(estimate: StepEstimate, table: np.ndarray) -> np.ndarray:
    return np.where(estimate.identified, estimate.steps, table)
