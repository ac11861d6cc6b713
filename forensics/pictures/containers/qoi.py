"""QOI, the Quite OK Image format 1.0: every chunk is walked, and the end marker must follow the last pixel."""

from __future__ import annotations

import struct

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.format import Format, only_one
from forensics.pictures.samples import Samples, damaged, decoding
from forensics.pictures.stated import Stated

_END = b"\0\0\0\0\0\0\0\1"


def _stated(data: bytes, which: str) -> Stated:
    only_one(which)
    width, height, channels, space = struct.unpack_from(">IIBB", data, 4)
    if channels not in (3, 4) or space > 1:
        raise PictureError(f"the file is damaged: its QOI states {channels} channels in colour space {space}")
    return Stated(width, height, 8, "rgb", channels == 4, lossy=False, facts={"linear": bool(space)})


def _decode(data: bytes, which: str) -> Samples:
    width, height = struct.unpack_from(">II", data, 4)
    pixels, place = _walk(data)
    if pixels != width * height:
        raise damaged(f"{min(pixels, width * height)} of {width * height} pixels are there")
    if data[place : place + 8] != _END:
        raise damaged("no end marker follows the last pixel")
    with decoding("its QOI data"):
        import imagecodecs

        samples = np.asarray(imagecodecs.qoi_decode(data[: place + 8]))
    return Samples(samples, facts={"integrity": "every chunk was walked to the end marker"})


def _walk(data: bytes) -> tuple[int, int]:
    """Pixels that the chunks give and the place behind them, found without decoding."""
    width, height = struct.unpack_from(">II", data, 4)
    total, pixels, place = width * height, 0, 14
    while pixels < total and place < len(data):
        head = data[place]
        if head == 0xFE:
            place += 4
        elif head == 0xFF:
            place += 5
        elif head >> 6 == 2:
            place += 2
        elif head >> 6 == 3:
            pixels += head & 63
            place += 1
        else:
            place += 1
        pixels += 1
    return pixels, place


FORMAT = Format("qoi", (".qoi",), lambda data: data[:4] == b"qoif" and len(data) >= 14, _stated, _decode)
