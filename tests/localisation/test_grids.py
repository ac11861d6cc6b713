"""Grid votes on real JPEG files, and their likelihood against one written out."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from forensics.history.traces.grid_phase import vote_map
from forensics.localisation.grids import AGREEMENT, clear_grids, grid_likelihoods, window_votes


def texture(height: int, width: int, seed: int = 1) -> np.ndarray:
    """Coloured noise with detail at several scales, uint8 RGB."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for scale, gain in ((1, 12), (4, 14), (16, 25)):
        small = rng.normal(0, gain, (height // scale + 2, width // scale + 2, 3))
        total += np.kron(small, np.ones((scale, scale, 1)))[:height, :width]
    return np.clip(128 + total, 0, 255).astype(np.uint8)


def through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG", quality=quality)
    return np.asarray(Image.open(stream))


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_every_window_of_a_cropped_jpeg_votes_for_its_grid(quality):
    pixels = through_jpeg(texture(152, 168), quality)[3:, 6:]
    votes = window_votes(pixels, [0, 40, 80], [0, 50, 98], 64, 64, 1)
    assert votes.shape == (3, 3, 64)
    best = grid_likelihoods(votes)
    assert (best.argmax(axis=2) == 8 * 5 + 2).all()
    assert best.max(axis=2).min() > 8
    assert clear_grids(best, np.ones((3, 3), bool)) == [42]
    assert clear_grids(best, np.zeros((3, 3), bool)) == []


def test_two_grids_come_in_the_order_of_their_windows():
    pixels = through_jpeg(texture(128, 192), 75)
    pixels = np.hstack([pixels, through_jpeg(texture(136, 80, 2), 85)[5:133, 3:75]])
    likelihoods = grid_likelihoods(window_votes(pixels, [0, 64], [0, 32, 64, 96, 128, 200], 64, 64, 2))
    assert clear_grids(likelihoods, np.ones((2, 6), bool)) == [0, 8 * 3 + (192 + 5) % 8]


def test_uncompressed_windows_have_no_clear_grid():
    likelihoods = grid_likelihoods(window_votes(texture(128, 128), [0, 32, 64], [0, 32, 64], 64, 64, 1))
    assert likelihoods.max() < 0


def test_strips_vote_as_the_whole_picture_does():
    pixels = through_jpeg(texture(560, 64), 80)[5:]
    whole = vote_map(pixels @ np.array([0.299, 0.587, 0.114], np.float32))
    tops = [0, 300, 480, 491]
    votes = window_votes(pixels, tops, [0], 64, 64, 2)
    for index, top in enumerate(tops):
        window = whole[top : top + 64, :64]
        assert votes[index, 0].tolist() == [int((window == origin).sum()) for origin in range(64)]


def test_likelihood_written_out():
    counts = np.random.default_rng(4).integers(0, 200, 64)
    counts[9] = 3000
    found = grid_likelihoods(counts)
    trials = counts.sum() / 64
    for origin in range(64):
        mine = counts[origin] / 64
        expected = mine * math.log(AGREEMENT / (1 / 64)) + (trials - mine) * math.log((1 - AGREEMENT) / (63 / 64))
        assert found[origin] == pytest.approx(expected)
    assert (grid_likelihoods(np.zeros(64, int)) == 0).all()
