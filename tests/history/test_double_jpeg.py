"""Double JPEG compression on real files, and its parts against obvious twins."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.history.jpeg import double_aligned as double_jpeg_aligned
from forensics.history.jpeg import double_shifted as double_jpeg_shifted
from forensics.history.jpeg.double import detect
from forensics.history.jpeg.planes import coefficients


def made(side: int = 224, seed: int = 0) -> np.ndarray:
    """A grey picture with a natural spectrum."""
    rng = np.random.default_rng(seed)
    noise = np.fft.rfft2(rng.normal(size=(side, side)))
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    texture = np.fft.irfft2(noise / (radius + 0.01), s=(side, side))
    return np.clip(128 + 35 * texture / texture.std(), 4, 251).astype(np.uint8)


def through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as picture:
        return np.asarray(picture)


def test_a_single_compression_is_not_called_double() -> None:
    for quality in (60, 90):
        assert not detect(through_jpeg(made(seed=quality), quality)[3:, 2:]).double


@pytest.mark.parametrize(("first", "second"), [(55, 80), (70, 85), (78, 70)])
def test_aligned(first: int, second: int) -> None:
    found = detect(through_jpeg(through_jpeg(made(seed=1), first), second)[3:, 2:])
    assert found.double
    assert (found.kind, found.offset) == ("aligned", (0, 0))
    assert found.first_quality == pytest.approx(first, abs=1)


@pytest.mark.parametrize(("first", "second"), [(50, 85), (60, 94)])
def test_shifted(first: int, second: int) -> None:
    once = np.ascontiguousarray(through_jpeg(made(seed=2), first)[3:, 5:])
    found = detect(through_jpeg(once, second))
    assert found.double
    assert (found.kind, found.offset) == ("shifted", (5, 3))
    assert found.first_quality == pytest.approx(first, abs=1)


def test_a_last_compression_at_quality_100_shows_as_noise() -> None:
    found = detect(through_jpeg(through_jpeg(made(seed=3), 60), 100))
    assert found.double
    assert found.noise > 1.2
    assert found.first_quality == 60


def test_without_a_grid_there_is_a_reason() -> None:
    found = detect(made(seed=4))
    assert not found.double or found.reason
    assert found.parameters()[0].value is None
    assert found.parameters()[0].reason


@pytest.mark.parametrize(("first", "second"), [(6, 4), (4, 6), (5, 5), (3, 11)])
def test_twice_quantised_against_sampling(first: int, second: int) -> None:
    rng = np.random.default_rng(first)
    values = np.abs(rng.laplace(scale=15, size=400_000))
    values = values[values < 300]
    magnitudes = np.bincount((4 * values).astype(np.int64), minlength=2048).astype(np.float64)
    twice = first * np.rint(values / first) + rng.normal(0, 12**-0.5, len(values))
    twin = double_jpeg_aligned.index_histogram(twice, second)
    expected = double_jpeg_aligned.twice_quantised(magnitudes, first, second)
    assert expected.sum() == pytest.approx(len(values), rel=1e-3)
    assert np.abs(expected - twin).max() < 0.01 * len(values)


def test_noise_on_a_shifted_grid_against_sampling() -> None:
    """Independent errors on one grid, seen from another three rows and five columns on."""
    rng = np.random.default_rng(6)
    variance = rng.uniform(0.2, 9, (8, 8))
    errors = rng.normal(size=(400, 2, 2, 8, 8)) * np.sqrt(variance)
    basis = coefficients(np.eye(64, dtype=np.float32) + 128).T
    samples = (errors.reshape(-1, 64) @ basis).reshape(400, 2, 2, 8, 8).swapaxes(2, 3).reshape(400, 16, 16)
    seen = coefficients((samples[:, 3:11, 5:13] + 128).reshape(400, 64).astype(np.float32))
    predicted = double_jpeg_shifted.noise_at((3, 5), variance).ravel() ** 2 - 1 / 12
    ratio = seen.var(axis=0) / predicted
    assert ratio.mean() == pytest.approx(1, abs=0.05)
    assert np.abs(ratio - 1).max() < 0.4
