"""Plain PNGs, read by libpng, give the samples that Pillow gives."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.pictures import pillow_samples, png_file


def _png(mode, **options):
    rng = np.random.default_rng(len(mode))
    pixels = rng.integers(0, 256, (37, 29, len(mode)), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if mode == "L" else pixels, mode).save(stream, "PNG", **options)
    return stream.getvalue(), np.squeeze(pixels)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_plain_ones_are_read_without_pillow(mode, monkeypatch):
    data, pixels = _png(mode)
    with monkeypatch.context() as patched:
        patched.setattr(png_file, "_is_plain", lambda png: False)
        expected = png_file.decode(data)
    monkeypatch.setattr(pillow_samples, "decode_file", None)
    found = png_file.decode(data)
    assert np.array_equal(found.array, expected.array)
    assert np.array_equal(found.array, pixels)
    assert found.notes == expected.notes
    assert found.facts == expected.facts


@pytest.mark.parametrize("case", ["transparent colour", "palette", "one bit", "no checksum"])
def test_what_is_not_plain_is_read_by_pillow(case, monkeypatch):
    data, _ = _png("RGB", **({"transparency": (1, 2, 3)} if case == "transparent colour" else {}))
    if case in ("palette", "one bit"):
        stream = io.BytesIO()
        Image.open(io.BytesIO(data)).convert("P" if case == "palette" else "1").save(stream, "PNG")
        data = stream.getvalue()
    if case == "no checksum":
        png = png_file.read(data)
        body = b"".join(part for kind, part in png.chunks if kind == b"IDAT")
        data = png_file._rebuilt(png, [body[:-4]])
    asked = []
    decode = pillow_samples.decode_file
    monkeypatch.setattr(pillow_samples, "decode_file", lambda *given: asked.append(True) or decode(*given))
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    found = png_file.decode(data).array
    assert asked
    colours = found[:, :, :3] if found.ndim == 3 else np.repeat(found[:, :, None], 3, axis=2)
    assert np.array_equal(colours, expected)


def _with_transparency(place):
    """A palette picture of several pixel chunks, with its transparency before or behind them."""
    import struct
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rng = np.random.default_rng(5)
    indices = rng.integers(0, 4, (20, 30), np.uint8)
    stream = zlib.compress(b"".join(b"\0" + row.tobytes() for row in indices))
    pixels = b"".join(chunk(b"IDAT", stream[at : at + 50]) for at in range(0, len(stream), 50))
    transparency = chunk(b"tRNS", bytes([0, 255, 90]))
    parts = [transparency, pixels] if place == "before" else [pixels, transparency]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30, 20, 8, 3, 0, 0, 0))
    palette = rng.integers(0, 256, 12, np.uint8).tobytes()
    return png_file.SIGNATURE + head + chunk(b"PLTE", palette) + b"".join(parts) + chunk(b"IEND", b"")


def test_a_file_of_header_and_pixels_is_not_made_anew(monkeypatch):
    expected = png_file.decode(_with_transparency("behind")).array
    monkeypatch.setattr(png_file, "_rebuilt", None)
    data = _with_transparency("before")
    assert np.array_equal(png_file.decode(data).array, expected)
    assert sorted(np.unique(expected[:, :, 3])) == [0, 90, 255]
