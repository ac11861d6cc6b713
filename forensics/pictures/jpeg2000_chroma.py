"""JPEG 2000 whose colour components are smaller than the first: read by FFmpeg, which keeps each at its own size.

OpenJPEG's readers for Python refuse them or bring them up in ways of their own. FFmpeg's planes are those that were
coded, to the bit where the wavelet is the reversible one. Here they are repeated to full size and taken as YCbCr of
full range (sYCC, IEC 61966-2-1 amendment 1), as OpenJPEG takes such components whatever the header says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from forensics.codecs.exchange import plane_samples
from forensics.errors import CodecUnavailable, PictureError
from forensics.pictures.jpeg2000_stream import Codestream
from forensics.pictures.samples import damaged, ycbcr_to_rgb

_NAMES = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (4, 1): "4:1:1", (1, 2): "4:4:0"}
"""Steps of the colour components that FFmpeg has a layout for."""


def applies(stream: Codestream) -> bool:
    """Whether the first component has every sample, and two further ones fewer."""
    return len(stream.steps) == 3 and stream.steps[0] == (1, 1) and stream.steps[1] != (1, 1)


def decode(stream: Codestream) -> tuple[np.ndarray, str]:
    """RGB samples [shape=(height, width, 3), dtype=uint8] and a note on what was done.

    Raises `PictureError` where the components are laid out in another way, or the data are damaged.
    """
    name = _NAMES.get(stream.steps[1])
    x0, y0 = (int.from_bytes(stream.data[at : at + 4], "big") for at in (16, 20))
    if name is None or stream.steps[1] != stream.steps[2] or set(stream.depths) != {8} or x0 or y0:
        steps = ", ".join(f"{across}x{down}" for across, down in stream.steps)
        raise PictureError(f"its JPEG 2000 components are sampled every {steps} points; that is not read")
    planes = _planes(stream.data)
    if len(planes) != 3 or planes[0].shape != (stream.height, stream.width):
        raise damaged("its JPEG 2000 data do not give the components that it states")
    across, down = stream.steps[1]
    full = [planes[0], *(plane.repeat(down, 0).repeat(across, 1) for plane in planes[1:])]
    samples = np.stack([plane[: stream.height, : stream.width] for plane in full], axis=2)
    note = f"its colour components, stored as {name}, were repeated to the size of the first and taken as YCbCr"
    return ycbcr_to_rgb(samples, 8), note


def _planes(codestream: bytes) -> list[np.ndarray]:
    try:
        import av
    except ImportError:
        raise CodecUnavailable("JPEG 2000 with smaller colour components needs PyAV") from None
    context: Any = av.codec.CodecContext.create("jpeg2000", "r")
    context.thread_count, context.options = 1, {"err_detect": "explode"}
    try:
        frames = [*context.decode(av.Packet(codestream)), *context.decode(None)]
    except av.FFmpegError:
        raise damaged("its JPEG 2000 data cannot be decoded") from None
    return [plane_samples(plane, 8) for frame in frames[:1] for plane in frame.planes]
