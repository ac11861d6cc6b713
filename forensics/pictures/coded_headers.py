"""What the headers of coded files state before anything is decoded: size, depth, channels and the coding tools named.

One function a container, from bytes to `Stated`. They read headers only and check every length against the data, so
that a picture too large to decode is refused for the price of its header, and a file cut short is recognised where the
container says how long it is. Decoding is the codec's own business (`forensics.codecs`).

References
----------
JPEG: ITU-T T.81 annex B. JPEG 2000: ITU-T T.800 annexes A and I. JPEG XR: ITU-T T.832 annex A and 8.3. WebP: RFC 9649
and RFC 6386 9.1. AVIF and HEIC: ISO/IEC 14496-12, 23008-12, the AV1 image file format. JPEG XL: ISO/IEC 18181-1 annex
D, 18181-2. BPG: the specification 0.9.5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from forensics.errors import PictureError
from forensics.pictures import (
    heif_file,
    jpeg2000_file,
    jpeg2000_stream,
    jpeg_file,
    jpeg_segments,
    jpegxl_header,
    jpegxr_header,
    tiff_header,
)
from forensics.pictures.stated import Stated


def jpeg(data: bytes) -> Stated:
    """Frame header, EXIF orientation, ICC presence and number of pictures of a JPEG file."""
    file = jpeg_segments.read(data)
    frame = file.frame
    if frame is None:
        raise PictureError("the file is truncated: a JPEG without a frame header")
    facts: dict[str, Any] = {"icc_profile": True} if file.icc else {}
    if file.gain_map:
        facts["gain_map"] = True
    return Stated(
        frame.width, file.height, frame.precision, jpeg_file.colour(file), pages=file.pictures,
        lossy=not jpeg_file.is_lossless(file), orientation=file.orientation, facts=facts,
    )  # fmt: skip


def jpeg2000(data: bytes) -> Stated:
    """Main header of a JPEG 2000 codestream, in a JP2 file or bare, and the colour that the JP2 header states."""
    start, stop = jpeg2000_stream.codestream_extent(data)
    stream = jpeg2000_stream.read(data[start:stop])
    boxes = jpeg2000_stream.read_boxes(data)
    colour, count = jpeg2000_file.colour(stream, boxes), len(stream.depths)
    alpha = bool(boxes.alpha) or (boxes.palette is None and count in (2, 4) and colour in ("grey", "rgb"))
    stated = Stated(stream.width, stream.height, abs(stream.depths[0]), colour, alpha=alpha)
    if stream.wavelet:
        stated.facts.update(
            wavelet=stream.wavelet, colour_transform=stream.colour_transform, levels=stream.levels, layers=stream.layers
        )
        stated.lossy = True if stream.wavelet == "9/7" else None
    if len(set(stream.steps)) > 1:
        stated.facts["chroma_subsampling"] = "/".join(f"{across}x{down}" for across, down in stream.steps)
    if stream.high_throughput:
        stated.facts["high_throughput"] = True
    if boxes.profile:
        stated.facts["icc_profile"] = True
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
    lossy = jpegxr_header.is_lossy(data[offset : offset + count])
    stated = Stated(width, height, alpha=0xBCC2 in tags.tags, lossy=lossy)
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
    first: Stated | None = None
    while position + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + min(size, 1 << 16)]
        if kind in (b"VP8 ", b"VP8L") and position + 8 + size > end:
            raise PictureError(f"the file is damaged: WebP states {end} bytes, and its picture reaches beyond them")
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
        elif kind == b"ANMF":
            inner = _webp_frame(data[position + 24 : position + 8 + size])
            stated.alpha |= inner.alpha
            # One lossy frame makes a lossy file; the first frame is the one that is read.
            stated.lossy = inner.lossy if stated.lossy is None or inner.lossy else stated.lossy
            first = first or inner
        frames += kind == b"ANMF"
        position += 8 + size + size % 2
    if first is not None:
        stated.colour = first.colour
        stated.facts["animated"] = True
        if first.lossy is not stated.lossy:
            stated.facts["first_frame_lossy"] = first.lossy
    if canvas is not None:
        stated.width, stated.height = canvas
    if not stated.width and end < len(data):
        raise PictureError(f"the file is damaged: WebP states {end} of its {len(data)} bytes, which hold no picture")
    stated.pages = max(frames, 1)
    return stated


def _webp_frame(body: bytes) -> Stated:
    """Lossiness, alpha and colour of one frame of an animation."""
    found, position = Stated(0, 0, 8), 0
    while position + 8 <= len(body):
        kind, size = struct.unpack_from("<4sI", body, position)
        if kind == b"VP8 ":
            found.lossy, found.colour = True, "ycbcr"
        elif kind == b"VP8L" and position + 13 <= len(body):
            found.lossy, found.colour = False, "rgb"
            found.alpha |= bool(int.from_bytes(body[position + 9 : position + 13], "little") >> 28 & 1)
        found.alpha |= kind == b"ALPH"
        position += 8 + size + size % 2
    return found


def avif(data: bytes) -> Stated:
    """The primary item of an AVIF file."""
    return _heif(data, "avif")


def heic(data: bytes) -> Stated:
    """The primary item of a HEIC file."""
    return _heif(data, "heic")


def _heif(data: bytes, codec: str) -> Stated:
    found = heif_file.read(data, codec)
    matrix = str(found.facts.get("cicp", "")).split("/")[2:3]
    colour = "grey" if found.facts.get("chroma_subsampling") == "grey" else "rgb" if matrix == ["0"] else "ycbcr"
    return Stated(
        found.width, found.height, found.bit_depth, colour, found.alpha, found.pictures, found.lossy,
        facts=found.facts, notes=found.notes,
    )  # fmt: skip


def jpegxl(data: bytes) -> Stated:
    """Image header and first frame header of a JPEG XL codestream, bare or in its container."""
    header = jpegxl_header.read(data)
    facts: dict[str, Any] = {"xyb": header.xyb}
    if header.modular is not None:
        facts["modular"] = header.modular
    if header.icc:
        facts["icc_profile"] = True
    if header.kept_jpeg:
        facts.update(jpeg_reconstruction=True, codec="jpeg")
    if header.animated:
        facts["animated"] = True
    stated = Stated(
        header.width,
        header.height,
        header.bit_depth,
        "cmyk" if header.black else "grey" if header.grey else "rgb",
        header.alpha,
        lossy=None if header.lossless is None else not header.lossless,
        orientation=header.orientation,
        facts=facts,
    )
    if header.kept_jpeg:
        stated.notes.append(
            "the file keeps a JPEG without further loss (JPEG XL's transcoding): its pixels are those of a JPEG"
        )
    if header.lossless is None and header.icc and not header.kept_jpeg:
        stated.notes.append("whether it is stored without loss stands behind its colour profile, and is not read there")
    if header.floating:
        stated.facts["floating_point"] = True
        stated.notes.append("floating-point samples between 0 and 1 were scaled to 8 bits")
    if header.extra_channels > header.alpha:
        stated.notes.append(f"{header.extra_channels - header.alpha} extra channels were left out")
    return stated


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
    "avif": avif,
    "heic": heic,
    "jpegxl": jpegxl,
}
"""Header reader by codec class."""
