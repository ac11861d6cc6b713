"""Kernels of JPEG XR's lapped transform: its forward lifting steps without their roundings, on planes cut into cosets.

A plane is held as `cosets[4 * (row % 4) + column % 4, row // 4, column // 4]`, so that at every phase of the 4x4 grid
the 16 samples of neighbouring blocks lie in 16 contiguous rows. Blocks are worked on `LANES` side by side:
`lanes[k * LANES + b]` is sample k (row by row) of block b, which lets every lifting step run on whole vectors.

The steps are those of ITU-T T.832, clause 9.9 (inverse) and annex D (forward).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from forensics_features._kernel import fast_kernel, kernel
from forensics_features.comb import BINS

LANES = 64
"""Blocks worked on side by side."""
BINS_PER_UNIT = 16
"""Bins of the fine magnitude histogram per unit of the samples."""
COARSENING = 8
"""Bins of the fine histogram in one of the coarse histogram."""
MAGNITUDE_BINS = COARSENING * BINS
"""Magnitudes are counted up to MAGNITUDE_BINS / BINS_PER_UNIT = 128."""

_BINS_PER_UNIT = np.float32(BINS_PER_UNIT)
_HALF = np.float32(1 / 2)
_3_4 = np.float32(3 / 4)
_3_8 = np.float32(3 / 8)
_3_16 = np.float32(3 / 16)
_7_1024 = np.float32(7 / 1024)


@fast_kernel
def _hadamard(a: Any, b: Any, c: Any, d: Any) -> Any:
    """2x2 Hadamard transform, orthonormal (T_2x2h)."""
    s = a + d
    t = b - c
    h = (s - t) * _HALF
    c2 = h - d
    d2 = h - c
    return s - d2, t + c2, c2, d2


@fast_kernel
def _rotate_both(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Rotation by pi/8 along both axes: the overlap operator's corner and, with b and c negated, T_odd_odd."""
    d += a
    c -= b
    t1 = d * _HALF
    t2 = c * _HALF
    a -= t1
    b += t2
    a += b * _3_8
    b -= a * _3_4
    a += b * _3_8
    b -= t2
    a += t1
    return a, b, c + b, d - a


@fast_kernel
def _rotate_one(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Rotation by pi/8 along one axis, butterfly along the other (T_odd)."""
    b -= c
    a += d
    c += b * _HALF
    d = a * _HALF - d
    b -= a * _3_8
    a += b * _3_8
    d -= c * _3_8
    c += d * _3_8
    d += b * _HALF
    c -= a * _HALF
    return a + c, b - d, c, d


@fast_kernel
def _scaled_hadamard(a: Any, b: Any, c: Any, d: Any) -> Any:
    """2x2 Hadamard transform with the overlap operator's scaling between its first and last output."""
    s = a + d
    t = b - c
    e = (s - t) * _HALF - d
    f = c + t * _HALF
    t += e
    s -= f * _3_8
    f -= s * _7_1024
    f -= s * _3_16
    s -= f * _3_8
    f = s * _HALF - f
    return s - f, t, e, f


@fast_kernel
def core_transform(lanes: np.ndarray, count: int) -> None:
    """4x4 core transform of `count` blocks in place; sample 0 becomes the DC value."""
    for j in range(count):
        p00, p03, p30, p33 = _hadamard(lanes[j], lanes[3 * LANES + j], lanes[12 * LANES + j], lanes[15 * LANES + j])
        p01, p02, p31, p32 = _hadamard(
            lanes[LANES + j], lanes[2 * LANES + j], lanes[13 * LANES + j], lanes[14 * LANES + j]
        )
        p10, p13, p20, p23 = _hadamard(
            lanes[4 * LANES + j], lanes[7 * LANES + j], lanes[8 * LANES + j], lanes[11 * LANES + j]
        )
        p11, p12, p21, p22 = _hadamard(
            lanes[5 * LANES + j], lanes[6 * LANES + j], lanes[9 * LANES + j], lanes[10 * LANES + j]
        )
        p00, p01, p10, p11 = _hadamard(p00, p01, p10, p11)
        p22, p23, p32, p33 = _rotate_both(p22, -p23, -p32, p33)
        p02, p03, p12, p13 = _rotate_one(p02, p03, p12, p13)
        p20, p30, p21, p31 = _rotate_one(p20, p30, p21, p31)
        lanes[j] = p00
        lanes[LANES + j] = p01
        lanes[2 * LANES + j] = p02
        lanes[3 * LANES + j] = p03
        lanes[4 * LANES + j] = p10
        lanes[5 * LANES + j] = p11
        lanes[6 * LANES + j] = p12
        lanes[7 * LANES + j] = p13
        lanes[8 * LANES + j] = p20
        lanes[9 * LANES + j] = p21
        lanes[10 * LANES + j] = p22
        lanes[11 * LANES + j] = p23
        lanes[12 * LANES + j] = p30
        lanes[13 * LANES + j] = p31
        lanes[14 * LANES + j] = p32
        lanes[15 * LANES + j] = p33


@fast_kernel
def overlap_transform(lanes: np.ndarray, count: int) -> None:
    """Overlap operator, forward, in place on `count` 4x4 patches, each centred on a corner shared by four blocks."""
    for j in range(count):
        p00, p03, p30, p33 = _scaled_hadamard(
            lanes[j], lanes[3 * LANES + j], lanes[12 * LANES + j], lanes[15 * LANES + j]
        )
        p01, p02, p31, p32 = _scaled_hadamard(
            lanes[LANES + j], lanes[2 * LANES + j], lanes[13 * LANES + j], lanes[14 * LANES + j]
        )
        p10, p13, p20, p23 = _scaled_hadamard(
            lanes[4 * LANES + j], lanes[7 * LANES + j], lanes[8 * LANES + j], lanes[11 * LANES + j]
        )
        p11, p12, p21, p22 = _scaled_hadamard(
            lanes[5 * LANES + j], lanes[6 * LANES + j], lanes[9 * LANES + j], lanes[10 * LANES + j]
        )
        p30 -= p31 * _HALF
        p31 += p30 * _HALF
        p20 -= p21 * _HALF
        p21 += p20 * _HALF
        p03 -= p13 * _HALF
        p13 += p03 * _HALF
        p02 -= p12 * _HALF
        p12 += p02 * _HALF
        p22, p23, p32, p33 = _rotate_both(p22, p23, p32, p33)
        p00, p03, p30, p33 = _hadamard(p00, p03, p30, p33)
        p01, p02, p31, p32 = _hadamard(p01, p02, p31, p32)
        p10, p13, p20, p23 = _hadamard(p10, p13, p20, p23)
        p11, p12, p21, p22 = _hadamard(p11, p12, p21, p22)
        lanes[j] = p00
        lanes[LANES + j] = p01
        lanes[2 * LANES + j] = p02
        lanes[3 * LANES + j] = p03
        lanes[4 * LANES + j] = p10
        lanes[5 * LANES + j] = p11
        lanes[6 * LANES + j] = p12
        lanes[7 * LANES + j] = p13
        lanes[8 * LANES + j] = p20
        lanes[9 * LANES + j] = p21
        lanes[10 * LANES + j] = p22
        lanes[11 * LANES + j] = p23
        lanes[12 * LANES + j] = p30
        lanes[13 * LANES + j] = p31
        lanes[14 * LANES + j] = p32
        lanes[15 * LANES + j] = p33


@kernel
def lapped_colour(rgb: np.ndarray, y: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
    """JPEG XR's luma (less 128) and colour differences of 8-bit RGB, without the roundings of the lifting steps."""
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            red = np.float32(rgb[i, j, 0])
            green = np.float32(rgb[i, j, 1])
            blue = np.float32(rgb[i, j, 2])
            mean = (red + blue) * _HALF
            v[i, j] = blue - red
            u[i, j] = green - mean
            y[i, j] = (green + mean) * _HALF - np.float32(128)


@kernel
def split_cosets(plane: np.ndarray, cosets: np.ndarray) -> None:
    """Write `plane` into `cosets` [shape=(16, ceil(height / 4), ceil(width / 4))]; the cells beyond it stay."""
    for row in range(plane.shape[0]):
        for column in range(plane.shape[1]):
            cosets[4 * (row % 4) + column % 4, row // 4, column // 4] = plane[row, column]


@kernel
def block_span(size: int, phase: int, lapped: bool) -> Any:
    """First sample and number of the whole blocks at `phase`; with `lapped`, of those with two samples more on each
    side.
    """
    margin = 2 if lapped else 0
    first = phase if phase >= margin else phase + 4
    return first, (size - margin - first) // 4


@kernel
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    for j in range(target.shape[0]):
        target[j] = source[j]


@kernel
def _fetch(cosets: np.ndarray, row: int, column: int, count: int, lanes: np.ndarray) -> None:
    """Read `count` blocks side by side, the first with its first sample at (row, column); rows wrap around."""
    for k in range(cosets.shape[0]):
        line = row + k // 4
        first = column + k % 4
        source = cosets[4 * (line % 4) + first % 4, (line // 4) % cosets.shape[1], first // 4 : first // 4 + count]
        _copy(source, lanes[k * LANES : k * LANES + count])


@kernel
def _overlap_row(cosets: np.ndarray, row: int, left: int, slot: int, lanes: np.ndarray, strips: np.ndarray) -> None:
    """Overlap operator on the row of patches whose first sample is at (row, left), into one of the two strips."""
    patches = strips.shape[2]
    for start in range(0, patches, LANES):
        count = min(LANES, patches - start)
        _fetch(cosets, row, left + 4 * start, count, lanes)
        overlap_transform(lanes, count)
        for k in range(strips.shape[0]):
            _copy(lanes[k * LANES : k * LANES + count], strips[k, slot, start : start + count])


@kernel
def _core_row(cosets: np.ndarray, row: int, left: int, index: int, lanes: np.ndarray, out: np.ndarray) -> None:
    """Core transform of the row of blocks whose first sample is at (row, left) into `out[:, index]`."""
    columns = out.shape[2]
    for start in range(0, columns, LANES):
        count = min(LANES, columns - start)
        _fetch(cosets, row, left + 4 * start, count, lanes)
        core_transform(lanes, count)
        for k in range(out.shape[0]):
            _copy(lanes[k * LANES : k * LANES + count], out[k, index, start : start + count])


@kernel
def transform_grid(cosets: np.ndarray, lapped: bool, top: int, left: int, row_step: int, out: np.ndarray) -> None:
    """Transform every `row_step`-th row of the blocks that start at (top, left) into `out` [shape=(16, rows, columns)].

    With `lapped` the overlap operator comes first; it reaches two samples beyond the blocks on each side.
    """
    lanes = np.empty(16 * LANES, np.float32)
    strips = np.empty((16, 2, out.shape[2] + 1), np.float32)
    reach = 2 if lapped else 0
    for i in range(out.shape[1]):
        row = top + 4 * i * row_step
        column = left
        source = cosets
        if lapped:
            slot = i % 2 if row_step == 1 else 0
            for side in range(0 if row_step > 1 or i == 0 else 1, 2):
                _overlap_row(cosets, row - reach + 2 * reach * side, left - reach, slot ^ side, lanes, strips)
            source, row, column = strips, 4 * slot + reach, reach
        _core_row(source, row, column, i, lanes, out)


@kernel
def magnitude_histograms(coefficients: np.ndarray, counts: np.ndarray, fine: np.ndarray, coarse: np.ndarray) -> None:
    """Histograms of the magnitudes of coefficients 1..15 [shape=(16, rows, columns)] in bins of 1/16 and of 1/2.

    `counts` is working space of `MAGNITUDE_BINS` + 1 cells; magnitudes past the last bin of a histogram are not in it.
    """
    counts[:] = 0
    last = np.float32(counts.shape[0] - 1)
    columns = coefficients.shape[2]
    codes = np.empty(columns, np.uint32)
    others = np.zeros((3, counts.shape[0]), np.int32)
    other, third, fourth = others[0], others[1], others[2]  # increments of one bin would wait for each other
    for k in range(1, coefficients.shape[0]):
        for i in range(coefficients.shape[1]):
            row = coefficients[k, i]
            for j in range(columns):
                codes[j] = np.uint32(np.int32(min(abs(row[j]) * _BINS_PER_UNIT, last)))
            whole = columns - columns % 4
            for j in range(0, whole, 4):
                counts[codes[j]] += 1
                other[codes[j + 1]] += 1
                third[codes[j + 2]] += 1
                fourth[codes[j + 3]] += 1
            for j in range(whole, columns):
                counts[codes[j]] += 1
    for c in range(counts.shape[0]):
        counts[c] += other[c] + third[c] + fourth[c]
    for b in range(fine.shape[0]):
        fine[b] = counts[b]
        total = 0
        for c in range(COARSENING * b, COARSENING * b + COARSENING):
            total += counts[c]
        coarse[b] = total


@kernel
def phase_histograms(cosets: np.ndarray, height: int, width: int, row_step: int, histograms: np.ndarray) -> None:
    """Histograms of the high-pass magnitudes at all phases of a plane of height x width samples.

    `histograms` [shape=(2, 16, 2, BINS), dtype=float32]: plain then lapped; phase 4 * row + column; fine then coarse.
    """
    counts = np.empty(MAGNITUDE_BINS + 1, np.int32)
    for lapped in range(2):
        for phase in range(16):
            top, rows = block_span(height, phase // 4, lapped == 1)
            left, columns = block_span(width, phase % 4, lapped == 1)
            out = np.empty((16, (rows + row_step - 1) // row_step, columns), np.float32)
            transform_grid(cosets, lapped == 1, top, left, row_step, out)
            magnitude_histograms(out, counts, histograms[lapped, phase, 0], histograms[lapped, phase, 1])
