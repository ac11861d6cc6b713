"""JPEG XR states its lossiness in its header; JPEG 2000 in a TIFF is held against its own coding again."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
import tifffile

from forensics.pictures.jpegxr_header import SIGNATURE, is_lossy
from forensics.pictures.opened import open_picture

from .conftest import make_photo


@pytest.mark.parametrize("level", [None, 1.0, 0.99, 0.9, 0.6])
@pytest.mark.parametrize("kind", ["rgb", "grey", "rgb16"])
def test_jpegxr_states_whether_it_lost_anything(level, kind):
    photo = make_photo(77, 90)
    array = {"rgb": photo, "grey": np.ascontiguousarray(photo[:, :, 1]), "rgb16": photo.astype(np.uint16) * 257}[kind]
    file = bytes(imagecodecs.jpegxr_encode(array, level=level))
    kept = np.array_equal(imagecodecs.jpegxr_decode(file), array)
    assert open_picture(file).container["lossy"] is not kept


def test_a_jpegxr_header_that_is_cut_or_differs_among_tiles_leaves_it_open():
    file = bytes(imagecodecs.jpegxr_encode(make_photo(64, 64)))
    stream = file[file.find(SIGNATURE) :]
    assert is_lossy(stream) is False
    assert is_lossy(stream[:20]) is None
    assert is_lossy(stream[1:]) is None
    at = 8 + 4 + 4 + 2  # behind signature, switches, sizes and the plane's colours: the flag of one quantiser for all
    assert stream[at] & 0x80
    assert is_lossy(stream[:at] + bytes([stream[at] & 0x7F]) + stream[at + 1 :]) is None


def tiff_of(photo: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, photo, photometric="rgb", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("options", "lossy"),
    [
        ({"compression": "jpegxr"}, False),
        ({"compression": "jpegxr", "compressionargs": {"level": 0.8}}, True),
        ({"compression": "jpeg2000"}, False),
        ({"compression": "jpeg2000", "tile": (64, 64)}, False),
        ({"compression": "jpeg2000", "compressionargs": {"level": 40}}, True),
    ],
)
def test_codecs_in_tiff_state_their_lossiness(options, lossy):
    photo = make_photo(128, 128)
    opened = open_picture(tiff_of(photo, **options))
    assert opened.container["lossy"] is lossy
    assert np.array_equal(opened.pixels, photo) is not lossy
