"""Details of orthogonal wavelets that vanish: where noise was reduced by shrinking them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from forensics_features.orthogonal import BIORTHOGONAL, LEAST_SIDE, LOWPASS, _contrast, vanishing
from PIL import Image

from forensics.dataset.shrinkage_steps import Shrink
from tests.features.test_scaled_grid import photograph

SAMPLES = Path(__file__).parents[2] / "examples"
SHOWS = 0.45


def sample(name: str) -> np.ndarray:
    return np.asarray(Image.open(SAMPLES / f"{name}.png").convert("RGB"))


def naively(plane: np.ndarray, taps: np.ndarray, noise: float) -> tuple[float, float]:
    """Every detail by itself, counted by its place among 4x4."""
    length = len(taps)
    counts, beyond = np.zeros((4, 4)), np.zeros((4, 4))
    for row in range(plane.shape[0] - length + 1):
        for column in range(plane.shape[1] - length + 1):
            detail = taps @ plane[row : row + length, column : column + length].astype(float) @ taps
            # Rows of what is measured run along columns of the picture.
            counts[column % 4, row % 4] += 1
            beyond[column % 4, row % 4] += abs(detail) > 2.5 * noise
    shares, best = beyond / counts, (2.0, 0, 0)
    for i in range(2):
        for j in range(2):
            best = min(best, (float(shares[i::2, j::2].mean()), i, j))
    left, i, j = best
    others = [shares[a, b] for a in range(4) for b in range(4) if (a % 2, b % 2) != (i, j)]
    return float(np.log((min(others) + 0.02) / (left + 0.02))), left


@pytest.mark.parametrize("taps", [LOWPASS["haar"], LOWPASS["db2"], BIORTHOGONAL["5/3"]], ids=["haar", "db2", "5/3"])
def test_a_contrast_is_that_of_details_one_by_one(taps: tuple[float, ...]) -> None:
    high = np.array(taps) * (-1.0) ** np.arange(len(taps))
    plane = np.random.default_rng(4).normal(0, 0.7, (28, 24)).astype(np.float32)
    plane[::2] *= 3
    assert _contrast(plane, high, 0.3) == pytest.approx(naively(plane, high, 0.3), abs=1e-6)


def test_filters_are_those_of_the_wavelets() -> None:
    pywt = pytest.importorskip("pywt", reason="PyWavelets is not installed")
    for name, taps in LOWPASS.items():
        assert np.array(taps) == pytest.approx(pywt.Wavelet(name).dec_lo, abs=1e-8)
    for name, known in (("5/3", "bior2.2"), ("9/7", "bior4.4")):
        high = np.trim_zeros(np.array(pywt.Wavelet(known).dec_hi))
        taps = np.array(BIORTHOGONAL[name])
        assert np.abs(taps / taps.max()) == pytest.approx(np.abs(high) / np.abs(high).max(), abs=1e-6)


def noisy() -> np.ndarray:
    added = np.random.default_rng(1).normal(0, 4, (256, 256, 3))
    return np.clip(photograph(256, 1) + added, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("wavelet", sorted(LOWPASS))
def test_shrunk_details_vanish_where_the_wavelet_takes_them(wavelet: str) -> None:
    pytest.importorskip("pywt", reason="PyWavelets is not installed")
    shrunk = Shrink(wavelet, 4, 1, "hard", 14.0, colour=0.0).apply(noisy())
    for picture in (shrunk, shrunk[::-1, ::-1], shrunk[3:, 2:]):
        found = vanishing(picture)
        assert found.wavelet == wavelet
        assert found.lead > SHOWS
        assert found.contrast >= found.lead


def test_nothing_else_shows() -> None:
    for name in ("uncompressed", "jpeg", "jpeg2000", "webp"):
        assert vanishing(sample(name)).lead < 0.2
    assert vanishing(photograph(256, 3)).lead < 0.2
    pytest.importorskip("pywt", reason="PyWavelets is not installed")
    assert vanishing(Shrink("bior4.4", 4, 1, "hard", 14.0, colour=0.0).apply(noisy())).lead < 0
    assert vanishing(Shrink("haar", 4, 4, "hard", 14.0, colour=0.0).apply(noisy())).lead < 0.2  # at four places alike


def test_grey_and_wide_samples_are_read_alike() -> None:
    numbers = np.random.default_rng(2)
    low, down = numbers.integers(60, 180, (2, 90, 90))
    grey = (np.kron(low, np.ones((2, 2))) + np.kron(down - 120, [[1, 1], [-1, -1]])).clip(0, 255).astype(np.uint8)
    assert vanishing(grey) == vanishing(np.dstack([grey] * 3)) == vanishing(grey.astype(np.uint16) * 257)


def test_small_pictures_say_nothing() -> None:
    assert vanishing(np.zeros((LEAST_SIDE - 1, 300), np.uint8))[1:] == (0.0, 0.0, 1.0)
    assert vanishing(np.zeros((LEAST_SIDE, LEAST_SIDE, 3), np.uint8)).contrast == 0
