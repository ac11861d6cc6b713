"""The known tables that whole samples speak for, where they leave no doubt."""

from __future__ import annotations

import numpy as np

from forensics.history.jpeg.comb import ac_likelihoods, dc_likelihoods
from forensics.history.jpeg.planes import coefficients, lively
from forensics.history.jpeg.steps import TableMatch, log_prior, match_tables, table_evidence
from forensics.reconstruction.sampled import Sampled

_FEWEST = 32
"""Blocks of luma that vary along both axes below which nothing is read: a choice; flat blocks fit any grid."""
_SURE = 0.9
"""Probability of a known family from which its table is taken."""
_LIVELY = 0.98
"""Share of such blocks whose coefficients have to lie near the multiples of the steps. Of the same blocks on another
grid hardly any does."""
_NEAR = 9.5
"""Squared distance from the multiples, in squared levels, up to which a block counts: see `clipped_search.REACH`."""


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
