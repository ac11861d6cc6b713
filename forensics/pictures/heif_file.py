"""AVIF and HEIC files: which item is the picture, what it states, and what lies next to it (ISO/IEC 14496-12, 23008-12;
AV1 image format).

Items are followed from the primary one: its size, rotation and colour count, not those of thumbnails, tiles, depth maps
and alpha planes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from forensics.codecs.headers import av1, heif
from forensics.codecs.headers.coded_strength import MATRICES
from forensics.codecs.headers.heif import Items
from forensics.errors import CodecError, PictureError
from forensics.pictures.samples import damaged

_CODED = frozenset(
    {b"av01", b"hvc1", b"hev1", b"grid", b"iden", b"iovl", b"jpeg", b"tmap", b"unci", b"avc1", b"vvc1", b"j2k1"}
)
_CHROMA = {0: "grey", 1: "4:2:0", 2: "4:2:2", 3: "4:4:4"}


@dataclass
class HeifFile:
    """What a file states of its primary picture."""

    width: int = 0
    height: int = 0
    bit_depth: int = 0
    alpha: bool = False
    pictures: int = 1
    lossy: bool | None = None
    facts: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(data: bytes, codec: str) -> HeifFile:
    """The facts of an AVIF (`avif`) or HEIC (`heic`) file.

    Raises
    ------
    PictureError
        It states no picture, or its coded data hold bytes that no coder writes.
    """
    found = HeifFile()
    frames, entry = _sequence(data)
    try:
        items = heif.read_items(data)
    except CodecError as error:
        if not frames:
            raise damaged(str(error)) from None
        items = Items()
    references = heif.references(data)
    if items.primary:
        _primary(items, found, codec)
        _beside(items, references, found, codec)
    if frames > 1:
        found.pictures = max(found.pictures, frames)
        found.facts["animated"] = True
    if not found.width and frames:
        _from_track(entry, found)
    if not found.width:
        raise PictureError("the file states no picture size")
    if codec == "avif":
        _av1(items, found)
    else:
        _hevc(items, found)
    return found


def is_heif(data: bytes) -> bool:
    """Whether a file's brands name the HEIF container (ISO/IEC 23008-12 annex B)."""
    if data[4:8] != b"ftyp":
        return False
    size = min(int.from_bytes(data[:4], "big"), 256, len(data))
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4))]
    return any(brand in (b"mif1", b"mif2", b"mif3", b"msf1", b"miaf", b"unif", b"avci", b"jpeg") for brand in brands)


def coding_of(data: bytes) -> str:
    """`avif` or `heic` for a file whose brands name the container alone, by its primary item or the first tile of it.

    Raises `PictureError` that names the coding where it is another.
    """
    try:
        items = heif.read_items(data)
    except CodecError:
        raise PictureError("it is a HEIF file without an item table, or with a damaged one; that is not read") from None
    kinds = [items.kinds.get(items.primary, b""), *(items.kinds[number] for number in sorted(items.kinds))]
    for kind in kinds:
        if kind in (b"av01", b"hvc1"):
            return "avif" if kind == b"av01" else "heic"
        if kind not in (b"grid", b"iden", b"iovl", b"tmap", b"Exif", b"mime", b""):
            raise PictureError(f"its HEIF picture is coded as {kind.decode('latin-1')!r}, which is not read")
    raise damaged("a HEIF file without a picture")


def _primary(items: Items, found: HeifFile, codec: str) -> None:
    for kind, body in items.properties.get(items.primary, []):
        if kind == b"ispe" and len(body) >= 12:
            found.width, found.height = struct.unpack_from(">II", body, 4)
        elif kind == b"pixi" and len(body) >= 6:
            found.bit_depth = max(body[5 : 5 + body[4]], default=0)
        elif kind == b"irot" and body and body[0] & 3:
            _rotation(found, 90 * (body[0] & 3), codec)
        elif kind == b"imir" and body:
            _said(found, "mirroring", "left and right" if body[0] & 1 else "top and bottom", codec)
        elif kind == b"clap":
            found.facts["clean_aperture"] = True
            applied = "applied by the decoder" if codec == "heic" else "not applied"
            found.notes.append(f"the crop to a clean aperture that the file states was {applied}")
        elif kind == b"colr":
            _colour(found, body)
    _coded_properties(items, found)


def _coded_properties(items: Items, found: HeifFile) -> None:
    """Chroma subsampling and depth of the coded items; of the first tile where the picture is a grid of them."""
    for number in (items.primary, *sorted(items.properties)):
        for kind, body in items.properties.get(number, []):
            if _configured(kind, body, found):
                return


def _configured(kind: bytes, body: bytes, found: HeifFile) -> bool:
    """Take chroma subsampling and depth from a decoder's configuration; whether it was one."""
    if kind == b"av1C" and len(body) >= 3:
        grey, across, down = body[2] & 16, body[2] >> 3 & 1, body[2] >> 2 & 1
        found.facts.setdefault("chroma_subsampling", "grey" if grey else _CHROMA[3 if not across else 1 if down else 2])
        found.bit_depth = found.bit_depth or ((12 if body[2] & 32 else 10) if body[2] & 64 else 8)
        return True
    if kind == b"hvcC" and len(body) >= 19:
        found.facts.setdefault("chroma_subsampling", _CHROMA[body[16] & 3])
        found.bit_depth = found.bit_depth or (body[17] & 7) + 8
        return True
    return False


_ENTRY_HEAD, _ENTRY_SIZE = 78, 24
"""Bytes of a visual sample entry before its boxes, and where its width and height stand (ISO/IEC 14496-12, 12.1.3)."""


def _from_track(entry: bytes, found: HeifFile) -> None:
    """What a sequence without a still picture of its own states in its track."""
    if len(entry) < _ENTRY_HEAD:
        return
    found.width, found.height = struct.unpack_from(">HH", entry, _ENTRY_SIZE)
    try:
        for kind, body in heif.boxes(entry[_ENTRY_HEAD:]):
            _configured(kind, body, found)
            if kind == b"colr":
                _colour(found, body)
    except CodecError:
        return


def _rotation(found: HeifFile, angle: int, codec: str) -> None:
    """libheif turns the picture, libavif does not: the pixels are then as coded."""
    applied = codec == "heic"
    found.facts["rotation"] = angle
    found.facts["rotation_applied"] = applied
    if applied and angle != 180:
        found.width, found.height = found.height, found.width
    found.notes.append(
        f"the rotation by {angle} degrees that the file states was "
        f"{'applied by the decoder' if applied else 'not applied'}"
    )


def _said(found: HeifFile, what: str, how: str, codec: str) -> None:
    applied = codec == "heic"
    found.facts[what] = how
    found.facts[f"{what}_applied"] = applied
    found.notes.append(
        f"the {what} of {how} that the file states was {'applied by the decoder' if applied else 'not applied'}"
    )


def _colour(found: HeifFile, body: bytes) -> None:
    if body[:4] in (b"prof", b"rICC"):
        found.facts["icc_profile"] = True
    elif body[:4] == b"nclx" and len(body) >= 11:
        primaries, transfer, matrix = struct.unpack_from(">HHH", body, 4)
        found.facts["cicp"] = f"{primaries}/{transfer}/{matrix}/{body[10] >> 7}"


def _beside(items: Items, references: list[tuple[bytes, int, list[int]]], found: HeifFile, codec: str) -> None:
    """Other pictures of the file and planes that belong to the primary one."""
    undone = ", and the decoder divided them by it" if codec == "avif" else ""  # libavif does, libheif does not
    auxiliary = {number for kind, number, _ in references if kind == b"auxl"}
    thumbnails = {number for kind, number, _ in references if kind == b"thmb"}
    inner = {target for kind, _, targets in references if kind == b"dimg" for target in targets}
    for kind, number, targets in references:
        if kind == b"prem" and number == items.primary:
            found.facts["alpha_premultiplied"] = True
            found.notes.append(f"the colours are stored multiplied by alpha{undone}")
        if kind == b"auxl" and items.primary in targets:
            names = b"".join(body for name, body in items.properties.get(number, []) if name == b"auxC")
            found.alpha |= b"alpha" in names or b":aux:1" in names or b"auxid:1" in names
            found.facts["gain_map"] = found.facts.get("gain_map", False) or b"gainmap" in names.lower()
            found.facts["depth_map"] = found.facts.get("depth_map", False) or b"depth" in names or b"auxid:2" in names
    found.facts = {
        name: value for name, value in found.facts.items() if value is not False or name.endswith("_applied")
    }
    pictures = [n for n, kind in items.kinds.items() if kind in _CODED and n not in auxiliary | thumbnails | inner]
    found.pictures = max(1, len(pictures))
    if thumbnails:
        found.facts["thumbnails"] = len(thumbnails)


def _sequence(data: bytes) -> tuple[int, bytes]:
    """Samples of the longest picture track of an image sequence (`moov/trak/mdia/minf/stbl/stsz`), and what its
    entry in `stsd` holds.
    """
    most: tuple[int, bytes] = (0, b"")
    try:
        for kind, moov in heif.boxes(data):
            if kind != b"moov":
                continue
            for name, track in heif.boxes(moov):
                if name == b"trak":
                    most = max(most, _samples(track), key=lambda found: found[0])
    except CodecError:
        return most
    return most


def _samples(track: bytes) -> tuple[int, bytes]:
    content = track
    for step in (b"mdia", b"minf", b"stbl"):
        boxes = dict(heif.boxes(content))
        if step == b"mdia" and b"hdlr" in boxes.get(step, b"") and b"auxv" in boxes.get(step, b"")[:128]:
            return 0, b""
        content = boxes.get(step, b"")
    table = dict(heif.boxes(content))
    sizes = table.get(b"stsz", b"")
    entries = dict(heif.boxes(table.get(b"stsd", bytes(8))[8:]))
    entry = next((body for kind, body in entries.items() if kind in _CODED), b"")
    return (int.from_bytes(sizes[8:12], "big"), entry) if len(sizes) >= 12 else (0, b"")


def _av1(items: Items, found: HeifFile) -> None:
    """Lossiness and coded size of the AV1 data; a size unlike the stated one means that the decoder rescales."""
    coded = heif.coded_items(items, b"av01")
    if not coded:
        return
    try:
        header = av1.read_header(items.data[coded[0]])
    except CodecError:
        return
    sequence = header.sequence
    if header.lossless is not None:
        nclx = str(found.facts.get("cicp", "")).split("/")
        matrix = int(nclx[2]) if len(nclx) == 4 else sequence.matrix
        identity = MATRICES.get(matrix) == "rgb" or sequence.subsampling == "grey"
        found.lossy = not (header.lossless and identity and sequence.subsampling in ("4:4:4", "grey"))
    if coded[0] == items.primary and (sequence.width, sequence.height) != (found.width, found.height):
        found.facts["coded_size"] = f"{sequence.width}x{sequence.height}"
        found.notes.append(
            f"the file states {found.width}x{found.height} pixels and {sequence.width}x{sequence.height} are coded: "
            f"the decoder rescales, "
            "and interpolated pixels are judged"
        )


def _hevc(items: Items, found: HeifFile) -> None:
    """Lossiness of the HEVC data, and whether they are such at all: no NAL unit holds three zero bytes (H.265 clause
    7.4.2).
    """
    coded = heif.coded_items(items, b"hvc1")
    if not coded:
        return
    for number in coded:
        width = _length_bytes(items, number)
        if any(
            mark in unit for unit in _units(items.data[number], width) for mark in (b"\0\0\0", b"\0\0\1", b"\0\0\2")
        ):
            raise damaged("its HEVC data hold bytes that no coder writes")
    found.lossy = not _lossless_blocks(items, coded[0]) or None
    encoder = _encoder(items, coded[0])
    if encoder:
        found.facts["encoder"] = encoder


def _encoder(items: Items, number: int) -> str:
    """Name and version that x265 leaves in a message of its parameter sets or picture (H.265 annex D); else empty."""
    properties = b"".join(body for kind, body in items.properties.get(number, []) if kind == b"hvcC")
    for data in (properties, items.data[number][:4096]):
        match = re.search(rb"x265 \(build \d{1,5}\) - ([0-9A-Za-z.+-]{1,32})", data)
        if match:
            return f"x265 {match[1].decode('ascii')}"
    return ""


def _length_bytes(items: Items, number: int) -> int:
    body = next((body for kind, body in items.properties.get(number, []) if kind == b"hvcC"), b"")
    return (body[21] & 3) + 1 if len(body) > 21 else 4


def _units(data: bytes, width: int) -> Iterator[bytes]:
    """NAL units behind their lengths, without zeros at their ends; raises `PictureError` where one is cut short."""
    place = 0
    while place + width < len(data):
        size = int.from_bytes(data[place : place + width], "big")
        if size < 2 or place + width + size > len(data):
            raise damaged("a unit of its HEVC data reaches past them")
        yield data[place + width : place + width + size].rstrip(b"\0")
        place += width + size


def _lossless_blocks(items: Items, number: int) -> bool:
    """Whether the parameter sets allow blocks that pass quantisation by."""
    from forensics.codecs.headers.coded_strength import _parameter_sets
    from forensics.codecs.hevc.stream import NAL_PPS, nal_kind, read_pps

    body = next((body for kind, body in items.properties.get(number, []) if kind == b"hvcC"), b"")
    try:
        return any(read_pps(unit).lossless_blocks for unit in _parameter_sets(body) if nal_kind(unit) == NAL_PPS)
    except CodecError:
        return False
