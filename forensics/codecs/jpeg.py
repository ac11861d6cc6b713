"""JPEG (ITU-T T.81) by libjpeg-turbo through Pillow, with any quality and several families of quantisation tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from forensics.codecs.base import Availability, Codec, Strength, Switch, Value
from forensics.codecs.exchange import (
    library_errors,
    load_with_pillow,
    pillow_feature,
    pillow_version,
    save_with_pillow,
    strength_value,
    to_grey,
)
from forensics.codecs.headers.jpeg import Component, JpegHeader, read_header
from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.errors import CodecError

__all__ = ["Component", "Jpeg", "JpegHeader", "read_header"]

_PADDING = bytes(range(0xAA, 0xEA))
"""Bytes put before the end-of-image marker: a decoder that has its whole picture passes over them, one that lacks data
takes them for the rest and the pixels change."""


class Jpeg(Codec):
    """JPEG, 8 bit, Huffman coded; grey pixels give a grey file whatever the subsampling."""

    name = "jpeg"
    codec = "jpeg"
    suffix = ".jpg"
    strength = Strength("quality", finest=100, coarsest=1, default=75)
    switches: ClassVar[Mapping[str, Switch]] = {
        "subsampling": Switch(
            "4:2:0",
            ("4:2:0", "4:2:2", "4:4:4", "grey", "rgb"),
            "chroma subsampling; grey drops chroma, rgb stores R, G, B without a colour transform",
        ),
        "tables": Switch("standard", tuple(TABLE_FAMILIES), "family of quantisation tables, scaled by the quality"),
        "progressive": Switch(False, (False, True), "several scans of growing accuracy instead of one"),
        "optimize": Switch(False, (False, True), "Huffman tables fitted to the picture; the pixels do not change"),
    }

    def availability(self) -> Availability:
        return Availability(True, True)

    def version(self) -> str:
        turbo = pillow_feature("libjpeg_turbo")
        library = f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {pillow_feature('jpg')}"
        return f"{library} ({pillow_version()})"

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        quality = strength_value(self, parameters)
        subsampling = str(parameters["subsampling"])
        tables = [scaled_table(base, quality).ravel().tolist() for base in TABLE_FAMILIES[str(parameters["tables"])]]
        if subsampling == "grey":
            pixels = to_grey(pixels)
        options: dict[str, object] = {"qtables": tables[:1] if pixels.ndim == 2 else tables}
        if subsampling == "rgb" and pixels.ndim == 3:
            options |= {"keep_rgb": True, "subsampling": "4:4:4"}
        elif pixels.ndim == 3:
            options["subsampling"] = subsampling
        with library_errors(self.name, "encode"):
            return save_with_pillow(
                pixels,
                "JPEG",
                progressive=bool(parameters["progressive"]),
                optimize=bool(parameters["optimize"]),
                **options,
            )

    def decode(self, data: bytes) -> np.ndarray:
        """Decode to RGB or grey; CMYK and YCCK files are converted to RGB as Pillow does.

        Raises `CodecError` on damaged data, on a file that does not reach its end-of-image marker, and on one whose
        last scan stops short of the picture before that marker: the decoder itself would fill up both in silence.
        """
        header = read_header(data)
        if not header.complete:
            raise CodecError("the JPEG file is truncated: its end-of-image marker is not reached in order")
        if not header.width or not header.height:
            raise CodecError(f"the JPEG file states {header.width}x{header.height} pixels")
        with library_errors(self.name, "decode"):
            pixels = _decode(data)
            padded = _decode(data[: header.end - 2] + _PADDING + data[header.end - 2 :])
        if not np.array_equal(pixels, padded):
            raise CodecError("the JPEG file is truncated: its last scan ends before the picture does")
        return pixels


def _decode(data: bytes) -> np.ndarray:
    from PIL.JpegImagePlugin import JpegImageFile

    return load_with_pillow(data, JpegImageFile)
