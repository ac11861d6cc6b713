"""The quantisation tables of Guetzli: one table for luma and chroma, an odd step for low frequencies and the next odd
one for the others, along the zigzag scan [1]_. Which is taken depends on the picture. Chroma has full size.

References
----------
.. [1] Google, guetzli, guetzli/processor.cc, `GetQuantMatrixWithHeuristicScore`.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from forensics.history.jpeg.comb import LARGEST_STEP
from forensics.history.jpeg.steps import evidence_of, log_prior, table_evidence
from forensics.reconstruction.jpeg_writer import ZIGZAG

_PRIOR = 0.01
"""Prior probability of the encoder, as of jpegli in `jpegli_tables`."""


@cache
def guetzli_tables() -> np.ndarray:
    """All tables with two steps, and those of one step alone but that of ones, which other encoders write too,
    `np.ndarray [shape=(n, 64), dtype=int64]` in raster order.

    Examples
    --------
    >>> from forensics.reconstruction.guetzli_tables import guetzli_tables
    >>> guetzli_tables()[2, :9].tolist()
    [1, 1, 3, 3, 3, 3, 3, 3, 1]
    """
    place = np.empty(64, np.int64)
    place[ZIGZAG] = np.arange(64)
    steps = np.arange(1, LARGEST_STEP - 1, 2)
    found = steps[:, None, None] + 2 * (place >= np.arange(1, 65)[:, None])
    return np.asarray(found.reshape(-1, 64)[np.r_[0:63, 64 : 64 * len(steps)]], np.int64)


def match_guetzli(luma: np.ndarray) -> np.ndarray | None:
    """Guetzli's table, `np.ndarray [shape=(64,), dtype=int64]` in raster order, where luma's coefficients speak for it
    before all known ones and before free steps; else None.

    Parameters
    ----------
    luma : np.ndarray [shape=(64, LARGEST_STEP)]
        Logarithm of the likelihood of each step: see `history.jpeg.comb`.
    """
    tables = guetzli_tables()
    own = evidence_of(tables, luma)[0] + np.log(_PRIOR / len(tables))
    best = int(np.argmax(own))
    return tables[best] if own[best] > (log_prior() + table_evidence(luma, 0)).max() else None
