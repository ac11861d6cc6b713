"""PCX (ZSoft's technical reference, version 5): 1 to 8 bits in one to four planes, run-length coded; a palette of 256
stands at the file's end.
"""

from __future__ import annotations

import struct

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.format import Format, only_one
from forensics.pictures.samples import Samples, damaged
from forensics.pictures.stated import Stated

_KINDS = {(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (4, 1), (8, 1), (8, 3), (8, 4)}


def _head(data: bytes) -> tuple[int, int, int, int, int]:
    """Bits a plane, width, height, planes, bytes of a plane's row."""
    left, top, right, bottom = struct.unpack_from("<HHHH", data, 4)
    planes, stride = struct.unpack_from("<BH", data, 65)
    if (data[3], planes) not in _KINDS:
        raise PictureError(f"it holds {planes} planes of {data[3]} bits; that PCX is not read")
    return data[3], right - left + 1, bottom - top + 1, planes, stride


def _recognise(data: bytes) -> bool:
    if len(data) < 129 or data[0] != 10 or data[1] not in (0, 2, 3, 4, 5) or data[2] > 1 or data[3] not in (1, 2, 4, 8):
        return False
    bits, (left, top, right, bottom) = data[3], struct.unpack_from("<HHHH", data, 4)
    planes, stride = struct.unpack_from("<BH", data, 65)
    return (bits, planes) in _KINDS and right >= left and bottom >= top and 8 * stride >= bits * (right - left + 1)


def _stated(data: bytes, which: str) -> Stated:
    only_one(which)
    bits, width, height, planes, _ = _head(data)
    colour = "rgb" if bits == 8 and planes > 1 else "palette" if bits * planes > 1 else "bilevel"
    return Stated(
        width,
        height,
        bits if planes == 1 else 8 if bits == 8 else planes,
        colour,
        planes == 4 and bits == 8,
        lossy=False,
    )


def _decode(data: bytes, which: str) -> Samples:
    bits, width, height, planes, stride = _head(data)
    rows = _unpack(data, height * planes * stride).reshape(height, planes, stride)
    facts = {"integrity": "run lengths were followed to the last row; nothing in a PCX could tell other damage"}
    if bits == 8 and planes > 1:
        return Samples(np.ascontiguousarray(np.moveaxis(rows[:, :, :width], 1, 2)), facts=facts)
    if bits == 8:
        index = rows[:, 0, :width]
    else:
        parts = [rows >> shift & ((1 << bits) - 1) for shift in range(8 - bits, -1, -bits)]
        samples = np.stack(parts, axis=3).reshape(height, planes, -1)[:, :, :width]
        index = np.bitwise_or.reduce([samples[:, k].astype(np.uint8) << (k * bits) for k in range(planes)])
    return Samples(_coloured(np.asarray(index, np.uint8), data, bits * planes), facts=facts)


def _coloured(index: np.ndarray, data: bytes, bits: int) -> np.ndarray:
    if bits == 1:
        return index * np.uint8(255)
    if bits == 8:
        if len(data) < 769 or data[-769] != 12:
            return index
        table = np.frombuffer(data[-768:], np.uint8).reshape(256, 3)
    else:
        table = np.frombuffer(data[16:64], np.uint8).reshape(16, 3)
    used = table[np.unique(index)]
    return table[index, 0] if (used == used[:, :1]).all() else table[index]


def _unpack(data: bytes, size: int) -> np.ndarray:
    if not data[2]:
        out = data[128 : 128 + size]
    else:
        pieces, filled, place = [], 0, 128
        while filled < size and place < len(data):
            value = data[place]
            if value >= 0xC0:
                if place + 1 >= len(data):
                    break
                pieces.append(data[place + 1 : place + 2] * (value & 63))
                place += 2
            else:
                start = place
                while place < len(data) and data[place] < 0xC0 and place - start < size - filled:
                    place += 1
                pieces.append(data[start:place])
            filled += len(pieces[-1])
        out = b"".join(pieces)[:size]
    if len(out) < size:
        raise damaged(f"{100 * len(out) // size} % of the samples are there")
    return np.frombuffer(out, np.uint8)


FORMAT = Format("pcx", (".pcx",), _recognise, _stated, _decode)
