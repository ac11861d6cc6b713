"""All blocks of an MCU together: against the file's own chroma, with everything around it known."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction.blocks import Quantiser
from forensics.reconstruction.coded import DECODERS, CodedPicture, Component, decode, full_size, stored_samples
from forensics.reconstruction.colour import LIBJPEG_TURBO
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.lattice_beam import of_last, of_rows
from forensics.reconstruction.layout import blocks_of
from forensics.reconstruction.unit_search import search_units

STEPS = np.add.outer(np.arange(8), np.arange(8)).ravel() * 3 + 6


def picture(seed: int, factors: tuple[int, int]) -> CodedPicture:
    """Three by three MCUs of a bright colour, so that two channels of most pixels are clipped."""
    rng = np.random.default_rng(seed)
    components = []
    for k, (down, across) in enumerate([factors, (1, 1), (1, 1)]):
        coefficients = np.rint(rng.normal(0, 1, (3 * down, 3 * across, 64)) * 30 / STEPS).astype(np.int16)
        coefficients[..., 0] = np.rint(rng.normal((560, 240, 240)[k], 30, coefficients.shape[:2]) / STEPS[0])
        components.append(Component(coefficients, STEPS))
    high, wide = 24 * factors[0], 24 * factors[1]
    return CodedPicture(high, wide, tuple(components), factors, "ycbcr")


@pytest.mark.parametrize("factors", [(1, 1), (1, 2), (2, 2)])
def test_an_mcu_under_two_clipped_channels_is_found(factors):
    shown = 0
    for seed in range(3):
        coded = picture(seed, factors)
        rgb = decode(coded, DECODERS[0])
        assert ((rgb == 0) | (rgb == 255)).any(axis=2).mean() > 0.5
        quantisers = [Quantiser.of(STEPS, ISLOW)] * 3
        planes = [stored_samples(c.coefficients, q) for c, q in zip(coded.components, quantisers, strict=True)]
        stored, luma = np.stack(planes[1:]), planes[0].copy()
        rng = np.random.default_rng(seed)
        for plane, high, wide in ((luma, 8 * factors[0], 8 * factors[1]), (stored[0], 8, 8), (stored[1], 8, 8)):
            part = np.s_[high : 2 * high, wide : 2 * wide]
            plane[part] = np.clip(plane[part] + rng.normal(0, 6, (high, wide)), 0, 255)
        known = np.ones((3, 3), bool)
        known[1, 1] = False
        coefficients, found = search_units(
            rgb, luma, np.ones(rgb.shape[:2], bool), stored, known, np.array([[1, 1]]), factors, quantisers,
            LIBJPEG_TURBO,
        )  # fmt: skip
        if found[0]:
            shown += 1
            assert known.all()
            for k in (1, 2):
                mine = coded.components[k].coefficients.copy()
                mine[1, 1] = coefficients[k - 1, 0]
                np.testing.assert_array_equal(stored[k - 1], stored_samples(mine, quantisers[k]))
                assert (mine == coded.components[k].coefficients).mean() > 0.9
            assert full_size(mine, quantisers[2], factors, DECODERS[0].upsampling, rgb.shape[:2]).shape == luma.shape
    assert shown >= 2


def test_the_last_blocks_alone_are_those_of_both_where_everything_is_known():
    rng = np.random.default_rng(4)
    quantisers = [Quantiser.of(STEPS, ISLOW), Quantiser.of(STEPS + 2, ISLOW)]
    true = np.rint(rng.normal(0, 0.8, (2, 64))).astype(np.int16)
    samples = np.concatenate(
        [blocks_of(stored_samples(t[None, None], q)) for t, q in zip(true, quantisers, strict=True)]
    )
    weights = np.vstack([np.eye(128), np.hstack([np.eye(64), 0.7 * np.eye(64)])])
    values = weights @ (samples.ravel().astype(np.float64) - 128)
    problem = weights, values, np.full(len(values), 0.4), np.zeros(128), quantisers
    both = of_rows(*problem, drift=60.0).nearest(4)[0]
    np.testing.assert_array_equal(both, true.ravel())
    last = of_last(*problem, drift=60.0, about=both[:64].astype(np.float64)).nearest(4)[0]
    np.testing.assert_array_equal(last, true[1])
