"""DDS, DirectDraw surfaces: the largest level of block-compressed (BC1 to BC5, BC7) and plain textures, by Pillow."""

from __future__ import annotations

import io
import struct

from forensics.errors import PictureError
from forensics.pictures.format import Format, only_one
from forensics.pictures.pillow_samples import in_strips
from forensics.pictures.samples import Samples, damaged, decoding
from forensics.pictures.stated import Stated

_FOURCC = {
    b"DXT1": ("BC1", 8),
    b"DXT2": ("BC2", 16),
    b"DXT3": ("BC2", 16),
    b"DXT4": ("BC3", 16),
    b"DXT5": ("BC3", 16),
    b"ATI1": ("BC4", 8),
    b"BC4U": ("BC4", 8),
    b"BC4S": ("BC4 signed", 8),
    b"ATI2": ("BC5", 16),
    b"BC5U": ("BC5", 16),
    b"BC5S": ("BC5 signed", 16),
}
_DXGI = {
    70: ("BC1", 8),
    71: ("BC1", 8),
    72: ("BC1", 8),
    73: ("BC2", 16),
    74: ("BC2", 16),
    75: ("BC2", 16),
    76: ("BC3", 16),
    77: ("BC3", 16),
    78: ("BC3", 16),
    79: ("BC4", 8),
    80: ("BC4", 8),
    81: ("BC4 signed", 8),
    82: ("BC5", 16),
    83: ("BC5", 16),
    84: ("BC5 signed", 16),
    94: ("BC6H", 16),
    95: ("BC6H", 16),
    96: ("BC6H", 16),
    97: ("BC7", 16),
    98: ("BC7", 16),
    99: ("BC7", 16),
}
"""Coding and bytes of a 4x4 block by DXGI_FORMAT."""
_ALPHA, _HAS_CODE, _RGB, _LUMINANCE = 1, 4, 0x40, 0x20000
"""Flags of `DDS_PIXELFORMAT.dwFlags` (Direct3D's reference of DDS)."""


def _kind(data: bytes) -> tuple[str, int, int]:
    """Coding by name (empty for plain samples), bytes of a block (bits of a sample where plain), offset of the data."""
    flags, code, bits = struct.unpack_from("<I4sI", data, 80)
    if flags & _HAS_CODE and code == b"DX10":
        (number,) = struct.unpack_from("<I", data, 128)
        if number in _DXGI:
            return (*_DXGI[number], 148)
        if number in (28, 29, 87, 91):
            return "", 32, 148
        raise PictureError(f"its DDS format is number {number}, which is not read")
    if flags & _HAS_CODE:
        if code in _FOURCC:
            return (*_FOURCC[code], 128)
        raise PictureError(f"its DDS coding is {code.decode('latin-1')!r}, which is not read")
    if flags & (_RGB | _LUMINANCE) and bits in (8, 16, 24, 32):
        return "", bits, 128
    raise PictureError("its DDS samples are of a kind that is not read")


def _stated(data: bytes, which: str) -> Stated:
    only_one(which)
    height, width = struct.unpack_from("<II", data, 12)
    (levels,) = struct.unpack_from("<I", data, 28)
    coding, size, start = _kind(data)
    if coding.startswith("BC6H") or coding.endswith("signed"):
        raise PictureError(f"it holds {coding} samples, which are not analysed")
    need = -(-width // 4) * -(-height // 4) * size if coding else width * height * size // 8
    if len(data) < start + need:
        raise damaged(f"{100 * max(len(data) - start, 0) // max(need, 1)} % of the first level is there")
    facts = {"texture_coding": coding or "none", **({"codec": "texture-bc"} if coding else {})}
    (flags,) = struct.unpack_from("<I", data, 80)
    alpha = bool(flags & _ALPHA) or coding in ("BC2", "BC3", "BC7")
    colour = "grey" if coding == "BC4" or (not coding and flags & _LUMINANCE) else "rgb"
    stated = Stated(width, height, 8, colour, alpha, lossy=bool(coding), facts=facts)
    if levels > 1:
        stated.notes.append(f"the largest of {levels} levels of the texture was read")
    if struct.unpack_from("<I", data, 112)[0] & 0xFE00:
        stated.notes.append("the first face of a cube map was read")
    return stated


def _decode(data: bytes, which: str) -> Samples:
    with decoding("its DDS data"):
        from PIL import DdsImagePlugin

        with DdsImagePlugin.DdsImageFile(io.BytesIO(data)) as image:
            image.load()
            if image.mode not in ("L", "LA", "RGB", "RGBA"):
                samples = in_strips(image.convert("RGBA" if "A" in image.mode else "RGB"))
            else:
                samples = in_strips(image)
    return Samples(samples, facts={"integrity": "lengths were checked; nothing in a texture could tell damage"})


FORMAT = Format("dds", (".dds",), lambda data: data[:4] == b"DDS " and len(data) >= 128, _stated, _decode)
