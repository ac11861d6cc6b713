"""PNG, BMP, GIF, JPEG 2000, JPEG XL, WebP, AVIF and HEIC: whole files open, damaged ones do not, and the facts are
those of the stream.
"""

from __future__ import annotations

import io
import itertools
import shutil
import struct
import subprocess
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from forensics.errors import PictureError
from forensics.pictures import container, jpegxl_header
from forensics.pictures.opened import open_picture
from forensics.verdict.agreement import compare

from .conftest import make_photo, png_chunk, saved, spoilt

# PNG


def with_chunk(data: bytes, chunk: bytes) -> bytes:
    return data[:33] + chunk + data[33:]


def test_large_text_and_spoilt_ancillary_chunks_do_not_keep_a_png_from_opening(photo):
    data = saved(photo, "PNG")
    text = png_chunk(b"zTXt", b"History\0\0" + zlib.compress(b"step " * 400_000, 1))
    profile = png_chunk(b"iCCP", b"large\0\0" + zlib.compress(bytes(3_000_000)))
    wrong = bytearray(png_chunk(b"tEXt", b"Comment\0hello"))
    wrong[-1] ^= 1
    for chunk, said in ((text, False), (profile, False), (bytes(wrong), True)):
        opened = open_picture(with_chunk(data, chunk))
        np.testing.assert_array_equal(opened.pixels, photo)
        assert any("wrong checksum" in note for note in opened.notes) == said


def test_png_colour_statements_are_facts(photo):
    data = saved(photo, "PNG")
    chunks = png_chunk(b"gAMA", struct.pack(">I", 45455)) + png_chunk(b"cICP", bytes([9, 16, 0, 1]))
    facts = open_picture(with_chunk(data, chunks)).container
    assert (facts["gamma"], facts["cicp"]) == (0.45455, "9/16/0/1")


def test_apples_png_and_lfs_pointers_are_named(photo):
    data = saved(photo, "PNG")
    with pytest.raises(PictureError, match="CgBI"):
        open_picture(data[:8] + png_chunk(b"CgBI", b"\x50\0\x20\x02") + data[8:])
    with pytest.raises(PictureError, match="Git LFS"):
        open_picture(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")


def raw_png(array: np.ndarray, stream: bytes, interlace: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 8 * array.itemsize, 2, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", stream) + png_chunk(b"IEND", b"")


def test_png_pixels_are_held_against_their_own_checksum_and_size(photo):
    rows = b"".join(b"\0" + row.tobytes() for row in photo)
    np.testing.assert_array_equal(open_picture(raw_png(photo, zlib.compress(rows))).pixels, photo)
    stream = bytearray(zlib.compress(rows))
    stream[-1] ^= 1
    with pytest.raises(PictureError, match="incorrect data check"):
        open_picture(raw_png(photo, bytes(stream)))
    with pytest.raises(PictureError, match="49 % of the pixels are there"):
        open_picture(raw_png(photo, zlib.compress(rows[: len(rows) // 2 - 100])))
    opened = open_picture(raw_png(photo, zlib.compress(rows + bytes(5000))))
    assert any("more compressed data" in note for note in opened.notes)


@pytest.mark.parametrize("cut", [1, 12, 14])
def test_a_png_cut_behind_its_pixels_opens_and_says_so(photo, cut):
    data = saved(photo, "PNG")
    late = data[:-12] + png_chunk(b"tEXt", b"Comment\0" + bytes(40)) + data[-12:]
    for file in (data, late):
        if file is data and cut > 12:
            continue
        opened = open_picture(file[:-cut])
        np.testing.assert_array_equal(opened.pixels, photo)
        assert any("end chunk (IEND)" in note for note in opened.notes)
    with pytest.raises(PictureError, match="truncated"):
        open_picture(data[:-17])


def palette_png(index: np.ndarray, *chunks: bytes, interlace: int = 0) -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", index.shape[1], index.shape[0], 8, 3, 0, 0, interlace))
    stream = zlib.compress(b"".join(b"\0" + row.tobytes() for row in index))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + png_chunk(b"IDAT", stream) + png_chunk(b"IEND", b"")


def test_a_png_of_palette_colours_needs_a_palette():
    index = np.arange(16 * 20, dtype=np.uint8).reshape(16, 20) % 16
    colours = bytes(range(48))
    whole = palette_png(index, png_chunk(b"PLTE", colours))
    np.testing.assert_array_equal(open_picture(whole).pixels, np.frombuffer(colours, np.uint8).reshape(16, 3)[index])
    for chunks, said in (
        ([], "with no palette"),
        ([png_chunk(b"PLTE", b"")], "0 bytes"),
        ([png_chunk(b"PLTE", bytes(50))], "50 bytes"),
    ):
        with pytest.raises(PictureError, match=said):
            open_picture(palette_png(index, *chunks))
    with pytest.raises(PictureError, match="interlace method 2"):
        open_picture(palette_png(index, png_chunk(b"PLTE", colours), interlace=2))


@pytest.mark.parametrize(("kind", "body"), [("RGB", b"\0"), ("L", bytes(6)), ("RGBA", bytes(6)), ("P", b"")])
def test_a_transparency_that_does_not_fit_does_not_keep_a_png_from_opening(photo, kind, body):
    buffer = io.BytesIO()
    Image.fromarray(photo).convert(kind).save(buffer, "PNG")
    data = buffer.getvalue()
    place = data.index(b"IDAT") - 4
    opened = open_picture(data[:place] + png_chunk(b"tRNS", body) + data[place:])
    np.testing.assert_array_equal(opened.pixels, open_picture(data).pixels)
    assert opened.container["alpha"] == (kind == "RGBA")
    assert any("tRNS that does not fit" in note for note in opened.notes)


def test_samples_beyond_a_palette_are_counted():
    index = np.arange(16 * 20, dtype=np.uint8).reshape(16, 20) % 16
    few = bytes(range(30, 42))
    picture = Image.fromarray(index, "P")
    picture.putpalette(list(range(48)))
    buffer = io.BytesIO()
    picture.save(buffer, "GIF")
    gif = buffer.getvalue()
    table = 3 << (gif[10] & 7) + 1
    bitmap = bmp(20, 16, 8, 0, index[::-1].tobytes(), b"".join(few[k : k + 3] + b"\0" for k in range(0, 12, 3)))
    bitmap = bitmap[:46] + (4).to_bytes(4, "little") + bitmap[50:]
    for data in (
        palette_png(index, png_chunk(b"PLTE", few)),
        gif[:10] + bytes([gif[10] & ~7 | 1]) + gif[11:13] + few + gif[13 + table :],
        bitmap,
    ):
        opened = open_picture(data)
        assert any("75.0 % of the samples name colours that the palette of 4 lacks" in n for n in opened.notes)
        assert (opened.pixels[index > 3] == 0).all()
        assert (opened.pixels[index == 1] > 0).all()
    assert not any("lacks" in note for note in open_picture(gif).notes)


def test_a_gif_that_its_first_picture_does_not_fill_says_so(photo):
    picture = Image.fromarray(photo).quantize(32)
    buffer = io.BytesIO()
    picture.save(buffer, "GIF")
    gif = bytearray(buffer.getvalue())
    assert not any("covers" in note for note in open_picture(bytes(gif)).notes)
    gif[6:10] = struct.pack("<HH", picture.width + 40, picture.height + 30)
    opened = open_picture(bytes(gif))
    assert f"the GIF's first picture covers {picture.width}x{picture.height} of" in " ".join(opened.notes)


# BMP


def bmp(
    width: int, height: int, bits: int, compression: int, body: bytes, extra: bytes = b"", size: int | None = None
) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(body), 2835, 2835, 0, 0) + extra
    total = 14 + len(head) + len(body) if size is None else size
    return b"BM" + struct.pack("<IHHI", total, 0, 0, 14 + len(head)) + head + body


@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, (0xF00, 0xF0, 0xF)),
        (16, (0x7C00, 0x3E0, 0x1F)),
        (16, (0xF800, 0x7E0, 0x1F)),
        (32, (0xFF, 0xFF00, 0xFF00000)),
        (32, (0x3FF00000, 0xFFC00, 0x3FF)),
        (16, (0xE000, 0x1C00, 0x300)),
        (32, (0x3F, 0x7FFFC0, 0x0F800000)),
    ],
)
def test_bmp_bit_fields_of_any_masks(bits, masks, photo):
    words, right = np.zeros(photo.shape[:2], np.uint32), []
    widths = [mask.bit_count() for mask in masks]
    for k, mask in enumerate(masks):
        shift, top = (mask & -mask).bit_length() - 1, (1 << widths[k]) - 1
        value = (photo[:, :, k].astype(np.uint64) * top // 255).astype(np.uint64)
        words |= (value << shift).astype(np.uint32)
        full = 255 if max(widths) <= 8 else 65535
        right.append((value * full + top // 2) // top)
    body = words[::-1].astype(f"<u{bits // 8}").tobytes()
    opened = open_picture(bmp(photo.shape[1], photo.shape[0], bits, 3, body, struct.pack("<III", *masks)))
    np.testing.assert_array_equal(opened.pixels, np.stack(right, 2))


@pytest.mark.parametrize("size", [0, 10, 1 << 31])
def test_the_size_field_of_a_bmp_counts_for_nothing(size, photo):
    body = photo[::-1, :, ::-1].tobytes()
    np.testing.assert_array_equal(open_picture(bmp(192, 160, 24, 0, body, size=size)).pixels, photo)
    with pytest.raises(PictureError, match="50 % of the pixels are there"):
        open_picture(bmp(192, 160, 24, 0, body[: len(body) // 2]))


@pytest.mark.parametrize("stated", [0, 54])
def test_pixels_of_a_bmp_lie_behind_its_palette(stated):
    index = np.random.default_rng(1).integers(0, 252, (40, 36), dtype=np.uint8)
    palette = np.random.default_rng(2).integers(0, 256, (252, 4), dtype=np.uint8)
    head = struct.pack("<IiiHHIIiiII", 40, 36, 40, 1, 8, 0, 0, 0, 0, 252, 0) + palette.tobytes()
    rest = head + index[::-1].tobytes()
    right = open_picture(b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(head)) + rest)
    wrong = open_picture(b"BM" + struct.pack("<IHHI", 0, 0, 0, stated) + rest)
    np.testing.assert_array_equal(right.pixels, palette[index][:, :, 2::-1])
    np.testing.assert_array_equal(wrong.pixels, right.pixels)
    assert any("lies in its headers" in note for note in wrong.notes)
    assert not any("lies in its headers" in note for note in right.notes)


@pytest.mark.parametrize("past", [False, True])
def test_run_lengths_past_a_row_are_dropped(past):
    """Photoshop pads absolute runs to an even count, one sample past an odd row."""
    index = np.random.default_rng(1).integers(0, 16, (40, 33), dtype=np.uint8)
    palette = np.random.default_rng(2).integers(0, 256, (16, 4), dtype=np.uint8)
    body = bytearray()
    for row in index[::-1]:
        samples = [*row, 0]
        count = 34 if past else 33
        packed = bytes(samples[i] << 4 | samples[i + 1] for i in range(0, 34, 2))
        body += bytes([0, count]) + packed + b"\0" * (len(packed) % 2) + b"\0\0"
    head = struct.pack("<IiiHHIIiiII", 40, 33, 40, 1, 4, 2, len(body) + 2, 0, 0, 16, 0) + palette.tobytes()
    data = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(head)) + head + bytes(body) + b"\0\1"
    opened = open_picture(data)
    np.testing.assert_array_equal(opened.pixels, palette[index][:, :, 2::-1])
    assert not any("past their rows" in note for note in opened.notes)


def test_runs_far_past_a_row_are_said():
    body = b"".join(bytes([33, row % 16 * 17, 9, 7, 0, 0]) for row in range(40)) + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, 33, 40, 1, 4, 2, len(body), 0, 0, 16, 0) + bytes(range(64))
    opened = open_picture(b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(head)) + head + body)
    assert (
        f"{40 * 8} samples of the BMP's run lengths lie past their rows and were dropped: it is damaged" in opened.notes
    )


def test_an_os2_header_of_sixteen_bytes_opens(photo):
    body = photo[::-1, :, ::-1].tobytes()
    head = struct.pack("<IiiHH", 16, 192, 160, 1, 24)
    opened = open_picture(b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(head)) + head + body)
    np.testing.assert_array_equal(opened.pixels, photo)


def test_a_jpeg_inside_a_bmp_is_lossy(photo):
    inner = saved(photo, "JPEG", quality=60)
    facts = open_picture(bmp(192, 160, 0, 4, inner)).container
    assert (facts["inside"], facts["lossy"], facts["codec"]) == ("jpeg", True, "jpeg")
    assert compare("jpeg", ("jpeg",), 0.99, facts).status == "agree"


# JPEG 2000


def j2k(array: np.ndarray, **options) -> bytes:
    return saved(
        array,
        "JPEG2000",
        **{"no_jp2": True, "irreversible": True, "quality_mode": "rates", "quality_layers": [12], **options},
    )


def test_codestreams_closed_in_other_ways_are_whole(photo):
    data = j2k(photo)
    right = open_picture(data).pixels
    for other, word in ((data + b"\0", "behind"), (data + bytes(7), "behind"), (data[:-2], "lacks its end marker")):
        opened = open_picture(other)
        np.testing.assert_array_equal(opened.pixels, right)
        assert any(word in note for note in opened.notes)
    with pytest.raises(PictureError, match="truncated or damaged"):
        open_picture(data[: len(data) * 2 // 3])


def test_tiles_that_are_not_there_are_counted():
    photo = make_photo(256, 256)
    data = j2k(photo, tile_size=(64, 64))
    parts = [i for i in range(len(data) - 1) if data[i : i + 4] == b"\xff\x90\0\x0a"]
    assert len(parts) == 16
    for keep in (1, 9, 15):
        with pytest.raises(PictureError, match=f"{keep} of 16 tiles are there"):
            open_picture(data[: parts[keep]] + b"\xff\xd9")
    assert open_picture(data).pixels.shape == photo.shape


def test_sixteen_bits_of_jpeg2000_stay(photo):
    deep = photo[:, :, 0].astype(np.uint16) * 256 + 77
    for codec, options in (("jp2", {}), ("j2k", {})):
        data = imagecodecs.jpeg2k_encode(deep, level=0, reversible=True, codecformat=codec, **options)
        np.testing.assert_array_equal(open_picture(data).pixels, deep)


@pytest.mark.parametrize("options", [{"mct": 1}, {"mct": 0}, {"mct": 1, "tile_size": (64, 64)}])
def test_a_reversible_codestream_says_whether_bits_were_cut_off(options, photo):
    whole = saved(photo, "JPEG2000", irreversible=False, **options)
    assert open_picture(whole).container["lossy"] is False
    cut = saved(photo, "JPEG2000", irreversible=False, quality_mode="rates", quality_layers=[5], **options)
    assert not np.array_equal(open_picture(cut).pixels, photo)
    assert open_picture(cut).container["lossy"] is True


# A lossless file of pixels that were lossy before


@pytest.mark.parametrize("kind", ["jpegxl", "jpeg2000", "avif", "webp"])
def test_lossless_files_of_lossy_pixels_are_findings_the_same_codec_included(kind):
    before = imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(make_photo(), level=80))
    makers = {
        "jpegxl": lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
        "jpeg2000": lambda a: imagecodecs.jpeg2k_encode(a, level=0, reversible=True, codecformat="jp2"),
        "avif": lambda a: imagecodecs.avif_encode(a, level=100, pixelformat="444"),
        "webp": lambda a: imagecodecs.webp_encode(a, lossless=True),
    }
    opened = open_picture(bytes(makers[kind](before)))
    np.testing.assert_array_equal(opened.pixels, before)
    for verdict in ("jpeg", kind):
        found = compare(verdict, (verdict,), 0.97, opened.container)
        assert found.status == "finding"
        assert "stores the pixels without loss" in found.text


# JPEG XL


def test_jpegxl_headers_state_depth_colour_alpha_and_lossiness(photo):
    encode = imagecodecs.jpegxl_encode
    rgba = np.dstack([photo, photo[:, :, 0]])
    rows = [
        (encode(photo, distance=1.0), 8, "rgb", False, True),
        (encode(photo, lossless=True), 8, "rgb", False, False),
        (encode(rgba, distance=1.0), 8, "rgb", True, True),
        (encode(photo[:, :, 0].copy(), distance=1.0), 8, "grey", False, True),
        (encode(photo.astype(np.uint16) * 257, lossless=True), 16, "rgb", False, False),
        (encode(rgba, lossless=True), 8, "rgb", True, False),
    ]
    for data, *right in rows:
        facts = open_picture(data).container
        assert [facts[name] for name in ("bit_depth", "colour", "alpha", "lossy")] == right


def test_a_jpeg_kept_in_jpegxl_opens_and_is_said_to_be_one(photo):
    jpeg = imagecodecs.jpeg8_encode(photo, level=85, subsampling="420")
    data = imagecodecs.jpegxl_encode_jpeg(jpeg)
    opened = open_picture(data)
    assert opened.container["codec"] == "jpeg"
    assert any("keeps a JPEG" in note for note in opened.notes)
    np.testing.assert_array_equal(opened.pixels, open_picture(jpeg).pixels)
    assert compare("jpeg", ("jpeg",), 0.97, opened.container).status == "agree"


def test_the_parts_of_a_codestream_are_put_together_and_counted(photo):
    bare = bytes(imagecodecs.jpegxl_encode(photo, distance=1.0, usecontainer=False))
    bare = bare if bare[:2] == b"\xff\x0a" else jpegxl_header.codestream(bare)[0]

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    head = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    cuts = [0, 5, 9, 100, len(bare)]
    pieces = [bare[a:b] for a, b in itertools.pairwise(cuts)]
    parts = [box(b"jxlp", struct.pack(">I", i | (i == 3) << 31) + piece) for i, piece in enumerate(pieces)]
    np.testing.assert_array_equal(open_picture(head + b"".join(parts)).pixels, open_picture(bare).pixels)
    with pytest.raises(PictureError, match="last part"):
        open_picture(head + b"".join(parts[:3]))
    with pytest.raises(PictureError, match="do not count up"):
        open_picture(head + parts[0] + b"".join(parts[2:]))


def test_an_animation_of_jpegxl_says_so(photo):
    frames = np.stack([make_photo(seed=k) for k in (1, 2, 3)])
    opened = open_picture(imagecodecs.jpegxl_encode(frames, distance=1.0, photometric="rgb"))
    assert opened.container["animated"]
    assert opened.pixels.shape == photo.shape


# WebP, AVIF, HEIC


@pytest.mark.parametrize("lossless", [False, True])
def test_every_frame_of_a_webp_animation_tells_whether_it_is_lossy(lossless):
    pages = [Image.fromarray(make_photo(seed=k)) for k in (1, 2, 3)]
    buffer = io.BytesIO()
    pages[0].save(buffer, "WEBP", save_all=True, append_images=pages[1:], lossless=lossless, quality=70)
    facts = open_picture(buffer.getvalue()).container
    assert (facts["lossy"], facts["pages"]) == (not lossless, 3)


def test_avif_states_its_lossiness_by_index_deltas_and_matrix(photo):
    encode = imagecodecs.avif_encode
    assert open_picture(encode(photo, level=60)).container["lossy"] is True
    assert open_picture(encode(photo, level=100, pixelformat="444")).container["lossy"] is False
    assert open_picture(saved(photo, "AVIF", quality=100, subsampling="4:2:0")).container["lossy"] is True


def test_avif_rotation_is_stated_and_not_applied(photo):
    exif = Image.Exif()
    exif[274] = 6
    opened = open_picture(saved(photo, "AVIF", quality=60, exif=exif))
    assert (opened.width, opened.height) == (192, 160)
    assert opened.container["rotation_applied"] is False
    assert any("not applied" in note for note in opened.notes)


def test_a_clean_aperture_is_said(photo):
    data = saved(photo, "AVIF", quality=80)
    # Its box of colour takes the place of one that crops: the header alone is read.
    _, stated = container.read_stated(data.replace(b"colr", b"clap", 1))
    assert stated.facts["clean_aperture"] is True
    assert "the crop to a clean aperture that the file states was not applied" in stated.notes


def test_colours_multiplied_by_alpha_are_said(photo):
    colours = np.dstack([photo, photo[:, :, 0] | 1])
    opened = open_picture(saved(colours, "AVIF", quality=90, alpha_premultiplied=True))
    assert "the colours are stored multiplied by alpha, and the decoder divided them by it" in opened.notes
    assert not any("multiplied" in note for note in open_picture(saved(colours, "AVIF", quality=90)).notes)


def test_an_avif_sequence_has_pages(photo):
    pages = [Image.fromarray(make_photo(seed=k)) for k in (1, 2, 3)]
    buffer = io.BytesIO()
    pages[0].save(buffer, "AVIF", save_all=True, append_images=pages[1:], quality=60)
    assert open_picture(buffer.getvalue()).container["pages"] == 3


def test_a_jpegxl_animation_has_pages(photo):
    data = bytes(imagecodecs.jpegxl_encode(np.stack([make_photo(seed=k) for k in (1, 2, 3)]), lossless=True))
    opened = open_picture(data)
    assert opened.container["pages"] == 3
    assert "the first of 3 pictures in the file was read" in opened.notes
    np.testing.assert_array_equal(opened.pixels, make_photo(seed=1))
    assert open_picture(imagecodecs.jpegxl_encode(photo, lossless=True)).container["pages"] == 1


@pytest.mark.skipif(not shutil.which("cjxl"), reason="cjxl is not on PATH (Debian package libjxl-tools)")
def test_a_jpegxl_with_a_profile_says_what_is_not_read(photo, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(photo).save(tmp_path / "a.png", icc_profile=profile)
    subprocess.run(["cjxl", "a.png", "a.jxl", "-d", "0"], cwd=tmp_path, check=True, capture_output=True)
    opened = open_picture(tmp_path / "a.jxl")
    np.testing.assert_array_equal(opened.pixels, photo)
    assert opened.container["icc_profile"] is True
    assert opened.container["lossy"] is not None or any("behind its colour profile" in note for note in opened.notes)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 8, 13])
def test_frames_of_a_jpegxl_animation_are_counted_without_decoding_all(count, monkeypatch):
    from forensics.pictures import jpegxl_file

    data = bytes(imagecodecs.jpegxl_encode(np.stack([make_photo(16, 24, seed=k) for k in range(count)]), lossless=True))
    assert open_picture(data).container["pages"] == count
    monkeypatch.setattr(jpegxl_file, "MOST_COUNTED", 16 * 24)
    assert "the first of several pictures in the file was read" in open_picture(data).notes


def without_still(data: bytes) -> bytes:
    """A sequence whose still picture is gone, as video tools write it: brand `avis`, tracks alone."""
    head = int.from_bytes(data[:4], "big")
    brands = data[:head].replace(b"avif", b"avis").replace(b"mif1", b"avis").replace(b"miaf", b"avis")
    return brands + data[head:].replace(b"meta", b"free", 1)


def test_an_avif_sequence_without_a_still_picture_opens(photo):
    pages = [Image.fromarray(make_photo(seed=k)) for k in (1, 2)]
    buffer = io.BytesIO()
    pages[0].save(buffer, "AVIF", save_all=True, append_images=pages[1:], quality=60)
    opened = open_picture(without_still(buffer.getvalue()))
    np.testing.assert_array_equal(opened.pixels, open_picture(buffer.getvalue()).pixels)
    assert (opened.container["pages"], opened.container["bit_depth"]) == (2, 8)
    assert opened.container["chroma_subsampling"] == "4:2:0"


def unstated_alpha(photo: np.ndarray) -> bytes:
    """An AVIF whose alpha plane does not say its size."""
    pixels = np.dstack([photo, photo[:, :, 0]])
    data = bytearray(saved(pixels, "AVIF", quality=60))
    (start,) = [at for at in range(len(data)) if data[at : at + 4] == b"ipma"]
    entries = data[start + 8 + 4 :]
    second = start + 12 + 3 + entries[2]  # after the first item: number, count, associations
    assert data[second + 1] == 2
    data[second + 3] = data[second + 4]  # its first property, ispe, becomes the second once more
    return bytes(data)


def test_an_avif_that_breaks_a_rule_is_read_or_the_rule_is_named(photo):
    data = saved(photo, "AVIF", quality=60)
    opened = open_picture(unstated_alpha(photo))
    assert any("leaves out what AVIF demands" in note for note in opened.notes)
    place = data.index(b"av1C")
    with pytest.raises(PictureError, match=r"the avif decoder refused it: .*item"):
        open_picture(data[:place] + b"av1X" + data[place + 4 :])


def test_an_avif_whose_stated_size_is_not_the_coded_one_says_so(photo):
    data = bytearray(saved(photo, "AVIF", quality=60))
    place = data.index(b"ispe") + 8
    data[place : place + 8] = struct.pack(">II", 384, 320)
    opened = None
    try:
        opened = open_picture(bytes(data))
    except PictureError:  # a decoder may refuse it too
        return
    assert any("192x160 are coded" in note for note in opened.notes)


def heic(array: np.ndarray, mode: str = "RGB"):
    pillow_heif = pytest.importorskip("pillow_heif")
    return pillow_heif.from_bytes(mode, (array.shape[1], array.shape[0]), array.tobytes())


def test_heic_alpha_and_several_pictures_are_stated(photo):
    buffer = io.BytesIO()
    heic(np.dstack([photo, photo[:, :, 0]]), "RGBA").save(buffer, quality=60)
    opened = open_picture(buffer.getvalue())
    assert opened.container["alpha"]
    assert "the alpha channel was left out of the analysis" in opened.notes
    file, buffer = heic(photo), io.BytesIO()
    for seed in (2, 3):
        file.add_from_pillow(Image.fromarray(make_photo(seed=seed)))
    file.save(buffer, quality=60)
    opened = open_picture(buffer.getvalue())
    assert opened.container["pages"] == 3
    assert "the first of 3 pictures in the file was read" in opened.notes


def test_heic_data_zeroed_from_the_middle_are_damage(photo):
    buffer = io.BytesIO()
    heic(photo).save(buffer, quality=70)
    data = buffer.getvalue()
    start = data.index(b"mdat") + 4
    middle = start + (len(data) - start) // 2
    for length in (12, 60, 400):
        with pytest.raises(PictureError, match="damaged"):
            open_picture(data[:middle] + bytes(length) + data[middle + length :])


def test_files_that_name_the_container_alone_are_told_by_their_items(photo):
    buffer = io.BytesIO()
    heic(photo).save(buffer, quality=60)
    data = buffer.getvalue()
    size = int.from_bytes(data[:4], "big")
    other = data[:8] + b"mif1" + bytes(4) + b"mif1" * ((size - 16) // 4) + data[size:]
    np.testing.assert_array_equal(open_picture(other).pixels, open_picture(data).pixels)
    assert open_picture(other).container["codec"] == "heic"
    with pytest.raises(PictureError, match="coded as 'avc1'"):
        open_picture(other.replace(b"hvc1", b"avc1"))


# JPEG XR


@pytest.mark.parametrize("keep", [0.97, 0.6])
def test_jpegxr_cut_with_its_stated_length_adjusted_is_damage(keep, photo):
    data = bytes(imagecodecs.jpegxr_encode(photo, level=0.8))
    place = data.index(struct.pack("<HHI", 0xBCC1, 4, 1)) + 8
    offset, count = (
        struct.unpack_from("<I", data, p)[0] for p in (data.index(struct.pack("<HHI", 0xBCC0, 4, 1)) + 8, place)
    )
    cut = bytearray(data[: offset + int(count * keep)])
    struct.pack_into("<I", cut, place, int(count * keep))
    with pytest.raises(PictureError, match="end before the picture does"):
        open_picture(bytes(cut))
    np.testing.assert_array_equal(open_picture(data).pixels, imagecodecs.jpegxr_decode(data))


# GIF


def test_a_gif_without_trailer_or_with_stray_bytes_keeps_its_whole_pictures(photo):
    data = saved(photo, "GIF")
    right = open_picture(data).pixels
    for other in (data[:-1], data[:-1] + b"\0\0;"):
        opened = open_picture(other)
        np.testing.assert_array_equal(opened.pixels, right)
        assert opened.notes[-1].startswith(("the GIF's trailer", "2 stray bytes"))
    with pytest.raises(PictureError):
        open_picture(spoilt(data, 0.5, 60))


# 16 bits that use fewer


@pytest.mark.parametrize(("bits", "shift"), [(8, 0), (10, 0), (12, 0), (14, 0), (8, 4), (8, 8), (10, 6), (12, 4)])
def test_samples_that_use_fewer_bits_are_scaled_to_their_range(bits, shift, photo):
    top = (1 << bits) - 1
    values = (photo[:, :, 0].astype(np.uint32) * top // int(photo[:, :, 0].max())).astype(np.uint16) | 1
    opened = open_picture(bytes(imagecodecs.png_encode(values << np.uint16(shift))))
    assert np.abs(opened.pixels.astype(float) - values * (65535 / top)).max() <= 0.5
    assert any(f"{bits} of 16 bits are in use" in note for note in opened.notes)


def test_eight_bits_moved_up_come_back_exactly(photo):
    for shift in (0, 2, 4, 8):
        opened = open_picture(bytes(imagecodecs.png_encode(photo.astype(np.uint16) << np.uint16(shift))))
        np.testing.assert_array_equal(opened.pixels, photo.astype(np.uint16) * 257)
    whole = open_picture(bytes(imagecodecs.png_encode(photo.astype(np.uint16) * 257)))
    np.testing.assert_array_equal(whole.pixels, photo.astype(np.uint16) * 257)
    assert not any("in use" in note for note in whole.notes)
