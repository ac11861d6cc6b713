"""JPEG XL (ISO/IEC 18181) by libjxl through imagecodecs, in its lossy VarDCT mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from forensics.codecs.base import Availability, Codec, Strength, Switch, Value
from forensics.codecs.exchange import as_picture, imagecodecs_library, library_errors, strength_value
from forensics.errors import CodecError


class JpegXl(Codec):
    """JPEG XL at a Butteraugli distance: 1 is visually lossless, larger is stronger."""

    name = "jpegxl"
    codec = "jpegxl"
    suffix = ".jxl"
    strength = Strength("distance", finest=0.05, coarsest=25, default=1, logarithmic=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "effort": Switch(7, tuple(range(1, 11)), "encoder effort, 1 (fast) to 10; more transforms from 5 on"),
        "decoding_speed": Switch(0, (0, 1, 2, 3, 4), "favours fast decoding: fewer filters and transforms as it grows"),
    }

    def availability(self) -> Availability:
        import imagecodecs

        built_in = bool(imagecodecs.JPEGXL.available)
        return Availability(built_in, built_in, "" if built_in else "this imagecodecs is built without libjxl")

    def version(self) -> str:
        return imagecodecs_library("libjxl")

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        distance = strength_value(self, parameters)
        with library_errors(self.name, "encode"):
            import imagecodecs

            encoded = imagecodecs.jpegxl_encode(
                pixels,
                distance=distance,
                lossless=False,
                effort=int(parameters["effort"]),
                decodingspeed=int(parameters["decoding_speed"]),
                numthreads=1,
            )
        return bytes(encoded)

    def decode(self, data: bytes) -> np.ndarray:
        """Decode the first frame of 8 and 16 bit files; floating-point ones, in [0, 1], are scaled and rounded.

        The orientation stated in the file is not applied.
        """
        with library_errors(self.name, "decode"):
            import imagecodecs

            samples = imagecodecs.jpegxl_decode(data, keeporientation=True, numthreads=1)
        if samples.dtype.kind == "f":
            if not np.isfinite(samples).all():
                raise CodecError("jpegxl: the file holds samples that are not finite")
            samples = np.round(np.clip(samples.astype(np.float32), 0, 1) * 255).astype(np.uint8)
        return as_picture(samples, _sample_bits(data) if samples.dtype == np.uint16 else 0)


class _Bits:
    """Reader of a codestream's header, least significant bit first (ISO/IEC 18181-1)."""

    def __init__(self, data: bytes) -> None:
        self.value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        taken = self.value & ((1 << count) - 1)
        self.value >>= count
        return taken

    def skip_size(self) -> None:
        """SizeHeader (ISO/IEC 18181-1): height, aspect ratio and, when that has no code, width."""
        small = self.take(1)
        widths = (5,) * 4 if small else (9, 13, 18, 30)
        self.take(widths[0 if small else self.take(2)])
        if self.take(3) == 0:
            self.take(widths[0 if small else self.take(2)])


def _sample_bits(data: bytes) -> int:
    """Bits of an integer sample from the ImageMetadata bundle (ISO/IEC 18181-1): libjxl gives deep samples in that
    range.
    """
    bits = _Bits(_codestream(data)[2:64])
    bits.skip_size()
    if bits.take(1):
        return 8  # all_default
    if bits.take(1):
        bits.take(3)  # orientation
        if bits.take(1):
            bits.skip_size()  # intrinsic size
        if bits.take(2):
            raise CodecError("jpegxl: animations and previews of more than 8 bits are not read")
    bits.take(1)  # floating point or not
    return (8, 10, 12)[selector] if (selector := bits.take(2)) < 3 else 1 + bits.take(6)


def _codestream(data: bytes) -> bytes:
    """The start of the codestream: the data themselves, or the first codestream box of a container (18181-2)."""
    at = 0
    while data[:2] != b"\xff\x0a" and at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        head = 16 if size == 1 else 8
        if kind in (b"jxlc", b"jxlp"):
            return data[at + head + 4 * (kind == b"jxlp") :]
        at += max(head, int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size)
    return data
