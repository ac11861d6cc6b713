"""Planes of luma as single key frames of H.264 and VP9, through PyAV: x264 and libvpx encode them, FFmpeg decodes them.

Each plane is coded by itself at one quantiser, where the encoder allows it in one session for planes of one shape,
which is quicker than one each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from forensics.errors import CodecError, CodecUnavailable

_GREY = 128
"""Samples of chroma where an encoder knows no picture without it."""


@dataclass(frozen=True)
class KeyFrames:
    """An encoder of key frames: FFmpeg's names of it and of its decoder, and what it is told.

    Attributes
    ----------
    encoder, decoder : str
    pixel_format : str
        Without chroma where the encoder has that.
    strength_option : str
        Option that takes the quantiser.
    bounded : bool
        Whether the quantiser is stated as the bounds of the rate control, too.
    forgetful : bool
        Whether what an encoder does to a key frame does not depend on those before it in a session.
    options : mapping of str to str
    """

    encoder: str
    decoder: str
    pixel_format: str
    strength_option: str
    bounded: bool = False
    forgetful: bool = True
    options: Mapping[str, str] = field(default_factory=dict)

    def recode(self, planes: Sequence[np.ndarray], strength: int) -> list[np.ndarray]:
        """Planes coded and decoded, in-loop filters included.

        Parameters
        ----------
        planes : sequence of np.ndarray [shape=(height, width), dtype=uint8]
            All of one shape, whose sides are even and at least 16.
        strength : int
            The quantiser: 0..51 of H.264, 0..63 of VP9.

        Returns
        -------
        list of np.ndarray [shape=(height, width), dtype=uint8]

        Raises
        ------
        CodecError
            The encoder refuses the planes.
        CodecUnavailable
            PyAV or one of its codecs is missing.

        Examples
        --------
        >>> import numpy as np
        >>> from forensics.codecs.key_frames import H264
        >>> plane = np.full((32, 48), 90, np.uint8)
        >>> H264.recode([plane], 30)[0].shape
        (32, 48)
        """
        if missing():
            raise CodecUnavailable(missing())
        import av

        sessions = [planes] if self.forgetful else [[plane] for plane in planes]
        try:
            return [
                again for some in sessions for again in self._decoded(self._encoded(some, strength), planes[0].shape)
            ]
        except (av.error.FFmpegError, ValueError) as error:
            raise CodecError(f"{self.encoder} refused the plane: {error}") from None

    def _encoded(self, planes: Sequence[np.ndarray], strength: int) -> list[Any]:
        import av

        height, width = planes[0].shape
        context: Any = av.CodecContext.create(self.encoder, "w")
        context.width, context.height, context.time_base = width, height, Fraction(1, 25)
        context.pix_fmt, context.thread_count, context.gop_size = self.pixel_format, 1, 1
        if self.bounded:
            context.bit_rate, context.qmin, context.qmax = 0, strength, strength
        context.options = {**self.options, self.strength_option: str(strength)}
        packets = []
        for number, plane in enumerate(planes):
            frame = av.VideoFrame(width, height, self.pixel_format)
            frame.pts = number
            for index, target in enumerate(frame.planes):
                rows = np.frombuffer(target, np.uint8).reshape(target.height, target.line_size)  # type: ignore[call-overload]
                rows[:, : target.width] = plane if index == 0 else _GREY
            packets += context.encode(frame)
        return [*packets, *context.encode(None)]

    def _decoded(self, packets: Sequence[Any], shape: tuple[int, ...]) -> list[np.ndarray]:
        import av

        context: Any = av.CodecContext.create(self.decoder, "r")
        context.thread_count = 1
        frames = [frame for packet in packets for frame in context.decode(av.Packet(bytes(packet)))]
        frames += context.decode(None)
        luma = [frame.planes[0] for frame in frames]
        rows = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size) for plane in luma]
        return [np.ascontiguousarray(one[: shape[0], : shape[1]]) for one in rows]


H264 = KeyFrames("libx264", "h264", "gray", "qp", options={"preset": "medium", "psy": "0"})
VP9 = KeyFrames(
    "libvpx-vp9",
    "vp9",
    "yuv420p",
    "crf",
    bounded=True,
    forgetful=False,
    options={"deadline": "good", "cpu-used": "4", "lag-in-frames": "0", "auto-alt-ref": "0"},
)


@cache
def missing() -> str:
    """What keeps key frames from being coded here, or an empty string."""
    try:
        import av
    except ImportError as error:
        return f"PyAV is not installed ({error})"
    try:
        for one in (H264, VP9):
            av.codec.Codec(one.encoder, "w")
            av.codec.Codec(one.decoder, "r")
    except ValueError as error:
        return f"this build of PyAV {av.__version__} lacks a codec ({error})"
    return ""
