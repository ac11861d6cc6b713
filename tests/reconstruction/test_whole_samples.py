"""Stored chroma as whole numbers: what the kernels compute against plain recomputation, and what the search finds."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction import whole_samples as search
from forensics.reconstruction.upsampling import upsample
from forensics.reconstruction.whole_samples import whole_samples

FACTORS = [(2, 2), (1, 2), (2, 1)]
KINDS = [False, True]


def plane(seed: int, rows: int = 24, columns: int = 32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(128 + np.cumsum(rng.normal(0, 6, (rows, columns)), axis=1), 0, 255).astype(np.uint8)


def shown(stored: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    return upsample(stored, factors, "triangle", (stored.shape[0] * factors[0], stored.shape[1] * factors[1]))


def sums_of(stored: np.ndarray, factors: tuple[int, int], half_up: bool = False) -> np.ndarray:
    out = np.empty((stored.shape[0] * factors[0], stored.shape[1] * factors[1]), np.int64)
    search._sums(stored.astype(np.int64), factors[0], factors[1], half_up, out)
    return out


def cost(sums: np.ndarray, lo: np.ndarray, hi: np.ndarray, bits: int) -> int:
    least, most = lo.astype(np.int64) << bits, (hi.astype(np.int64) << bits) + (1 << bits) - 1
    beyond = np.maximum(sums - most, 0) + np.maximum(least - sums, 0)
    return int((beyond**2).sum())


@pytest.mark.parametrize("factors", FACTORS)
def test_sums_are_the_decoders(factors):
    stored = plane(1)
    bits = 4 if factors == (2, 2) else 2
    np.testing.assert_array_equal(sums_of(stored, factors) >> bits, shown(stored, factors))


@pytest.mark.parametrize("half_up", KINDS)
@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("compiled", [True, False])
def test_changes_against_plain_recomputation(factors, half_up, compiled):
    change = search._change if compiled else search._change.py_func
    bits = 4 if factors == (2, 2) else 2
    stored = plane(2, 8, 8).astype(np.int64)
    full = shown(plane(3, 8, 8), factors)
    sums = sums_of(stored, factors, half_up)
    rng = np.random.default_rng(4)
    for y, x in [(0, 0), (7, 7), (0, 5), (3, 4), *rng.integers(0, 8, (6, 2)).tolist()]:
        z, w = min(y + 1, 7), max(x - 1, 0)
        for move, other in ((1, 0), (-1, 1), (1, 1)):
            moved = stored.copy()
            moved[y, x] += move
            if (z, w) != (y, x):
                moved[z, w] += other
            elif other:
                continue
            expected = cost(sums_of(moved, factors, half_up), full, full, bits) - cost(sums, full, full, bits)
            assert change(sums, full, full, y, x, move, z, w, other, stored.shape, factors, bits) == expected


@pytest.mark.parametrize("factors", FACTORS)
def test_samples_come_back(factors):
    stored = plane(5)
    full = shown(stored, factors)
    rng = np.random.default_rng(6)
    off = stored + rng.uniform(-0.9, 0.9, stored.shape).astype(np.float32)
    found = whole_samples(off, full, full, factors, np.ones((3, 4), bool))
    rounded = np.rint(off).astype(np.uint8)
    assert (shown(found, factors) != full).mean() < 0.01 < (shown(rounded, factors) != full).mean()
    assert (found != stored).mean() < 0.3 * (rounded != stored).mean()


def test_blocks_that_are_not_wanted_stay():
    stored = plane(7, 16, 16)
    full = shown(stored, (2, 2))
    off = stored.astype(np.float32)
    off[2, 3] += 1
    off[12, 12] += 1
    wanted = np.zeros((2, 2), bool)
    wanted[0, 0] = True
    found = whole_samples(off, full, full, (2, 2), wanted)
    assert found[2, 3] == stored[2, 3]
    assert found[12, 12] == stored[12, 12] + 1


def test_unknown_samples_bind_nothing():
    stored = plane(8, 8, 8)
    nothing, anything = np.zeros((16, 16), np.uint8), np.full((16, 16), 255, np.uint8)
    found = whole_samples(stored.astype(np.float32), nothing, anything, (2, 2), np.ones((1, 1), bool))
    np.testing.assert_array_equal(found, stored)


@pytest.mark.parametrize("factors", FACTORS)
def test_other_samples_show_the_same(factors):
    stored = plane(11)
    full = shown(stored, factors)
    wanted = np.zeros((3, 4), bool)
    wanted[1, 1:3] = True
    other, clear = search.others_alike(stored, full, full, factors, wanted, 1)
    np.testing.assert_array_equal(shown(other, factors), full)
    np.testing.assert_array_equal(clear, wanted)
    moved = (other != stored).reshape(3, 8, 4, 8).any(axis=(1, 3))
    assert moved[wanted].any() == (factors == (2, 2))  # along one axis every single move shows
    assert not moved[~wanted].any()


def test_blocks_that_show_something_else_are_not_clear():
    stored, wanted = plane(12), np.ones((3, 4), bool)
    full = shown(stored, (2, 2))
    stored[12, 12] += 40
    same, clear = search.others_alike(stored, full, full, (2, 2), wanted, 0)
    np.testing.assert_array_equal(same, stored)
    assert not clear[1, 1]
    assert clear.sum() == 11


@pytest.mark.parametrize("half_up", KINDS)
@pytest.mark.parametrize("odd", [0, 1])
@pytest.mark.parametrize("compiled", [True, False])
def test_best_line_against_all_lines(compiled, odd, half_up):
    best_line = search._best_line if compiled else search._best_line.py_func
    rng = np.random.default_rng(5)
    for _ in range(3):
        true = np.clip(np.cumsum(rng.integers(-9, 10, 3)) + rng.integers(0, 256), 0, 255)
        full = (sums_of(true[None], (1, 2), half_up)[0] >> 2)[: 6 - odd].astype(np.uint8)
        lo, hi = full.copy(), full.copy()
        lo[rng.integers(0, len(lo))] = 0
        estimate = true + rng.normal(0, 0.9, 3)
        start = np.clip(np.rint(estimate), 0, 255).astype(np.int64)
        free = np.array([True, True, rng.random() < 0.5])

        def weight(line, lo=lo, hi=hi, estimate=estimate):
            sums = sums_of(line[None], (1, 2), half_up)[0][: len(lo)].astype(np.int64)
            return search._FIRST * cost(sums, lo, hi, 2) + ((line - estimate) ** 2).sum()

        moves = np.stack(np.meshgrid(*[np.arange(-search._REACH, search._REACH + 1)] * 3), -1).reshape(-1, 3)
        lines = (start + moves)[(free | (moves == 0)).all(axis=1)]
        lines = lines[((lines >= 0) & (lines <= 255)).all(axis=1)]
        found, states = start.copy(), 2 * search._REACH + 1
        room = np.empty((3, states)), np.zeros((3, states), np.int64)
        best_line(found, estimate, lo, hi, free, half_up, *room)
        assert weight(found) == pytest.approx(min(map(weight, lines)))


@pytest.mark.parametrize("factors", [(1, 2), (2, 1)])
def test_chroma_halved_along_one_axis_is_found_whole(factors):
    stored = plane(6, 40, 40)
    full, noise = shown(stored, factors), np.random.default_rng(7).normal(0, 0.6, stored.shape)
    found = whole_samples((stored + noise).astype(np.float32), full, full, factors, np.ones((5, 5), bool))
    np.testing.assert_array_equal(shown(found, factors), full)
    assert (found != stored).mean() < 0.01
