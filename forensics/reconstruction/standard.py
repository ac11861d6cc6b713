"""The known tables that whole samples speak for, where they leave no doubt, or that blocks with clipped samples do."""

from __future__ import annotations

import numpy as np

from forensics.history.jpeg.comb import ac_likelihoods, dc_likelihoods
from forensics.history.jpeg.planes import coefficients, lively, lively_rows
from forensics.history.jpeg.steps import TableMatch, candidates, log_prior, match_tables, table_evidence
from forensics.reconstruction.blocks import SEARCHED, Quantiser, fit_blocks
from forensics.reconstruction.clipped_search import FOUND, search_clipped
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.sampled import Sampled, Tried
from forensics.reconstruction.scaled_tables import of_every_scale

_FEWEST = 32
"""Blocks of luma that vary along both axes below which nothing is read; flat blocks fit any grid. Of 1,001 blocks of
eight validation JPEGs of qualities 75, 90 and 95 the same 948 come back with 16 and with 64."""
_SURE = 0.9
"""Probability of a known family from which its table is taken."""
_LIVELY = 0.98
"""Share of such blocks whose coefficients have to lie near the multiples of the steps. Of the same blocks on another
grid hardly any does."""
_NEAR = 9.5
"""Squared distance from the multiples, in squared levels, up to which a block counts: see `clipped_search.REACH`."""
_BLOCKS, _GLANCE = 32, 10
"""Blocks that tables are tried on, and those that are tried first: bounds on work."""
_BUDGET = 2000
"""Coefficients that are taken at most for a block: a bound on work."""
_LEAST, _FEWEST_SETTLED, _TIMES = 0.15, 6, 3
"""Share and number of them that the table has to settle, and how many times as many as the next. A block that varies
comes out of other steps by chance about once in their product, which is over 10^12 at `_HIGHEST`, six of them never; of
drawings on white the right table settled 0.19 to 1.0 and the next 0 to 0.22 (five files of manuals)."""
MOST_CLIPPED = 0.5
"""Share of a block's pixels that may be clipped here."""
_FEW_OTHERS = 26
"""Steps in which a table of a scale in between may differ from that of a whole quality: half of the 49 to 53 in which
those of neighbouring qualities differ (60 to 92)."""
_HIGHEST = 96
"""Highest quality of the tables that are tried so."""


def tables_by_blocks(sampled: Sampled) -> TableMatch | None:
    """The standard tables that settle most blocks of luma, those with clipped samples too: drawings
    on white ground have hardly any others. None where none settles clearly more than every other.
    """
    tried = sampled.tried[0]
    rows = np.flatnonzero(lively_rows(coefficients(tried.centers)))
    if len(rows) < _FEWEST:
        return None
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _BLOCKS)).astype(np.int64)]
    known = candidates()
    usual = np.flatnonzero(
        (np.array(known.family) == "standard") & (known.quality % 1 == 0) & (known.quality <= _HIGHEST)
    )
    glance = rows[np.linspace(0, len(rows) - 1, _GLANCE).astype(np.int64)]
    first = np.array([_settled(tried, glance, known.tables[index, 0]) for index in usual])
    likely = usual[first > 0] if first.any() else usual
    settled = np.array([_settled(tried, rows, known.tables[index, 0]) for index in likely])
    if not len(settled) or not settled.max():
        return None
    best = int(likely[np.argmax(settled)])
    table, most = known.tables[best, 0], int(settled.max())
    enough = max(_FEWEST_SETTLED, _LEAST * len(rows))
    if most < enough:
        table, most = _between(tried, rows, table, most)
    if most < enough or (len(settled) > 1 and most < _TIMES * np.sort(settled)[-2]):
        return None
    quality = float(known.quality[best])
    tables = np.stack([table, known.tables[best, 1]])
    return TableMatch("standard", 1.0, quality, quality, quality, 1.0, tables, best)


def _between(tried: Tried, rows: np.ndarray, table: np.ndarray, most: int) -> tuple[np.ndarray, int]:
    """Of the standard tables at other scales that differ in few steps from one of a whole quality, which settles `most`
    blocks, the one that settles most, and how many.
    """
    every = of_every_scale(0)
    for other in every[(every != table).sum(axis=1) <= _FEW_OTHERS]:
        settled = _settled(tried, rows, other)
        if settled > most:
            table, most = other, settled
    return table, most


def _settled(tried: Tried, rows: np.ndarray, table: np.ndarray) -> int:
    """How many of some blocks have coefficients under a table, by rounding or by the search through all of them."""
    quantiser = Quantiser.of(table, ISLOW)
    lo, hi = tried.lo[rows], tried.hi[rows]
    _, status = fit_blocks(lo, hi, quantiser, width=0, centers=tried.centers[rows])
    rest = np.flatnonzero(status > SEARCHED)
    if not len(rest):
        return len(rows)
    _, answers = search_clipped(lo[rest], hi[rest], quantiser, budget=_BUDGET)
    return len(rows) - len(rest) + int((answers == FOUND).sum())


def standard_tables(sampled: Sampled) -> TableMatch | None:
    """The nearest known tables, or None where luma's blocks do not lie on their multiples."""
    found = lively(coefficients(sampled.blocks[0]))
    if len(found) < _FEWEST:
        return None
    likelihoods = ac_likelihoods(found)
    likelihoods[0] = dc_likelihoods(found[:, 0])
    match = match_tables(log_prior() + table_evidence(likelihoods, 0))
    if match.known < _SURE:
        return None
    steps = match.tables[0].astype(np.float32)
    off = found - steps * np.rint(found / steps)
    return match if ((off * off).sum(axis=1) <= _NEAR).mean() >= _LIVELY else None
