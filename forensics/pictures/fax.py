"""Fax codings of bilevel TIFF: modified Huffman, Group 3 in one and two dimensions, Group 4 (ITU-T T.4 and T.6; TIFF
6.0 sections 10 and 11).

libtiff goes on after an error and fills the row; here every row must be made of codes that end at its last sample.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.samples import damaged

_WHITE = (
    "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010 101011 "
    "0100111 0001100 0001000 "
    "0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010 00000011 00011010 00011011 00010010 "
    "00010011 00010100 00010101 "
    "00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 00000101 00001010 00001011 "
    "01010010 01010011 01010100 "
    "01010101 00100100 00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 00110011 00110100 "
    "11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010 "
    "011010011 011010100 "
    "011010101 011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001 010011010 011000 "
    "010011011"
)
_BLACK = (
    "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000 "
    "0000010111 0000011000 0000001000 "
    "00001100111 00001101000 00001101100 00000110111 00000101000 00000010111 00000011000 000011001010 000011001011 "
    "000011001100 000011001101 "
    "000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 000011010100 000011010101 "
    "000011010110 000011010111 "
    "000001101100 000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 "
    "000001100100 000001100101 "
    "000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000 000001011000 "
    "000001011001 000000101011 "
    "000000101100 000001011010 000001100110 000001100111 "
    "0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 "
    "0000001101101 0000001001010 "
    "0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100 0000001110101 0000001110110 "
    "0000001110111 "
    "0000001010010 0000001010011 0000001010100 0000001010101 0000001011010 0000001011011 0000001100100 0000001100101"
)
_LONG = (
    "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 000000010111 "
    "000000011100 000000011101 "
    "000000011110 000000011111"
)
"""Codes of runs 0 to 63, then of 64, 128, ... 1728, for white and for black, and of 1792 to 2560 for both (T.4 tables
2, 3a and 3b).
"""
_LEFT_OVER = 4
"""Bytes that may follow the last row and its end code."""
MODES = {"CCITT RLE": 0, "CCITT G3": 3, "CCITT G4": 4}


@cache
def code_table(black: bool) -> tuple[np.ndarray, np.ndarray]:
    """Length and run of the code at the start of each pattern of 13 bits; length 0 where there is none."""
    codes = (_BLACK if black else _WHITE).split() + _LONG.split()
    runs = [*range(64), *range(64, 1729, 64), *range(1792, 2561, 64)]
    lengths, found = np.zeros(1 << 13, np.int64), np.zeros(1 << 13, np.int64)
    for code, run in zip(codes, runs, strict=True):
        first = int(code, 2) << (13 - len(code))
        place = slice(first, first + (1 << (13 - len(code))))
        lengths[place], found[place] = len(code), run
    return lengths, found


@cache
def _code_tables() -> tuple[np.ndarray, np.ndarray]:
    """Lengths and runs of white and of black, (2, 8192) each."""
    (white, white_runs), (black, black_runs) = code_table(False), code_table(True)
    return np.stack([white, black]), np.stack([white_runs, black_runs])


def decode(
    name: str, strip: bytes, height: int, width: int, options: int = 0, word_aligned: bool = False
) -> np.ndarray:
    """Rows of a strip.

    Parameters
    ----------
    name : str
        A key of `MODES`.
    strip : bytes
        Bits from the most significant on.
    height, width : int
    options : int
        T4Options of the directory: bit 0 rows in two dimensions, bit 1 uncompressed mode.
    word_aligned : bool
        Whether rows of the modified Huffman coding start at 16 bits instead of 8.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=uint8]
        1 for black.

    Raises
    ------
    PictureError
        Codes are wrong or missing, or bytes are left over behind the last row.
    """
    from forensics.pictures import _fax_kernel as kernels

    if options & 2:
        raise PictureError("its fax coding has an uncompressed mode, which is not read")
    out = np.zeros((height, width), np.uint8)
    data = np.frombuffer(strip, np.uint8)
    mode = MODES[name]
    rows, code, place = kernels.decode_rows(
        data, 8 * len(data), mode, (16 if word_aligned else 8) if mode == 0 else 1, bool(options & 1),
        *_code_tables(), out,
    )  # fmt: skip
    if code != kernels.WHOLE:
        reason = {
            kernels.NO_CODE: "no code follows there",
            kernels.PAST_ROW: "a run leaves its row",
            kernels.SHORT: "the data end there",
        }
        raise damaged(f"{rows} of {height} rows of {name} can be decoded: {reason[code]}")
    left = strip[_behind_end_codes(strip, int(place)) :]
    if len(left) > _LEFT_OVER and any(left[_LEFT_OVER:]):
        raise damaged(
            f"{len(left)} bytes of {name} data are left over after the last row: bytes before them are damaged"
        )
    return out


def _behind_end_codes(strip: bytes, place: int) -> int:
    """Offset of the first whole byte behind the end-of-line codes that close the data."""
    tail = "".join(f"{byte:08b}" for byte in strip[place // 8 : place // 8 + 32])[place % 8 :]
    used = 0
    while (first := tail.find("1", used)) >= 11 + used:
        used = first + 1
        if tail[used : used + 1] == "1" and tail[used + 1 : used + 12] == "0" * 11:
            used += 1
    return -(-(place + used) // 8)
