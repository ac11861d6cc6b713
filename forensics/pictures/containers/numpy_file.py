"""NumPy files: an array of uint8 or uint16 of a picture's shape, in a `.npy` or as the first such in a `.npz`. Objects
are never loaded.
"""

from __future__ import annotations

import ast
import io
import struct
import zipfile
from typing import Any

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.format import Format, chosen_number, only_one
from forensics.pictures.samples import Samples, damaged
from forensics.pictures.stated import Stated

_MAGIC = b"\x93NUMPY"
_MOST_MEMBERS = 1000
"""Most members of an archive that are looked at: a bound on work."""


def _header(data: bytes) -> tuple[tuple[int, ...], np.dtype, bool, int]:
    """Shape, type, column order and offset of an array (NEP 1); read as a literal, never evaluated."""
    wide = data[6] > 1
    (length,) = struct.unpack_from("<I" if wide else "<H", data, 8)
    start = 12 if wide else 10
    try:
        fields = ast.literal_eval(data[start : start + min(length, 65536)].decode("latin-1").strip())
        shape, kind = tuple(int(n) for n in fields["shape"]), np.dtype(fields["descr"])
        columns = bool(fields["fortran_order"])
    except Exception:  # whatever is wrong with a header that anyone may have written
        raise PictureError("the file is damaged: its NumPy header cannot be read") from None
    if kind.kind != "u" or kind.itemsize > 2:
        raise PictureError(f"it holds samples of type {kind.name}; NumPy files are read with uint8 or uint16")
    if len(shape) not in (2, 3) or (len(shape) == 3 and not 1 <= shape[2] <= 4) or min(shape) < 1:
        raise PictureError(f"it holds an array of shape {shape}; pictures are (height, width[, 1 to 4])")
    return shape, kind, columns, start + length


def _members(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return [item.filename for item in file.infolist()[:_MOST_MEMBERS] if item.filename.endswith(".npy")]


def _recognise(data: bytes) -> bool:
    if data[:6] == _MAGIC:
        return True
    if data[:4] != b"PK\3\4" or b".npy" not in data[:4096]:
        return False
    try:
        return bool(_members(data))
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        return False


def _open(data: bytes, which: str) -> tuple[tuple[int, ...], np.dtype, bool, Any, int, int]:
    """Header fields, a stream that stands at the samples, the array's number, and how many there are."""
    if data[:6] == _MAGIC:
        only_one(which)
        shape, kind, columns, start = _header(data)
        return shape, kind, columns, io.BytesIO(data[start:]), 0, 1
    names = _members(data)
    number = chosen_number(which, len(names))
    archive = zipfile.ZipFile(io.BytesIO(data))
    stream = archive.open(names[number])
    head = stream.read(12)
    if head[:6] != _MAGIC:
        raise damaged(f"array {number} of {len(names)} is no NumPy array")
    (length,) = struct.unpack_from("<I" if head[6] > 1 else "<H", head, 8)
    start = 12 if head[6] > 1 else 10
    head += stream.read(max(0, min(length, 65536) + start - 12))
    return (*_header(head)[:3], stream, number, len(names))


def _stated(data: bytes, which: str) -> Stated:
    try:
        shape, kind, _, _, number, count = _open(data, which)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError):
        raise damaged("its archive cannot be read") from None
    channels = shape[2] if len(shape) == 3 else 1
    facts = {"array": number} if count > 1 else {}
    colour = "rgb" if channels > 2 else "grey"
    return Stated(shape[1], shape[0], 8 * kind.itemsize, colour, channels in (2, 4), count, False, facts=facts)


def _decode(data: bytes, which: str) -> Samples:
    shape, kind, columns, stream, _, _ = _open(data, which)
    size = int(np.prod(shape)) * kind.itemsize
    try:
        raw = stream.read(size)
        stream.read(1)  # a whole member's checksum is compared at its end
    except (zipfile.BadZipFile, EOFError, OSError, ValueError):
        raise damaged("its archive's checksum is wrong or its data end early") from None
    if len(raw) < size:
        raise damaged(f"{len(raw)} of {size} bytes are there")
    array = np.frombuffer(raw, kind).astype(kind.newbyteorder("="))
    array = array.reshape(shape[::-1]).T if columns else array.reshape(shape)
    return Samples(np.ascontiguousarray(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array))


FORMAT = Format("numpy", (".npy", ".npz"), _recognise, _stated, _decode)
