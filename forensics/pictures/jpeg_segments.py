"""The segments and scans of a JPEG, found marker by marker, tolerant of what writers leave between them (ITU-T T.81
annex B).

Stray bytes between segments, fill bytes before any marker and a missing end marker lose no picture data: they are
passed over and noted, and `clean` gives the file without them, for decoders that stumble over them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from forensics.codecs.headers.jpeg import LOSSLESS, Component

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_RST = frozenset(range(0xD0, 0xD8))
_HUFFMAN = (0xC0, 0xC1)
"""Frames of the sequential processes, 8 bits or more, with Huffman coding."""
_EOI, _SOS, _DQT, _DHT, _DRI, _DNL, _DAC = 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xDC, 0xCC
"""Markers of ITU-T T.81 table B.1."""
_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
TABLE = 304
"""Numbers of a Huffman table as the kernel takes it."""


@dataclass(frozen=True)
class Frame:
    """The frame header: marker, size, bits a sample, components."""

    marker: int
    width: int
    height: int
    precision: int
    components: tuple[Component, ...]


_TYPICAL_TABLES = bytes.fromhex("""
    00 00010501010101010100000000000000 000102030405060708090a0b
    01 00030101010101010101010000000000 000102030405060708090a0b
    10 0002010303020403050504040000017d 01020300041105122131410613516107227114328191a1082342b1c11552d1f0243362
    7282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a73747576777879
    7a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9
    dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa
    11 00020102040403040705040400010277 000102031104052131061241510761711322328108144291a1b1c109233352f0156272
    d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778
    797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7
    d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa
""")
"""Huffman tables of T.81, clause K.3.3, as a DHT segment holds them: what Motion JPEG leaves out of every frame."""


@dataclass
class Scan:
    """One scan: its header, its Huffman tables at that point of the file, and where its restart intervals lie."""

    components: tuple[int, ...]
    selectors: tuple[tuple[int, int], ...]
    start: int
    stop: int
    high: int
    low: int
    restart_interval: int
    tables: np.ndarray
    missing_tables: bool
    intervals: list[tuple[int, int]] = field(default_factory=list)
    restarts_in_order: bool = True


@dataclass
class Segments:
    """A JPEG taken apart.

    Attributes
    ----------
    frame : Frame or None
    scans : list of Scan
    pieces : list of bytes
        The segments and the scans' data with their markers, in order, without what lies between them.
    stray, fill : int
        Bytes between segments that belong to none; fill bytes (FF) before markers, within scans too.
    ended : bool
        Whether the end marker is there.
    end : int
        Offset behind the end marker, or the length of the data.
    dc_steps : dict
        Quantiser step of the mean by table number.
    lines : int
        Height given after the first scan, 0 without.
    typical_tables : bool
        Whether there is no Huffman table, and those of clause K.3.3 were taken, as Motion JPEG means it.
    """

    data: bytes
    frame: Frame | None = None
    scans: list[Scan] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    stray: int = 0
    fill: int = 0
    ended: bool = False
    cut: str = ""
    end: int = 0
    dc_steps: dict[int, int] = field(default_factory=dict)
    lines: int = 0
    adobe_transform: int | None = None
    jfif: bool = False
    pictures: int = 1
    orientation: int = 1
    icc: bool = False
    gain_map: bool = False
    typical_tables: bool = False

    @property
    def height(self) -> int:
        """Height of the frame, from the DNL segment where the frame leaves it open."""
        assert self.frame is not None
        return self.frame.height or self.lines

    @property
    def clean(self) -> bytes:
        """The same picture with nothing but what decoding needs: no stray bytes, no application data but those that
        tell the colours.
        """
        colour = _JFIF if self.jfif else b""
        if self.adobe_transform is not None:
            colour += b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([self.adobe_transform])
        kept = (
            piece
            for piece in self.pieces
            if not (piece[:1] == b"\xff" and (0xE0 <= piece[1] <= 0xEF or piece[1] in (0xFE, _DNL)))
        )
        if self.lines and self.frame is not None and not self.frame.height:  # decoders take no height from DNL
            kept = (
                piece[:5] + self.lines.to_bytes(2, "big") + piece[7:]
                if piece[:2] == bytes([0xFF, self.frame.marker])
                else piece
                for piece in kept
            )
        return b"\xff\xd8" + colour + b"".join(kept) + b"\xff\xd9"

    @property
    def tidy(self) -> bool:
        """Whether there was nothing to pass over."""
        return not self.stray and not self.fill and self.ended


@dataclass
class _State:
    huffman: np.ndarray = field(default_factory=lambda: np.full((8, TABLE), -1, np.int64))
    defined: set[int] = field(default_factory=set)
    restart_interval: int = 0


def read(data: bytes) -> Segments:
    """Take a JPEG apart up to its end marker or its last byte; `data` starts with SOI."""
    file, state, place = Segments(data), _State(), 2
    while True:
        marker, at = _marker(file, place)
        if marker is None:
            break
        if marker == _EOI:
            file.ended, file.end = True, at
            return file
        if marker in _RST or marker in (0x01, 0xD8):
            place = at
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        body = data[at + 2 : at + length]
        if length < 2 or len(body) < length - 2:
            file.cut = "a segment reaches past the end of the file"
            break
        if marker == _SOS and not state.defined and file.frame is not None and file.frame.marker in _HUFFMAN:
            file.typical_tables = True
            _take_huffman(state, _TYPICAL_TABLES)
            file.pieces.append(bytes([0xFF, _DHT]) + (len(_TYPICAL_TABLES) + 2).to_bytes(2, "big") + _TYPICAL_TABLES)
        file.pieces.append(bytes([0xFF, marker]) + data[at : at + length])
        place = at + length
        _take(file, state, marker, body)
        if marker == _SOS and file.frame is not None:
            place = _scan(file, state, body, place)
    file.end = len(data)
    return file


def _marker(file: Segments, place: int) -> tuple[int | None, int]:
    """The next marker and the offset behind it; None at the end of the data."""
    data = file.data
    at = data.find(b"\xff", place)
    while at >= 0:
        first = at
        while at < len(data) and data[at] == 0xFF:
            at += 1
        if at == len(data):
            return None, at
        if data[at] != 0:
            file.stray += first - place
            file.fill += at - first - 1
            return data[at], at + 1
        at = data.find(b"\xff", at)
    return None, len(data)


def _take(file: Segments, state: _State, marker: int, body: bytes) -> None:
    if marker in _SOF and file.frame is None and len(body) >= 6:
        count = body[5]
        components = tuple(
            Component(body[i], body[i + 1] >> 4, body[i + 1] & 15, body[i + 2])
            for i in range(6, min(len(body) - 2, 6 + 3 * count), 3)
        )
        width, height = int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
        if len(components) == count > 0 and all(1 <= f <= 4 for c in components for f in (c.horizontal, c.vertical)):
            file.frame = Frame(marker, width, height, body[0], components)
    elif marker == _DHT:
        _take_huffman(state, body)
    elif marker == _DQT:
        _take_steps(file, body)
    elif marker == _DRI and len(body) >= 2:
        state.restart_interval = int.from_bytes(body[:2], "big")
    elif marker == _DNL and len(body) >= 2:
        file.lines = int.from_bytes(body[:2], "big")
    elif marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
        file.adobe_transform = body[11]
    elif marker == 0xE0 and body[:5] == b"JFIF\0":
        file.jfif = True
    elif marker == 0xE2 and body[:4] == b"MPF\0":
        file.pictures = _pictures(body[4:])
    elif marker == 0xE2 and body[:12] == b"ICC_PROFILE\0":
        file.icc = True
    elif marker == 0xE1 and body[:6] == b"Exif\0\0":
        from forensics.pictures import tiff_header

        file.orientation = tiff_header.exif_orientation(body)
    elif marker == 0xE1 and b"hdrgm:" in body[:65536]:
        file.gain_map = True


def _pictures(body: bytes) -> int:
    """Number of pictures that a Multi-Picture index states (CIPA DC-007, tag B001)."""
    from forensics.errors import PictureError
    from forensics.pictures import tiff_header

    try:
        at = tiff_header.layout(body)
        count = tiff_header.directory(body, at, at.first).value(0xB001, 1)
    except PictureError:
        return 1
    return count if 1 <= count <= 1000 else 1


def _take_huffman(state: _State, body: bytes) -> None:
    """Tables of a DHT segment as first code, last code and offset by length (clauses B.2.4.2 and C.2)."""
    at = 0
    while at + 17 <= len(body):
        kind, number = body[at] >> 4, body[at] & 15
        counts = np.frombuffer(body, np.uint8, 16, at + 1).astype(np.int64)
        total = int(counts.sum())
        if kind > 1 or number > 3 or total > 256 or at + 17 + total > len(body):
            return
        table = np.full(TABLE, -1, np.int64)
        code = place = 0
        for length in range(16):
            if counts[length]:
                table[length], table[16 + length], table[32 + length] = code, code + counts[length] - 1, place
                code, place = code + counts[length], place + counts[length]
            code <<= 1
        table[48 : 48 + total] = np.frombuffer(body, np.uint8, total, at + 17)
        state.huffman[4 * kind + number] = table
        state.defined.add(4 * kind + number)
        at += 17 + total


def _take_steps(file: Segments, body: bytes) -> None:
    at = 0
    while at < len(body):
        wide, number = body[at] >> 4, body[at] & 15
        file.dc_steps.setdefault(number, int.from_bytes(body[at + 1 : at + 2 + (wide > 0)], "big"))
        at += 129 if wide else 65


def _scan(file: Segments, state: _State, body: bytes, place: int) -> int:
    """Take a scan's header and data; the offset of the marker behind them."""
    frame = file.frame
    assert frame is not None
    count = body[0] if body else 0
    if len(body) < 4 + 2 * count:
        file.cut = "a scan header is cut short"
        return len(file.data)
    pairs = [(body[1 + 2 * i], body[2 + 2 * i]) for i in range(count)]
    start, stop, high, low = (
        body[1 + 2 * count],
        min(body[2 + 2 * count], 63),
        body[3 + 2 * count] >> 4,
        body[3 + 2 * count] & 15,
    )
    if frame.marker in LOSSLESS:
        start, stop, high = 0, 0, 0
    elif frame.marker != 0xC2:
        start, stop, high, low = 0, 63, 0, 0
    selectors = tuple((tables >> 4 & 3, tables & 3) for _, tables in pairs)
    needed = {dc for dc, _ in selectors} if start == 0 and not high else set()
    needed |= {4 + ac for _, ac in selectors} if stop > 0 else set()
    scan = Scan(
        tuple(c for c, _ in pairs), selectors, start, stop, high, low, state.restart_interval, state.huffman.copy(),
        not needed <= state.defined,
    )  # fmt: skip
    file.scans.append(scan)
    return _entropy_coded(file, scan, place)


def _entropy_coded(file: Segments, scan: Scan, place: int) -> int:
    """Find a scan's restart intervals up to the marker that ends it, whose offset is returned (clauses B.1.1.2 and
    B.2.1).
    """
    data = file.data
    start = copied = place
    expected = 0
    at = data.find(b"\xff", place)
    while 0 <= at < len(data) - 1:
        code, last = data[at + 1], at
        if code == 0:
            at = data.find(b"\xff", at + 2)
            continue
        while code == 0xFF and last + 2 < len(data):
            last += 1
            code = data[last + 1]
        if code == 0:  # an FF of the data behind fill bytes
            file.fill += last - at
            file.pieces.append(data[copied:at])
            copied = last
            at = data.find(b"\xff", last + 2)
            continue
        file.fill += last - at
        scan.intervals.append((start, at))
        file.pieces.append(data[copied:at])
        if code not in _RST:
            return last
        scan.restarts_in_order &= code == 0xD0 + expected
        expected = (expected + 1) % 8
        start = copied = last + 2
        file.pieces.append(bytes([0xFF, code]))
        at = data.find(b"\xff", start)
    stop = len(data) - (1 if data.endswith(b"\xff") and at == len(data) - 1 else 0)
    scan.intervals.append((start, stop))
    file.pieces.append(data[copied:stop])
    return len(data)
