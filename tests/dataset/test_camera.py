"""The camera simulation: demosaicing against loops, noise against its model, and determinism."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.dataset import camera
from forensics.dataset.camera import BAYER_PHASES, DEMOSAICINGS, Camera
from forensics.dataset.synthetic import synthesise
from forensics.errors import UsageError


def colour_at(phase: str, row: int, column: int) -> int:
    return "rgb".index(phase[2 * (row % 2) + column % 2])


def naive_bilinear(raw: np.ndarray, phase: str) -> np.ndarray:
    """Mean of the samples of each colour among the eight neighbours, weighted by nearness; inner pixels alone."""
    result = np.zeros((*raw.shape, 3))
    for i in range(1, raw.shape[0] - 1):
        for j in range(1, raw.shape[1] - 1):
            for colour in range(3):
                if colour_at(phase, i, j) == colour:
                    result[i, j, colour] = raw[i, j]
                    continue
                cells = [(i + y, j + x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
                found = [c for c in cells if colour_at(phase, *c) == colour]
                nearest = min(abs(c[0] - i) + abs(c[1] - j) for c in found)
                close = [raw[c] for c in found if abs(c[0] - i) + abs(c[1] - j) == nearest]
                result[i, j, colour] = np.mean(close)
    return result


def naive_malvar_pixel(raw: np.ndarray, phase: str, i: int, j: int) -> list[float]:
    """The paper's equations: bilinear estimate plus a share of the Laplacian of the colour that was sampled."""
    own, at = colour_at(phase, i, j), raw.astype(float)
    result = [0.0, 0.0, 0.0]
    result[own] = at[i, j]
    around = [at[i - 1, j], at[i + 1, j], at[i, j - 1], at[i, j + 1]]
    far_down, far_across = at[i - 2, j] + at[i + 2, j], at[i, j - 2] + at[i, j + 2]
    if own != 1:
        laplacian = at[i, j] - (far_down + far_across) / 4
        result[1] = np.mean(around) + laplacian / 2
        corners = [at[i + y, j + x] for y in (-1, 1) for x in (-1, 1)]
        result[2 - own] = np.mean(corners) + 3 / 4 * laplacian
        return result
    corners = sum(at[i + y, j + x] for y in (-1, 1) for x in (-1, 1))
    across = colour_at(phase, i, j + 1)
    for colour, pair, same_way, other_way in (
        (across, around[2:], far_across, far_down),
        (2 - across, around[:2], far_down, far_across),
    ):
        laplacian = at[i, j] - (corners + same_way - other_way / 2) / 5
        result[colour] = np.mean(pair) + 5 / 8 * laplacian
    return result


@pytest.fixture
def raw() -> np.ndarray:
    return np.random.default_rng(3).random((13, 16)).astype(np.float32)


@pytest.mark.parametrize("phase", BAYER_PHASES)
def test_bilinear_agrees_with_loops(phase, raw):
    ours = camera.demosaic(raw, phase, "bilinear")
    assert np.allclose(ours[1:-1, 1:-1], naive_bilinear(raw, phase)[1:-1, 1:-1], atol=1e-6)


@pytest.mark.parametrize("phase", BAYER_PHASES)
def test_malvar_agrees_with_the_papers_equations(phase, raw):
    ours = camera.demosaic(raw, phase, "malvar")
    for i in range(2, 11):
        for j in range(2, 14):
            assert np.allclose(ours[i, j], naive_malvar_pixel(raw, phase, i, j), atol=1e-5)


@pytest.mark.parametrize("method", DEMOSAICINGS)
@pytest.mark.parametrize("phase", BAYER_PHASES)
def test_samples_are_kept_and_flat_colour_is_exact(method, phase):
    flat = np.empty((11, 15, 3), np.float32)
    flat[:] = (0.2, 0.5, 0.7)
    mosaic = camera.mosaic(flat, phase)
    full = camera.demosaic(mosaic, phase, method)
    assert np.allclose(full, flat, atol=1e-6)
    noise = np.random.default_rng(1).random((11, 15)).astype(np.float32)
    again = camera.mosaic(camera.demosaic(noise, phase, method), phase)
    assert np.allclose(again, noise, atol=1e-6)


def test_better_methods_come_nearer_to_the_scene():
    scene = synthesise("texture", 96, 96, 8).astype(np.float32) / 255
    scene[:] = scene[:, :, 1:2]
    error = {}
    for method in DEMOSAICINGS:
        full = camera.demosaic(camera.mosaic(scene, "rggb"), "rggb", method)
        error[method] = float(((full - scene)[4:-4, 4:-4] ** 2).mean())
    assert error["malvar"] < error["bilinear"] < error["nearest"]
    assert error["hamilton-adams"] < error["bilinear"]


@pytest.mark.parametrize("signal", [0.001, 0.05, 0.4, 0.9])
def test_noise_has_the_variance_of_its_model(signal):
    raw = np.full((300, 300), signal, np.float32)
    noisy = camera.add_noise(raw, 0.002, 0.004, np.random.default_rng(7))
    assert noisy.mean() == pytest.approx(signal, abs=4e-4)
    assert noisy.var() == pytest.approx(0.002 * signal + 0.004**2, rel=0.03)


def test_a_camera_is_deterministic_and_its_seed_matters():
    picture = synthesise("shapes", 50, 41, 2)
    first, again = Camera(seed=3).apply(picture), Camera(seed=3).apply(picture)
    assert first.dtype == np.uint8
    assert first.shape == picture.shape
    assert np.array_equal(first, again)
    assert not np.array_equal(first, Camera(seed=4).apply(picture))


def test_a_perfect_camera_gives_a_flat_picture_back():
    flat = np.full((20, 24, 3), (40, 120, 200), np.uint8)
    ideal = Camera(shot=0.0, read=0.0, sharpening=0.0, contrast=0.0)
    assert np.array_equal(ideal.apply(flat), flat)
    assert Camera(downsample=2).apply(flat).shape == (10, 12, 3)
    assert ideal.apply(flat[:, :, 0].copy()).shape == (20, 24, 3)


def test_wrong_names_and_tiny_pictures_are_refused():
    with pytest.raises(UsageError):
        camera.demosaic(np.zeros((8, 8), np.float32), "rgbg", "bilinear")
    with pytest.raises(UsageError):
        camera.demosaic(np.zeros((8, 8), np.float32), "rggb", "best")
    with pytest.raises(UsageError):
        Camera().apply(np.zeros((3, 9, 3), np.uint8))
