"""Files whose outer header is missing or states too few bytes: bitmaps of clipboards open, WebP says what is wrong."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from forensics.errors import PictureError
from forensics.pictures.opened import open_picture

from .conftest import make_photo


def saved_image(image: Image.Image, form: str, **options: bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def photo_as(mode: str) -> Image.Image:
    picture = Image.fromarray(make_photo(40, 37))
    return picture.quantize(200) if mode == "P" else picture.convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "P", "L", "1"])
def test_bitmaps_without_a_file_header_open_as_those_with_one(mode):
    file = saved_image(photo_as(mode), "BMP")
    opened = open_picture(file[14:])
    np.testing.assert_array_equal(opened.pixels, open_picture(file).pixels)
    assert opened.container["format"] == "bmp"
    assert "the bitmap has no file header, as on clipboards and in resources" in opened.notes


@pytest.mark.parametrize(("size", "compression"), [(40, 3), (40, 6), (108, 3), (124, 3)])
def test_bitmaps_without_a_file_header_have_their_masks_behind_short_headers(size, compression):
    photo = make_photo(40, 36)
    words = np.zeros((40, 36), "<u4")
    for channel, shift in enumerate((0, 8, 16)):  # red in the lowest byte
        words |= photo[:, :, channel].astype("<u4") << np.uint32(shift)
    masks = struct.pack("<4I", 0xFF, 0xFF00, 0xFF0000, 0)[: 16 if size > 40 or compression == 6 else 12]
    head = struct.pack("<IiiHHIIiiII", size, 36, -40, 1, 32, compression, 0, 0, 0, 0, 0) + masks
    opened = open_picture(head.ljust(max(size, len(head)), b"\0") + words.tobytes())
    np.testing.assert_array_equal(opened.pixels, photo)
    assert not any("place of its pixels" in note for note in opened.notes)


def test_bitmaps_of_os2_without_a_file_header_open():
    photo = make_photo(40, 36)
    head = struct.pack("<IHHHH", 12, 36, 40, 1, 24)
    np.testing.assert_array_equal(open_picture(head + photo[::-1, :, ::-1].tobytes()).pixels, photo)


@pytest.mark.parametrize("stated", [0, 4, 12, 100])
@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_that_states_too_few_bytes_says_so(stated, lossless):
    file = saved_image(photo_as("RGB"), "WEBP", lossless=lossless)
    with pytest.raises(PictureError, match=rf"WebP states {stated + 8} (of its {len(file)} )?bytes"):
        open_picture(file[:4] + stated.to_bytes(4, "little") + file[8:])


def test_a_png_inside_a_bmp_begins_where_the_header_says():
    inner = saved_image(photo_as("RGB"), "PNG")
    head = struct.pack("<IiiHHIIiiII", 124, 37, 40, 1, 0, 5, len(inner), 0, 0, 0, 0).ljust(124, b"\0")
    file = b"BM" + struct.pack("<IHHI", 14 + len(head) + len(inner), 0, 0, 14 + len(head)) + head + inner
    opened = open_picture(file)
    np.testing.assert_array_equal(opened.pixels, np.asarray(photo_as("RGB")))
    assert (opened.container["inside"], opened.container["lossy"]) == ("png", False)
