"""A baseline JPEG file from quantised coefficients: markers, Huffman tables fitted to the picture, one scan.

Nothing is transformed or quantised here; the coefficients are written as they are [1]_. Huffman codes are built by
package-merge, with at most 16 bits and without the all-ones code [2]_.

References
----------
.. [1] ITU-T T.81 (1992), Annex B (markers), F.1.2 (coding), K.2 (Huffman tables).
.. [2] L. Larmore, D. Hirschberg, "A fast algorithm for optimal length-limited Huffman codes", J. ACM 37(3), 1990,
   doi:10.1145/79147.79150.
"""

from __future__ import annotations

import struct

import numpy as np
from forensics_features import standards
from forensics_features._kernel import kernel

from forensics.errors import CodecError
from forensics.reconstruction.coded import CodedPicture

_LARGEST_SIDE = 65535
"""Pixels a side that 16 bits hold (ITU-T T.81 B.2.2)."""
_LARGEST_AC, _LARGEST_DC = 1023, 2047
"""Largest AC coefficient and DC difference of 8-bit samples (ITU-T T.81 F.1.2)."""
_LONGEST_CODE = 16
"""Bits of the longest Huffman code (ITU-T T.81 C.2)."""
_JFIF = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"


ZIGZAG = np.array(standards.ZIGZAG, np.int64)
"""Raster index of each place of the zigzag scan, `np.ndarray [shape=(64,), dtype=int64]`."""


@kernel
def _category(value):
    magnitude = abs(value)
    bits = 0
    while magnitude:
        bits += 1
        magnitude >>= 1
    return bits


@kernel
def _put(out, state, value, bits):
    """Bits appended to `out`; state: int64 [3] of bytes written, bits waiting, their number."""
    state[1] = (state[1] << bits) | (value & ((1 << bits) - 1))
    state[2] += bits
    while state[2] >= 8:
        state[2] -= 8
        byte = (state[1] >> state[2]) & 255
        out[state[0]] = byte
        state[0] += 1
        if byte == 255:
            out[state[0]] = 0
            state[0] += 1
    state[1] &= (1 << state[2]) - 1


@kernel
def _code_block(
    block, difference, zigzag, dc_counts, ac_counts, codes, lengths, dc_table, ac_table, out, state, writing
):
    """Symbols of one block counted, or written with their extra bits."""
    bits = _category(difference)
    if writing:
        _put(out, state, codes[dc_table, bits], lengths[dc_table, bits])
        if bits:
            _put(out, state, difference if difference > 0 else difference + (1 << bits) - 1, bits)
    else:
        dc_counts[bits] += 1
    run = 0
    for k in range(1, 64):
        value = np.int64(block[zigzag[k]])
        if value == 0:
            run += 1
            continue
        while run > 15:
            if writing:
                _put(out, state, codes[ac_table, 0xF0], lengths[ac_table, 0xF0])
            else:
                ac_counts[0xF0] += 1
            run -= 16
        bits = _category(value)
        symbol = 16 * run + bits
        if writing:
            _put(out, state, codes[ac_table, symbol], lengths[ac_table, symbol])
            _put(out, state, value if value > 0 else value + (1 << bits) - 1, bits)
        else:
            ac_counts[symbol] += 1
        run = 0
    if run:
        if writing:
            _put(out, state, codes[ac_table, 0], lengths[ac_table, 0])
        else:
            ac_counts[0] += 1


@kernel
def _scan_row(y, cb, cr, row, vertical, horizontal, last, zigzag, counts, codes, lengths, out, state, writing):
    """One row of MCUs. y: int16 [rows, columns, 64]; cb, cr: the same, or of no rows; last: int64 [3], the DC values
    before.
    """
    colour = cb.shape[0] > 0
    for column in range(y.shape[1] // horizontal):
        for dy in range(vertical):
            for dx in range(horizontal):
                block = y[row * vertical + dy, column * horizontal + dx]
                _code_block(
                    block, block[0] - last[0], zigzag, counts[0], counts[1], codes, lengths, 0, 1, out, state, writing
                )
                last[0] = block[0]
        if colour:
            for k in range(2):
                block = cb[row, column] if k == 0 else cr[row, column]
                _code_block(
                    block,
                    block[0] - last[1 + k],
                    zigzag,
                    counts[2],
                    counts[3],
                    codes,
                    lengths,
                    2,
                    3,
                    out,
                    state,
                    writing,
                )
                last[1 + k] = block[0]


def code_lengths(counts: np.ndarray) -> np.ndarray:
    """Lengths of an optimal prefix code of at most 16 bits in which no code is all ones, `np.ndarray [shape=(256,),
    dtype=int64]`.

    counts: how often each symbol occurs, `np.ndarray [shape=(256,), dtype=int64]`; symbols that do not occur get length
    0.
    """
    used = [(int(counts[symbol]), (int(symbol),)) for symbol in np.flatnonzero(counts)]
    leaves = sorted([*used, (0, (256,))])
    packages: list[tuple[int, tuple[int, ...]]] = []
    for _ in range(_LONGEST_CODE):
        pairs = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(packages[::2], packages[1::2], strict=False)]
        packages = sorted([*leaves, *pairs], key=lambda item: item[0])
    lengths = np.zeros(257, np.int64)
    for _, symbols in packages[: 2 * len(leaves) - 2]:
        np.add.at(lengths, list(symbols), 1)
    return lengths[:256]


def _canonical(lengths: np.ndarray) -> tuple[bytes, np.ndarray]:
    """The table as DHT states it, and the code of each symbol."""
    order = sorted(np.flatnonzero(lengths), key=lambda symbol: (lengths[symbol], symbol))
    codes, code, before = np.zeros(256, np.int64), 0, 0
    for symbol in order:
        code <<= int(lengths[symbol]) - before
        before = int(lengths[symbol])
        codes[symbol] = code
        code += 1
    per_length = [int((lengths == bits).sum()) for bits in range(1, _LONGEST_CODE + 1)]
    return bytes(per_length) + bytes(int(symbol) for symbol in order), codes


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 255, marker, len(payload) + 2) + payload


def _checked(coded: CodedPicture) -> None:
    if not (0 < coded.height <= _LARGEST_SIDE and 0 < coded.width <= _LARGEST_SIDE):
        raise CodecError(f"a JPEG file has 1 to {_LARGEST_SIDE} pixels a side, not {coded.width}x{coded.height}")
    for component in coded.components:
        if np.abs(component.coefficients[..., 1:]).max(initial=0) > _LARGEST_AC:
            raise CodecError(f"AC coefficients of baseline JPEG are within +-{_LARGEST_AC}")
        if np.abs(np.diff(component.coefficients[..., 0].ravel().astype(np.int64), prepend=0)).max() > _LARGEST_DC:
            raise CodecError(f"differences of DC coefficients of baseline JPEG are within +-{_LARGEST_DC}")


def _headers(coded: CodedPicture, own_tables: list[int], tables: list[np.ndarray]) -> bytes:
    kind = _segment(0xEE, b"Adobe\0\x64\0\0\0\0\0") if coded.colour == "rgb" else _segment(0xE0, _JFIF)
    out = b"\xff\xd8" + kind
    deep = any(int(table.max()) > 255 for table in tables)
    for number, table in enumerate(tables):
        wide = int(table.max()) > 255
        steps = table[ZIGZAG].astype(">u2" if wide else np.uint8).tobytes()
        out += _segment(0xDB, bytes([16 * wide + number]) + steps)
    count = len(coded.components)
    sampling = [16 * coded.factors[1] + coded.factors[0] if count == 3 else 17, 17, 17]
    frame = struct.pack(">BHHB", 8, coded.height, coded.width, count)
    for i in range(count):
        frame += bytes([i + 1, sampling[i], own_tables[i]])
    return out + _segment(0xC1 if deep else 0xC0, frame)


def write_jpeg(coded: CodedPicture) -> bytes:
    """The file.

    Raises
    ------
    CodecError
        The picture or a coefficient is larger than baseline JPEG can hold.
    """
    _checked(coded)
    tables: list[np.ndarray] = []
    own_tables = []
    for component in coded.components:
        same = [i for i, table in enumerate(tables) if np.array_equal(table, component.table)]
        own_tables.append(same[0] if same else len(tables))
        tables += [] if same else [component.table]
    vertical, horizontal = coded.factors if len(coded.components) == 3 else (1, 1)
    planes = [component.coefficients for component in coded.components]
    empty = np.empty((0, 0, 64), np.int16)
    y, cb, cr = planes if len(planes) == 3 else (planes[0], empty, empty)
    rows = y.shape[0] // vertical
    counts = np.zeros((4, 256), np.int64)
    codes, lengths = np.zeros((4, 256), np.int64), np.zeros((4, 256), np.int64)
    state, last = np.zeros(3, np.int64), np.zeros(3, np.int64)
    nothing = np.empty(0, np.uint8)
    for row in range(rows):
        _scan_row(y, cb, cr, row, vertical, horizontal, last, ZIGZAG, counts, codes, lengths, nothing, state, False)
    kinds = 4 if len(planes) == 3 else 2
    stated = b""
    for number in range(kinds):
        lengths[number] = code_lengths(counts[number])
        table, codes[number] = _canonical(lengths[number])
        stated += _segment(0xC4, bytes([16 * (number & 1) + (number >> 1)]) + table)
    count = len(planes)
    scan = bytes([count]) + b"".join(bytes([i + 1, 0x00 if i == 0 else 0x11]) for i in range(count)) + b"\0\x3f\0"
    parts = [_headers(coded, own_tables, tables), stated, _segment(0xDA, scan)]
    last[:] = 0
    blocks = y.shape[1] * vertical + 2 * y.shape[1]
    out = np.empty(blocks * 64 * 8, np.uint8)
    for row in range(rows):
        state[0] = 0
        _scan_row(y, cb, cr, row, vertical, horizontal, last, ZIGZAG, counts, codes, lengths, out, state, True)
        parts.append(out[: state[0]].tobytes())
    if state[2]:
        state[0] = 0
        _put(out, state, (1 << (8 - state[2])) - 1, 8 - state[2])
        parts.append(out[: state[0]].tobytes())
    return b"".join(parts) + b"\xff\xd9"
