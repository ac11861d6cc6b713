"""Which container a file is, by its content, and what its header states: the entry point for every format that is read.

Raster containers (PNG, TIFF, BMP, GIF, PNM) are read here; coded ones in `coded_headers`. Nothing is decoded. What a header
can prove is checked: that the file is whole, that its samples are of a kind that can be analysed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

from forensics.codecs import registry
from forensics.errors import PictureError
from forensics.pictures import coded_headers, formats, gif_file, tiff_header
from forensics.pictures.coded_headers import Stated

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
    """Name of the format (a key of `SUFFIXES`) by its signature; raises `PictureError` for anything else."""
    if not data:
        raise PictureError("the file is empty")
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:2] == b"BM" and data[14:15] in (b"\x0c", b"\x28", b"\x34", b"\x38", b"\x40", b"\x6c", b"\x7c"):
        return "bmp"
    if re.match(rb"P[1-6]\s", data[:3]):
        return "pnm"
    if re.match(rb"P[Ff]\s", data[:3]):
        raise PictureError("PFM pictures hold floating-point samples; save it with 8 or 16 bits a sample")
    if data[:42] == b"version https://git-lfs.github.com/spec/v1":
        raise PictureError("it is a Git LFS pointer, not the picture itself: fetch it with git lfs pull")
    codec = registry.sniff(data)
    # JPEG-LS has JPEG's signature, WebP and AVI the same outer one: what is more exact goes first.
    further = formats.find(data) if codec in (None, "jpeg") else None
    if further is not None:
        return further.name
    if codec is None and data[:2] == b"\xff\xd8":
        return "jpeg"
    if codec is None:
        raise PictureError(f"not a picture in a format that can be read ({', '.join(suffixes())})")
    return registry.get(codec).codec


def suffixes() -> dict[str, tuple[str, ...]]:
    """Suffixes of all formats that are read, by name; the first is the usual one."""
    return {**SUFFIXES, **formats.suffixes()}


def read_stated(data: bytes, frame: str = "") -> tuple[str, Stated]:
    """Format name and what the header states; raises `PictureError` when there is no picture to analyse."""
    name = sniff(data)
    further = formats.get(name) if name not in SUFFIXES else None
    try:
        if further is not None:
            stated = further.stated(data, frame)
        elif name == "tiff":
            stated = _tiff(data, frame)
        else:
            stated = (_RASTER.get(name) or coded_headers.READERS[name])(data)
    except (struct.error, IndexError, OverflowError):
        raise PictureError(f"the file is truncated: its {name} header is cut short") from None
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
)


def _png(data: bytes) -> Stated:
    from forensics.pictures import png_file

    png = png_file.read(data)
    colour = png_file.COLOURS[png.colour]
    return Stated(
        png.width, png.height, png.depth, colour, png.transparent, png.frames, False, png.orientation, png.facts
    )


def _tiff(data: bytes, frame: str = "") -> Stated:
    """The directory of the picture that is read; what its samples are must be of a kind that can be analysed."""
    from forensics.pictures import tiff_file

    picture = tiff_file.read(data, frame)
    tags = picture.tags
    depth = tags.value(tiff_header.BITS, 1)
    sample_format = tags.value(tiff_header.SAMPLE_FORMAT, 1)
    if sample_format == 3:
        raise PictureError(f"it holds {depth}-bit floating-point samples; save it with 8 or 16 bits a sample")
    if sample_format not in (1, 4) or not 1 <= depth <= 16:
        kind = "signed" if sample_format == 2 else "unsigned" if sample_format in (1, 4) else "complex"
        raise PictureError(f"it holds {kind} {depth}-bit samples; TIFF pictures are read with 1 to 16 unsigned bits")
    coding = tags.value(tiff_header.COMPRESSION, 1)
    compression = tiff_file.COMPRESSIONS.get(coding, f"number {coding}")
    facts: dict[str, Any] = {"compression": compression}
    if compression in tiff_file.CODECS or compression == "LERC":
        facts["codec"] = tiff_file.CODECS.get(compression, "lerc")
    if tiff_header.ICC in tags.tags:
        facts["icc_profile"] = True
    if picture.previews:
        facts["reduced_pictures"] = picture.previews
    samples, photometric = tags.value(tiff_header.SAMPLES, 1), picture.photometric
    colour = tiff_file.COLOURS.get(photometric, f"photometric {photometric}")
    orientation = tags.value(tiff_header.ORIENTATION, 1)
    return Stated(
        width=tags.value(tiff_header.WIDTH),
        height=tags.value(tiff_header.HEIGHT),
        bit_depth=depth,
        colour=colour,
        alpha=samples in (2, 4) and tiff_header.EXTRA_SAMPLES in tags.tags,
        pages=picture.pages,
        lossy=None if compression in tiff_file.CODECS or compression == "LERC" else False,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        facts=facts,
        notes=[picture.note] if picture.note else [],
    )


def _bmp(data: bytes) -> Stated:
    from forensics.pictures import bmp_file

    header = bmp_file.read_header(data)
    if header.embedded:
        inner = read_stated(data[header.pixels :])[1]
        inner.facts["inside"] = header.embedded
        return inner
    masks = [bin(mask).count("1") for mask in header.masks]
    depth = header.bits if header.bits <= 8 else 8 if header.bits == 24 else max(masks)
    colour = "palette" if header.bits <= 8 else "rgb"
    return Stated(header.width, header.height, depth, colour, bool(header.masks[3]), lossy=False)


_PNM_HEAD = re.compile(rb"P([1-6])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})((?:\s|#[^\n]*\n)+(\d{1,5}))?\s")


def _pnm(data: bytes) -> Stated:
    kind, width, height, maximum, start = pnm_head(data)
    depth = 1 if kind in (1, 4) else max(8, maximum.bit_length())
    samples = width * (3 if kind in (3, 6) else 1)
    row = (width + 7) // 8 if kind == 4 else samples * (2 if maximum > 255 else 1)
    need = start + (height * row if kind >= 4 else height * samples)
    if need > len(data):
        raise PictureError(f"the file is truncated: PNM needs {need} bytes and {len(data)} are there")
    colour = {1: "bilevel", 4: "bilevel", 3: "rgb", 6: "rgb"}.get(kind, "grey")
    return Stated(width, height, depth, colour, lossy=False)


def pnm_head(data: bytes) -> tuple[int, int, int, int, int]:
    """Kind 1..6, width, height, largest value and offset of the samples of a PNM file."""
    match = _PNM_HEAD.match(data[:4096])
    if match is None:
        raise PictureError("the file is truncated or damaged: no PNM header")
    kind = int(match[1])
    bilevel = kind in (1, 4)
    if not bilevel and match[5] is None:
        raise PictureError("the file is truncated or damaged: no PNM header")
    maximum = 1 if bilevel else int(match[5])
    if not 0 < maximum < 65_536:
        raise PictureError(f"the PNM's largest value is 1 to 65535, not {maximum}")
    return kind, int(match[2]), int(match[3]), maximum, match.end(3) + 1 if bilevel else match.end()


_RASTER: dict[str, Callable[[bytes], Stated]] = {
    "png": _png,
    "tiff": _tiff,
    "bmp": _bmp,
    "gif": gif_file.stated,
    "pnm": _pnm,
}
