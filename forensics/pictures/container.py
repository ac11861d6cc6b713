"""Which container a file is, by its content, and what its header states: the entry point for every format that is read.

Raster containers (PNG, TIFF, BMP, GIF, PNM) are read here; coded ones in `coded_headers`. Nothing is decoded. What a header
can prove is checked: that the file is whole, that its samples are of a kind that can be analysed.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

from forensics.codecs import registry
from forensics.errors import PictureError
from forensics.pictures import coded_headers, tiff_header
from forensics.pictures.coded_headers import Stated

SUFFIXES = {
    "png": (".png",),
    "tiff": (".tif", ".tiff"),
    "bmp": (".bmp", ".dib"),
    "gif": (".gif",),
    "pnm": (".ppm", ".pgm", ".pbm", ".pnm"),
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "jpeg2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jph", ".jhc"),
    "jpegxr": (".jxr", ".wdp", ".hdp"),
    "bpg": (".bpg",),
    "webp": (".webp",),
    "avif": (".avif", ".avifs"),
    "heic": (".heic", ".heif", ".hif"),
    "jpegxl": (".jxl",),
}
"""File suffixes that fit each format; the first is the usual one."""


def sniff(data: bytes) -> str:
    """Name of the format (a key of `SUFFIXES`) by its signature; raises `PictureError` for anything else."""
    if not data:
        raise PictureError("the file is empty")
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:2] == b"BM" and data[14:15] in (b"\x0c", b"\x28", b"\x34", b"\x38", b"\x40", b"\x6c", b"\x7c"):
        return "bmp"
    if re.match(rb"P[1-6]\s", data[:3]):
        return "pnm"
    if re.match(rb"P[Ff]\s", data[:3]):
        raise PictureError("PFM pictures hold floating-point samples; save it with 8 or 16 bits a sample")
    codec = registry.sniff(data)
    if codec is None:
        raise PictureError(f"not a picture in a format that can be read ({', '.join(SUFFIXES)})")
    return registry.get(codec).codec


def read_stated(data: bytes) -> tuple[str, Stated]:
    """Format name and what the header states; raises `PictureError` when there is no picture to analyse."""
    name = sniff(data)
    reader = _RASTER.get(name) or coded_headers.READERS[name]
    try:
        stated = reader(data)
    except (struct.error, IndexError):
        raise PictureError(f"the file is truncated: its {name} header is cut short") from None
    if stated.width < 1 or stated.height < 1:
        raise PictureError(f"the header states a size of {stated.width}x{stated.height}")
    if stated.colour in _REFUSED_COLOURS or stated.colour.endswith(" components"):
        raise PictureError(
            f"it holds {stated.colour.upper() if len(stated.colour) == 4 else stated.colour} samples; "
            "the traces are defined on RGB and grey: convert it first"
        )
    return name, stated


_REFUSED_COLOURS = ("cmyk", "lab", "icclab", "itulab", "logluv", "logl", "cfa", "n-component", "rgbe")
_PNG_COLOURS = {0: "grey", 2: "rgb", 3: "palette", 4: "grey", 6: "rgb"}


def _png(data: bytes) -> Stated:
    """Every chunk of a PNG is walked and its CRC checked (ISO/IEC 15948 clause 5)."""
    position, orientation, icc, alpha, animation, pixels = 8, 1, False, False, 1, False
    while True:
        if position + 12 > len(data):
            raise PictureError("the file is truncated: its PNG ends without IEND")
        length, kind = struct.unpack_from(">I4s", data, position)
        stop = position + 12 + length
        if stop > len(data):
            raise PictureError(f"the file is truncated: PNG chunk {kind.decode('latin-1')!r} reaches past its end")
        if zlib.crc32(memoryview(data)[position + 4 : stop - 4]) != int.from_bytes(data[stop - 4 : stop], "big"):
            raise PictureError(f"the file is damaged: the CRC of PNG chunk {kind.decode('latin-1')!r} is wrong")
        body = data[position + 8 : stop - 4] if kind in (b"eXIf", b"acTL") else b""
        if kind == b"eXIf":
            orientation = tiff_header.exif_orientation(body)
        elif kind == b"acTL":
            animation = int.from_bytes(body[:4], "big")
        icc, alpha, pixels = icc or kind == b"iCCP", alpha or kind == b"tRNS", pixels or kind == b"IDAT"
        position = stop
        if kind == b"IEND":
            break
    if not pixels or data[12:16] != b"IHDR":
        raise PictureError("the file is damaged: a PNG without header or pixels")
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    facts = {"icc_profile": True} if icc else {}
    alpha = alpha or colour in (4, 6)
    return Stated(width, height, depth, _PNG_COLOURS.get(colour, ""), alpha, animation, False, orientation, facts)


_TIFF_COLOURS = {
    0: "grey", 1: "grey", 2: "rgb", 3: "palette", 5: "cmyk", 6: "ycbcr", 8: "lab", 9: "icclab", 10: "itulab",
    32803: "cfa", 32844: "logl", 32845: "logluv",
}  # fmt: skip
_TIFF_COMPRESSIONS = {
    1: "none", 2: "CCITT RLE", 3: "CCITT G3", 4: "CCITT G4", 5: "LZW", 6: "JPEG", 7: "JPEG", 8: "Deflate", 32773: "PackBits",
    32946: "Deflate", 33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34925: "LZMA", 34926: "Zstandard",
    34927: "WebP", 34934: "JPEG XR", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_TIFF_CODECS = {
    "JPEG": "jpeg",
    "JPEG 2000": "jpeg2000",
    "WebP": "webp",
    "JPEG XR": "jpegxr",
    "JPEG XL": "jpegxl",
}


def _tiff(data: bytes) -> Stated:
    """The first directory of a TIFF file; its strips or tiles must lie within the file."""
    at = tiff_header.layout(data)
    tags = tiff_header.directory(data, at, at.first)
    depth = tags.value(tiff_header.BITS, 1)
    sample_format = tags.value(tiff_header.SAMPLE_FORMAT, 1)
    if sample_format == 3:
        raise PictureError(f"it holds {depth}-bit floating-point samples; save it with 8 or 16 bits a sample")
    if sample_format not in (1, 4) or depth not in (1, 2, 4, 8, 16):
        kind = "signed" if sample_format == 2 else "unsigned" if sample_format in (1, 4) else "complex"
        raise PictureError(
            f"it holds {kind} {depth}-bit samples; TIFF pictures are read with 1 to 8 or 16 unsigned bits"
        )
    for offsets, counts in (
        (tiff_header.OFFSETS, tiff_header.COUNTS),
        (tiff_header.TILE_OFFSETS, tiff_header.TILE_COUNTS),
    ):
        tiff_header.check_extents(data, tags.tags.get(offsets, ()), tags.tags.get(counts, ()))
    coding = tags.value(tiff_header.COMPRESSION, 1)
    compression = _TIFF_COMPRESSIONS.get(coding, f"number {coding}")
    facts: dict[str, Any] = {"compression": compression}
    if compression in _TIFF_CODECS:
        facts["codec"] = _TIFF_CODECS[compression]
    if tiff_header.ICC in tags.tags:
        facts["icc_profile"] = True
    samples, photometric = tags.value(tiff_header.SAMPLES, 1), tags.value(tiff_header.PHOTOMETRIC, 1)
    return Stated(
        width=tags.value(tiff_header.WIDTH),
        height=tags.value(tiff_header.HEIGHT),
        bit_depth=depth,
        colour=_TIFF_COLOURS.get(photometric, f"photometric {photometric}"),
        alpha=samples in (2, 4) and tiff_header.EXTRA_SAMPLES in tags.tags,
        pages=tiff_header.pages(data, at),
        lossy=True if compression == "JPEG" else None if compression in _TIFF_CODECS else False,
        orientation=tags.value(tiff_header.ORIENTATION, 1),
        facts=facts,
    )


def check_deflate(data: bytes) -> None:
    """Inflate every strip or tile of a Deflate TIFF and check its Adler-32, which libtiff leaves unchecked (RFC 1950, 2.2).

    Raises `PictureError` when one is damaged or ends early.
    """
    at = tiff_header.layout(data)
    tags = tiff_header.directory(data, at, at.first).tags
    tiled = tiff_header.TILE_OFFSETS in tags
    offsets = tags.get(tiff_header.TILE_OFFSETS if tiled else tiff_header.OFFSETS, ())
    counts = tags.get(tiff_header.TILE_COUNTS if tiled else tiff_header.COUNTS, ())
    for offset, count in zip(offsets, counts, strict=False):
        stream = zlib.decompressobj()
        piece: bytes | memoryview = memoryview(data)[offset : offset + count]
        try:
            while not stream.eof and (stream.decompress(piece, 1 << 20) or stream.unconsumed_tail):
                piece = stream.unconsumed_tail
        except zlib.error as error:
            raise PictureError(f"the file is damaged: {error} in a strip or tile of the TIFF") from None
        if count and not stream.eof:
            raise PictureError("the file is truncated: a strip or tile of the TIFF ends early")


def _bmp(data: bytes) -> Stated:
    (size,) = struct.unpack_from("<I", data, 2)
    if size > len(data):
        raise PictureError(f"the file is truncated: BMP states {size} bytes and {len(data)} are there")
    if data[14] == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    colour = "palette" if bits <= 8 else "rgb"
    return Stated(width, abs(height), min(bits, 8), colour, lossy=False)


def _gif(data: bytes) -> Stated:
    """Blocks of a GIF are walked to the trailer; each picture's data must end (GIF89a specification, clauses 15-27)."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    frames = 0
    while position < len(data) and data[position] != 0x3B:
        if data[position] == 0x2C:
            local = data[position + 9]
            position += 11 + (3 << (local & 7) + 1 if local & 0x80 else 0)
            frames += 1
        elif data[position] == 0x21:
            position += 2
        else:
            raise PictureError("the file is damaged: an unknown GIF block")
        while data[position]:
            position += data[position] + 1
        position += 1
    if position >= len(data) or not frames:
        raise PictureError("the file is truncated: a GIF without its trailer or without a picture")
    return Stated(width, height, 8, "palette", pages=frames, lossy=False)


_PNM_HEAD = re.compile(rb"P([1-6])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})((?:\s|#[^\n]*\n)+(\d{1,5}))?\s")


def _pnm(data: bytes) -> Stated:
    kind, width, height, maximum, start = pnm_head(data)
    depth = 1 if kind in (1, 4) else max(8, maximum.bit_length())
    samples = width * (3 if kind in (3, 6) else 1)
    row = (width + 7) // 8 if kind == 4 else samples * (2 if maximum > 255 else 1)
    need = start + (height * row if kind >= 4 else height * samples)
    if need > len(data):
        raise PictureError(f"the file is truncated: PNM needs {need} bytes and {len(data)} are there")
    colour = {1: "bilevel", 4: "bilevel", 3: "rgb", 6: "rgb"}.get(kind, "grey")
    return Stated(width, height, depth, colour, lossy=False)


def pnm_head(data: bytes) -> tuple[int, int, int, int, int]:
    """Kind 1..6, width, height, largest value and offset of the samples of a PNM file."""
    match = _PNM_HEAD.match(data[:4096])
    if match is None:
        raise PictureError("the file is truncated or damaged: no PNM header")
    kind = int(match[1])
    bilevel = kind in (1, 4)
    if not bilevel and match[5] is None:
        raise PictureError("the file is truncated or damaged: no PNM header")
    maximum = 1 if bilevel else int(match[5])
    if not 0 < maximum < 65_536:
        raise PictureError(f"the PNM's largest value is 1 to 65535, not {maximum}")
    return kind, int(match[2]), int(match[3]), maximum, match.end(3) + 1 if bilevel else match.end()


_RASTER: dict[str, Callable[[bytes], Stated]] = {
    "png": _png,
    "tiff": _tiff,
    "bmp": _bmp,
    "gif": _gif,
    "pnm": _pnm,
}
