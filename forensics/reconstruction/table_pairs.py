"""Luma's and chroma's tables as files hold them together, tried where a reading leaves pixels that come out otherwise.

Where most blocks are clipped or hold few coefficients, some steps are misread, of one component more than of the other,
though the tables as a whole are of a known setting: the steps that are well seen tell it. Settled blocks give their
coefficients without noise, and blocks without clipped samples speak alike for all settings. Those that both speak for
most are tried on the part of the picture with most wrong pixels. Beside them stand the tables read, made symmetric
where they nearly are, as Adobe's all are, listed or not, and with those steps put anew that no block holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from forensics.history.jpeg.comb import LARGEST_STEP, ROUNDING, ac_likelihoods, dc_likelihoods
from forensics.history.jpeg.planes import coefficients
from forensics.history.jpeg.steps import evidence_of
from forensics.reconstruction.blocks import SEARCHED
from forensics.reconstruction.choice import Chosen
from forensics.reconstruction.chroma_samples import chroma_noise
from forensics.reconstruction.inversion import Inverted
from forensics.reconstruction.otherwise import tried_on_worst_part, wrong_samples
from forensics.reconstruction.photoshop_tables import symmetric
from forensics.reconstruction.scaled_tables import by_those_held, known_pairs

_TRIED = 3
"""Settings that are tried of those that each kind of evidence speaks for: a bound on work."""
_MOST_BLOCKS = 4096
"""Blocks of a component that evidence comes from: a bound on work."""
_MOST_UNLIKE = 0.25
"""Share of the steps seen on both sides of the diagonal that may differ where tables are made symmetric: Annex K's
differ in 23 of 28 at quality 75 in luma."""
_FEWER = 0.75
"""Share of the wrong samples of the part with most of them that other tables may leave there to be tried on the whole
picture."""


def with_pair(chosen: Chosen, inverted: Inverted, width: int) -> Chosen:
    """The choice with other tables, of a known setting or made symmetric, where those leave clearly fewer wrong samples
    in the part with most of them; itself where none do.

    Parameters
    ----------
    chosen : Chosen
    inverted : Inverted
        What it gives.
    width : int
        See `inversion.invert`.
    """
    pixels = chosen.trials.pixels
    if chosen.layout.colour == "rgb":
        return chosen
    wrong = wrong_samples(inverted, pixels, chosen)
    if not wrong.any():
        return chosen
    seen = {_key(chosen.tables)}
    others = []
    for tables in _tables(chosen, inverted):
        if _key(tables) not in seen:
            seen.add(_key(tables))
            others.append(replace(chosen, tables=tables, refined=True))
    if not others:
        return chosen
    own, *shares = tried_on_worst_part([chosen, *others], wrong, pixels, width)
    best = int(np.argmin(shares))
    return others[best] if shares[best] < _FEWER * own else chosen


def _key(tables: tuple[np.ndarray, ...]) -> bytes:
    return np.stack(tables).tobytes()


def _tables(chosen: Chosen, inverted: Inverted) -> Iterator[tuple[np.ndarray, ...]]:
    """Tables that may be the right ones."""
    known, planes = known_pairs(), range(min(len(chosen.tables), 2))
    for likelihoods in (_of_settled(inverted), _of_whole_blocks(chosen)):
        evidence = known.log_prior.copy()
        for plane in planes:
            evidence += evidence_of(known.tables[:, plane], likelihoods[plane])[0]
        for index in np.argsort(-evidence, kind="stable")[:_TRIED]:
            luma, chroma = known.tables[index]
            yield (luma, chroma, chroma)[: len(chosen.tables)]
    held = [_held(inverted, [0])]
    if len(planes) > 1:
        held += [_held(inverted, [1, 2])] * 2
    yield tuple(_made_symmetric(table, times) for table, times in zip(chosen.tables, held, strict=True))
    parts = enumerate(zip(chosen.tables, held, strict=True))
    yield tuple(by_those_held(table, times > 0, min(k, 1)) for k, (table, times) in parts)


def _of_settled(inverted: Inverted) -> list[np.ndarray]:
    """Likelihoods of steps, `np.ndarray [shape=(64, LARGEST_STEP)]`, of luma and chroma by settled blocks."""
    found = []
    for component, status in zip(inverted.coded.components, inverted.status, strict=True):
        settled = component.coefficients[status <= SEARCHED]
        found.append((settled[_spread(len(settled))] * component.table).astype(np.float32))
    return [_likelihoods(part, np.full(64, ROUNDING)) for part in (found[0], np.concatenate(found[1:] or found))]


def _of_whole_blocks(chosen: Chosen) -> list[np.ndarray]:
    """The same by blocks without clipped samples."""
    sampled = chosen.trials.sampled(chosen.layout, chosen.decoder)
    parts = [blocks[_spread(len(blocks))] for blocks in sampled.blocks]
    noise = chroma_noise(sampled.factors, chosen.decoder.upsampling)
    luma = _likelihoods(coefficients(parts[0]), np.full(64, ROUNDING))
    return [luma] if len(parts) == 1 else [luma, _likelihoods(coefficients(np.concatenate(parts[1:])), noise)]


def _likelihoods(values: np.ndarray, noise: np.ndarray) -> np.ndarray:
    if not len(values):
        return np.zeros((64, LARGEST_STEP))
    found = ac_likelihoods(values, noise=noise)
    found[0] = dc_likelihoods(values[:, 0], noise=float(noise[0]))
    return found


def _spread(count: int) -> np.ndarray:
    """At most `_MOST_BLOCKS` of the numbers below a count, evenly."""
    return np.linspace(0, count - 1, min(count, _MOST_BLOCKS)).astype(np.int64)


def _held(inverted: Inverted, components: list[int]) -> np.ndarray:
    """How many settled blocks hold a coefficient of each frequency, `np.ndarray [shape=(64,)]`."""
    times = np.zeros(64, np.int64)
    for k in components:
        times += (inverted.coded.components[k].coefficients[inverted.status[k] <= SEARCHED] != 0).sum(axis=0)
    return times


def _made_symmetric(table: np.ndarray, held: np.ndarray) -> np.ndarray:
    """The table with the step of those next to each other over the diagonal that more blocks hold, where it nearly is
    symmetric already.
    """
    square, times = table.reshape(8, 8), held.reshape(8, 8)
    both = np.triu((times > 0) & (times.T > 0), 1)
    if symmetric(table) or (square != square.T)[both].sum() > _MOST_UNLIKE * both.sum():
        return table
    return np.asarray(np.where(times >= times.T, square, square.T)).ravel()
