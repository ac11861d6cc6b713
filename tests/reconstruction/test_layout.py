"""Planes asked block by block."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from forensics.reconstruction.layout import all_in_blocks, and_beside, any_in_blocks, blocks_of


@pytest.mark.parametrize("sides", [(8, 8), (16, 16), (8, 32)])
@pytest.mark.parametrize("share", [0.0, 0.004, 0.996, 1.0])
def test_blocks_are_asked_as_their_samples_are(sides, share):
    mask = np.random.default_rng(0).random((64, 96)) < share
    blocks = blocks_of(mask, *sides)
    assert np.array_equal(any_in_blocks(mask, *sides).ravel(), blocks.any(axis=1))
    assert np.array_equal(all_in_blocks(mask, *sides).ravel(), blocks.all(axis=1))
    assert any_in_blocks(mask, *sides).shape == (64 // sides[0], 96 // sides[1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 56)])
def test_samples_beside_true_ones_are_those_of_a_dilation(shape):
    mask = np.random.default_rng(1).random(shape) < 0.05
    before = mask.copy()
    assert np.array_equal(and_beside(mask), ndimage.binary_dilation(mask, np.ones((3, 3), bool)))
    assert np.array_equal(mask, before)
