"""What Python users hand over: Pillow images, arrays of any byte order, and what is no picture at all."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.errors import PictureError
from forensics.pictures.opened import from_array, from_pillow, open_picture
from forensics.verdict.analysis import as_picture


def test_pillow_images_and_big_endian_arrays_are_read(photo):
    np.testing.assert_array_equal(as_picture(Image.fromarray(photo), 10**6, None).pixels, photo)
    deep = photo.astype(np.uint16) * 257
    np.testing.assert_array_equal(from_array(deep.astype(">u2")).pixels, deep)
    grey = Image.fromarray(deep[:, :, 0].copy())
    np.testing.assert_array_equal(from_pillow(grey).pixels, deep[:, :, 0])
    palette = Image.fromarray(photo).quantize(64)
    np.testing.assert_array_equal(from_pillow(palette).pixels, np.array(palette.convert("RGB")))


@pytest.mark.parametrize("source", [None, [[1, 2], [3, 4]], 7, io.StringIO("text")])
def test_what_is_no_picture_is_one_documented_error(source):
    with pytest.raises(PictureError) as refused:
        open_picture(source)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "array", [[[1, 2], [3]], np.zeros((4, 4), np.float32), np.zeros((4, 4), bool), np.zeros((4, 4, 7), np.uint8)]
)
def test_arrays_of_other_kinds_are_refused(array):
    with pytest.raises(PictureError):
        from_array(array)
