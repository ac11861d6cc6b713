"""What libavif stumbles over in the boxes of an AVIF file, put so that it does not.

Which properties an item has, in several boxes: ISO/IEC 23008-12 clause 9.3 allows one box of associations (`ipma`) for
each version and flags. Early encoders wrote one for the picture and one for its alpha plane; libavif takes no such
file, other readers do.

Groups of items with data of their own (`pymd` of the same standard): libavif up to 1.4.0 takes these data for a next
group. Which items belong together changes nothing about the first picture, so that the groups can be passed over.
"""

from __future__ import annotations

import struct

from forensics.errors import PictureError
from forensics.pictures.iso_boxes import boxes

_WIDE_INDICES = 1
"""Flag of boxes whose indices of properties take two bytes (ISO/IEC 23008-12 clause 9.3.2)."""


def joined(data: bytes) -> bytes:
    """The file with such boxes put together, of the same length, so that places in it stay what they are; the file
    itself where there is nothing to join.
    """
    try:
        found = _in_meta(data, b"iprp")
        if len(found) != 1:
            return data
        (start, stop) = found[0]
        children = list(boxes(data, start, stop))
        tables = [data[s:e] for kind, s, e in children if kind == b"ipma"]
        heads = dict.fromkeys(table[:4] for table in tables)
        if len(heads) == len(tables):
            return data
        whole = b"".join(_box(kind, data[s:e]) for kind, s, e in children if kind != b"ipma")
        whole += b"".join(_box(b"ipma", _table(head, [t for t in tables if t[:4] == head])) for head in heads)
    except (PictureError, struct.error, IndexError):
        return data
    left = stop - start - len(whole)
    return data[: start - 8] + _box(b"iprp", whole) + _box(b"free", bytes(left - 8)) + data[stop:]


def without_groups(data: bytes) -> bytes:
    """The file with its groups of items (`grpl`) as free space, of the same length; the file itself where it has
    none.
    """
    try:
        found = _in_meta(data, b"grpl")
    except (PictureError, struct.error):
        return data
    for start, _ in found:
        data = data[: start - 4] + b"free" + data[start:]
    return data


def _in_meta(data: bytes, wanted: bytes) -> list[tuple[int, int]]:
    """Where the contents of one kind of box begin and end in the file's `meta` box."""
    inside = next(((start + 4, stop) for kind, start, stop in boxes(data, 0, len(data)) if kind == b"meta"), None)
    return [] if inside is None else [(start, stop) for kind, start, stop in boxes(data, *inside) if kind == wanted]


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _table(head: bytes, tables: list[bytes]) -> bytes:
    """Content of the box that holds the entries of several, by item."""
    wide_items, size = head[0] > 0, 2 if head[3] & _WIDE_INDICES else 1
    of_item: dict[int, bytes] = {}
    for table in tables:
        place = 8
        for _ in range(struct.unpack_from(">I", table, 4)[0]):
            item = struct.unpack_from(">I" if wide_items else ">H", table, place)[0]
            place += 4 if wide_items else 2
            end = place + 1 + size * table[place]
            of_item[item] = of_item.get(item, b"") + table[place + 1 : end]
            place = end
    content = head + struct.pack(">I", len(of_item))
    for item, indices in sorted(of_item.items()):
        content += struct.pack(">I" if wide_items else ">H", item) + bytes([len(indices) // size]) + indices
    return content
