"""Cells of sheets: margins across borders of blocks, and none where nothing is laid out."""

from __future__ import annotations

import io

import numpy as np
import pytest
from forensics_features.cells import SIZES, margins
from PIL import Image


def sheet(size: int, count: int, seed: int = 0) -> np.ndarray:
    """Sprites in the middle of cells, all different."""
    numbers = np.random.default_rng(seed)
    rows = [
        np.hstack(
            [
                np.pad(numbers.integers(0, 256, (size - 4, size - 4, 3), np.uint8), ((2, 2), (2, 2), (0, 0)))
                for _ in range(count)
            ]
        )
        for _ in range(count)
    ]
    return np.vstack(rows)


def naively(rgb: np.ndarray) -> float:
    least = 1.0
    for size in SIZES:
        counts = {True: [0, 0], False: [0, 0]}
        for y in range(rgb.shape[0]):
            for x in range(rgb.shape[1]):
                for v, u, place in ((y, x + 1, x + 1), (y + 1, x, y + 1)):
                    if v < rgb.shape[0] and u < rgb.shape[1]:
                        counts[place % size == 0][0] += 1
                        counts[place % size == 0][1] += bool((rgb[y, x] != rgb[v, u]).any())
        (pairs, here), (others, there) = counts[True], counts[False]
        expected = pairs * there / max(others, 1)
        if expected >= 100:
            least = min(least, here / expected)
    return least


@pytest.mark.parametrize("size", SIZES)
def test_cells_of_every_size_have_margins(size: int) -> None:
    assert margins(sheet(size, 192 // size)) == 0.0


def test_it_is_what_counting_pair_by_pair_gives() -> None:
    numbers = np.random.default_rng(1)
    coarse = numbers.integers(0, 4, (57, 70, 1), np.uint8).repeat(3, axis=2)
    for picture in (sheet(16, 5), coarse, coarse[:9], np.zeros((64, 64, 3), np.uint8)):
        assert margins(picture) == pytest.approx(naively(picture))


def test_rows_and_columns_are_alike() -> None:
    picture = sheet(32, 4)[:, 3:]
    assert margins(picture) == margins(picture.swapaxes(0, 1))


def test_cells_that_begin_elsewhere_are_none_of_blocks() -> None:
    assert margins(sheet(16, 8)[5:, 5:]) > 0.9


def test_flat_pictures_and_noise_have_no_cells() -> None:
    assert margins(np.zeros((64, 64, 3), np.uint8)) == 1.0
    assert margins(np.random.default_rng(2).integers(0, 256, (128, 128, 3), np.uint8)) > 0.95


def test_blocks_of_a_codec_are_no_cells() -> None:
    smooth = np.cumsum(np.random.default_rng(4).normal(size=(160, 160, 3)), axis=0)
    stream = io.BytesIO()
    Image.fromarray(np.clip(128 + 4 * smooth, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=20)
    assert margins(np.asarray(Image.open(stream))) >= 0.95


def test_of_a_large_picture_the_middle_is_looked_at() -> None:
    picture = np.random.default_rng(7).integers(0, 256, (900, 1300, 3), np.uint8)
    picture[64:832, 256:1024] = sheet(32, 24)
    assert margins(picture) == margins(picture[64:832, 256:1024]) == 0.0
