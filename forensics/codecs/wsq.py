"""Wavelet scalar quantisation, the format of fingerprints (FBI IAFIS-IC-0110): grey pictures through the package wsq
(NIST's coder).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
from collections.abc import Mapping

import numpy as np

from forensics.codecs.base import Availability, Codec, Strength, Value
from forensics.codecs.exchange import library_errors, to_grey


class Wsq(Codec):
    """WSQ; a colour picture is made grey first, since the format holds one channel."""

    name = "wsq"
    codec = "wsq"
    suffix = ".wsq"
    strength = Strength("nothing", 0, 1, 0, integer=True)
    """The package codes at its own rate."""

    def availability(self) -> Availability:
        reason = "" if importlib.util.find_spec("wsq") else "the package wsq is not installed"
        return Availability(not reason, not reason, reason)

    def version(self) -> str:
        return f"wsq {importlib.metadata.version('wsq')}"

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        from PIL import Image

        with library_errors(self.name, "encode"):
            import wsq  # noqa: F401  (registers the format with Pillow)

            buffer = io.BytesIO()
            grey = pixels if pixels.ndim == 2 else to_grey(pixels)
            Image.fromarray(grey).save(buffer, "WSQ")
        return buffer.getvalue()

    def decode(self, data: bytes) -> np.ndarray:
        from PIL import Image

        with library_errors(self.name, "decode"):
            import wsq  # noqa: F401

            with Image.open(io.BytesIO(data), formats=("WSQ",)) as picture:
                return np.array(picture.convert("L"))
