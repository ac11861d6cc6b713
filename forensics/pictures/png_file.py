"""PNG (ISO/IEC 15948): every chunk is walked, checksums are compared, and pixels are read from the critical chunks
alone.

Ancillary chunks that are spoilt, too large or unknown do not touch the pixels and never keep a whole picture from being
read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forensics.errors import PictureError
from forensics.pictures import tiff_header
from forensics.pictures.samples import Samples, damaged, decoding
from forensics.pictures.stated import Stated

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = {0: "grey", 2: "rgb", 3: "palette", 4: "grey", 6: "rgb"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_WHOLE_SAMPLES = (0, 2, 4, 6)
"""Colour types whose samples need no palette."""
_PIECE = 1 << 18
"""Bytes that are inflated at a time: what an inflater leaves of them is copied at every turn."""
_ROWS_KEPT = 1 << 24
"""Bytes of inflated rows up to which they are kept for libpng: a bound on memory."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Interlace passes as first column, first row, and steps across and down (clause 8.2)."""


@dataclass
class PngFile:
    """Header fields, the critical chunks and what the ancillary ones state."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool
    chunks: list[tuple[bytes, bytes | memoryview]]
    frames: int = 1
    orientation: int = 1
    transparent: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes | memoryview, bool]]:
    """Chunks as (type, content, whether the checksum is right), up to IEND; raises `PictureError` where the file ends
    within a chunk before any of its pixels, or within one of them. One that is cut behind the pixels ends the walk.

    Pixels are views of the file, as they can be as large as it is.
    """
    place, pixels, file = 8, False, memoryview(data)
    while True:
        if place + 12 > len(data) and pixels:
            return
        if place + 12 > len(data):
            raise PictureError("the file is truncated: its PNG ends without IEND")
        length, kind = struct.unpack_from(">I4s", data, place)
        stop = place + 12 + length
        if stop > len(data) and pixels and kind not in (b"IDAT", b"PLTE"):
            return
        if stop > len(data):
            raise PictureError(f"the file is truncated: PNG chunk {kind.decode('latin-1')!r} reaches past its end")
        pixels |= kind == b"IDAT"
        body = file[place + 8 : stop - 4] if kind == b"IDAT" else data[place + 8 : stop - 4]
        yield kind, body, zlib.crc32(body, zlib.crc32(kind)) == int.from_bytes(data[stop - 4 : stop], "big")
        if kind == b"IEND":
            return
        place = stop


def read(data: bytes) -> PngFile:
    """Walk a PNG's chunks; raises `PictureError` where a critical one is damaged or missing."""
    if data[12:16] == b"CgBI":
        raise PictureError("it is Apple's CgBI variant of PNG (of an iOS app), which is not read: convert it first")
    kept: list[tuple[bytes, bytes | memoryview]] = []
    spoilt: list[str] = []
    head: bytes | memoryview = b""
    pixels, apart, ended, found = 0, True, False, PngFile(0, 0, 0, 0, False, kept)
    for kind, body, whole in chunks(data):
        critical = not kind[0] & 0x20 and kind != b"IEND"
        ended |= kind == b"IEND"
        if not whole and critical:
            raise PictureError(f"the file is damaged: the CRC of PNG chunk {kind.decode('latin-1')!r} is wrong")
        if not whole:
            spoilt.append(kind.decode("latin-1"))
            continue
        if kind == b"IHDR" and not head:
            head = body
        if critical and kind not in (b"IHDR", b"PLTE", b"IDAT"):
            raise PictureError(f"its critical PNG chunk {kind.decode('latin-1')!r} is not known")
        if kind in (b"IHDR", b"PLTE", b"IDAT", b"tRNS"):
            kept.append((kind, body))
        pixels += kind == b"IDAT"
        apart &= kind != b"fcTL" or pixels > 0
        if kind != b"IDAT":
            _fact(found, kind, bytes(body))
    if not pixels or data[12:16] != b"IHDR" or len(head) != 13:
        raise PictureError("the file is damaged: a PNG without header or pixels")
    # PNG, third edition, on fcTL: without one before it the still picture is no frame.
    found.frames += bool(found.facts.get("animated") and apart)
    if spoilt:
        found.notes.append(f"PNG chunks with a wrong checksum were passed over: {', '.join(sorted(set(spoilt))[:5])}")
    if not ended:
        found.notes.append("the PNG ends without its end chunk (IEND), behind its pixels: it was cut there")
    found.width, found.height, found.depth, found.colour, _, filters, interlace = struct.unpack(">IIBBBBB", head)
    found.interlaced = bool(interlace)
    if found.colour not in COLOURS or found.depth not in (1, 2, 4, 8, 16):
        raise PictureError(f"the file is damaged: its PNG states colour type {found.colour} at {found.depth} bits")
    if filters or interlace > 1:
        method = f"filter method {filters}" if filters else f"interlace method {interlace}"
        raise PictureError(f"the file is damaged: its PNG states {method}, which does not exist")
    _check_colours(found)
    found.transparent |= found.colour in (4, 6)
    return found


def _check_colours(found: PngFile) -> None:
    """Raise where a palette picture has no palette; leave out what palette and transparency other pictures hold."""
    entries = [len(body) for kind, body in found.chunks if kind == b"PLTE"]
    if found.colour == 3 and (len(entries) != 1 or entries[0] % 3 or not entries[0]):
        what = f"a palette of {entries[0]} bytes" if entries else "no palette"
        raise PictureError(f"the file is damaged: a PNG of palette colours with {what}")
    if found.colour != 3:
        found.chunks[:] = [(kind, body) for kind, body in found.chunks if kind != b"PLTE"]
    allowed = {0: range(2, 3), 2: range(6, 7), 3: range(1, 257)}.get(found.colour, range(0))
    kept = [(kind, body) for kind, body in found.chunks if kind != b"tRNS" or len(body) in allowed]
    if len(kept) < len(found.chunks):
        found.chunks[:] = kept
        found.transparent = any(kind == b"tRNS" for kind, _ in kept)
        found.notes.append("a PNG chunk tRNS that does not fit the colours was passed over")


def _fact(found: PngFile, kind: bytes, body: bytes) -> None:
    if kind == b"eXIf":
        found.orientation = tiff_header.exif_orientation(body)
    elif kind == b"acTL" and len(body) >= 8:
        found.frames = max(1, min(int.from_bytes(body[:4], "big"), 1 << 31))
        found.facts["animated"] = True
    elif kind == b"iCCP":
        found.facts["icc_profile"] = True
    elif kind == b"gAMA" and len(body) == 4 and int.from_bytes(body, "big"):
        found.facts["gamma"] = round(int.from_bytes(body, "big") / 100_000, 5)
    elif kind == b"sRGB":
        found.facts["srgb"] = True
    elif kind == b"cICP" and len(body) == 4:
        found.facts["cicp"] = "/".join(map(str, body))
    elif kind == b"sBIT" and body:
        found.facts["significant_bits"] = max(body)
    elif kind == b"tRNS":
        found.transparent = True


def stated(data: bytes) -> Stated:
    """What the chunks state; raises as `read`."""
    png = read(data)
    colour = COLOURS[png.colour]
    return Stated(
        png.width, png.height, png.depth, colour, png.transparent, png.frames, False, png.orientation, png.facts
    )


def raw_size(png: PngFile) -> int:
    """Bytes of the filtered rows, interlaced or not."""
    bits = png.depth * _CHANNELS[png.colour]
    passes = _PASSES if png.interlaced else ((0, 0, 1, 1),)
    total = 0
    for x, y, across, down in passes:
        columns, rows = -(-(png.width - x) // across), -(-(png.height - y) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def decode(data: bytes) -> Samples:
    """Samples of a PNG's (default) picture, 8 bits, or 16 where it has 16.

    Raises
    ------
    PictureError
        The compressed pixels end early, fail their checksum or hold a filter that does not exist.
    """
    png = read(data)
    pieces = [body for kind, body in png.chunks if kind == b"IDAT"]
    notes = list(png.notes)
    rows = _inflated(pieces, raw_size(png)) if png.depth == 16 or _is_plain(png) else None
    rows = _check_pixels(pieces, raw_size(png), notes) if rows is None else rows
    by_libpng = png.depth == 16 or (notes == png.notes and _is_plain(png))
    # What is inflated already is handed on in stored blocks: to inflate it is half of libpng's work.
    stored = [zlib.compress(rows, 0)] if rows is not None and by_libpng else None
    plain = data if stored is None and _holds_nothing_else(png, data) else _rebuilt(png, stored or pieces)
    del rows, stored, pieces
    with decoding("its PNG pixels"):
        if by_libpng:
            import imagecodecs

            array = np.asarray(imagecodecs.png_decode(plain))
        else:
            from forensics.pictures.pillow_samples import decode_file

            array = decode_file(plain, "PNG", notes)
    return Samples(array, notes, {"integrity": "checksums of all chunks and of the pixels"})


def _is_plain(png: PngFile) -> bool:
    """Whether libpng gives the samples as they are, straight into their array: Pillow holds a picture of its own of
    four bytes a pixel besides, and takes half as long again.
    """
    return png.depth == 8 and png.colour in _WHOLE_SAMPLES and all(kind != b"tRNS" for kind, _ in png.chunks)


def _holds_nothing_else(png: PngFile, data: bytes) -> bool:
    """Whether the file is its header, palette, transparency and pixels in this order: it need not be made anew."""
    order = [(b"IHDR", b"PLTE", b"tRNS", b"IDAT").index(kind) for kind, _ in png.chunks]
    whole = len(SIGNATURE) + sum(12 + len(body) for _, body in png.chunks) + 12 == len(data)
    return whole and order == sorted(order)


def _inflated(pieces: Sequence[bytes | memoryview], size: int) -> bytes | None:
    """The filtered rows by libdeflate, twice as fast as zlib, with their checksum compared; None where they are larger
    than `_ROWS_KEPT` or anything is amiss, which `_check_pixels` has the words for.
    """
    if size > _ROWS_KEPT:
        return None
    import imagecodecs

    try:
        rows = bytes(imagecodecs.deflate_decode(b"".join(pieces), out=size))
    except Exception:  # of many kinds; zlib says what it is
        return None
    return rows if len(rows) == size else None


def _check_pixels(pieces: Sequence[bytes | memoryview], size: int, notes: list[str]) -> bytes | None:
    """Inflate the pixels to their own size and compare their checksum; libpng leaves both to chance.

    Returns the filtered rows, None where they are larger than `_ROWS_KEPT`.
    """
    rows: list[bytes] | None = [] if size <= _ROWS_KEPT else None
    inflater = zlib.decompressobj()
    parts = (bytes(one[at : at + _PIECE]) for one in pieces for at in range(0, len(one), _PIECE))
    left, piece = size, next(parts, b"")
    try:
        while left > 0 and not inflater.eof:
            got = inflater.decompress(piece, min(left, 1 << 20))
            piece = inflater.unconsumed_tail or next(parts, b"")
            left -= len(got)
            if rows is not None:
                rows.append(got)
            if not got and not piece:
                break
        if left:
            raise damaged(f"{100 * (size - left) // size} % of the pixels are there")
        while not inflater.eof and piece:
            if inflater.decompress(piece, 1 << 16):
                notes.append("the PNG holds more compressed data than its pixels need; the rest was passed over")
                return None
            piece = inflater.unconsumed_tail or next(parts, b"")
    except zlib.error as error:
        text = str(error).partition(": ")[2] or "the compressed data are spoilt"
        raise damaged(f"the pixels cannot be inflated: {text}") from None
    if not inflater.eof:
        notes.append("the checksum of the PNG's pixels is missing; all pixels are there")
    return None if rows is None else b"".join(rows)


def _rebuilt(png: PngFile, pixels: Sequence[bytes | memoryview]) -> bytes:
    """The file with header, palette and transparency alone, and with these pixels in one chunk."""
    parts: list[bytes | memoryview] = [SIGNATURE]

    def add(kind: bytes, bodies: Sequence[bytes | memoryview]) -> None:
        check = zlib.crc32(kind)
        for body in bodies:
            check = zlib.crc32(body, check)
        parts.extend([struct.pack(">I", sum(map(len, bodies))) + kind, *bodies, struct.pack(">I", check)])

    for wanted in ((b"IHDR", b"PLTE"), (b"tRNS",)):
        for kind, body in png.chunks:
            if kind in wanted:
                add(kind, [body])
    add(b"IDAT", pixels)
    add(b"IEND", [])
    return b"".join(parts)
