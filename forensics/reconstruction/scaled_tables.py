"""Tables that files are known to have, of luma and chroma alone and together: of all families, standard ones at every
scale, and picture editors'.

libjpeg scales the tables of T.81 Annex K by whole per cents and rounds. Others scale by any real number, and some drop
the fraction; where a step changes next, the scale can be computed. So all tables that can come out are known: some
6,000 of luma each way up to 2.5 times Annex K's. Adobe's are in `photoshop_tables`.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES
from forensics.history.jpeg.steps import TableMatch, candidates, evidence_of
from forensics.reconstruction.photoshop_tables import photoshop_tables

_SMALLEST, _LARGEST = 0.015, 2.5
"""Scales: libjpeg's of qualities 99 (0.02) and 20 (2.5), a little finer at the fine end."""
_STANDARD = np.stack([base.ravel() for base in TABLE_FAMILIES["standard"]]).astype(np.int64)
_PAINT_SHOP = _STANDARD.copy()
_PAINT_SHOP[1, 4] = 66
"""Paint Shop Pro's: Annex K's but for one step of chroma, and fractions are dropped (three sets of tables of files
found; two of the files name the program)."""
_RARE, _EDITED = 0.1, 0.05
"""Prior probabilities of all tables but those of the known families at qualities in quarters, the first as in
`forensics.history.jpeg.steps.log_prior`, and of Adobe's: 26 of 167 sets of tables and sampling factors of JPEG files in
Debian 12's packages are those and no family's, 11 no known ones. A table's 64 steps outweigh either by far."""

_FIVES = 2.7
"""Times by which qualities at multiples of five are commoner than others: 43 of 107 standard ones, of as
many sets of tables and sampling factors found in Debian 12's packages, which is 2.7 times the odds of 20 of 100."""
_FREE = 0.1
"""Prior probability of tables that are no known ones, as in `forensics.history.jpeg.steps.log_prior`."""
_CLEARLY = 5.0
"""Natural logarithm of the odds from which known tables are taken: 148 to 1, "very strong" evidence in the scale of
Kass and Raftery (doi:10.1080/01621459.1995.10476572)."""

_FEWEST_HELD = 6
"""Frequencies that blocks have to hold for the others to be thought of by them: fewer are of lowest frequency alone,
the first two diagonals, and tell no shape."""


@cache
def of_every_scale(plane: int) -> np.ndarray:
    """Standard tables of luma (0) or chroma (1) at every scale, `np.ndarray [shape=(n, 64), dtype=int64]`, finest
    first.
    """
    base = _STANDARD[plane]
    tables = np.concatenate([_scaled(base, 0.5), _scaled(base, 0.0)])
    tables = tables[_first_of_each(tables)]
    return np.asarray(tables[np.argsort(tables.sum(axis=1), kind="stable")])


def _scaled(base: np.ndarray, added: float) -> np.ndarray:
    """All that comes out of scaling steps `np.ndarray [shape=(...), dtype=int64]` by one number, `np.ndarray [shape=(n,
    ...), dtype=int64]`; `added` before fractions are dropped.
    """
    changes = np.concatenate([(np.arange(1, int(_LARGEST * step) + 2) - added) / step for step in np.unique(base)])
    changes = np.unique(np.clip(changes, _SMALLEST, _LARGEST))
    between = (changes[:-1] + changes[1:]) / 2
    found = np.floor(between.reshape(-1, *[1] * base.ndim) * base + added).astype(np.int64)
    return np.maximum(found, 1)


def _first_of_each(tables: np.ndarray) -> np.ndarray:
    """Numbers of those that none before is the same as, ascending."""
    rows = tables.reshape(len(tables), -1).astype(np.uint16)
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * 2))).ravel()
    return np.sort(np.unique(whole, return_index=True)[1])


class Known(NamedTuple):
    """Tables of one plane, `np.ndarray [shape=(n, 64), dtype=int64]`, or of both, [shape=(n, 2, 64)], each once, and
    the natural logarithms of how common they are, `np.ndarray [shape=(n,)]`, the commonest first.
    """

    tables: np.ndarray
    log_prior: np.ndarray


@cache
def known_tables(plane: int) -> Known:
    """Of luma (0) or chroma (1)."""
    scaled = [of_every_scale(plane), *([_scaled(_PAINT_SHOP[1], 0.0)] if plane else [])]
    return _known(candidates().tables[:, plane], photoshop_tables()[:, plane], np.concatenate(scaled))


@cache
def known_pairs() -> Known:
    """Of luma and chroma as files hold them together: of one family and quality or scale."""
    scaled = [_scaled(_STANDARD, 0.5), _scaled(_STANDARD, 0.0), _scaled(_PAINT_SHOP, 0.0)]
    return _known(candidates().tables, photoshop_tables(), np.concatenate(scaled))


def by_those_held(table: np.ndarray, held: np.ndarray, plane: int) -> np.ndarray:
    """The table with steps that no block holds as they are thought of by those that some do: of the known table that is
    nearest to these when it is scaled, times what the nearest of them is beside it.

    Parameters
    ----------
    table : np.ndarray [shape=(64,), dtype=int64]
        Steps in raster order.
    held : np.ndarray [shape=(64,), dtype=bool]
        Frequencies whose steps are read surely.
    plane : int
        Luma (0) or chroma (1).

    Returns
    -------
    np.ndarray [shape=(64,), dtype=int64]

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.reconstruction.scaled_tables import by_those_held, known_tables
    >>> table = 3 * known_tables(0).tables[0]
    >>> held = np.arange(64) < 40
    >>> bool((by_those_held(np.where(held, table, 1), held, 0) == table).all())
    True
    """
    if held[1:].sum() < _FEWEST_HELD:
        return table
    off = np.log(table[held]) - np.log(known_tables(plane).tables[:, held])
    nearest = known_tables(plane).tables[int(np.argmin(off.var(axis=1)))]
    beside = np.log(table[held] / nearest[held])
    rows, columns = np.divmod(np.arange(64), 8)
    away = np.hypot(rows[:, None] - rows[held], columns[:, None] - columns[held])
    scaled = np.maximum(np.rint(nearest * np.exp(beside[away.argmin(axis=1)])), 1).astype(np.int64)
    return np.where(held, table, scaled)


def match_pair(luma: np.ndarray, chroma: np.ndarray | None) -> TableMatch | None:
    """The known tables of luma and chroma together that coefficients speak for before all tables of free steps.

    Parameters
    ----------
    luma, chroma : np.ndarray [shape=(64, largest)]
        Logarithm of the likelihood of each step: see `history.jpeg.comb`; no chroma in grey pictures.

    Returns
    -------
    TableMatch or None
        None where free steps are likelier.
    """
    known = known_pairs()
    evidence, free = known.log_prior.copy(), np.log(_FREE)
    for plane, likelihoods in enumerate((luma,) if chroma is None else (luma, chroma)):
        some, alone = evidence_of(known.tables[:, plane], likelihoods)
        evidence += some
        free += alone
    best = int(np.argmax(evidence))
    if evidence[best] < free + _CLEARLY:
        return None
    return nearest_match(known.tables[best], 1.0)


def nearest_match(tables: np.ndarray, known: float) -> TableMatch:
    """Luma's and chroma's steps, `np.ndarray [shape=(2, 64), dtype=int64]`, with the family and quality that most of
    them are of, and how sure they are known ones.
    """
    usual = candidates()
    index = int(np.argmax((usual.tables == tables).mean(axis=(1, 2))))
    quality = float(usual.quality[index])
    return TableMatch(usual.family[index], known, quality, quality, quality, known, tables, index)


@cache
def usual_log_prior() -> np.ndarray:
    """Natural logarithms of how common the candidates of the known families are, `np.ndarray [shape=(n,)]`: where they
    explain a picture alike, as flat or clipped ones, the commonest is to be taken.
    """
    known = candidates()
    weights = np.exp(known.log_prior) * np.where(known.quality % 5 == 0, _FIVES, 1)
    return np.asarray(np.log(weights / weights.sum()))


def _known(usual: np.ndarray, edited: np.ndarray, scaled: np.ndarray) -> Known:
    tables = np.concatenate([usual, edited, scaled])
    parts = [usual_log_prior() + np.log(1 - _RARE - _EDITED)]
    parts += [np.full(len(some), np.log(share / len(some))) for some, share in ((edited, _EDITED), (scaled, _RARE))]
    prior = np.concatenate(parts)
    order = np.argsort(-prior, kind="stable")
    first = order[_first_of_each(tables[order])]
    return Known(tables[first], prior[first])
