"""Coefficients of single blocks: rounding, clipped samples, search, and what seeing through the triangle filter
allows.
"""

from __future__ import annotations

import numpy as np
import pytest

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.history.jpeg.planes import DCT_8
from forensics.reconstruction.acceptance import H2V1, H2V2, accepts
from forensics.reconstruction.blocks import OPEN, ROUNDED, SEARCHED, Quantiser, fit_blocks, out_of_reach
from forensics.reconstruction.chroma_samples import propagated_bounds, shared_bounds, stored_estimate
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.upsampling import upsample


def blocks(quality: int, count: int, seed: int = 0, *, level: float = 0.0) -> tuple[np.ndarray, Quantiser]:
    """Samples of random blocks, uint8 [count, 64], and their table."""
    rng = np.random.default_rng(seed)
    table = scaled_table(TABLE_FAMILIES["standard"][0], quality).ravel()
    spread = 90 / (1 + np.add.outer(np.arange(8), np.arange(8)).ravel()) ** 1.3
    values = np.rint((rng.laplace(0, spread, (1, count, 64)) + level * (np.arange(64) == 0)) / table).astype(np.int16)
    quantiser = Quantiser.of(table, ISLOW)
    plane = stored_samples(values, quantiser)
    return np.ascontiguousarray(plane.reshape(8, count, 8).swapaxes(0, 1).reshape(count, 64)), quantiser


def shown(coefficients: np.ndarray, quantiser: Quantiser) -> np.ndarray:
    plane = stored_samples(coefficients[None], quantiser)
    return plane.reshape(8, len(coefficients), 8).swapaxes(0, 1).reshape(-1, 64)


@pytest.mark.parametrize(("quality", "least"), [(50, 1.0), (75, 1.0), (90, 0.98), (95, 0.98), (98, 0.95), (100, 0.7)])
def test_what_is_settled_decodes_to_the_very_samples(quality, least):
    samples, quantiser = blocks(quality, 150)
    coefficients, status = fit_blocks(samples, samples, quantiser)
    settled = status <= SEARCHED
    np.testing.assert_array_equal(shown(coefficients, quantiser)[settled], samples[settled])
    assert settled.mean() >= least


def test_the_search_settles_what_rounding_does_not():
    samples, quantiser = blocks(97, 150, 1)
    rounded = fit_blocks(samples, samples, quantiser, width=0)[1] == ROUNDED
    searched = fit_blocks(samples, samples, quantiser)[1]
    assert rounded.mean() < 0.6
    assert (searched <= SEARCHED).mean() > 0.9
    assert (searched[rounded] == ROUNDED).all()


@pytest.mark.parametrize("quality", [75, 95, 100])
def test_blocks_out_of_reach_are_none_that_a_decoder_gave(quality):
    samples, quantiser = blocks(quality, 300, 3)
    centers = samples.astype(np.float32)
    assert not out_of_reach(samples, samples, centers, quantiser).any()
    spread = np.random.default_rng(0).integers(-1, 2, samples.shape)
    low, high = np.clip(samples - 1, 0, 255).astype(np.uint8), np.clip(samples + 1, 0, 255).astype(np.uint8)
    assert not out_of_reach(low, high, np.clip(centers + spread, low, high), quantiser).any()


def test_blocks_out_of_reach_are_far_from_the_multiples_and_hold_no_open_sample():
    samples, quantiser = blocks(75, 300, 4)
    centers = samples.astype(np.float32)
    moved = np.clip(samples + np.random.default_rng(0).integers(-6, 7, samples.shape), 1, 254).astype(np.uint8)
    far = out_of_reach(moved, moved, moved.astype(np.float32), quantiser)
    waves = np.kron(DCT_8, DCT_8)
    off = (moved.astype(np.float64) - 128) @ waves.T / quantiser.table
    distance = np.sqrt(((off - np.rint(off)) ** 2 * quantiser.table**2).sum(axis=1))
    np.testing.assert_array_equal(far[distance < 4], False)
    np.testing.assert_array_equal(far[distance > 4.5], True)
    assert far.mean() > 0.9
    open_ = moved.copy()
    open_[:, 5] = 255
    assert not out_of_reach(open_, open_, open_.astype(np.float32), quantiser).any()
    one = np.eye(64)[9] * quantiser.table[9] / 2
    bent = np.clip(centers + one @ waves, 1, 254)
    inside = ((samples > 40) & (samples < 215)).all(axis=1)
    whole = np.rint(bent[inside]).astype(np.uint8)
    assert not out_of_reach(whole, whole, bent[inside], quantiser, freed=1).any()


def test_clipped_samples_are_bounds_and_not_values():
    samples, quantiser = blocks(75, 150, 2, level=700)
    clipped = (samples == 255).any(axis=1)
    assert clipped.mean() > 0.3
    coefficients, status = fit_blocks(samples, samples, quantiser)
    settled = status <= SEARCHED
    assert settled.mean() > 0.9
    np.testing.assert_array_equal(shown(coefficients, quantiser)[settled], samples[settled])


def test_unknown_samples_leave_freedom_and_known_ones_hold():
    samples, quantiser = blocks(75, 80, 3)
    lo, hi = samples.copy(), samples.copy()
    lo[:, 56:], hi[:, 56:] = 0, 255
    coefficients, status = fit_blocks(lo, hi, quantiser)
    settled = status <= SEARCHED
    again = shown(coefficients, quantiser)[settled]
    np.testing.assert_array_equal(again[:, :56], samples[settled][:, :56])
    assert settled.mean() > 0.25


def test_noise_that_was_never_quantised_is_open():
    rng = np.random.default_rng(4)
    samples = rng.integers(60, 190, (60, 64)).astype(np.uint8)
    quantiser = blocks(75, 1)[1]
    assert (fit_blocks(samples, samples, quantiser)[1] == OPEN).all()


def test_one_changed_sample_is_enough():
    samples, quantiser = blocks(75, 60, 5)
    samples = np.clip(samples, 3, 252)
    first = fit_blocks(samples, samples, quantiser)[1]
    samples[:, 27] += 3
    second = fit_blocks(samples, samples, quantiser)[1]
    assert (second[first <= SEARCHED] == OPEN).all()


@pytest.mark.parametrize(("factors", "mode"), [((1, 2), H2V1), ((2, 2), H2V2)])
def test_samples_seen_through_the_triangle_filter(factors, mode):
    samples, _ = blocks(80, 9, 6)
    plane = np.concatenate(
        [np.concatenate(list(row.reshape(3, 8, 8)), axis=1) for row in samples.reshape(3, 192)], axis=0
    )
    full = upsample(plane, factors, "triangle", (24 * factors[0], 24 * factors[1]))
    own = np.ascontiguousarray(full[8 * factors[0] : 16 * factors[0], 8 * factors[1] : 16 * factors[1]]).ravel()
    middle = samples[4].astype(np.int64)
    unused = np.empty(64, np.uint8)
    assert accepts(middle, unused, unused, own, own, mode)
    for place in (9, 27, 54):
        other = middle.copy()
        other[place] += 3
        assert not accepts(other, unused, unused, own, own, mode)


@pytest.mark.parametrize("factors", [(1, 2), (2, 1), (2, 2)])
def test_stored_chroma_comes_back_through_the_triangle_filter(factors):
    rng = np.random.default_rng(7)
    noise = rng.normal(128, 12, (40, 48))
    stored = np.clip((noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 3, 0, 255).astype(np.uint8)
    full = upsample(stored, factors, "triangle", (40 * factors[0], 48 * factors[1]))
    estimate = stored_estimate(full.astype(np.float32), factors, "triangle")
    assert np.abs(estimate - stored).max() < 1.6
    assert np.abs(estimate - stored).mean() < 0.35
    lo, hi = propagated_bounds(estimate, full, full, factors, np.arange(30), around=4)
    own = stored.reshape(5, 8, 6, 8).swapaxes(1, 2).reshape(30, 64)
    assert ((lo <= own) & (own <= hi)).all()
    assert (hi.astype(int) - lo).mean() < 3


def test_least_squares_agree_with_a_dense_solution():
    rng = np.random.default_rng(8)
    count = 11
    matrix = np.zeros((2 * count, count))
    for i in range(count):
        matrix[2 * i, [i, max(i - 1, 0)]] += [0.75, 0.25] if i else [0.75, 0]
        matrix[2 * i + 1, [i, min(i + 1, count - 1)]] += [0.75, 0.25] if i < count - 1 else [0.75, 0]
    matrix[0, 0] = matrix[-1, -1] = 1
    full = rng.normal(0, 20, (2 * count, 4)).astype(np.float32)
    expected = np.linalg.lstsq(matrix, full, rcond=None)[0]
    np.testing.assert_allclose(stored_estimate(full, (2, 1), "triangle"), expected, atol=1e-4)


def test_repeated_samples_share_their_bounds():
    lo = np.array([[3, 4], [5, 2]], np.uint8)
    hi = np.array([[9, 8], [7, 9]], np.uint8)
    low, high = shared_bounds(lo, hi, (2, 2))
    assert (int(low[0, 0]), int(high[0, 0])) == (5, 7)


def test_kernels_do_the_same_uncompiled():
    from forensics.reconstruction.block_search import WAVES, ideal_samples, transformed

    rng = np.random.default_rng(9)
    values, work, out, back = rng.normal(0, 50, 64), np.empty(64), np.empty(64), np.empty(64)
    for function in (transformed, transformed.py_func):
        function(values, DCT_8, work, out)
        np.testing.assert_allclose(out.reshape(8, 8), DCT_8 @ values.reshape(8, 8) @ DCT_8.T, atol=1e-9)
    ideal_samples(out, DCT_8, work, back)
    np.testing.assert_allclose(back, values, atol=1e-9)
    np.testing.assert_allclose(out @ WAVES, values, atol=1e-3)
