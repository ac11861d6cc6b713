"""WSQ, the FBI's fingerprint coding (IAFIS-IC-0110): headers here, samples by the `wsq` package (extra `wsq`)."""

from __future__ import annotations

import io
import struct

import numpy as np

from forensics.errors import CodecUnavailable, PictureError
from forensics.pictures.format import Format, only_one
from forensics.pictures.samples import Samples, damaged, decoding
from forensics.pictures.stated import Stated

_FRAME, _END, _COMMENT = 0xA2, b"\xff\xa1", 0xA8


def _stated(data: bytes, which: str) -> Stated:
    only_one(which)
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == _FRAME:
            height, width = struct.unpack_from(">HH", data, place + 6)
            return Stated(width, height, 8, "grey", lossy=True, facts={"codec": "wsq"})
        place += 2 + max(length, 2)
    raise PictureError("the file is truncated: a WSQ without a frame header")


def _decode(data: bytes, which: str) -> Samples:
    if _END not in data[-64:]:
        raise damaged("the WSQ end marker is missing")
    try:
        from wsq import WsqImagePlugin
    except ImportError:
        raise CodecUnavailable("the package wsq is not installed (extra wsq)") from None
    with decoding("its WSQ data"), WsqImagePlugin.WsqImageFile(io.BytesIO(data)) as image:
        image.load()
        return Samples(np.array(image.convert("L")))


FORMAT = Format("wsq", (".wsq",), lambda data: data[:3] == b"\xff\xa0\xff", _stated, _decode)
