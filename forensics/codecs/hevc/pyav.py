"""One HEVC intra picture through PyAV: FFmpeg's `hevc` decodes it, x265 (`libx265`) encodes it.

PyAV is imported where it is used; its wheel bundles x265, which is under the GPL. The one tool that FFmpeg decodes
wrongly goes to `hevc_libheif`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from forensics.codecs.exchange import plane_samples
from forensics.codecs.hevc import libheif as hevc_libheif
from forensics.codecs.hevc.headers import CodingTools, RangeExtension, plane_steps, write_sps, write_vps
from forensics.codecs.hevc.stream import is_slice, join_nal_units, split_nal_units
from forensics.codecs.pyav_codecs import lacking
from forensics.errors import CodecError, CodecUnavailable

DECODED_DEPTHS = (8, 9, 10, 12)
"""Bit depths that FFmpeg's decoder has."""
SMALLEST_SIDE = 16
"""Smallest coded width and height in samples that `libx265` takes."""

_FORMATS = {"grey": "gray", "4:2:0": "yuv420p", "4:2:2": "yuv422p", "4:4:4": "yuv444p"}
_TAILS = (b"\xff" * 32, b"\x01" * 32)


@cache
def missing() -> str:
    """What keeps HEVC from working here, or an empty string."""
    return lacking(("hevc", "r"), ("libx265", "w"))


def _av() -> Any:
    reason = missing()
    if reason:
        raise CodecUnavailable(f"HEVC does not work here: {reason}")
    import av

    return av


def decode_planes(
    units: Sequence[bytes],
    tools: CodingTools,
    subsampling: str,
    size: tuple[int, int],
    bit_depth: int,
) -> list[np.ndarray]:
    """Decode one intra picture from its NAL units without VPS and SPS.

    FFmpeg reads on past the end of a slice that is cut short or damaged, without an error. The end of a whole slice is
    marked in it and nothing after it counts, so the picture is decoded twice with different bytes appended to the
    last slice: pictures that differ prove the damage. What this cannot show: damage that leaves the slice's end in its
    place, the loss of a last byte that changes no sample, and a cut exactly between two slices of a picture.

    Parameters
    ----------
    units : sequence of bytes
        PPS, slices and SEI messages of one picture, all of layer 0.
    tools, subsampling, size, bit_depth
        What the SPS would say; `size` is width and height in pixels.

    Returns
    -------
    list of np.ndarray [shape=(height, width), dtype=uint8 or uint16]
        One or three planes, cropped to `size` (decimated chroma to its half, rounded up).

    Raises
    ------
    CodecError
        No decoder here decodes these tools or bit depth correctly, the data are damaged, or a slice does not end where
        it should.
    """
    other = _needs_libheif(tools, subsampling, bit_depth)
    sets = [write_vps(), write_sps(tools, subsampling, *size, bit_depth)]
    last = max(index for index, unit in enumerate(units) if is_slice(unit))
    coded = tools.coded_size(*size)
    planes: list[np.ndarray] = []
    for tail in _TAILS:
        ended = [*sets, *(unit + tail if index == last else unit for index, unit in enumerate(units))]
        if other:
            again = hevc_libheif.decode_planes(ended, coded, subsampling)
        else:
            again = _decode(join_nal_units(ended), coded, subsampling, bit_depth)
        if planes and not all(map(np.array_equal, planes, again)):
            raise CodecError("the HEVC data are truncated or damaged: the last slice does not end")
        planes = again
    width, height = size
    steps = plane_steps(subsampling)
    return [plane[: -(-height // rows), : -(-width // cols)] for plane, (rows, cols) in zip(planes, steps, strict=True)]


def _needs_libheif(tools: CodingTools, subsampling: str, bit_depth: int) -> bool:
    """Whether libde265 decodes these tools and not FFmpeg; raises `CodecError` where neither does.

    FFmpeg (libavcodec 62.28) decodes lossless blocks with implicit RDPCM wrongly and without an error; libde265 is
    exact.
    """
    if bit_depth not in DECODED_DEPTHS:
        depths = ", ".join(map(str, DECODED_DEPTHS))
        raise CodecError(f"FFmpeg decodes HEVC of {depths} bits, not of {bit_depth}")
    extension = tools.range_extension or RangeExtension()
    if extension.extended_precision or extension.cabac_bypass_alignment:
        raise CodecError("no decoder here takes HEVC with extended_precision or cabac_bypass_alignment")
    if extension.implicit_rdpcm and not hevc_libheif.decodes(subsampling, bit_depth):
        raise CodecError(
            f"HEVC with implicit_rdpcm is decoded in 8-bit grey and 4:4:4 alone, not in {bit_depth}-bit {subsampling}"
        )
    return extension.implicit_rdpcm


def _decode(stream: bytes, coded: tuple[int, int], subsampling: str, bit_depth: int) -> list[np.ndarray]:
    return _decode_each([stream], coded, subsampling, bit_depth)[0]


def _decode_each(
    streams: Sequence[bytes], coded: tuple[int, int], subsampling: str, bit_depth: int
) -> list[list[np.ndarray]]:
    """The planes of pictures of one shape, each coded by itself."""
    av = _av()
    decoder = av.CodecContext.create("hevc", "r")
    decoder.thread_count = 1
    decoder.options = {"err_detect": "explode+crccheck"}
    try:
        frames = [frame for stream in streams for frame in decoder.decode(av.Packet(stream))]
        frames += decoder.decode(None)
    except (av.error.FFmpegError, ValueError) as error:
        raise CodecError(f"the HEVC data are damaged: {error}") from None
    if len(frames) != len(streams) or any(frame.is_corrupt for frame in frames):
        raise CodecError("the HEVC data are damaged: FFmpeg gives no whole picture")
    suffix = f"{bit_depth}le" if bit_depth > 8 else ""
    for frame in frames:
        if (frame.width, frame.height) != coded or frame.format.name != _FORMATS[subsampling] + suffix:
            raise CodecError(f"FFmpeg decoded another picture: {frame.width}x{frame.height} {frame.format.name}")
    return [[plane_samples(plane, bit_depth) for plane in frame.planes] for frame in frames]


def encode_units(
    planes: Sequence[np.ndarray],
    subsampling: str,
    bit_depth: int,
    preset: str,
    parameters: Mapping[str, object],
) -> list[bytes]:
    """Encode one intra picture; the NAL units as x265 writes them, VPS and SPS among them.

    Parameters
    ----------
    planes : sequence of np.ndarray [shape=(height, width), dtype=uint8 or uint16]
        Sides are whole minimum coding blocks and at least `SMALLEST_SIDE` samples of luma.
    subsampling : str
        `grey`, `4:2:0`, `4:2:2` or `4:4:4`.
    bit_depth : int
        8, 10 or 12.
    preset : str
        x265's preset.
    parameters : mapping
        Further parameters of x265, which take precedence. Encoding is in one thread and deterministic.
    """
    return list(split_nal_units(b"".join(_encode_each([planes], subsampling, bit_depth, preset, parameters))))


def _encode_each(
    pictures: Sequence[Sequence[np.ndarray]],
    subsampling: str,
    bit_depth: int,
    preset: str,
    parameters: Mapping[str, object],
) -> list[bytes]:
    """Pictures of one shape, each coded by itself in one session of x265, which is quicker than one session each."""
    av = _av()
    height, width = pictures[0][0].shape
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.time_base = width, height, Fraction(1, 25)
    encoder.pix_fmt = _FORMATS[subsampling] + (f"{bit_depth}le" if bit_depth > 8 else "")
    encoder.thread_count = 1
    settings = {**_STILL, "ctu": min(64, _tree_block(width, height)), **parameters}
    settings["max-tu-size"] = min(32, int(str(settings["ctu"])))
    text = ":".join(f"{name}={value}" for name, value in settings.items())
    encoder.options = {"preset": preset, "x265-params": text}
    packets = []
    try:
        for number, planes in enumerate(pictures):
            frame = av.VideoFrame(width, height, encoder.pix_fmt)
            frame.pts = number
            for target, plane in zip(frame.planes, planes, strict=True):
                samples = np.ascontiguousarray(plane, np.uint8 if bit_depth == 8 else "<u2").view(np.uint8)
                rows = np.frombuffer(target, np.uint8).reshape(target.height, target.line_size)
                rows[:, : samples.shape[1]] = samples
            packets += encoder.encode(frame)
        packets += encoder.encode(None)
    except (av.error.FFmpegError, ValueError) as error:
        raise CodecError(f"x265 refused the picture: {error}") from None
    return [bytes(packet) for packet in packets]


def recode(planes: Sequence[np.ndarray], qp: int, preset: str = "medium") -> list[np.ndarray]:
    """Planes of luma, each coded by itself at a QP and decoded, deblocking and sample adaptive offset included.

    Parameters
    ----------
    planes : sequence of np.ndarray [shape=(height, width), dtype=uint8]
        All of one shape, whose sides are multiples of 8 and at least `SMALLEST_SIDE`.
    qp : int
        0..51, the same in the whole picture.
    preset : str
        x265's preset.

    Returns
    -------
    list of np.ndarray [shape=(height, width), dtype=uint8]
    """
    still = {"qp": qp, "psy-rd": 0, "psy-rdoq": 0}
    streams = _encode_each([[plane] for plane in planes], "grey", 8, preset, still)
    height, width = planes[0].shape
    return [decoded[0] for decoded in _decode_each(streams, (width, height), "grey", 8)]


_STILL = {
    "log-level": "none",
    "info": 0,
    "keyint": 1,
    "repeat-headers": 1,
    "aud": 0,
    "hrd": 0,
    "hash": 0,
    "pools": "none",
    "frame-threads": 1,
    "wpp": 0,
    "ipratio": 1.0,
    "amp": 1,
    "rect": 1,
    "aq-mode": 0,
}
"""One clean still: a single picture, no messages, no threads, the coded QP the one asked for."""


def _tree_block(width: int, height: int) -> int:
    """Largest coding tree block that x265 takes for a picture of that size."""
    side = min(width, height)
    return 64 if side >= 64 else 32 if side >= 32 else 16


@cache
def version() -> str:
    """FFmpeg's and x265's versions, the latter as x265 states it in a stream of its own."""
    av = _av()
    grey = np.zeros((SMALLEST_SIDE, SMALLEST_SIDE), np.uint8)
    units = encode_units([grey], "grey", 8, "ultrafast", {"info": 1})
    texts = [unit.partition(b"x265 (build ")[2] for unit in units]
    words = next((text for text in texts if text), b"unknown").decode("ascii", "replace")
    release = words.partition(" - ")[2].partition(":")[0] or "of unknown version"
    libavcodec = ".".join(map(str, av.library_versions["libavcodec"]))
    return f"x265 {release}, FFmpeg libavcodec {libavcodec} (PyAV {av.__version__})"
