"""Pictures with so few blocks that vary that no grid stands out: one of the many files that give them.

A picture of one level, a pattern, a small drawing of few levels: nothing in it tells tables, nor even that it was a
JPEG. A file that decodes to it may be found all the same where its blocks begin with the picture's first pixel: known
tables under which every block comes out. Where blocks vary the coarsest tables come first, as a block hardly comes out
of tables coarser than its own; where none does, the commonest.
"""

from __future__ import annotations

import numpy as np

from forensics.history.jpeg.planes import coefficients, lively_rows
from forensics.history.jpeg.steps import TableMatch, candidates
from forensics.reconstruction import colour
from forensics.reconstruction.blocks import SEARCHED, Quantiser, fit_blocks
from forensics.reconstruction.choice import Chosen, Trials
from forensics.reconstruction.clipped_search import REACH
from forensics.reconstruction.coded import DECODERS
from forensics.reconstruction.inversion import invert
from forensics.reconstruction.layout import BLOCK, Layout, blocks_of
from forensics.reconstruction.sampled import stripes

_FEWEST = 32
"""Blocks that vary along both axes from which on a table is read from them, as in `standard`."""
_USUAL = 75
"""Quality that is tried first where no block varies: Pillow's and cjpeg's."""
_PART = 1 << 14
"""Pixels on which a file is tried before the whole picture: a bound on work."""
_TRIED = 4
"""Tables that are tried of those under which most of luma comes out: a bound on work."""


def one_of_many(pixels: np.ndarray, width: int) -> Chosen | None:
    """Layout and tables of a file that gives every pixel again; None where blocks that vary are not few, or none does.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    width : int
        Sets of coefficients that the search for a block keeps.
    """
    lo, hi = _luma_blocks(pixels)
    rows = _possible(lo, hi)
    shares = np.array([_come_out(lo, hi, int(row), width) for row in rows])
    rows = rows[np.argsort(-shares, kind="stable")][: min(_TRIED, int((shares > 0).sum()))]
    for layout in _layouts(pixels):
        for row in rows:
            chosen = _chosen(pixels, layout, int(row))
            parts = stripes(pixels, layout, most=_PART, rows=layout.mcu[0])
            if all(_gives(part, chosen, width) for part in (*parts[:1], pixels)):
                return chosen
    return None


def _possible(lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Numbers of the candidates of whole qualities on whose multiples all blocks of luma lie that are known, in the
    order in which they are tried; none where many blocks vary.
    """
    varied = int(lively_rows(coefficients((lo.astype(np.float32) + hi) / 2)).sum()) if len(lo) else 0
    if varied >= _FEWEST:
        return np.empty(0, np.int64)
    known = candidates()
    rows = np.flatnonzero(known.quality % 1 == 0)
    off = np.zeros(len(rows))
    whole = ((lo == hi) & (lo > 0) & (hi < 255)).all(axis=1)
    for one in coefficients(lo[whole].astype(np.float32)):
        away = one - known.tables[rows, 0] * np.rint(one / known.tables[rows, 0])
        off = np.maximum(off, (away * away).sum(axis=1))
    rows = rows[off <= REACH]
    if varied:
        return np.asarray(rows[np.argsort(-known.tables[rows, 0].sum(axis=1), kind="stable")])
    usual = np.array([known.family[row] == "standard" for row in rows], bool)
    return np.asarray(rows[np.lexsort((np.abs(known.quality[rows] - _USUAL), ~usual))])


def _come_out(lo: np.ndarray, hi: np.ndarray, row: int, width: int) -> float:
    """Share of luma's blocks that come out of a candidate's table, those with clipped samples by rounding; zero where
    one without does not.
    """
    quantiser = Quantiser.of(candidates().tables[row, 0], DECODERS[0].transform)
    settled = fit_blocks(lo, hi, quantiser, width=0)[1] <= SEARCHED
    left = np.flatnonzero(~settled & ~((lo == 0) | (hi == 255)).any(axis=1))
    settled[left] = fit_blocks(lo[left], hi[left], quantiser, width=width)[1] <= SEARCHED
    return float(settled.mean()) if settled[left].all() else 0.0


def _luma_blocks(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the samples of luma's whole blocks, each once, `np.ndarray [shape=(n, 64), dtype=uint8]`."""
    high, wide = (length // BLOCK * BLOCK for length in pixels.shape[:2])
    lo = hi = whole = np.ascontiguousarray(pixels[:high, :wide])
    if pixels.ndim == 3:
        bounds = colour.antecedents(whole, DECODERS[0].conversion)
        lo, hi = bounds[0][0], bounds[1][0]
    both = np.unique(np.hstack([blocks_of(lo), blocks_of(hi)]), axis=0)
    return np.ascontiguousarray(both[:, :64]), np.ascontiguousarray(both[:, 64:])


def _layouts(pixels: np.ndarray) -> list[Layout]:
    if pixels.ndim == 2:
        return [Layout(0, 0, (1, 1), "grey")]
    return [Layout(0, 0, factors) for factors in ((2, 2), (1, 1), (1, 2))]


def _chosen(pixels: np.ndarray, layout: Layout, row: int) -> Chosen:
    known = candidates()
    luma, chroma = known.tables[row]
    quality = float(known.quality[row])
    match = TableMatch(known.family[row], 0.0, quality, quality, quality, 0.0, known.tables[row], row)
    tables = (luma,) if pixels.ndim == 2 else (luma, chroma, chroma)
    return Chosen(layout, tables, DECODERS[0], match, Trials(pixels, match), True)


def _gives(pixels: np.ndarray, chosen: Chosen, width: int) -> bool:
    found = invert(pixels, chosen.layout, chosen.tables, chosen.decoder, width=width)
    return np.array_equal(found.decoded(chosen.decoder), pixels)
