"""A photograph-like scene that the files of these tests are made of."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from forensics.errors import PictureError
from forensics.pictures.opened import open_picture


def make_photo(height: int = 160, width: int = 192, seed: int = 1) -> np.ndarray:
    """Waves, discs and noise, uint8 RGB; no third-party content."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(float)
    planes = []
    for k in range(3):
        plane = 120 + 50 * np.sin(x / (19 + 4 * k) + y / 37) + 30 * np.cos(y / (13 + 2 * k) - x / 51)
        for _ in range(8):
            cx, cy, radius = rng.integers(0, width), rng.integers(0, height), rng.integers(8, 40)
            plane += rng.normal(0, 40) * ((x - cx) ** 2 + (y - cy) ** 2 < radius**2)
        planes.append(plane + rng.normal(0, 4, plane.shape))
    return np.clip(np.stack(planes, 2), 0, 255).round().astype(np.uint8)


def saved(array: np.ndarray, form: str, **options: Any) -> bytes:
    """The bytes that Pillow writes."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, form, **options)
    return buffer.getvalue()


def spoilt(data: bytes, at: float = 0.5, count: int = 40, seed: int = 0) -> bytes:
    """The file with some bytes replaced by random ones."""
    changed, place = bytearray(data), int(len(data) * at)
    changed[place : place + count] = np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8).tobytes()
    return bytes(changed)


def refusal(data: bytes) -> str:
    """The line by which a file is refused; empty where it opens."""
    try:
        open_picture(data, max_pixels=4_000_000)
    except PictureError as error:
        return str(error)
    return ""


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tiff(
    entries: list[tuple[int, int, int, Any]],
    strips: list[bytes],
    order: str = "<",
    extra: dict[int, bytes] | None = None,
) -> bytes:
    """A TIFF of one directory: entries as (tag, type, count, value), strips in order, and longer values by tag."""
    extra = extra or {}
    offset_tag, count_tag = (324, 325) if any(tag == 322 for tag, *_ in entries) else (273, 279)
    lists = {offset_tag: len(strips), count_tag: len(strips)}
    entries = sorted([*entries, *((tag, 4, n, None) for tag, n in lists.items())])
    start = 8 + 2 + 12 * len(entries) + 4
    long_values = dict(extra)
    data_at = start + sum(len(v) for v in long_values.values()) + (8 * len(strips) if len(strips) > 1 else 0)
    places = [data_at + sum(len(s) for s in strips[:i]) for i in range(len(strips))]
    for tag, values in ((offset_tag, places), (count_tag, [len(s) for s in strips])):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            long_values[tag] = packed
        entries = [(t, k, n, values[0] if t == tag and len(values) == 1 else v) for t, k, n, v in entries]
    body, table, at = b"", b"", start
    for tag, kind, count, value in entries:
        if tag in long_values:
            table += struct.pack(order + "HHII", tag, kind, count, at)
            body, at = body + long_values[tag], at + len(long_values[tag])
        elif kind == 3:
            table += struct.pack(order + "HHIHH", tag, kind, count, value, 0)
        else:
            table += struct.pack(order + "HHII", tag, kind, count, value)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(order + "I", 8) + struct.pack(order + "H", len(entries)) + table + bytes(4)
    return head + body + b"".join(strips)


def plain_tags(
    array: np.ndarray, photometric: int, compression: int = 1, rows: int = 0
) -> list[tuple[int, int, int, Any]]:
    """The entries of a picture whose samples lie together."""
    height, width = array.shape[:2]
    samples = array.shape[2] if array.ndim == 3 else 1
    return [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8 * array.itemsize),
        (259, 3, 1, compression),
        (262, 3, 1, photometric),
        (277, 3, 1, samples),
        (278, 4, 1, rows or height),
    ]


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """160 x 192, uint8 RGB."""
    return make_photo()
