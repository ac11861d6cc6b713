"""SGI image files (SGI Image File Format 1.00): 8 and 16 bits, verbatim and run-length coded, one to four planes."""

from __future__ import annotations

import struct

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.format import Format, only_one
from forensics.pictures.samples import Samples, damaged
from forensics.pictures.stated import Stated


def _head(data: bytes) -> tuple[int, int, int, int, int]:
    """Whether run lengths are used, bytes a sample, width, height, planes."""
    coded, size, dimension, width, height, planes = struct.unpack_from(">BBHHHH", data, 2)
    height, planes = height if dimension > 1 else 1, planes if dimension > 2 else 1
    (colour_map,) = struct.unpack_from(">I", data, 104)
    if coded > 1 or size not in (1, 2) or not 1 <= dimension <= 3:
        raise PictureError("the file is damaged: its SGI header states what there is not")
    if colour_map or not 1 <= planes <= 4:
        raise PictureError(
            f"it holds {planes} planes under colour map {colour_map}; SGI pictures are read with 1 to 4 plain planes"
        )
    return coded, size, width, height, planes


def _stated(data: bytes, which: str) -> Stated:
    only_one(which)
    _, size, width, height, planes = _head(data)
    return Stated(width, height, 8 * size, "rgb" if planes > 2 else "grey", planes in (2, 4), lossy=False)


def _decode(data: bytes, which: str) -> Samples:
    coded, size, width, height, planes = _head(data)
    kind = np.dtype(">u2" if size == 2 else np.uint8)
    if coded:
        out = _rows(data, kind, width, height, planes)
    else:
        count = width * height * planes
        if len(data) < 512 + count * size:
            raise damaged(f"{100 * (len(data) - 512) // max(count * size, 1)} % of the samples are there")
        out = np.frombuffer(data, kind, count, 512).reshape(planes, height, width)
    picture = np.ascontiguousarray(np.moveaxis(out[:, ::-1], 0, 2).astype(kind.newbyteorder("=")))
    return Samples(
        picture[:, :, 0] if planes == 1 else picture,
        facts={"integrity": "every row was decoded to its full length" if coded else "lengths were checked"},
    )


def _rows(data: bytes, kind: np.dtype, width: int, height: int, planes: int) -> np.ndarray:
    count = height * planes
    if len(data) < 512 + 8 * count:
        raise damaged("its table of rows is cut short")
    starts, sizes = np.frombuffer(data, ">u4", 2 * count, 512).reshape(2, count).tolist()
    out = np.empty((count, width), kind)
    for row, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        if start + size > len(data):
            raise damaged(f"row {row + 1} of {count} reaches past the file")
        out[row] = _row(np.frombuffer(data[start : start + size // kind.itemsize * kind.itemsize], kind), width, row)
    return out.reshape(planes, height, width)


def _row(words: np.ndarray, width: int, row: int) -> np.ndarray:
    pieces, place, filled = [], 0, 0
    while place < len(words) and filled < width:
        head = int(words[place]) & 255
        length = head & 127
        if not length:
            break
        if head & 128:
            piece = words[place + 1 : place + 1 + length]
            place += 1 + length
        else:
            piece = words[place + 1 : place + 2].repeat(length)
            place += 2
        pieces.append(piece)
        filled += len(piece)
    if filled != width:
        raise damaged(f"row {row + 1} holds {filled} of {width} samples")
    return np.concatenate(pieces)


FORMAT = Format(
    "sgi", (".sgi", ".rgb", ".rgba", ".bw"), lambda data: data[:2] == b"\x01\xda" and len(data) >= 512, _stated, _decode
)
