"""Pictures of which hardly any block varies: one of the many files that give them."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.localisation.exact_map import exact_map
from forensics.reconstruction import few_blocks
from forensics.reconstruction.reconstruct import NotReconstructible, reconstruct
from forensics.reconstruction.texts import text
from tests.reconstruction.scenes import jpeg_file, real_decoding


@pytest.mark.parametrize("level", [201, (201, 90, 40)])
def test_picture_of_one_level_comes_back_and_says_that_nothing_tells(level):
    pixels = real_decoding(jpeg_file(np.full((90, 101, *np.shape(level)), level, np.uint8), 60, "4:2:0"))
    found = reconstruct(pixels)
    assert found.exact
    assert found.to_dict()["one_of_many"]
    assert np.array_equal(real_decoding(found.data), pixels)
    assert "many files give this picture" in text(found, "flat.png")


def test_one_block_comes_back_by_its_own_table():
    pixels = np.full((96, 128), 120, np.uint8)
    block = np.random.default_rng(3).integers(90, 160, (8, 8)).astype(np.uint8)
    pixels[16:24, 40:48] = block
    found = few_blocks.one_of_many(real_decoding(jpeg_file(pixels, 80)), 32)
    assert found is not None
    assert found.match.quality == 80


def test_map_still_finds_no_grid_there():
    with pytest.raises(NotReconstructible):
        exact_map(np.full((96, 96), 77, np.uint8))


def test_pictures_of_many_blocks_that_vary_are_not_tried():
    noise = np.random.default_rng(0).integers(40, 200, (96, 96)).astype(np.uint8)
    assert few_blocks.one_of_many(noise, 32) is None
    with pytest.raises(NotReconstructible):
        reconstruct(noise)
