"""Tables of free steps read from blocks with clipped samples."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction import clipped_tables
from forensics.reconstruction.acceptance import DIRECT
from forensics.reconstruction.blocks import Quantiser
from forensics.reconstruction.clipped_tables import clipped_steps
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.layout import blocks_of
from forensics.reconstruction.reconstruct import judged, prepare
from forensics.reconstruction.sampled import Tried
from tests.reconstruction.scenes import drawing, jpeg_file, real_decoding, scene


def adapted(seed: int, least: int, most: int) -> np.ndarray:
    """Steps of no family, as encoders have that adapt them to the picture."""
    return np.random.default_rng(seed).integers(least, most + 1, 64)


def shown(lo: np.ndarray, hi: np.ndarray | None = None) -> Tried:
    hi = lo if hi is None else hi
    return Tried(lo.astype(np.float32), lo, hi, DIRECT, np.zeros(lo.shape, np.float32))


def decoded(table: np.ndarray, seed: int = 0) -> np.ndarray:
    return real_decoding(jpeg_file(drawing(seed), 50, qtables=[table.tolist()]))


@pytest.mark.parametrize(("least", "most"), [(5, 12), (12, 40), (20, 90)])
@pytest.mark.parametrize("seed", [0, 1])
def test_steps_of_no_family_are_read_from_a_drawing_on_white(seed, least, most):
    table = adapted(seed, least, most)
    blocks = blocks_of(decoded(table, seed))
    found = clipped_steps(shown(blocks))
    assert found.settled == found.blocks
    assert (found.table != table).sum() <= 2  # of frequencies that few blocks hold
    # Hardly any of its blocks is whole.
    varied = clipped_tables._of_use(shown(blocks)).lo
    assert ((varied > 0) & (varied < 255)).all(axis=1).mean() < 0.2


def test_nothing_is_read_where_nothing_was_quantised_on_this_grid():
    source = drawing(2)
    coded = decoded(adapted(2, 8, 30), 2)
    noisy = np.clip(coded + np.random.default_rng(0).integers(-2, 3, coded.shape), 0, 255).astype(np.uint8)
    for pixels in (source, np.ascontiguousarray(coded[8 - 3 :, 8 - 5 :][:152, :200]), noisy, np.full_like(coded, 255)):
        blocks = blocks_of(pixels)
        assert clipped_steps(shown(blocks)) is None


def test_bounds_under_clipped_colours_leave_the_standard_tables():
    pixels = real_decoding(jpeg_file(scene(5, 128, 160)[..., 1], 40)).astype(int)
    blocks = blocks_of(pixels.astype(np.uint8))
    lo, hi = blocks.copy(), blocks.copy()
    open_ones = np.random.default_rng(0).random(blocks.shape) < 0.4
    lo[open_ones], hi[open_ones] = np.maximum(lo[open_ones] - 40.0, 1), np.minimum(hi[open_ones] + 40.0, 254)
    found = clipped_steps(shown(lo, hi))
    assert found.settled >= 0.9 * found.blocks
    table = clipped_tables.candidates().tables[4 * (40 - 1), 0]
    assert (found.table != table).sum() <= 3


def test_a_drawing_with_steps_of_no_family_is_given_back():
    assert judged(prepare(decoded(adapted(3, 8, 24), 3))).exact


def test_likelihoods_are_those_of_each_coefficients_own_noise():
    rng = np.random.default_rng(1)
    values, noise = rng.normal(0, 30, (5, 64)), rng.uniform(0.3, 3, (5, 64))
    found = clipped_tables._likelihoods(values, noise)
    for frequency, step in ((0, 7), (9, 1), (9, 16), (63, 200)):
        total = 0.0
        for n in range(5):
            size, sigma = abs(values[n, frequency]), noise[n, frequency]
            if frequency and size < 1.2 * 12**0.5 * sigma:
                continue
            multiple = max(round(size / step), 1 if frequency else 0)
            density = step / (sigma * (2 * np.pi) ** 0.5) * np.exp(-((size - multiple * step) ** 2) / (2 * sigma**2))
            total += np.log(0.95 * density + 0.05)
        np.testing.assert_allclose(found[frequency, step - 1], total, rtol=1e-9)


def test_a_coefficient_is_measured_as_if_it_alone_were_not_quantised():
    table = np.full(64, 10)
    chosen = np.zeros(64)
    chosen[[0, 1, 9]] = [3, -2, 1]
    waves = clipped_tables.WAVES.astype(float)
    true = chosen * table
    true[9] = 14.0  # not a multiple
    samples = (true @ waves)[None]
    whole = np.rint(samples + 128).astype(np.uint8)
    seen = clipped_tables._Seen(samples, np.full((1, 64), 0.3), np.ones(64), shown(whole))
    values, noise, fits = clipped_tables._measured(seen, Quantiser.of(table, ISLOW))
    np.testing.assert_allclose(values[0], true, atol=1e-4)
    # 4 of 14 levels are left in 64 samples of deviation 0.3.
    np.testing.assert_allclose(noise, 0.3 * 4 / 8 / 0.3, rtol=1e-5)
    assert not fits[0]
    chosen[9] = 2
    true[9] = 20.0
    whole = stored_samples(chosen.astype(np.int16)[None, None], Quantiser.of(table, ISLOW)).reshape(1, 64)
    seen = clipped_tables._Seen(whole - 128.0, np.full((1, 64), 0.3), np.ones(64), shown(whole))
    values, _, fits = clipped_tables._measured(seen, Quantiser.of(table, ISLOW))
    np.testing.assert_array_equal(values[0], true)
    assert fits[0]


def test_bits_are_those_of_a_cell_against_the_samples_that_are_taken():
    lo = np.full((2, 64), 100, np.uint8)
    hi = lo.copy()
    hi[1, :2] = 103
    hi[1, 2] = lo[1, 2] = 255
    seen = clipped_tables._seen(shown(lo, hi), 4.0, np.full(64, 0.3), 0.0)
    beyond = np.log2((2 * np.pi * np.e * (16 * (1 - 2 / np.pi) + 0.09)) ** 0.5 + 1)
    np.testing.assert_allclose(clipped_tables._bits(np.full(64, 8), seen), [64 * 3 - 3, 64 * 3 - 3 - 2 * 2 - beyond])
