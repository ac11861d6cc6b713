"""Netpbm files P1 to P6, plain and binary, of any largest value."""

from __future__ import annotations

import re

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.pillow_samples import decode_file
from forensics.pictures.samples import Samples
from forensics.pictures.stated import Stated

_PNM_HEAD = re.compile(rb"P([1-6])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})((?:\s|#[^\n]*\n)+(\d{1,5}))?\s")


def stated(data: bytes) -> Stated:
    kind, width, height, maximum, start = head(data)
    depth = 1 if kind in (1, 4) else max(8, maximum.bit_length())
    samples = width * (3 if kind in (3, 6) else 1)
    row = (width + 7) // 8 if kind == 4 else samples * (2 if maximum > 255 else 1)
    need = start + (height * row if kind >= 4 else height * samples)
    if need > len(data):
        raise PictureError(f"the file is truncated: PNM needs {need} bytes and {len(data)} are there")
    colour = {1: "bilevel", 4: "bilevel", 3: "rgb", 6: "rgb"}.get(kind, "grey")
    return Stated(width, height, depth, colour, lossy=False)


def head(data: bytes) -> tuple[int, int, int, int, int]:
    """Kind 1..6, width, height, largest value and offset of the samples of a PNM file."""
    match = _PNM_HEAD.match(data[:4096])
    if match is None:
        raise PictureError("the file is truncated or damaged: no PNM header")
    kind = int(match[1])
    bilevel = kind in (1, 4)
    if not bilevel and match[5] is None:
        raise PictureError("the file is truncated or damaged: no PNM header")
    maximum = 1 if bilevel else int(match[5])
    if not 0 < maximum < 65_536:
        raise PictureError(f"the PNM's largest value is 1 to 65535, not {maximum}")
    return kind, int(match[2]), int(match[3]), maximum, match.end(3) + 1 if bilevel else match.end()


def decode(data: bytes) -> Samples:
    """Samples of a PNM file, 8 bits, or scaled to the full range of 16 where the largest value is above 255."""
    if head(data)[3] > 255:
        return Samples(_deep(data))
    return Samples(decode_file(data, "PPM"))


def _deep(data: bytes) -> np.ndarray:
    """Binary or plain PNM samples of more than 8 bits, scaled to the full 16-bit range."""
    kind, width, height, maximum, start = head(data)
    channels = 3 if kind in (3, 6) else 1
    count = width * height * channels
    if kind in (5, 6):
        samples = np.frombuffer(data, ">u2", count, start).astype(np.uint32)
    else:
        samples = np.array(data[start:].split()[:count], dtype=np.uint32)
    if samples.size < count or samples.max() > maximum:
        raise PictureError("the file is truncated or damaged: PNM samples are missing or above the largest value")
    scaled = ((samples * 65535 + maximum // 2) // maximum).astype(np.uint16)
    return scaled.reshape((height, width, channels))
