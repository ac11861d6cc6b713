"""One HEVC intra picture through pillow-heif (libde265), for tools that FFmpeg's decoder gets wrong.

libheif decodes files alone and gives RGB alone. So the stream is wrapped in a file of one item (ISO/IEC 23008-12), and
its colour is declared as stored in RGB at full range (`matrix_coefficients` 0: G, B, R): the planes of a 4:4:4 picture
then come out as they are, and so does a grey picture. Decimated chroma cannot be had in this way.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO

import numpy as np

from forensics.codecs.hevc.headers import NAL_SPS, NAL_VPS, PROFILE_RANGE_EXTENSIONS, SUBSAMPLINGS
from forensics.codecs.hevc.stream import NAL_PPS, nal_kind
from forensics.errors import CodecError, CodecUnavailable

_PARAMETER_SETS = (NAL_VPS, NAL_SPS, NAL_PPS)
_IDENTITY = struct.pack(">4sHHHB", b"nclx", 1, 13, 0, 0x80)
"""Colour of the item: BT.709 primaries, sRGB transfer, samples are RGB, full range."""


def decodes(subsampling: str, bit_depth: int) -> bool:
    """Whether planes of this format can be had here."""
    return bit_depth == 8 and subsampling in ("grey", "4:4:4")


def decode_planes(units: Sequence[bytes], coded: tuple[int, int], subsampling: str) -> list[np.ndarray]:
    """The uncropped planes, `np.ndarray [shape=(height, width), dtype=uint8]`, of one 8-bit intra picture.

    Parameters
    ----------
    units : sequence of bytes
        All NAL units, parameter sets among them.
    coded : tuple of int
        Width and height as the SPS says.
    subsampling : str
        `grey` or `4:4:4`.

    Raises
    ------
    CodecError
        libde265 refused the picture.
    CodecUnavailable
        pillow-heif is not installed.
    """
    try:
        import pillow_heif
    except ImportError as error:
        raise CodecUnavailable(f"HEVC with implicit_rdpcm needs pillow-heif ({error})") from None
    try:
        picture = np.asarray(pillow_heif.open_heif(BytesIO(_heif_file(units, coded, subsampling))))
    except (RuntimeError, ValueError, SyntaxError, OSError, EOFError) as error:
        raise CodecError(f"the HEVC data are damaged: {error}") from None
    if picture.shape[:2] != coded[::-1] or picture.dtype != np.uint8:
        raise CodecError(f"libde265 decoded another picture: {picture.shape} {picture.dtype}")
    if subsampling == "grey":
        return [picture if picture.ndim == 2 else picture[:, :, 0]]
    return [picture[:, :, channel] for channel in (1, 2, 0)]


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full_box(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)


def _heif_file(units: Sequence[bytes], coded: tuple[int, int], subsampling: str) -> bytes:
    samples = [unit for unit in units if nal_kind(unit) not in _PARAMETER_SETS]
    data = b"".join(struct.pack(">I", len(sample)) + sample for sample in samples)
    brands = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    configuration = _configuration(units, subsampling)
    offset = len(brands) + len(_meta(configuration, coded, 0, len(data))) + 8
    return brands + _meta(configuration, coded, offset, len(data)) + _box(b"mdat", data)


def _configuration(units: Sequence[bytes], subsampling: str) -> bytes:
    """`HEVCDecoderConfigurationRecord` of an 8-bit picture (ISO/IEC 14496-15 clause 8.3.2.1)."""
    profile = struct.pack(">BBIHIB", 1, PROFILE_RANGE_EXTENSIONS, 1 << (31 - PROFILE_RANGE_EXTENSIONS), 0x9000, 0, 255)
    chroma = 0xFC | SUBSAMPLINGS.index(subsampling)
    record = profile + struct.pack(">HBBBBHB", 0xF000, 0xFC, chroma, 0xF8, 0xF8, 0, 0x0F)
    arrays = []
    for kind in _PARAMETER_SETS:
        sets = [unit for unit in units if nal_kind(unit) == kind]
        entries = b"".join(struct.pack(">H", len(unit)) + unit for unit in sets)
        arrays.append(struct.pack(">BH", 0x80 | kind, len(sets)) + entries)
    return record + bytes([len(arrays)]) + b"".join(arrays)


def _meta(configuration: bytes, coded: tuple[int, int], offset: int, length: int) -> bytes:
    """The `meta` box of one HEVC item whose data lie at `offset` of the file."""
    properties = _box(
        b"ipco",
        _box(b"hvcC", configuration),
        _full_box(b"ispe", struct.pack(">II", *coded)),
        _box(b"colr", _IDENTITY),
    )
    associations = _full_box(b"ipma", struct.pack(">IHBBBB", 1, 1, 3, 0x81, 2, 3))
    return _full_box(
        b"meta",
        _full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
        _full_box(b"pitm", struct.pack(">H", 1)),
        _full_box(b"iloc", b"\x44\x00", struct.pack(">HHHHII", 1, 1, 0, 1, offset, length)),
        _full_box(
            b"iinf",
            struct.pack(">H", 1),
            _full_box(b"infe", struct.pack(">HH4sB", 1, 0, b"hvc1", 0), version=2),
        ),
        _box(b"iprp", properties, associations),
    )
