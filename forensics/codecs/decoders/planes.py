"""The planes that a coded picture holds before a decoder enlarges its chroma and turns it into RGB.

Decoders of one format agree on these samples, save for the last bit of an inverse transform, and differ in what they do
with them. Here the planes are had from FFmpeg (through PyAV) or, for BPG, from its own reader; the chroma is enlarged
by repetition, by a triangle or by a cubic, and the matrix is that of `bpg_colour`, in fixed point with 22 fractional
bits.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forensics.codecs.bpg import colour as bpg_colour
from forensics.codecs.exchange import library_errors, plane_samples
from forensics.codecs.hevc.headers import plane_steps
from forensics.errors import CodecError

FORMATS = {"grey": "gray", "4:2:0": "yuv420p", "4:2:2": "yuv422p", "4:4:4": "yuv444p"}
"""FFmpeg's names of 8-bit pixel formats by subsampling."""

FILTERS = {
    "nearest": (np.array([0, 0, 1, 0, 0], np.int64), 0),
    "bilinear": (np.array([0, 1, 3, 0, 0], np.int64), 2),
    "bicubic": (np.array([-3, 29, 111, -9, 0], np.int64), 7),
}
"""Weights of chroma samples -2..2 around the one at hand for the sample a quarter before it, and the bits of their sum.

Chroma lies between the luma samples; the one a quarter behind takes the weights in reverse. The cubic is that of Keys
with a = -1/2 (doi:10.1109/TASSP.1981.1163711), exact in 1/128.
"""

_MATRICES = {1: "bt709", 2: "ycbcr", 5: "ycbcr", 6: "ycbcr", 9: "bt2020"}
"""Colour spaces by matrix coefficients of H.273 clause 8.3; unspecified is taken as BT.601, as these formats do."""

_UNSPECIFIED, _LIMITED = 0, 1
"""FFmpeg's `AVColorRange`."""


@dataclass(frozen=True)
class CodedPlanes:
    """A decoded picture before its conversion to RGB.

    `samples` are one or three arrays, `np.ndarray [shape=(height, width), dtype=uint8 or uint16]`: luma, Cb, Cr, or G,
    B, R where `colour_space` is `rgb`. `subsampling` is `grey`, `4:2:0`, `4:2:2` or `4:4:4`, `colour_space` as in
    `bpg_colour.to_planes`, `limited` whether luma spans 16..235.
    """

    samples: tuple[np.ndarray, ...]
    subsampling: str
    colour_space: str
    bit_depth: int
    limited: bool

    def cropped(self, height: int, width: int) -> CodedPlanes:
        """The top left part; HEIF pictures are coded in whole blocks and cut to size by their container."""
        have = self.samples[0].shape
        if not (0 <= have[0] - height < 64 and 0 <= have[1] - width < 64):
            raise CodecError(f"FFmpeg decodes {have[1]}x{have[0]} pixels where the file has {width}x{height}")
        steps = plane_steps(self.subsampling)
        samples = (
            plane[: -(-height // rows), : -(-width // columns)]
            for plane, (rows, columns) in zip(self.samples, steps, strict=True)
        )
        return CodedPlanes(tuple(samples), self.subsampling, self.colour_space, self.bit_depth, self.limited)


def read_planes(codec: str, data: bytes) -> CodedPlanes:
    """The planes of a file of the class `jpeg`, `webp`, `avif`, `heic` or `bpg`.

    Raises `CodecError` where the file is damaged, or in a format without a meaning here (such as CMYK),
    `CodecUnavailable` where PyAV is missing. Of a HEIC or AVIF grid it gives one tile.
    """
    if codec == "bpg":
        return _read_bpg(data)
    with library_errors(codec, "decode by FFmpeg"):
        return _from_frame(first_frame(data), codec)


def first_frame(data: bytes) -> Any:
    """The first `av.VideoFrame` of a still picture's file, decoded in one thread."""
    import av

    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        frame = next(container.decode(stream), None)
    if frame is None or frame.is_corrupt:
        raise CodecError("FFmpeg gives no whole picture")
    return frame


def _from_frame(frame: Any, codec: str) -> CodedPlanes:
    name = frame.format.name.replace("yuvj", "yuv").removesuffix("le")
    base = next((known for known in ("gbrp", *FORMATS.values()) if name.startswith(known)), "")
    depth = name[len(base) :] or "8"
    # A file without a statement is a full-range one, save WebP, which is limited by definition (RFC 6386 clause 2).
    limited = frame.color_range == _LIMITED or (codec == "webp" and frame.color_range == _UNSPECIFIED)
    samples = tuple(plane_samples(plane, int(depth)) for plane in frame.planes) if depth.isdigit() else ()
    if base == "gbrp":
        return CodedPlanes(samples, "4:4:4", "rgb", int(depth), limited)
    space = _MATRICES.get(int(frame.colorspace))
    if not samples or not base or space is None:
        raise CodecError(
            f"FFmpeg gives {frame.format.name} with matrix {int(frame.colorspace)}, which has no conversion here"
        )
    subsampling = next(key for key, value in FORMATS.items() if value == base)
    return CodedPlanes(samples, subsampling, space, int(depth), limited)


def _read_bpg(data: bytes) -> CodedPlanes:
    from forensics.codecs.bpg.container import read_file
    from forensics.codecs.hevc import pyav as hevc_pyav

    file = read_file(data)
    header = file.header
    if header.alpha == "white":
        raise CodecError("a BPG picture in CMYK has no three planes to convert")
    size = (header.width, header.height)
    samples = hevc_pyav.decode_planes(file.colour_units, header.tools, header.subsampling, size, header.bit_depth)
    return CodedPlanes(tuple(samples), header.subsampling, header.colour_space, header.bit_depth, header.limited_range)


def enlarge(plane: np.ndarray, shape: Sequence[int], method: str, bit_depth: int) -> np.ndarray:
    """A decimated chroma plane at the size of luma.

    Parameters
    ----------
    plane : np.ndarray [shape=(ceil(height / a), ceil(width / b)), dtype=uint8 or uint16]
        With a and b of 1 or 2; edges are repeated outwards.
    shape : sequence of int
        Height and width of luma.
    method : str
        A name of `FILTERS`.
    bit_depth : int
        Of the samples.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=uint16]
        Rounded once, after both directions.
    """
    weights, bits = FILTERS[method]
    wide, shift = plane.astype(np.int64), 0
    for axis in (0, 1):
        if plane.shape[axis] != shape[axis]:
            wide = _double(wide, weights, axis)
            shift += bits
    wide = (wide + ((1 << shift) >> 1)) >> shift
    return np.clip(wide[: shape[0], : shape[1]], 0, (1 << bit_depth) - 1).astype(np.uint16)


def _double(plane: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    across = np.moveaxis(plane, axis, 0)
    padded = np.pad(across, ((2, 2), (0, 0)), mode="edge")
    taps = [padded[k : k + len(across)] for k in range(5)]
    doubled = np.empty((2 * len(across), across.shape[1]), np.int64)
    doubled[0::2] = sum(weight * tap for weight, tap in zip(weights, taps, strict=True) if weight)
    doubled[1::2] = sum(weight * tap for weight, tap in zip(weights[::-1], taps, strict=True) if weight)
    return np.moveaxis(doubled, 0, axis)


def to_picture(planes: CodedPlanes, method: str) -> np.ndarray:
    """RGB, `np.ndarray [shape=(height, width, 3), dtype=uint8]`, or grey without a third axis, chroma enlarged by
    `method`.
    """
    luma, *chroma = planes.samples
    if not chroma:
        return bpg_colour.plane_to_grey(luma, planes.bit_depth, planes.limited)
    first, second = (enlarge(plane, luma.shape, method, planes.bit_depth) for plane in chroma)
    return bpg_colour.to_rgb(luma, (first, second), "4:4:4", planes.colour_space, planes.bit_depth, planes.limited)
