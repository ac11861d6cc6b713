"""All blocks of an MCU together, luma and chroma of smaller size, where clipped channels leave every one of them open.

Of a pixel with one clipped channel the two others are sums of luma, Cb and Cr; with two clipped one sum is left. Chroma
alone sees their difference (`joint_search`), and nothing of the second kind. With luma's coefficients among what is
looked for every sum counts, and what is clipped lies beyond its end. Chroma is taken when every pixel has a luma with
which it is shown as the picture has it; luma is searched again then, by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from forensics.reconstruction.block_search import WAVES
from forensics.reconstruction.blocks import Quantiser, mean_excess
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.joint_search import CHANNELS, shown_of, without_luma
from forensics.reconstruction.lattice_beam import BEYOND, of_last, of_rows
from forensics.reconstruction.layout import blocks_of
from forensics.reconstruction.nearby_sets import descended
from forensics.reconstruction.shown_window import Around, Window

_DRIFTS = (12.0, 60.0)
"""Standard deviations of a coefficient about the estimated one beyond its own quantisation, in levels, one after
another: see `joint_search`."""
_FIRST, _SETS, _ROUNDS = 64, 1024, 8
"""Sets of all blocks and of chroma alone that are tried of an MCU a round, and rounds: bounds on work. Of four JPEG
files found the 16 MCUs that were left open under clipped channels all come out."""
_BEYOND = 1.0
"""How many deviations beyond its end a clipped channel is taken to lie of which the set before falls short."""


def search_units(
    rgb: np.ndarray,
    luma: np.ndarray,
    visible: np.ndarray,
    stored: np.ndarray,
    known: np.ndarray,
    places: np.ndarray,
    factors: tuple[int, int],
    quantisers: list[Quantiser],
    conversion: str,
    *,
    half_up: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of Cb and Cr of some MCUs.

    Parameters
    ----------
    rgb : np.ndarray [shape=(lines, pixels, 3), dtype=uint8]
    luma : np.ndarray [shape=(lines, pixels), dtype=uint8]
        Known or estimated; of other MCUs it is taken for known.
    visible : np.ndarray [shape=(lines, pixels), dtype=bool]
        Whether the picture shows the pixel and it has an antecedent.
    stored : np.ndarray [shape=(2, rows, columns), dtype=uint8]
        Samples of Cb and Cr, known or estimated; MCUs that are found are written into it.
    known : np.ndarray [shape=(rows / 8, columns / 8), dtype=bool]
        MCUs whose chroma is settled, rounded up; those that are found are added.
    places : np.ndarray [shape=(n, 2), dtype=int64]
        Row and column of each.
    factors, conversion, half_up
        As of `joint_search.search_together`.
    quantisers : list of Quantiser
        Of Y, Cb and Cr.

    Returns
    -------
    coefficients : np.ndarray [shape=(2, n, 64), dtype=int16]
        Zero where none were found.
    found : np.ndarray [shape=(n,), dtype=bool]
    """
    window = Window(factors, rgb.shape[:2], half_up=half_up)
    out, found = np.zeros((2, len(places), 64), np.int16), np.zeros(len(places), bool)
    for n, (row, column) in enumerate(places):
        around = [window.about(plane, known, row, column) for plane in stored]
        blocks = _unit_at(around, rgb, luma, visible, stored, (row, column), factors, quantisers, conversion)
        if blocks is not None:
            out[:, n], found[n], known[row, column] = blocks, True, True
            part = np.s_[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            for plane, coefficients, quantiser in zip(stored, blocks, quantisers[1:], strict=True):
                whole = stored_samples(coefficients[None, None], quantiser)
                plane[part] = whole[: plane[part].shape[0], : plane[part].shape[1]]
    return out, found


def _unit_at(
    around: list[Around],
    rgb: np.ndarray,
    luma: np.ndarray,
    visible: np.ndarray,
    stored: np.ndarray,
    place: tuple[int, int],
    factors: tuple[int, int],
    quantisers: list[Quantiser],
    conversion: str,
) -> np.ndarray | None:
    """Coefficients of Cb and Cr of an MCU, int16 [2, 64], or None."""
    pixels = around[0].pixels
    colours, seen = rgb[pixels].reshape(-1, 3), visible[pixels].ravel() & around[0].inside
    own = _of_luma(pixels, place, factors)
    blocks = factors[0] * factors[1]
    every = [quantisers[0]] * blocks + quantisers[1:]
    expected = np.concatenate([_luma_blocks(luma, place, factors), *(_block(plane, place) for plane in stored)])
    told = seen & (sum(one.doubt for one in around) == 0) & around[0].weights.any(axis=1)
    sums = _sums(around, colours, seen, own, luma[pixels].ravel(), every)

    def wrong_of(sets: np.ndarray) -> np.ndarray:
        cb, cr = (
            shown_of(sets[:, 64 * k : 64 * k + 64], one, quantiser)[:, told]
            for k, (one, quantiser) in enumerate(zip(around, quantisers[1:], strict=True))
        )
        return without_luma(colours[told], cb, cr, conversion)

    least = int(told.sum()) + 1
    for drift in _DRIFTS:
        for sets in _in_rounds(sums, expected, every, drift):
            counts = wrong_of(sets)
            best = int(np.argmin(counts))
            if counts[best] < least:
                least = int(counts[best])
                found = descended(sets[best], wrong_of)
                if found is not None:
                    return found.astype(np.int16).reshape(2, 64)
    return None


class _Sums(NamedTuple):
    """Weighted sums of all blocks' level-shifted samples: weights, `np.ndarray [shape=(n, 64 blocks)]`; values and
    deviations; and whether each is no value but an end of the scale: 1 where the sum lies beyond it, -1 below, else 0.
    """

    weights: np.ndarray
    values: np.ndarray
    deviations: np.ndarray
    ends: np.ndarray


def _in_rounds(sums: _Sums, expected: np.ndarray, quantisers: list[Quantiser], drift: float) -> Iterator[np.ndarray]:
    """Sets of chroma's coefficients, int64 [n, 128], each round with those ends of the scale taken for values that the
    likeliest set of the round before falls short of: an active set.
    """
    table = np.concatenate([quantiser.table for quantiser in quantisers])
    own = np.arange(len(expected))
    active, cut = np.zeros(len(sums.values) + len(own), bool), _beyond_the_scale(expected)
    for turn in range(_ROUNDS):
        weights = np.vstack([np.where(cut, 0.0, sums.weights), np.diag(cut != 0)])
        values = np.concatenate([sums.values - sums.weights @ np.where(cut > 0, 127.0, -128.0 * (cut < 0)), _END[cut]])
        ends = np.concatenate([sums.ends, cut])
        some = (active | (ends == 0) | (turn == 0)) & weights.any(axis=1)
        deviations = np.concatenate([sums.deviations, np.ones(len(own))])
        beyond, about = BEYOND[0] if turn == 0 else (_BEYOND, 0.0)
        deviation = np.hypot(deviations, about * (ends != 0))[some]
        problem = weights[some], (values + beyond * ends)[some], deviation, expected, quantisers
        sets = of_rows(*problem, drift=drift).nearest(_FIRST)
        yield sets[:, -128:]
        yield of_last(*problem, drift=drift, about=sets[0, :-128].astype(np.float64)).nearest(_SETS)
        ideal = ((sets[0] * table).reshape(-1, 64) @ WAVES.astype(np.float64)).ravel()
        over = (weights @ ideal - values) * ends / deviations
        before = active, cut
        active = (ends != 0) & ((over < 0) | (active & (over < _BEYOND + 1)))
        cut = np.where(active[len(sums.values) :] & (over[len(sums.values) :] < -2), 0, cut)
        cut = np.where(cut == 0, _beyond_the_scale(ideal - 0.5), cut)
        if (active == before[0]).all() and (cut == before[1]).all():
            break


_END = np.array([0.0, 127.0, -128.0])
"""Level-shifted ends of the scale by their signs."""


def _beyond_the_scale(samples: np.ndarray) -> np.ndarray:
    """1 where level-shifted samples lie at the upper end of the scale or beyond, -1 at the lower one, else 0."""
    return np.asarray((samples >= 127).astype(np.int64) - (samples <= -128))


def _of_luma(pixels: tuple[np.ndarray, ...], place: tuple[int, int], factors: tuple[int, int]) -> np.ndarray:
    """Number of each pixel's sample among those of the MCU's blocks of luma, one after another, or -1."""
    (down, across), (row, column) = factors, place
    y, x = (own.ravel() for own in np.broadcast_arrays(*pixels))
    y, x = y - 8 * down * row, x - 8 * across * column
    inside = (y >= 0) & (y < 8 * down) & (x >= 0) & (x < 8 * across)
    numbers = 64 * (across * (y >> 3) + (x >> 3)) + 8 * (y & 7) + (x & 7)
    return np.where(inside, numbers, -1)


def _luma_blocks(luma: np.ndarray, place: tuple[int, int], factors: tuple[int, int]) -> np.ndarray:
    """Level-shifted samples of the MCU's blocks of luma, float64, repeated beyond the picture."""
    high, wide = 8 * factors[0], 8 * factors[1]
    part = luma[high * place[0] : high * (place[0] + 1), wide * place[1] : wide * (place[1] + 1)].astype(np.float64)
    part = np.pad(part, ((0, high - part.shape[0]), (0, wide - part.shape[1])), mode="edge") - 128
    return blocks_of(part).ravel()


def _block(plane: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """Level-shifted samples of a block, float64, repeated beyond the picture."""
    part = plane[8 * place[0] : 8 * place[0] + 8, 8 * place[1] : 8 * place[1] + 8].astype(np.float64) - 128
    return np.pad(part, ((0, 8 - part.shape[0]), (0, 8 - part.shape[1])), mode="edge").ravel()


def _sums(
    around: list[Around],
    colours: np.ndarray,
    seen: np.ndarray,
    own: np.ndarray,
    luma: np.ndarray,
    quantisers: list[Quantiser],
) -> _Sums:
    """Every channel of every pixel that shows chroma of the MCU."""
    seen = seen & around[0].weights.any(axis=1)
    inside = own >= 0
    rows = np.zeros((len(own), 64 * len(quantisers) - 128))
    rows[np.flatnonzero(inside), own[inside]] = 1
    parts = []
    for channel, factors in enumerate(CHANNELS):
        shown = colours[:, channel].astype(np.float64)
        values = shown - 128 + np.where(inside, mean_excess(quantisers[0].kind), 128.0 - luma)
        variance, chroma = (1 + inside) / 12, []
        for factor, one, quantiser in zip(factors[1:], around, quantisers[-2:], strict=True):
            values -= factor * (one.beside - one.excess - mean_excess(quantiser.kind) * one.weights.sum(axis=1))
            variance += factor**2 * ((1 + (one.weights**2).sum(axis=1)) / 12 + one.doubt)
            chroma.append(factor * one.weights)
        ends = np.where(shown >= 255, 1.0, np.where(shown <= 0, -1.0, 0.0))
        parts.append((np.hstack([rows, *chroma])[seen], values[seen], np.sqrt(variance[seen]), ends[seen]))
    return _Sums(*(np.concatenate(same) for same in zip(*parts, strict=True)))
