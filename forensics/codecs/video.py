"""Frames of videos by FFmpeg's encoders, through PyAV: a still becomes a short clip whose camera moves, and one frame
comes back.

The clip shows the picture shifted from frame to frame, mirrored at its borders, such that the frame that is kept shows
it unshifted: predicted frames are therefore real ones, with motion compensation, and compare with the picture pixel by
pixel. A file holds the encoded stream in FFmpeg's Matroska or AVI container behind a small header of this module
(`_MAGIC`, frame number, motion).

Frames come back to RGB as FFmpeg's swscale makes them, in one of three ways (`conversion`), by BT.601 or BT.709 of
limited range, as players and frame grabbers do.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from forensics.codecs.base import Availability, Codec, Strength, Switch, Value
from forensics.codecs.decoders import planes, swscale
from forensics.codecs.exchange import library_errors, plane_samples, strength_value, to_grey
from forensics.codecs.pyav_codecs import lacking
from forensics.codecs.scheduling import ordinary_threads
from forensics.errors import CodecError

_MAGIC = b"FFRM1"
_HEADER = struct.Struct("<5sBBBHH")

MATRICES = {"bt601": ("ycbcr", 6), "bt709": ("bt709", 1)}
"""Matrix by name: the colour space of `forensics.codecs.decoders.planes`, and the number of H.273."""

_MOST_SIDE = 65535
"""Largest side in pixels that is handed to FFmpeg's encoders: a bound on work."""


@dataclass(frozen=True)
class _Format:
    """One of FFmpeg's encoders: process, name, strength, and what its files need."""

    process: str
    name: str
    encoder: str
    strength: Strength
    pixel_format: str = "yuv420p"
    container: str = "matroska"
    intra_only: bool = False
    options: tuple[tuple[str, str], ...] = ()
    strength_option: str = ""
    """Private option that takes the strength; empty where it is the quantiser of FFmpeg's own rate control."""
    multiple: int = 2
    """Sides are whole multiples of this; the picture is continued by mirroring and cut back after decoding."""
    sizes: tuple[tuple[int, int], ...] = ()
    """The only sizes (height, width) that the format knows, smallest first; others are continued to the next."""


_Q = Strength("quantiser", 2, 31, 5, integer=True)
_NONE = Strength("nothing", 0, 1, 0, integer=True)
"""Of an encoder whose strength PyAV does not set."""
_CRF = Strength("crf", 12, 45, 23, integer=True)


def _formats() -> tuple[_Format, ...]:
    other = "other-lossy"
    return (
        _Format("video-h264", "h264", "libx264", _CRF, strength_option="crf", multiple=4),
        _Format("video-hevc", "hevc", "libx265", _CRF, strength_option="crf", multiple=8),
        _Format("video-mpeg2", "mpeg2", "mpeg2video", _Q),
        _Format("video-mpeg4", "mpeg4", "mpeg4", _Q),
        _Format("video-vp8", "vp8", "libvpx", Strength("crf", 6, 60, 24, integer=True), strength_option="crf"),
        _Format("video-vp9", "vp9", "libvpx-vp9", Strength("crf", 10, 60, 32, integer=True), strength_option="crf"),
        _Format(
            "video-av1",
            "av1",
            "libsvtav1",
            Strength("crf", 12, 60, 35, integer=True),
            strength_option="crf",
            multiple=8,
        ),
        _Format("video-mjpeg", "mjpeg", "mjpeg", _Q, pixel_format="yuvj420p", container="avi", intra_only=True),
        _Format(other, "mpeg1", "mpeg1video", _Q),
        _Format(other, "h263p", "h263p", _Q, container="avi", multiple=4),
        _Format(other, "msmpeg4", "msmpeg4", _Q, container="avi"),
        _Format(other, "wmv1", "wmv1", _Q, container="avi"),
        _Format(other, "asv1", "asv1", _Q, container="avi", intra_only=True, multiple=16),
        _Format(other, "svq1", "svq1", _NONE, pixel_format="yuv410p", container="mov", multiple=16),
        _Format(other, "speedhq", "speedhq", _Q, container="nut", intra_only=True, multiple=16),
        _Format(
            other,
            "cineform",
            "cfhd",
            Strength("quality", 2, 12, 6, integer=True),
            pixel_format="yuv422p10le",
            container="mov",
            intra_only=True,
            strength_option="quality",
            multiple=16,
        ),
        _Format("other-lossy", "theora", "libtheora", _Q),
        _Format(
            "other-lossy",
            "vc2",
            "vc2",
            Strength("kilobits", 24000, 1500, 8000, integer=True),
            intra_only=True,
            multiple=16,
        ),
        _Format("other-lossy", "snow", "snow", _NONE, container="nut", options=(("strict", "-2"),)),
        _Format("other-lossy", "flv1", "flv", _Q, container="flv"),
        _Format("other-lossy", "wmv2", "wmv2", _Q, container="avi"),
        _Format(
            "other-lossy",
            "cinepak",
            "cinepak",
            _NONE,
            pixel_format="rgb24",
            container="avi",
            multiple=4,
        ),
        _Format(
            "other-lossy",
            "dv",
            "dvvideo",
            _NONE,
            container="avi",
            intra_only=True,
            sizes=((576, 720),),
        ),
        _Format(
            "other-lossy",
            "prores",
            "prores_ks",
            Strength("bits", 8000, 200, 1200, integer=True),
            pixel_format="yuv422p10le",
            container="mov",
            intra_only=True,
            strength_option="bits_per_mb",
            multiple=16,
        ),
    )


class Video(Codec):
    """One frame of a clip by one of FFmpeg's encoders."""

    suffix = ".frame"

    def __init__(self, form: _Format) -> None:
        self._form = form
        self.name = form.name  # type: ignore[misc]
        self.codec = form.process  # type: ignore[misc]
        self.strength = form.strength  # type: ignore[misc]
        self.switches = {  # type: ignore[misc]
            "frame": Switch(
                0, (0, 1, 2, 3), "the frame that is kept: 0 is a key frame, later ones are predicted", open=True
            ),
            "motion": Switch(
                3, tuple(range(64)), "shift a frame, rows in the upper three bits less 4, columns in the lower less 4"
            ),
            "matrix": Switch("bt601", tuple(MATRICES), "colour matrix of the planes, limited range"),
            "conversion": Switch("fast", swscale.METHODS, "how swscale brings the frame back to RGB"),
            "preset": Switch("medium", ("ultrafast", "veryfast", "fast", "medium", "slow"), "preset of x264 and x265"),
            "interlaced": Switch(False, (False, True), "interlaced coding, where the encoder has it"),
        }

    def availability(self) -> Availability:
        reason = _missing(self._form.encoder)
        return Availability(not reason, not reason, reason)

    def version(self) -> str:
        import av

        return f"{self._form.encoder} (FFmpeg in PyAV {av.__version__})"

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        height, width = pixels.shape[:2]
        if max(height, width) > _MOST_SIDE:
            raise CodecError(f"{self.name}: sides of at most {_MOST_SIDE} pixels, not {width}x{height}")
        frame = 0 if self._form.intra_only else int(parameters["frame"])
        colour = np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels
        padded = _continued(colour, *_coded_size(self._form, height, width))
        with library_errors(self.name, "encode"):
            stream = _encoded(self._form, padded, frame, parameters, strength_value(self, parameters))
        flags = (pixels.ndim == 2) | list(MATRICES).index(str(parameters["matrix"])) << 1
        flags |= swscale.METHODS.index(str(parameters["conversion"])) << 2
        return _HEADER.pack(_MAGIC, frame, flags, 0, height, width) + stream

    def decode(self, data: bytes) -> np.ndarray:
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise CodecError(f"{self.name}: no frame of this toolkit")
        _, number, flags, _, height, width = _HEADER.unpack_from(data)
        matrix, method = list(MATRICES)[flags >> 1 & 1], swscale.METHODS[flags >> 2]
        with library_errors(self.name, "decode"):
            frame = _frame(data[_HEADER.size :], number)
            rgb = _picture(frame, matrix, method)[:height, :width]
        return to_grey(rgb) if flags & 1 else np.ascontiguousarray(rgb)


def encoders() -> list[Codec]:
    """All encoders of video frames, in a fixed order."""
    return [Video(form) for form in _formats()]


@cache
def _missing(encoder: str) -> str:
    return lacking((encoder, "w"))


def _coded_size(form: _Format, height: int, width: int) -> tuple[int, int]:
    if form.sizes:
        fitting = [size for size in form.sizes if size[0] >= height and size[1] >= width]
        if not fitting:
            raise CodecError(f"{form.name} knows no size that holds {width}x{height}")
        return fitting[0]
    step = max(form.multiple, 2)
    # Some coders refuse very small pictures; x265 takes none under 64 rows of its largest blocks without threads of its
    # own.
    return max(-(-height // step) * step, 64), max(-(-width // step) * step, 64)


def _continued(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    down, right = height - pixels.shape[0], width - pixels.shape[1]
    return np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="symmetric") if down or right else pixels


def _shifted(pixels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The picture moved down and right, mirrored at its borders."""
    height, width = pixels.shape[:2]
    return pixels[_mirrored(np.arange(height) - rows, height)][:, _mirrored(np.arange(width) - columns, width)]


def _mirrored(places: np.ndarray, length: int) -> np.ndarray:
    places = places % (2 * length)
    return np.where(places < length, places, 2 * length - 1 - places)


def _quiet() -> None:
    """SVT-AV1 writes its settings to standard error unless its environment says otherwise."""
    os.environ.setdefault("SVT_LOG", "1")


def _encoded(form: _Format, pixels: np.ndarray, frame: int, parameters: Mapping[str, Value], strength: float) -> bytes:
    import av

    _quiet()
    motion = int(parameters["motion"])
    step = (motion >> 3) - 4, (motion & 7) - 4
    # FFmpeg's Matroska writes times in whole milliseconds: 25 frames a second are exact.
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form.container, options={"fflags": "bitexact"}) as container:
        stream: Any = container.add_stream(form.encoder, rate=25)
        stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], form.pixel_format
        context = stream.codec_context
        context.thread_count = 1
        context.time_base = Fraction(1, 25)
        context.gop_size = 1 if form.intra_only else 12
        _set_options(form, context, parameters, strength)
        if form.encoder == "libsvtav1":
            with ordinary_threads():
                context.open()
        for index in range(frame + 1):
            at = index - frame
            moved = _shifted(pixels, at * step[0], at * step[1])
            for packet in stream.encode(_to_frame(moved, form, str(parameters["matrix"]), index)):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return buffer.getvalue()


_LAMBDA = 118
"""FFmpeg's unit of a quality (`FF_QP2LAMBDA`)."""


def _set_options(form: _Format, context: Any, parameters: Mapping[str, Value], strength: float) -> None:
    options = dict(form.options)
    if form.strength_option:
        options[form.strength_option] = str(int(strength))
    if form.encoder in ("libvpx", "libvpx-vp9"):
        context.bit_rate = 0 if form.encoder == "libvpx-vp9" else 4_000_000
        context.qmin = context.qmax = int(strength)
        options |= {"deadline": "good", "cpu-used": "4", "lag-in-frames": "0", "auto-alt-ref": "0"}
    elif form.encoder == "libsvtav1":
        options |= {"preset": "9", "svtav1-params": "lp=1:pred-struct=1"}
    elif form.encoder in ("libx264", "libx265"):
        options |= {"preset": str(parameters["preset"]), "bf": "0"}
        if form.encoder == "libx265":
            options["x265-params"] = "log-level=none:pools=none:frame-threads=1"
        elif parameters["interlaced"]:
            options["x264-params"] = "tff=1"
    elif form.name == "vc2":
        context.bit_rate = int(strength) * 1000
    elif form.strength.parameter != "nothing" and not form.strength_option:
        # A rate control that may take one quantiser alone, since FFmpeg's MPEG encoders do without `global_quality`
        # through PyAV 18.1 (findings/pyav_global_quality.sh); Asus V1 goes by it.
        context.qmin = context.qmax = int(strength)
        options |= {"flags": "+qscale", "global_quality": str(int(strength) * _LAMBDA)}
        if parameters["interlaced"] and form.encoder in ("mpeg2video", "mpeg4"):
            options["flags"] += "+ildct+ilme"
    context.options = options


def _to_frame(pixels: np.ndarray, form: _Format, matrix: str, index: int) -> Any:
    import av

    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    if form.pixel_format != "rgb24":
        number = MATRICES[matrix][1]
        full = form.pixel_format.startswith("yuvj")
        frame = frame.reformat(
            format=form.pixel_format,
            dst_colorspace=5 if number == 6 else number,
            src_colorspace=5 if number == 6 else number,
            src_color_range=2,
            dst_color_range=2 if full else 1,
            interpolation="BICUBIC",
            threads=1,
        )
    frame.pts = index
    frame.time_base = Fraction(1, 25)
    return frame


def _frame(stream: bytes, number: int) -> Any:
    import av

    with av.open(io.BytesIO(stream), "r") as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        frame = None
        for index, frame in enumerate(container.decode(video)):
            if index == number:
                return frame
    raise CodecError(f"the clip holds no frame {number}")


_DEEP = {"yuv422p10le": "4:2:2"}


def _picture(frame: Any, matrix: str, method: str) -> np.ndarray:
    """A decoded frame as RGB by swscale; frames of other layouts than planes of YCbCr go by swscale's plain
    conversion.
    """
    if frame.format.name in ("rgb24", "bgr24", "rgb0", "0rgb", "rgb555le", "gbrp"):
        return frame.reformat(format="rgb24", threads=1).to_ndarray()
    name = frame.format.name.replace("yuvj", "yuv")
    subsampling = _DEEP.get(name) or next((key for key, value in planes.FORMATS.items() if value == name), None)
    full = frame.format.name.startswith("yuvj")
    if subsampling is None:
        number = 5 if matrix == "bt601" else 1
        made = frame.reformat(format="rgb24", src_colorspace=number, src_color_range=1, dst_color_range=2, threads=1)
        return made.to_ndarray()
    depth = 10 if name in _DEEP else 8
    samples = tuple(plane_samples(plane, depth) for plane in frame.planes)
    held = planes.CodedPlanes(samples, subsampling, MATRICES[matrix][0], depth, limited=not full)
    return swscale.to_picture(held, method)
