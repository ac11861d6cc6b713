"""JPEG files: what is whole opens, what lacks blocks is refused, whatever libjpeg would fill up (ITU-T T.81)."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.codecs import registry
from forensics.errors import PictureError
from forensics.pictures import jpeg_scan, jpeg_segments
from forensics.pictures.opened import open_picture

from .conftest import make_photo, refusal, saved, spoilt


def jpeg(array: np.ndarray, **options) -> bytes:
    return saved(array, "JPEG", **{"quality": 85, **options})


def pixels(data: bytes) -> np.ndarray:
    return registry.get("jpeg").decode(data)


def entropy_start(data: bytes) -> int:
    place = data.index(b"\xff\xda")
    return place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")


WHOLE = {
    "plain": lambda d: d,
    "fill byte before the end marker": lambda d: d[:-2] + b"\xff" + d[-2:],
    "fill bytes between segments": lambda d: d[:20] + b"\xff\xff\xff" + d[20:],
    "stray bytes between segments": lambda d: d[:20] + b"\0\0\x17" + d[20:],
    "a stray byte before the end marker": lambda d: d[:-2] + b"\x7f" + d[-2:],
    "zeros behind the end": lambda d: d + bytes(3),
    "a megabyte behind the end": lambda d: d + bytes(1 << 20),
    "no end marker": lambda d: d[:-2],
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 5}])
def test_whole_files_open_with_the_same_pixels_whatever_stands_between_their_segments(kind, options, photo):
    data = jpeg(photo, **options)
    opened = open_picture(WHOLE[kind](data))
    np.testing.assert_array_equal(opened.pixels, pixels(data))
    assert opened.container["integrity"] == "every coded block was counted"
    assert bool(opened.notes) == (
        kind in ("stray bytes between segments", "a stray byte before the end marker", "no end marker")
    )


def test_fill_bytes_before_a_restart_marker_and_one_marker_too_many_lose_nothing(photo):
    data = jpeg(photo, restart_marker_blocks=8)
    first = data.index(b"\xff\xd0", entropy_start(data))
    np.testing.assert_array_equal(open_picture(data[:first] + b"\xff" + data[first:]).pixels, pixels(data))
    last = max(data.rfind(bytes([0xFF, 0xD0 + k])) for k in range(8))
    more = data[:-2] + bytes([0xFF, 0xD0 + (data[last + 1] - 0xD0 + 1) % 8]) + data[-2:]
    np.testing.assert_array_equal(open_picture(more).pixels, pixels(data))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
def test_most_spoilt_coded_data_do_not_pass(options, photo):
    """Codes that happen to give the same number of blocks and end at the same bit carry no sign of what was changed;
    they are few.
    """
    data = jpeg(photo, **options)
    start, refused = entropy_start(data), 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        place = int(rng.integers(start, len(data) - 620))
        said = refusal(data[:place] + rng.integers(0, 255, 600, dtype=np.uint8).tobytes() + data[place + 600 :])
        refused += "damaged" in said
    assert refused >= 9


def test_missing_scans_of_a_progressive_file_are_damage(photo):
    data = jpeg(photo, progressive=True)
    scans = [i for i in range(len(data) - 1) if data[i : i + 2] == b"\xff\xda"]
    assert len(scans) > 4
    for keep in range(1, len(scans)):
        with pytest.raises(PictureError, match="scans are missing"):
            open_picture(data[: scans[keep]] + b"\xff\xd9")


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_bytes_and_intervals_taken_out_are_damage(share, photo):
    data = jpeg(photo)
    start = entropy_start(data)
    length = int((len(data) - start) * share)
    with pytest.raises(PictureError, match="damaged"):
        open_picture(data[: start + 500] + data[start + 500 + length :])
    data = jpeg(photo, restart_marker_blocks=6)
    marks = [i for i in range(entropy_start(data), len(data) - 1) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
    eight = data[: marks[2]] + data[marks[10] :]  # the numbers of the markers still count up
    with pytest.raises(PictureError, match="restart intervals"):
        open_picture(eight)


def test_colour_is_told_by_jfif_adobe_and_identifiers(photo):
    assert open_picture(jpeg(photo)).container["colour"] == "ycbcr"
    rgb = saved(photo, "JPEG", quality=90, keep_rgb=True)
    assert open_picture(rgb).container["colour"] == "rgb"
    assert open_picture(jpeg(photo[:, :, 0].copy())).container["colour"] == "grey"


def test_a_file_of_several_jpegs_says_so(photo):
    buffer = io.BytesIO()
    pages = [Image.fromarray(make_photo(seed=k)) for k in (1, 2, 3)]
    pages[0].save(buffer, "MPO", save_all=True, append_images=pages[1:], quality=85)
    opened = open_picture(buffer.getvalue())
    assert opened.container["pages"] == 3
    assert "the first of 3 pictures in the file was read" in opened.notes


def test_twelve_bits_and_lossless_coding_are_read(photo):
    imagecodecs = pytest.importorskip("imagecodecs")
    deep = photo[:, :, 0].astype(np.uint16) * 16
    lossless = imagecodecs.ljpeg_encode(photo[:, :, 0].copy())
    opened = open_picture(lossless)
    np.testing.assert_array_equal(opened.pixels, photo[:, :, 0])
    assert opened.container["lossy"] is False
    twelve = imagecodecs.jpeg8_encode(deep, level=95, bitspersample=12)
    assert np.abs(open_picture(twelve).pixels.astype(int) - photo[:, :, 0]).mean() < 3


def test_the_walk_counts_as_a_plain_count_of_blocks_does(photo):
    """The expected numbers come from the picture's size alone (T.81 A.2)."""
    for options, mcu in (({}, 16), ({"subsampling": 0}, 8)):
        file = jpeg_segments.read(jpeg(photo, **options))
        found = jpeg_scan.check(file)
        assert (found.problem, found.stray) == ("", 0)
        assert found.blocks == -(-photo.shape[0] // mcu) * -(-photo.shape[1] // mcu)


@pytest.mark.parametrize("seed", range(6))
def test_random_sizes_and_samplings_are_whole(seed):
    rng = np.random.default_rng(seed)
    array = make_photo(int(rng.integers(9, 70)), int(rng.integers(9, 70)), seed)
    options = {
        "subsampling": int(rng.integers(0, 3)),
        "progressive": bool(rng.integers(0, 2)),
        "quality": int(rng.integers(5, 100)),
    }
    data = jpeg(array, **options)
    np.testing.assert_array_equal(open_picture(data).pixels, pixels(data))


def test_spoilt_headers_are_one_line(photo):
    for seed in range(20):
        assert "\n" not in refusal(spoilt(jpeg(photo), 0.02, 8, seed))


@pytest.mark.parametrize("progressive", [False, True])
def test_components_that_share_an_identifier_are_not_walked(photo, progressive):
    """The places of their blocks could not be determined: libjpeg takes them by their order."""
    data = bytearray(jpeg(photo, progressive=progressive, subsampling="4:2:0"))
    frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 10
    for k in range(3):
        data[frame + 3 * k] = 1
    place = data.find(b"\xff\xda")
    while place >= 0:
        for k in range(data[place + 4]):
            data[place + 5 + 2 * k] = 1
        place = data.find(b"\xff\xda", place + 2)
    file = jpeg_segments.read(bytes(data))
    assert not jpeg_scan.check(file).walked
    assert refusal(bytes(data)) or "could not be detected" in str(open_picture(bytes(data)).container["integrity"])


def without(data: bytes, *markers: int) -> bytes:
    """A JPEG without its segments of some markers."""
    kept, place = data[:2], 2
    while data[place + 1] != 0xDA:
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        kept += b"" if data[place + 1] in markers else data[place : place + 2 + length]
        place += 2 + length
    return kept + data[place:]


def test_frames_of_motion_jpeg_open_without_their_huffman_tables(photo):
    data = saved(photo, "JPEG", quality=80)
    opened = open_picture(without(data, 0xC4))
    np.testing.assert_array_equal(opened.pixels, open_picture(data).pixels)
    assert any("holds no Huffman tables" in note for note in opened.notes)
    with pytest.raises(PictureError, match="Huffman table that is not defined"):
        open_picture(without(saved(photo, "JPEG", quality=80, progressive=True), 0xC4))


def test_a_height_behind_the_scan_is_taken_from_there(photo):
    data = bytearray(saved(photo, "JPEG", quality=80))
    right = open_picture(bytes(data)).pixels
    place = data.index(b"\xff\xc0") + 5
    height, data[place : place + 2] = data[place : place + 2], b"\0\0"
    with pytest.raises(PictureError, match="states a size of"):
        open_picture(bytes(data))
    opened = open_picture(bytes(data[:-2]) + b"\xff\xdc\0\4" + height + b"\xff\xd9")
    np.testing.assert_array_equal(opened.pixels, right)
    assert any("(DNL)" in note for note in opened.notes)


def test_lossless_coding_keeps_its_components_and_its_point_transform(photo):
    """JFIF, which some writers of lossless JPEG add, does not make its components YCbCr; what Pt shifts away is lost
    (T.81, H.1.2.1), so that such a file is lossy. 8 bits coded as 12 with Pt 4 hold the same bytes."""
    imagecodecs = pytest.importorskip("imagecodecs")
    coded = imagecodecs.jpeg8_encode(photo, lossless=True, colorspace="rgb", outcolorspace="rgb", subsampling="444")
    jfif = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    bare = coded[:2] + coded[2 + 2 + int.from_bytes(coded[4:6], "big") :]
    for data in (coded, bare, bare[:2] + jfif + bare[2:]):
        opened = open_picture(data)
        np.testing.assert_array_equal(opened.pixels, photo)
        assert (opened.container["colour"], opened.container["lossy"]) == ("rgb", False)
    grey = photo[:, :, 0].copy()
    shifted = bytearray(imagecodecs.ljpeg_encode(grey))
    shifted[shifted.index(b"\xff\xc3") + 4] = 12
    scan = shifted.index(b"\xff\xda")
    shifted[scan + 9] = 4
    opened = open_picture(bytes(shifted))
    assert opened.container["lossy"] is True
    assert any("but for the lowest 4 bits" in note for note in opened.notes)
    assert np.abs(opened.pixels.astype(int) - np.rint(grey * 16.0 * 255 / 4095)).max() == 0
    adobe = coded.index(b"Adobe") + 11
    with pytest.raises(PictureError, match="YCbCr in lossless JPEG, which are not read"):
        open_picture(coded[:adobe] + b"\1" + coded[adobe + 1 :])
