"""Which container a file is, by its content, and what its header states: the entry point for every format that is read.

Raster containers (PNG, TIFF, BMP, GIF, PNM) are read here; coded ones in `coded_headers`. Nothing is decoded. What a
header can prove is checked: that the file is whole, that its samples are of a kind that can be analysed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from forensics.codecs import registry
from forensics.errors import CodecUnavailable, PictureError
from forensics.pictures import (
    bmp_file,
    coded_headers,
    formats,
    gif_file,
    heif_file,
    png_file,
    pnm_file,
    tiff_file,
    unread,
)
from forensics.pictures.stated import Stated

SUFFIXES = {
    "png": (".png",),
    "tiff": (".tif", ".tiff", ".btf", ".tf8", ".dng"),
    "bmp": (".bmp", ".dib"),
    "gif": (".gif",),
    "pnm": (".ppm", ".pgm", ".pbm", ".pnm"),
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "jpeg2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jph", ".jhc"),
    "jpegxr": (".jxr", ".wdp", ".hdp"),
    "bpg": (".bpg",),
    "webp": (".webp",),
    "avif": (".avif", ".avifs"),
    "heic": (".heic", ".heif", ".hif"),
    "jpegxl": (".jxl",),
}
"""File suffixes that fit each format; the first is the usual one."""


def sniff(data: bytes) -> str:
    """Name of the format (a key of `SUFFIXES`) by its signature; raises `PictureError` for anything else.

    Examples
    --------
    >>> from forensics.pictures.container import sniff
    >>> sniff(b"\\x89PNG\\r\\n\\x1a\\n" + bytes(16))
    'png'
    """
    if not data:
        raise PictureError("the file is empty")
    if data[128:132] == b"DICM":  # the preamble before it may look like a TIFF (PS3.10 clause 7.1)
        return "dicom"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:2] == b"BM" and data[14:15] in (b"\x0c", b"\x10", b"\x28", b"\x34", b"\x38", b"\x40", b"\x6c", b"\x7c"):
        return "bmp"
    if bmp_file.is_headless(data):
        return "bmp"
    if re.match(rb"P[1-6]\s", data[:3]):
        return "pnm"
    if re.match(rb"P[Ff]\s", data[:3]):
        raise PictureError("PFM pictures hold floating-point samples; save it with 8 or 16 bits a sample")
    if data[:42] == b"version https://git-lfs.github.com/spec/v1":
        raise PictureError("it is a Git LFS pointer, not the picture itself: fetch it with git lfs pull")
    if data[4:12] == b"ftypcrx ":  # a raw photograph in the boxes of HEIF
        raise PictureError(unread.named(data))
    codec = registry.sniff(data)
    if codec is None and heif_file.is_heif(data):
        return heif_file.coding_of(data)
    # JPEG-LS has JPEG's signature, WebP and AVI the same outer one: what is more exact goes first.
    further = formats.find(data) if codec in (None, "jpeg") else None
    if further is not None:
        return further.name
    if codec is None and data[:2] == b"\xff\xd8":
        return "jpeg"
    if codec is None:
        raise PictureError(
            unread.named(data) or f"not a picture in a format that can be read ({', '.join(suffixes())})"
        )
    return registry.get(codec).codec


def suffixes() -> dict[str, tuple[str, ...]]:
    """Suffixes of all formats that are read, by name; the first is the usual one."""
    return {**SUFFIXES, **formats.suffixes()}


def suffixes_of(name: str) -> tuple[str, ...]:
    """Suffixes of one format, the usual one first; further containers are loaded where it is one of theirs alone."""
    return SUFFIXES[name] if name in SUFFIXES else formats.suffixes()[name]


def read_stated(data: bytes, frame: str = "") -> tuple[str, Stated]:
    """Format name and what the header states; raises `PictureError` when there is no picture to analyse."""
    name = sniff(data)
    further = formats.get(name) if name not in SUFFIXES else None
    try:
        if further is not None:
            stated = further.stated(data, frame)
        elif name == "tiff":
            stated = tiff_file.stated(data, frame)
        else:
            stated = (_RASTER.get(name) or coded_headers.READERS[name])(data)
    except (struct.error, IndexError, OverflowError):
        raise PictureError(f"the file is truncated: its {name} header is cut short") from None
    except CodecUnavailable as error:
        raise PictureError(f"{name} files cannot be read here: {error}") from None
    except (PictureError, MemoryError):
        raise
    except Exception:  # headers may hold anything, and libraries raise what they like on it
        raise PictureError(f"the file is damaged: its {name} header cannot be read") from None
    if stated.width < 1 or stated.height < 1:
        raise PictureError(f"the header states a size of {stated.width}x{stated.height}")
    if stated.colour in _REFUSED_COLOURS or stated.colour.endswith(" components"):
        raise PictureError(
            f"it holds {stated.colour.upper() if len(stated.colour) == 4 else stated.colour} samples; "
            "the traces are defined on RGB and grey: convert it first"
        )
    return name, stated


_REFUSED_COLOURS = (
    "cmyk",
    "lab",
    "icclab",
    "itulab",
    "logluv",
    "logl",
    "cfa",
    "linear raw",
    "depth",
    "n-component",
    "rgbe",
    "e-sycc",
)


_RASTER: dict[str, Callable[[bytes], Stated]] = {
    "png": png_file.stated,
    "bmp": bmp_file.stated,
    "gif": gif_file.stated,
    "pnm": pnm_file.stated,
}
