"""What people hand to `forensics.analyze`: pictures of Pillow and arrays of any byte order are read, the rest gets the
documented error.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import forensics
from forensics.errors import PictureError
from forensics.verdict.analysis import as_picture


def scene() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (80, 90, 3), np.uint8)


@pytest.mark.parametrize("order", ["<u2", ">u2", "=u2"])
def test_byte_orders(order):
    deep = scene().astype(np.uint16) * 257
    picture = as_picture(deep.astype(order), 10**6, None)
    assert np.array_equal(picture.pixels, deep)
    assert picture.pixels.dtype == np.uint16


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "1", "P"])
def test_pillow_pictures(mode):
    picture = as_picture(Image.fromarray(scene()).convert(mode), 10**6, None)
    assert picture.pixels.shape[:2] == (80, 90)


@pytest.mark.parametrize(
    "source",
    [
        None,
        [[1, 2], [3, 4]],
        7,
        1.5,
        object(),
        {},
        scene().astype(float) / 255,
        scene().astype(np.int16),
        scene() > 128,
        np.full((80, 80), np.nan),
        np.zeros((3, 80, 80), np.uint8),
        np.zeros((80, 80, 5), np.uint8),
        np.zeros((0, 80), np.uint8),
        np.array(None),
        np.zeros(9, np.uint8),
        Image.fromarray(np.zeros((80, 80), np.float32)),
        Image.new("CMYK", (80, 80)),
        io.StringIO("text"),
        b"",
        b"no picture",
        "",
        "a\0b",
        "n" * 5000,
    ],
    ids=lambda source: type(source).__name__,
)
def test_anything_else_is_the_documented_error(source):
    with pytest.raises(PictureError) as raised:
        forensics.analyze(source)
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_read_any_more():
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(PictureError):
        forensics.analyze(closed)
