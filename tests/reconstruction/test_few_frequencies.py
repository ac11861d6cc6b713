"""Blocks that hold few frequencies: flat along an axis, where rounding is no noise."""

from __future__ import annotations

import numpy as np

from forensics.reconstruction.acceptance import DIRECT
from forensics.reconstruction.blocks import SEARCHED, Quantiser
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.few_frequencies import sets_of_few
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.lattice_beam import first_decoding, of_samples
from forensics.reconstruction.layout import blocks_of
from forensics.reconstruction.sample_search import search_known

STEPS = np.maximum(np.add.outer(np.arange(8), np.arange(8)).ravel() // 4, 1)


def flat_along_an_axis(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of vertical frequencies alone, and samples."""
    rng = np.random.default_rng(seed)
    coefficients = np.zeros(64, np.int16)
    coefficients[::8] = rng.integers(-4, 5, 8)
    samples = blocks_of(stored_samples(coefficients[None, None], Quantiser.of(STEPS, ISLOW)))
    return coefficients, samples


def test_they_are_among_the_sets_and_come_out():
    quantiser = Quantiser.of(STEPS, ISLOW)
    for seed in range(12):
        _, samples = flat_along_an_axis(seed)
        values = samples[0].astype(np.float64) - 128

        def lattice_of(part, values=values):
            return of_samples(values, np.full(64, 12**-0.5), quantiser, drift=np.inf, among=part)

        some = list(sets_of_few(values + 128, 0.5, lattice_of))
        assert any(first_decoding(sets, ISLOW, quantiser.scaled, *[samples[0]] * 4, DIRECT) >= 0 for sets in some)
        assert all(not sets.reshape(-1, 8, 8)[:, :, 6:].any() for sets in some[:4])
        found, status = search_known(samples, samples, quantiser, 8, samples.astype(np.float32))
        assert status[0] <= SEARCHED
        np.testing.assert_array_equal(blocks_of(stored_samples(found[None], quantiser)), samples)


def test_parts_outside_which_the_samples_show_more_are_left_out():
    samples = np.random.default_rng(0).integers(0, 256, 64).astype(np.float64)
    assert not list(sets_of_few(samples, 0.5, lambda part: of_samples(
        samples - 128, np.full(64, 0.3), Quantiser.of(STEPS, ISLOW), drift=np.inf, among=part)))  # fmt: skip
