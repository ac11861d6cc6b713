"""JPEG-LS (ITU-T T.87) by CharLS through imagecodecs: lossless, or near-lossless with the largest error stated."""

from __future__ import annotations

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.depth_in_use import spread
from forensics.pictures.format import Format, only_one
from forensics.pictures.samples import Samples, damaged, decoding, scale_to_eight
from forensics.pictures.stated import Stated

_SOF55, _SOS = 0xF7, 0xDA
"""Markers of ITU-T T.87 and T.81: frame of JPEG-LS, start of scan."""


def _segments(data: bytes) -> dict[int, bytes]:
    """Segments up to the first scan's header, by marker; the first of each counts."""
    found: dict[int, bytes] = {}
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and _SOS not in found:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xFF:
            place += 1
            continue
        found.setdefault(marker, data[place + 4 : place + 2 + length])
        place += 2 + max(length, 2)
    return found


def _recognise(data: bytes) -> bool:
    return data[:3] == b"\xff\xd8\xff" and _SOF55 in _segments(data[:65536])


def _frame(data: bytes) -> tuple[int, int, int, int, int]:
    """Bits, height, width, components, largest error."""
    found = _segments(data)
    frame, scan = found.get(_SOF55, b""), found.get(_SOS, b"")
    if len(frame) < 6 or not scan or len(scan) < 2 + 2 * scan[0]:
        raise PictureError("the file is truncated: its JPEG-LS header is cut short")
    return (
        frame[0],
        int.from_bytes(frame[1:3], "big"),
        int.from_bytes(frame[3:5], "big"),
        frame[5],
        scan[1 + 2 * scan[0]],
    )


def _stated(data: bytes, which: str) -> Stated:
    only_one(which)
    bits, height, width, components, near = _frame(data)
    colour = {1: "grey", 3: "rgb", 4: "rgb"}.get(components, f"{components} components")
    facts = {"largest_error": near, **({"codec": "jpeg-ls-near"} if near else {})}
    return Stated(width, height, bits, colour, components == 4, lossy=near > 0, facts=facts)


def _decode(data: bytes, which: str) -> Samples:
    if b"\xff\xd9" not in data[-64:]:
        raise damaged("the JPEG-LS end marker is missing")
    bits = _frame(data)[0]
    with decoding("its JPEG-LS data"):
        import imagecodecs

        samples = np.asarray(imagecodecs.jpegls_decode(data))
    if bits not in (8, 16):
        samples = scale_to_eight(samples, (1 << bits) - 1) if bits < 8 else spread(samples, bits)
    return Samples(samples, facts={"integrity": "the decoder checks that each scan ends with its last sample"})


FORMAT = Format("jpegls", (".jls", ".jpgls"), _recognise, _stated, _decode)
