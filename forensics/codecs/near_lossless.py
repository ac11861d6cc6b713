"""Coders that bound the error of every sample: JPEG-LS with NEAR (ITU-T T.87), near-lossless WebP, LERC."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from forensics.codecs.base import Availability, Codec, Strength, Value
from forensics.codecs.exchange import imagecodecs_library, library_errors, load_with_pillow, strength_value
from forensics.errors import CodecError
from forensics.scratch import scratch_folder


class _Imagecodecs(Codec):
    """A coder of imagecodecs whose strength is the largest error of a sample."""

    def availability(self) -> Availability:
        try:
            import imagecodecs

            works = bool(getattr(imagecodecs, self.name.upper()).available)
        except (ImportError, AttributeError):
            works = False
        reason = "" if works else f"imagecodecs has no {self.name} here"
        return Availability(works, works, reason)

    def version(self) -> str:
        return imagecodecs_library(self.name)

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        import imagecodecs

        with library_errors(self.name, "encode"):
            return bytes(getattr(imagecodecs, f"{self.name}_encode")(pixels, level=strength_value(self, parameters)))

    def decode(self, data: bytes) -> np.ndarray:
        import imagecodecs

        with library_errors(self.name, "decode"):
            return np.ascontiguousarray(getattr(imagecodecs, f"{self.name}_decode")(data))


class JpegLs(_Imagecodecs):
    """JPEG-LS with a largest error of NEAR levels."""

    name = "jpegls"
    codec = "jpeg-ls-near"
    suffix = ".jls"
    strength = Strength("near", 1, 5, 2, integer=True)

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        import imagecodecs

        with library_errors(self.name, "encode"):
            return bytes(imagecodecs.jpegls_encode(pixels, level=int(strength_value(self, parameters))))


class Lerc(_Imagecodecs):
    """LERC with a largest error of some levels."""

    name = "lerc"
    codec = "lerc"
    suffix = ".lerc"
    strength = Strength("error", 1, 6, 2, integer=True)


class WebPNearLossless(Codec):
    """WebP's lossless coder after its near-lossless preprocessing, by the command cwebp."""

    name = "webp-near"
    codec = "webp-near-lossless"
    suffix = ".webp"
    strength = Strength("level", 80, 0, 60, integer=True)

    def availability(self) -> Availability:
        reason = "" if shutil.which("cwebp") else "cwebp is not on PATH (Debian package webp)"
        return Availability(not reason, True, reason)

    def version(self) -> str:
        from forensics.codecs.commands import run_program

        return "cwebp " + run_program("cwebp", ["-version"], ".").stdout.split()[0]

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        from forensics.codecs.commands import complaint, run_program

        with scratch_folder() as folder:
            source, target = Path(folder, "source.png"), Path(folder, "target.webp")
            Image.fromarray(pixels).save(source, compress_level=1)
            level = str(int(strength_value(self, parameters)))
            words = ["-quiet", "-near_lossless", level, "-m", "3", source.name, "-o", target.name]
            done = run_program("cwebp", words, folder)
            if done.returncode != 0 or not target.is_file():
                raise CodecError(f"{self.name}: {complaint(done)}")
            return target.read_bytes()

    def decode(self, data: bytes) -> np.ndarray:
        from PIL.WebPImagePlugin import WebPImageFile

        with library_errors(self.name, "decode"):
            pixels = load_with_pillow(data, WebPImageFile)
        # WebP has no grey: three equal channels were one.
        equal = (
            pixels.ndim == 3
            and np.array_equal(pixels[:, :, 0], pixels[:, :, 1])
            and np.array_equal(pixels[:, :, 1], pixels[:, :, 2])
        )
        return np.ascontiguousarray(pixels[:, :, 0]) if equal else pixels


def encoders() -> list[Codec]:
    """All near-lossless encoders, in a fixed order."""
    return [JpegLs(), WebPNearLossless(), Lerc()]
