"""The first directory of a TIFF structure: in TIFF and BigTIFF files, in EXIF blocks, and (same layout) in JPEG XR
files.

Only directories are read, never samples; every offset is checked against the data. References: TIFF revision 6.0,
section 2; BigTIFF as libtiff reads it; ITU-T T.832 annex A (JPEG XR's container).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from forensics.errors import PictureError

_FORMATS = {
    1: "B",
    2: "c",
    3: "H",
    4: "I",
    6: "b",
    7: "B",
    8: "h",
    9: "i",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
_RATIONALS = {5: "II", 10: "ii", 11: "f", 12: "d"}
_LIMIT = 1 << 22
"""Most values of one entry that are read: a bound on work."""
_SHARED = 4
"""Values that a directory's entries may name for each byte of the file."""

ORIENTATION = 274
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
SAMPLES, PLANAR, EXTRA_SAMPLES, SAMPLE_FORMAT, ICC = 277, 284, 338, 339, 34675
OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS = 273, 279, 324, 325
"""Tags of TIFF 6.0, section 8 and following; the profile's is that of the ICC specification, annex B.4."""


class Directory(NamedTuple):
    """One image file directory.

    Attributes
    ----------
    tags : dict of int to tuple of int
        Integer values of every tag; tags of other types hold an empty tuple.
    next_offset : int
        Where the next directory starts; 0 after the last.
    """

    tags: dict[int, tuple[int, ...]]
    next_offset: int

    def value(self, tag: int, default: int = 0) -> int:
        """First value of a tag, `default` when it is absent."""
        values = self.tags.get(tag, ())
        return values[0] if values else default


class Layout(NamedTuple):
    """Byte order (`<` or `>`), whether offsets are 64 bits wide, and the first directory's offset."""

    order: str
    big: bool
    first: int


def layout(data: bytes) -> Layout:
    """The layout that the first bytes state; raises `PictureError` when they are not TIFF's."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise PictureError("the TIFF header is truncated")
    if struct.unpack_from(order + "H", data, 2)[0] == 43:
        if len(data) < 16:
            raise PictureError("the BigTIFF header is truncated")
        return Layout(order, True, struct.unpack_from(order + "Q", data, 8)[0])
    return Layout(order, False, struct.unpack_from(order + "I", data, 4)[0])


def directory(data: bytes, at: Layout, offset: int, only: frozenset[int] | None = None) -> Directory:
    """The directory at `offset`, with all its tags or `only` some; raises `PictureError` when it reaches past the end
    of the data.

    Entries may share their values' bytes; all together they may not name more than a few times what the data hold.
    """
    entry, head = (20, 8) if at.big else (12, 2)
    if offset >= len(data):
        raise PictureError("the file is truncated: its TIFF directory is not within it")
    try:
        (count,) = struct.unpack_from(at.order + ("Q" if at.big else "H"), data, offset)
        if count > 4096:
            raise PictureError("the TIFF directory is damaged")
        end = offset + head + count * entry
        (following,) = struct.unpack_from(at.order + ("Q" if at.big else "I"), data, end)
    except struct.error:
        raise PictureError("the file is truncated: its TIFF directory is not within it") from None
    tags: dict[int, tuple[int, ...]] = {}
    left = _SHARED * len(data)
    for i in range(count):
        place = offset + head + i * entry
        if only is not None and struct.unpack_from(at.order + "H", data, place)[0] not in only:
            continue
        tag, values = _entry(data, at, place)
        tags.setdefault(tag, values)
        left -= len(values)
        if left < 0:
            raise PictureError("the TIFF directory is damaged: it names more values than the file holds")
    return Directory(tags, following)


def _entry(data: bytes, at: Layout, offset: int) -> tuple[int, tuple[int, ...]]:
    wide = "Q" if at.big else "I"
    tag, kind, count = struct.unpack_from(at.order + "HH" + wide, data, offset)
    if kind in _RATIONALS or kind not in _FORMATS or _FORMATS[kind] == "c":
        return tag, ()
    form = f"{at.order}{min(count, _LIMIT)}{_FORMATS[kind]}"
    place = offset + (12 if at.big else 8)
    if struct.calcsize(form) > (8 if at.big else 4):
        (place,) = struct.unpack_from(at.order + wide, data, place)
    try:
        return tag, struct.unpack_from(form, data, place)
    except (struct.error, OverflowError):
        raise PictureError(f"the file is truncated: the values of TIFF tag {tag} are not within it") from None


def occupied(data: bytes, at: Layout, offset: int) -> set[int]:
    """Where the directory at `offset` and the values of its tags that stand outside of it begin."""
    entry, head, wide = (20, 8, "Q") if at.big else (12, 2, "I")
    (count,) = struct.unpack_from(at.order + ("Q" if at.big else "H"), data, offset)
    found = {offset}
    for place in range(offset + head, offset + head + count * entry, entry):
        _, kind, number = struct.unpack_from(at.order + "HH" + wide, data, place)
        size = struct.calcsize("=" + (_RATIONALS | _FORMATS).get(kind, "B"))
        if size * number > struct.calcsize(wide):
            found.add(struct.unpack_from(at.order + wide, data, place + entry - struct.calcsize(wide))[0])
    return found


def rationals(data: bytes, at: Layout, offset: int, tag: int) -> tuple[float, ...]:
    """Values of a tag of unsigned fractions in the directory at `offset`; empty where it is absent or damaged."""
    entry, head, width, wide = (20, 8, 12, "Q") if at.big else (12, 2, 8, "I")
    try:
        (count,) = struct.unpack_from(at.order + ("Q" if at.big else "H"), data, offset)
        for place in range(offset + head, offset + head + min(count, 4096) * entry, entry):
            number, kind, length = struct.unpack_from(at.order + "HH" + wide, data, place)
            if (number, kind) == (tag, 5) and 0 < length <= 64:
                (start,) = struct.unpack_from(at.order + wide, data, place + width)
                pairs = struct.unpack_from(
                    f"{at.order}{2 * length}I", data, place + width if 8 * length <= entry - width else start
                )
                return tuple(a / b if b else 0.0 for a, b in zip(pairs[::2], pairs[1::2], strict=True))
    except (struct.error, OverflowError):
        pass
    return ()


def pages(data: bytes, at: Layout, limit: int = 10_000) -> int:
    """Number of directories in the chain, counted up to `limit` and cut where the chain breaks or returns on itself."""
    seen: set[int] = set()
    offset = at.first
    while offset and offset not in seen and len(seen) < limit:
        try:
            following = directory(data, at, offset, frozenset()).next_offset
        except PictureError:
            break
        seen.add(offset)
        offset = following
    return len(seen)


def check_extents(data: bytes, offsets: Sequence[int], counts: Sequence[int]) -> None:
    """Raise `PictureError` when a strip or tile lies (partly) outside the file."""
    for offset, count in zip(offsets, counts, strict=False):
        if offset + count > len(data):
            raise PictureError(
                f"the file is truncated: it has {len(data)} bytes and its pixels reach to byte {offset + count}"
            )


def exif_orientation(exif: bytes) -> int:
    """EXIF orientation 1..8 of an EXIF block (with or without the `Exif\\0\\0` prefix); 1 when it states none."""
    block = exif[6:] if exif[:6] == b"Exif\0\0" else exif
    try:
        at = layout(block)
        value = directory(block, at, at.first).value(ORIENTATION, 1)
    except PictureError:
        return 1
    return value if 1 <= value <= 8 else 1


def without_orientation(data: bytes) -> bytes:
    """The same TIFF file with its first directory's orientation set to 1, for decoders that would turn the picture."""
    at = layout(data)
    entry, head, value = (20, 8, 12) if at.big else (12, 2, 8)
    (count,) = struct.unpack_from(at.order + ("Q" if at.big else "H"), data, at.first)
    for i in range(count):
        offset = at.first + head + i * entry
        if struct.unpack_from(at.order + "H", data, offset)[0] == ORIENTATION:
            changed = bytearray(data)
            struct.pack_into(at.order + "H", changed, offset + 2, 3)
            struct.pack_into(at.order + "H", changed, offset + value, 1)
            return bytes(changed)
    return data
