"""Blocks of known samples, searched to the end."""

from __future__ import annotations

import numpy as np

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES
from forensics.reconstruction import sample_search
from forensics.reconstruction.blocks import SEARCHED, Quantiser
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.inverse_transforms import IFAST
from forensics.reconstruction.layout import blocks_of
from forensics.reconstruction.sample_search import search_known


def test_blocks_of_the_fast_transform_lie_out_of_reach_of_rounding_and_come_out(monkeypatch):
    """Its samples lie levels beside the ideal ones where coefficients are large."""
    quantiser = Quantiser.of(TABLE_FAMILIES["standard"][0].ravel().astype(np.int64) // 2, IFAST)
    rng, coefficients = np.random.default_rng(0), np.zeros((40, 16, 64), np.int16)
    for block in coefficients.reshape(-1, 64):
        at = rng.permutation(np.arange(1, 64))[:14]
        block[at] = np.rint(rng.normal(0, 110, 14) / quantiser.table[at])
    samples = blocks_of(stored_samples(coefficients, quantiser))
    samples = samples[((samples > 0) & (samples < 255)).all(axis=1)]
    assert len(samples) > 200
    found, status = search_known(samples, samples, quantiser, 32, samples.astype(np.float32))
    assert (status <= SEARCHED).all()
    np.testing.assert_array_equal(blocks_of(stored_samples(found[None], quantiser)), samples)
    monkeypatch.setattr(sample_search, "_search_imprecise", lambda *arguments: None)
    assert (search_known(samples, samples, quantiser, 32, samples.astype(np.float32))[1] > SEARCHED).any()
