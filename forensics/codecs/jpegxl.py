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
        "decoding_speed": Switch(
            0, (0, 1, 2, 3, 4), "favours fast decoding: fewer filters and transforms as it grows"
        ),
    }

    def availability(self) -> Availability:
        import imagecodecs

        built_in = bool(imagecodecs.JPEGXL.available)
        return Availability(
            built_in, built_in, "" if built_in else "this imagecodecs is built without libjxl"
        )

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
        """Decode the first frame of 8 and 16 bit files; floating-point ones, in [0, 1], are scaled and rounded."""
        with library_errors(self.name, "decode"):
            import imagecodecs

            samples = imagecodecs.jpegxl_decode(data, numthreads=1)
        if samples.dtype.kind == "f":
            if not np.isfinite(samples).all():
                raise CodecError("jpegxl: the file holds samples that are not finite")
            samples = np.round(np.clip(samples.astype(np.float32), 0, 1) * 255).astype(np.uint8)
        return as_picture(samples)
