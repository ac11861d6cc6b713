"""Quantisation tables put right by the blocks that they settle.

Likelihoods say which steps are possible; whether a step is the right one the decoder's own arithmetic tells: under it
more blocks that hold a coefficient of that frequency come out as they are shown. So every step that the coefficients
speak against is tried, and taken when it settles more blocks. Nothing is believed of known tables here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forensics.history.jpeg.comb import LARGEST_STEP, ROUNDING, ZERO_CELL, ac_likelihoods, dc_likelihoods
from forensics.history.jpeg.planes import coefficients, lively_rows
from forensics.history.jpeg.steps import candidates, evidence_of
from forensics.reconstruction.blocks import ROUNDED, Quantiser, fit_blocks, rounding_settles
from forensics.reconstruction.chroma_samples import chroma_noise
from forensics.reconstruction.coded import Decoder
from forensics.reconstruction.sampled import Sampled
from forensics.reconstruction.scaled_tables import known_tables
from forensics.reconstruction.tables import finest

_MOST_BLOCKS = 4096
"""Blocks of a component that steps are tried on: a bound on work."""
_MOST_HOLDING = 1024
"""Of them those that hold a coefficient of one frequency, and those with clipped samples, whose filling in takes most
of the time: a bound on work."""
_DOUBTFUL = 1.0
"""Natural logarithm of the odds from which another step is tried; it costs time only. Of 1,001 blocks of eight
validation JPEGs of qualities 75, 90 and 95 the same 948 come back at 0.3 and at 3."""
_LIKELY = 6.0
"""The same from which it is tried together with all others: blocks may hold several wrong coefficients."""
_CANDIDATES = 4
"""Steps that are tried of a frequency."""
_FINER = 0.1
"""Share of the blocks that hold a coefficient which a finer step has to settle beyond the given one. Finer steps settle
some changed blocks by chance; a step that is twice too coarse leaves half of the blocks. Of 1,001 blocks of eight
validation JPEGs of qualities 75, 90 and 95 the same 948 come back at 0.03 and at 0.3."""
_MANY_LEFT, _GLANCE, _LOWEST_QUALITY = 0.1, 256, 50
"""Share of blocks that are not settled from which other tables are begun with, the blocks that those are tried on, and
the lowest quality of standard tables among them: bounds on work. Of 1,001 blocks of eight validation JPEGs of qualities
75, 90 and 95 the same 948 come back at a third and three times of the first, a quarter and four times of the second, 25
and 80 of the third."""
_HOPELESS = 0.02
"""Share of blocks that rounding can settle below which blocks do not judge a table: twenty blocks of a thousand. Of
1,001 blocks of eight validation JPEGs of qualities 75, 90 and 95 the same 948 come back at 0.005 and at 0.08."""
_FEWEST, _MOST_ASKED, _TOLD = 16, 64, 0.5
"""Blocks that vary, fewest and most of a component, by which a coarser table is told, and the share of them that it has
to settle. By chance a block comes out of other steps about once in their product, which is over 10^6 where rounding can
judge a table at all.
"""
_CLEARLY = 5.0
"""Natural logarithm of the odds by which a known table of mostly ones has to lead: 148 to 1, "very strong" evidence in
the scale of Kass and Raftery (doi:10.1080/01621459.1995.10476572)."""
_PASSES = 4
"""Rounds over all frequencies."""
_OF_ITS_OWN = 3
"""Blocks more that a step of Cb or Cr alone has to settle, or one that departs from a known table: files with three
tables, or with one step of a known table changed, are rare. Of 1,001 blocks of eight
validation JPEGs of qualities 75, 90 and 95 948 come back, the same with ten and 919 with one."""


class _Part:
    """Blocks of one component, with what is shown of them."""

    def __init__(self, sampled: Sampled, component: int, decoder: Decoder) -> None:
        tried = sampled.tried[component]
        clipped = (tried.lo != tried.hi).any(axis=1)
        plain, others = np.flatnonzero(~clipped), np.flatnonzero(clipped)
        rows = np.sort(np.concatenate([_spread(plain, _MOST_BLOCKS), _spread(others, _MOST_HOLDING)]))
        self.centers, self.lo, self.hi = tried.centers[rows], tried.lo[rows], tried.hi[rows]
        self.kind, self.mode = decoder.transform, tried.mode
        self.values = coefficients(self.centers)
        self.noise = np.full(64, ROUNDING) if not component else chroma_noise(sampled.factors, decoder.upsampling)

    def settled(self, table: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Whether rounding settles each of some blocks, bool."""
        lo, hi = self.lo[rows], self.hi[rows]
        seen = None
        if self.mode:
            seen = lo, hi, self.mode
            lo, hi = np.zeros((len(rows), 64), np.uint8), np.full((len(rows), 64), 255, np.uint8)
        quantiser = Quantiser.of(table, self.kind)
        return fit_blocks(lo, hi, quantiser, width=0, centers=self.centers[rows], seen=seen)[1] == ROUNDED

    def holding(self, frequency: int) -> np.ndarray:
        """Blocks with a coefficient of that frequency other than zero."""
        beyond = ZERO_CELL / ROUNDING * self.noise[frequency]
        return _spread(np.flatnonzero(np.abs(self.values[:, frequency]) >= beyond), _MOST_HOLDING)

    def likelihoods(self, rows: np.ndarray) -> np.ndarray:
        """Of each step by frequency, `np.ndarray [shape=(64, 255)]`, from some blocks."""
        found = ac_likelihoods(self.values[rows], noise=self.noise)
        found[0] = dc_likelihoods(self.values[rows, 0], noise=float(self.noise[0]))
        return found


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of them, evenly chosen."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def refined(sampled: Sampled, decoder: Decoder, tables: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Tables that settle at least as many blocks as the given ones.

    Parameters
    ----------
    sampled : Sampled
    decoder : Decoder
        Whose arithmetic settles blocks.
    tables : tuple of np.ndarray [shape=(64,), dtype=int64]
        Of each component, raster order.
    """
    parts = [_Part(sampled, k, decoder) for k in range(len(tables))]
    if len(parts) < 3:
        return tuple(_mended([part], table) for part, table in zip(parts, tables, strict=True))
    luma = _mended(parts[:1], tables[0])
    if not np.array_equal(tables[1], tables[2]):
        return luma, _mended(parts[1:2], tables[1], plane=1), _mended(parts[2:], tables[2], plane=1)
    both = _mended(parts[1:], tables[1], plane=1)
    return luma, *(_mended([part], both, _OF_ITS_OWN, plane=1) for part in parts[1:])


def coarser_where_told(sampled: Sampled, decoder: Decoder, tables: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Tables of which those too fine for rounding to judge are exchanged for coarser standard ones, all of one quality,
    under which half of the blocks that vary come out. Of the others none would by chance; where a part was changed
    since, its coefficients speak for steps of one all over the picture.

    Parameters
    ----------
    sampled, decoder, tables
        As of `refined`.
    """
    parts = [_Part(sampled, k, decoder) for k in range(len(tables))]
    fine = [k for k, part in enumerate(parts) if rounding_settles(tables[k], part.noise) < _HOPELESS]
    rows = {k: _spread(np.flatnonzero(lively_rows(parts[k].values)), _MOST_ASKED) for k in fine}
    total = sum(len(some) for some in rows.values())
    if total < _FEWEST:
        return tables
    usual = [_usual(plane) for plane in (0, 1)]
    settled = np.zeros(len(usual[0]), np.int64)
    for number in range(len(settled)):
        own = {k: usual[min(k, 1)][number] for k in fine}
        if min(rounding_settles(own[k], parts[k].noise) for k in fine) >= _HOPELESS:
            settled[number] = sum(_count([parts[k]], own[k], [rows[k]]) for k in fine)
    best = int(np.argmax(settled))
    if settled[best] < _TOLD * total:
        return tables
    return tuple(usual[min(k, 1)][best] if k in fine else table for k, table in enumerate(tables))


def near_ones(sampled: Sampled, decoder: Decoder, tables: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Tables of which those with mostly steps of one are exchanged for the known one that the coefficients speak for,
    or made finest (`tables.finest`) where they speak for several.

    Parameters
    ----------
    sampled, decoder, tables
        As of `refined`.
    """
    out = list(tables)
    for group in _groups(tables):
        table = tables[group[0]]
        fine = finest(table)
        if not np.array_equal(fine, table):
            parts = [_Part(sampled, k, decoder) for k in group]
            likelihoods = np.sum([part.likelihoods(np.arange(len(part.values))) for part in parts], axis=0)
            known = known_tables(min(group[0], 1))
            evidence = evidence_of(known.tables, likelihoods)[0] + known.log_prior
            best, next_best = np.argsort(-evidence)[:2]
            if evidence[best] >= evidence[next_best] + _CLEARLY:
                fine = known.tables[best]
        for k in group:
            out[k] = fine
    return tuple(out)


def _groups(tables: tuple[np.ndarray, ...]) -> list[tuple[int, ...]]:
    """Components that share a table: Cb and Cr if they have one."""
    same = len(tables) == 3 and np.array_equal(tables[1], tables[2])
    return [(0,), (1, 2)] if same else [(k,) for k in range(len(tables))]


def by_known(
    sampled: Sampled, decoder: Decoder, tables: tuple[np.ndarray, ...], components: Sequence[int]
) -> tuple[np.ndarray, ...]:
    """Tables of which those of some components are exchanged for the known ones that settle more blocks, if any do.

    Parameters
    ----------
    sampled, decoder, tables
        As of `refined`.
    components : sequence of int
        Whose blocks are looked at; Cb and Cr get one table if they had one.
    """
    out = list(tables)
    for group in _groups(tables):
        if not set(group).isdisjoint(components):
            parts = [_Part(sampled, k, decoder) for k in group]
            everything = [np.arange(len(part.values)) for part in parts]
            found = _best_known(parts, everything, tables[group[0]], min(group[0], 1))
            for k in group:
                out[k] = found
    return tuple(out)


def _best_known(parts: list[_Part], everything: list[np.ndarray], table: np.ndarray, plane: int) -> np.ndarray:
    """The known table that settles most blocks, or the given one where none settles more, or as many where that is not
    a known one: of those that all blocks speak for, those that the blocks which the given one leaves do, and those of
    which its steps are multiples, as those of a picture coded twice are.
    """
    rest = [r[~part.settled(table, r)] if len(r) else r for part, r in zip(parts, everything, strict=True)]
    if not sum(len(rows) for rows in rest):
        return table
    tables, prior = known_tables(plane)
    best, most = table, _count(parts, table, everything) - int(not (tables == table).all(axis=1).any())
    every = np.arange(64)
    for rows in (everything, rest, None):
        if rows is None:
            order, likelihoods = np.argsort(_away_from_multiples(table, tables) - prior, kind="stable"), None
        else:
            likelihoods = np.sum([part.likelihoods(r) for part, r in zip(parts, rows, strict=True)], axis=0)
            order = np.argsort(-evidence_of(tables, likelihoods)[0] - prior, kind="stable")
        for index in order[:_CANDIDATES]:
            known = tables[index]
            trials = [known]
            if likelihoods is not None:
                own = likelihoods[every, table - 1] > likelihoods[every, known - 1] + _LIKELY
                trials.append(np.where(own, table, known))
            for trial in trials:
                settled = _count(parts, trial, everything)
                if settled > most:
                    best, most = trial, settled
    if best is table or max(rounding_settles(best, part.noise) for part in parts) < _TOLD:
        return best
    return _kept(parts, everything, best, _in_passes(parts, everything, best, 1))


def _away_from_multiples(table: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """How far each of other tables is from one whose steps are multiples of its own, `np.ndarray [shape=(n,)]`: the sum
    of the multiples' natural logarithms, and that of the largest step where a step is none.
    """
    logarithms = np.where(table % tables == 0, np.log(table / tables), np.log(LARGEST_STEP))
    return np.asarray(logarithms.sum(axis=1))


def _mended(parts: list[_Part], table: np.ndarray, least: int = 1, *, plane: int = 0) -> np.ndarray:
    """A table of one or two components, of luma (0) or chroma (1); `least` blocks more have to be settled by a step
    that is taken.
    """
    everything = [np.arange(len(part.values)) for part in parts]
    total = sum(len(rows) for rows in everything)
    if not total or max(rounding_settles(table, part.noise) for part in parts) < _HOPELESS:
        return table.copy()
    found = _in_passes(parts, everything, table, least)
    if (candidates().tables[:, plane] == table).all(axis=1).any():
        found = _kept(parts, everything, table, found)
    if least > 1:
        return found
    most = _count(parts, found, everything)
    for start in _others(parts, everything, table, found, plane) if total - most > _MANY_LEFT * total else ():
        other = _in_passes(parts, everything, start, least)
        settled = _count(parts, other, everything)
        if settled >= most + max(1, _FINER * (total - most)):
            found, most = other, settled
    return _divided(parts, everything, found, plane) if total - most > _MANY_LEFT * total else found


def _kept(parts: list[_Part], everything: list[np.ndarray], known: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The found table with the steps of a known one where the found ones settle hardly more blocks."""
    found = found.copy()
    most = _count(parts, found, everything)
    for frequency in np.flatnonzero(found != known):
        trial = found.copy()
        trial[frequency] = known[frequency]
        settled = _count(parts, trial, everything)
        if settled > most - _OF_ITS_OWN:
            found, most = trial, settled
    return found


def _in_passes(parts: list[_Part], everything: list[np.ndarray], table: np.ndarray, least: int) -> np.ndarray:
    table = table.copy()
    for _ in range(_PASSES):
        before = table.copy()
        rest = [r[~part.settled(table, r)] for part, r in zip(parts, everything, strict=True)]
        if not sum(len(rows) for rows in rest):
            break
        likelihoods = np.sum([part.likelihoods(r) for part, r in zip(parts, rest, strict=True)], axis=0)
        gain = likelihoods.max(axis=1) - likelihoods[np.arange(64), table - 1]
        if least == 1:
            table = _together(parts, everything, table, likelihoods, gain)
        for f in np.argsort(-gain):
            if gain[f] > _DOUBTFUL:
                _one(parts, table, int(f), likelihoods[f], least)
        if np.array_equal(before, table):
            break
    return table


def _count(parts: list[_Part], table: np.ndarray, rows: list[np.ndarray]) -> int:
    return sum(int(part.settled(table, r).sum()) for part, r in zip(parts, rows, strict=True) if len(r))


def _others(
    parts: list[_Part], everything: list[np.ndarray], table: np.ndarray, found: np.ndarray, plane: int
) -> list[np.ndarray]:
    """Other tables to begin with: half the steps, and the standard table of a whole quality that settles most of the
    blocks left. A picture coded twice shows the multiples that both codings share, and few others.
    """
    rest = [r[~part.settled(found, r)] for part, r in zip(parts, everything, strict=True)]
    few = [_spread(rows, _GLANCE) for rows in rest]
    tables = _usual(plane)
    best = int(np.argmax([_count(parts, trial, few) for trial in tables]))
    return [np.maximum(table // 2, 1), tables[best]]


def _usual(plane: int) -> np.ndarray:
    """Standard tables of whole qualities, `np.ndarray [shape=(n, 64)]`."""
    known = candidates()
    usual = (np.array(known.family) == "standard") & (known.quality % 1 == 0) & (known.quality >= _LOWEST_QUALITY)
    return known.tables[usual, plane]


def _divided(parts: list[_Part], everything: list[np.ndarray], table: np.ndarray, plane: int) -> np.ndarray:
    """The table with those steps divided that are twice a standard table's or more, of the one with which most blocks
    are settled: of a picture coded twice steps are read together, as what both codings share.
    """
    some = [_spread(rows, _MOST_HOLDING) for rows in everything]
    trials = []
    for known in _usual(plane):
        times = np.maximum(np.rint(table / known), 1)
        trials.append(np.rint(table / times).astype(np.int64))
    best = trials[int(np.argmax([_count(parts, trial, some) for trial in trials]))]
    if _count(parts, best, everything) <= _count(parts, table, everything):
        return table
    return _in_passes(parts, everything, best, 1)


def _together(
    parts: list[_Part], everything: list[np.ndarray], table: np.ndarray, likelihoods: np.ndarray, gain: np.ndarray
) -> np.ndarray:
    """The likeliest steps of those frequencies that are most in doubt, as many as settle most blocks: a block may hold
    several wrong coefficients.
    """
    doubtful = [f for f in np.argsort(-gain) if gain[f] > _LIKELY]
    best, most = table, _count(parts, table, everything)
    coarser = likelihoods.argmax(axis=1) + 1 >= table
    enough = most + max(1, int(_FINER * (sum(len(r) for r in everything) - most)))
    for number in sorted({len(doubtful), len(doubtful) // 2, len(doubtful) // 4} - {0}, reverse=True):
        trial = table.copy()
        trial[doubtful[:number]] = likelihoods[doubtful[:number]].argmax(axis=1) + 1
        settled = _count(parts, trial, everything)
        if settled > most and (settled >= enough or coarser[doubtful[:number]].all()):
            best, most = trial, settled
    return best


def _one(parts: list[_Part], table: np.ndarray, frequency: int, likelihoods: np.ndarray, least: int) -> None:
    """The step of one frequency, in place: the one that settles most blocks, and of much likelier ones the one that
    settles no fewer.
    """
    rows = [part.holding(frequency) for part in parts]
    first = int(table[frequency])
    most = _count(parts, table, rows) + least
    finer = max(least, int(_FINER * sum(len(r) for r in rows)))
    best = first
    for step in np.argsort(-likelihoods)[:_CANDIDATES] + 1:
        table[frequency] = step
        settled = _count(parts, table, rows) if step != first else 0
        if step < first and (settled < most - least + finer or not _settles_more(parts, table, frequency, best)):
            continue
        likelier = least == 1 and likelihoods[step - 1] > likelihoods[best - 1] + _LIKELY
        if settled >= most or (likelier and settled >= most - 1):
            most, best = settled + 1, int(step)
    table[frequency] = best


def _settles_more(parts: list[_Part], table: np.ndarray, frequency: int, before: int) -> bool:
    """Whether a table settles more of all blocks than with another step of one frequency."""
    everything = [np.arange(len(part.values)) for part in parts]
    other = table.copy()
    other[frequency] = before
    return _count(parts, table, everything) > _count(parts, other, everything)
