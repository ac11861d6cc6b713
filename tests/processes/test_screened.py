"""A sample of rows excludes block textures; what is found is found in all blocks, with the same counts."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from forensics_features.block_texture import (
    bc1_counts,
    bc1_counts_narrow,
    bc4_counts,
    etc_counts,
    mostly_on_lattice,
)
from forensics_features.residual_lattice import block_lattice

from forensics.processes import texture_bc, texture_etc
from forensics.processes.sampling import best_grid, excluding, excluding_each, screened


def _photograph(side=384):
    rng = np.random.default_rng(4)
    rows, columns = np.mgrid[:side, :side]
    smooth = 120 + 60 * np.sin(rows / 17) + 40 * np.cos(columns / 11)
    return np.clip(np.rint(smooth[..., None] + rng.normal(0, 25, (side, side, 3))), 0, 255).astype(np.uint8)


def _blocks(side=256):
    """What a BC1 decoder gives, on the grid that starts at row 1, column 2."""
    rng = np.random.default_rng(9)
    ends = rng.integers(0, 32, (2, side // 4, side // 4, 3)) << 3
    ends |= ends >> 5
    ends[..., 1] = ends[..., 1] >> 2 << 2 | ends[..., 1] >> 6
    picks = rng.integers(0, 4, (side // 4, side // 4, 4, 4))[..., None]
    first, last = ends[0][:, :, None, None], ends[1][:, :, None, None]
    pixels = ((3 - picks) * first + picks * last) // 3
    return np.roll(pixels.swapaxes(1, 2).reshape(side, side, 3), (1, 2), (0, 1)).astype(np.uint8)


def test_where_parts_of_rows_tell_too_little_whole_rows_are_sampled():
    rgb = _photograph(512)
    rgb[:, :420] = 90
    assert np.array_equal(screened(bc1_counts, rgb), sum(bc1_counts(rgb[top : top + 7]) for top in range(0, 506, 64)))


def test_blocks_of_other_sizes_are_sampled_too():
    plane = _photograph()[..., 0]
    count = partial(block_lattice, step=2)
    assert np.array_equal(screened(count, plane, side=8).shape, (8, 8, 3))
    assert 0 < screened(count, plane, side=8).sum() < count(plane).sum() / 4


@pytest.mark.parametrize("count", [bc1_counts, etc_counts])
def test_a_sample_excludes_a_photograph(count):
    rgb = _photograph()
    sample, every = screened(count, rgb), count(rgb)
    assert 0 < sample.sum() < every.sum() / 10
    lefts = [number * 64 % (384 - 43) // 4 * 4 for number in range(6)]
    expected = sum(count(rgb[64 * n : 64 * n + 7, left : left + 43]) for n, left in enumerate(lefts))
    assert np.array_equal(sample, expected)
    assert best_grid(sample).log10_nfa > 0
    assert best_grid(every).log10_nfa > 0


def test_kinds_of_blocks_are_excluded_each_by_a_sample_of_its_own():
    plane = _photograph(512)[..., 0]

    def counts(part):
        return np.stack([block_lattice(part, step) for step in (2, 60)])

    fine, coarse = excluding_each(counts, plane, side=8)
    assert np.array_equal(fine, excluding(partial(block_lattice, step=2), plane, side=8))
    assert coarse is None or coarse.sum() > fine.sum()
    flat = excluding_each(counts, np.full((64, 64), 7, np.uint8), side=8)
    assert flat == [None, None]


def test_the_narrow_lattice_is_looked_for_where_colours_lie_on_it():
    rgb = _blocks()
    on_lattice = rgb >> 3 << 3 | rgb >> 3 >> 2
    on_lattice[..., 1] = rgb[..., 1] >> 2 << 2 | rgb[..., 1] >> 6
    off = on_lattice.copy()
    off[:20] ^= 1
    assert [mostly_on_lattice(one) for one in (on_lattice, off, _photograph())] == [True, False, False]
    assert bc1_counts_narrow(on_lattice).sum() == 253 * 253
    assert bc1_counts_narrow(off).sum() == 0


def test_a_texture_is_counted_whole():
    rgb = _blocks()
    assert np.array_equal(screened(bc1_counts, rgb), bc1_counts(rgb))
    found = texture_bc.test(rgb)
    assert found.found
    assert found.parameters["phase"] == [1, 2]


def test_few_telling_blocks_are_counted_whole():
    plane = np.full((300, 300), 90, np.uint8)
    plane[5:60, 7:90] = np.random.default_rng(0).integers(0, 256, (55, 83))
    assert np.array_equal(screened(bc4_counts, plane), bc4_counts(plane))
    assert screened(bc4_counts, plane[:3]).sum() == 0


def test_what_is_not_found_is_not_found_without_a_sample(monkeypatch):
    rgb = _photograph()
    with_sample = [texture_bc.test(rgb), texture_etc.test(rgb)]
    for module in (texture_bc, texture_etc):
        monkeypatch.setattr(module, "screened", lambda count, *planes: count(*planes))
    without = [texture_bc.test(rgb), texture_etc.test(rgb)]
    assert not any(trace.found for trace in (*with_sample, *without))
    assert [trace.log10_nfa for trace in with_sample] == [trace.log10_nfa for trace in without]
