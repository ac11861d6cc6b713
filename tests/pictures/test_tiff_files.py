"""TIFF files: every coding that is read gives the same samples, and no strip is missing in silence."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import numpy as np
import pytest

from forensics.errors import PictureError
from forensics.pictures import fax
from forensics.pictures.opened import open_picture

from .conftest import plain_tags, refusal, saved, spoilt, tiff

tifffile = pytest.importorskip("tifffile")


def written(array: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **{"photometric": "rgb", **options})
    return buffer.getvalue()


LOSSLESS = {
    "plain": {},
    "lzw": {"compression": "lzw"},
    "deflate": {"compression": "deflate"},
    "packbits": {"compression": "packbits"},
    "zstd": {"compression": "zstd"},
    "lzma": {"compression": "lzma"},
    "lerc": {"compression": "lerc"},
    "png": {"compression": "png"},
    "webp": {"compression": "webp", "compressionargs": {"lossless": True}},
    "jpegxl": {"compression": "jpegxl", "compressionargs": {"lossless": True}},
    "jpeg2000": {"compression": "jpeg2000"},
    "lzw predictor": {"compression": "lzw", "predictor": True},
    "zstd predictor": {"compression": "zstd", "predictor": True},
    "tiles": {"tile": (64, 48)},
    "lzw tiles": {"compression": "lzw", "tile": (128, 128)},
    "big endian": {"byteorder": ">"},
    "big tiff": {"bigtiff": True},
    "big-endian big tiff": {"bigtiff": True, "byteorder": ">"},
    "strips of 7 rows": {"rowsperstrip": 7},
    "deflate strips": {"rowsperstrip": 7, "compression": "deflate"},
}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_every_coding_gives_back_the_samples(kind, photo):
    np.testing.assert_array_equal(open_picture(written(photo, **LOSSLESS[kind])).pixels, photo)


@pytest.mark.parametrize(
    "kind", ["plain", "lzw predictor", "big endian", "big-endian big tiff", "tiles", "deflate", "jpeg2000", "jpegxl"]
)
def test_sixteen_bits_stay(kind, photo):
    deep = photo.astype(np.uint16) * 256 + 77
    np.testing.assert_array_equal(open_picture(written(deep, **LOSSLESS[kind])).pixels, deep)


@pytest.mark.parametrize("options", [{}, {"compression": "lzw", "tile": (64, 64)}, {"compression": "deflate"}])
def test_planes_apart_are_put_together(options, photo):
    planes = np.ascontiguousarray(np.moveaxis(photo, 2, 0))
    np.testing.assert_array_equal(open_picture(written(planes, planarconfig="separate", **options)).pixels, photo)


@pytest.mark.parametrize("kind", ["minisblack", "miniswhite"])
def test_grey_of_both_senses(kind, photo):
    grey = np.ascontiguousarray(photo[:, :, 1])
    for options in ({}, {"tile": (64, 64)}, {"tile": (64, 64), "compression": "lzw"}):
        shown = open_picture(written(grey, **{"photometric": kind, **options})).pixels
        np.testing.assert_array_equal(shown, grey if kind == "minisblack" else 255 - grey)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7, 10, 12, 14])
def test_packed_depths_fill_their_range(bits, photo):
    imagecodecs = pytest.importorskip("imagecodecs")
    top = (1 << bits) - 1
    values = (photo[:, :, 0].astype(np.uint32) * top // 255).astype(np.uint16 if bits > 8 else np.uint8)
    strip = b"".join(bytes(imagecodecs.packints_encode(row, bits)) for row in values)
    tags = [(t, k, n, bits if t == 258 else v) for t, k, n, v in plain_tags(values, 1)]
    shown = open_picture(tiff(tags, [strip])).pixels
    full = 255 if bits < 8 else 65535
    assert np.abs(shown.astype(float) - values * (full / top)).max() <= (0.5 if bits < 8 else 1)


def palette_tiff(index: np.ndarray, scale: int) -> bytes:
    ramp = np.arange(256)
    table = np.concatenate([ramp * scale, ramp[::-1] * scale, (ramp * 7 % 256) * scale]).astype("<u2").tobytes()
    return tiff([*plain_tags(index, 3), (320, 3, 768, None)], [index.tobytes()], extra={320: table})


def test_a_colour_map_of_eight_bit_values_is_read_as_such(photo):
    index = np.ascontiguousarray(photo[:, :, 1])
    right, common = open_picture(palette_tiff(index, 257)), open_picture(palette_tiff(index, 1))
    np.testing.assert_array_equal(common.pixels, right.pixels)
    assert right.pixels[:, :, 0].max() > 200
    assert any("8-bit values" in note for note in common.notes)


def test_the_full_picture_is_read_where_the_first_directory_is_a_preview(photo):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(photo[::2, ::2].copy(), photometric="rgb", subfiletype=1, subifds=1)
        file.write(photo, photometric="rgb", subfiletype=0)
    opened = open_picture(buffer.getvalue())
    np.testing.assert_array_equal(opened.pixels, photo)
    assert any("reduced picture of 96x80" in note for note in opened.notes)
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(photo[::2, ::2].copy(), photometric="rgb", subfiletype=1)
        file.write(photo, photometric="rgb", subfiletype=0)
    np.testing.assert_array_equal(open_picture(buffer.getvalue()).pixels, photo)


def test_lossless_jpeg_in_a_strip_is_lossless(photo):
    imagecodecs = pytest.importorskip("imagecodecs")
    grey = np.ascontiguousarray(photo[:, :, 0])
    opened = open_picture(tiff(plain_tags(grey, 1, 7), [bytes(imagecodecs.ljpeg_encode(grey))]))
    np.testing.assert_array_equal(opened.pixels, grey)
    assert opened.container["lossy"] is False
    assert open_picture(written(photo, compression="jpeg")).container["lossy"] is True


def test_lossiness_is_that_of_the_strips(photo):
    for options, lossy in (
        ({"compression": "webp", "compressionargs": {"lossless": True}}, False),
        ({"compression": "webp", "compressionargs": {"level": 70, "lossless": False}}, True),
        ({"compression": "jpegxl", "compressionargs": {"lossless": True}}, False),
        ({"compression": "jpegxl", "compressionargs": {"distance": 1.0, "lossless": False}}, True),
        ({"compression": "lerc"}, False),
        ({"compression": "lerc", "compressionargs": {"level": 2}}, True),
        ({"compression": "lzw"}, False),
    ):
        assert open_picture(written(photo, rowsperstrip=80, **options)).container["lossy"] is lossy, options


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 1)])
def test_uncompressed_ycbcr_is_read_with_its_chroma_repeated(subsampling, photo):
    across, down = subsampling
    rng = np.random.default_rng(3)
    luma = photo[:, :, 1]
    rows, columns = luma.shape[0] // down, luma.shape[1] // across
    chroma = rng.integers(110, 146, (2, rows, columns), dtype=np.uint8)
    units = luma.reshape(rows, down, columns, across).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    strip = np.concatenate([units, np.moveaxis(chroma, 0, 2)], axis=2).tobytes()
    tags = [*plain_tags(photo, 6), (530, 3, 2, None)]
    packed = struct.pack("<HH", across, down)
    tags = [entry for entry in tags if entry[0] != 530]
    data = tiff([*tags, (530, 4, 1, struct.unpack("<I", packed)[0])], [strip])
    data = data.replace(struct.pack("<HHI", 530, 4, 1), struct.pack("<HHI", 530, 3, 2))
    y, cb, cr = luma.astype(float), *(plane.repeat(down, 0).repeat(across, 1).astype(float) - 128 for plane in chroma)
    right = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=2)
    opened = open_picture(data)
    assert np.abs(opened.pixels - np.clip(right, 0, 255)).max() <= 0.51
    assert opened.container["lossy"] is False


@pytest.mark.parametrize("subsampling", [(2, 1), (2, 2), (4, 4)])
def test_planes_of_halved_chroma_are_repeated(subsampling, photo):
    across, down = subsampling
    luma = photo[:, :, 1]
    chroma = np.random.default_rng(4).integers(110, 146, (2, 160 // down, 192 // across), dtype=np.uint8)
    tags = [*plain_tags(photo, 6), (284, 3, 1, 2), (530, 4, 1, across | down << 16)]
    data = tiff(tags, [plane.tobytes() for plane in (luma, *chroma)])
    data = data.replace(struct.pack("<HHI", 530, 4, 1), struct.pack("<HHI", 530, 3, 2))
    y, cb, cr = luma.astype(float), *(plane.repeat(down, 0).repeat(across, 1).astype(float) - 128 for plane in chroma)
    right = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=2)
    assert np.abs(open_picture(data).pixels - np.clip(right, 0, 255)).max() <= 0.51


@pytest.mark.parametrize("coding", ["lzw", "packbits", "deflate", "lzma", "jpeg", "zstd"])
@pytest.mark.parametrize("seed", range(4))
def test_spoilt_strips_do_not_pass_where_anything_can_tell(coding, seed, photo):
    data = written(photo, compression=coding, rowsperstrip=40)
    changed = spoilt(data, 0.2 + 0.15 * seed, 40, seed)
    said = refusal(changed)
    assert "damaged" in said or coding in ("lzw", "zstd", "packbits")
    assert said or "is not seen" in open_picture(changed).container["integrity"]


@pytest.mark.parametrize(
    ("compression", "name"), [("group4", "CCITT G4"), ("group3", "CCITT G3"), ("tiff_ccitt", "CCITT RLE")]
)
def test_fax_rows_are_those_of_libtiff_and_damage_is_seen(compression, name, photo):
    bilevel = np.where(photo[:, :, 0] > 120, 255, 0).astype(np.uint8)
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(bilevel).convert("1", dither=Image.Dither.NONE).save(buffer, "TIFF", compression=compression)
    data = buffer.getvalue()
    opened = open_picture(data)
    np.testing.assert_array_equal(opened.pixels, bilevel)
    assert opened.container["compression"] == name
    for seed in range(20):
        changed = spoilt(data, 0.1 + 0.035 * seed, 12, seed)
        assert refusal(changed) or np.array_equal(open_picture(changed).pixels, bilevel)


def test_a_row_that_starts_black_may_alternate_to_its_end():
    """One run more than samples: a white one of no length comes first."""
    from PIL import Image

    stripes = np.tile(np.uint8([0, 255]), (16, 8))
    for compression in ("group3", "group4", "tiff_ccitt"):
        buffer = io.BytesIO()
        Image.fromarray(stripes).convert("1").save(buffer, "TIFF", compression=compression)
        np.testing.assert_array_equal(open_picture(buffer.getvalue()).pixels, stripes)


def test_palettes_of_sixteen_bits(photo):
    table = np.random.default_rng(5).integers(0, 65536, (3, 65536), dtype=np.uint16)
    index = np.random.default_rng(6).integers(0, 65536, (90, 70), dtype=np.uint16)
    data = tiff(
        [*plain_tags(index, 3), (320, 3, 3 * 65536, None)],
        [index.astype("<u2").tobytes()],
        extra={320: table.astype("<u2").tobytes()},
    )
    np.testing.assert_array_equal(open_picture(data).pixels, np.moveaxis(table[:, index] >> 8, 0, 2))


def test_fax_codes_are_prefix_free_and_complete_for_every_run():
    for black in (False, True):
        lengths, runs = fax.code_table(black)
        assert set(runs[lengths > 0]) == {*range(64), *range(64, 2561, 64)}
        assert sum(2.0 ** -lengths[lengths > 0]) < (1 << 13)


def test_missing_empty_and_shared_strips_are_refused(photo):
    rows = 20
    strips = [photo[top : top + rows].tobytes() for top in range(0, photo.shape[0], rows)]
    whole = tiff(plain_tags(photo, 2, rows=rows), strips)
    np.testing.assert_array_equal(open_picture(whole).pixels, photo)
    with pytest.raises(PictureError, match="7 of 8 strips are there"):
        open_picture(tiff(plain_tags(photo, 2, rows=rows), strips[:7]))
    sparse = bytearray(whole)
    place = whole.index(struct.pack("<I", len(strips[0])) * 2)
    sparse[place : place + 8] = bytes(8)
    with pytest.raises(PictureError, match="2 of 8 strips hold no data"):
        open_picture(bytes(sparse))


@pytest.mark.parametrize("compression", ["group4", "tiff_lzw", "tiff_deflate", "raw"])
def test_a_strip_of_stated_length_0_reaches_to_what_follows(compression, photo):
    """Broken writers leave `StripByteCounts` at 0, or out; libtiff takes what lies between a strip and the next."""
    from PIL import Image

    picture = Image.fromarray(photo[:, :, 0])
    buffer = io.BytesIO()
    if compression == "group4":
        picture = picture.convert("1")
    picture.save(buffer, "TIFF", compression=compression, strip_size=1 << 20)
    data = bytearray(buffer.getvalue())
    at = struct.unpack_from("<I", data, 4)[0]
    entries = range(at + 2, at + 2 + 12 * struct.unpack_from("<H", data, at)[0], 12)
    (counts,) = (entry for entry in entries if struct.unpack_from("<H", data, entry)[0] == 279)
    assert struct.unpack_from("<I", data, counts + 4)[0] == 1
    data[counts + 8 : counts + 12] = bytes(4)
    expected = np.asarray(picture).astype(np.uint8) * (255 if compression == "group4" else 1)
    np.testing.assert_array_equal(open_picture(bytes(data)).pixels, expected)


def test_strips_that_share_one_long_stream_cost_no_more_than_their_own_size(photo):
    """92 kB that libtiff inflates for over a minute."""
    long = zlib.compress(bytes(30_000_000), 9)
    rows = 4000
    tags = [
        (256, 4, 1, 64),
        (257, 4, 1, rows),
        (258, 3, 1, 8),
        (259, 3, 1, 8),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
        (278, 4, 1, 1),
        (273, 4, rows, None),
        (279, 4, rows, None),
    ]
    start = 8 + 2 + 12 * len(tags) + 4
    at = start + 8 * rows
    values = {273: struct.pack(f"<{rows}I", *[at] * rows), 279: struct.pack(f"<{rows}I", *[len(long)] * rows)}
    table = b"".join(
        struct.pack("<HHII", t, k, n, start if t == 273 else start + 4 * rows if t == 279 else v)
        for t, k, n, v in sorted(tags)
    )
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + table + bytes(4) + values[273] + values[279] + long
    with pytest.raises(PictureError, match=r"share their bytes|longer than it"):
        open_picture(data)


def test_a_tile_far_larger_than_the_picture_is_refused_by_its_size(photo):
    tags = [*plain_tags(photo, 2), (322, 4, 1, 60_000), (323, 4, 1, 60_000)]
    with pytest.raises(PictureError, match="more than 4 times the picture"):
        open_picture(tiff(tags, [b"abcdefgh"]))


def test_offsets_beyond_any_file_and_directories_that_share_values_are_damage():
    with pytest.raises(PictureError, match="truncated"):
        open_picture(b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**64 - 1) + bytes(64))
    entry = struct.pack("<HHII", 65000, 1, 1 << 20, 8)
    with pytest.raises(PictureError, match=r"more values than|not within"):
        open_picture(b"II*\0\x08\0\0\0" + struct.pack("<H", 2000) + entry * 2000 + bytes(4) + bytes(1 << 20))


def test_extra_samples_and_depths_left_out_are_noted(photo):
    five = np.dstack([photo, photo[:, :, :2]])
    opened = open_picture(written(five, extrasamples=("unspecified", "unspecified")))
    np.testing.assert_array_equal(opened.pixels, photo)
    assert any("2 further samples" in note for note in opened.notes)
    volume = np.stack([photo[:, :, 0]] * 3)
    opened = open_picture(written(volume, photometric="minisblack", volumetric=True, tile=(16, 64, 64)))
    np.testing.assert_array_equal(opened.pixels, photo[:, :, 0])
    assert "the first of 3 planes in depth was read" in opened.notes


def test_an_unread_coding_is_named_and_no_message_holds_an_address(photo):
    for number, word in ((34661, "JBIG"), (12345, "number 12345")):
        with pytest.raises(PictureError, match=word) as refused:
            open_picture(tiff(plain_tags(photo, 2, number), [photo.tobytes()]))
        assert "0x" not in str(refused.value)
        assert "damaged" not in str(refused.value)


def test_alpha_of_tiff_is_apart(photo):
    rgba = np.dstack([photo, photo[:, :, 0]])
    for options in ({}, {"compression": "lzw", "predictor": True}, {"tile": (64, 64)}):
        opened = open_picture(written(rgba, extrasamples=("unassalpha",), **options))
        np.testing.assert_array_equal(opened.pixels, photo)
        np.testing.assert_array_equal(opened.alpha, photo[:, :, 0])


def test_pages_are_chosen_by_number(photo):
    from PIL import Image

    buffer = io.BytesIO()
    pages = [Image.fromarray(np.roll(photo, 9 * k, 0)) for k in range(3)]
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    for k in range(3):
        np.testing.assert_array_equal(open_picture(buffer.getvalue(), frame=str(k)).pixels, np.roll(photo, 9 * k, 0))
    with pytest.raises(PictureError, match="3 pictures"):
        open_picture(buffer.getvalue(), frame="3")


def test_pillow_reads_the_same(photo):
    """Second reader, libtiff: all codings that it writes."""
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma"):
        np.testing.assert_array_equal(open_picture(saved(photo, "TIFF", compression=compression)).pixels, photo)
    assert len(list(itertools.chain(LOSSLESS))) > 15


def test_an_alpha_that_webp_left_out_is_opaque(photo):
    imagecodecs = pytest.importorskip("imagecodecs")
    stored = bytes(imagecodecs.webp_encode(photo, lossless=True))  # libwebp drops an alpha that is opaque everywhere
    opaque = np.dstack([photo, np.full_like(photo[:, :, 0], 255)])
    opened = open_picture(tiff([*plain_tags(opaque, 2, 50001), (338, 3, 1, 2)], [stored]))
    np.testing.assert_array_equal(opened.pixels, photo)
    assert opened.container["alpha"] is True


def test_samples_of_high_range_are_named(photo):
    wide = photo.astype(np.int16)
    with pytest.raises(PictureError, match="LogLuv samples"):
        open_picture(tiff([*plain_tags(wide, 32845), (339, 3, 1, 2)], [wide.tobytes()]))


def test_pairs_of_runs_without_length_do_not_fill_a_row_for_ever():
    """Codes that never move on: each would write one more change behind the row."""
    nothing = "001" + "00110101" + "0000110111"  # horizontal mode, white run of 0, black run of 0
    bits = (nothing * 40_000).ljust(8 * 105_000, "0")
    strip = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    with pytest.raises(PictureError, match="0 of 8 rows of CCITT G4 can be decoded: a run leaves its row"):
        fax.decode("CCITT G4", strip, 8, 64)
