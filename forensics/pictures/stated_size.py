"""What a coded picture states of itself, for strips and tiles that lie inside another container."""

from __future__ import annotations

from forensics.codecs import registry
from forensics.errors import PictureError
from forensics.pictures import coded_headers
from forensics.pictures.stated import Stated


def of(codec: str, data: bytes) -> Stated | None:
    """Size and lossiness among others, or None for a coding whose header is not read here; raises `PictureError` where
    it is cut short.
    """
    if codec in ("jpegxr", "png"):
        return None
    if registry.sniff(data) != codec:
        raise PictureError("the file is damaged: a strip or tile does not start as its coding does")
    return coded_headers.READERS[codec](data)
