"""Kernel of `jpeg_scan`: Huffman decoding of one scan as far as its codes, to count the blocks that are really there.

Coefficient values are not kept. In progressive files one byte a coefficient says whether it is already non-zero, which
the refinement scans need (ITU-T T.81 clauses F.2 and G.1).
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

OK, SHORT, BAD_CODE, BAD_RUN, BAD_DC = 0, 1, 2, 3, 4
"""How the walk of a restart interval ended: whole; data used up; a code that the table lacks; a run past the block; a
mean that no sample has.
"""


@kernel
def _bits(data, state, count):
    """The next `count` bits; `state` holds position, end, bit buffer, bits in it, and the bits asked for past the
    end.
    """
    while state[3] < count:
        byte = 0
        if state[0] < state[1]:
            byte = data[state[0]]
            state[0] += 1
            if byte == 0xFF:  # behind it stand fill bytes, perhaps, and the stuffed zero
                while state[0] < state[1] and data[state[0]] == 0xFF:
                    state[0] += 1
                state[0] += 1
        else:
            state[4] += 8
        state[2] = ((state[2] << 8) | byte) & 0xFFFFFFFFFFFF
        state[3] += 8
    state[3] -= count
    return (state[2] >> state[3]) & ((1 << count) - 1)


@kernel
def _code(data, state, first, last, offset, values):
    """The next Huffman symbol, -1 for a code that is not in the table (clause F.2.2.3)."""
    code = 0
    for length in range(16):
        code = (code << 1) | _bits(data, state, 1)
        if last[length] >= 0 and code <= last[length]:
            place = offset[length] + code - first[length]
            if place < 0 or place >= 256:
                return -1
            return values[place]
    return -1


@kernel
def _refine_block(data, state, first, last, offset, values, seen, start, stop, run):
    """Correction of one block's known coefficients and its new ones; the end-of-band run that is left, negative on an
    error (clause G.1.2.3).
    """
    k = start
    if run == 0:
        while k <= stop:
            symbol = _code(data, state, first, last, offset, values)
            if symbol < 0:
                return -BAD_CODE
            zeros, size = symbol >> 4, symbol & 15
            if size == 0 and zeros < 15:
                run = 1 << zeros
                if zeros:
                    run += _bits(data, state, zeros)
                break
            if size > 1:
                return -BAD_CODE
            if size:
                _bits(data, state, 1)
            while k <= stop:
                if seen[k]:
                    _bits(data, state, 1)
                else:
                    if zeros == 0:
                        break
                    zeros -= 1
                k += 1
            if size:
                if k > stop:
                    return -BAD_RUN
                seen[k] = 1
            k += 1
    if run > 0:
        while k <= stop:
            if seen[k]:
                _bits(data, state, 1)
            k += 1
        run -= 1
    return run


@kernel
def _first_block(data, state, first, last, offset, values, seen, start, stop, run, keep):
    """Coefficients of one block coded for the first time; the end-of-band run that is left, negative on an error
    (F.2.2.2, G.1.2.2).
    """
    if run > 0:
        return run - 1
    k = start
    while k <= stop:
        symbol = _code(data, state, first, last, offset, values)
        if symbol < 0:
            return -BAD_CODE
        zeros, size = symbol >> 4, symbol & 15
        if size == 0:
            if zeros == 15:
                k += 16
                if k > stop + 1:
                    return -BAD_RUN
                continue
            run = 1 << zeros
            if zeros:
                run += _bits(data, state, zeros)
            return run - 1
        k += zeros
        if k > stop:
            return -BAD_RUN
        _bits(data, state, size)
        if keep:
            seen[k] = 1
        k += 1
    return 0


@kernel
def walk_interval(data, state, units, first_unit, row_units, layout, tables, progress, dc_limit, seen):
    """Walk the units of one restart interval.

    Parameters
    ----------
    data : np.ndarray [shape=(bytes,), dtype=uint8]
    state : np.ndarray [shape=(5,), dtype=int64]
        Position, end, 0, 0, 0; changed in place.
    units, first_unit : int
        Units (minimum coded units, or blocks of a scan of one component) in the interval, and the number of its first.
    row_units : int
        Units in a row.
    layout : np.ndarray [shape=(components, 6), dtype=int64]
        Blocks of a unit across and down, blocks in a row of the component, first block of the component in `seen`, DC
        and AC table.
    tables : np.ndarray [shape=(8, 304), dtype=int64]
        DC tables 0 to 3, AC tables 0 to 3: first code, last code and offset of each of 16 lengths, then 256 values.
    progress : np.ndarray [shape=(5,), dtype=int64]
        Spectral start and end, high and low bit of successive approximation, whether the frame is progressive.
    dc_limit : np.ndarray [shape=(components,), dtype=int64]
        Largest magnitude of a quantised mean.
    seen : np.ndarray [shape=(blocks, 64), dtype=uint8]
        Coefficients known to be non-zero; untouched and of any length unless the frame is progressive.

    Returns
    -------
    int, int
        Units that were decoded and one of the codes above.
    """
    start, stop, high, low, progressive = progress[0], progress[1], progress[2], progress[3], progress[4]
    predicted = np.zeros(len(layout), np.int64)
    none = np.zeros(64, np.uint8)
    run = 0
    for unit in range(units):
        row, column = (first_unit + unit) // row_units, (first_unit + unit) % row_units
        for c in range(len(layout)):
            across, down, width, base = layout[c, 0], layout[c, 1], layout[c, 2], layout[c, 3]
            dc, ac = tables[layout[c, 4]], tables[4 + layout[c, 5]]
            for j in range(down):
                for i in range(across):
                    if start == 0:
                        if high > 0:
                            _bits(data, state, 1)
                        else:
                            size = _code(data, state, dc[:16], dc[16:32], dc[32:48], dc[48:])
                            if size < 0 or size > 16:
                                return unit, BAD_CODE
                            if size:
                                value = _bits(data, state, size)
                                predicted[c] += value if value >> (size - 1) else value - (1 << size) + 1
                            if abs(predicted[c]) << low > dc_limit[c]:
                                return unit, BAD_DC
                    if stop > 0:
                        known = none
                        if progressive:
                            known = seen[base + (row * down + j) * width + column * across + i]
                        begin = max(start, 1)
                        if high > 0:
                            run = _refine_block(
                                data, state, ac[:16], ac[16:32], ac[32:48], ac[48:], known, begin, stop, run
                            )
                        else:
                            run = _first_block(
                                data,
                                state,
                                ac[:16],
                                ac[16:32],
                                ac[32:48],
                                ac[48:],
                                known,
                                begin,
                                stop,
                                run,
                                progressive,
                            )
                        if run < 0:
                            return unit, -run
        # Bits past the end that are still in the buffer were not used.
        if state[4] > state[3]:
            return unit, SHORT
    return units, OK
