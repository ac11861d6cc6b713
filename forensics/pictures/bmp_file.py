"""BMP and DIB files: all depths, bit fields of any masks, both run-length codings (Microsoft's BITMAPINFO and OS/2
headers).

The file's own size field is passed over: writers leave garbage there. What counts is whether the pixels are there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from forensics.errors import PictureError
from forensics.pictures import coded_headers, jpeg_file, png_file
from forensics.pictures.samples import Samples, beyond_palette, damaged, scale_to_eight, scale_to_sixteen
from forensics.pictures.stated import Stated

_RGB, _RLE8, _RLE4, _FIELDS, _JPEG, _PNG, _ALPHA_FIELDS = 0, 1, 2, 3, 4, 5, 6
"""Values of `biCompression` (Windows' wingdi.h)."""
_MOST_BITS = {1, 2, 4, 8, 16, 24, 32}
_HEADERS = (12, 40, 52, 56, 64, 108, 124)
"""Bytes of the headers that programs write, OS/2's and Windows' from 3 to version 5: with their number a bitmap without
a file header begins."""


@dataclass(frozen=True)
class BmpHeader:
    """Fields of the headers; `masks` are red, green, blue and alpha, for 16 and 32 bits; `pixels` is where they begin,
    and `moved` whether the file states another place, inside its headers or its palette.
    """

    width: int
    height: int
    top_down: bool
    bits: int
    compression: int
    masks: tuple[int, int, int, int]
    palette: np.ndarray
    pixels: int
    moved: bool = False

    @property
    def embedded(self) -> str:
        """`jpeg` or `png` where the pixels are such a file, else empty."""
        return {_JPEG: "jpeg", _PNG: "png"}.get(self.compression, "")


def is_headless(data: bytes) -> bool:
    """Whether data are a bitmap without the file header: a DIB as clipboards, resources and icons hold it. It has no
    signature, so that its header's fields have to fit each other.
    """
    if len(data) < 40 or (size := int.from_bytes(data[:4], "little")) not in _HEADERS:
        return False
    if size == 12:
        width, height, planes, bits = struct.unpack_from("<HHHH", data, 4)
        return bool(width and height) and planes == 1 and bits in (1, 4, 8, 24)
    width, height, planes, bits, compression = struct.unpack_from("<iiHHI", data, 4)
    fits = planes == 1 and bits in {0, *_MOST_BITS} and compression <= _ALPHA_FIELDS
    return fits and width > 0 and height != 0


def with_file_header(bitmap: bytes) -> bytes:
    """A bitmap without a file header as a whole file, its pixels behind its masks and palette."""
    (size,) = struct.unpack_from("<I", bitmap)
    bits_at, (compression, used) = (10, (_RGB, 0)) if size == 12 else (14, (_field(bitmap, 16), _field(bitmap, 32)))
    (bits,) = struct.unpack_from("<H", bitmap, bits_at)
    palette = (3 if size == 12 else 4) * min(used or 1 << bits, 1 << bits) if 0 < bits <= 8 else 0
    masks = {_FIELDS: 12, _ALPHA_FIELDS: 16}.get(compression, 0) if size == 40 else 0
    return b"BM" + struct.pack("<IHHI", 14 + len(bitmap), 0, 0, 14 + size + masks + palette) + bitmap


def _field(bitmap: bytes, at: int) -> int:
    return int.from_bytes(bitmap[at : at + 4], "little")


def read_header(data: bytes) -> BmpHeader:
    """The headers of a BMP file; raises `PictureError` where they are cut short or state what is not read."""
    (offset,), (size,) = struct.unpack_from("<I", data, 10), struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression, used, entry = _RGB, 0, 3
    elif size in (16, 40, 52, 56, 64, 108, 124):
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
        compression, used = (
            (struct.unpack_from("<I", data, 30)[0], struct.unpack_from("<I", data, 46)[0]) if size >= 40 else (0, 0)
        )
        entry = 4
        if size == 64 and compression in (3, 4):
            raise PictureError("its OS/2 BMP compression (Huffman or RLE24) is not read: convert it first")
    else:
        raise PictureError(f"the file is damaged: its BMP header is stated as {size} bytes")
    if compression not in (_RGB, _RLE8, _RLE4, _FIELDS, _JPEG, _PNG, _ALPHA_FIELDS):
        raise PictureError(f"its BMP compression is number {compression}, which is not read")
    if compression not in (_JPEG, _PNG) and bits not in _MOST_BITS:
        raise PictureError(f"the file is damaged: its BMP states {bits} bits a pixel")
    masks, behind = _masks(data, size, bits, compression)
    count = min(used or 1 << bits, 1 << bits) if 0 < bits <= 8 else 0
    start = 14 + size + behind
    table = np.frombuffer(data[start : start + entry * count], np.uint8)
    palette = table[: len(table) // entry * entry].reshape(-1, entry)[:, 2::-1]
    place = start + entry * count
    moved = offset <= start and offset < place < len(data)
    pixels = place if moved else offset
    return BmpHeader(width, abs(height), height < 0, bits, compression, masks, palette, pixels, moved)


def stated(data: bytes) -> Stated:
    """What the headers state; those of the embedded file where the pixels are one."""
    if is_headless(data):
        found = stated(with_file_header(data))
        found.notes.append("the bitmap has no file header, as on clipboards and in resources")
        return found
    header = read_header(data)
    if header.embedded:
        inner = data[header.pixels :]
        found = coded_headers.jpeg(inner) if header.embedded == "jpeg" else png_file.stated(inner)
        found.facts.update(inside=header.embedded, **({"codec": "jpeg"} if header.embedded == "jpeg" else {}))
        return found
    masks = [mask.bit_count() for mask in header.masks]
    depth = header.bits if header.bits <= 8 else 8 if header.bits == 24 else max(masks)
    colour = "palette" if header.bits <= 8 else "rgb"
    return Stated(header.width, header.height, depth, colour, bool(header.masks[3]), lossy=False)


def _masks(data: bytes, size: int, bits: int, compression: int) -> tuple[tuple[int, int, int, int], int]:
    """The masks and the bytes that they take behind the header."""
    if compression in (_FIELDS, _ALPHA_FIELDS):
        count = 4 if size >= 56 or compression == _ALPHA_FIELDS else 3
        found = struct.unpack_from(f"<{count}I", data, 54)
        return (*found, 0)[:4], 4 * count if size == 40 else 0
    if bits == 16:
        return (0x7C00, 0x3E0, 0x1F, 0), 0
    return (0xFF0000, 0xFF00, 0xFF, 0), 0


def decode(data: bytes, name: str = "BMP") -> Samples:
    """Samples of a BMP, 8 bits, or 16 where a bit field is wider than 8.

    Raises
    ------
    PictureError
        Pixels are missing, or run past the picture.
    """
    if is_headless(data):
        return decode(with_file_header(data), name)
    header = read_header(data)
    if header.width < 1 or header.height < 1:
        raise PictureError(f"the header states a size of {header.width}x{header.height}")
    if header.embedded:
        return _embedded(data, header)
    notes = []
    if header.moved:
        notes.append("the BMP states a place of its pixels that lies in its headers: they were read behind those")
    facts = {"integrity": "lengths were checked; nothing in a BMP could tell damage"}
    if header.compression in (_RLE8, _RLE4):
        index, kept, past = _run_lengths(data[header.pixels :], header)
        if past:
            notes.append(f"{past} samples of the BMP's run lengths lie past their rows and were dropped: it is damaged")
        if not kept:
            notes.append("pixels that the BMP's run lengths skip were read as palette entry 0")
        return Samples(_flip(_coloured(index, header, notes), header), notes, facts)
    stride = (header.width * header.bits + 31) // 32 * 4
    need = stride * (header.height - 1) + (header.width * header.bits + 7) // 8
    pixels = data[header.pixels : header.pixels + stride * header.height]
    if len(pixels) < need:
        raise damaged(f"{100 * len(pixels) // need} % of the pixels are there")
    rows = np.frombuffer(pixels.ljust(stride * header.height, b"\0"), np.uint8).reshape(header.height, stride)
    return Samples(_flip(_unpacked(rows, header, notes), header), notes, facts)


def _flip(rows: np.ndarray, header: BmpHeader) -> np.ndarray:
    return np.ascontiguousarray(rows if header.top_down else rows[::-1])


def _unpacked(rows: np.ndarray, header: BmpHeader, notes: list[str]) -> np.ndarray:
    width, bits = header.width, header.bits
    if bits <= 8:
        if bits == 8:
            index = rows[:, :width]
        else:
            parts = [rows >> shift & ((1 << bits) - 1) for shift in range(8 - bits, -1, -bits)]
            index = np.stack(parts, axis=2).reshape(len(rows), -1)[:, :width]
        return _coloured(index, header, notes)
    if bits == 24:
        return rows[:, : 3 * width].reshape(len(rows), width, 3)[:, :, ::-1]
    words = rows[:, : bits // 8 * width].copy().view(f"<u{bits // 8}")
    return _fields(words, header.masks)


def _fields(words: np.ndarray, masks: tuple[int, int, int, int]) -> np.ndarray:
    """Bit fields as samples of the full range; alpha only where it has a mask and is not all zero."""
    planes: list[np.ndarray | None] = []
    widths: list[int] = []
    for mask in masks:
        if not mask:
            planes.append(None)
            continue
        shift = (mask & -mask).bit_length() - 1
        width = (mask >> shift).bit_length()
        if mask >> shift != (1 << width) - 1:
            raise PictureError(f"the file is damaged: a BMP bit field has the mask {mask:x}")
        planes.append((words & np.array(mask, words.dtype)) >> np.array(shift, words.dtype))
        widths.append(width)
    scale = scale_to_eight if max(widths, default=1) <= 8 else scale_to_sixteen
    scaled = [
        None if plane is None else scale(plane, (1 << (mask >> ((mask & -mask).bit_length() - 1)).bit_length()) - 1)
        for plane, mask in zip(planes, masks, strict=True)
    ]
    empty = np.zeros(words.shape, np.uint8 if scale is scale_to_eight else np.uint16)
    shown = [empty if plane is None else plane for plane in scaled[:3]]
    alpha = scaled[3]
    return np.stack([*shown, alpha] if alpha is not None and alpha.any() else shown, axis=2)


def _coloured(index: np.ndarray, header: BmpHeader, notes: list[str]) -> np.ndarray:
    """Palette entries, grey where all that are used are; an index past the palette is black, as everywhere."""
    beyond_palette(index, len(header.palette), notes)
    table = np.zeros((256, 3), np.uint8)
    table[: len(header.palette)] = header.palette[:256]
    used = table[np.unique(index)]
    grey = bool((used == used[:, :1]).all())
    return table[index, 0] if grey else table[index]


def _run_lengths(stream: bytes, header: BmpHeader) -> tuple[np.ndarray, bool, int]:
    """Indices of a run-length coded BMP, whether every pixel was set, and how many samples were dropped because they
    lie past their row's end, as viewers do; one a row is Photoshop's padding and does not count.
    """
    width, height, half = header.width, header.height, header.compression == _RLE4
    out, row, column, place, covered, past = np.zeros((height, width), np.uint8), 0, 0, 0, 0, 0
    while True:
        if place + 2 > len(stream):
            if row >= height or (row == height - 1 and column >= width):
                break
            raise damaged(f"{row} of {height} rows are there")
        count, value = stream[place], stream[place + 1]
        place += 2
        if count:
            if row < height:
                run = (value >> 4, value & 15) if half else (value,)
                stop = min(column + count, width)
                if stop > column:
                    out[row, column:stop] = np.resize(np.array(run, np.uint8), stop - column)
                    covered += stop - column
                past += max(column + count - max(width + 1, column), 0)
            column += count
        elif value == 0:
            row, column = row + 1, 0
        elif value == 1:
            break
        elif value == 2:
            if place + 2 > len(stream):
                raise damaged(f"{row} of {height} rows are there")
            column, row, place = column + stream[place], row + stream[place + 1], place + 2
        else:
            size = (value + 1) // 2 if half else value
            piece = np.frombuffer(stream[place : place + size], np.uint8)
            if len(piece) < size:
                raise damaged(f"{row} of {height} rows are there")
            samples = np.stack([piece >> 4, piece & 15], 1).ravel() if half else piece
            if row < height and column < width:
                shown = samples[: min(value, width - column)]
                out[row, column : column + len(shown)] = shown
                covered += len(shown)
            past += max(column + value - max(width + 1, column), 0)
            column += value
            place += size + size % 2
    return out, covered >= width * height, past


def _embedded(data: bytes, header: BmpHeader) -> Samples:
    inner = data[header.pixels :]
    samples = jpeg_file.decode(inner) if header.compression == _JPEG else png_file.decode(inner)
    samples.notes.append(f"the BMP holds a whole {header.embedded.upper()} file, which was read")
    return samples
