"""From planes to RGB by FFmpeg's swscale, the converter behind many programs that show or transcode pictures.

Its plain conversion repeats chroma and takes sums of table entries; asked for full chroma and accurate rounding it
scales chroma with the filter named, in its own fixed point. It takes decimated chroma to lie on the luma samples of the
even columns, as video has it, so chroma comes out a quarter of its sample away from where JPEG and WebP mean it to be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from forensics.codecs.decoders.planes import FORMATS, CodedPlanes
from forensics.codecs.exchange import library_errors
from forensics.errors import CodecError

METHODS = ("fast", "bilinear", "bicubic")
"""`fast` is the plain conversion; the other two are filters with full chroma and accurate rounding."""

PLAIN = ("plain-bilinear", "plain-bicubic")
"""Further methods: the same filters without full chroma and accurate rounding, PyAV's and FFmpeg's defaults, for
layouts that `fast` has no conversion of its own for."""

_FORMATS = {**FORMATS, "4:4:0": "yuv440p", "4:1:1": "yuv411p", "4:1:0": "yuv410p"}
"""FFmpeg's names of 8-bit pixel formats by subsampling, those of video that no still codec here has among them."""

_SPACES = {"ycbcr": 5, "bt709": 1, "bt2020": 9}
"""swscale's numbers of the matrices (`SWS_CS_*`)."""

_LIMITED, _FULL = 1, 2
"""FFmpeg's `AVCOL_RANGE_MPEG` and `AVCOL_RANGE_JPEG` (libavutil/pixfmt.h)."""


def to_picture(planes: CodedPlanes, method: str) -> np.ndarray:
    """RGB, `np.ndarray [shape=(height, width, 3), dtype=uint8]`, or grey without a third axis.

    Raises `CodecError` for what swscale does not convert: YCgCo, and RGB and grey in the limited range, which it takes
    for full.
    """
    rgb, grey = planes.colour_space == "rgb", planes.subsampling == "grey"
    if (planes.limited and (rgb or grey)) or not (rgb or planes.colour_space in _SPACES):
        extent = "limited" if planes.limited else "full"
        raise CodecError(f"swscale does not convert {planes.subsampling} {planes.colour_space} of {extent} range")
    with library_errors("swscale", "convert"):
        frame = _frame(planes, "gbrp" if rgb else _FORMATS[planes.subsampling])
        space = _SPACES.get(planes.colour_space, 5)
        converted = frame.reformat(
            format="gray" if grey else "rgb24",
            src_colorspace=space,
            dst_colorspace=space,
            interpolation=_flags(method),
            src_color_range=_LIMITED if planes.limited else _FULL,
            dst_color_range=_FULL,
            threads=1,
        )
        return np.ascontiguousarray(converted.to_ndarray())


def _flags(method: str) -> Any:
    from av.video.reformatter import Interpolation

    if method == "fast":
        return Interpolation.POINT
    filters = {"bilinear": Interpolation.BILINEAR, "bicubic": Interpolation.BICUBIC}
    if method in PLAIN:
        return filters[method.removeprefix("plain-")]
    whole = Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND
    return filters[method] | whole


def _frame(planes: CodedPlanes, base: str) -> Any:
    import av

    height, width = planes.samples[0].shape
    deep = planes.bit_depth > 8
    frame: Any = av.VideoFrame(width, height, base + (f"{planes.bit_depth}le" if deep else ""))
    for target, plane in zip(frame.planes, planes.samples, strict=True):
        samples = np.ascontiguousarray(plane, "<u2" if deep else np.uint8).view(np.uint8)
        rows = np.frombuffer(target, np.uint8).reshape(target.height, target.line_size)
        rows[:, : samples.shape[1]] = samples
    return frame
