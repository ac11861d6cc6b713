"""Truevision TGA (version 2.0 of the specification): palette, grey and true colour of 8 to 32 bits, plain or run-length
coded.

The format has no signature at its start; it is recognised by header fields that fit each other, and by the footer of
version 2 where there is one.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from forensics.pictures.format import Format, only_one
from forensics.pictures.samples import Samples, damaged, scale_to_eight
from forensics.pictures.stated import Stated

_FOOTER = b"TRUEVISION-XFILE.\0"
_PALETTE, _COLOUR, _GREY = 1, 2, 3
"""Kinds of pictures without run lengths (Truevision TGA 2.0, field 3)."""


class _Head(NamedTuple):
    kind: int
    coded: bool
    width: int
    height: int
    bits: int
    alpha: int
    top_down: bool
    mirrored: bool
    map_first: int
    map_length: int
    map_bits: int
    start: int


def _head(data: bytes) -> _Head | None:
    if len(data) < 18:
        return None
    comment, mapped, kind, first, length, map_bits, _, _, width, height, bits, flags = struct.unpack_from(
        "<BBBHHBHHHHBB", data
    )
    base = kind & ~8
    fits = (
        mapped in (0, 1) and base in (_PALETTE, _COLOUR, _GREY) and kind in (1, 2, 3, 9, 10, 11) and width and height
        and bits in {_PALETTE: (8, 16), _COLOUR: (15, 16, 24, 32), _GREY: (8, 16)}[base]
        and (mapped == 1) >= (base == _PALETTE) and map_bits in ((15, 16, 24, 32) if mapped else (0, 15, 16, 24, 32))
        and not flags & 0xC0 and (mapped or not length) and (base != _PALETTE or length)
    )  # fmt: skip
    if not fits:
        return None
    start = 18 + comment + mapped * length * -(-map_bits // 8)
    return _Head(
        base,
        kind > 8,
        width,
        height,
        bits,
        flags & 15,
        bool(flags & 32),
        bool(flags & 16),
        first,
        length,
        map_bits,
        start,
    )


def _recognise(data: bytes) -> bool:
    head = _head(data)
    if head is None or head.start >= len(data):
        return False
    return data.endswith(_FOOTER) or head.coded or len(data) >= head.start + head.width * head.height // 4


def _stated(data: bytes, which: str) -> Stated:
    only_one(which)
    head = _head(data)
    assert head is not None
    colour = {_PALETTE: "palette", _COLOUR: "rgb", _GREY: "grey"}[head.kind]
    depth = 5 if head.bits in (15, 16) and head.kind == _COLOUR else 8
    alpha = head.kind == _COLOUR and head.bits == 32 and head.alpha == 8
    return Stated(head.width, head.height, depth, colour, alpha, lossy=False)


def _decode(data: bytes, which: str) -> Samples:
    head = _head(data)
    assert head is not None
    size = -(-head.bits // 8)
    need = head.width * head.height * size
    raw = _packets(data, head, size) if head.coded else data[head.start : head.start + need]
    if len(raw) < need:
        raise damaged(f"{100 * len(raw) // need} % of the samples are there")
    pixels = np.frombuffer(raw[:need], np.uint8).reshape(head.height, head.width, size)
    picture = _coloured(pixels, data, head)
    picture = picture[:, ::-1] if head.mirrored else picture
    picture = picture if head.top_down else picture[::-1]
    return Samples(
        np.ascontiguousarray(picture), facts={"integrity": "lengths were checked; nothing in a TGA could tell damage"}
    )


def _packets(data: bytes, head: _Head, size: int) -> bytes:
    """Run-length packets undone; a packet may run past a row (version 1 writers), not past the picture."""
    pieces, left, place = [], head.width * head.height, head.start
    while left > 0 and place < len(data):
        count = (data[place] & 127) + 1
        if data[place] & 128:
            piece = data[place + 1 : place + 1 + size] * count
            place += 1 + size
        else:
            piece = data[place + 1 : place + 1 + size * count]
            place += 1 + size * count
        if len(piece) < size * count:
            break
        pieces.append(piece)
        left -= count
    return b"".join(pieces)


def _coloured(pixels: np.ndarray, data: bytes, head: _Head) -> np.ndarray:
    if head.kind == _GREY:
        return pixels[:, :, 0] if head.bits == 8 else pixels[:, :, :2]
    if head.kind == _COLOUR:
        return _true_colour(pixels, head.bits, head.alpha)
    size = -(-head.map_bits // 8)
    start = head.start - head.map_length * size
    table = np.frombuffer(data[start : head.start], np.uint8).reshape(head.map_length, 1, size)
    colours = _true_colour(table, head.map_bits, 0)[:, 0, :3]
    index = pixels[:, :, 0] if head.bits == 8 else pixels.view("<u2")[:, :, 0]
    index = index.astype(np.int64) - head.map_first
    if index.min() < 0 or index.max() >= len(colours):
        raise damaged("a sample names a colour that its palette lacks")
    used = colours[np.unique(index)]
    return colours[index, 0] if (used == used[:, :1]).all() else colours[index]


def _true_colour(pixels: np.ndarray, bits: int, alpha: int) -> np.ndarray:
    if bits in (15, 16):
        words = np.ascontiguousarray(pixels[:, :, :2]).view("<u2")[:, :, 0]
        return np.stack([scale_to_eight(words >> shift & 31, 31) for shift in (10, 5, 0)], axis=2)
    colours = pixels[:, :, 2::-1]
    if bits == 32 and alpha == 8:
        return np.concatenate([colours, pixels[:, :, 3:4]], axis=2)
    return colours


FORMAT = Format("tga", (".tga", ".icb", ".vda", ".vst"), _recognise, _stated, _decode)
