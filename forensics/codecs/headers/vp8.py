"""The frame header of a VP8 key frame, the coding inside lossy WebP: quantisers, segments and loop filter (RFC 6386
clauses 7, 9, 19.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from forensics.errors import CodecError

SEGMENTS = 4
"""Segments of a frame with a quantiser index of their own: RFC 6386 clause 9.3."""


class BoolDecoder:
    """The arithmetic decoder of RFC 6386 clause 7.3, for the few hundred bits of a header."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 2:
            raise CodecError("webp: the VP8 frame header is cut short")
        self._data, self._place = data, 2
        self._value = data[0] << 8 | data[1]
        self._range, self._shifts = 255, 0

    def flag(self, probability: int = 128) -> bool:
        """One bit, whose chance of being 0 is `probability` / 256."""
        split = 1 + ((self._range - 1) * probability >> 8)
        one = self._value >= split << 8
        if one:
            self._range -= split
            self._value -= split << 8
        else:
            self._range = split
        while self._range < 128:
            self._value <<= 1
            self._range <<= 1
            self._shifts += 1
            if self._shifts == 8:
                self._shifts = 0
                self._value |= self._next()
        return one

    def u(self, bits: int) -> int:
        """An unsigned number, most significant bit first."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self.flag()
        return value

    def optional(self, bits: int) -> int:
        """0, or after a set flag a number of `bits` bits with its sign behind it."""
        if not self.flag():
            return 0
        value = self.u(bits)
        return -value if self.flag() else value

    def _next(self) -> int:
        # The standard pads with zeros; a header that runs out of bytes is a damaged one.
        if self._place >= len(self._data):
            raise CodecError("webp: the VP8 frame header is cut short")
        self._place += 1
        return self._data[self._place - 1]


@dataclass(frozen=True)
class Vp8Header:
    """What a VP8 key frame states about its strength.

    Attributes
    ----------
    quantizers : tuple of int
        Quantiser index (`y_ac_qi`, 0..127) of each segment; one where segments are not used.
    shares : tuple of float
        About what share of the macroblocks is in each segment, from the probabilities by which segments are coded; sums
        to 1.
    simple_filter : bool
        The simple loop filter instead of the normal one.
    filter_levels : tuple of int
        Loop filter level (0..63) of each segment.
    sharpness : int
        0..7.
    """

    quantizers: tuple[int, ...]
    shares: tuple[float, ...]
    simple_filter: bool
    filter_levels: tuple[int, ...]
    sharpness: int

    @property
    def quantizer(self) -> float:
        """Mean quantiser index over the macroblocks."""
        return sum(q * share for q, share in zip(self.quantizers, self.shares, strict=True))

    @property
    def filter_level(self) -> float:
        """Mean loop filter level over the macroblocks."""
        return sum(level * share for level, share in zip(self.filter_levels, self.shares, strict=True))


def frame(data: bytes) -> bytes:
    """The VP8 frame of a WebP file; raises `CodecError` where there is none."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise CodecError("webp: not a WebP file: the RIFF header is missing")
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if data[place : place + 4] == b"VP8 ":
            return data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    raise CodecError("webp: the file holds no lossy still picture")


def read_header(data: bytes) -> Vp8Header:
    """Read the header of a VP8 key frame as far as its quantisers.

    Parameters
    ----------
    data : bytes
        A WebP file or a bare VP8 frame.

    Raises
    ------
    CodecError
        No VP8 key frame, or one that ends inside its header.
    """
    stream = frame(data) if data[:4] == b"RIFF" else data
    if len(stream) < 10 or stream[0] & 1 or stream[3:6] != b"\x9d\x01\x2a":
        raise CodecError("webp: not a VP8 key frame")
    bits = BoolDecoder(stream[10:])
    bits.u(2)  # colour space and clamping
    segmented = bits.flag()
    absolute, quantizers, levels, shares = _segments(bits) if segmented else (True, None, None, None)
    simple, level, sharpness = bits.flag(), bits.u(6), bits.u(3)
    if bits.flag() and bits.flag():  # loop filter deltas by reference frame and mode
        for _ in range(8):
            bits.optional(6)
    bits.u(2)  # partitions
    base = bits.u(7)
    if quantizers is None or levels is None or shares is None:
        return Vp8Header((base,), (1.0,), simple, (level,), sharpness)
    if not absolute:
        quantizers, levels = [base + q for q in quantizers], [level + f for f in levels]
    return Vp8Header(
        tuple(min(max(q, 0), 127) for q in quantizers),
        shares,
        simple,
        tuple(min(max(f, 0), 63) for f in levels),
        sharpness,
    )


def _segments(bits: BoolDecoder) -> tuple[bool, list[int] | None, list[int] | None, tuple[float, ...] | None]:
    """Whether values are absolute, the segments' quantisers and filter levels, and their shares."""
    map_updated, data_updated = bits.flag(), bits.flag()
    absolute, quantizers, levels = True, None, None
    if data_updated:
        absolute = bits.flag()
        quantizers = [bits.optional(7) for _ in range(SEGMENTS)]
        levels = [bits.optional(6) for _ in range(SEGMENTS)]
    tree = [bits.u(8) if bits.flag() else 255 for _ in range(SEGMENTS - 1)] if map_updated else [255] * 3
    # The tree's probabilities are those of its zero branches: first pair or second, then the first of each pair.
    left, first, third = (min(p, 255) / 255 for p in tree)
    shares = (left * first, left * (1 - first), (1 - left) * third, (1 - left) * (1 - third))
    return absolute, quantizers, levels, shares
