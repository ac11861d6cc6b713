"""The codestream of a JPEG 2000 file: its components, whether all tiles and tile-parts are there, and what the boxes
around it say of colour.

Writers close codestreams in more ways than the standard has (ITU-T T.800 annex A): DICOM pads to an even length behind
EOC, some encoders leave EOC out. Neither loses data. What loses data is a tile or tile-part that is not there. Packets
carry no checksum, and FF with a byte above 8F, which the standard rules out, is written by common encoders at the end
of a code-block. Damaged data show where a code-block's decoder ends elsewhere than they do (`with_checked_ends`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.iso_boxes import boxes
from forensics.pictures.samples import damaged

_SOC, _SIZ, _COD, _QCD, _SOT, _SOD, _EOC, _CAP, _COC, _RGN, _POC = (
    0xFF4F,
    0xFF51,
    0xFF52,
    0xFF5C,
    0xFF90,
    0xFF93,
    0xFFD9,
    0xFF50,
    0xFF53,
    0xFF5E,
    0xFF5F,
)
"""Markers of ITU-T T.800 table A.2 and T.814."""
_MOST_TILES = 65_535
"""Tiles that 16 bits can number (ITU-T T.800 A.4.2, `Isot`)."""


@dataclass
class Codestream:
    """What a codestream states.

    Attributes
    ----------
    data : bytes
        The codestream, closed by EOC.
    width, height : int
    depths : tuple of int
        Bits of each component; negative for signed samples.
    steps : tuple of (int, int)
        Distance of the samples of each component, across and down.
    tiles : int
        Tiles of the grid; `needed` are those in which samples lie.
    wavelet : str
        `9/7`, `5/3`, or empty where no coding style is stated.
    notes : list of str
    problem : str
        Why it is not whole; empty for a whole one.
    """

    data: bytes
    width: int
    height: int
    depths: tuple[int, ...]
    steps: tuple[tuple[int, int], ...]
    tiles: int
    needed: frozenset[int] = frozenset()
    wavelet: str = ""
    colour_transform: bool = False
    levels: int = 0
    layers: int = 0
    high_throughput: bool = False
    tile: tuple[int, int] = (0, 0)
    code_block: tuple[int, int] = (64, 64)
    plain: bool = True
    """Whether nothing but the defaults is used: no offsets, precincts, code-block styles or styles of single
    components.
    """
    notes: list[str] = field(default_factory=list)
    problem: str = ""


def checked(data: bytes) -> Codestream:
    """As `read`, for a codestream of a JP2 file or bare; raises `PictureError` where it is not whole."""
    start, stop = codestream_extent(data)
    stream = read(data[start:stop])
    if stream.problem:
        raise damaged(stream.problem)
    return stream


def codestream_extent(data: bytes) -> tuple[int, int]:
    """Where the codestream lies in a JP2 file, or the whole of a bare one."""
    if data[:4] == b"\xff\x4f\xff\x51":
        return 0, len(data)
    for kind, first, last in boxes(data, 0, len(data)):
        if kind == b"jp2c":
            return first, last
    raise PictureError("the file is truncated: a JP2 file without a codestream")


def rebuilt(data: bytes, stream: Codestream) -> bytes:
    """The file with its codestream closed and nothing behind it, the ends of its code-blocks to be checked, for a
    decoder that also looks at the boxes before it.
    """
    start, _ = codestream_extent(data)
    coded = with_checked_ends(stream.data)
    if not start:
        return coded
    head = start - (8 if data[start - 4 : start] == b"jp2c" else 16)
    return data[:head] + b"\0\0\0\0jp2c" + coded


_PREDICTABLE_TERMINATION, _HIGH_THROUGHPUT = 16, 64
"""Bits of the code-block style (ITU-T T.800 table A.19, T.814 table A.4)."""


def with_checked_ends(data: bytes) -> bytes:
    """The codestream with predictable termination stated, so that OpenJPEG warns of each code-block whose arithmetic
    decoder does not end where its data do (clause D.4.2).

    It binds coders alone: what is decoded is the same. Streams of high-throughput blocks are given back as they are.
    """
    marked, place = bytearray(data), 2
    wide = int.from_bytes(data[40:42], "big") > 256
    while place + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, place)
        if marker == _SOT or marker < 0xFF00:
            break
        style = place + {_COD: 12, _COC: 10 if wide else 9}.get(marker, 0)
        if style > place and style < place + 2 + length:
            if data[style] & _HIGH_THROUGHPUT:
                return data
            marked[style] |= _PREDICTABLE_TERMINATION
        place += 2 if 0xFF30 <= marker <= 0xFF3F else 2 + length
    return bytes(marked)


def read(data: bytes) -> Codestream:
    """Read the main header and walk the tile-parts; raises `PictureError` where the main header is not whole."""
    if len(data) < 45 or data[:4] != b"\xff\x4f\xff\x51":
        raise PictureError("the file is truncated: its JPEG 2000 main header is cut short")
    stream = _size(data)
    place = 2
    while True:
        if place + 4 > len(data):
            stream.problem = "its JPEG 2000 main header has no tile behind it"
            return stream
        marker, length = struct.unpack_from(">HH", data, place)
        if marker in (_SOT, _EOC):
            break
        if 0xFF30 <= marker <= 0xFF3F:  # these have no segment (clause A.1)
            place += 2
            continue
        if marker < 0xFF00 or length < 2:
            raise PictureError("the file is damaged: its JPEG 2000 main header holds bytes that are no marker")
        _style(stream, marker, data[place + 4 : place + 2 + length])
        place += 2 + length
    _walk(stream, data, place)
    return stream


def _size(data: bytes) -> Codestream:
    length = int.from_bytes(data[4:6], "big")
    x1, y1, x0, y0, tw, th, tx, ty = struct.unpack_from(">8I", data, 8)
    (count,) = struct.unpack_from(">H", data, 40)
    if not 1 <= count <= 16_384 or length < 38 + 3 * count or len(data) < 42 + 3 * count:
        raise PictureError("the file is truncated: its JPEG 2000 main header is cut short")
    if x1 <= x0 or y1 <= y0 or not tw or not th or tx > x0 or ty > y0:
        raise PictureError("the file is damaged: its JPEG 2000 sizes do not fit together")
    parts = [struct.unpack_from("BBB", data, 42 + 3 * i) for i in range(count)]
    depths = tuple(((depth & 127) + 1) * (-1 if depth & 128 else 1) for depth, _, _ in parts)
    if any(not across or not down for _, across, down in parts):
        raise PictureError("the file is damaged: a JPEG 2000 component has no samples")
    tiles = -(-(x1 - tx) // tw) * -(-(y1 - ty) // th)
    if tiles > _MOST_TILES:
        raise PictureError(f"its JPEG 2000 states {tiles} tiles; up to {_MOST_TILES} are read")
    across, down = min(a for _, a, _ in parts), min(d for _, _, d in parts)
    columns = [
        c for c in range(-(-(x1 - tx) // tw)) if _length(max(tx + c * tw, x0), min(tx + (c + 1) * tw, x1), across)
    ]
    rows = [r for r in range(-(-(y1 - ty) // th)) if _length(max(ty + r * th, y0), min(ty + (r + 1) * th, y1), down)]
    needed = frozenset(r * -(-(x1 - tx) // tw) + c for r in rows for c in columns)
    size = _length(x0, x1, across), _length(y0, y1, down)
    plain = not (x0 or y0 or tx or ty)
    tile = (0, 0) if tiles == 1 else (tw, th)
    steps = tuple((a, d) for _, a, d in parts)
    return Codestream(data, *size, depths, steps, tiles, needed, plain=plain, tile=tile)


def _length(start: int, stop: int, step: int) -> int:
    """Samples of a component that lie in a stretch of the reference grid (clause B.2)."""
    return -(-stop // step) - -(-start // step)


def _style(stream: Codestream, marker: int, body: bytes) -> None:
    if marker == _COD and len(body) >= 10:
        stream.layers, stream.colour_transform, stream.levels = struct.unpack_from(">H?B", body, 2)
        stream.wavelet = "9/7" if body[9] == 0 else "5/3"
        stream.code_block = (4 << (body[6] & 15), 4 << (body[7] & 15))
        stream.plain &= not body[0] & 1 and not body[8] and stream.layers == 1
    elif marker in (_COC, _RGN, _POC):
        stream.plain = False
    elif marker == _CAP:
        stream.high_throughput = True


def _walk(stream: Codestream, data: bytes, place: int) -> None:
    """Tile-parts up to EOC or the end of the data (clauses A.4.2 and A.4.4)."""
    parts: dict[int, set[int]] = {}
    stated: dict[int, int] = {}
    ended = False
    while place + 2 <= len(data):
        marker = int.from_bytes(data[place : place + 2], "big")
        if marker == _EOC:
            ended = True
            break
        if marker != _SOT or place + 12 > len(data):
            stream.problem = "bytes that are no tile-part stand where one belongs"
            return
        tile, length, part, count = struct.unpack_from(">HIBB", data, place + 4)
        stop = place + length if length else _last_part_end(data)
        if stop > len(data) or (length and length < 14):
            stream.problem = f"tile {tile + 1} of {stream.tiles} ends early"
            return
        if tile >= stream.tiles:
            stream.problem = f"a part of tile {tile + 1} is there and only {stream.tiles} tiles are stated"
            return
        parts.setdefault(tile, set()).add(part)
        if count:
            stated[tile] = count
        place = stop
    if missing := stream.needed - set(parts):
        stream.problem = f"{len(stream.needed) - len(missing)} of {len(stream.needed)} tiles are there"
    elif lacking := [tile for tile, count in stated.items() if len(parts[tile]) < count]:
        stream.problem = f"parts of {len(lacking)} of {stream.tiles} tiles are missing"
    elif not ended:
        stream.notes.append("the JPEG 2000 codestream lacks its end marker; all its tiles are there")
        stream.data = data[:place] + b"\xff\xd9"
    elif place + 2 < len(data):
        stream.data = data[: place + 2]
        stream.notes.append(
            f"{len(data) - place - 2} bytes behind the JPEG 2000 codestream's end marker were passed over"
        )


def _last_part_end(data: bytes) -> int:
    """End of the last tile-part, whose length is left open: up to EOC, with padding behind it or not."""
    at = len(data)
    while at and data[at - 1] == 0:
        at -= 1
    return at - 2 if data[at - 2 : at] == b"\xff\xd9" else len(data)


@dataclass
class Boxes:
    """What a JP2 header states of colour: enumerated space, palette, and which channels are alpha."""

    space: int = 0
    profile: bool = False
    palette: np.ndarray | None = None
    alpha: tuple[int, ...] = ()


def coded_bytes(data: bytes) -> int:
    """Bytes behind the main header."""
    return len(data) - max(data.find(b"\xff\x90"), 0)


def read_boxes(data: bytes) -> Boxes:
    """The colour statements of a JP2 file's header box (annex I.5.3); empty for a bare codestream."""
    found = Boxes()
    if data[:4] == b"\xff\x4f\xff\x51":
        return found
    for kind, body in _header_boxes(data):
        if kind == b"colr" and len(body) >= 3 and not (found.space or found.profile):
            if body[0] == 1 and len(body) >= 7:
                found.space = int.from_bytes(body[3:7], "big")
            elif body[0] in (2, 3):
                found.profile = True
        elif kind == b"pclr" and len(body) >= 3:
            entries, columns = struct.unpack_from(">HB", body)
            if 1 <= entries <= 1024 and all(b <= 8 for b in [(x & 127) + 1 for x in body[3 : 3 + columns]]):
                values = np.frombuffer(body[3 + columns : 3 + columns + entries * columns], np.uint8)
                if values.size == entries * columns:
                    found.palette = values.reshape(entries, columns)
        elif kind == b"cdef" and len(body) >= 2:
            rows = [struct.unpack_from(">HHH", body, at) for at in range(2, len(body) - 5, 6)]
            found.alpha = tuple(channel for channel, meaning, _ in rows if meaning in (1, 2))
    return found


def _header_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for kind, first, last in boxes(data, 0, len(data)):
        if kind == b"jp2c":
            return
        if kind == b"jp2h":
            yield from ((name, data[a:b]) for name, a, b in boxes(data, first, last))
