"""Opening pictures: what each kind of file becomes, and one clear line for each that is refused."""

from __future__ import annotations

import hashlib
import io
import struct
import sys
import warnings
import zlib

import imagecodecs
import numpy as np
import pytest
from forensics_models.classes import CLASSES
from PIL import Image

from forensics.codecs import registry
from forensics.errors import PictureError
from forensics.pictures import opened as picture
from forensics.pictures.opened import from_array, open_picture


def scene(height: int = 90, width: int = 110, seed: int = 1) -> np.ndarray:
    """A smooth coloured scene with some noise, uint8 RGB."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 9 + k) + np.cos(y / (7 + k)) for k in range(3)], axis=2)
    return np.clip(128 + 45 * waves + rng.normal(0, 4, waves.shape), 0, 255).astype(np.uint8)


def saved(array: np.ndarray, form: str, mode: str | None = None, **options) -> bytes:
    image = Image.fromarray(array)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, form, **options)
    return buffer.getvalue()


def tiff(array: np.ndarray, sample_format: int = 1, photometric: int = 2, samples: int = 3) -> bytes:
    """A minimal little-endian TIFF of one strip, written from the specification."""
    raw = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes()
    height, width = array.shape[:2]
    entries = [(256, width), (257, height), (258, 8 * array.itemsize), (259, 1), (262, photometric), (273, 0)]
    entries += [(277, samples), (278, height), (279, len(raw)), (284, 1), (339, sample_format)]
    start = 8 + 2 + 12 * len(entries) + 4
    packed = b"".join(struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + struct.pack("<I", 0) + raw


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header states a size and whose pixels are a few bytes of zeros: a decompression bomb."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


EXACT = {
    "png": lambda a: saved(a, "PNG"),
    "tiff": lambda a: saved(a, "TIFF"),
    "tiff-lzw": lambda a: saved(a, "TIFF", compression="tiff_lzw"),
    "tiff-deflate": lambda a: saved(a, "TIFF", compression="tiff_adobe_deflate"),
    "bmp": lambda a: saved(a, "BMP"),
    "ppm": lambda a: saved(a, "PPM"),
    "webp": lambda a: saved(a, "WEBP", lossless=True),
    "jxl": lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
}


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("grey", [False, True])
def test_lossless_files_give_back_their_samples_and_their_hash(kind, grey, tmp_path):
    array = scene()[:, :, 0] if grey else scene()
    data = EXACT[kind](np.ascontiguousarray(array))
    path = tmp_path / "picture"
    path.write_bytes(data)
    for opened in (
        open_picture(path),
        open_picture(str(path)),
        open_picture(data),
        open_picture(io.BytesIO(data)),
    ):
        got = opened.pixels[:, :, 0] if grey and opened.pixels.ndim == 3 else opened.pixels
        np.testing.assert_array_equal(got, array)
        assert opened.sha256 == hashlib.sha256(data).hexdigest()
        assert (opened.height, opened.width) == array.shape[:2]
        assert opened.alpha is None


@pytest.mark.parametrize("name", CLASSES[1:])
def test_files_of_every_codec_are_read_as_their_codec_reads_them(name):
    codec = registry.get(name)
    data = codec.encode(scene(96, 128))
    opened = open_picture(data)
    np.testing.assert_array_equal(opened.pixels, codec.decode(data))
    assert opened.container["format"] == opened.container["codec"] == name
    assert (opened.container["width"], opened.container["height"]) == (128, 96)
    assert opened.notes == ()


@pytest.mark.parametrize("name", [*CLASSES[1:], *EXACT])
@pytest.mark.parametrize("keep", [0.6, 0.93, -2])
def test_truncated_files_never_pass_as_whole(name, keep):
    array = scene(160, 200)
    data = EXACT[name](array) if name in EXACT else registry.get(name).encode(array)
    cut = data[: int(len(data) * keep)] if keep > 0 else data[:keep]
    if name in ("jpeg", "png") and keep == -2:  # only the end marker is gone: all blocks, all pixels are there
        assert any("end marker" in note or "end chunk" in note for note in open_picture(cut).notes)
        return
    with pytest.raises(PictureError) as refused:
        open_picture(cut)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", [*CLASSES[1:], *EXACT])
def test_files_of_a_few_bytes_are_refused(name):
    data = EXACT[name](scene()) if name in EXACT else registry.get(name).encode(scene())
    for length in range(1, 40, 3):
        with pytest.raises(PictureError):
            open_picture(data[:length])


def refusals(tmp_path):
    """Every kind of input that is refused, as real files, with words its message must hold."""
    deep = scene().astype(np.float32) / 255
    nan = deep.copy()
    nan[3, 4] = np.nan
    cmyk = saved(scene(), "TIFF", "CMYK")
    files = {
        "empty.png": (b"", "empty"),
        "text.png": (b"this is a letter, not a picture\n" * 9, "not a picture"),
        "page.jpg": (b"<html><body>404</body></html>", "not a picture"),
        "half.png": (saved(scene(), "PNG")[:2000], "truncated"),
        "noend.png": (saved(scene(), "PNG")[:-17], "truncated"),
        "half.jpg": (saved(scene(), "JPEG")[:1500], "truncated"),
        "half.tif": (saved(scene(), "TIFF")[:9000], "truncated"),
        "half.bmp": (saved(scene(), "BMP")[:9000], "truncated"),
        "half.ppm": (saved(scene(), "PPM")[:9000], "truncated"),
        "half.gif": (saved(scene(), "GIF")[:3000], "truncated"),
        "bomb.png": (png_claiming(60_000, 60_000), "60000x60000 pixels are more than"),
        "float.tif": (tiff(deep, 3), "floating-point"),
        "nan.tif": (tiff(nan, 3), "floating-point"),
        "float16.tif": (tiff(deep.astype(np.float16), 3), "floating-point"),
        "signed.tif": (tiff(scene().astype(np.int16), 2), "signed 16-bit"),
        "wide.tif": (tiff(scene()[:, :, 0].astype(np.uint32), 1, 1, 1), "unsigned 32-bit"),
        "cmyk.tif": (cmyk, "CMYK"),
        "cmyk.jpg": (saved(scene(), "JPEG", "CMYK"), "CMYK"),
        "lab.tif": (saved(scene(), "TIFF", "LAB"), "lab"),
        "float.pfm": (b"PF\n4 4\n-1.0\n" + bytes(4 * 4 * 12), "floating-point"),
    }
    for name, (data, _) in files.items():
        (tmp_path / name).write_bytes(data)
    return {name: words for name, (_, words) in files.items()}


def test_every_refusal_is_one_clear_line(tmp_path):
    for name, words in refusals(tmp_path).items():
        with pytest.raises(PictureError) as refused:
            open_picture(tmp_path / name)
        assert words in str(refused.value), (name, str(refused.value))
        assert "\n" not in str(refused.value)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(PictureError, match="no such file"):
        open_picture(tmp_path / "nothing.png")
    with pytest.raises(PictureError, match="is a folder"):
        open_picture(tmp_path)
    with pytest.raises(PictureError, match=r"cannot be read|no such file"):
        open_picture("a\0b.png")


def test_the_limit_of_pixels_is_exact_and_is_judged_by_the_header(monkeypatch):
    monkeypatch.setattr(picture, "_decode", lambda *_: pytest.fail("decoded"))
    for data in (
        saved(scene(), "PNG"),
        saved(scene(), "TIFF"),
        *(registry.get(n).encode(scene()) for n in CLASSES[1:]),
    ):
        with pytest.raises(PictureError, match="110x90 pixels are more than the 9899 allowed"):
            open_picture(data, max_pixels=9899)
    monkeypatch.undo()
    assert open_picture(saved(scene(), "PNG"), max_pixels=9900).width == 110


def test_a_damaged_png_is_refused_by_its_checksum():
    data = bytearray(saved(scene(), "PNG"))
    data[len(data) // 2] ^= 4
    with pytest.raises(PictureError, match="CRC"):
        open_picture(bytes(data))


def test_content_decides_and_a_wrong_suffix_is_noted(tmp_path):
    (tmp_path / "a.png").write_bytes(saved(scene(), "JPEG", quality=83, subsampling=2))
    opened = open_picture(tmp_path / "a.png")
    assert opened.container["format"] == "jpeg"
    assert not opened.container["suffix_fits"]
    assert opened.notes == ("the name ends in .png but the content is jpeg",)
    assert opened.container["jpeg"]["quality"] == 83
    assert opened.container["jpeg"]["subsampling"] == "4:2:0"


def test_sixteen_bits_are_kept(tmp_path):
    deep = scene().astype(np.uint16) * 256 + 77
    for data in (
        imagecodecs.png_encode(deep),
        tiff(deep),
        b"P6 110 90 65535\n" + deep.astype(">u2").tobytes(),
    ):
        opened = open_picture(data)
        np.testing.assert_array_equal(opened.pixels, deep)
        assert opened.notes == ("16-bit samples are analysed rounded to 8 bits",)
    grey = np.ascontiguousarray(deep[:, :, 1])
    np.testing.assert_array_equal(open_picture(tiff(grey, 1, 1, 1)).pixels, grey)
    np.testing.assert_array_equal(open_picture(tiff(grey, 1, 0, 1)).pixels, 65535 - grey)


def test_pnm_of_an_odd_range_is_scaled_to_sixteen_bits():
    opened = open_picture(b"P5 # note\n3 2 1023\n" + np.array([0, 1, 511, 512, 1022, 1023], ">u2").tobytes())
    np.testing.assert_array_equal(opened.pixels.ravel(), [0, 64, 32735, 32800, 65471, 65535])


def test_alpha_is_apart():
    array = np.dstack([scene(), np.arange(90 * 110, dtype=np.uint16).reshape(90, 110).astype(np.uint8)])
    for form in ("PNG", "TIFF"):
        opened = open_picture(saved(array, form))
        np.testing.assert_array_equal(opened.pixels, array[:, :, :3])
        np.testing.assert_array_equal(opened.alpha, array[:, :, 3])
        assert opened.notes == ("the alpha channel was left out of the analysis",)
    assert open_picture(saved(array, "PNG", "LA")).pixels.ndim == 2


def test_palettes_and_bits_are_expanded():
    bilevel = open_picture(saved(scene(), "PNG", "1"))
    assert set(np.unique(bilevel.pixels)) == {0, 255}
    assert bilevel.notes == ("1-bit samples were expanded to 8 bits",)
    quantized = Image.fromarray(scene()).quantize(16)
    for form in ("PNG", "GIF", "TIFF", "BMP"):
        buffer = io.BytesIO()
        quantized.save(buffer, form)
        opened = open_picture(buffer.getvalue())
        np.testing.assert_array_equal(opened.pixels, np.array(quantized.convert("RGB")))
        assert "the palette was expanded" in opened.notes
    assert open_picture(saved(scene()[:, :, 0], "GIF")).pixels.ndim == 2


def test_the_first_page_of_several_is_read():
    buffer = io.BytesIO()
    pages = [Image.fromarray(scene(seed=k)) for k in range(3)]
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    opened = open_picture(buffer.getvalue())
    np.testing.assert_array_equal(opened.pixels, scene(seed=0))
    assert opened.container["pages"] == 3
    assert opened.notes == ("the first of 3 pictures in the file was read",)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_orientation_is_stated_and_not_applied(form):
    exif = Image.Exif()
    exif[274] = 6
    opened = open_picture(saved(scene(), form, exif=exif.tobytes() if form != "TIFF" else exif))
    assert (opened.width, opened.height) == (110, 90)
    if form in ("PNG", "TIFF"):
        np.testing.assert_array_equal(opened.pixels, scene())
    assert opened.container["exif_orientation"] == 6
    assert "EXIF orientation 6 was not applied: the pixels are analysed as stored" in opened.notes


def test_tiny_pictures_can_be_opened():
    assert open_picture(saved(scene(1, 1), "PNG")).pixels.shape == (1, 1, 3)


def test_pillow_neither_warns_nor_loses_its_own_limit():
    limit = Image.MAX_IMAGE_PIXELS
    large = np.zeros((9500, 9500), np.uint8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert open_picture(saved(large, "PNG", compress_level=1)).width == 9500
    assert caught == []
    assert limit == Image.MAX_IMAGE_PIXELS


def test_arrays_take_the_same_checks():
    array = scene()
    opened = from_array(np.dstack([array, array[:, :, 0]]))
    np.testing.assert_array_equal(opened.pixels, array)
    assert opened.alpha is not None
    for wrong in (
        array.astype(np.float32),
        np.full((70, 70), np.nan),
        array.astype(np.int32),
        array[None],
        array[:0],
    ):
        with pytest.raises(PictureError):
            from_array(wrong)
    with pytest.raises(PictureError, match="more than the 9899 allowed"):
        from_array(array, max_pixels=9899)


def test_a_crash_of_a_guarded_decoder_is_a_refusal(monkeypatch, tmp_path):
    data = registry.get("jpegxr").encode(scene())
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -FPE $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(crashing))
    with pytest.raises(PictureError, match="crashed on it"):
        open_picture(data)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_damaged_deflate_tiff_is_refused(place):
    """libtiff gives back wrong samples for it without an error."""
    data = bytearray(EXACT["tiff-deflate"](scene()))
    start = int(len(data) * place)
    data[start : start + 40] = bytes(40)
    with pytest.raises(PictureError, match="damaged"):
        open_picture(bytes(data))
