"""Blockiness profiles against plain loops, and their properties on made grids and real files."""

import numpy as np
from forensics_features import blockiness
from PIL import Image


def test_column_profiles_equal_plain_loops():
    plane = np.rint(np.random.default_rng(0).normal(scale=5, size=(9, 17))).astype(np.float32)
    ours = blockiness.column_profiles(plane)
    cap = blockiness._CAP
    for j in range(1, 15):
        a, b, c, d = (plane[:, j + k] for k in (-1, 0, 1, 2))
        expected = [
            np.minimum(abs(c - b), cap).mean(), np.minimum(abs(a - b - c + d), cap).mean(),
            np.minimum(abs(d - a + 3 * (b - c)), cap).mean(), (abs(c - b) < 0.5).mean(),
        ]  # fmt: skip
        np.testing.assert_allclose(ours[:, j - 1], expected, rtol=1e-5)


def grid(period, offset, seed=0):
    rng = np.random.default_rng(seed)
    tiles = rng.normal(scale=10, size=(40, 40)).repeat(period, 0).repeat(period, 1)
    plane = 128 + tiles[offset : offset + 256, offset : offset + 256] + rng.normal(scale=3, size=(256, 256))
    return np.clip(np.rint(plane), 0, 255).astype(np.uint8)


def test_each_period_answers_to_its_own_grid_whatever_the_crop():
    for period in (8, 16, 32):
        for offset in (0, 3, 7):
            facts = blockiness.blockiness_features(grid(period, offset))
            strengths = {p: facts[f"jump_period_{p}"] for p in blockiness.PERIODS}
            assert strengths[period] > 3 * strengths[64], (period, offset, strengths)


def test_noise_has_no_period():
    noise = np.random.default_rng(2).integers(0, 256, (256, 256), np.uint8)
    facts = blockiness.blockiness_features(noise)
    assert facts["edge_jump"] < 1.1
    assert abs(facts["jump_eight_over_rest"]) < 1.5


def test_transposition_changes_nothing():
    pixels = grid(8, 5)[:200]
    ours, turned = blockiness.blockiness_features(pixels), blockiness.blockiness_features(pixels.T)
    np.testing.assert_allclose(list(ours.values()), list(turned.values()), rtol=1e-5)


def test_flat_picture_is_defined():
    facts = blockiness.blockiness_features(np.full((64, 64, 3), 9, np.uint8))
    assert all(np.isnan(v) == name.startswith("chroma") for name, v in facts.items())


def test_jpeg_edges_stand_out(tmp_path):
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:256, :256]
    scene = 128 + 60 * np.sin(x / 17.0) * np.cos(y / 23.0) + rng.normal(scale=8, size=(256, 256))
    Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8)).save(tmp_path / "a.jpg", quality=30)
    with Image.open(tmp_path / "a.jpg") as picture:
        facts = blockiness.blockiness_features(np.asarray(picture)[3:, 5:])
    assert facts["edge_jump"] > 1.5
    assert facts["jump_eight_over_rest"] > 2
