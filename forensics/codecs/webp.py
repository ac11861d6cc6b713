"""Lossy WebP (RFC 9649, VP8 key frames) by libwebp: through Pillow, and through FFmpeg for the encoder's presets.

`recode` and `recode_colour` are for histories: luma, or a whole picture, re-encoded at a quantiser index.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import ClassVar

import numpy as np

from forensics.codecs.base import Availability, Codec, Strength, Switch, Value
from forensics.codecs.exchange import (
    as_picture,
    library_errors,
    pillow_feature,
    pillow_version,
    save_with_pillow,
    strength_value,
    to_rgb,
)
from forensics.errors import CodecError, CodecUnavailable

_METHOD = 4
"""libwebp's default effort (`WebPConfig.method`, encode.h)."""


class WebP(Codec):
    """Lossy WebP, always 4:2:0; it has no grey mode, so grey pixels are stored and decoded as RGB.

    A preset sets what libwebp offers besides quality and method: spatial noise shaping, the strength and sharpness of
    the loop filter, and preprocessing. Pillow cannot pass these on, FFmpeg's encoder can.
    """

    name = "webp"
    codec = "webp"
    suffix = ".webp"
    strength = Strength("quality", finest=100, coarsest=0, default=75)
    switches: ClassVar[Mapping[str, Switch]] = {
        "method": Switch(_METHOD, (0, 1, 2, 3, 4, 5, 6), "effort, from 0 (fast) to 6"),
        "preset": Switch(
            "default",
            ("default", "picture", "photo", "drawing", "icon"),
            "loop filter strength and sharpness, noise shaping and preprocessing; icon, like libwebp's text, switches "
            "the filter off",
        ),
    }

    def availability(self) -> Availability:
        built_in = bool(pillow_feature("webp"))
        return Availability(built_in, built_in, "" if built_in else "this Pillow is built without libwebp")

    def version(self) -> str:
        return f"libwebp {pillow_feature('webp')} ({pillow_version()})"

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        quality, method = strength_value(self, parameters), int(parameters["method"])
        preset = str(parameters["preset"])
        with library_errors(self.name, "encode"):
            if preset == "default":
                return save_with_pillow(to_rgb(pixels), "WEBP", lossless=False, quality=quality, method=method)
            return _encode_with_preset(to_rgb(pixels), preset, quality, method)

    def decode(self, data: bytes) -> np.ndarray:
        """Decode the first frame to RGB; alpha, which the decoder may add, is dropped."""
        if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
            raise CodecError("webp: not a WebP file: the RIFF header is missing")
        if int.from_bytes(data[4:8], "little") + 8 > len(data):
            raise CodecError("webp: the file is truncated: it is shorter than its RIFF header states")
        with library_errors(self.name, "decode"):
            import imagecodecs

            samples = imagecodecs.webp_decode(data)
        return as_picture(samples)


def _encode_with_preset(pixels: np.ndarray, preset: str, quality: float, method: int) -> bytes:
    """Encode by libwebp in FFmpeg; BGRA goes in, so the colour conversion is libwebp's own."""
    import av

    try:
        context = av.CodecContext.create("libwebp", "w")
    except av.error.FFmpegError as error:
        raise CodecUnavailable("webp: this PyAV is built without libwebp, which presets need") from error
    context.height, context.width = pixels.shape[:2]
    context.pix_fmt = "bgra"
    context.time_base = Fraction(1, 25)
    context.options = {
        "preset": preset,
        "quality": repr(quality),
        "compression_level": str(method),
        "lossless": "0",
    }
    opaque = np.full((*pixels.shape[:2], 1), 255, dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(np.concatenate([pixels[:, :, ::-1], opaque], axis=2), format="bgra")
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


LARGEST_INDEX = 127
"""Of VP8's quantiser indices (RFC 6386, 9.6)."""


def quality_of(index: float) -> float:
    """The quality, 0 to 100, at which libwebp's segments lie about a quantiser index, 0 to 127 (`QualityToCompression`
    of its `quant_enc.c`).
    """
    linear = max(0.0, 1 - (index + 0.5) / LARGEST_INDEX) ** 3
    return 100 * (1.5 * linear if linear < 0.5 else 0.5 + 0.5 * linear)


def recode(plane: np.ndarray, index: float, preset: str) -> tuple[np.ndarray, float]:
    """A plane of luma coded by libwebp and decoded, loop filter included.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
        Luma as VP8 codes it, 16..235.
    index : float
        See `quality_of`.
    preset : str
        A value of the switch `preset`.

    Returns
    -------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
    index : float
        Mean quantiser index over the macroblocks, as the frame's header states it.

    Raises
    ------
    CodecError
        Where FFmpeg has no libwebp.
    """
    from forensics.codecs.headers.vp8 import read_header

    to_luma, to_grey = _grey_levels()
    grey = np.repeat(to_grey[plane][:, :, None], 3, axis=2)
    data = _encode_with_preset(grey, preset, quality_of(index), _METHOD)
    return to_luma[WebP().decode(data)[:, :, 1]], read_header(data).quantizer


def recode_colour(pixels: np.ndarray, index: float) -> np.ndarray:
    """A picture coded by libwebp at its defaults and decoded.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width, 3), dtype=uint8]
    index : float
        See `quality_of`.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=uint8]
    """
    return WebP().decode(WebP().encode(pixels, quality=quality_of(index)))


@cache
def _grey_levels() -> tuple[np.ndarray, np.ndarray]:
    """Luma of every grey level by libwebp's conversion, and a grey level for every luma, `np.ndarray [shape=(256,),
    dtype=uint8]` each.
    """
    to_luma = (56318 * np.arange(256) + (16 << 16) + (1 << 15)) >> 16
    to_grey = np.abs(to_luma[None] - np.arange(256)[:, None]).argmin(axis=1)
    return to_luma.astype(np.uint8), to_grey.astype(np.uint8)
