"""Rounding traces: SciPy and NumPy twins of the kernels, known histograms, and JPEG files of the highest qualities."""

from __future__ import annotations

import io

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
from forensics_features import rounding
from forensics_features.planes import as_planes
from forensics_features.rounding import NAMES, rounding_features
from PIL import Image


def textured(side: int = 192, seed: int = 3, noise: float = 3.0) -> np.ndarray:
    """Coloured texture with noise, away from clipping."""
    rng = np.random.default_rng(seed)
    layers = [scipy.ndimage.gaussian_filter(rng.normal(size=(side, side, 3)), (s, s, 0)) * s * 12 for s in (1, 3, 8)]
    return np.clip(np.rint(128 + sum(layers) + rng.normal(0, noise, (side, side, 3))), 1, 254).astype(np.uint8)


def jpeg(pixels: np.ndarray, **options: object) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))


def naive_statistics(plane: np.ndarray, levels: np.ndarray, phase: int) -> list[float]:
    sums = np.zeros(5)
    for i in range(phase // 8, plane.shape[0] - 7, 8):
        for j in range(phase % 8, plane.shape[1] - 7, 8):
            block = levels[i : i + 8, j : j + 8]
            if block.min() < 0 or block.min() == block.max():
                continue
            c = np.abs(scipy.fft.dctn(plane[i : i + 8, j : j + 8].astype(float), norm="ortho").ravel()[1:])
            cosine, distance = np.cos(2 * np.pi * c).sum(), ((c - np.rint(c)) ** 2).sum()
            sums += [cosine, distance, (c < 0.5).sum(), ((c >= 0.5) & (c < 1.5)).sum(), 63]
    return sums.tolist()


@pytest.mark.parametrize("phase", [0, 13, 63])
def test_coefficient_statistics_equal_scipy(phase: int) -> None:
    rng = np.random.default_rng(phase)
    levels = np.rint(rng.normal(100, 6, (75, 90))).astype(np.float32)
    levels[20:33, 10:40] = 80
    levels[50, 60] = -1
    plane = rng.normal(0, 3, levels.shape).astype(np.float32)
    expected = naive_statistics(plane, levels, phase)
    sums = np.zeros(5)
    looked = rounding._phase_sums(plane, levels, phase, 10**6, rounding._DCT, sums)
    np.testing.assert_allclose(sums, expected, atol=8, rtol=2e-3)
    assert sums[4] == expected[4]
    assert looked == ((75 - phase // 8) // 8) * ((90 - phase % 8) // 8)


def test_python_source_of_the_block_kernels_agrees() -> None:
    levels = np.rint(np.random.default_rng(0).normal(100, 6, (17, 25))).astype(np.float32)
    compiled, plain = np.zeros(5), np.zeros(5)
    rounding._phase_sums(levels, levels, 9, 100, rounding._DCT, compiled)
    rounding._phase_sums.py_func(levels, levels, 9, 100, rounding._DCT, plain)
    np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-2)


def test_value_kernels_equal_numpy() -> None:
    planes = as_planes(textured(70))
    levels, packed = np.empty(planes.y.shape, np.float32), np.empty(planes.y.shape, np.int32)
    counts = np.zeros((4, 256), np.int64)
    rounding._values(planes.rgb, planes.y, levels, packed, counts)
    for channel in range(3):
        assert counts[channel].tolist() == np.bincount(planes.rgb[..., channel].ravel(), minlength=256).tolist()
    assert counts[3].tolist() == np.bincount(np.floor(planes.y + 0.5).astype(int).ravel(), minlength=256).tolist()
    colours = len(np.unique(packed[::2, ::2])) / packed[::2, ::2].size
    assert rounding._distinct(packed, 2, np.full(2**14, -1, np.int32)) == pytest.approx(colours)
    few = np.random.default_rng(1).choice(2, p=[0.1, 0.9], size=(40, 50)).astype(np.int32)
    spread = scipy.ndimage.maximum_filter(few, 3) - scipy.ndimage.minimum_filter(few, 3)
    assert rounding._flat_share(few) == pytest.approx(np.mean(spread[1:-1, 1:-1] == 0))


def test_residual_and_variance_histograms_equal_numpy() -> None:
    plane = np.random.default_rng(6).normal(0, 5, (41, 38)).astype(np.float32)
    residual = scipy.ndimage.correlate(plane.astype(float), np.outer([1, -2, 1], [1, -2, 1]) / 6)[1:-1, 1:-1][::3]
    counts = np.zeros(512, np.int64)
    rounding._residual_histogram(plane, counts)
    expected = np.bincount(np.minimum(np.abs(residual) * 8, 511).astype(int).ravel(), minlength=512)
    assert np.abs(counts - expected).sum() <= 2
    blocks = plane[:40, :36].reshape(10, 4, 9, 4).var(axis=(1, 3))
    counts = np.zeros(140, np.int64)
    rounding._variance_histogram(plane, counts)
    bins = np.floor((np.log10(blocks + 0.01) + 2) / 0.05).astype(int)
    assert np.abs(counts - np.bincount(bins.ravel(), minlength=140)).sum() <= 2


def test_quantile_is_numpys_on_spread_values() -> None:
    values = np.random.default_rng(0).uniform(3, 90, 20000)
    counts = np.bincount(values.astype(int), minlength=100)
    for share in (0.05, 0.5, 0.95):
        assert rounding._quantile(counts, share) == pytest.approx(np.quantile(values, share), abs=0.5)


@pytest.mark.parametrize("quality", [95, 98, 100])
def test_integer_steps_show_at_any_crop(quality: int) -> None:
    source = textured()
    before = rounding_features(source)
    decoded = jpeg(source, quality=quality, subsampling=0)
    assert before["dct_luma_cosine"] < 0.06
    assert before["dct_luma_noise_variance"] == pytest.approx(1 / 12, abs=0.005)
    for pixels in (decoded, decoded[3:, 5:]):
        after = rounding_features(pixels)
        assert after["dct_luma_cosine"] > 0.15
        assert after["dct_luma_cosine_contrast"] > 0.1
        assert after["dct_luma_noise_variance"] < 0.075


def test_cosine_of_rounded_integers_is_that_of_the_rounding_noise() -> None:
    rng = np.random.default_rng(8)
    coefficients = np.rint(rng.normal(0, 9, (24, 24, 8, 8)))
    coefficients[:, :, 0, 0] = 1024
    blocks = np.rint(scipy.fft.idctn(coefficients, axes=(2, 3), norm="ortho"))
    grey = blocks.transpose(0, 2, 1, 3).reshape(192, 192).astype(np.uint8)
    values = rounding_features(grey)
    assert values["dct_luma_cosine"] == pytest.approx(np.exp(-(np.pi**2) / 6), abs=0.01)
    assert abs(values["dct_luma_cosine"] - values["dct_luma_cosine_contrast"]) < 0.02


def test_stretched_histogram_has_gaps_and_their_period() -> None:
    narrow = np.clip(textured() // 2 + 30, 40, 160).astype(int)
    stretched = np.clip(np.rint((narrow - 40) * 1.25 + 20.1), 0, 255).astype(np.uint8)
    plain, after = rounding_features(narrow.astype(np.uint8)), rounding_features(stretched)
    for channel in ("red", "green", "blue"):
        assert plain[f"{channel}_gaps"] == 0
        assert after[f"{channel}_gaps"] > 0.12
        assert after[f"{channel}_comb"] > plain[f"{channel}_comb"] + 0.1
        period = after[f"{channel}_comb_period"]
        assert min(abs(period - 5), abs(period - 2.5)) < 0.1


def test_noise_level_and_clipping() -> None:
    rng = np.random.default_rng(0)
    pixels = np.clip(np.rint(128 + rng.normal(0, 8, (128, 128, 1))), 0, 255).astype(np.uint8)
    values = rounding_features(pixels)
    assert 10 ** values["luma_noise"] == pytest.approx(8, rel=0.05)
    assert values["variance_50"] == pytest.approx(np.log10(64 * 15 / 16), abs=0.08)
    assert np.isnan(values["cb_noise"])
    pixels[:32] = 255
    pixels[32:40] = 1
    values = rounding_features(pixels)
    assert values["red_at_255"] == pytest.approx(0.25)
    assert values["beside_0"] == pytest.approx(1 / 16)
    assert values["dct_usable"] < 0.75


def test_size_does_not_matter_to_shares() -> None:
    pixels = textured(256)
    whole, part = rounding_features(pixels), rounding_features(pixels[:128, :128])
    for name in (
        "colours",
        "luma_noise",
        "variance_50",
        "dct_luma_zeros",
    ):
        assert part[name] == pytest.approx(whole[name], abs=0.15)


@pytest.mark.parametrize("value", [0, 77, 255])
def test_flat_pictures(value: int) -> None:
    values = rounding_features(np.full((64, 67, 3), value, np.uint8))
    assert values["flat"] == 1
    assert values["colours"] < 0.001
    assert values["luma_noise"] == pytest.approx(-1.1, abs=0.3) or values["luma_noise"] == -2
    assert values["dct_usable"] == 0
    assert np.isnan(values["dct_luma_cosine"])


def test_noise_and_two_colours_are_measurable() -> None:
    rng = np.random.default_rng(0)
    noise = rounding.FAMILY.compute(as_planes(rng.integers(0, 256, (64, 96, 3)).astype(np.uint8)))
    assert noise.dtype == np.float32
    assert noise.shape == (len(NAMES),) == (len(set(NAMES)),)
    two = np.where(rng.integers(0, 2, (64, 64, 1)) == 1, (10, 200, 30), (90, 20, 250)).astype(np.uint8)
    assert np.isfinite(rounding.FAMILY.compute(as_planes(two))).all()
