"""Boxes of the ISO base media file format, as JP2, JPEG XL, AVIF and HEIC have them (ISO/IEC 14496-12 clause 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from forensics.errors import PictureError


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
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
