"""Chroma that libjpeg 7 and later bring back in the DCT domain: subsampling, steps and kind of upsampling are read."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.history.jpeg import chroma as jpeg_chroma
from forensics.history.jpeg.recovery import recover
from forensics.reconstruction.reconstruct import reconstruct


def blocks(plane: np.ndarray, side: int) -> np.ndarray:
    height, width = (length // side for length in plane.shape)
    return plane.reshape(height, side, width, side).transpose(0, 2, 1, 3)


def joined(parts: np.ndarray) -> np.ndarray:
    rows, columns, height, width = parts.shape
    return parts.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)


def coded(plane: np.ndarray, table: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """A component after quantisation, through an inverse transform of `factors` times the size (jidctint.c)."""
    levels = np.rint(scipy.fft.dctn(blocks(plane - 128, 8), axes=(2, 3), norm="ortho") / table)
    wide = np.zeros((*levels.shape[:2], 8 * factors[0], 8 * factors[1]))
    wide[:, :, :8, :8] = levels * table * np.sqrt(factors[0] * factors[1])
    return np.clip(np.rint(joined(scipy.fft.idctn(wide, axes=(2, 3), norm="ortho")) + 128), 0, 255)


def by_libjpeg_7(quality: int, factors: tuple[int, int], side: int = 256) -> np.ndarray:
    """A coloured texture, RGB, as libjpeg 7 to 9 would decode it."""
    numbers = np.random.default_rng(quality)
    luma = 128 + 40 * scipy.ndimage.gaussian_filter(numbers.normal(size=(side, side)), 1.2) * 3
    chroma = [
        128 + 90 * scipy.ndimage.gaussian_filter(numbers.normal(size=(side // factors[0], side // factors[1])), 1.0) * 2
        for _ in range(2)
    ]
    tables = [np.reshape(scaled_table(table, quality), (8, 8)) for table in TABLE_FAMILIES["standard"]]
    y = coded(np.clip(luma, 40, 215), tables[0], (1, 1))
    cb, cr = (coded(np.clip(plane, 90, 165), tables[1], factors) - 128 for plane in chroma)
    rgb = np.stack(
        [y + np.rint(1.402 * cr), y + np.rint(-0.344136 * cb - 0.714136 * cr), y + np.rint(1.772 * cb)], axis=2
    )
    return np.clip(rgb, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("subsampling", "quality"), [("4:2:0", 85), ("4:2:2", 75), ("4:4:0", 90)])
def test_subsampling_and_steps_are_read(subsampling: str, quality: int) -> None:
    pixels = by_libjpeg_7(quality, jpeg_chroma.FACTORS[subsampling])
    found = {p.name: p for p in recover(np.ascontiguousarray(pixels[3:, 5:])).parameters()}
    assert found["chroma_subsampling"].value == subsampling
    assert found["chroma_upsampling"].value == "scaled"
    assert found["quality_factor"].value == quality
    table = scaled_table(TABLE_FAMILIES["standard"][1], quality).ravel()
    steps = found["quantization_steps_chroma"].value
    assert sum(step is not None for step in steps) > 8
    assert all(step in (None, own) for step, own in zip(steps, table.tolist(), strict=True))
    assert found["fixed_point_chroma"].value > 0.8  # the decoder never rounded the stored samples


def test_the_triangle_is_not_taken_for_it() -> None:
    tried = jpeg_chroma.FACTORS["4:2:0"]
    low = np.random.default_rng(1).uniform(90, 160, (32, 32)).astype(np.float32)
    for kind in ("triangle", "repeat"):
        full = np.rint(jpeg_chroma.upsampled(low, tried, kind))
        back = jpeg_chroma.stored_samples(full, tried, "scaled")
        assert np.abs(jpeg_chroma.upsampled(back, tried, "scaled") - full).mean() > 1


def test_halving_undoes_the_transform_of_twice_the_size() -> None:
    low = np.random.default_rng(2).uniform(0, 255, (16, 24)).astype(np.float32)
    full = jpeg_chroma.upsampled(low, (2, 2), "scaled")
    wide = np.zeros((2, 3, 16, 16))
    wide[:, :, :8, :8] = 2 * scipy.fft.dctn(blocks(low, 8), axes=(2, 3), norm="ortho")
    np.testing.assert_allclose(full, joined(scipy.fft.idctn(wide, axes=(2, 3), norm="ortho")), atol=1e-3)
    np.testing.assert_allclose(jpeg_chroma.stored_samples(full, (2, 2), "scaled"), low, atol=1e-3)


@pytest.mark.heavy
def test_reconstruction_takes_the_decoder_that_does_the_same() -> None:
    given_back = reconstruct(by_libjpeg_7(85, (2, 2)))
    assert given_back.decoder.startswith("IJG libjpeg")
    assert given_back.layout.factors == (2, 2)
    assert given_back.tables[0].ravel()[:3].tolist() == [5, 3, 3]
