"""Formats that are not read are named, with what to do."""

from __future__ import annotations

import base64
import io
import tarfile
import zipfile

import pytest
from PIL import Image

from forensics.errors import PictureError
from forensics.pictures import formats, unread
from forensics.pictures.opened import open_picture

from .conftest import saved


def archive(kind: str, photo) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as stored:
            stored.writestr("a.png", saved(photo, "PNG"))
    else:
        with tarfile.open(fileobj=buffer, mode="w") as stored:
            stored.addfile(tarfile.TarInfo("a.png"), io.BytesIO())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"8BPS\0\1" + bytes(20), "Photoshop document .*save it as PNG or TIFF"),
        (b"gimp xcf v011\0" + bytes(20), "GIMP document"),
        (b"\x76\x2f\x31\x01" + bytes(20), "OpenEXR picture.*floating-point"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n", "Radiance picture"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(20), "raw photograph .Fujifilm RAF.*develop it"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw photograph .Canon CR3"),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='x'></svg>", "SVG picture.*drawings, not pixels"),
        (b"#define sun_width 16\n#define sun_height 16\n", "XBM picture"),
        (b"\x13\xab\xa1\x5c\4\4\1" + bytes(20), "ASTC texture.*transcode"),
        (b"\xabKTX 11\xbb\r\n\x1a\n" + bytes(64), "KTX 1 texture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript document"),
        (b"\x1f\x8b\x08" + bytes(20), "gzip file.*unpack"),
    ],
)
def test_what_is_not_read_is_named(data, said):
    with pytest.raises(PictureError, match=f"it is an? {said}"):
        open_picture(data)


def mangled(photo, how: str) -> bytes:
    png, jpeg = saved(photo, "PNG"), saved(photo, "JPEG")
    return {
        "unix": png.replace(b"\r\n", b"\n"),
        "dos": png.replace(b"\n", b"\r\n"),
        "text": png.decode("utf-8", "replace").encode(),
        "jpeg-text": jpeg.decode("utf-8", "replace").encode(),
        "latin": jpeg.decode("latin-1").encode(),
        "base64": base64.b64encode(jpeg),
        "uri": b"data:image/png;base64," + base64.b64encode(png),
        "macbinary": bytes(128) + jpeg,
        "mark": b"\xef\xbb\xbf" + png,
        "page": b"<!DOCTYPE html>\n<html><body>404</body></html>",
        "json": b'{"error": "not found"}',
        "zeros": bytes(5000),
    }[how]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("unix", "line ends were converted"),
        ("dos", "line ends were converted"),
        ("text", "stored as text in UTF-8"),
        ("jpeg-text", "stored as text in UTF-8"),
        ("latin", "stored as text in UTF-8"),
        ("base64", "picture in Base64"),
        ("uri", "picture in Base64"),
        ("macbinary", "128 bytes into the file"),
        ("mark", "byte order mark"),
        ("page", "a web page, not a picture"),
        ("json", "a JSON document"),
        ("zeros", "nothing but zero bytes"),
    ],
)
def test_what_a_transfer_did_is_named(photo, how, said):
    with pytest.raises(PictureError, match=said):
        open_picture(mangled(photo, how))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archives_are_sent_to_the_survey(photo, kind):
    with pytest.raises(PictureError, match="forensics survey"):
        open_picture(archive(kind, photo))


def test_a_photoshop_document_by_another_writer_has_that_signature():
    assert "Photoshop" in unread.named(b"8BPS")
    assert unread.named(b"") == unread.named(b"no picture at all") == ""


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM", "WEBP", "TGA", "PCX", "ICO", "SGI"])
def test_no_format_that_is_read_has_the_signature_of_one_that_is_not(photo, form):
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, form)
    assert unread.named(buffer.getvalue()) == ""
    assert formats.all_formats()
