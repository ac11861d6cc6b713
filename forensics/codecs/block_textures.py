"""Block textures of games: BC1, BC3 and BC7 by several compressors, ETC1 and ETC2, ASTC; each coded block of 4x4 pixels
by itself.

A file holds the blocks behind a small header of this module (size, format, alignment); the decoders are Pillow's and
texture2ddecoder's. BC7 and ASTC are surrogates of `other-lossy`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import struct
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from forensics.codecs.base import Availability, Codec, Strength, Switch, Value
from forensics.codecs.exchange import library_errors, strength_value, to_grey
from forensics.errors import CodecError

_MAGIC = b"FTEX1"
_HEADER = struct.Struct("<5sBHH")


class Texture(Codec):
    """One texture format by one compressor."""

    suffix = ".texture"
    switches: ClassVar[Mapping[str, Switch]] = {
        "dither": Switch(False, (False, True), "dithering of end points, where the compressor has it")
    }

    def __init__(
        self,
        name: str,
        process: str,
        package: str,
        steps: Strength,
        encode: Callable[..., bytes],
        decode: Callable[..., np.ndarray],
    ) -> None:
        self.name, self.codec, self.strength = name, process, steps  # type: ignore[misc]
        self._package, self._blocks, self._pixels = package, encode, decode

    def availability(self) -> Availability:
        missing = [
            name for name in (*self._package.split(), "texture2ddecoder") if importlib.util.find_spec(name) is None
        ]
        reason = f"{', '.join(missing)} is not installed" if missing else ""
        return Availability(not reason, not reason, reason)

    def version(self) -> str:
        package = {"astc_encoder": "astc-encoder-py", "PIL": "pillow"}.get(self._package, self._package)
        return f"{package} {importlib.metadata.version(package)}"

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        height, width = pixels.shape[:2]
        colour = np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels
        # Mipmapped textures have sides of whole blocks of every format here: 4 and 6 pixels.
        down, right = -height % 12, -width % 12
        rgba = np.full((height + down, width + right, 4), 255, np.uint8)
        rgba[:, :, :3] = np.pad(colour, ((0, down), (0, right), (0, 0)), mode="symmetric")
        with library_errors(self.name, "encode"):
            blocks = self._blocks(rgba, int(strength_value(self, parameters)), bool(parameters["dither"]))
        return _HEADER.pack(_MAGIC, pixels.ndim == 2, height, width) + blocks

    def decode(self, data: bytes) -> np.ndarray:
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise CodecError(f"{self.name}: no texture of this toolkit")
        _, grey, height, width = _HEADER.unpack_from(data)
        with library_errors(self.name, "decode"):
            rgb = self._pixels(data[_HEADER.size :], height + -height % 12, width + -width % 12)
        rgb = np.ascontiguousarray(rgb[:height, :width, :3])
        return to_grey(rgb) if grey else rgb


_ONE = Strength("nothing", 0, 1, 0, integer=True)


def _pillow(rgba: np.ndarray, strength: int, dither: bool) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(rgba).save(buffer, "DDS", pixel_format="DXT1")
    return buffer.getvalue()[128:]


def _etcpak(name: str, *arguments: Any) -> Callable[[np.ndarray, int, bool], bytes]:
    def encode(rgba: np.ndarray, strength: int, dither: bool) -> bytes:
        import etcpak

        data = np.ascontiguousarray(rgba).tobytes()
        chosen = f"{name}_dither" if dither and hasattr(etcpak, f"{name}_dither") else name
        return bytes(getattr(etcpak, chosen)(data, rgba.shape[1], rgba.shape[0]))

    return encode


def _quicktex(rgba: np.ndarray, strength: int, dither: bool) -> bytes:
    # Compiled modules that declare no names: a type checker finds none in them.
    texture = import_module("quicktex").RawTexture.frombytes(rgba.tobytes(), rgba.shape[1], rgba.shape[0])
    return bytes(import_module("quicktex.s3tc.bc1").BC1Encoder(strength).encode(texture).tobytes())


def _astc(rgba: np.ndarray, strength: int, dither: bool) -> bytes:
    import astc_encoder as astc

    config = astc.ASTCConfig(astc.ASTCProfile.LDR, strength, strength, 1, 60.0)
    context = astc.ASTCContext(config)
    picture = astc.ASTCImage(astc.ASTCType.U8, rgba.shape[1], rgba.shape[0], 1, data=rgba.tobytes())
    swizzle = astc.ASTCSwizzle.from_str("RGBA")
    return bytes([strength]) + bytes(context.compress(picture, swizzle))


def _decoded(name: str) -> Callable[[bytes, int, int], np.ndarray]:
    def decode(data: bytes, height: int, width: int) -> np.ndarray:
        import texture2ddecoder

        bgra = np.frombuffer(getattr(texture2ddecoder, name)(data, width, height), np.uint8)
        return bgra.reshape(height, width, 4)[:, :, 2::-1]

    return decode


def _astc_pixels(data: bytes, height: int, width: int) -> np.ndarray:
    import texture2ddecoder

    side = data[0]
    bgra = np.frombuffer(texture2ddecoder.decode_astc(data[1:], width, height, side, side), np.uint8)
    return bgra.reshape(height, width, 4)[:, :, 2::-1]


def encoders() -> list[Codec]:
    """All texture encoders, in a fixed order."""
    bc1 = _decoded("decode_bc1")
    level = Strength("level", 18, 0, 5, integer=True)
    return [
        Texture("bc1-pillow", "texture-bc", "PIL", _ONE, _pillow, bc1),
        Texture("bc1-etcpak", "texture-bc", "etcpak", _ONE, _etcpak("compress_bc1"), bc1),
        Texture("bc1-quicktex", "texture-bc", "quicktex", level, _quicktex, bc1),
        Texture("bc3-etcpak", "texture-bc", "etcpak", _ONE, _etcpak("compress_bc3"), _decoded("decode_bc3")),
        Texture("etc1-etcpak", "texture-etc", "etcpak", _ONE, _etcpak("compress_etc1_rgb"), _decoded("decode_etc1")),
        Texture("etc2-etcpak", "texture-etc", "etcpak", _ONE, _etcpak("compress_etc2_rgb"), _decoded("decode_etc2")),
        Texture("bc7-etcpak", "other-lossy", "etcpak", _ONE, _etcpak("compress_bc7"), _decoded("decode_bc7")),
        Texture("astc", "other-lossy", "astc_encoder", Strength("block", 4, 6, 6, integer=True), _astc, _astc_pixels),
    ]
