"""Kernel of `fax`: rows of ITU-T T.4 and T.6 codes to the places where the colour changes."""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

WHOLE, NO_CODE, PAST_ROW, SHORT = 0, 1, 2, 3
"""How a strip ended: all rows; bits that are no code; a run or change past its row; bits used up."""


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
def _row_start(data, bits, place, mode, aligned, two_dimensional):
    """Where the codes of a row start, and whether it is coded in one dimension."""
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
    return place, plain


@kernel
def _changes_1d(data, bits, place, width, lengths, runs, current):
    """Fill `current` with the changes of a row of run lengths: how the row ended, how many, and the place behind.

    `lengths` and `runs` are the tables of white and of black, (2, 8192).
    """
    count, a0, colour = 0, 0, 0
    while a0 < width:
        run, place = _run(data, bits, place, lengths[colour], runs[colour])
        if run < 0:
            return NO_CODE, count, place
        a0 += run
        if a0 > width:
            return PAST_ROW, count, place
        current[count] = a0
        count += 1
        colour ^= 1
        if count > width + 1:  # one more than samples: the white run of no length before a black first sample
            return PAST_ROW, count, place
    return WHOLE, count, place


PASS, HORIZONTAL, NONE = 8, 9, 10
"""Modes of T.6 clause 2.2.3 other than the seven vertical ones, which are shifts of -3 to 3."""


@kernel
def _mode(at):
    """The mode that seven bits start with, and the length of its code (ITU-T T.6 table 1)."""
    if at >> 6 == 1:
        return 0, 1
    if at >> 4 == 3:
        return 1, 3
    if at >> 4 == 2:
        return -1, 3
    if at >> 4 == 1:
        return HORIZONTAL, 3
    if at >> 3 == 1:
        return PASS, 4
    if at >> 1 == 3:
        return 2, 6
    if at >> 1 == 2:
        return -2, 6
    if at == 3:
        return 3, 7
    if at == 2:
        return -3, 7
    return NONE, 0


@kernel
def _next_change(reference, width, last, a0, colour):
    """Index of the first change of the row above to the right of `a0` and to the other colour."""
    while last > 0 and reference[last - 1] > a0:
        last -= 1
    while last < width and (reference[last] <= a0 or (last & 1) != colour):
        if reference[last] >= width:
            break
        last += 1
    return last


@kernel
def _changes_2d(data, bits, place, width, lengths, runs, reference, current):
    """As `_changes_1d`, of a row coded by the changes of the row above (ITU-T T.6 clause 2.2)."""
    count, a0, colour, last = 0, -1, 0, 0
    while a0 < width:
        last = _next_change(reference, width, last, a0, colour)
        mode, size = _mode(_peek(data, bits, place, 7))
        place += size
        if mode == NONE:
            return NO_CODE, count, place
        b1 = min(reference[last], width)
        if mode == PASS:
            a0 = width if b1 >= width else min(reference[last + 1], width)
            continue
        if mode == HORIZONTAL:
            a0 = max(a0, 0)
            for turn in range(2):
                run, place = _run(data, bits, place, lengths[colour ^ turn], runs[colour ^ turn])
                if run < 0:
                    return NO_CODE, count, place
                a0 += run
                if a0 > width:
                    return PAST_ROW, count, place
                current[count] = a0
                count += 1
            if count > width + 2:  # and one more: the second run of a pair that ends the row
                return PAST_ROW, count, place
            continue
        b1 += mode
        back = b1 == a0 and a0 > 0 and count > 0 and mode < 0 and b1 < current[count - 1]
        if b1 > width or b1 < a0 or back:
            return PAST_ROW, count, place
        a0 = b1
        current[count] = a0
        count += 1
        colour ^= 1
        if count > width + 1:
            return PAST_ROW, count, place
    return WHOLE, count, place


@kernel
def _paint(out, row, current, count):
    """Write a row's black samples."""
    start, dark = 0, 0
    for i in range(count):
        if dark:
            for x in range(start, current[i]):
                out[row, x] = 1
        start, dark = current[i], dark ^ 1
    if dark:
        for x in range(start, out.shape[1]):
            out[row, x] = 1


@kernel
def decode_rows(data, bits, mode, aligned, two_dimensional, lengths, runs, out):
    """Fill `out` (rows, columns) with 1 for black.

    `aligned` is the multiple of bits at which rows start, 1 for none; `two_dimensional` says whether a G3 row may be
    coded so. The answer is the number of rows, one of the codes above, and the place behind the last bit that was read.
    """
    height, width = out.shape
    reference = np.full(width + 6, width, np.int64)
    current = np.full(width + 6, width, np.int64)
    place = 0
    for row in range(height):
        place, plain = _row_start(data, bits, place, mode, aligned, two_dimensional)
        if place >= bits:
            return row, SHORT, place
        if plain:
            code, count, place = _changes_1d(data, bits, place, width, lengths, runs, current)
        else:
            code, count, place = _changes_2d(data, bits, place, width, lengths, runs, reference, current)
        if code != WHOLE:
            return row, code, place
        if place > bits:
            return row, SHORT, place
        _paint(out, row, current, count)
        current[count:] = width
        reference[:] = current
    return height, WHOLE, place
