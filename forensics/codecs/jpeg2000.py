"""JPEG 2000 (ITU-T T.800) by OpenJPEG, aimed at a ratio or a PSNR, and High-Throughput JPEG 2000 (T.814) by OpenJPH."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from forensics.codecs.base import Availability, Codec, Strength, Switch, Value
from forensics.codecs.exchange import (
    as_picture,
    imagecodecs_library,
    library_errors,
    pillow_feature,
    pillow_version,
    save_with_pillow,
    strength_value,
)
from forensics.errors import CodecError, CodecUnavailable

_WAVELET = Switch("9/7", ("9/7", "5/3"), "wavelet: 9/7 quantises, 5/3 is reversible and cut off at the target")
_LEVELS = Switch(5, (1, 2, 3, 4, 5, 6), "wavelet decomposition levels")
_TILE_SIZE = Switch(0, (0, 128, 256, 512), "side of the square tiles in pixels, 0 for one tile")
_COLOUR_TRANSFORM = Switch(True, (True, False), "the codec's own colour transform before the wavelet (RGB only)")
_LAYOUT = {"levels": _LEVELS, "tile_size": _TILE_SIZE, "colour_transform": _COLOUR_TRANSFORM}


class _OpenJpeg(Codec):
    """What both rate controls share; the file is a JP2 container."""

    codec = "jpeg2000"
    suffix = ".jp2"
    switches: ClassVar[Mapping[str, Switch]] = {"wavelet": _WAVELET, **_LAYOUT}

    _quality_mode: str

    def availability(self) -> Availability:
        built_in = bool(pillow_feature("jpg_2000"))
        return Availability(built_in, True, "" if built_in else "this Pillow is built without OpenJPEG")

    def version(self) -> str:
        return f"OpenJPEG {pillow_feature('jpg_2000')} ({pillow_version()})"

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        if not pillow_feature("jpg_2000"):
            raise CodecUnavailable(f"{self.name}: this Pillow is built without OpenJPEG")
        target = strength_value(self, parameters)
        tile, levels = _layout(pixels, parameters)
        options: dict[str, object] = {"tile_size": (tile, tile)} if tile else {}
        with library_errors(self.name, "encode"):
            return save_with_pillow(
                pixels,
                "JPEG2000",
                no_jp2=False,
                quality_mode=self._quality_mode,
                quality_layers=[target],
                irreversible=parameters["wavelet"] == "9/7",
                # Resolutions are the decomposition levels and the lowest band.
                num_resolutions=levels + 1,
                # Left out, the transform is off in Pillow.
                mct=int(bool(parameters["colour_transform"]) and pixels.ndim == 3),
                **options,
            )

    def decode(self, data: bytes) -> np.ndarray:
        """Decode a codestream or JP2 file, High-Throughput block coding included; deep samples are scaled to 8 bits."""
        return _decode(self.name, data)


class Jpeg2000(_OpenJpeg):
    """JPEG 2000 cut off at a compression ratio, met in one encode within about half a percent.

    The ratio is raw bytes (three or one a pixel) to codestream bytes. What a picture cannot fill stays smaller: 9/7
    stops at the quantiser's own step (near 50 dB), 5/3 at lossless, so a fine ratio may come out coarser than asked.
    """

    name = "jpeg2000"
    strength = Strength("ratio", finest=2, coarsest=400, default=20, logarithmic=True)
    _quality_mode = "rates"


class Jpeg2000Psnr(_OpenJpeg):
    """JPEG 2000 cut off at a peak signal-to-noise ratio in dB, as OpenJPEG estimates it in the wavelet domain."""

    name = "jpeg2000-psnr"
    strength = Strength("psnr", finest=50, coarsest=22, default=38)
    _quality_mode = "dB"


class Jpeg2000Ht(Codec):
    """High-Throughput JPEG 2000: the 9/7 wavelet, uniform quantisation and the fast block coder, without rate
    control.
    """

    name = "jpeg2000-ht"
    codec = "jpeg2000"
    suffix = ".j2c"
    strength = Strength("step", finest=0.002, coarsest=0.5, default=0.02, logarithmic=True)
    switches: ClassVar[Mapping[str, Switch]] = _LAYOUT

    def availability(self) -> Availability:
        import imagecodecs

        built_in = bool(imagecodecs.HTJ2K.available)
        return Availability(built_in, True, "" if built_in else "this imagecodecs is built without OpenJPH")

    def version(self) -> str:
        return imagecodecs_library("openjph")

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        step = strength_value(self, parameters)
        tile, levels = _layout(pixels, parameters)
        colour = pixels.ndim == 3
        with library_errors(self.name, "encode"):
            import imagecodecs

            encoded = imagecodecs.htj2k_encode(
                pixels,
                level=step,
                reversible=False,
                resolutions=levels,
                rgb=bool(parameters["colour_transform"]) if colour else None,
                tile=(tile, tile) if tile else None,
            )
        return bytes(encoded)

    def decode(self, data: bytes) -> np.ndarray:
        """Decode with OpenJPEG: OpenJPH's own decoder wraps around at 0 and 255 on lossy files."""
        return _decode(self.name, data)


def _layout(pixels: np.ndarray, parameters: Mapping[str, Value]) -> tuple[int, int]:
    """Tile size (0 where one tile holds the picture) and decomposition levels, as many as the shorter side allows."""
    height, width = pixels.shape[:2]
    tile = int(parameters["tile_size"])
    if tile >= max(height, width):
        tile = 0
    # OpenJPEG wants every tile to keep at least one sample at the lowest resolution.
    shortest = min(height, width, tile or height)
    return tile, min(int(parameters["levels"]), shortest.bit_length() - 1)


def _decode(name: str, data: bytes) -> np.ndarray:
    bits = _sample_bits(name, data)
    with library_errors(name, "decode"):
        import imagecodecs

        samples = imagecodecs.jpeg2k_decode(data, numthreads=1)
    return as_picture(samples, bits)


def _sample_bits(name: str, data: bytes) -> int:
    """Bits of the first component from the SIZ marker segment (T.800 A.5.1)."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(data) < start + 43:
        raise CodecError(f"{name}: cannot decode: no codestream header (SOC and SIZ markers)")
    return (data[start + 42] & 0x7F) + 1
