"""Sequence and frame header of an AV1 still picture, as far as its quantiser (AV1 Bitstream & Decoding Process
Specification, clause 5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forensics.codecs.hevc.headers import BitReader
from forensics.errors import CodecError

OBU_SEQUENCE_HEADER = 1
OBU_FRAME_HEADER = 3
OBU_FRAME = 6
"""Types of open bitstream units: AV1 specification 6.2.2 (sequence header, frame header, frame)."""

_SELECT = 2
"""`SELECT_SCREEN_CONTENT_TOOLS` and `SELECT_INTEGER_MV` of the AV1 specification, clause 3."""
_MATRIX_IDENTITY, _PRIMARIES_BT709, _TRANSFER_SRGB, _UNSPECIFIED = 0, 1, 13, 2
"""Codes of ITU-T H.273, as the AV1 specification lists them in clause 6.4.2."""
_MAX_TILE_WIDTH, _MAX_TILE_AREA, _MAX_TILES = 4096, 4096 * 2304, 64
"""`MAX_TILE_WIDTH`, `MAX_TILE_AREA` and `MAX_TILE_COLS` of the AV1 specification, clause 3."""


@dataclass(frozen=True)
class SequenceHeader:
    """The fields of clause 5.5 that a still picture's strength and colour depend on."""

    profile: int
    reduced: bool
    bit_depth: int
    subsampling: str
    matrix: int
    """Matrix coefficients of ITU-T H.273; 2 unspecified."""
    full_range: bool
    screen_content: int
    integer_mv: int
    frame_ids: int
    """Bits of a frame id, 0 where frames have none."""
    order_hint_bits: int
    superblock_128: bool
    superres: bool
    width_bits: int
    height_bits: int
    width: int
    height: int
    separate_uv: bool


@dataclass(frozen=True)
class Av1Header:
    """What an AV1 still picture states.

    Attributes
    ----------
    quantizer : int
        `base_q_idx`, 0..255.
    sequence : SequenceHeader
    lossless : bool or None
        Whether all coefficients are coded without loss (`CodedLossless`, clause 5.9.2): index 0 and no deltas. None
        where segments may have an index of their own, or the header ends before it.
    """

    quantizer: int
    sequence: SequenceHeader
    lossless: bool | None = None


def units(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The OBUs of a low-overhead stream as (type, payload); raises `CodecError` where one is cut short."""
    place = 0
    while place < len(stream):
        head, sized = stream[place], bool(stream[place] & 2)
        place += 2 if head & 4 else 1
        size = len(stream) - place
        if sized:
            size, place = _leb128(stream, place)
        if size < 0 or place + size > len(stream):
            raise CodecError("avif: an OBU is cut short")
        yield head >> 3 & 15, stream[place : place + size]
        place += size


def read_header(stream: bytes) -> Av1Header:
    """Sequence header and quantiser of the first frame of a stream of OBUs.

    Raises
    ------
    CodecError
        Headers are missing, cut short, or those of something else than a shown key frame.
    """
    sequence = None
    for kind, payload in units(stream):
        bits = BitReader(payload[:128])
        if kind == OBU_SEQUENCE_HEADER:
            sequence = read_sequence_header(bits)
        elif kind in (OBU_FRAME_HEADER, OBU_FRAME) and sequence is not None:
            quantizer = _read_quantizer(bits, sequence)
            return Av1Header(quantizer, sequence, _is_lossless(bits, quantizer, sequence))
    raise CodecError("avif: the stream holds no AV1 frame")


def read_sequence_header(bits: BitReader) -> SequenceHeader:
    """`sequence_header_obu` (clause 5.5.1), without operating points beyond the first being kept."""
    profile = bits.u(3)
    bits.flag()
    reduced = bits.flag()
    if reduced:
        bits.u(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.u(4) + 1, bits.u(4) + 1
    width, height = bits.u(width_bits) + 1, bits.u(height_bits) + 1
    frame_ids = 0
    if not reduced and bits.flag():
        delta = bits.u(4) + 2
        frame_ids = bits.u(3) + delta + 1
    superblock_128 = bits.flag()
    bits.u(2)  # filter intra, intra edge filter
    screen_content, integer_mv, order_hint_bits = _SELECT, _SELECT, 0
    if not reduced:
        bits.u(4)  # interintra, masked, warped, dual filter
        order_hint = bits.flag()
        if order_hint:
            bits.u(2)
        screen_content = _SELECT if bits.flag() else bits.u(1)
        if screen_content > 0:
            integer_mv = _SELECT if bits.flag() else bits.u(1)
        if order_hint:
            order_hint_bits = bits.u(3) + 1
    superres = bits.flag()
    bits.u(2)  # cdef, restoration
    depth, subsampling, matrix, full, separate = _read_colour(bits, profile)
    return SequenceHeader(
        profile, reduced, depth, subsampling, matrix, full, screen_content, integer_mv, frame_ids, order_hint_bits,
        superblock_128, superres, width_bits, height_bits, width, height, separate,
    )  # fmt: skip


def _skip_operating_points(bits: BitReader) -> None:
    if bits.flag():
        raise CodecError("avif: AV1 streams with timing are not read")
    display = bits.flag()
    for _ in range(bits.u(5) + 1):
        bits.u(12)
        if bits.u(5) > 7:
            bits.flag()
        if display and bits.flag():
            bits.u(4)


def _read_colour(bits: BitReader, profile: int) -> tuple[int, str, int, bool, bool]:
    """`color_config` (clause 5.5.2): bit depth, subsampling, matrix, full range, separate chroma deltas."""
    high = bits.flag()
    depth = (12 if bits.flag() else 10) if profile == 2 and high else 10 if high else 8
    grey = False if profile == 1 else bits.flag()
    primaries, transfer, matrix = (bits.u(8), bits.u(8), bits.u(8)) if bits.flag() else (_UNSPECIFIED,) * 3
    if grey:
        return depth, "grey", matrix, bits.flag(), False
    if (primaries, transfer, matrix) == (_PRIMARIES_BT709, _TRANSFER_SRGB, _MATRIX_IDENTITY):
        return depth, "4:4:4", matrix, True, bits.flag()
    full = bits.flag()
    if profile == 2 and depth == 12:
        across = bits.flag()
        down = across and bits.flag()
    else:
        across, down = profile != 1, profile == 0
    if across and down:
        bits.u(2)
    subsampling = "4:2:0" if across and down else "4:2:2" if across else "4:4:4"
    return depth, subsampling, matrix, full, bits.flag()


def _read_quantizer(bits: BitReader, sequence: SequenceHeader) -> int:
    """`uncompressed_header` (clause 5.9.2) of a shown key frame as far as `base_q_idx`."""
    if not sequence.reduced:
        shown_again, frame_type, shown = bits.flag(), bits.u(2), bits.flag()
        if shown_again or frame_type or not shown:
            raise CodecError("avif: the first AV1 frame is not a shown key frame")
    cdf_fixed = bits.flag()
    screen = bits.flag() if sequence.screen_content == _SELECT else bool(sequence.screen_content)
    if screen and sequence.integer_mv == _SELECT:
        bits.flag()
    bits.u(sequence.frame_ids)
    resized = False if sequence.reduced else bits.flag()
    bits.u(sequence.order_hint_bits)
    width, scaled = _read_size(bits, sequence, resized)
    height = sequence.height if not resized else scaled[1]
    if screen and width == scaled[0]:
        bits.flag()  # intra block copy
    if not (sequence.reduced or cdf_fixed):
        bits.flag()
    _skip_tiles(bits, scaled[0], height, sequence.superblock_128)
    return bits.u(8)


def _is_lossless(bits: BitReader, quantizer: int, sequence: SequenceHeader) -> bool | None:
    """The rest of `quantization_params` (clause 5.9.12) and the flag of segments behind it."""
    try:
        deltas = _delta(bits)
        if sequence.subsampling != "grey":
            apart = sequence.separate_uv and bits.flag()
            for _ in range(4 if apart else 2):
                deltas |= _delta(bits)
        if bits.flag():
            bits.u(8 if not sequence.separate_uv else 12)
        segments = bits.flag()
    except CodecError:
        return False if quantizer else None
    if quantizer or deltas:
        return False if not segments else None
    return None if segments else True


def _delta(bits: BitReader) -> bool:
    """Whether `read_delta_q` (clause 5.9.13) gives another value than 0."""
    return bits.flag() and bits.u(7) != 0


def _read_size(bits: BitReader, sequence: SequenceHeader, resized: bool) -> tuple[int, tuple[int, int]]:
    """Width after super-resolution, and coded width and height."""
    width, height = sequence.width, sequence.height
    if resized:
        width, height = bits.u(sequence.width_bits) + 1, bits.u(sequence.height_bits) + 1
    upscaled = width
    if sequence.superres and bits.flag():
        denominator = bits.u(3) + 9
        width = (upscaled * 8 + denominator // 2) // denominator
    if bits.flag():
        bits.u(32)
    return upscaled, (width, height)


def _skip_tiles(bits: BitReader, width: int, height: int, superblock_128: bool) -> None:
    """`tile_info` (clause 5.9.15)."""
    side = 128 if superblock_128 else 64
    columns, rows = -(-width // side), -(-height // side)
    most_wide, most_area = _MAX_TILE_WIDTH // side, _MAX_TILE_AREA // side**2
    least_columns = _log2(most_wide, columns)
    least = max(least_columns, _log2(most_area, rows * columns))
    if bits.flag():
        log_columns = _counted(bits, least_columns, _log2(1, min(columns, _MAX_TILES)))
        log_rows = _counted(bits, max(least - log_columns, 0), _log2(1, min(rows, _MAX_TILES)))
    else:
        widest, log_columns = _explicit(bits, columns, most_wide)
        area = rows * columns >> (least + 1) if least else rows * columns
        log_rows = _explicit(bits, rows, max(area // max(widest, 1), 1))[1]
    if log_columns or log_rows:
        bits.u(log_columns + log_rows)
        bits.u(2)


def _counted(bits: BitReader, value: int, most: int) -> int:
    while value < most and bits.flag():
        value += 1
    return value


def _explicit(bits: BitReader, extent: int, most: int) -> tuple[int, int]:
    """Tile sizes given one by one: the largest, and the binary logarithm of their number."""
    start, count, widest = 0, 0, 0
    while start < extent:
        size = _non_symmetric(bits, min(extent - start, most)) + 1
        start, count, widest = start + size, count + 1, max(widest, size)
    return widest, _log2(1, count)


def _non_symmetric(bits: BitReader, number: int) -> int:
    """`ns(n)` (clause 4.10.7)."""
    width = number.bit_length()
    short = (1 << width) - number
    value = bits.u(width - 1)
    return value if value < short else (value << 1) - short + bits.u(1)


def _log2(block: int, target: int) -> int:
    """The smallest k with block << k >= target (`tile_log2`)."""
    k = 0
    while block << k < target:
        k += 1
    return k


def _leb128(stream: bytes, place: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        if place >= len(stream):
            break
        byte = stream[place]
        value |= (byte & 127) << 7 * index
        place += 1
        if byte < 128:
            return value, place
    raise CodecError("avif: an OBU's size is cut short")
