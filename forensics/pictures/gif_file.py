"""GIF87a and GIF89a: blocks walked to the trailer, the chosen frame by Pillow (GIF89a specification, clauses 15 to
27).
"""

from __future__ import annotations

import struct

from forensics.errors import PictureError
from forensics.pictures.stated import Stated


def stated(data: bytes) -> Stated:
    """Size, frames and transparency; raises `PictureError` when no frame is whole."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    place = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    frames, stray, transparent, ended = 0, 0, False, False
    part = ""
    while place < len(data):
        kind = data[place]
        if kind == 0x3B:
            ended = True
            break
        if kind == 0x2C:
            local = data[place + 9]
            left, top, across, down = struct.unpack_from("<HHHH", data, place + 1)
            if not frames and (left or top or across < width or down < height):
                part = f"the GIF's first picture covers {across}x{down} of {width}x{height} pixels; the rest is empty"
            stop = _sub_blocks(data, place + 11 + (3 << (local & 7) + 1 if local & 0x80 else 0))
            if stop is None:
                break
            frames += 1
        elif kind == 0x21:
            transparent |= data[place + 1] == 0xF9 and bool(data[place + 3] & 1)
            stop = _sub_blocks(data, place + 2)
            if stop is None:
                break
        else:  # decoders pass over bytes that start no block
            stray, stop = stray + 1, place + 1
        place = stop
    if not frames:
        raise PictureError("the file is truncated: a GIF without a whole picture")
    found = Stated(width, height, 8, "palette", transparent, frames, False)
    if frames > 1:
        found.facts["animated"] = True
    if part:
        found.notes.append(part)
    if stray:
        found.notes.append(f"{stray} stray bytes between the GIF's blocks were passed over")
    if not ended:
        found.notes.append("the GIF's trailer is missing: pictures behind the last whole one may be")
    return found


def _sub_blocks(data: bytes, place: int) -> int | None:
    """The place behind a chain of sub-blocks; None where it is cut short."""
    while place < len(data) and data[place]:
        place += data[place] + 1
    return place + 1 if place < len(data) else None
