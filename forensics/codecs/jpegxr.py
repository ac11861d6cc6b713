"""JPEG XR (ITU-T T.832) by jxrlib through imagecodecs, at the encoder's own choice of overlap and subsampling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forensics.codecs.base import Availability, Codec, Strength, Value
from forensics.codecs.exchange import as_picture, imagecodecs_library, library_errors, strength_value
from forensics.errors import CodecError

_SPLIT = 0.5
"""From this level on the encoder takes 4:4:4 and no overlap stage, below it 4:2:0 and two (so its file headers say)."""

_IMAGE_OFFSET, _IMAGE_BYTES, _ALPHA_OFFSET, _ALPHA_BYTES = 0xBCC0, 0xBCC1, 0xBCC2, 0xBCC3
"""Tags of ITU-T T.832 annex A: offset and byte count of the coded picture and of its alpha plane."""


class JpegXr(Codec):
    """JPEG XR at a quality level between 0 and 1; both ends are left out because there the encoder is lossless.

    Below level 0.5 pictures need a width of at least 17 pixels: there the encoder takes two overlap stages and halved
    chroma, which want two macroblocks, and it asks the same of grey pictures.
    """

    name = "jpegxr"
    codec = "jpegxr"
    suffix = ".jxr"
    strength = Strength("level", finest=0.999, coarsest=0.001, default=0.8)

    def availability(self) -> Availability:
        import imagecodecs

        built_in = bool(imagecodecs.JPEGXR.available)
        return Availability(built_in, built_in, "" if built_in else "this imagecodecs is built without jxrlib")

    def version(self) -> str:
        return imagecodecs_library("jxrlib")

    def segments(self, parameters: Mapping[str, Value]) -> tuple[Strength, ...]:
        """The stretch without overlap stage and the one with two; size and similarity jump between them."""
        return (
            Strength("level", finest=self.strength.finest, coarsest=_SPLIT, default=0.8),
            Strength("level", finest=_SPLIT - 0.001, coarsest=self.strength.coarsest, default=0.25),
        )

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        level = strength_value(self, parameters)
        if pixels.shape[1] <= 16 and level < _SPLIT:
            raise CodecError(f"jpegxr: pictures under level 0.5 are 17 pixels wide or more, not {pixels.shape[1]}")
        with library_errors(self.name, "encode"):
            import imagecodecs

            return bytes(imagecodecs.jpegxr_encode(pixels, level=level))

    def decode(self, data: bytes) -> np.ndarray:
        """Decode 8 and 16 bit integer files; the decoder fills up truncated files in silence, so the container is
        read.
        """
        _check_complete(data)
        with library_errors(self.name, "decode"):
            import imagecodecs

            samples = imagecodecs.jpegxr_decode(data)
        return as_picture(samples)


def _check_complete(data: bytes) -> None:
    """Raise `CodecError` unless the file directory and the image data it points to lie within `data` (T.832 Annex
    A).
    """
    if len(data) < 8 or data[:3] != b"II\xbc":
        raise CodecError("jpegxr: not a JPEG XR file: the file header is missing")
    directory = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[directory : directory + 2], "little")
    end = directory + 2 + 12 * count
    if count == 0 or end > len(data):
        raise CodecError("jpegxr: the file is truncated: its directory is not whole")
    tags = dict(_entry(data[at : at + 12]) for at in range(directory + 2, end, 12))
    if _IMAGE_OFFSET not in tags:
        raise CodecError("jpegxr: the file names no image data")
    needed = tags[_IMAGE_OFFSET] + tags.get(_IMAGE_BYTES, 0)
    alpha, alpha_bytes = tags.get(_ALPHA_OFFSET, 0), tags.get(_ALPHA_BYTES, 0)
    # jxrlib writes the end of the alpha plane where the standard has its length.
    needed = max(needed, alpha_bytes if alpha_bytes > alpha else alpha + alpha_bytes)
    if needed > len(data):
        raise CodecError(f"jpegxr: the file is truncated: it states {needed} bytes and has {len(data)}")


def _entry(entry: bytes) -> tuple[int, int]:
    """Tag and value of a directory entry; the type says how many bytes the value has (1 byte, 3 short, else long)."""
    tag, kind = int.from_bytes(entry[:2], "little"), int.from_bytes(entry[2:4], "little")
    return tag, int.from_bytes(entry[8 : 8 + {1: 1, 3: 2}.get(kind, 4)], "little")
