"""Chroma blocks by all that is shown of them, and the beam that lists their coefficients."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction import lattice_beam, shown_search
from forensics.reconstruction.blocks import Quantiser
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.lattice_beam import beyond_the_scale, of_samples
from forensics.reconstruction.shown_search import search_shown
from forensics.reconstruction.upsampling import upsample

TABLE = np.maximum(8, 6 * np.add.outer(np.arange(8), np.arange(8)) + 10).ravel()


def plane(seed: int, rows: int = 3, columns: int = 4) -> tuple[np.ndarray, np.ndarray, Quantiser]:
    """Coefficients and samples of a small stored component."""
    rng = np.random.default_rng(seed)
    quantiser = Quantiser.of(TABLE, ISLOW)
    spread = 300 / (1 + np.add.outer(np.arange(8), np.arange(8))) ** 1.5
    coefficients = np.rint(rng.normal(0, spread.ravel(), (rows, columns, 64)) / TABLE).astype(np.int16)
    return coefficients, stored_samples(coefficients, quantiser), quantiser


@pytest.mark.parametrize("factors", [(2, 2), (1, 2), (2, 1)])
@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize("shows", [shown_search._shows, shown_search._shows.py_func], ids=["compiled", "plain"])
def test_what_is_shown_is_told_as_upsampling_the_whole_plane_does(factors, cut, shows):
    _, stored, _ = plane(0)
    stored = np.ascontiguousarray(stored[:, : stored.shape[1] - cut])
    shape = stored.shape[0] * factors[0], stored.shape[1] * factors[1]
    full = np.ascontiguousarray(upsample(stored, factors, "triangle", shape))
    known = np.ones((3, 4), bool)
    rng = np.random.default_rng(3)
    for row, column in np.argwhere(known):
        part = stored[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        block = np.pad(part, ((0, 0), (0, 8 - part.shape[1]))).astype(np.int64)
        assert shows(stored, known, row, column, block.ravel(), full, full, *factors, False)
        y, x = rng.integers(8), rng.integers(part.shape[1])
        moved = block.copy()
        moved[y, x] += 4 if moved[y, x] < 128 else -4
        other = stored.copy()
        other[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = moved[:, : part.shape[1]]
        again = upsample(other, factors, "triangle", shape)
        assert not np.array_equal(again, full)
        assert not shows(stored, known, row, column, moved.ravel(), full, full, *factors, False)


def test_a_block_is_found_where_some_of_its_samples_are_not_known():
    coefficients, stored, quantiser = plane(1)
    full = np.ascontiguousarray(upsample(stored, (2, 2), "triangle", (48, 64)))
    lo, hi = full.copy(), full.copy()
    lo[16:24, 24:32], hi[16:24, 24:32] = 0, 255
    known = np.ones((3, 4), bool)
    known[1, 1] = False
    hidden = np.zeros((8, 8), bool)
    hidden[:4, 4:] = True
    start = stored.copy()
    start[8:16, 8:16][hidden] = 128
    found, fits = search_shown(start, known, lo, hi, (2, 2), quantiser, np.array([[1, 1]]))
    assert fits.all()
    again = coefficients.copy()
    again[1, 1] = found[0]
    shown = upsample(stored_samples(again, quantiser), (2, 2), "triangle", (48, 64))
    assert ((shown >= lo) & (shown <= hi)).all()
    assert known.all()


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_block_with_samples_at_the_end_of_the_scale_is_found(seed):
    """Chroma of pure colours is cut off: what the transform gives lies beyond."""
    coefficients, _, quantiser = plane(seed)
    coefficients[1, 1, 0] += np.int16(960 // TABLE[0])
    stored = stored_samples(coefficients, quantiser)
    cut = (stored[8:16, 8:16] == 255).mean()
    assert 0.1 < cut < 0.95
    full = np.ascontiguousarray(upsample(stored, (2, 2), "triangle", (48, 64)))
    known = np.ones((3, 4), bool)
    known[1, 1] = False
    found, fits = search_shown(stored.copy(), known, full, full, (2, 2), quantiser, np.array([[1, 1]]))
    assert fits.all()
    again = coefficients.copy()
    again[1, 1] = found[0]
    np.testing.assert_array_equal(stored_samples(again, quantiser), stored)


def test_sums_without_samples_at_the_end_of_the_scale_are_those_of_the_others():
    rng = np.random.default_rng(7)
    rows, ideal = rng.normal(size=(20, 64)), rng.normal(100, 30, 64)
    expected = np.clip(ideal, -128, 127)
    values, deviations = rows @ expected, np.ones(20)
    at = np.flatnonzero(expected == 127)
    assert len(at) > 3
    others, sums, spread, about = beyond_the_scale(rows, values, deviations, expected, (6.0, 8.0))
    np.testing.assert_allclose(others[:20] @ ideal, sums[:20])
    np.testing.assert_array_equal(others[20:], np.eye(64)[at])
    np.testing.assert_array_equal(sums[20:], np.full(len(at), 133.0))
    np.testing.assert_array_equal(spread[20:], np.full(len(at), 8.0))
    np.testing.assert_array_equal(about, np.where(expected == 127, 133.0, expected))
    same = beyond_the_scale(rows, values, deviations, np.zeros(64), (6.0, 8.0))
    assert same[0] is rows


def plainly_grown(triangle: np.ndarray, target: np.ndarray, width: int) -> np.ndarray:
    """The same search in lists."""
    kept: list[tuple[float, list[int]]] = [(0.0, [])]
    for level in range(63, -1, -1):
        longer = []
        for cost, later in kept:
            middle = (target[level] - float(triangle[level, level + 1 :] @ np.array(later, float))) / triangle[
                level, level
            ]
            for value in np.rint(middle) + np.array([-1, 0, 1]):
                longer.append((cost + (triangle[level, level] * (middle - value)) ** 2, [int(value), *later]))
        kept = sorted(longer)[:width]
    return np.array([values for _, values in kept])


@pytest.mark.parametrize("width", [1, 5])
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_the_nearest_sets_are_those_of_a_plain_search(compiled, width, monkeypatch):
    if not compiled:
        monkeypatch.setattr(lattice_beam, "_least_of", lattice_beam._least_of.py_func)
    nearest = lattice_beam._nearest if compiled else lattice_beam._nearest.py_func
    rng = np.random.default_rng(5)
    triangle = np.triu(rng.normal(0, 0.3, (64, 64)))
    triangle[np.diag_indices(64)] = rng.uniform(0.5, 3.0, 64) * rng.choice([-1, 1], 64)
    target = triangle @ rng.integers(-3, 4, 64) + rng.normal(0, 0.3, 64)
    sets = np.zeros((width, 64))
    assert nearest(np.ascontiguousarray(triangle.T), target, sets, 3) == width
    np.testing.assert_array_equal(sets, plainly_grown(triangle, target, width))


def test_the_likeliest_set_is_that_of_rounding_where_all_samples_are_known():
    coefficients, stored, quantiser = plane(2)
    for row, column in np.ndindex(3, 4):
        block = stored[8 * row : 8 * row + 8, 8 * column : 8 * column + 8].ravel()
        if block.min() > 0 and block.max() < 255:
            lattice = of_samples(block - 128.0, np.full(64, 12**-0.5), quantiser, drift=30.0)
            few, sets = lattice.more_and_more(8)
            np.testing.assert_array_equal(few[0], coefficients[row, column])
            np.testing.assert_array_equal(sets[0], coefficients[row, column])
