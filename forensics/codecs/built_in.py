"""The codecs that come with this package: one for each class, then their variants."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from forensics.codecs.base import Codec

BUILT_IN = {
    "jpeg": "jpeg:Jpeg",
    "jpeg2000": "jpeg2000:Jpeg2000",
    "jpegxr": "jpegxr:JpegXr",
    "bpg": "bpg.codec:Bpg",
    "webp": "webp:WebP",
    "avif": "avif:Avif",
    "heic": "heic:Heic",
    "jpegxl": "jpegxl:JpegXl",
    "jpeg2000-psnr": "jpeg2000:Jpeg2000Psnr",
    "jpeg2000-ht": "jpeg2000:Jpeg2000Ht",
}
"""Registry name: module and class; the first eight are the codec that stands for each class."""


@cache
def built_in(name: str) -> Codec:
    """The codec of that registry name, its module imported now; raises `KeyError` for a name that is not in
    `BUILT_IN`.
    """
    module, _, class_name = BUILT_IN[name].partition(":")
    codec: Codec = getattr(import_module(f"forensics.codecs.{module}"), class_name)()
    return codec
