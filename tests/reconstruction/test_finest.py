"""Steps of one, which leave no comb: the grid from the blocks themselves, and chroma under them."""

from __future__ import annotations

import numpy as np
import pytest

from forensics import reconstruct
from forensics.reconstruction.finest import finest_grid
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene


@pytest.mark.parametrize("grey", [False, True])
def test_the_grid_of_quality_100(grey):
    source = scene(21, 128, 160)
    pixels = real_decoding(jpeg_file(source[..., 1] if grey else source, 100))
    assert finest_grid(pixels) == (0, 0)
    assert finest_grid(np.ascontiguousarray(pixels[3:, 6:])) == (5, 2)


def test_no_grid_in_a_picture_that_was_never_a_jpeg():
    assert finest_grid(scene(22, 128, 160)) is None
    assert finest_grid(np.ascontiguousarray(scene(22, 128, 160)[..., 1])) is None


def test_a_small_part_of_clipped_surroundings_shows_its_grid_at_the_first_pixel():
    source = np.full((96, 128), 255, np.uint8)
    source[16:48, 40:80] = scene(24, 32, 40)[..., 1]
    assert finest_grid(source) is None
    pixels = real_decoding(jpeg_file(source, 100))
    assert finest_grid(pixels) == (0, 0)
    assert reconstruct(pixels).exact
    assert finest_grid(np.ascontiguousarray(pixels[3:, 6:])) is None


def test_a_dark_picture_of_few_levels_shows_its_grid_although_steps_leave_some_blocks():
    source = np.clip(np.rint(scene(33, 160, 192)[..., 1] / 255 * 24 - 6), 0, 255).astype(np.uint8)
    pixels = real_decoding(jpeg_file(source, 97))
    assert finest_grid(source) is None
    assert finest_grid(pixels) == (0, 0)
    assert finest_grid(np.ascontiguousarray(pixels[3:, 6:])) == (5, 2)
    assert reconstruct(pixels).exact


@pytest.mark.parametrize(("subsampling", "least"), [("4:2:0", 0.6), ("4:4:4", 0.85)])
def test_quality_100(subsampling, least):
    pixels = real_decoding(jpeg_file(scene(23, 72, 80), 100, subsampling))
    found = reconstruct(pixels)
    assert found.to_dict()["subsampling"] == subsampling
    assert {int(step) for table in found.tables for step in table} == {1}
    assert found.blocks_same >= least * found.blocks
