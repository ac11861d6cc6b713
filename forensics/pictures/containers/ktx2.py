"""KTX 2.0 (Khronos): plain 8-bit and BC1 to BC5 and BC7 textures, stored as they are or in Zstandard or Deflate; others
are named and refused.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.format import Format, only_one
from forensics.pictures.samples import Samples, damaged, decoding
from forensics.pictures.stated import Stated

_SIGNATURE = b"\xabKTX 20\xbb\r\n\x1a\n"
_PLAIN = {9: 1, 15: 1, 16: 2, 22: 2, 23: 3, 29: 3, 37: 4, 43: 4}
"""Samples a pixel by VkFormat (R8, R8G8, R8G8B8, R8G8B8A8, UNORM and SRGB)."""
_BLOCKS = {
    131: (1, 8), 132: (1, 8), 133: (1, 8), 134: (1, 8), 135: (2, 16), 136: (2, 16), 137: (3, 16), 138: (3, 16),
    139: (4, 8), 141: (5, 16), 145: (7, 16), 146: (7, 16),
}  # fmt: skip
"""Number of the BC coding and bytes of a block by VkFormat."""


_NOT_READ = (
    (range(143, 145), "BC6H (floating point)"),
    (range(147, 157), "ETC2 or EAC"),
    (range(157, 185), "ASTC"),
    (range(1000054000, 1000054008), "PVRTC"),
    (range(1000066000, 1000066014), "ASTC (HDR)"),
)
"""Codings of other VkFormats."""


def _head(data: bytes) -> tuple[int, int, int, int, int, int, int, int]:
    """VkFormat, width, height, levels, supercompression, and offset, length and raw length of the largest level."""
    kind, _, width, height, depth, _layers, _faces, levels, scheme = struct.unpack_from("<9I", data, 12)
    offset, length, raw = struct.unpack_from("<3Q", data, 80)
    if depth > 1:
        raise PictureError("it holds a texture in depth, which is not read")
    if kind not in _PLAIN and kind not in _BLOCKS:
        raise PictureError(
            f"its KTX2 samples are {_coding(kind, scheme)}, which is not read: transcode it to PNG first"
        )
    if scheme not in (0, 2, 3):
        raise PictureError(f"its KTX2 supercompression is number {scheme}, which is not read: transcode it first")
    return kind, width, max(height, 1), levels, scheme, offset, length, raw


def _coding(kind: int, scheme: int) -> str:
    """How a texture that is not read is coded, by VkFormat (Vulkan 1.3, appendix on formats)."""
    if kind == 0:
        return f"Basis Universal ({'ETC1S' if scheme == 1 else 'UASTC'})"
    return next((name for numbers, name in _NOT_READ if kind in numbers), f"of VkFormat {kind}")


def _stated(data: bytes, which: str) -> Stated:
    only_one(which)
    kind, width, height, levels, _, offset, length, _ = _head(data)
    if offset + length > len(data):
        raise damaged("its largest level reaches past the file")
    coding = f"BC{_BLOCKS[kind][0]}" if kind in _BLOCKS else "none"
    channels = _PLAIN.get(kind, 4)
    facts = {"texture_coding": coding, **({"codec": "texture-bc"} if kind in _BLOCKS else {})}
    colour = "grey" if channels < 3 or coding == "BC4" else "rgb"
    alpha = channels in (2, 4) if kind in _PLAIN else coding in ("BC2", "BC3", "BC7")
    stated = Stated(width, height, 8, colour, alpha, lossy=kind in _BLOCKS, facts=facts)
    if levels > 1:
        stated.notes.append(f"the largest of {levels} levels of the texture was read")
    return stated


def _decode(data: bytes, which: str) -> Samples:
    kind, width, height, _, scheme, offset, length, _ = _head(data)
    size = width * height * _PLAIN[kind] if kind in _PLAIN else -(-width // 4) * -(-height // 4) * _BLOCKS[kind][1]
    level = data[offset : offset + length]
    with decoding("its KTX2 level"):
        import imagecodecs

        if scheme == 2:
            level = bytes(imagecodecs.zstd_decode(level, out=bytearray(size)))
        elif scheme == 3:
            level = zlib.decompressobj().decompress(level, size)
        if len(level) < size:
            raise damaged(f"{100 * len(level) // size} % of the largest level is there")
        if kind in _PLAIN:
            samples = np.frombuffer(level[:size], np.uint8).reshape(height, width, -1)
        else:
            shape = (-(-height // 4) * 4, -(-width // 4) * 4, {4: 1, 5: 2}.get(_BLOCKS[kind][0], 4))
            raw = imagecodecs.bcn_decode(level[:size], _BLOCKS[kind][0], shape=shape)
            samples = np.frombuffer(raw, np.uint8).reshape(shape)[:height, :width]
            if shape[2] == 2:
                samples = np.dstack([samples, np.zeros_like(samples[:, :, 0])])
    return Samples(np.ascontiguousarray(samples[:, :, 0] if samples.shape[2] == 1 else samples))


FORMAT = Format("ktx2", (".ktx2",), lambda data: data[:12] == _SIGNATURE and len(data) >= 104, _stated, _decode)
