"""Kernels of the grid's votes against naive twins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import dctn

from forensics.history.traces.grid_phase import NO_VOTE, ZERO_BELOW, vote_map, zero_counts


def _scene(height, width, seed):
    """Noise of a few levels on a slope, a flat part and one that changes along rows alone: ties and constant blocks.

    Not whole levels, of which some coefficients are `ZERO_BELOW` exactly.
    """
    rng = np.random.default_rng(seed)
    plane = 100 + np.arange(width) / 3 + rng.normal(0, 1.2, (height, width))
    plane[: height // 3, : width // 3] = 90
    plane[-height // 3 :, -width // 3 :] = plane[-1, -width // 3 :]
    return plane.astype(np.float32)


def _naive(plane):
    height, width = plane.shape[0] - 7, plane.shape[1] - 7
    zeros, constant = np.empty((height, width), int), np.empty((height, width), bool)
    for y in range(height):
        for x in range(width):
            small = np.abs(dctn(plane[y : y + 8, x : x + 8], norm="ortho")) < ZERO_BELOW
            zeros[y, x] = small.sum() - small[0, 0]
            constant[y, x] = small[1:].all() or small[:, 1:].all()
    return zeros, constant


@pytest.mark.parametrize("shape", [(8, 8), (16, 19), (33, 26)])
def test_zeros_and_constant_blocks(shape):
    plane = _scene(*shape, seed=shape[1] + 1)
    zeros, constant = zero_counts(plane)
    expected = _naive(plane)
    assert np.array_equal(zeros, expected[0])
    assert np.array_equal(constant, expected[1])


def test_every_pixel_votes_for_the_block_with_most_zeros():
    plane = np.rint(_scene(40, 37, seed=2))
    zeros, constant = zero_counts(plane)
    votes = vote_map(plane)
    seen = set()
    for y in range(40):
        for x in range(37):
            if not (7 <= y < 33 and 7 <= x < 30):
                assert votes[y, x] == NO_VOTE
                continue
            around = zeros[y - 7 : y + 1, x - 7 : x + 1]
            winners = np.argwhere(around == around.max())
            top, left = winners[0] + np.array([y - 7, x - 7])
            lone = len(winners) == 1 and not constant[top, left]
            assert votes[y, x] == (top % 8 * 8 + left % 8 if lone else NO_VOTE)
            seen.add(lone)
    assert seen == {True, False}
