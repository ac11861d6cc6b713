"""Where the coded pictures lie in a HEIF or AVIF file: items, extents and properties (ISO/IEC 14496-12 clause 8.11,
ISO/IEC 23008-12).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from forensics.errors import CodecError

_SHARED = 4
"""Times the file's length that all items together may take."""


@dataclass
class Items:
    """The item tables of a `meta` box: types, extents as (offset, length), properties as (type, content), and the
    primary one.
    """

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    data: dict[int, bytes] = field(default_factory=dict)
    properties: dict[int, list[tuple[bytes, bytes]]] = field(default_factory=dict)


class _Reader:
    """Big-endian numbers of any width; running out of bytes is a `CodecError`."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def u(self, size: int) -> int:
        end = self._place + size
        if end > len(self._data):
            raise CodecError("a HEIF item table is cut short")
        value = int.from_bytes(self._data[self._place : end], "big")
        self._place = end
        return value

    def rest(self) -> bytes:
        return self._data[self._place :]


def read_items(data: bytes) -> Items:
    """The items of a file with the bytes of their extents.

    Raises
    ------
    CodecError
        There is no item table, or it is damaged.
    """
    meta = next((content for kind, content in boxes(data) if kind == b"meta"), None)
    if meta is None:
        raise CodecError("the file holds no HEIF items")
    tables = dict(boxes(meta[4:]))
    items = Items()
    if b"pitm" in tables:
        reader = _Reader(tables[b"pitm"])
        items.primary = reader.u(2 if reader.u(4) >> 24 == 0 else 4)
    items.kinds = _read_kinds(tables.get(b"iinf", b""))
    items.data = _read_extents(tables.get(b"iloc", b""), data, tables.get(b"idat", b""))
    items.properties = _read_properties(tables.get(b"iprp", b""))
    return items


def coded_items(items: Items, kind: bytes) -> list[int]:
    """Items of a type (`hvc1`, `av01`), the primary one first, then in order of their numbers (the tiles of a grid)."""
    found = sorted(number for number, name in items.kinds.items() if name == kind and items.data.get(number))
    return sorted(found, key=lambda number: number != items.primary)


def picture_items(data: bytes, items: Items, kind: bytes) -> list[int]:
    """Items of a type that make up the primary picture: itself, or the tiles of its grid."""
    if items.kinds.get(items.primary) == kind:
        return [items.primary]
    tiles = [
        part for name, number, to in references(data) if name == b"dimg" and number == items.primary for part in to
    ]
    return [number for number in dict.fromkeys(tiles) if items.kinds.get(number) == kind and number in items.data]


def references(data: bytes) -> list[tuple[bytes, int, list[int]]]:
    """References between items as (type, from, to), out of `meta/iref`."""
    try:
        meta = next(content for kind, content in boxes(data) if kind == b"meta")
        table = next(content for kind, content in boxes(meta[4:]) if kind == b"iref")
        wide = table[:1] == b"\1"
        size, form = (4, ">I") if wide else (2, ">H")
        found = []
        for kind, body in boxes(table[4:]):
            (number,), (count,) = struct.unpack_from(form, body), struct.unpack_from(">H", body, size)
            targets = [struct.unpack_from(form, body, size + 2 + size * i)[0] for i in range(min(count, 4096))]
            found.append((kind, number, targets))
        return found
    except (StopIteration, CodecError, struct.error):
        return []


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of a stretch of bytes as (type, content); raises `CodecError` where one is cut short."""
    place = 0
    while place + 8 <= len(data):
        size, kind, head = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        size = size or len(data) - place
        if size < head or place + size > len(data):
            raise CodecError(f"box {kind.decode('latin-1')!r} does not fit its file")
        yield kind, data[place + head : place + size]
        place += size


def _read_kinds(table: bytes) -> dict[int, bytes]:
    if len(table) < 6:
        return {}
    kinds = {}
    for kind, entry in boxes(table[6 if table[0] == 0 else 8 :]):
        if kind == b"infe" and entry[:1] in (b"\x02", b"\x03"):
            reader = _Reader(entry[4:])
            number = reader.u(2 if entry[0] == 2 else 4)
            reader.u(2)
            kinds[number] = reader.rest()[:4]
    return kinds


def _read_extents(table: bytes, data: bytes, inside: bytes) -> dict[int, bytes]:
    """Bytes of each item, from the file or from the `idat` box."""
    if not table:
        return {}
    reader = _Reader(table)
    version = reader.u(4) >> 24
    sizes = reader.u(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    found = {}
    left = _SHARED * len(data)
    for _ in range(reader.u(2 if version < 2 else 4)):
        number = reader.u(2 if version < 2 else 4)
        method = reader.u(2) & 15 if version else 0
        reader.u(2)
        base = reader.u(base_size)
        source, parts = (inside if method == 1 else data), []
        for _ in range(reader.u(2)):
            if version and index_size:
                reader.u(index_size)
            offset, length = base + reader.u(offset_size), reader.u(length_size)
            parts.append(source[offset : offset + length] if length else source[offset:])
            left -= len(parts[-1]) + 1
            if left < 0:
                raise CodecError("the HEIF items share their bytes many times over")
        if method < 2:
            found[number] = b"".join(parts)
    return found


def _read_properties(table: bytes) -> dict[int, list[tuple[bytes, bytes]]]:
    parts = list(boxes(table))
    known = [entry for kind, content in parts if kind == b"ipco" for entry in boxes(content)]
    found: dict[int, list[tuple[bytes, bytes]]] = {}
    for content in (content for kind, content in parts if kind == b"ipma"):
        reader = _Reader(content)
        head = reader.u(4)
        wide = bool(head & 1)
        for _ in range(reader.u(4)):
            number = reader.u(2 if head >> 24 == 0 else 4)
            for _ in range(reader.u(1)):
                index = reader.u(2) & 0x7FFF if wide else reader.u(1) & 0x7F
                if 0 < index <= len(known):
                    found.setdefault(number, []).append(known[index - 1])
    return found
