"""PAM, the Netpbm format with named fields (`P7`); the tuple type says what the samples are."""

from __future__ import annotations

import re

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.format import Format, only_one
from forensics.pictures.samples import Samples, damaged, scale_to_eight, scale_to_sixteen
from forensics.pictures.stated import Stated

_COLOURS = {1: "grey", 2: "grey", 3: "rgb", 4: "rgb"}


def _head(data: bytes) -> tuple[int, int, int, int, int]:
    """Width, height, samples a pixel, largest value, offset of the samples."""
    match = re.match(rb"P7[^\n]*\n((?:[^\n]*\n){0,64}?)ENDHDR[^\n]*\n", data[:65536])
    if match is None:
        raise PictureError("the file is truncated or damaged: no PAM header")
    fields = {}
    for line in match[1].splitlines():
        words = line.split()
        if len(words) >= 2 and not line.startswith(b"#"):
            fields[words[0]] = words[1]
    try:
        width, height, depth, top = (int(fields[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
    except (KeyError, ValueError):
        raise PictureError("the file is truncated or damaged: a PAM header without its four numbers") from None
    if depth not in _COLOURS or not 0 < top < 65_536:
        raise PictureError(f"it holds {depth} samples a pixel up to {top}; PAM is read with 1 to 4 up to 65535")
    return width, height, depth, top, match.end()


def _stated(data: bytes, which: str) -> Stated:
    only_one(which)
    width, height, depth, top, _ = _head(data)
    return Stated(
        width, height, 1 if top == 1 else max(8, top.bit_length()), _COLOURS[depth], depth in (2, 4), lossy=False
    )


def _decode(data: bytes, which: str) -> Samples:
    width, height, depth, top, start = _head(data)
    kind = np.dtype(np.uint8 if top < 256 else ">u2")
    count = width * height * depth
    if len(data) - start < count * kind.itemsize:
        raise damaged(f"PAM needs {count * kind.itemsize} bytes of samples and {len(data) - start} are there")
    samples = np.frombuffer(data, kind, count, start).reshape(height, width, depth)
    if samples.max(initial=0) > top:
        raise damaged("PAM samples are above the largest value")
    full = samples if top == 255 else scale_to_eight(samples, top) if top < 256 else scale_to_sixteen(samples, top)
    return Samples(
        full[:, :, 0] if depth == 1 else full.copy(),
        facts={"integrity": "lengths were checked; nothing in a PAM could tell damage"},
    )


def _recognise(data: bytes) -> bool:
    return data[:3] == b"P7\n"


FORMAT = Format("pam", (".pam",), _recognise, _stated, _decode)
