"""Kernels of VP8's luma: prediction of 4x4 blocks from their neighbours, the inverse transform, and which quantiser
indices explain a block to the bit (RFC 6386 clauses 12 and 14).
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel

DC_STEPS = np.array([
    4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 17,
    18, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 25, 25, 26, 27, 28,
    29, 30, 31, 32, 33, 34, 35, 36, 37, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
    59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74,
    75, 76, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
    91, 93, 95, 96, 98, 100, 101, 102, 104, 106, 108, 110, 112, 114, 116, 118,
    122, 124, 126, 128, 130, 132, 134, 136, 138, 140, 143, 145, 148, 151, 154, 157,
], np.int64)  # fmt: skip
"""Steps of the first coefficient of a block by quantiser index: RFC 6386 clause 14.1."""
AC_STEPS = np.array([
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
    36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
    52, 53, 54, 55, 56, 57, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76,
    78, 80, 82, 84, 86, 88, 90, 92, 94, 96, 98, 100, 102, 104, 106, 108,
    110, 112, 114, 116, 119, 122, 125, 128, 131, 134, 137, 140, 143, 146, 149, 152,
    155, 158, 161, 164, 167, 170, 173, 177, 181, 185, 189, 193, 197, 201, 205, 209,
    213, 217, 221, 225, 229, 234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284,
], np.int64)  # fmt: skip
"""Steps of the others: the same clause."""
OPEN, PREDICTED, TELLING = 0, 1, 2
"""What is known of a block: samples in or beside it are not known; prediction gives it but for a constant; neither."""
WEAK, STRONG = 1, 2
"""How an index explains a block: by few coefficients, or by enough of them."""
MODES = 14
"""Ten of a block (clause 12.3) and four of its macroblock (12.2)."""
_COSINE, _SINE = 20091, 35468
"""sqrt(2) cos(pi / 8) - 1 and sqrt(2) sin(pi / 8) in units of 2^-16: clause 14.3."""
_REACH = 5.0
"""Squared distance of 16 samples from the ideal transform, in squared levels, beyond which no multiples are tried: of
30,000 random blocks the inverse transform's whole numbers leave 4.96 at most, 4.1 in all but one of a thousand."""


@kernel
def inverse_transform(coefficients, work, out):
    """Differences from the prediction of 16 coefficients, all int64 [16], row by row."""
    for i in range(4):
        first, second, third, fourth = (
            coefficients[i], coefficients[4 + i], coefficients[8 + i], coefficients[12 + i],
        )  # fmt: skip
        odd = ((second * _SINE) >> 16) - (((fourth * _COSINE) >> 16) + fourth)
        even = (((second * _COSINE) >> 16) + second) + ((fourth * _SINE) >> 16)
        work[i], work[4 + i] = first + third + even, first - third + odd
        work[8 + i], work[12 + i] = first - third - odd, first + third - even
    for i in range(4):
        first, second, third, fourth = work[4 * i] + 4, work[4 * i + 1], work[4 * i + 2], work[4 * i + 3]
        odd = ((second * _SINE) >> 16) - (((fourth * _COSINE) >> 16) + fourth)
        even = (((second * _COSINE) >> 16) + second) + ((fourth * _SINE) >> 16)
        out[4 * i], out[4 * i + 1] = (first + third + even) >> 3, (first - third + odd) >> 3
        out[4 * i + 2], out[4 * i + 3] = (first - third - odd) >> 3, (first + third - even) >> 3


@kernel
def _third(a, b, c):
    return (a + 2 * b + c + 2) >> 2


@kernel
def predict_block(mode, edge, out):
    """Prediction of a block, int64 [16]; edge: int64 [13], the four samples to the left from below, the corner, the
    eight above. Modes: DC, TM, VE, HE, RD, LD, VR, VL, HU, HD.
    """
    for y in range(4):
        for x in range(4):
            if mode == 0:
                value = 4
                for i in range(4):
                    value += edge[i] + edge[5 + i]
                value >>= 3
            elif mode == 1:
                value = min(max(edge[3 - y] + edge[5 + x] - edge[4], 0), 255)
            elif mode == 2:
                value = _third(edge[4 + x], edge[5 + x], edge[6 + x])
            elif mode == 3:
                value = _third(edge[4 - y], edge[3 - y], edge[max(2 - y, 0)])
            elif mode == 4:
                value = _third(edge[3 + x - y], edge[4 + x - y], edge[5 + x - y])
            elif mode == 5:
                value = _third(edge[5 + x + y], edge[6 + x + y], edge[min(7 + x + y, 12)])
            elif mode == 6:
                at = 2 * x - y
                if at < 0:
                    value = (
                        _third(edge[6 - y], edge[5 - y], edge[4 - y]) if at < -1 else _third(edge[3], edge[4], edge[5])
                    )
                else:
                    near = 4 + x - (y >> 1)
                    value = (
                        (edge[near] + edge[near + 1] + 1) >> 1
                        if at % 2 == 0
                        else _third(edge[near - 1], edge[near], edge[near + 1])
                    )
            elif mode == 7:
                near = 5 + x + (y >> 1)
                if x == 3 and y > 1:
                    value = _third(edge[7 + y], edge[8 + y], edge[9 + y])
                elif y % 2 == 0:
                    value = (edge[near] + edge[near + 1] + 1) >> 1
                else:
                    value = _third(edge[near], edge[near + 1], edge[near + 2])
            elif mode == 8:
                at = x + 2 * y
                near = 3 - (at >> 1)
                if at > 5:
                    value = edge[0]
                elif at % 2 == 0:
                    value = (edge[near] + edge[near - 1] + 1) >> 1
                else:
                    value = _third(edge[near], edge[near - 1], edge[max(near - 2, 0)])
            else:
                at = 2 * y - x
                if at < 0:
                    value = (
                        _third(edge[2 + x], edge[3 + x], edge[4 + x]) if at < -1 else _third(edge[3], edge[4], edge[5])
                    )
                else:
                    near = 3 - y + (x >> 1)
                    value = (
                        (edge[near] + edge[near + 1] + 1) >> 1
                        if at % 2 == 0
                        else _third(edge[near], edge[near + 1], edge[near + 2])
                    )
            out[4 * y + x] = value


@kernel
def predict_macroblock(mode, plane, top, left, y, x, out):
    """Part of a macroblock's prediction, int64 [16], for its block at (y, x). Modes: DC, TM, V, H."""
    if mode == 0:
        total = 16
        for i in range(16):
            total += plane[top - 1, left + i] + plane[top + i, left - 1]
        for i in range(16):
            out[i] = total >> 5
        return
    for i in range(4):
        for j in range(4):
            above, beside = plane[top - 1, x + j], plane[y + i, left - 1]
            if mode == 1:
                out[4 * i + j] = min(max(above + beside - plane[top - 1, left - 1], 0), 255)
            else:
                out[4 * i + j] = above if mode == 2 else beside


@kernel
def _known_around(known, y, x):
    """Whether a block and the row and column before it are known."""
    count = 0
    for i in range(-1, 4):
        for j in range(-1, 4):
            count += known[y + i, x + j]
    return count == 25


@kernel
def _edge_of(plane, top, y, x, last, edge):
    """What `predict_block` takes; the four samples beyond the upper right come from the row above the macroblock where
    the block is its `last` in the row.
    """
    row = top - 1 if last else y - 1
    for i in range(4):
        edge[3 - i], edge[5 + i], edge[9 + i] = plane[y + i, x - 1], plane[y - 1, x + i], plane[row, x + 4 + i]
    edge[4] = plane[y - 1, x - 1]


@kernel
def _explained(difference, waves, dc_steps, ac_steps, bits, whole, ideal, taken, work, out, fits):
    """Sets `fits` [n] to `WEAK` or `STRONG` for each index under which a difference, int64 [16], comes out of multiples
    of its steps, some beyond the first; that has any value where it comes from the macroblock's transform (`whole`).
    """
    for k in range(16):
        total = 0.0
        for p in range(16):
            total += waves[k, p] * difference[p]
        ideal[k] = total
    for index in range(len(ac_steps)):
        off, some = 0.0, 0
        for k in range(16):
            step = ac_steps[index] if k else (1 if whole else dc_steps[index])
            taken[k] = np.int64(np.rint(ideal[k] / step)) * step
            off += (ideal[k] - taken[k]) ** 2
            some += k and taken[k] != 0
        if some == 0 or off > 4 * _REACH:
            continue
        inverse_transform(taken, work, out)
        same = 0
        for p in range(16):
            same += out[p] == difference[p]
        if same == 16:
            strong = some * np.log2(ac_steps[index] / 2) >= bits
            fits[index] = max(fits[index], STRONG if strong else WEAK)


@kernel
def explain_blocks(plane, known, first_row, first_column, waves, dc_steps, ac_steps, bits, state, fits):
    """State and explaining indices of the blocks of all macroblocks with neighbours; how many blocks there are.

    plane: int64 [height, width]; known: bool of its shape; waves: float64 [16, 16], the forward transform; bits: what a
    strong explanation is worth at least; state: uint8 [n]; fits: uint8 [n, indices], 0 before.
    """
    edge, predicted, difference = np.empty(13, np.int64), np.empty(16, np.int64), np.empty(16, np.int64)
    ideal, taken = np.empty(16), np.empty(16, np.int64)
    work, out = np.empty(16, np.int64), np.empty(16, np.int64)
    count = 0
    for top in range(first_row, plane.shape[0] - 15, 16):
        for left in range(first_column, plane.shape[1] - 19, 16):
            if top < 1 or left < 1:
                continue
            for block in range(16):
                y, x = top + 4 * (block >> 2), left + 4 * (block & 3)
                if not _known_around(known, y, x):
                    state[count] = OPEN
                    count += 1
                    continue
                state[count] = TELLING
                _edge_of(plane, top, y, x, block & 3 == 3, edge)
                for mode in range(MODES):
                    if mode < 10:
                        predict_block(mode, edge, predicted)
                    else:
                        predict_macroblock(mode - 10, plane, top, left, y, x, predicted)
                    apart = 0
                    for p in range(16):
                        difference[p] = plane[y + (p >> 2), x + (p & 3)] - predicted[p]
                        apart += difference[p] != difference[0]
                    if apart == 0:
                        state[count] = PREDICTED
                        break
                    _explained(
                        difference, waves, dc_steps, ac_steps, bits, mode >= 10, ideal, taken, work, out, fits[count]
                    )
                count += 1
    return count
