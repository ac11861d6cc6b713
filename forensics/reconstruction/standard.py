"""The known tables that whole samples speak for, where they leave no doubt, or that blocks with clipped samples do."""

from __future__ import annotations

import numpy as np

from forensics.history.jpeg.comb import ac_likelihoods, dc_likelihoods
from forensics.history.jpeg.planes import coefficients, lively, lively_rows
from forensics.history.jpeg.steps import TableMatch, candidates, log_prior, match_tables, table_evidence
from forensics.reconstruction.clipped_tables import clipped_steps
from forensics.reconstruction.sampled import Sampled

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
    if found is None:
        return None
    known = candidates()
    best = int(np.argmax((known.tables[:, 0] == found.table).mean(axis=1) + known.log_prior * _LESS_THAN_A_STEP))
    quality = float(known.quality[best])
    own = float((known.tables[best, 0] == found.table).all())
    tables = np.stack([found.table, known.tables[best, 1]])
    return TableMatch(known.family[best], own, quality, quality, quality, own, tables, best)


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
