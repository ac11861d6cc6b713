"""Header of a JPEG XL codestream: size, sample depth, colour, alpha, animation, and whether the first frame is coded
without loss.

ISO/IEC 18181-1 annex D (image header) and F (frame header); the container of 18181-2, whose codestream may lie in
several boxes: `cjxl` on a JPEG writes the first of them with a few bytes only.
"""

from __future__ import annotations

from dataclasses import dataclass

from forensics.errors import PictureError
from forensics.pictures.iso_boxes import boxes

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height by code (ISO/IEC 18181-1, `SizeHeader`)."""
_HEAD = 1 << 16
"""Bytes of the codestream that a header is looked for in; profiles behind it are not read."""


@dataclass
class JpegXlHeader:
    """What the headers state; `lossless` is None where the frame header could not be reached."""

    width: int = 0
    height: int = 0
    bit_depth: int = 8
    floating: bool = False
    grey: bool = False
    alpha: bool = False
    extra_channels: int = 0
    black: bool = False
    orientation: int = 1
    animated: bool = False
    xyb: bool = True
    icc: bool = False
    modular: bool | None = None
    kept_jpeg: bool = False

    @property
    def lossless(self) -> bool | None:
        """Modular coding without XYB keeps the samples; None where the frame was not read."""
        if self.kept_jpeg or self.xyb:
            return False
        return self.modular


class _Bits:
    """Bits from the least significant on (annex B.2); zeros behind the end are an error."""

    def __init__(self, data: bytes) -> None:
        self._value, self.place, self._size = int.from_bytes(data, "little"), 0, 8 * len(data)

    def u(self, count: int) -> int:
        if self.place + count > self._size:
            raise PictureError("the file is truncated: its JPEG XL header is cut short")
        value = self._value >> self.place & ((1 << count) - 1)
        self.place += count
        return value

    def flag(self) -> bool:
        return bool(self.u(1))

    def u32(self, *choices: tuple[int, int]) -> int:
        """One of four distributions as (bits, offset)."""
        bits, offset = choices[self.u(2)]
        return offset + self.u(bits)

    def enum(self) -> int:
        return self.u32((0, 0), (0, 1), (4, 2), (6, 18))

    def u64(self) -> int:
        kind = self.u(2)
        if kind < 3:
            return (0, 1 + self.u(4) if kind == 1 else 0, 17 + self.u(8) if kind == 2 else 0)[kind]
        value, shift = self.u(12), 12
        while self.flag():
            if shift == 60:
                return value | self.u(4) << 60
            value |= self.u(8) << shift
            shift += 8
        return value

    def align(self) -> None:
        self.place = -(-self.place // 8) * 8


def codestream(data: bytes) -> tuple[bytes, bool]:
    """The start of the codestream, put together from its boxes, and whether a JPEG's reconstruction data lie next to
    it.

    Raises `PictureError` when there is none, or when its partial boxes do not count up or lack the last.
    """
    if data[:2] == b"\xff\x0a":
        return data[:_HEAD], False
    stream, kept, expected, last, whole = b"", False, 0, False, False
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"jxlc":
            stream, whole = data[start:end][:_HEAD], True
        elif kind == b"jxlp" and end - start >= 4:
            index = int.from_bytes(data[start : start + 4], "big")
            if index & 0x7FFFFFFF != expected:
                raise PictureError("the file is damaged: the parts of its JPEG XL codestream do not count up")
            expected, last = expected + 1, bool(index >> 31)
            stream = (stream + data[start + 4 : end])[:_HEAD] if len(stream) < _HEAD else stream
        elif kind == b"jbrd":
            kept = True
    if not stream:
        raise PictureError("the file is truncated: a JPEG XL file without a codestream")
    if not whole and not last:
        raise PictureError("the file is truncated: the last part of its JPEG XL codestream is missing")
    return stream, kept


def read(data: bytes) -> JpegXlHeader:
    """Read the headers of a JPEG XL file, bare or in its container."""
    stream, kept = codestream(data)
    if stream[:2] != b"\xff\x0a":
        raise PictureError("the file is damaged: its JPEG XL codestream does not start as one")
    bits = _Bits(stream[2:])
    header = JpegXlHeader(kept_jpeg=kept)
    header.height, header.width = _size(bits)
    _metadata(bits, header)
    if not header.icc:
        try:
            _frame(bits, header)
        except PictureError:
            header.modular = None
    return header


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.flag()

    def length() -> int:
        return 8 * (1 + bits.u(5)) if small else bits.u32((9, 1), (13, 1), (18, 1), (30, 1))

    height, ratio = length(), bits.u(3)
    if ratio:
        over, under = _RATIOS[ratio - 1]
        return height, height * over // under
    return height, length()


def _depth(bits: _Bits) -> tuple[int, bool]:
    if not bits.flag():
        return bits.u32((0, 8), (0, 10), (0, 12), (6, 1)), False
    depth = bits.u32((0, 32), (0, 16), (0, 24), (6, 1))
    bits.u(4)
    return depth, True


def _metadata(bits: _Bits, header: JpegXlHeader) -> None:
    """ImageMetadata (annex D.3) with the transform data behind it."""
    if bits.flag():
        bits.flag()  # the default transform data
        return
    extra = bits.flag()
    preview = animated = False
    if extra:
        header.orientation = 1 + bits.u(3)
        if bits.flag():
            _size(bits)
        preview = bits.flag()
        if preview:
            _preview(bits)
        animated = bits.flag()
        if animated:
            header.animated = True
            _animation(bits)
    header.bit_depth, header.floating = _depth(bits)
    bits.flag()  # modular 16-bit buffers
    header.extra_channels = bits.u32((0, 0), (0, 1), (4, 2), (12, 1))
    for _ in range(header.extra_channels):
        kind = _extra_channel(bits)
        header.alpha |= kind == _ALPHA
        header.black |= kind == _BLACK
    header.xyb = bits.flag()
    _colour(bits, header)
    if extra:
        _tone_mapping(bits)
    if bits.u64():
        raise PictureError("its JPEG XL header has extensions, which are not read")
    if not bits.flag():
        _transform_data(bits, header.xyb)


def _preview(bits: _Bits) -> None:
    blocks = bits.flag()

    def length() -> int:
        return (
            8 * bits.u32((0, 16), (0, 32), (5, 1), (9, 33))
            if blocks
            else bits.u32((6, 1), (8, 65), (10, 321), (12, 1345))
        )

    length()
    if not bits.u(3):
        length()


def _animation(bits: _Bits) -> None:
    bits.u32((0, 100), (0, 1000), (10, 1), (30, 1))
    bits.u32((0, 1), (0, 1001), (8, 1), (10, 1))
    bits.u32((0, 0), (3, 0), (16, 0), (32, 0))
    bits.flag()


_ALPHA, _BLACK = 0, 4
"""Kinds of extra channels (ISO/IEC 18181-1, `ExtraChannelInfo`)."""


def _extra_channel(bits: _Bits) -> int:
    """ExtraChannelInfo (D.3.6): its type, `_ALPHA` for alpha."""
    if bits.flag():
        return _ALPHA
    kind = bits.enum()
    _depth(bits)
    bits.u32((0, 0), (0, 3), (0, 4), (3, 1))
    name = bits.u32((0, 0), (4, 0), (5, 16), (10, 48))
    for _ in range(name):
        bits.u(8)
    if kind == 0:
        bits.flag()
    elif kind == 2:
        bits.u(64)
    elif kind == 5:
        bits.u32((0, 1), (2, 0), (4, 3), (8, 19))
    return kind


def _colour(bits: _Bits, header: JpegXlHeader) -> None:
    """ColourEncoding (D.3.5)."""
    if bits.flag():
        return
    header.icc = bits.flag()
    space = bits.enum()
    header.grey = space == 1
    if header.icc:
        return
    if space != 2:
        if bits.enum() == 2 or False:
            _custom_xy(bits)
        if space != 1 and bits.enum() == 2:
            for _ in range(3):
                _custom_xy(bits)
    if space == 2:
        return
    if bits.flag():
        bits.u(24)
    else:
        bits.enum()
    bits.enum()


def _custom_xy(bits: _Bits) -> None:
    for _ in range(2):
        bits.u32((19, 0), (19, 524288), (20, 1048576), (21, 2097152))


def _tone_mapping(bits: _Bits) -> None:
    if not bits.flag():
        bits.u(16)
        bits.u(16)
        bits.flag()
        bits.u(16)


def _transform_data(bits: _Bits, xyb: bool) -> None:
    if xyb and not bits.flag():
        bits.u(16 * 16)
    mask = bits.u(3)
    for bit, count in ((1, 15), (2, 55), (4, 210)):
        if mask & bit:
            bits.u(16 * count)


def _frame(bits: _Bits, header: JpegXlHeader) -> None:
    """The first frame header as far as its encoding (annex F.2)."""
    bits.align()
    if bits.flag():
        header.modular = False
        return
    kind = bits.u(2)
    if kind != 0:
        raise PictureError("the first JPEG XL frame is not a regular one")
    header.modular = bool(bits.u(1))
