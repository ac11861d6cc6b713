"""The parts of JPEG recovery against obvious twins: likelihoods, planes, upsampling, posterior."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.history.jpeg import chroma as jpeg_chroma
from forensics.history.jpeg import comb as jpeg_comb
from forensics.history.jpeg import planes as jpeg_planes
from forensics.history.jpeg import steps as jpeg_steps


def test_coefficients_are_scipys_orthonormal_dct() -> None:
    blocks = np.random.default_rng(0).integers(0, 256, (5, 8, 8)).astype(np.float32)
    twin = scipy.fft.dctn(blocks - 128.0, axes=(1, 2), norm="ortho").reshape(5, 64)
    np.testing.assert_allclose(jpeg_planes.coefficients(blocks.reshape(5, 64)), twin, atol=2e-3)


def test_decoder_integers_come_back_from_rgb() -> None:
    """libjpeg's conversion, channel by channel, on every value that is not clipped."""
    rng = np.random.default_rng(1)
    y, cb, cr = rng.integers(0, 256, (3, 300, 300)).astype(np.float64)
    red, blue = y + np.rint(1.402 * (cr - 128)), y + np.rint(1.772 * (cb - 128))
    green = y + np.rint(-0.344136 * (cb - 128) - 0.714136 * (cr - 128))
    rgb = np.stack([red, green, blue], axis=2)
    whole = ((rgb > 0) & (rgb < 255)).all(axis=2)
    tile = jpeg_planes.decoder_tile(np.clip(rgb, 0, 255).astype(np.uint8))
    assert whole.sum() > 1000
    for found, truth in ((tile.y, y), (tile.cb, cb), (tile.cr, cr)):
        np.testing.assert_array_equal(found[whole], truth[whole])
    np.testing.assert_array_equal(tile.usable, whole)


def naive_log_ratio(x: float, step: int) -> float:
    """r_q of the module's docstring for |x| outside both zero cells."""
    s = 12**-0.5
    density = sum(math.exp(-0.5 * ((x - k * step) / s) ** 2) / (s * math.sqrt(2 * math.pi)) for k in range(1, 400))
    return math.log(0.98 * step * density + 0.02)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 40])
def test_likelihoods_are_the_sum_of_each_coefficients(step: int) -> None:
    bins = (np.random.default_rng(step).integers(20, 600, 50) + 0.5) * 0.125
    values = (bins * np.where(np.arange(50) % 2, 1, -1)).astype(np.float32)[:, None]
    twin = sum(naive_log_ratio(float(abs(v)), step) for v in values[:, 0])
    assert jpeg_comb.ac_likelihoods(values)[0, step - 1] == pytest.approx(twin, rel=1e-4, abs=1e-3)


def test_ratios_are_e_values_without_quantisation() -> None:
    """Under a smooth density the mean of r_q is at most one, whatever the step."""
    values = np.random.default_rng(5).laplace(scale=20, size=(200_000, 1)).astype(np.float32)
    for step in (1, 2, 3, 5, 11, 30):
        table = jpeg_comb.log_ratios(jpeg_comb.ac_bins(255), 255, jpeg_comb.ROUNDING, False)[:, step - 1]
        counts = jpeg_comb.magnitude_counts(values, len(table))[0]
        assert float((counts * np.exp(table)).sum() / counts.sum()) < 1.03


@pytest.mark.parametrize("step", [2, 3, 5, 12, 30])
def test_the_largest_step_that_explains_the_data_wins(step: int) -> None:
    rng = np.random.default_rng(step)
    values = step * np.rint(rng.laplace(scale=1.5 * step, size=400) / step) + rng.normal(0, 12**-0.5, 400)
    assert jpeg_comb.ac_likelihoods(values.astype(np.float32)[:, None])[0].argmax() + 1 == step
    dc = step * rng.integers(-900 // step, 900 // step, 300) + rng.normal(0, 12**-0.5, 300)
    assert jpeg_comb.dc_likelihoods(dc.astype(np.float32)).argmax() + 1 == step


def test_without_coefficients_nothing_is_identified() -> None:
    estimate = jpeg_steps.estimate_steps(np.zeros((64, 255)), 0, np.zeros(64, np.int64))
    assert not estimate.identified.any()
    assert ((estimate.reliability > 0) & (estimate.reliability <= 1)).all()


def test_one_deviating_entry_does_not_cost_the_family() -> None:
    table = scaled_table(TABLE_FAMILIES["standard"][0], 70).ravel().astype(np.int64)
    table[9] = 23
    likelihoods = np.full((64, 255), -200.0)
    likelihoods[np.arange(64), table - 1] = 100.0
    estimate = jpeg_steps.estimate_steps(likelihoods, 0, np.full(64, 50))
    np.testing.assert_array_equal(estimate.steps, table)
    assert estimate.identified.all()
    match = jpeg_steps.match_tables(jpeg_steps.table_evidence(likelihoods, 0) + jpeg_steps.log_prior())
    assert (match.family, match.quality) == ("standard", 70)


def naive_triangle(stored: np.ndarray) -> np.ndarray:
    """libjpeg's h2v1 filter along one row, before rounding."""
    out = []
    for i, sample in enumerate(stored):
        left, right = stored[max(i - 1, 0)], stored[min(i + 1, len(stored) - 1)]
        out += [(3 * sample + left) / 4, (3 * sample + right) / 4]
    return np.array(out)


def test_upsampling_is_libjpegs_triangle() -> None:
    row = np.random.default_rng(2).integers(0, 256, 20).astype(np.float64)
    np.testing.assert_allclose(jpeg_chroma.upsampled(row[None], (1, 2), "triangle")[0], naive_triangle(row))


@pytest.mark.parametrize("factors", [(1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("kind", ["triangle", "repeat"])
def test_stored_samples_come_back(factors: tuple[int, int], kind: str) -> None:
    stored = np.random.default_rng(3).integers(0, 256, (24, 30)).astype(np.float64)
    full = jpeg_chroma.upsampled(stored, factors, kind)
    assert full.shape == (24 * factors[0], 30 * factors[1])
    np.testing.assert_allclose(jpeg_chroma.stored_samples(full, factors, kind), stored, atol=1e-3)
    rounded = jpeg_chroma.stored_samples(np.rint(full), factors, kind)
    assert np.abs(rounded - stored).std() < 0.5


def test_lively_keeps_blocks_that_vary_along_both_axes() -> None:
    flat, rows, both = np.zeros((3, 64), np.float32)
    rows[8:64:8] = 20
    both[9] = 20
    np.testing.assert_array_equal(jpeg_planes.lively(np.stack([flat, rows, both])), both[None])


@pytest.mark.parametrize("factors", [(1, 2), (2, 2)])
def test_noise_of_stored_samples_against_sampling(factors: tuple[int, int]) -> None:
    stored = np.random.default_rng(4).uniform(20, 230, (256, 256))
    whole = np.rint(stored)
    full = np.rint(jpeg_chroma.upsampled(whole, factors, "triangle"))
    error = (jpeg_chroma.stored_samples(full, factors, "triangle") - stored)[8:-8, 8:-8]
    blocks = error.reshape(30, 8, 30, 8).swapaxes(1, 2).reshape(900, 64).astype(np.float32)
    seen = jpeg_planes.coefficients(blocks + 128).std(axis=0)
    predicted = jpeg_chroma.stored_noise(factors, "triangle")
    assert (seen < 1.35 * predicted).all()
    assert (predicted < 1.5 * seen).all()


def test_a_misread_chroma_table_does_not_overrule_luma():
    def likelihoods(steps):
        """A few coefficients at the steps of the first frequencies, none at the others."""
        own = np.zeros((64, 255))
        own[np.arange(len(steps)), steps - 1] = 30.0
        return own

    luma_table, chroma_table = (scaled_table(base, 10).ravel() for base in TABLE_FAMILIES["standard"])
    luma = jpeg_steps.table_evidence(likelihoods(luma_table[:16]), 0)
    right = jpeg_steps.table_evidence(likelihoods(chroma_table[:16]), 1)
    misread = jpeg_steps.table_evidence(likelihoods(np.random.default_rng(1).integers(1, 4, 64)), 1)
    prior = jpeg_steps.log_prior()
    assert jpeg_steps.match_tables(prior + luma + misread).quality > 90
    match = jpeg_steps.match_tables(prior + luma + jpeg_steps.beside_luma(misread))
    assert (match.quality, match.family) == (10, "standard")
    assert misread[match.index] < misread[-1]
    match = jpeg_steps.match_tables(prior + luma + jpeg_steps.beside_luma(right))
    assert match.quality == 10
    assert right[match.index] > right[-1]
