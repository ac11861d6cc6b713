"""Planes of luma as single key frames of VP9, through PyAV: libvpx encodes them, FFmpeg decodes them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from forensics.codecs.pyav_codecs import lacking
from forensics.errors import CodecError, CodecUnavailable

_ENCODER, _DECODER = "libvpx-vp9", "vp9"
_GREY = 128
"""Samples of chroma, which libvpx does not do without."""
_OPTIONS = {"deadline": "good", "cpu-used": "4", "lag-in-frames": "0", "auto-alt-ref": "0"}


@cache
def missing() -> str:
    """What keeps key frames from being coded here, or an empty string."""
    return lacking((_ENCODER, "w"), (_DECODER, "r"))


def recode(planes: Sequence[np.ndarray], quantiser: int) -> list[np.ndarray]:
    """Planes of luma coded and decoded, in-loop filters included.

    Each has a session of its own: what libvpx does to a key frame depends on those before it.

    Parameters
    ----------
    planes : sequence of np.ndarray [shape=(height, width), dtype=uint8]
        Of the limited range; sides are even and at least 16.
    quantiser : int
        0..63, the same in the whole picture.

    Returns
    -------
    list of np.ndarray [shape=(height, width), dtype=uint8]

    Raises
    ------
    CodecError
        libvpx refuses a plane.
    CodecUnavailable
        PyAV or one of its codecs is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.codecs import key_frames
    >>> key_frames.recode([np.full((32, 48), 90, np.uint8)], 30)[0].shape
    (32, 48)
    """
    if missing():
        raise CodecUnavailable(missing())
    import av

    try:
        return [_decoded(_encoded(plane, quantiser), plane.shape) for plane in planes]
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise CodecError(f"{_ENCODER} refused the plane: {error}") from None


def _encoded(plane: np.ndarray, quantiser: int) -> list[Any]:
    import av

    height, width = plane.shape
    context: Any = av.CodecContext.create(_ENCODER, "w")
    context.width, context.height, context.time_base = width, height, Fraction(1, 25)
    context.pix_fmt, context.thread_count, context.gop_size = "yuv420p", 1, 1
    context.bit_rate, context.qmin, context.qmax = 0, quantiser, quantiser
    context.options = {**_OPTIONS, "crf": str(quantiser)}
    frame = av.VideoFrame(width, height, "yuv420p")
    frame.pts = 0
    for index, target in enumerate(frame.planes):
        rows = np.frombuffer(target, np.uint8).reshape(target.height, target.line_size)  # type: ignore[call-overload]
        rows[:, : target.width] = plane if index == 0 else _GREY
    return [*context.encode(frame), *context.encode(None)]


def _decoded(packets: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    import av

    context: Any = av.CodecContext.create(_DECODER, "r")
    context.thread_count = 1
    frames = [frame for packet in packets for frame in context.decode(av.Packet(bytes(packet)))]
    luma = [*frames, *context.decode(None)][0].planes[0]
    rows = np.frombuffer(luma, np.uint8).reshape(luma.height, luma.line_size)
    return np.ascontiguousarray(rows[: shape[0], : shape[1]])
