"""The known tables that whole samples speak for, where they leave no doubt, or that blocks with clipped samples do."""

from __future__ import annotations

import numpy as np

from forensics.history.jpeg.comb import ac_likelihoods, dc_likelihoods
from forensics.history.jpeg.planes import coefficients, lively, lively_rows
from forensics.history.jpeg.steps import TableMatch, match_tables, table_evidence, with_free
from forensics.reconstruction.blocks import ROUNDED, Quantiser, fit_blocks
from forensics.reconstruction.clipped_tables import clipped_steps
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.sampled import Sampled, Tried
from forensics.reconstruction.scaled_tables import (
    known_pairs,
    known_tables,
    match_pair,
    nearest_match,
    usual_log_prior,
)

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
_LESS_THAN_A_STEP = 1e-4
"""Weight of a prior logarithm, 20 at most, against a step of 64: it settles ties."""
_HALF = 0.5
"""Share of steps that have to be a known table's for that one to be tried on the blocks: most of them. Of two drawings
found 58 and 64 are."""
_GLANCE, _LOOK = 4, 16
"""Blocks with fewest clipped samples on which each known table is tried, and those that the ones are tried on under
which one of them comes out: a bound on work, two seconds for all. Of a drawing found whose table has a quality between
two whole ones 12 of 16 come out under it, none under another of 3,000."""
_MOST_WHOLE = 0.5
"""Share of blocks without clipped samples from which the history of the picture has read all there is: a bound on work.
Of the drawings found on white whose history shows no grid 0 to 1 % are whole."""
MOST_CLIPPED = 0.625
"""Share of a block's pixels that may be clipped here: 40 of 64, see `clipped_tables`."""


def tables_by_blocks(sampled: Sampled) -> TableMatch | None:
    """The table that luma's blocks with clipped samples show, with the nearest known tables: drawings on white ground
    have hardly any other blocks. None where they show none.
    """
    tried = sampled.tried[0]
    varied = lively_rows(coefficients(tried.centers))
    whole = ((tried.lo == tried.hi) & (tried.lo > 0) & (tried.hi < 255)).all(axis=1)
    if (whole & varied).sum() >= max(_FEWEST, _MOST_WHOLE * varied.sum()):
        return None
    found = clipped_steps(tried)
    if found is None and (start := _by_rounding(tried)) is not None:
        found = clipped_steps(tried, start=start)
    if found is None:
        return None
    known = known_pairs()
    alike = (known.tables[:, 0] == found.table).mean(axis=1)
    best = int(np.argmax(alike + known.log_prior * _LESS_THAN_A_STEP))
    luma, chroma = known.tables[best]
    if _HALF <= alike[best] < 1:  # a step that no block shows well may be misread: blocks have to speak against it
        again = clipped_steps(tried, start=luma)
        found = again if again is not None and np.array_equal(again.table, luma) else found
    return nearest_match(np.stack([found.table, chroma]), float(np.array_equal(found.table, luma)))


def _by_rounding(tried: Tried) -> np.ndarray | None:
    """The known table of luma, `np.ndarray [shape=(64,)]`, under which rounding settles most of the blocks with fewest
    clipped samples, as it does not by chance (once in the product of all steps); None where it settles hardly any.
    """
    clipped = (tried.lo == 0) | (tried.hi == 255)
    rows = np.argsort(clipped.sum(axis=1), kind="stable")
    rows = rows[lively_rows(coefficients(tried.centers[rows]))]
    first, all_of_them = tried.some(rows[:_GLANCE]), tried.some(rows[:_LOOK])
    best, most = None, _LOOK * _HALF
    for table in known_tables(0).tables:
        if _settled(first, table) and (settled := _settled(all_of_them, table)) > most:
            best, most = table, settled
    return best


def _settled(tried: Tried, table: np.ndarray) -> int:
    status = fit_blocks(tried.lo, tried.hi, Quantiser.of(table, ISLOW), width=0, centers=tried.centers)[1]
    return int((status == ROUNDED).sum())


def standard_tables(sampled: Sampled) -> TableMatch | None:
    """The nearest known tables, or None where luma's blocks do not lie on their multiples."""
    found = lively(coefficients(sampled.blocks[0]))
    if len(found) < _FEWEST:
        return None
    likelihoods = ac_likelihoods(found)
    likelihoods[0] = dc_likelihoods(found[:, 0])
    match: TableMatch | None = match_tables(with_free(usual_log_prior()) + table_evidence(likelihoods, 0))
    if match is None or match.known < _SURE:
        match = match_pair(likelihoods, None)
    if match is None:
        return None
    steps = match.tables[0].astype(np.float32)
    off = found - steps * np.rint(found / steps)
    return match if ((off * off).sum(axis=1) <= _NEAR).mean() >= _LIVELY else None
