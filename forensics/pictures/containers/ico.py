"""ICO and CUR: the largest of their pictures, or the one asked for, each a PNG or a BMP without its file header."""

from __future__ import annotations

import struct

import numpy as np

from forensics.pictures import bmp_file, png_file
from forensics.pictures.format import Format, chosen_number
from forensics.pictures.samples import Samples, damaged
from forensics.pictures.stated import Stated

_HEADERS = (40, 52, 56, 108, 124)
"""Bytes of the headers of a bitmap from Windows 3 to version 5 (its specification: BITMAPINFOHEADER to V5)."""


def _entries(data: bytes) -> list[tuple[int, int, int]]:
    """Stated area, offset and length of each picture."""
    (count,) = struct.unpack_from("<H", data, 4)
    found = []
    for at in range(6, min(6 + 16 * count, len(data) - 15), 16):
        width, height, _, _, _, _, length, offset = struct.unpack_from("<BBBBHHII", data, at)
        found.append(((width or 256) * (height or 256), offset, length))
    return found


def _recognise(data: bytes) -> bool:
    if (data[:3] != b"\0\0\1" and data[:3] != b"\0\0\2") or len(data) < 22 or data[3]:
        return False
    entries = _entries(data)
    (count,) = struct.unpack_from("<H", data, 4)
    return (
        0 < count == len(entries) <= 256 and data[9] == 0 and all(offset >= 6 + 16 * count for _, offset, _ in entries)
    )


def _picture(data: bytes, which: str) -> tuple[bytes, bool, int, int]:
    """The picture's own bytes, as a whole file, whether it is a PNG, the number of it and how many there are."""
    entries = _entries(data)
    largest = max(range(len(entries)), key=lambda i: (entries[i][0], entries[i][2]))
    number = chosen_number(which, len(entries), largest)
    _, offset, length = entries[number]
    inner = data[offset : offset + length]
    if len(inner) < length or len(inner) < 40:
        raise damaged(f"picture {number} of {len(entries)} reaches past the file")
    if inner[:8] == png_file.SIGNATURE:
        return inner, True, number, len(entries)
    size, _width, height = struct.unpack_from("<Iii", inner)
    (bits,) = struct.unpack_from("<H", inner, 14)
    if size not in _HEADERS or height <= 0 or height % 2 or bits not in (1, 4, 8, 16, 24, 32):
        raise damaged(f"picture {number} of {len(entries)} is neither PNG nor BMP")
    body = inner[:8] + struct.pack("<i", height // 2) + inner[12:]
    return bmp_file.with_file_header(body), False, number, len(entries)


def _stated(data: bytes, which: str) -> Stated:
    file, is_png, number, count = _picture(data, which)
    stated = png_file.stated(file) if is_png else bmp_file.stated(file)
    stated.alpha, stated.pages = True, count
    stated.facts.update(inside="png" if is_png else "bmp", picture=number)
    return stated


def _decode(data: bytes, which: str) -> Samples:
    file, is_png, _number, _count = _picture(data, which)
    if is_png:
        return png_file.decode(file)
    samples = bmp_file.decode(file)
    mask = _mask(file)
    if mask is not None and samples.array.ndim == 3 and samples.array.shape[2] == 3:
        samples.array = np.dstack([samples.array, mask])
    return samples


def _mask(file: bytes) -> np.ndarray | None:
    """The mask of transparent samples behind a BMP's colours, as alpha."""
    header = bmp_file.read_header(file)
    stride, colours = (header.width + 31) // 32 * 4, (header.width * header.bits + 31) // 32 * 4 * header.height
    rows = np.frombuffer(file[header.pixels + colours :][: stride * header.height], np.uint8)
    if rows.size < stride * header.height:
        return None
    bits = np.unpackbits(rows.reshape(header.height, stride), axis=1)[::-1, : header.width]
    return np.where(bits, 0, 255).astype(np.uint8)


FORMAT = Format("ico", (".ico", ".cur"), _recognise, _stated, _decode)
