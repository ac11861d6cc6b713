"""Periodic lines of resizing: found with their frequency, absent without it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from forensics_features import resampling
from PIL import Image
from scipy import stats


def scene(side: int, seed: int = 0) -> np.ndarray:
    """Noise with a 1 / f spectrum and some sensor noise, `np.ndarray [shape=(side, side), dtype=uint8]`."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) / (radius + 0.01) ** 1.2, s=(side, side))
    return np.clip(128 + 32 * noise / noise.std() + rng.normal(0, 2, noise.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("factor", "kernel"),
    [
        (0.9, Image.Resampling.BILINEAR),
        (0.9, Image.Resampling.BICUBIC),
        (1.3, Image.Resampling.LANCZOS),
        (1.25, Image.Resampling.BICUBIC),
    ],
)
def test_reductions_and_enlargements_leave_a_line(factor, kernel):
    side = round(600 * factor)
    line = resampling.strongest_line(np.asarray(Image.fromarray(scene(600)).resize((side, side), kernel), np.float32))
    assert line.log10_nfa < -2
    assert min(abs(one - factor) for one in resampling.factors(line.frequency)) < 0.02


@pytest.mark.parametrize("seed", range(6))
def test_what_was_not_resized_has_none(seed):
    assert resampling.strongest_line(scene(400, seed).astype(np.float32)).log10_nfa > -2


def test_flat_and_small_pictures_have_none():
    assert resampling.strongest_line(np.full((64, 64), 7, np.float32)).log10_nfa > -2
    assert resampling.strongest_line(scene(64).astype(np.float32)).log10_nfa > -2


def test_the_tail_of_two_exponentials_is_scipys():
    for value in (0.0, 0.5, 3.0, 40.0):
        assert resampling._log10_gamma_tail(value) == pytest.approx(math.log10(stats.gamma.sf(value, 2)), abs=1e-12)


def test_measures_are_those_of_a_naive_loop():
    luma = scene(64).astype(np.float32)
    second = [[abs(luma[y, x - 1] - 2 * luma[y, x] + luma[y, x + 1]) for x in range(1, 63)] for y in range(64)]
    found = resampling._profiles(luma)
    assert found["unpredictable share"][0] == pytest.approx(1 - np.exp(-np.array(second)).mean(axis=0), rel=1e-5)
    assert found["logarithm"][0] == pytest.approx(np.exp(np.log(np.array(second) + 0.5).mean(axis=0)), rel=1e-5)
    assert found["logarithm"][1] == pytest.approx(resampling._profiles(luma.T.copy())["logarithm"][0], rel=1e-5)
