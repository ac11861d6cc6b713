"""The size that a coded picture states of itself, for strips and items that lie inside another container."""

from __future__ import annotations

from forensics.codecs import registry
from forensics.errors import PictureError
from forensics.pictures import coded_headers


def of(codec: str, data: bytes) -> tuple[int, int] | None:
    """Width and height, or None for a coding whose header is not read here; raises `PictureError` where it is cut short."""
    if codec in ("jpegxr", "png"):
        return None
    if registry.sniff(data) != codec:
        raise PictureError("the file is damaged: a strip or tile does not start as its coding does")
    stated = coded_headers.READERS[codec](data)
    return stated.width, stated.height
