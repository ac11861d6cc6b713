"""Chroma that repeats by fours."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction import colour, quartered
from forensics.reconstruction.layout import Layout
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene
from tests.reconstruction.test_reconstruct import quartered_picture


def naive_groups_that_vary(pixels: np.ndarray, top: int, left: int) -> tuple[int, int]:
    """The same count, group by group."""
    lo, hi, _, state = colour.antecedents(pixels)
    counts = [0, 0]
    for y in range(top, top + (pixels.shape[0] - top) // 8 * 8):
        for x in range(left, left + (pixels.shape[1] - left) // 8 * 8, 8):
            for k, start in enumerate((x, x + 2)):
                four = range(start, start + 4)
                if all(state[y, at] != colour.NONE for at in four):
                    apart = [max(lo[c, y, at] for at in four) > min(hi[c, y, at] for at in four) for c in (1, 2)]
                    counts[k] += any(apart)
    return counts[0], counts[1]


@pytest.mark.parametrize("corner", [(0, 0), (3, 5), (2, 17)])
def test_groups_are_counted_as_by_hand(corner):
    for whole in (quartered_picture(2, 96, 96), real_decoding(jpeg_file(scene(2), 80, "4:2:2"))):
        pixels = np.ascontiguousarray(whole[corner[0] :, corner[1] :])
        top, left = -corner[0] % 8, -corner[1] % 8
        layout = Layout(corner[0] % 8, corner[1] % 8, (1, 1))
        got = quartered.groups_that_vary(pixels, layout, "libjpeg-turbo")
        assert got == naive_groups_that_vary(pixels, top, left)


@pytest.mark.parametrize("corner", [(0, 0), (3, 5), (8, 16)])
def test_a_quarter_of_the_width_shows_at_any_place(corner):
    pixels = np.ascontiguousarray(quartered_picture(1, 128, 256)[corner[0] :, corner[1] :])
    assert quartered.is_quartered(pixels, Layout(corner[0] % 8, corner[1] % 8, (1, 1)))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_other_subsamplings_do_not(subsampling):
    assert not quartered.is_quartered(real_decoding(jpeg_file(scene(1), 75, subsampling)), Layout(0, 0, (1, 1)))


def test_full_size_blocks_of_one_colour_each_do_not():
    rng = np.random.default_rng(0)
    flat = rng.integers(90, 160, (16, 20, 3)).repeat(8, axis=0).repeat(8, axis=1)
    light = rng.integers(-30, 30, flat.shape[:2])[..., None]
    assert not quartered.is_quartered((flat + light).astype(np.uint8), Layout(0, 0, (1, 1)))


def test_grey_has_no_chroma():
    assert not quartered.is_quartered(scene(1)[..., 1], Layout(0, 0, (1, 1), "grey"))
