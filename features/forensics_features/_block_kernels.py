"""Kernels of `block_dct`: sliding block DCTs, blocks side by side, histograms and shapes of coefficients. They know
only arrays.

Planes are C-ordered float32; block sides are four or eight where weights are applied here.
"""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import fast_kernel, kernel

CHAINS = 8
"""Rows of a histogram that is counted by column; a multiple of the block sides."""
_DEALT = 512  # blocks whose columns are transformed before their rows are
_WHOLE = 32  # rows padded to a multiple of this leave no remainder after whole vector registers


@fast_kernel
def fold_rows(plane: np.ndarray, i: int, sums: np.ndarray) -> None:
    """sums[n] = row i + n plus row i + size - 1 - n, then as many differences: what even and odd frequencies are made
    of.
    """
    size = sums.shape[0]
    for n in range(size // 2):
        upper, lower = plane[i + n], plane[i + size - 1 - n]
        plus, minus = sums[n], sums[size // 2 + n]
        for j in range(plane.shape[1]):
            plus[j] = upper[j] + lower[j]
            minus[j] = upper[j] - lower[j]


@fast_kernel
def vertical_frequency(sums: np.ndarray, k: int, w: np.ndarray, out: np.ndarray) -> None:
    """Frequency k of every column from `fold_rows`ed rows; `w` is the first half of its weights."""
    half = w.shape[0]
    first = half * (k % 2)
    a, b = sums[first], sums[first + 1]
    w0, w1 = w[0], w[1]
    if half == 2:
        for j in range(out.shape[0]):
            out[j] = w0 * a[j] + w1 * b[j]
        return
    c, d = sums[first + 2], sums[first + 3]
    w2, w3 = w[2], w[3]
    for j in range(out.shape[0]):
        out[j] = w0 * a[j] + w1 * b[j] + w2 * c[j] + w3 * d[j]


@fast_kernel
def _four_of_four(line: np.ndarray, basis: np.ndarray, constant: np.float32, out: np.ndarray, near: np.ndarray) -> None:
    """The four frequencies of blocks of four samples at every sample; adds to near[j] how many are under 1/2, the first
    `constant` times.
    """
    half, one, zero = np.float32(0.5), np.float32(1), np.float32(0)
    x1, x2, x3 = line[1:], line[2:], line[3:]
    o0, o1, o2, o3 = out[0], out[1], out[2], out[3]
    w0, w1, w2 = basis[0, 0], basis[1, 0], basis[1, 1]
    for j in range(near.shape[0]):
        p, q = line[j] + x3[j], x1[j] + x2[j]
        d, e = line[j] - x3[j], x1[j] - x2[j]
        c0, c2 = w0 * (p + q), w0 * (p - q)
        c1, c3 = w1 * d + w2 * e, w2 * d - w1 * e
        o0[j] = c0
        o1[j] = c1
        o2[j] = c2
        o3[j] = c3
        count = (
            (one if abs(c1) < half else zero) + (one if abs(c2) < half else zero) + (one if abs(c3) < half else zero)
        )
        near[j] += count + (constant if abs(c0) < half else zero)


@fast_kernel
def _five_of_eight(
    line: np.ndarray, basis: np.ndarray, constant: np.float32, out: np.ndarray, near: np.ndarray
) -> None:
    """As `_four_of_four` for the five lowest frequencies of blocks of eight samples."""
    half, one, zero = np.float32(0.5), np.float32(1), np.float32(0)
    x1, x2, x3, x4, x5, x6, x7 = line[1:], line[2:], line[3:], line[4:], line[5:], line[6:], line[7:]
    o0, o1, o2, o3, o4 = out[0], out[1], out[2], out[3], out[4]
    w = basis[0, 0]
    a0, a1, a2, a3 = basis[1, 0], basis[1, 1], basis[1, 2], basis[1, 3]
    b0, b1 = basis[2, 0], basis[2, 1]
    for j in range(near.shape[0]):
        p0, p1, p2, p3 = line[j] + x7[j], x1[j] + x6[j], x2[j] + x5[j], x3[j] + x4[j]
        d0, d1, d2, d3 = line[j] - x7[j], x1[j] - x6[j], x2[j] - x5[j], x3[j] - x4[j]
        outer, inner = p0 + p3, p1 + p2
        c0, c4 = w * (outer + inner), w * (outer - inner)
        c2 = b0 * (p0 - p3) + b1 * (p1 - p2)
        c1 = a0 * d0 + a1 * d1 + a2 * d2 + a3 * d3
        c3 = a1 * d0 - a3 * d1 - a0 * d2 - a2 * d3
        o0[j] = c0
        o1[j] = c1
        o2[j] = c2
        o3[j] = c3
        o4[j] = c4
        count = (
            (one if abs(c1) < half else zero) + (one if abs(c2) < half else zero) + (one if abs(c3) < half else zero)
        )
        near[j] += count + (one if abs(c4) < half else zero) + (constant if abs(c0) < half else zero)


@kernel
def _codes(values: np.ndarray, scale: np.float32, last: int, codes: np.ndarray) -> None:
    """Bins of |values|, the last for all that lies beyond."""
    limit = np.float32(last)
    for j in range(codes.shape[0]):
        codes[j] = np.uint32(np.int32(min(abs(values[j]) * scale, limit)))


@kernel
def count_by_column(codes: np.ndarray, counts: np.ndarray) -> None:
    """Count codes[j] in row j modulo `CHAINS`, the number of rows: increments side by side do not wait for each
    other.
    """
    size = codes.shape[0]
    a, b, c, d, e, f, g, h = counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[6], counts[7]
    whole = size - size % CHAINS
    for j in range(0, whole, CHAINS):
        a[codes[j]] += 1
        b[codes[j + 1]] += 1
        c[codes[j + 2]] += 1
        d[codes[j + 3]] += 1
        e[codes[j + 4]] += 1
        f[codes[j + 5]] += 1
        g[codes[j + 6]] += 1
        h[codes[j + 7]] += 1
    for j in range(whole, size):
        counts[j - whole, codes[j]] += 1


@kernel
def phase_scan(
    plane: np.ndarray,
    basis: np.ndarray,
    scan_index: np.ndarray,
    inverse_bin: float,
    thin: int,
    zeros: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Near-zero counts and histograms of a sliding DCT, by grid phase, in every `thin`-th band of `size` rows.

    `basis` holds the kept frequencies, (kept, size): four of four or five of eight. `zeros` is (size * size,) int64;
    `counts` is (size, scanned, CHAINS, bins + 1) int32 and takes |c| * inverse_bin for coefficients with `scan_index`
    >= 0, by the row's phase and by the column modulo `CHAINS`, the last bin all that lies beyond.
    """
    kept, size = basis.shape
    width = plane.shape[1] - size + 1
    scale = np.float32(inverse_bin)
    padded = -(-width // _WHOLE) * _WHOLE
    line = np.zeros(padded + size, np.float32)
    sums = np.empty((size, plane.shape[1]), np.float32)
    values = np.empty((kept, padded), np.float32)
    near = np.empty(padded, np.float32)
    codes = np.empty(width, np.uint32)
    for phase in range(size):  # the counts of a row's phase stay in the cache
        for i in range(phase, plane.shape[0] - size + 1, size):
            if i // size % thin:
                continue
            near[:] = 0
            fold_rows(plane, i, sums)
            for k in range(kept):
                vertical_frequency(sums, k, basis[k, : size // 2], line[: plane.shape[1]])
                constant = np.float32(k > 0)
                if size == 4:
                    _four_of_four(line, basis, constant, values, near)
                else:
                    _five_of_eight(line, basis, constant, values, near)
                for m in range(kept):
                    index = scan_index[k, m]
                    if index >= 0:
                        _codes(values[m], scale, counts.shape[3] - 1, codes)
                        count_by_column(codes, counts[phase, index])
            for p in range(size):
                total = np.float32(0)
                for j in range(p, width, size):
                    total += near[j]
                zeros[phase * size + p] += np.int64(total)


@fast_kernel
def _combine(plane: np.ndarray, top: int, left: int, weights: np.ndarray, out: np.ndarray) -> None:
    """out[j] = sum over n of weights[n] plane[top + n, left + j], four rows at a time."""
    for n in range(0, weights.shape[0], 4):
        a, b, c, d = (
            plane[top + n][left:],
            plane[top + n + 1][left:],
            plane[top + n + 2][left:],
            plane[top + n + 3][left:],
        )
        w0, w1, w2, w3 = weights[n], weights[n + 1], weights[n + 2], weights[n + 3]
        if n == 0:
            for j in range(out.shape[0]):
                out[j] = w0 * a[j] + w1 * b[j] + w2 * c[j] + w3 * d[j]
        else:
            for j in range(out.shape[0]):
                out[j] += w0 * a[j] + w1 * b[j] + w2 * c[j] + w3 * d[j]


@fast_kernel
def block_dct(plane: np.ndarray, top: int, left: int, columns: int, basis: np.ndarray, out: np.ndarray) -> None:
    """DCT of the blocks that start at (top, left), row by row of `columns` blocks, into `out` [shape=(kept, kept,
    blocks)].

    `basis` holds the kept frequencies, (kept, size), `size` a multiple of four. Columns first; then samples at one
    place of their block are dealt side by side, some rows of blocks together, so that the second pass runs along long
    lines as well.
    """
    kept, size = basis.shape
    rows = out.shape[2] // columns
    together = max(1, _DEALT // columns)
    line = np.empty(columns * size, np.float32)
    dealt = np.empty((kept, size, together * columns), np.float32)
    for start in range(0, rows, together):
        count = min(together, rows - start)
        for i in range(count):
            first = top + (start + i) * size
            for k in range(kept):
                _combine(plane, first, left, basis[k], line)
                for q in range(size):
                    target = dealt[k, q][i * columns :]
                    for j in range(columns):
                        target[j] = line[j * size + q]
        end = count * columns
        for k in range(kept):
            for m in range(kept):
                _combine(dealt[k], 0, 0, basis[m], out[k, m][start * columns : start * columns + end])


@kernel
def count_magnitudes(rows: np.ndarray, inverse_bin: float, counts: np.ndarray) -> None:
    """Add |rows| * inverse_bin to `counts` [shape=(1 or len(rows), bins), dtype=int32], pooled in the first case;
    larger ones are left out.
    """
    bins = counts.shape[1]
    scale = np.float32(inverse_bin)
    width = rows.shape[1]
    codes = np.empty(width, np.uint32)
    parts = np.zeros((CHAINS, bins + 1), np.int32)
    for i in range(rows.shape[0]):
        _codes(rows[i], scale, bins, codes)
        count_by_column(codes, parts)
        target = counts[min(i, counts.shape[0] - 1)]
        for k in range(CHAINS):
            for b in range(bins):
                target[b] += parts[k, b]
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
