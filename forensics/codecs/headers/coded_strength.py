"""How strongly a coded file was quantised and in which colour space, read from its bit stream without decoding it.

The numbers are the codecs' own: HEVC's slice QP (ITU-T H.265), AV1's `base_q_idx`, VP8's `y_ac_qi`. They are what
parameter recovery from pixels is trained and judged against, and facts of the container for a picture that arrives as
such a file.
"""

from __future__ import annotations

from collections.abc import Callable

from forensics.codecs.base import Value
from forensics.codecs.bpg import container as bpg_container
from forensics.codecs.headers import av1 as av1_header
from forensics.codecs.headers import heif as heif_items
from forensics.codecs.headers import vp8 as vp8_header
from forensics.codecs.hevc.headers import NAL_SPS
from forensics.codecs.hevc.stream import NAL_PPS, nal_kind, read_pps, read_slice_qp, read_sps
from forensics.errors import CodecError

MATRICES = {0: "rgb", 1: "bt709", 2: "bt601", 5: "bt601", 6: "bt601", 8: "ycgco", 9: "bt2020"}
"""Matrix coefficients of ITU-T H.273 by name; unspecified (2) is read as BT.601, as decoders of still pictures do."""


def read(codec: str, data: bytes) -> dict[str, Value]:
    """What a file of a class states of its own strength and colour coding.

    Parameters
    ----------
    codec : str
        A class out of `READERS`; another one gives an empty result.
    data : bytes

    Returns
    -------
    dict of str to value
        `quantizer` (HEVC: QP 0..51, and below 0 for deep samples; AV1: 0..255; VP8: 0..127, the mean over segments),
        and where they apply `chroma_subsampling`, `colour_matrix`, `full_range`, `filter_level` (VP8, 0..63),
        `filter_sharpness` (0..7), `tiles`.

    Raises
    ------
    CodecError
        The file is damaged, or uses parts of its standard that are not read.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.codecs import registry
    >>> from forensics.codecs.headers import coded_strength
    >>> data = registry.get("webp").encode(np.full((64, 64, 3), 120, np.uint8), quality=50)
    >>> coded_strength.read("webp", data)["chroma_subsampling"]
    '4:2:0'
    """
    reader = READERS.get(codec)
    return reader(data) if reader else {}


def _webp(data: bytes) -> dict[str, Value]:
    header = vp8_header.read_header(data)
    return {
        "quantizer": round(header.quantizer, 2),
        "filter_level": round(header.filter_level, 2),
        "filter_sharpness": header.sharpness,
        "chroma_subsampling": "4:2:0",
    }


def _bpg(data: bytes) -> dict[str, Value]:
    header = bpg_container.read_file(data).header
    facts: dict[str, Value] = {
        "chroma_subsampling": header.subsampling,
        "colour_matrix": "bt601" if header.colour_space == "ycbcr" else header.colour_space,
        "full_range": not header.limited_range,
    }
    return facts if header.slice_qp is None else {"quantizer": header.slice_qp, **facts}


def _avif(data: bytes) -> dict[str, Value]:
    items = heif_items.read_items(data)
    coded = heif_items.coded_items(items, b"av01")
    if not coded:
        raise CodecError("avif: the file holds no AV1 picture")
    header = av1_header.read_header(items.data[coded[0]])
    sequence = header.sequence
    matrix, full = _stated_colour(items, coded[0]) or (sequence.matrix, sequence.full_range)
    return {
        "quantizer": header.quantizer,
        **({} if header.lossless is None else {"lossless_coding": header.lossless}),
        "chroma_subsampling": sequence.subsampling,
        "colour_matrix": MATRICES.get(matrix, str(matrix)),
        "full_range": full,
        "tiles": max(1, sum(1 for kind in items.kinds.values() if kind == b"av01") if _is_grid(items) else 1),
    }


def _heic(data: bytes) -> dict[str, Value]:
    items = heif_items.read_items(data)
    coded = heif_items.coded_items(items, b"hvc1")
    if not coded:
        raise CodecError("heic: the file holds no HEVC picture")
    configuration = next((body for kind, body in items.properties.get(coded[0], []) if kind == b"hvcC"), b"")
    units = _parameter_sets(configuration)
    sps = next((read_sps(unit) for unit in units if nal_kind(unit) == NAL_SPS), None)
    pps = next((read_pps(unit) for unit in units if nal_kind(unit) == NAL_PPS), None)
    if sps is None or pps is None:
        raise CodecError("heic: the file holds no HEVC parameter sets")
    facts: dict[str, Value] = {"chroma_subsampling": sps.subsampling, "tiles": len(coded) if _is_grid(items) else 1}
    stated = _stated_colour(items, coded[0]) or _stated_colour(items, items.primary)
    if stated:
        facts.update(colour_matrix=MATRICES.get(stated[0], str(stated[0])), full_range=stated[1])
    for unit in _length_prefixed(items.data[coded[0]], (configuration[21] & 3) + 1):
        qp = read_slice_qp(unit, pps, sps.tools, sps.subsampling)
        if qp is not None:
            return {"quantizer": qp, **facts}
    return facts


def _is_grid(items: heif_items.Items) -> bool:
    return items.kinds.get(items.primary) == b"grid"


def _stated_colour(items: heif_items.Items, number: int) -> tuple[int, bool] | None:
    """Matrix coefficients and full range of an item's `nclx` property."""
    for kind, body in items.properties.get(number, []):
        if kind == b"colr" and body[:4] == b"nclx" and len(body) >= 11:
            return int.from_bytes(body[8:10], "big"), bool(body[10] & 0x80)
    return None


def _parameter_sets(configuration: bytes) -> list[bytes]:
    """The NAL units of an `hvcC` property (ISO/IEC 14496-15 clause 8.3.3.1)."""
    if len(configuration) < 23:
        raise CodecError("heic: the decoder configuration is cut short")
    units, place = [], 23
    for _ in range(configuration[22]):
        count = int.from_bytes(configuration[place + 1 : place + 3], "big")
        place += 3
        for _ in range(count):
            size = int.from_bytes(configuration[place : place + 2], "big")
            unit = configuration[place + 2 : place + 2 + size]
            if size < 3 or len(unit) < size:
                raise CodecError("heic: a parameter set is cut short")
            units.append(unit)
            place += 2 + size
    return units


def _length_prefixed(data: bytes, width: int) -> list[bytes]:
    """NAL units that follow their lengths, as an item holds them."""
    units, place = [], 0
    while place + width < len(data):
        size = int.from_bytes(data[place : place + width], "big")
        unit = data[place + width : place + width + size]
        if size < 3 or len(unit) < size:
            raise CodecError("heic: a slice is cut short")
        units.append(unit)
        place += width + size
    return units


READERS: dict[str, Callable[[bytes], dict[str, Value]]] = {"webp": _webp, "bpg": _bpg, "avif": _avif, "heic": _heic}
"""Readers by class."""
