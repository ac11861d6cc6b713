"""What a JPEG file says about itself: frame, components, tables, scans, and whether it is whole.

The file is walked marker by marker (ITU-T T.81 Annex B), through the entropy-coded data of every scan to the
end-of-image marker, because decoders are silent about a file that stops early. Nothing is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from forensics.codecs.headers.jpeg_tables import estimate_quality, recognise_tables
from forensics.errors import CodecError

ZIGZAG = np.array(
    [
        0,
        1,
        8,
        16,
        9,
        2,
        3,
        10,
        17,
        24,
        32,
        25,
        18,
        11,
        4,
        5,
        12,
        19,
        26,
        33,
        40,
        48,
        41,
        34,
        27,
        20,
        13,
        6,
        7,
        14,
        21,
        28,
        35,
        42,
        49,
        56,
        57,
        50,
        43,
        36,
        29,
        22,
        15,
        23,
        30,
        37,
        44,
        51,
        58,
        59,
        52,
        45,
        38,
        31,
        39,
        46,
        53,
        60,
        61,
        54,
        47,
        55,
        62,
        63,
    ],
    dtype=np.intp,
)
"""Natural index of each coefficient in zigzag order (T.81 figure A.6)."""

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
"""Frames of the lossless process (T.81 table B.1)."""
_RST = frozenset(range(0xD0, 0xD8))
_SUBSAMPLING = {
    (1, 1): "4:4:4",
    (2, 1): "4:2:2",
    (2, 2): "4:2:0",
    (1, 2): "4:4:0",
    (4, 1): "4:1:1",
    (4, 2): "4:1:0",
}


@dataclass(frozen=True)
class Component:
    """One component of the frame: its identifier, sampling factors and quantisation table (T.81 B.2.2)."""

    identifier: int
    horizontal: int
    vertical: int
    table: int


@dataclass(frozen=True)
class JpegHeader:
    """Facts a JPEG file states in its headers."""

    width: int
    height: int
    precision: int
    """Bits a sample."""
    components: tuple[Component, ...]
    quantization_tables: dict[int, np.ndarray]
    """By table number: np.ndarray [shape=(8, 8), dtype=uint16] in natural order, as first defined."""
    progressive: bool
    arithmetic: bool
    lossless: bool
    adobe_transform: int | None
    """Colour transform of the Adobe segment: 0 none, 1 YCbCr, 2 YCCK; None without that segment."""
    jfif: bool
    restart_interval: int
    """Minimum coded units between restart markers, 0 for none."""
    scans: int
    complete: bool
    """Whether the end-of-image marker was reached, with restart markers in their order."""
    end: int
    """Offset of the byte after the end-of-image marker, or the length of the data when it was not reached."""

    @property
    def subsampling(self) -> str:
        """`grey`, `4:2:0` and the like, or the sampling factors themselves where they have no such name."""
        if len(self.components) == 1:
            return "grey"
        luma, *others = self.components
        if len({(c.horizontal, c.vertical) for c in others[:2]}) == 1:
            horizontal, odd_h = divmod(luma.horizontal, others[0].horizontal)
            vertical, odd_v = divmod(luma.vertical, others[0].vertical)
            name = _SUBSAMPLING.get((horizontal, vertical))
            if name and not odd_h and not odd_v:
                return name
        return ",".join(f"{c.horizontal}x{c.vertical}" for c in self.components)

    @property
    def tables(self) -> tuple[np.ndarray, ...]:
        """The tables in use, luma first, each once."""
        used = dict.fromkeys(component.table for component in self.components)
        return tuple(self.quantization_tables[number] for number in used if number in self.quantization_tables)

    @property
    def quality(self) -> float | None:
        """Quality of the standard tables that fit or come nearest, 1 to 100; None without 8-bit DCT tables."""
        return estimate_quality(self.tables[:2])[0] if self.tables and self.precision == 8 else None

    @property
    def standard_tables(self) -> bool:
        """Whether the tables are exactly the standard ones at `quality`."""
        return bool(self.tables) and self.precision == 8 and estimate_quality(self.tables[:2])[1]

    @property
    def table_family(self) -> tuple[str, float] | None:
        """Family of `TABLE_FAMILIES` and quality that give exactly these tables, or None when none does."""
        return recognise_tables(self.tables[:2]) if self.tables and self.precision == 8 else None


@dataclass
class _Walk:
    """State of one walk through a file; `position` is the next unread byte."""

    data: bytes
    position: int = 2
    frame: tuple[int, bytes] | None = None
    tables: dict[int, np.ndarray] = field(default_factory=dict)
    adobe_transform: int | None = None
    jfif: bool = False
    restart_interval: int = 0
    scans: int = 0
    lines: int = 0
    restarts_in_order: bool = True


def read_header(data: bytes) -> JpegHeader:
    """Read the headers of a JPEG file and walk it to its end.

    A file that stops early gives a header with `complete` false, as long as its frame header is there.

    Raises
    ------
    CodecError
        When `data` is no JPEG file, or damaged before or in its frame header.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.codecs import registry
    >>> from forensics.codecs.headers.jpeg import read_header
    >>> data = registry.get("jpeg").encode(np.full((64, 64, 3), 120, np.uint8), quality=75)
    >>> read_header(data).subsampling
    '4:2:0'
    """
    if data[:2] != b"\xff\xd8":
        raise CodecError("not a JPEG file: it does not start with the SOI marker")
    walk = _Walk(bytes(data))
    complete = _walk_segments(walk)
    if walk.frame is None:
        raise CodecError("the JPEG file has no frame header (SOF marker)")
    return _header(walk, complete and walk.scans > 0 and walk.restarts_in_order)


def _walk_segments(walk: _Walk) -> bool:
    """Walk to the end-of-image marker; false when the data end or break off before it."""
    data = walk.data
    while True:
        marker = _next_marker(walk)
        if marker is None or marker == 0xD9:
            return marker is not None
        if marker in _RST or marker in (0x01, 0xD8):
            continue
        length = int.from_bytes(data[walk.position : walk.position + 2], "big")
        segment = data[walk.position + 2 : walk.position + length]
        if length < 2 or len(segment) < length - 2:
            return False
        walk.position += length
        _take_segment(walk, marker, segment)
        if marker == 0xDA:
            walk.scans += 1
            _skip_entropy_coded(walk)


def _next_marker(walk: _Walk) -> int | None:
    """The next marker, fill bytes and stray bytes passed over; None at the end of the data."""
    data = walk.data
    at = data.find(b"\xff", walk.position)
    while at >= 0:
        while at < len(data) and data[at] == 0xFF:
            at += 1
        if at == len(data):
            return None
        if data[at] != 0:
            walk.position = at + 1
            return data[at]
        at = data.find(b"\xff", at)
    return None


def _skip_entropy_coded(walk: _Walk) -> None:
    """Move to the marker that ends a scan's entropy-coded data, checking the order of restart markers (T.81 B.2.1)."""
    data, expected = walk.data, 0
    at = data.find(b"\xff", walk.position)
    while 0 <= at < len(data) - 1:
        code = data[at + 1]
        if code in _RST:
            walk.restarts_in_order &= code == 0xD0 + expected
            expected = (expected + 1) % 8
        elif code == 0xFF:
            at -= 1  # a fill byte: the marker may start one byte on
        elif code != 0:
            walk.position = at
            return
        at = data.find(b"\xff", at + 2)
    walk.position = len(data)


def _take_segment(walk: _Walk, marker: int, segment: bytes) -> None:
    if marker in _SOF:
        if walk.frame is None:
            walk.frame = (marker, segment)
    elif marker == 0xDB:
        _take_tables(walk, segment)
    elif marker == 0xDD and len(segment) >= 2:
        walk.restart_interval = int.from_bytes(segment[:2], "big")
    elif marker == 0xDC and len(segment) >= 2:
        walk.lines = int.from_bytes(segment[:2], "big")
    elif marker == 0xEE and segment[:5] == b"Adobe" and len(segment) >= 12:
        walk.adobe_transform = segment[11]
    elif marker == 0xE0 and segment[:5] == b"JFIF\0":
        walk.jfif = True


def _take_tables(walk: _Walk, segment: bytes) -> None:
    """Read a DQT segment (T.81 B.2.4.1); a table defined again later does not replace the first."""
    at = 0
    while at < len(segment):
        wide, number = segment[at] >> 4, segment[at] & 15
        size = 128 if wide else 64
        values = np.frombuffer(segment[at + 1 : at + 1 + size], dtype=">u2" if wide else "u1")
        if values.size < 64:
            return
        table = np.empty(64, dtype=np.uint16)
        table[ZIGZAG] = values
        walk.tables.setdefault(number, table.reshape(8, 8))
        at += 1 + size


def _header(walk: _Walk, complete: bool) -> JpegHeader:
    assert walk.frame is not None
    marker, frame = walk.frame
    if len(frame) < 6 or len(frame) < 6 + 3 * frame[5] or frame[5] == 0:
        raise CodecError("the JPEG file's frame header is shorter than its components need")
    components = tuple(
        Component(frame[i], frame[i + 1] >> 4, frame[i + 1] & 15, frame[i + 2]) for i in range(6, 6 + 3 * frame[5], 3)
    )
    if any(not 1 <= factor <= 4 for c in components for factor in (c.horizontal, c.vertical)):
        raise CodecError("the JPEG file's frame header has a sampling factor outside 1 to 4")
    return JpegHeader(
        width=int.from_bytes(frame[3:5], "big"),
        height=int.from_bytes(frame[1:3], "big") or walk.lines,
        precision=frame[0],
        components=components,
        quantization_tables=walk.tables,
        progressive=marker in _PROGRESSIVE,
        arithmetic=marker >= 0xC9,
        lossless=marker in LOSSLESS,
        adobe_transform=walk.adobe_transform,
        jfif=walk.jfif,
        restart_interval=walk.restart_interval,
        scans=walk.scans,
        complete=complete,
        end=walk.position if complete else len(walk.data),
    )
