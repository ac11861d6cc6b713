"""BGR pictures are recognised by the lattice of their colours, and judged in the right order."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.pictures.opened import from_array
from forensics.verdict import channel_order


def photograph(seed: int) -> np.ndarray:
    """A textured, coloured scene that no decoder made."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:160, :176] / 20
    planes = [120 + 50 * np.sin(x * (1 + k / 3) + seed) + 30 * np.cos(y * (1.4 + k / 5)) for k in range(3)]
    return np.clip(np.stack(planes, 2) + rng.normal(0, 6, (160, 176, 3)), 0, 255).round().astype(np.uint8)


def decoded(pixels: np.ndarray, **options: object) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, **options)
    return np.asarray(Image.open(stream).convert("RGB"))


@pytest.mark.parametrize(
    "options", [{"format": "JPEG", "quality": 95}, {"format": "JPEG", "quality": 60}], ids=["95", "60"]
)
@pytest.mark.parametrize("seed", range(4))
def test_a_decoded_picture_is_told_in_either_order(options, seed):
    pixels = decoded(photograph(seed), **options)
    assert not channel_order.is_bgr(pixels)
    assert channel_order.is_bgr(pixels[..., ::-1])


@pytest.mark.parametrize("seed", range(6))
def test_untouched_pictures_stay_as_they_are(seed):
    pixels = photograph(seed)
    for order in (pixels, pixels[..., ::-1]):
        assert not channel_order.is_bgr(order)


def test_few_colours_and_grey_tell_nothing():
    few = np.random.default_rng(1).choice([40, 90, 160], (96, 96, 3)).astype(np.uint8)
    assert channel_order.shares(few) is None
    assert not channel_order.is_bgr(np.zeros((96, 96), np.uint8))
    assert not channel_order.is_bgr(np.zeros((96, 96, 3), np.uint16))


def test_the_picture_is_put_in_order_and_says_so():
    pixels = decoded(photograph(1), format="JPEG", quality=90)
    put = channel_order.in_order(from_array(np.ascontiguousarray(pixels[..., ::-1])))
    assert np.array_equal(put.pixels, pixels)
    assert put.notes[-1] == channel_order.NOTE
    as_it_was = from_array(pixels)
    assert channel_order.in_order(as_it_was) is as_it_was


@pytest.mark.parametrize("quality", [None, 50, 80, 95])
def test_a_sample_of_the_pixels_changes_no_answer(quality):
    for seed in range(3):
        pixels = photograph(seed) if quality is None else decoded(photograph(seed), format="JPEG", quality=quality)
        for order in (pixels, pixels[..., ::-1]):
            sampled = channel_order.is_bgr(order)
            stored, exchanged = channel_order.shares(order)
            assert sampled == (exchanged >= channel_order.ON and stored <= channel_order.OFF)
