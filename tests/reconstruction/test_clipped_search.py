"""Blocks with clipped samples searched to the end: against trying every set of coefficients out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from forensics.reconstruction import clipped_search
from forensics.reconstruction.blocks import Quantiser
from forensics.reconstruction.clipped_search import FOUND, NONE_EXISTS, TOO_MANY, search_clipped
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.layout import blocks_of

FREE = (0, 1, 9, 18)
"""Frequencies that are not zero in these blocks, and the only ones whose steps are small enough to matter."""


def quantiser() -> Quantiser:
    steps = np.full(64, 250)
    steps[list(FREE)] = (16, 24, 40, 31)
    return Quantiser.of(steps, ISLOW)


def every_block(table: Quantiser) -> np.ndarray:
    """The samples of every set of small coefficients, `np.ndarray [shape=(n, 64), dtype=uint8]`."""
    sets = list(product(range(10, 26), range(-3, 4), range(-3, 4), range(-3, 4)))
    coefficients = np.zeros((1, len(sets), 64), np.int16)
    coefficients[0][:, list(FREE)] = sets
    return blocks_of(stored_samples(coefficients, table))


def boxed(blocks: np.ndarray, rng: np.random.Generator, unknown: int) -> tuple[np.ndarray, np.ndarray]:
    lo, hi = blocks.copy(), blocks.copy()
    for n in range(len(blocks)):
        for p in rng.choice(64, unknown, replace=False):
            lo[n, p], hi[n, p] = (
                max(0, int(lo[n, p]) - rng.integers(0, 9)),
                min(255, int(hi[n, p]) + rng.integers(1, 9)),
            )
    return lo, hi


@pytest.mark.parametrize("unknown", [0, 3, 12])
def test_the_same_blocks_as_trying_all(unknown):
    table, rng = quantiser(), np.random.default_rng(unknown)
    blocks = every_block(table)
    taken = blocks[rng.choice(len(blocks), 24, replace=False)].copy()
    moved = rng.choice(24, 12, replace=False)
    taken[moved, rng.integers(0, 64, 12)] ^= 24
    lo, hi = boxed(taken, rng, unknown)
    expected = [bool(((blocks >= lo[n]) & (blocks <= hi[n])).all(axis=1).any()) for n in range(24)]
    coefficients, answers = search_clipped(lo, hi, table)
    assert not np.isin(answers, TOO_MANY).any()
    assert ((answers == FOUND) == expected).all()
    assert ((answers == NONE_EXISTS) != expected).all()
    shown = blocks_of(stored_samples(coefficients[None], table))
    assert ((shown >= lo) & (shown <= hi)).all(axis=1)[answers == FOUND].all()
    assert sum(expected) >= 12


def test_samples_cut_at_white_are_free_above():
    table = quantiser()
    coefficients = np.zeros((1, 1, 64), np.int16)
    coefficients[0, 0, list(FREE)] = 60, 3, 2, -2
    block = blocks_of(stored_samples(coefficients, table))
    assert (block == 255).sum() > 4
    assert search_clipped(block, block, table)[1][0] == FOUND
    wrong = block.copy()
    wrong[0, np.argsort(block[0])[:3]] -= 40
    assert search_clipped(wrong, wrong, table)[1][0] == NONE_EXISTS


def test_a_search_without_end_is_given_up():
    lo, hi = np.zeros((2, 64), np.uint8), np.full((2, 64), 255, np.uint8)
    lo[1, 20:], hi[1, 20:] = 90, 90
    fine = Quantiser.of(np.full(64, 2), ISLOW)
    _, answers = search_clipped(lo, hi, fine, budget=50)
    assert answers[0] == TOO_MANY
    assert answers[1] == TOO_MANY


def test_single_steps_interpreted():
    """The kernels below the search, without the compiler, take a coefficient as arithmetic says."""
    rng = np.random.default_rng(2)
    waves, places = np.ascontiguousarray(clipped_search.WAVES, np.float64), np.array([3, 40])
    narrow, point = np.diag([9.0, 4.0]), np.zeros(2)
    directions = waves[:, places]
    means, spreads = rng.normal(0, 5, 64), np.einsum("ip,pq,iq->i", directions, narrow, directions)
    before = means.copy()
    gain = narrow @ directions[5] / (1 + spreads[5])
    off = 7.0 - means[5]
    expected = narrow - np.outer(gain, narrow @ directions[5])
    scale = 1 + spreads[5]
    added = clipped_search._take.py_func(5, 7.0, waves, places, 2, means, spreads, narrow, point, np.empty(2))
    assert added == pytest.approx(off * off / scale)
    assert np.allclose(narrow, expected)
    assert np.allclose(point, gain * off)
    assert np.allclose(means, before + directions @ gain * off)
    assert np.allclose(spreads, np.einsum("ip,pq,iq->i", directions, expected, directions))
