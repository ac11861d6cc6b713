"""Encoders that the toolkit never trains on: other makers' encoders of the same formats, for figures on generalisation
alone.

They are kept out of `forensics.codecs.registry`, from which training draws its encoders. Each is a `Codec` whose files
the usual decoder of its class reads. `HELD_OUT` adds the registry's own encoders at settings that the recipes of
training leave out. What is not installed says so.

- FFmpeg's own MJPEG and JPEG 2000 encoders and SVT-AV1, through PyAV; libvpx's VP8 key frame in a WebP container (RFC
  9649, 2.5): a WebP that libwebp did not write.
- libjpeg 6b and 9e and MozJPEG through jpeglib: from version 7 on libjpeg halves chroma in the DCT domain; MozJPEG has
  tables and trellis quantisation of its own.
- libjpeg-turbo's JPEG with 4:1:1, which no recipe draws (Pillow makes 4:2:0 of what it is asked for as 4:1:1).
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from forensics.codecs import registry
from forensics.codecs.base import Availability, Codec, Strength, Switch, Value
from forensics.codecs.scheduling import ordinary_threads
from forensics.errors import CodecError, ForensicsError
from forensics.scratch import scratch_folder


class ForeignEncoder(Codec):
    """An encoder whose files the usual decoder of its class reads."""

    switches: ClassVar[Mapping[str, Switch]] = {}

    def decode(self, data: bytes) -> np.ndarray:
        return registry.get(self.codec).decode(data)


class _PyAv(ForeignEncoder):
    """One picture through an encoder of FFmpeg."""

    encoder: ClassVar[str]
    pixel_format: ClassVar[str]
    full_range: ClassVar[bool] = True

    def availability(self) -> Availability:
        try:
            import av

            av.codec.Codec(self.encoder, "w")
        except (ImportError, ValueError) as error:
            return Availability(False, False, f"PyAV has no encoder {self.encoder} here: {error}")
        return Availability(True, True)

    def version(self) -> str:
        import av

        return f"FFmpeg {self.encoder} (PyAV {av.__version__})"

    def _frame(self, pixels: np.ndarray) -> Any:
        import av
        from av.video.reformatter import ColorRange, Colorspace

        grey = pixels.ndim == 2
        frame = av.VideoFrame.from_ndarray(np.repeat(pixels[:, :, None], 3, axis=2) if grey else pixels, "rgb24")
        if self.pixel_format == "rgb24":
            return frame
        wanted = ColorRange.JPEG if self.full_range else ColorRange.MPEG
        return frame.reformat(
            format=self.pixel_format,
            dst_colorspace=Colorspace.ITU601,
            src_color_range=ColorRange.JPEG,
            dst_color_range=wanted,
        )

    def _packets(self, pixels: np.ndarray, options: Mapping[str, str]) -> bytes:
        import av

        frame = self._frame(pixels)
        context: Any = av.CodecContext.create(self.encoder, "w")
        context.width, context.height, context.time_base = frame.width, frame.height, Fraction(1, 25)
        context.pix_fmt, context.thread_count, context.options = self.pixel_format, 1, dict(options)
        try:
            return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
        except (av.error.FFmpegError, ValueError) as error:
            raise CodecError(f"{self.name} refused the picture: {error}") from None


class FfmpegMjpeg(_PyAv):
    """FFmpeg's own JPEG encoder, with tables of its own: scaled MPEG-1 intra weights."""

    name, codec, suffix = "foreign-ffmpeg-mjpeg", "jpeg", ".jpg"
    encoder, pixel_format = "mjpeg", "yuvj420p"
    strength = Strength("qscale", finest=1, coarsest=31, default=4, integer=True)

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        scale = str(parameters["qscale"])
        return self._packets(
            pixels,
            {
                "flags": "+qscale",
                "qmin": scale,
                "qmax": scale,
                "global_quality": str(118 * int(scale)),
                "huffman": "default",
            },
        )


class FfmpegJpeg2000(_PyAv):
    """FFmpeg's own JPEG 2000 encoder: 9/7 in integers, passes cut off to meet a ratio."""

    name, codec, suffix = "foreign-ffmpeg-jpeg2000", "jpeg2000", ".jp2"
    encoder, pixel_format = "jpeg2000", "rgb24"
    strength = Strength("ratio", finest=3, coarsest=300, default=20, integer=True, logarithmic=True)

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        return self._packets(pixels, {"layer_rates": str(parameters["ratio"]), "pred": "dwt97int", "format": "jp2"})


class SvtAv1(_PyAv):
    """SVT-AV1 in an AVIF container, limited range; avifenc's copy of it is older by some versions."""

    name, codec, suffix = "foreign-svt-av1", "avif", ".avif"
    encoder, pixel_format, full_range = "libsvtav1", "yuv420p", False
    strength = Strength("crf", finest=1, coarsest=63, default=35, integer=True)

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        import av

        os.environ.setdefault("SVT_LOG", "1")  # errors alone; else it writes its settings to standard error
        if pixels.shape[0] % 2 or pixels.shape[1] % 2:
            raise CodecError(f"{self.name} takes even sides alone, not {pixels.shape[1]}x{pixels.shape[0]}")
        frame = self._frame(pixels)
        buffer = io.BytesIO()
        try:
            with av.open(buffer, "w", format="avif") as container:
                stream: Any = container.add_stream(self.encoder, rate=1)
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, self.pixel_format
                stream.codec_context.options = {
                    "crf": str(parameters["crf"]),
                    "preset": "8",
                    "svtav1-params": "avif=1:lp=1",
                }
                stream.codec_context.color_range, stream.codec_context.colorspace = 1, 6
                with ordinary_threads():
                    stream.codec_context.open()
                container.mux([*stream.encode(frame), *stream.encode(None)])
        except (av.error.FFmpegError, ValueError) as error:
            raise CodecError(f"{self.name} refused the picture: {error}") from None
        return buffer.getvalue()


class LibvpxWebP(_PyAv):
    """A VP8 key frame by libvpx, the encoder of WebM, in a WebP container."""

    name, codec, suffix = "foreign-libvpx", "webp", ".webp"
    encoder, pixel_format, full_range = "libvpx", "yuv420p", False
    strength = Strength("quantizer", finest=1, coarsest=63, default=30, integer=True)

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        scale = str(parameters["quantizer"])
        options = {
            "qmin": scale,
            "qmax": scale,
            "b": "1000000000",
            "deadline": "good",
            "cpu-used": "1",
            "auto-alt-ref": "0",
            "lag-in-frames": "0",
        }
        frame = self._packets(pixels, options)
        chunk = b"VP8 " + struct.pack("<I", len(frame)) + frame + b"\0" * (len(frame) % 2)
        return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


class _Jpeglib(ForeignEncoder):
    """One version of libjpeg through jpeglib."""

    codec, suffix = "jpeg", ".jpg"
    strength = Strength("quality", finest=100, coarsest=1, default=75, integer=True)
    library: ClassVar[str]

    def availability(self) -> Availability:
        try:
            import jpeglib
        except ImportError as error:
            return Availability(False, False, f"jpeglib is not installed: {error}")
        if self.library not in jpeglib.version.versions():
            return Availability(False, False, f"jpeglib has no libjpeg {self.library}")
        return Availability(True, True)

    def version(self) -> str:
        return f"libjpeg {self.library} (jpeglib)"

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        import jpeglib

        with jpeglib.version(self.library), scratch_folder() as folder:
            path = Path(folder) / "picture.jpg"
            jpeglib.from_spatial(pixels if pixels.ndim == 3 else pixels[:, :, None]).write_spatial(
                str(path), qt=int(parameters["quality"])
            )
            return path.read_bytes()


class Libjpeg6b(_Jpeglib):
    """The Independent JPEG Group's version 6b."""

    name, library = "foreign-libjpeg-6b", "6b"


class Libjpeg9e(_Jpeglib):
    """The Independent JPEG Group's version 9e, whose chroma is scaled in the DCT."""

    name, library = "foreign-libjpeg-9e", "9e"


class MozJpeg(_Jpeglib):
    """Mozilla's encoder."""

    name, library = "foreign-mozjpeg", "mozjpeg403"


class TurboJpeg411(ForeignEncoder):
    """libjpeg-turbo's JPEG with chroma at a quarter of the width."""

    name, codec, suffix = "foreign-turbojpeg-4:1:1", "jpeg", ".jpg"
    strength = Strength("quality", finest=100, coarsest=1, default=75, integer=True)

    def availability(self) -> Availability:
        return Availability(True, True)

    def version(self) -> str:
        return registry.get("jpeg").version()

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        import imagecodecs

        subsampling = None if pixels.ndim == 2 else "411"
        return bytes(imagecodecs.jpeg8_encode(pixels, level=int(parameters["quality"]), subsampling=subsampling))


_ENCODERS: tuple[type[ForeignEncoder], ...] = (
    FfmpegMjpeg, Libjpeg6b, Libjpeg9e, MozJpeg, TurboJpeg411, FfmpegJpeg2000, LibvpxWebP, SvtAv1,
)  # fmt: skip


@cache
def _by_name() -> dict[str, Codec]:
    return {kind.name: kind() for kind in _ENCODERS}


def names() -> tuple[str, ...]:
    """Names of the foreign encoders."""
    return tuple(_by_name())


def find(name: str) -> Codec | None:
    """The foreign encoder of that name, None for a registry's."""
    return _by_name().get(name)


def codec_of(name: str) -> Codec:
    """A foreign encoder, or that of the registry."""
    return find(name) or registry.get(name)


@dataclass(frozen=True)
class HeldOut:
    """An encoder and settings that training never draws; `variant` names it in the table."""

    variant: str
    fine_class: str
    encoder: str
    switches: Mapping[str, Value] = field(default_factory=dict)


HELD_OUT: tuple[HeldOut, ...] = (
    HeldOut("cjpeg float DCT", "jpeg", "jpeg-cjpeg", {"dct": "float"}),
    HeldOut("tables of Klein", "jpeg", "jpeg", {"tables": "klein"}),
    HeldOut("tables of Peterson", "jpeg", "jpeg", {"tables": "peterson"}),
    HeldOut("FFmpeg MJPEG", "jpeg", FfmpegMjpeg.name),
    HeldOut("libjpeg 6b", "jpeg", Libjpeg6b.name),
    HeldOut("libjpeg 9e", "jpeg", Libjpeg9e.name),
    HeldOut("MozJPEG", "jpeg", MozJpeg.name),
    HeldOut("4:1:1", "jpeg", TurboJpeg411.name),
    HeldOut("FFmpeg JPEG 2000", "jpeg2000", FfmpegJpeg2000.name),
    HeldOut("libvpx VP8", "webp", LibvpxWebP.name),
    HeldOut("cwebp method 1", "webp", "webp-cwebp", {"method": 1}),
    HeldOut("SVT-AV1 (FFmpeg)", "avif", SvtAv1.name),
    HeldOut("aom speed 3", "avif", "avif", {"speed": 3}),
    HeldOut("avifenc rav1e", "avif", "avif-avifenc", {"encoder": "rav1e"}),
    HeldOut("x265 slower", "heic", "heic", {"preset": "slower"}),
    HeldOut("x265 veryfast (BPG)", "bpg", "bpg", {"preset": "veryfast"}),
    HeldOut("effort 9", "jpegxl", "jpegxl", {"effort": 9}),
)  # fmt: skip
"""What the suite `generalization` encodes with in addition to the encoders of training. JPEG XR has one encoder alone,
jxrlib.
"""


def usable(choice: HeldOut) -> str:
    """Why a held-out encoder cannot be used here, empty where it can."""
    try:
        codec = codec_of(choice.encoder)
        codec.complete(choice.switches)
    except ForensicsError as error:
        return str(error)
    state = codec.availability()
    return "" if state.encode and state.decode else state.reason
