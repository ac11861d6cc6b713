"""Kernel of `fax`: rows of ITU-T T.4 and T.6 codes to the places where the colour changes."""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

WHOLE, NO_CODE, PAST_ROW, SHORT = 0, 1, 2, 3
"""How a strip ended: all rows; bits that are no code; a run or change past its row; bits used up."""
ROWS_1D, ROWS_G3, ROWS_G4 = 0, 3, 4
"""How rows are coded: in one dimension, as group 3, as group 4 (ITU-T T.4 and T.6)."""


@kernel
def _peek(data, bits, place, count):
    """`count` bits at a place, zeros past the end."""
    value = 0
    for i in range(count):
        at = place + i
        bit = 0
        if at < bits:
            bit = (data[at >> 3] >> (7 - (at & 7))) & 1
        value = (value << 1) | bit
    return value


@kernel
def _run(data, bits, place, lengths, runs):
    """A run and the place behind its codes; -1 where there is no code. The tables are indexed by the next 13 bits."""
    total = 0
    while True:
        at = _peek(data, bits, place, 13)
        if lengths[at] == 0:
            return -1, place
        place += lengths[at]
        total += runs[at]
        if runs[at] < 64:
            return total, place


@kernel
def decode_rows(data, bits, mode, aligned, two_dimensional, white_lengths, white_runs, black_lengths, black_runs, out):
    """Fill `out` (rows, columns) with 1 for black.

    `aligned` is the multiple of bits at which rows start, 1 for none; `two_dimensional` says whether a G3 row may be
    coded so. The answer is the number of rows, one of the codes above, and the place behind the last bit that was read.
    """
    height, width = out.shape
    reference = np.full(width + 6, width, np.int64)
    current = np.full(width + 6, width, np.int64)
    place = 0
    for row in range(height):
        plain = mode != 4
        if mode == 3:
            # Fill bits and the end-of-line code stand before a row; files that leave the code out start at once.
            zeros = place
            while zeros < bits and _peek(data, bits, zeros, 1) == 0:
                zeros += 1
            if zeros - place >= 11 and zeros < bits:
                place = zeros + 1
                if two_dimensional:
                    plain = _peek(data, bits, place, 1) == 1
                    place += 1
        elif aligned > 1:
            place = (place + aligned - 1) // aligned * aligned
        if place >= bits:
            return row, SHORT, place
        count, a0, colour, last = 0, -1, 0, 0
        while a0 < width:
            if plain:
                run, place = _run(
                    data, bits, place, black_lengths if colour else white_lengths, black_runs if colour else white_runs
                )
                if run < 0:
                    return row, NO_CODE, place
                a0 = max(a0, 0) + run
                if a0 > width:
                    return row, PAST_ROW, place
                current[count] = a0
                count += 1
                colour ^= 1
                if width == 0:
                    break
            else:
                while last > 0 and reference[last - 1] > a0:
                    last -= 1
                while last < width and (reference[last] <= a0 or (last & 1) != colour):
                    if reference[last] >= width:
                        break
                    last += 1
                b1 = min(reference[last], width)
                b2 = width if b1 >= width else min(reference[last + 1], width)
                at = _peek(data, bits, place, 7)
                if at >> 6 == 1:
                    shift, size = 0, 1
                elif at >> 4 == 3:
                    shift, size = 1, 3
                elif at >> 4 == 2:
                    shift, size = -1, 3
                elif at >> 1 == 3:
                    shift, size = 2, 6
                elif at >> 1 == 2:
                    shift, size = -2, 6
                elif at == 3:
                    shift, size = 3, 7
                elif at == 2:
                    shift, size = -3, 7
                elif at >> 3 == 1:
                    place += 4
                    a0 = b2
                    continue
                elif at >> 4 == 1:
                    place += 3
                    a0 = max(a0, 0)
                    for turn in range(2):
                        dark = colour ^ turn
                        run, place = _run(
                            data,
                            bits,
                            place,
                            black_lengths if dark else white_lengths,
                            black_runs if dark else white_runs,
                        )
                        if run < 0:
                            return row, NO_CODE, place
                        a0 += run
                        if a0 > width:
                            return row, PAST_ROW, place
                        current[count] = a0
                        count += 1
                    continue
                else:
                    return row, NO_CODE, place
                place += size
                b1 += shift
                if (
                    b1 > width
                    or b1 < a0
                    or (b1 == a0 and a0 > 0 and count > 0 and shift < 0 and b1 < current[count - 1])
                ):
                    return row, PAST_ROW, place
                a0 = b1
                current[count] = a0
                count += 1
                colour ^= 1
            if count > width + 1:  # one more than samples: the white run of no length before a black first sample
                return row, PAST_ROW, place
        if place > bits:
            return row, SHORT, place
        start, dark = 0, 0
        for i in range(count):
            if dark:
                for x in range(start, current[i]):
                    out[row, x] = 1
            start, dark = current[i], dark ^ 1
        if dark:
            for x in range(start, width):
                out[row, x] = 1
        for i in range(count, width + 6):
            current[i] = width
        for i in range(width + 6):
            reference[i] = current[i]
    return height, WHOLE, place
