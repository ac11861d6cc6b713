"""Video files by FFmpeg through PyAV: one frame, the first key frame unless another is asked for by number or time.

The frame is brought to RGB by FFmpeg's own conversion, as players and frame grabbers have it. What the file states of
codec, pixel format, colour and the frame's kind are facts; whether a frame is a key frame decides what its traces can
be.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.format import Format
from forensics.pictures.samples import Samples, damaged, decoding
from forensics.pictures.stated import Stated

_BRANDS = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"M4V ",
    b"qt  ",
    b"3gp4",
    b"3gp5",
    b"dash",
    b"MSNV",
    b"f4v ",
)
_PROCESSES = {
    "h264": "video-h264",
    "hevc": "video-hevc",
    "mpeg2video": "video-mpeg2",
    "mpeg1video": "video-mpeg2",
    "mpeg4": "video-mpeg4",
    "vp8": "video-vp8",
    "vp9": "video-vp9",
    "av1": "video-av1",
    "libdav1d": "video-av1",
    "mjpeg": "video-mjpeg",
}
"""Processes of `forensics.processes` by FFmpeg's codec name."""
_LOSSLESS = frozenset(
    {"ffv1", "huffyuv", "ffvhuff", "rawvideo", "utvideo", "png", "qtrle", "v210", "magicyuv", "wrapped_avframe"}
)
_MOST_FRAMES = 100_000
"""Frames that are decoded to reach the one asked for."""


def _recognise(data: bytes) -> bool:
    head = data[:16]
    if head[4:8] == b"ftyp":
        size = min(int.from_bytes(head[:4], "big"), 256)
        return any(data[at : at + 4] in _BRANDS for at in (8, *range(16, size - 3, 4)))
    return (
        head[:4] == b"\x1aE\xdf\xa3"
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or head[4:8] in (b"moov", b"mdat", b"wide")
        or head[:4] in (b"\0\0\1\xba", b"\0\0\1\xb3", b"DKIF", b"FLV\1", b"OggS", b"0&\xb2u")
        or head[:10] == b"YUV4MPEG2 "
        or (head[:1] == b"G" and len(data) > 564 and data[188] == data[376] == 0x47)
    )


def _opened(data: bytes) -> tuple[Any, Any]:
    import av

    av.logging.set_level(None)
    try:
        file = av.open(io.BytesIO(data), metadata_errors="ignore")
    except Exception:  # FFmpeg's own kinds
        raise damaged("its video container cannot be read") from None
    streams = [s for s in file.streams.video if not s.disposition & 0x400] or list(file.streams.video)
    if not streams:
        raise PictureError("it holds no video stream")
    return file, streams[0]


def _wanted(which: str) -> tuple[int | None, float | None]:
    """Number of a frame or a time in seconds; (None, None) for the first key frame."""
    if not which:
        return None, None
    if which.isdigit():
        return int(which), None
    parts = which.rstrip("s").split(":")
    try:
        values = [float(part) for part in parts]
    except ValueError:
        values = [-1.0]
    if len(values) > 3 or min(values) < 0:
        raise PictureError(f"a frame is a number from 0, or a time such as 2.5s or 1:02:03.5, not {which!r}")
    return None, sum(value * 60**place for place, value in enumerate(reversed(values)))


def _stated(data: bytes, which: str) -> Stated:
    _wanted(which)
    file, stream = _opened(data)
    context = stream.codec_context
    name = context.name
    facts: dict[str, Any] = {"video_codec": name, "pixel_format": context.pix_fmt or "", "container": file.format.name}
    if stream.average_rate:
        facts["frames_per_second"] = round(float(stream.average_rate), 4)
    facts.update({"codec": _PROCESSES[name]} if name in _PROCESSES else {})
    lossy = name not in _LOSSLESS
    depth = context.format.components[0].bits if context.format else 8
    colour = (
        "rgb"
        if context.format and context.format.is_rgb
        else "grey"
        if (context.pix_fmt or "").startswith("gray")
        else "ycbcr"
    )
    return Stated(context.width, context.height, depth, colour, pages=stream.frames or 1, lossy=lossy, facts=facts)


def _decode(data: bytes, which: str) -> Samples:
    number, seconds = _wanted(which)
    file, stream = _opened(data)
    stream.codec_context.options = {"err_detect": "explode"}
    stream.thread_type = "NONE"
    index, frame = _find(file, stream, number, seconds)
    if frame is None:
        what = f"frame {which}" if which else "key frame"
        raise PictureError(f"no {what} can be decoded; {index} frames are there")
    with decoding("its video frame"):
        grey = frame.format.name.startswith("gray")
        array = frame.to_ndarray(format="gray" if grey else "rgb24")
    facts = {
        "frame": index,
        "key_frame": bool(frame.key_frame),
        "frame_kind": str(getattr(frame.pict_type, "name", frame.pict_type)),
    }
    if frame.time is not None:
        facts["seconds"] = round(float(frame.time), 6)
    if getattr(frame, "interlaced_frame", False):
        facts["interlaced"] = True
    note = (
        f"frame {index} of the video was read ({'key' if frame.key_frame else 'predicted'} frame), brought to RGB "
        f"by FFmpeg"
    )
    return Samples(np.ascontiguousarray(array), [note], facts)


def _find(file: Any, stream: Any, number: int | None, seconds: float | None) -> tuple[int, Any]:
    """Number of the frame that was asked for and the frame; None where the stream ends or breaks before it."""
    index, last = 0, None
    try:
        for frame in file.decode(stream):
            at_time = seconds is not None and frame.time is not None and frame.time >= seconds
            if index == number or at_time or (number is None and seconds is None and frame.key_frame):
                return index, frame
            index, last = index + 1, frame
            if index >= _MOST_FRAMES:
                raise PictureError(f"the frame lies behind {_MOST_FRAMES} others; cut the video first")
    except PictureError:
        raise
    except Exception:  # a frame that is damaged ends the search
        return index, None
    return index, None if number is not None or seconds is None else last


FORMAT = Format(
    "video",
    (
        ".mp4",
        ".mkv",
        ".webm",
        ".mov",
        ".avi",
        ".m4v",
        ".mpg",
        ".mpeg",
        ".ts",
        ".m2ts",
        ".ogv",
        ".3gp",
        ".flv",
        ".y4m",
        ".ivf",
        ".wmv",
    ),
    _recognise,
    _stated,
    _decode,
)
