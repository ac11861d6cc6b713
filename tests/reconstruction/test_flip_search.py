"""Sets of flips gone through one after another, against the coefficients that were there."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from forensics.history.jpeg.planes import coefficients
from forensics.reconstruction import flip_search
from forensics.reconstruction.blocks import ROUNDED, SEARCHED, fit_blocks
from forensics.reconstruction.flip_search import search_flips
from forensics.reconstruction.sample_search import search_known
from tests.reconstruction.test_blocks import blocks, shown


def not_rounded(quality: int, count: int) -> tuple[np.ndarray, object]:
    samples, quantiser = blocks(quality, count, seed=4)
    samples = samples[((samples > 0) & (samples < 255)).all(axis=1)]
    _, status = fit_blocks(samples, samples, quantiser, width=0)
    return samples[status != ROUNDED], quantiser


@pytest.mark.parametrize("quality", [95, 98, 100])
def test_what_is_found_decodes_to_the_very_samples(quality):
    samples, quantiser = not_rounded(quality, 120)
    assert len(samples) >= 5
    found, fits = search_flips(samples, quantiser, 2_000_000)
    assert fits.mean() > 0.8
    np.testing.assert_array_equal(shown(found[fits], quantiser), samples[fits])
    assert not found[~fits].any()


def test_the_naive_search_of_three_flips_finds_no_others():
    samples, quantiser = not_rounded(95, 200)
    found, fits = search_flips(samples, quantiser, 2_000_000)
    compared = 0
    for given, own, fit in list(zip(samples, found, fits, strict=True))[:6]:
        off = coefficients(given[None].astype(np.float32))[0] / quantiser.table
        start = np.rint(off)
        near = np.argsort(-np.abs(off - start))[:12]
        several = []
        for number in (1, 2, 3):
            for places in map(list, combinations(near, number)):
                trial = start.copy()
                trial[places] += np.where(off[places] >= start[places], 1, -1)
                several.append(trial)
        sets = np.array(several, np.int16)
        same = (shown(sets, quantiser) == given).all(axis=1)
        if same.any():
            assert fit
            assert (sets[same] == own).all(axis=1).any()
            compared += 1
    assert compared >= 3


def test_noise_that_was_never_quantised_is_not_explained_by_coarse_steps():
    noise = np.random.default_rng(1).integers(40, 216, (20, 64), dtype=np.uint8)
    _, quantiser = blocks(90, 1)
    assert not search_flips(noise, quantiser, 100_000)[1].any()


def test_no_more_sets_than_allowed_are_gone_through():
    samples, quantiser = not_rounded(100, 120)
    few = search_flips(samples, quantiser, 50)[1].sum()
    assert few < search_flips(samples, quantiser, 500_000)[1].sum()


def test_few_blocks_are_searched_on_however_many_are_left():
    samples, quantiser = not_rounded(99, 300)
    status = fit_blocks(samples, samples, quantiser, width=1)[1]
    lost = samples[status > SEARCHED][:8]
    assert len(lost) == 8
    found, status = search_known(lost, lost, quantiser, 1, lost.astype(np.float32))
    assert (status <= SEARCHED).sum() >= 7
    np.testing.assert_array_equal(shown(found[status <= SEARCHED], quantiser), lost[status <= SEARCHED])


def test_the_kernel_does_the_same_uncompiled():
    lines = [np.zeros(64, np.float32), np.zeros(64, np.float32)]
    before, wave = np.random.default_rng(2).normal(0, 1, (2, 64)).astype(np.float32)
    worst = [one(before, np.float32(3), wave, out) for one, out in zip(
        (flip_search._moved, flip_search._moved.py_func), lines, strict=True)]  # fmt: skip
    np.testing.assert_allclose(*lines, rtol=1e-6)
    assert worst[0] == pytest.approx(np.abs(before - 3 * wave).max(), rel=1e-6)
    assert worst[0] == pytest.approx(worst[1], rel=1e-6)
