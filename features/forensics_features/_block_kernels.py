"""Kernels of `block_dct`: sliding block DCTs, blocks side by side, histograms and shapes of coefficients. They know only arrays.

Planes are C-ordered float32; block sides are four or eight where weights are applied here.
"""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import fast_kernel, kernel

_WHOLE = 32  # rows padded to a multiple of this leave no remainder beside whole vector registers


@fast_kernel
def _vertical(plane: np.ndarray, i: int, w: np.ndarray, out: np.ndarray) -> None:
    """out[j] = sum over n of w[n] plane[i + n, j]."""
    a, b, c, d = plane[i], plane[i + 1], plane[i + 2], plane[i + 3]
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    if w.shape[0] == 4:
        for j in range(out.shape[0]):
            out[j] = w0 * a[j] + w1 * b[j] + w2 * c[j] + w3 * d[j]
        return
    e, f, g, h = plane[i + 4], plane[i + 5], plane[i + 6], plane[i + 7]
    w4, w5, w6, w7 = w[4], w[5], w[6], w[7]
    for j in range(out.shape[0]):
        low = w0 * a[j] + w1 * b[j] + w2 * c[j] + w3 * d[j]
        out[j] = low + w4 * e[j] + w5 * f[j] + w6 * g[j] + w7 * h[j]


@fast_kernel
def _horizontal(line: np.ndarray, w: np.ndarray, out: np.ndarray, near: np.ndarray) -> None:
    """out[j] = sum over n of w[n] line[j + n]; adds to near[j] whether it is under 1/2."""
    half = np.float32(0.5)
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    if w.shape[0] == 4:
        for j in range(out.shape[0]):
            c = w0 * line[j] + w1 * line[j + 1] + w2 * line[j + 2] + w3 * line[j + 3]
            out[j] = c
            near[j] += np.int32(abs(c) < half)
        return
    w4, w5, w6, w7 = w[4], w[5], w[6], w[7]
    for j in range(out.shape[0]):
        low = w0 * line[j] + w1 * line[j + 1] + w2 * line[j + 2] + w3 * line[j + 3]
        c = low + w4 * line[j + 4] + w5 * line[j + 5] + w6 * line[j + 6] + w7 * line[j + 7]
        out[j] = c
        near[j] += np.int32(abs(c) < half)


@kernel
def _codes(values: np.ndarray, scale: np.float32, last: int, codes: np.ndarray) -> None:
    """Bins of |values|, the last for all that lies beyond."""
    limit = np.float32(last)
    for j in range(codes.shape[0]):
        codes[j] = np.uint32(np.int32(min(abs(values[j]) * scale, limit)))


@kernel
def _count_by_column(codes: np.ndarray, counts: np.ndarray) -> None:
    """Count codes[j] in row j modulo the number of rows, a multiple of four: four at a time do not wait for each other."""
    size = codes.shape[0]
    period = counts.shape[0]
    for first in range(0, period, 4):
        a, b, c, d = counts[first], counts[first + 1], counts[first + 2], counts[first + 3]
        for j in range(first, size - 3, period):
            a[codes[j]] += 1
            b[codes[j + 1]] += 1
            c[codes[j + 2]] += 1
            d[codes[j + 3]] += 1
        rest = (size - first) % period
        if rest < 4:
            for n in range(rest):
                counts[first + n, codes[size - rest + n]] += 1


@kernel
def phase_scan(
    plane: np.ndarray, basis: np.ndarray, scan_index: np.ndarray, inverse_bin: float, zeros: np.ndarray, counts: np.ndarray
) -> None:
    """Near-zero counts and histograms of a sliding DCT, by grid phase.

    `basis` holds the kept frequencies, (kept, size). `zeros` is (size * size,) int64; `counts` is (size, scanned, size, bins + 1)
    int32 and takes |c| * inverse_bin for coefficients with `scan_index` >= 0, by the row's and the column's phase, the last bin all
    that lies beyond.
    """
    kept, size = basis.shape
    width = plane.shape[1] - size + 1
    scale = np.float32(inverse_bin)
    padded = -(-width // _WHOLE) * _WHOLE
    line = np.zeros(padded + size, np.float32)
    values = np.empty(padded, np.float32)
    near = np.empty(padded, np.int32)
    codes = np.empty(width, np.uint32)
    for i in range(plane.shape[0] - size + 1):
        near[:] = 0
        for k in range(kept):
            _vertical(plane, i, basis[k], line[: plane.shape[1]])
            for m in range(kept):
                if k + m == 0:
                    continue
                _horizontal(line, basis[m], values, near)
                index = scan_index[k, m]
                if index >= 0:
                    _codes(values, scale, counts.shape[3] - 1, codes)
                    _count_by_column(codes, counts[i % size, index])
        for p in range(size):
            total = 0
            for j in range(p, width, size):
                total += near[j]
            zeros[(i % size) * size + p] += total


@kernel
def deal_blocks(plane: np.ndarray, top: int, left: int, size: int, columns: int, blocks: np.ndarray) -> None:
    """Write the blocks that start at (top, left) into the columns of `blocks` [shape=(size * size, rows * columns)]."""
    for i in range(blocks.shape[1] // columns):
        for n in range(size):
            row = plane[top + i * size + n]
            for q in range(size):
                target = blocks[n * size + q]
                for j in range(columns):
                    target[i * columns + j] = row[left + j * size + q]


@kernel
def count_magnitudes(rows: np.ndarray, inverse_bin: float, counts: np.ndarray) -> None:
    """Add |rows| * inverse_bin to `counts` [shape=(1 or len(rows), bins), dtype=int32], pooled in the first case; larger ones are left out."""
    bins = counts.shape[1]
    scale = np.float32(inverse_bin)
    width = rows.shape[1]
    codes = np.empty(width, np.uint32)
    parts = np.zeros((4, bins + 1), np.int32)
    for i in range(rows.shape[0]):
        _codes(rows[i], scale, bins, codes)
        _count_by_column(codes, parts)
        target = counts[min(i, counts.shape[0] - 1)]
        for b in range(bins):
            target[b] += parts[0, b] + parts[1, b] + parts[2, b] + parts[3, b]
        parts[:] = 0


@fast_kernel
def band_sums(coefficients: np.ndarray, band: np.ndarray, sums: np.ndarray) -> None:
    """Count, counts of |c| < 0.5 and < 1, sums of |c| and c^2 by band into `sums` [shape=(bands, 5), dtype=float64].

    `band` is (8, 8), -1 for frequencies that are left out.
    """
    size = coefficients.shape[2]
    for k in range(band.shape[0]):
        for m in range(band.shape[1]):
            if band[k, m] < 0:
                continue
            out = sums[band[k, m]]
            row = coefficients[k, m]
            out[0] += size
            for start in range(0, size, 1024):
                half = one = magnitude = energy = np.float32(0)
                for j in range(start, min(start + 1024, size)):
                    c = abs(row[j])
                    half += np.float32(c < np.float32(0.5))
                    one += np.float32(c < np.float32(1))
                    magnitude += c
                    energy += c * c
                out[1] += half
                out[2] += one
                out[3] += magnitude
                out[4] += energy
