"""Blocks of samples that are seen as they are, searched with more and more sets, and those with clipped samples."""

from __future__ import annotations

import numpy as np

from forensics.reconstruction.acceptance import DIRECT
from forensics.reconstruction.blocks import (
    OPEN,
    OPEN_SATURATED,
    ROUNDING,
    SEARCHED,
    Quantiser,
    fit_blocks,
    mean_excess,
    rounding_settles,
)
from forensics.reconstruction.few_frequencies import sets_of_few
from forensics.reconstruction.flip_search import search_flips
from forensics.reconstruction.inverse_transforms import IFAST
from forensics.reconstruction.lattice_beam import Lattice, first_decoding, of_samples
from forensics.reconstruction.likely_search import search_likely

_MORE_SETS, _DEPTH, PROMISING = (4, 16, 64, 256), 24, 0.5
"""How many times as many sets the search keeps for blocks that are left, one after another, flips in a set then, and
the share of blocks that may be left for it to go on: bounds on work. Of 333 grey blocks of twelve validation pictures
32 sets settle 97.9, 89.5 and 98.8 % at quality 100, 99 and 98, four times as many 99.7, 96.7 and 100 %, sixteen times
100, 99.4 and 100 %."""
_FEW = 8
"""Blocks that are searched on, however many of those before they are: a bound on work, a second each."""
_ALTOGETHER, _IN_A_BLOCK = 500_000_000, 20_000_000
"""Sets of flips that are gone through at most, of all blocks and of one: bounds on work, 20 seconds and one."""
_BY_FEW, _HALF_A_LEVEL = 64, 0.5
"""Blocks that are searched by few frequencies, some milliseconds each, a bound on work; and how far rounding moves a
sample."""
_FEW_SETS = 0.9
"""Share of blocks that rounding settles from which the usual sets do: that of luma is 0.75 at quality 95, where 32 sets
leave nothing."""


def search_known(
    lo: np.ndarray,
    hi: np.ndarray,
    quantiser: Quantiser,
    width: int,
    centers: np.ndarray,
    sure: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of samples that are seen as they are, searched with more and more sets where steps are fine and more sets
    have settled most blocks so far; see `fit_blocks`. That goes for `sure` ones, bool, all by default: bounds that rest
    on other components may leave no coefficients at all.
    """
    found, status = fit_blocks(lo, hi, quantiser, width=width, centers=centers)
    if quantiser.kind == IFAST:
        _search_imprecise(lo, hi, quantiser, found, status)
    if rounding_settles(quantiser.table) >= _FEW_SETS:
        return found, status
    sure = np.ones(len(lo), bool) if sure is None else sure
    left = int(sure.sum())
    for times in _MORE_SETS:
        rest = np.flatnonzero((status > SEARCHED) & sure)
        if not 0 < len(rest) <= max(PROMISING * left, _FEW):
            break
        left = len(rest)
        if times == _MORE_SETS[-1]:
            rest = _by_all_flips(lo, hi, quantiser, rest, found, status)
        found[rest], status[rest] = fit_blocks(
            lo[rest], hi[rest], quantiser, width=times * width, depth=_DEPTH, centers=centers[rest]
        )
    return found, status


def _search_imprecise(
    lo: np.ndarray, hi: np.ndarray, quantiser: Quantiser, found: np.ndarray, status: np.ndarray
) -> None:
    """Blocks of the fast transform, by their likeliest sets: its samples lie up to some levels beside the ideal ones,
    out of reach for a search within half a level. `found` and `status` change.
    """
    rest = np.flatnonzero(status == OPEN)
    coefficients, fits = search_likely(lo[rest], hi[rest], quantiser, guesses=1)
    found[rest[fits]], status[rest[fits]] = coefficients[fits], SEARCHED


def _by_all_flips(
    lo: np.ndarray, hi: np.ndarray, quantiser: Quantiser, rest: np.ndarray, found: np.ndarray, status: np.ndarray
) -> np.ndarray:
    """Of blocks not settled yet, by their numbers, those whose samples are all known, by few frequencies and then by
    all sets of flips that are near; the numbers of those that are left. `found` and `status` change.
    """
    known = rest[((lo[rest] == hi[rest]) & (lo[rest] > 0) & (hi[rest] < 255)).all(axis=1)]
    for n in known[:_BY_FEW]:
        coefficients = _by_few_frequencies(lo[n], quantiser)
        if coefficients is not None:
            found[n], status[n] = coefficients, SEARCHED
    known = known[status[known] > SEARCHED]
    most = min(_IN_A_BLOCK, _ALTOGETHER // max(len(known), 1))
    coefficients, fits = search_flips(lo[known], quantiser, most)
    found[known[fits]], status[known[fits]] = coefficients[fits], SEARCHED
    return rest[status[rest] > SEARCHED]


def _by_few_frequencies(samples: np.ndarray, quantiser: Quantiser) -> np.ndarray | None:
    """Coefficients of a block of known samples, uint8 [64], where few frequencies give them."""
    kind, values = quantiser.kind, samples.astype(np.float64) - 128 + mean_excess(quantiser.kind)
    deviations = np.full(64, ROUNDING)

    def lattice_of(part: np.ndarray) -> Lattice:
        return of_samples(values, deviations, quantiser, drift=np.inf, among=part)

    for sets in sets_of_few(values + 128, _HALF_A_LEVEL, lattice_of):
        best = first_decoding(sets, kind, quantiser.scaled, samples, samples, samples, samples, DIRECT)
        if best >= 0:
            return np.asarray(sets[best])
    return None


def search_saturated(
    lo: np.ndarray, hi: np.ndarray, quantiser: Quantiser, impossible: np.ndarray, found: np.ndarray, status: np.ndarray
) -> None:
    """Blocks with clipped samples that filling in left open, by their likeliest sets; `found` and `status` change."""
    again = np.flatnonzero((status == OPEN_SATURATED) & ~impossible)
    if len(again):
        coefficients, settled = search_likely(lo[again], hi[again], quantiser)
        found[again[settled]], status[again[settled]] = coefficients[settled], SEARCHED
