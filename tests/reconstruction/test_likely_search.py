"""Blocks of which a part is seen or known: what is found gives what is seen; whole pictures of odd sides."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.history.jpeg.planes import DCT_8
from forensics.reconstruction.blocks import Quantiser, fit_blocks
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.likely_search import search_likely
from forensics.reconstruction.reconstruct import reconstruct
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene, tables_of


def decoded_blocks(quality: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples of luma blocks as libjpeg-turbo decodes them, and the table."""
    data = jpeg_file(scene(11, 128, 128)[..., 1], quality)
    pixels = real_decoding(data)
    blocks = pixels.reshape(16, 8, 16, 8).swapaxes(1, 2).reshape(256, 64)
    inside = ((blocks > 0) & (blocks < 255)).all(axis=1)
    return blocks[inside][:count], tables_of(data)[0]


@pytest.mark.parametrize("part", [(0, 8, 0, 3), (0, 8, 5, 8), (0, 2, 0, 8), (4, 8, 0, 8), (0, 5, 0, 6), (3, 8, 0, 4)])
@pytest.mark.parametrize("quality", [75, 92])
def test_coefficients_give_the_part_that_is_seen(part, quality):
    blocks, table = decoded_blocks(quality, 24)
    shown = np.zeros((8, 8), bool)
    shown[part[0] : part[1], part[2] : part[3]] = True
    shown = shown.ravel()
    lo, hi = np.where(shown, blocks, 0).astype(np.uint8), np.where(shown, blocks, 255).astype(np.uint8)
    seen = np.tile(np.array(part), (len(blocks), 1))
    quantiser = Quantiser.of(table, ISLOW)
    coefficients, found = search_likely(lo, hi, quantiser, seen)
    assert found.mean() >= 0.9
    again = stored_samples(coefficients[None], quantiser).reshape(8, -1, 8).swapaxes(0, 1).reshape(-1, 64)
    np.testing.assert_array_equal(again[found][:, shown], blocks[found][:, shown])
    assert not coefficients[~found].any()


def test_samples_that_no_decoder_gives_are_not_found():
    blocks, table = decoded_blocks(75, 8)
    rng = np.random.default_rng(0)
    noisy = np.clip(blocks + rng.integers(-9, 10, blocks.shape), 1, 254).astype(np.uint8)
    seen = np.tile(np.array([0, 8, 0, 7]), (8, 1))
    inside = (np.arange(64) % 8) < 7
    lo, hi = np.where(inside, noisy, 0).astype(np.uint8), np.where(inside, noisy, 255).astype(np.uint8)
    _, found = search_likely(lo, hi, Quantiser.of(table, ISLOW), seen)
    assert not found.any()


@pytest.mark.parametrize("quality", [75, 92])
def test_clipped_samples_are_free_beyond_the_scale(quality):
    """Brightened until a third of the samples of each block are white: the coefficients give the others."""
    blocks, table = decoded_blocks(quality, 24)
    quantiser = Quantiser.of(table, ISLOW)
    found, status = fit_blocks(blocks, blocks, quantiser)
    found = found[status <= 1]
    found[:, 0] += np.rint((255 - np.quantile(blocks[status <= 1], 0.65, axis=1)) * 8 / table[0]).astype(np.int16)
    bright = stored_samples(found[None], quantiser).reshape(8, -1, 8).swapaxes(0, 1).reshape(-1, 64)
    assert 0.1 < (bright == 255).mean() < 0.6
    again, settled = search_likely(bright, bright, quantiser)
    assert settled.mean() >= 0.9
    shown = stored_samples(again[None], quantiser).reshape(8, -1, 8).swapaxes(0, 1).reshape(-1, 64)
    np.testing.assert_array_equal(shown[settled], bright[settled])


# Of a width of 16 n + 1 the last chroma column is seen in one pixel a row, which leaves some of it open.
@pytest.mark.parametrize(("height", "width", "most"), [(152, 152, 0), (147, 173, 0), (160, 150, 0), (145, 161, 12)])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
def test_pictures_whose_sides_are_no_whole_units(height, width, most, subsampling):
    pixels = real_decoding(jpeg_file(scene(12, height, width), 75, subsampling))
    found = reconstruct(pixels)
    assert (~found.same).sum() <= most
    again = real_decoding(found.data)
    assert again.shape == pixels.shape
    assert (again == pixels).all(axis=2).mean() > 0.995


def test_a_block_that_is_flat_along_an_axis_is_settled_though_its_rounding_is_no_noise():
    """All eight columns are rounded alike, which moves a coefficient of the first column by up to 4 levels."""
    steps = np.full(64, 2, np.int64)
    quantiser = Quantiser.of(steps, ISLOW)
    rng = np.random.default_rng(1)
    coefficients = np.zeros((200, 64), np.int16)
    coefficients[:, ::8] = np.rint(rng.normal(0, 40, (200, 8)) / np.arange(1, 9))
    samples = stored_samples(coefficients[None], quantiser).reshape(8, -1, 8).swapaxes(0, 1).reshape(-1, 64)
    free = ((samples > 0) & (samples < 255)).all(axis=1)
    moved = np.abs((samples[free].reshape(-1, 8, 8) - 128.0 - 0.0).mean(axis=2) @ DCT_8.T * 8**0.5)
    off = np.abs(moved - 2 * np.abs(coefficients[free][:, ::8]))
    assert off.max() > 6.5 * 12**-0.5
    _, status = fit_blocks(samples[free], samples[free], quantiser)
    assert (status <= 1).all()
