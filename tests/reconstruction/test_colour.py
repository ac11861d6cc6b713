"""The way back through the colour transform, against every triple that there is."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction import colour
from forensics.reconstruction.conversions import CONVERSIONS, SHIFT


def every_antecedent(rgb: np.ndarray, conversion: str = "libjpeg-turbo") -> np.ndarray:
    """All whole (Y, Cb, Cr) that give one pixel, by trying all of them."""
    tables = CONVERSIONS[conversion]
    red = np.clip((tables.luma[:, None] + tables.red[None]) >> SHIFT, 0, 255) == rgb[0]
    blue = np.clip((tables.luma[:, None] + tables.blue[None]) >> SHIFT, 0, 255) == rgb[2]
    added = tables.green_cb[:, None] + tables.green_cr[None]
    found = []
    for value in np.flatnonzero(red.any(axis=1) & blue.any(axis=1)):
        green = np.clip((tables.luma[value] + added) >> SHIFT, 0, 255)
        fits = (green == rgb[1]) & blue[value][:, None] & red[value][None]
        found += [(value, *place) for place in np.argwhere(fits)]
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def colours(seed: int, count: int, conversion: str = "libjpeg-turbo") -> np.ndarray:
    rng = np.random.default_rng(seed)
    planes = rng.integers(0, 256, (3, 1, count)).astype(np.uint8)
    planes[1:] = rng.integers(70, 190, (2, 1, count))
    return colour.to_rgb(*planes, conversion)


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_bounds_are_those_of_all_antecedents(conversion):
    rgb = colours(0, 60, conversion)
    lo, hi, nearest, state = colour.antecedents(rgb, conversion)
    for n, pixel in enumerate(rgb[0]):
        every = every_antecedent(pixel, conversion)
        np.testing.assert_array_equal(lo[:, 0, n], every.min(axis=0))
        np.testing.assert_array_equal(hi[:, 0, n], every.max(axis=0))
        assert state[0, n] == (colour.KNOWN if len(every) == 1 else colour.BOUNDED)
    assert ((lo <= nearest) & (nearest <= hi)).all()


def test_real_numbers_cut_as_jpeg_js_does():
    y, cb, cr = np.meshgrid(np.arange(0, 256, 5), np.arange(256), np.arange(256), indexing="ij")
    real = y - 0.3441363 * (cb - 128) - 0.71413636 * (cr - 128)
    planes = (plane.reshape(-1, 256).astype(np.uint8) for plane in (y, cb, cr))
    green = colour.to_rgb(*planes, "jpeg-js")[..., 1]
    np.testing.assert_array_equal(green.ravel(), np.clip(real, 0, 255).astype(np.uint8).ravel())


def test_colours_off_the_lattice_have_no_antecedent():
    rng = np.random.default_rng(1)
    rgb = rng.integers(1, 255, (1, 40, 3)).astype(np.uint8)
    state = colour.antecedents(rgb)[3][0]
    expected = [len(every_antecedent(pixel)) == 0 for pixel in rgb[0]]
    assert (state == colour.NONE).tolist() == expected
    assert 10 < sum(expected) < 40


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_known_chroma_narrows_luma_under_a_clipped_channel(conversion):
    y, cb, cr = (np.full((1, 1), value, np.uint8) for value in (240, 60, 150))
    rgb = colour.to_rgb(y, cb, cr, conversion)
    assert rgb.max() == 255
    lo, hi, _, state = colour.antecedents(rgb, conversion)
    assert state[0, 0] == colour.BOUNDED
    colour.narrow_luma(rgb, cb, cr, lo[0], hi[0], conversion)
    assert lo[0, 0, 0] == hi[0, 0, 0] == 240


def test_a_colour_met_twice_has_the_same_answer():
    rgb = np.repeat(colours(2, 50), 2, axis=1)
    lo, hi, nearest, state = colour.antecedents(rgb)
    for plane in (*lo, *hi, *nearest, state):
        np.testing.assert_array_equal(plane[0, ::2], plane[0, 1::2])


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_known_luma_narrows_chroma_to_all_pairs_that_give_the_pixel(conversion):
    rng = np.random.default_rng(3)
    planes = rng.integers(0, 256, (3, 1, 80)).astype(np.uint8)
    planes[0] = rng.integers(200, 256, (1, 80))
    rgb = colour.to_rgb(*planes, conversion)
    lo, hi, _, _ = colour.antecedents(rgb, conversion)
    bounds = np.ascontiguousarray(lo[1:]), np.ascontiguousarray(hi[1:])
    colour.narrow_chroma(rgb, planes[0], *bounds, conversion)
    clipped = rgb[0].max(axis=1) == 255
    assert clipped.sum() > 30
    for n in np.flatnonzero(clipped):
        every = every_antecedent(rgb[0, n], conversion)
        pairs = every[every[:, 0] == planes[0, 0, n], 1:]
        np.testing.assert_array_equal(bounds[0][:, 0, n], pairs.min(axis=0))
        np.testing.assert_array_equal(bounds[1][:, 0, n], pairs.max(axis=0))


def test_luma_that_gives_no_such_pixel_leaves_chroma_as_it_is():
    rgb = np.array([[[255, 40, 90]]], np.uint8)
    lo, hi, _, state = colour.antecedents(rgb)
    assert state[0, 0] == colour.BOUNDED
    bounds = np.ascontiguousarray(lo[1:]), np.ascontiguousarray(hi[1:])
    colour.narrow_chroma(rgb, np.full((1, 1), 5, np.uint8), *bounds)
    np.testing.assert_array_equal(bounds, (lo[1:], hi[1:]))
