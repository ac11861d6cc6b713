"""SSIM against scikit-image, a loop written from the definition, and properties; PSNR, ratio and bits per pixel."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from forensics import quality
from forensics.errors import UsageError


def luma(picture: np.ndarray) -> np.ndarray:
    if picture.ndim == 2:
        return picture.astype(np.float64)
    return picture @ np.array([0.299, 0.587, 0.114])


def skimage_ssim(reference: np.ndarray, picture: np.ndarray) -> float:
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            luma(reference),
            luma(picture),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
    )


def naive_ssim(reference: np.ndarray, picture: np.ndarray) -> float:
    """Window by window, in double precision, from Wang et al. 2004, equations (13) to (17)."""
    x, y = luma(reference), luma(picture)
    line = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for i in range(x.shape[0] - 10):
        for j in range(x.shape[1] - 10):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            cov = (window * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return float(np.mean(values))


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    base = 128 + 80 * np.sin(x / 9 + np.sin(y / 13)) + rng.normal(0, 12, (height, width))
    return np.clip(base[..., None] + rng.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)


def through_jpeg(picture: np.ndarray, quality_factor: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality_factor)
    return np.asarray(Image.open(file))


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(7)
    noise = [rng.integers(0, 256, (70, 83, 3), dtype=np.uint8) for _ in range(2)]
    bright = [rng.integers(250, 256, (64, 64, 3), dtype=np.uint8) for _ in range(2)]
    flat = np.full((32, 45, 3), 255, np.uint8)
    picture = texture(201, 160)
    return {
        "random": (noise[0], noise[1]),
        "random grey": (noise[0][..., 0], noise[1][..., 0]),
        "random, saturated": (bright[0], bright[1]),
        "flat, one level apart": (flat, flat - 1),
        "flat, black and white": (flat, flat - 255),
        "inverted": (noise[0], 255 - noise[0]),
        "coded at quality 5": (picture, through_jpeg(picture, 5)),
        "coded at quality 95": (picture, through_jpeg(picture, 95)),
        "least size": (noise[0][:11, :11], noise[1][:11, :11]),
        "grey against RGB": (noise[0][..., 0], noise[1]),
    }


@pytest.mark.parametrize("name", pairs())
def test_ssim_is_that_of_scikit_image(name: str) -> None:
    reference, picture = pairs()[name]
    assert quality.ssim(reference, picture) == pytest.approx(skimage_ssim(reference, picture), abs=1e-6)


def test_ssim_is_the_definition() -> None:
    picture = texture(24, 31)
    other = through_jpeg(picture, 20)
    expected = naive_ssim(picture, other)
    assert 0.3 < expected < 0.99
    assert quality.ssim(picture, other) == pytest.approx(expected, abs=1e-6)


def test_ssim_kernels_give_the_same_uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = texture(16, 18)
    other = through_jpeg(picture, 30)
    compiled = quality.ssim(picture, other)
    for name in ("_luma_row", "_filter_row", "_filter_column", "_row_ssim", "_mean_ssim"):
        monkeypatch.setattr(quality, name, getattr(quality, name).py_func)
    assert quality.ssim(picture, other) == pytest.approx(compiled, abs=1e-6)


def test_ssim_reference_value() -> None:
    # scikit-image 0.26.0: structural_similarity(a, b, gaussian_weights=True, sigma=1.5,
    # use_sample_covariance=False, data_range=255) on these two grey ramps as float64.
    ramp = np.add.outer(3 * np.arange(40), 2 * np.arange(40)).astype(np.uint8)
    assert quality.ssim(ramp, (ramp // 16) * 16) == pytest.approx(0.84279141, abs=1e-6)


def test_ssim_properties() -> None:
    picture = texture(96, 80)
    coded = [through_jpeg(picture, q) for q in (90, 60, 30, 10)]
    values = [quality.ssim(picture, other) for other in coded]
    assert values == sorted(values, reverse=True)
    assert quality.ssim(picture, picture) == 1.0
    other = coded[1]
    assert quality.ssim(other, picture) == pytest.approx(values[1], abs=1e-7)
    assert quality.ssim(picture.swapaxes(0, 1), other.swapaxes(0, 1)) == pytest.approx(values[1], abs=1e-6)
    assert quality.ssim(picture[::-1, ::-1], other[::-1, ::-1]) == pytest.approx(values[1], abs=1e-6)


def test_psnr_of_a_known_error() -> None:
    picture = texture(20, 30)
    other = picture.copy()
    other[3, 4, 1] ^= 16
    assert quality.psnr(picture, other) == pytest.approx(10 * math.log10(255**2 * picture.size / 256))
    assert quality.psnr(picture, picture) == math.inf
    assert quality.psnr(np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)) == 0.0


def test_psnr_is_the_naive_one_and_grey_stands_for_three_channels() -> None:
    picture, grey = texture(20, 30), texture(20, 30, seed=1)[..., 0]
    error = np.mean((picture.astype(float) - grey[..., None].astype(float)) ** 2)
    assert quality.psnr(picture, grey) == pytest.approx(10 * math.log10(255**2 / error))
    assert quality.psnr(picture, grey) == quality.psnr(picture, np.repeat(grey[..., None], 3, axis=2))


def test_ratio_and_bits_per_pixel() -> None:
    rgb, grey = np.zeros((10, 20, 3), np.uint8), np.zeros((10, 20), np.uint8)
    assert quality.raw_bytes(rgb) == 600
    assert quality.compression_ratio(rgb, 60) == 10
    assert quality.compression_ratio(grey, 50) == 4
    assert quality.bits_per_pixel(rgb, 60) == 2.4
    assert quality.bits_per_pixel(rgb, 60) * quality.compression_ratio(rgb, 60) == 24


@pytest.mark.parametrize(
    ("reference", "picture", "message"),
    [
        (np.zeros((20, 20), np.float32), np.zeros((20, 20), np.uint8), "uint8"),
        (np.zeros((20, 20), np.uint8), np.zeros((20, 21), np.uint8), "20x20 and 21x20"),
        (np.zeros((20, 20, 4), np.uint8), np.zeros((20, 20), np.uint8), "shape"),
        (np.zeros((10, 20), np.uint8), np.zeros((10, 20), np.uint8), "11 pixels a side"),
    ],
)
def test_pictures_that_have_no_ssim(reference: np.ndarray, picture: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        quality.ssim(reference, picture)
