"""What the headers of coded files state before anything is decoded: size, depth, channels and the coding tools named.

One function a container, from bytes to `Stated`. They read headers only and check every length against the data, so that a
picture too large to decode is refused for the price of its header, and a file cut short is recognised where the container
says how long it is. Decoding is the codec's own business (`forensics.codecs`).

References
----------
JPEG: ITU-T T.81 annex B. JPEG 2000: ITU-T T.800 annexes A and I. JPEG XR: ITU-T T.832 annex A and 8.3. WebP: RFC 9649 and
RFC 6386 9.1. AVIF and HEIC: ISO/IEC 14496-12, 23008-12, the AV1 image file format. JPEG XL: ISO/IEC 18181-1 annex D,
18181-2. BPG: the specification 0.9.5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from forensics.errors import PictureError
from forensics.pictures import tiff_header


@dataclass
class Stated:
    """What a file's header states.

    Attributes
    ----------
    width, height : int
        In pixels, as stored (before any orientation).
    bit_depth : int
        Bits of a sample; 0 when the header does not say.
    colour : str
        `grey`, `rgb`, `ycbcr`, `palette`, `bilevel`, `cmyk` or another name of a colour space; empty when not known.
    alpha : bool
        Whether there is an alpha channel.
    pages : int
        Pictures in the file.
    lossy : bool or None
        Whether the coding named by the header is a lossy one; None when the header cannot tell.
    orientation : int
        EXIF orientation, 1 for as stored.
    facts : dict
        Further facts by name, JSON-ready.
    """

    width: int
    height: int
    bit_depth: int = 0
    colour: str = ""
    alpha: bool = False
    pages: int = 1
    lossy: bool | None = None
    orientation: int = 1
    facts: dict[str, Any] = field(default_factory=dict)


_SUBSAMPLING = {(1, 1): "4:2:0", (1, 0): "4:2:2", (0, 0): "4:4:4"}
_CHROMA_FORMATS = {0: "grey", 1: "4:2:0", 2: "4:2:2", 3: "4:4:4"}


def jpeg(data: bytes) -> Stated:
    """Frame header, EXIF orientation and ICC presence of a JPEG file."""
    position, orientation, icc = 2, 1, False
    while position + 4 <= len(data):
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + length]
        if data[position] != 0xFF:
            break
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xE1 and body[:6] == b"Exif\0\0":
            orientation = tiff_header.exif_orientation(body)
        icc = icc or (marker == 0xE2 and body[:12] == b"ICC_PROFILE\0")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if len(body) < 6:
                break
            depth, height, width, components = struct.unpack_from(">BHHB", body)
            colour = {1: "grey", 3: "ycbcr", 4: "cmyk"}.get(components, f"{components} components")
            facts = {"icc_profile": True} if icc else {}
            return Stated(width, height, depth, colour, lossy=marker != 0xC3, orientation=orientation, facts=facts)
        position += 2 + length
    raise PictureError("the file is truncated: a JPEG without a frame header")


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """ISO base media boxes of data[start:end] as (type, start of content, end); raises when one is cut short."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,), head = struct.unpack_from(">Q", data, start + 8), 16
        stop = end if size == 0 else start + size
        if size not in (0, 1) and size < head:
            raise PictureError(f"the file is damaged: box {kind!r} is {size} bytes long")
        if stop > end:
            raise PictureError(f"the file is truncated: box {kind.decode('latin-1')!r} reaches past its end")
        yield kind, start + head, stop
        start = stop


def jpeg2000(data: bytes) -> Stated:
    """SIZ and COD of a JPEG 2000 codestream, in a JP2 file or bare."""
    start, stop = 0, len(data)
    if data[:4] != b"\xff\x4f\xff\x51":
        for kind, first, last in _boxes(data, 0, len(data)):
            if kind == b"jp2c":
                start, stop = first, last
                break
        else:
            raise PictureError("the file is truncated: a JP2 file without a codestream")
    head = data[start : min(stop, start + 65_536)]
    if len(head) < 45 or head[:4] != b"\xff\x4f\xff\x51":
        raise PictureError("the file is truncated: its JPEG 2000 main header is cut short")
    x1, y1, x0, y0 = struct.unpack_from(">IIII", head, 8)
    components, depth = struct.unpack_from(">HB", head, 40)
    if data[stop - 2 : stop] != b"\xff\xd9":
        raise PictureError("the file is truncated: its JPEG 2000 codestream does not end with EOC")
    colour = {1: "grey", 2: "grey", 3: "rgb", 4: "rgb"}.get(components, f"{components} components")
    stated = Stated(x1 - x0, y1 - y0, (depth & 127) + 1, colour, alpha=components in (2, 4))
    coding = head.find(b"\xff\x52", 4)
    if 0 < coding <= len(head) - 14:
        layers, transform, levels = struct.unpack_from(">HBB", head, coding + 6)
        wavelet = "9/7" if head[coding + 13] == 0 else "5/3"
        stated.facts.update(wavelet=wavelet, colour_transform=bool(transform), levels=levels, layers=layers)
        stated.lossy = True if wavelet == "9/7" else None
    return stated


_JXR_DEPTHS = {0: 1, 1: 8, 2: 16, 3: 16, 4: 16, 6: 32, 7: 32, 8: 5, 9: 10, 10: 6, 15: 1}
_JXR_COLOURS = {
    0: "grey",
    1: "4:2:0",
    2: "4:2:2",
    3: "4:4:4",
    4: "cmyk",
    5: "cmyk",
    6: "n-component",
    7: "rgb",
    8: "rgbe",
}


def jpegxr(data: bytes) -> Stated:
    """Container tags and image header of a JPEG XR file."""
    at = tiff_header.Layout("<", False, int.from_bytes(data[4:8], "little"))
    tags = tiff_header.directory(data, at, at.first)
    width, height, offset, count = (tags.value(tag) for tag in (0xBC80, 0xBC81, 0xBCC0, 0xBCC1))
    tiff_header.check_extents(data, [offset], [count])
    head = data[offset : offset + 12]
    stated = Stated(width, height, alpha=0xBCC2 in tags.tags)
    if head[:8] == b"WMPHOTO\0" and len(head) == 12:
        colour = _JXR_COLOURS.get(head[11] >> 4, "")
        stated.bit_depth = _JXR_DEPTHS.get(head[11] & 15, 0)
        stated.colour = colour if colour in ("grey", "cmyk") else "rgb"
        stated.facts.update(overlap=head[9] & 3)
    return stated


def webp(data: bytes) -> Stated:
    """RIFF chunks of a WebP file: lossy or lossless, alpha, animation, EXIF."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise PictureError(f"the file is truncated: WebP states {end} bytes and {len(data)} are there")
    stated, frames, position, canvas = Stated(0, 0, 8, "ycbcr"), 0, 12, None
    while position + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + min(size, 1 << 16)]
        if kind == b"VP8X" and len(body) >= 10:
            canvas = tuple(int.from_bytes(body[i : i + 3], "little") + 1 for i in (4, 7))
            stated.alpha = bool(body[0] & 0x10)
            stated.facts.update({"icc_profile": True} if body[0] & 0x20 else {})
        elif kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
            stated.lossy = True
            stated.width, stated.height = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
        elif kind == b"VP8L" and len(body) >= 5:
            bits = int.from_bytes(body[1:5], "little")
            stated.lossy, stated.colour = False, "rgb"
            stated.width, stated.height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
            stated.alpha = stated.alpha or bool(bits >> 28 & 1)
        elif kind == b"EXIF":
            stated.orientation = tiff_header.exif_orientation(body)
        frames += kind == b"ANMF"
        position += 8 + size + size % 2
    if canvas is not None:
        stated.width, stated.height = canvas
    stated.pages = max(frames, 1)
    return stated


def _properties(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Item properties of a HEIF-style file: `meta/iprp/ipco/*` as (type, content)."""
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"meta":
            for inner, first, last in _boxes(data, start + 4, end):
                if inner == b"iprp":
                    for deeper, a, b in _boxes(data, first, last):
                        if deeper == b"ipco":
                            yield from ((name, data[p:q]) for name, p, q in _boxes(data, a, b))


def heif(data: bytes) -> Stated:
    """Item properties of an AVIF or HEIC file; the largest stated size counts (tiles and thumbnails are smaller)."""
    stated = Stated(0, 0, colour="ycbcr")
    for kind, body in _properties(data):
        if kind == b"ispe" and len(body) >= 12:
            width, height = struct.unpack_from(">II", body, 4)
            if width * height > stated.width * stated.height:
                stated.width, stated.height = width, height
        elif kind == b"pixi" and len(body) >= 6:
            stated.bit_depth = max(stated.bit_depth, body[5])
        elif kind == b"av1C" and len(body) >= 3 and not body[2] & 0x10:
            stated.facts["chroma_subsampling"] = _SUBSAMPLING.get((body[2] >> 3 & 1, body[2] >> 2 & 1), "")
        elif kind == b"hvcC" and len(body) >= 18 and body[16] & 3:
            stated.facts["chroma_subsampling"] = _CHROMA_FORMATS[body[16] & 3]
        elif kind == b"auxC" and b"alpha" in body:
            stated.alpha = True
        elif kind == b"irot" and body and body[0] & 3:
            stated.facts["rotation_applied"] = 90 * (body[0] & 3)
        elif kind == b"colr" and body[:4] in (b"prof", b"rICC"):
            stated.facts["icc_profile"] = True
    if not stated.width:
        raise PictureError("the file states no picture size")
    return stated


_JXL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def jpegxl(data: bytes) -> Stated:
    """Size header of a JPEG XL codestream, bare or in its container."""
    stream, boxed = data[:64], data[:2] != b"\xff\x0a"
    facts: dict[str, Any] = {}
    if boxed:
        stream = b""
        for kind, start, end in _boxes(data, 0, len(data)):
            if kind in (b"jxlc", b"jxlp") and not stream:
                stream = data[start + 4 * (kind == b"jxlp") : end][:64]
            if kind == b"jbrd":
                facts["jpeg_reconstruction"] = True
    if len(stream) < 12 or stream[:2] != b"\xff\x0a":
        raise PictureError("the file is truncated: a JPEG XL file without a codestream")
    bits, place = int.from_bytes(stream[2:], "little"), 0

    def take(count: int) -> int:
        nonlocal place
        value = bits >> place & ((1 << count) - 1)
        place += count
        return value

    small = take(1)
    height = 8 * (1 + take(5)) if small else 1 + take((9, 13, 18, 30)[take(2)])
    ratio = take(3)
    if ratio:
        over, under = _JXL_RATIOS[ratio - 1]
        width = height * over // under
    else:
        width = 8 * (1 + take(5)) if small else 1 + take((9, 13, 18, 30)[take(2)])
    return Stated(width, height, facts=facts, lossy=True if facts else None)


def bpg(data: bytes) -> Stated:
    """File header of a BPG file."""

    def ue7(position: int) -> tuple[int, int]:
        value = 0
        for byte in data[position : position + 5]:
            value, position = value << 7 | byte & 127, position + 1
            if byte < 128:
                return value, position
        raise PictureError("the file is truncated: its BPG header is cut short")

    if len(data) < 8:
        raise PictureError("the file is truncated: its BPG header is cut short")
    width, position = ue7(6)
    height, position = ue7(position)
    length, position = ue7(position)
    if position + length > len(data):
        raise PictureError(f"the file is truncated: BPG states {length} bytes of picture data and fewer are there")
    form, flags = data[4] >> 5, data[5]
    alpha = bool(data[4] & 0x10)
    cmyk = not alpha and bool(flags & 4)
    colour = (
        "cmyk" if cmyk else "grey" if form == 0 else ("ycbcr", "rgb", "ycgco", "ycbcr", "ycbcr")[min(flags >> 4, 4)]
    )
    subsampling = {0: "grey", 1: "4:2:0", 2: "4:2:2", 3: "4:4:4", 4: "4:2:0", 5: "4:2:2"}.get(form, "")
    facts = {"chroma_subsampling": subsampling, "limited_range": bool(flags & 2)}
    return Stated(width, height, (data[4] & 15) + 8, colour, alpha, 2 if flags & 1 else 1, None, facts=facts)


READERS: dict[str, Callable[[bytes], Stated]] = {
    "jpeg": jpeg,
    "jpeg2000": jpeg2000,
    "jpegxr": jpegxr,
    "bpg": bpg,
    "webp": webp,
    "avif": heif,
    "heic": heif,
    "jpegxl": jpegxl,
}
"""Header reader by codec class."""
