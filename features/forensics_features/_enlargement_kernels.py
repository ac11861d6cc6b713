"""Kernels of `enlargement`: resampling matrices as bands, their normal equations, and whole-number solutions.

A resampling matrix of m outputs and n inputs is kept as the first input `first[i]` of every output and its `taps`
weights `weights[i]`. Arrays of samples are laid out (place, line): loops over lines are the inner ones.
"""

from __future__ import annotations

import math

import numpy as np

from forensics_features._kernel import fast_kernel, kernel

CUBIC, LANCZOS = 0, 1
"""Kinds of kernels: piecewise cubics with the parameters B and C (radius 1 with B = C = -1 is the triangle), windowed
sines of a radius.
"""


@kernel
def _weight(kind: int, b: float, c: float, radius: int, t: float) -> float:
    t = abs(t)
    if t >= radius:
        return 0.0
    if kind == 1:
        if t < 1e-12:
            return 1.0
        x = math.pi * t
        return radius * math.sin(x) * math.sin(x / radius) / (x * x)
    if radius == 1:
        return 1.0 - t
    if t < 1.0:
        return ((12.0 - 9.0 * b - 6.0 * c) * t * t * t + (-18.0 + 12.0 * b + 6.0 * c) * t * t + (6.0 - 2.0 * b)) / 6.0
    return (
        (-b - 6.0 * c) * t * t * t + (6.0 * b + 30.0 * c) * t * t + (-12.0 * b - 48.0 * c) * t + 8.0 * b + 24.0 * c
    ) / 6.0


@kernel
def fill_band(
    slope: float, offset: float, n: int, kind: int, b: float, c: float, radius: int, fold: bool,
    first: np.ndarray, weights: np.ndarray,
) -> None:  # fmt: skip
    """Weights of the outputs at input places slope * i + offset; 2 * radius taps.

    Inputs beyond the ends are the end's own where `fold`, else they are left out; weights sum to 1.
    """
    taps = weights.shape[1]
    for i in range(len(first)):
        u = slope * i + offset
        left = math.floor(u) - radius + 1
        start = min(max(left, 0), n - taps)
        first[i] = start
        total = 0.0
        for k in range(taps):
            weights[i, k] = 0.0
        for k in range(taps):
            j = left + k
            if (j < 0 or j >= n) and not fold:
                continue
            w = _weight(kind, b, c, radius, u - j)
            weights[i, min(max(j, 0), n - 1) - start] += w
            total += w
        for k in range(taps):
            weights[i, k] /= total


@fast_kernel
def factor_normal(first: np.ndarray, weights: np.ndarray, ridge: float, lower: np.ndarray) -> None:
    """The Cholesky factor of A'A + ridge by bands: lower[j, d] is L[j, j - d]; `lower` has shape (n, taps)."""
    n, taps = lower.shape
    lower[:] = 0.0
    for i in range(len(first)):
        start = first[i]
        for a in range(taps):
            for d in range(a + 1):
                lower[start + a, d] += weights[i, a] * weights[i, a - d]
    for j in range(n):
        lower[j, 0] += ridge
        for d in range(min(taps - 1, j), 0, -1):
            k = j - d
            total = lower[j, d]
            for e in range(1, taps - d):
                if k - e < 0:
                    break
                total -= lower[j, d + e] * lower[k, e]
            lower[j, d] = total / lower[k, 0]
        total = lower[j, 0]
        for d in range(1, min(taps - 1, j) + 1):
            total -= lower[j, d] * lower[j, d]
        lower[j, 0] = math.sqrt(max(total, 1e-12))


@fast_kernel
def factor_four(first: np.ndarray, phase: np.ndarray, table: np.ndarray, ridge: float, lower: np.ndarray) -> None:
    """`factor_normal` of four matrices at once, their numbers next to each other: `lower` (n, taps, 4), its diagonal
    inverted; first and phase (4, m), weights are rows of `table`.
    """
    n, taps, four = lower.shape
    lower[:] = 0.0
    for v in range(four):
        for i in range(first.shape[1]):
            w = table[phase[v, i]]
            part = lower[first[v, i] : first[v, i] + taps]
            for a in range(taps):
                for d in range(a + 1):
                    part[a, d, v] += w[a] * w[a - d]
    for j in range(n):
        row = lower[j]
        for d in range(min(taps - 1, j), 0, -1):
            before = lower[j - d]
            total = (row[d, 0], row[d, 1], row[d, 2], row[d, 3])
            for e in range(1, taps - d):
                total = _less_products(total, row[d + e], before[e])
            _put(_times(total, before[0]), row[d])
        total = (row[0, 0] + ridge, row[0, 1] + ridge, row[0, 2] + ridge, row[0, 3] + ridge)
        for d in range(1, taps):
            total = _less_products(total, row[d], row[d])
        for v in range(four):
            row[0, v] = 1.0 / math.sqrt(max(total[v], 1e-12))


# Four numbers at a time, so that they stay in one register; a loop over few lines costs more than what is in it.


@fast_kernel
def _less_products(total: tuple[float, ...], one: np.ndarray, other: np.ndarray) -> tuple[float, ...]:
    return (
        total[0] - one[0] * other[0],
        total[1] - one[1] * other[1],
        total[2] - one[2] * other[2],
        total[3] - one[3] * other[3],
    )


@fast_kernel
def _times(total: tuple[float, ...], by: np.ndarray) -> tuple[float, ...]:
    return total[0] * by[0], total[1] * by[1], total[2] * by[2], total[3] * by[3]


@fast_kernel
def _put(total: tuple[float, ...], out: np.ndarray) -> None:
    out[0] = total[0]
    out[1] = total[1]
    out[2] = total[2]
    out[3] = total[3]


@fast_kernel
def _plus(total: tuple[float, ...], w: float, rows: np.ndarray, i: int, k: int) -> tuple[float, ...]:
    return (
        total[0] + w * rows[i, k],
        total[1] + w * rows[i, k + 1],
        total[2] + w * rows[i, k + 2],
        total[3] + w * rows[i, k + 3],
    )


@fast_kernel
def _plus_squares(total: tuple[float, ...], one: tuple[float, ...]) -> tuple[float, ...]:
    return (
        total[0] + one[0] * one[0],
        total[1] + one[1] * one[1],
        total[2] + one[2] * one[2],
        total[3] + one[3] * one[3],
    )


@fast_kernel
def _scaled_into(total: tuple[float, ...], w: float, rows: np.ndarray, j: int, k: int) -> tuple[float, ...]:
    scaled = (total[0] * w, total[1] * w, total[2] * w, total[3] * w)
    rows[j, k] = scaled[0]
    rows[j, k + 1] = scaled[1]
    rows[j, k + 2] = scaled[2]
    rows[j, k + 3] = scaled[3]
    return scaled


@fast_kernel
def energy_of_twelve(
    samples: np.ndarray,
    first: np.ndarray,
    phase: np.ndarray,
    table: np.ndarray,
    lower: np.ndarray,
    work: np.ndarray,
    out: np.ndarray,
) -> None:
    """Energy of twelve lines within the range of A, whose weights are the rows `phase` of `table`; samples (m, 12),
    `first` ascending, `lower` with its diagonal inverted, work (n, 12), out (12,).
    """
    n, taps = lower.shape
    low = 0
    zero = (0.0, 0.0, 0.0, 0.0)
    first_energy = second_energy = third_energy = zero
    for j in range(n):
        while low < len(first) and first[low] + taps <= j:
            low += 1
        one = two = three = zero
        i = low
        while i < len(first) and first[i] <= j:
            w = table[phase[i], j - first[i]]
            one, two, three = _plus(one, w, samples, i, 0), _plus(two, w, samples, i, 4), _plus(three, w, samples, i, 8)
            i += 1
        for t in range(min(taps - 1, j), 0, -1):
            w = -lower[j, t]
            one, two = _plus(one, w, work, j - t, 0), _plus(two, w, work, j - t, 4)
            three = _plus(three, w, work, j - t, 8)
        w = lower[j, 0]
        first_energy = _plus_squares(first_energy, _scaled_into(one, w, work, j, 0))
        second_energy = _plus_squares(second_energy, _scaled_into(two, w, work, j, 4))
        third_energy = _plus_squares(third_energy, _scaled_into(three, w, work, j, 8))
    _put(first_energy, out[:4])
    _put(second_energy, out[4:8])
    _put(third_energy, out[8:12])


@fast_kernel
def energy_of_four(
    samples: np.ndarray,
    first: np.ndarray,
    phase: np.ndarray,
    table: np.ndarray,
    lower: np.ndarray,
    work: np.ndarray,
    out: np.ndarray,
) -> None:
    """As `energy_of_twelve`, of four lines."""
    n, taps = lower.shape
    low = 0
    zero = (0.0, 0.0, 0.0, 0.0)
    energy = zero
    for j in range(n):
        while low < len(first) and first[low] + taps <= j:
            low += 1
        one = zero
        i = low
        while i < len(first) and first[i] <= j:
            one = _plus(one, table[phase[i], j - first[i]], samples, i, 0)
            i += 1
        for t in range(min(taps - 1, j), 0, -1):
            one = _plus(one, -lower[j, t], work, j - t, 0)
        energy = _plus_squares(energy, _scaled_into(one, lower[j, 0], work, j, 0))
    _put(energy, out)


@fast_kernel
def solve(samples: np.ndarray, first: np.ndarray, weights: np.ndarray, lower: np.ndarray, out: np.ndarray) -> None:
    """Least squares inputs of every line: samples (m, lines), out (n, lines)."""
    n, taps = lower.shape
    m, lines = samples.shape
    out[:] = 0.0
    for i in range(m):
        for t in range(taps):
            w = weights[i, t]
            j = first[i] + t
            for k in range(lines):
                out[j, k] += w * samples[i, k]
    for j in range(n):
        for d in range(1, min(taps - 1, j) + 1):
            w = lower[j, d]
            for k in range(lines):
                out[j, k] -= w * out[j - d, k]
        w = 1.0 / lower[j, 0]
        for k in range(lines):
            out[j, k] *= w
    for j in range(n - 1, -1, -1):
        w = 1.0 / lower[j, 0]
        for k in range(lines):
            out[j, k] *= w
        for d in range(1, min(taps - 1, j) + 1):
            w = lower[j, d]
            for k in range(lines):
                out[j - d, k] -= w * out[j, k]


@kernel
def fill_table(kind: int, b: float, c: float, radius: int, table: np.ndarray) -> None:
    """Weights, summing to 1, of an output at the places 0, 1 / P, ... 1 behind an input; `table` has shape (P + 1, 2 *
    radius).
    """
    phases, taps = len(table) - 1, table.shape[1]
    for p in range(phases + 1):
        total = 0.0
        for k in range(taps):
            table[p, k] = _weight(kind, b, c, radius, p / phases + radius - 1 - k)
            total += table[p, k]
        for k in range(taps):
            table[p, k] /= total


@kernel
def count_inputs(
    m: int, start: float, slopes: np.ndarray, offsets: np.ndarray, radius: int, counts: np.ndarray
) -> None:
    """Inputs that m outputs touch, for each pair of slope and offset; 0 where fewer than four dimensions are
    missing.
    """
    for p in range(len(slopes)):
        at = slopes[p] * start + offsets[p]
        n = int(math.floor(slopes[p] * (m - 1) + at) - (math.floor(at) - radius + 1)) + radius + 1
        counts[p] = n if m - n >= 4 else 0


@fast_kernel
def _fill_places(slope: float, at: float, radius: int, phases: int, first: np.ndarray, phase: np.ndarray) -> None:
    """The first input of every output and the phase of its weights, the nearest of a table of `phases` + 1."""
    base = math.floor(at) - radius + 1
    for i in range(len(first)):
        u = slope * i + at - base
        left = int(u)
        first[i] = left - radius + 1
        phase[i] = int((u - left) * phases + 0.5)


@fast_kernel
def factor_pairs(
    m: int,
    start: float,
    slopes: np.ndarray,
    offsets: np.ndarray,
    table: np.ndarray,
    ridge: float,
    counts: np.ndarray,
    kept: np.ndarray,
) -> None:
    """Factors of the normal equations of every pair with inputs (`count_inputs`), four at once, one behind the other in
    the rows of `kept`, (inputs of all pairs, taps): `factor_normal`'s, the diagonal inverted.
    """
    taps = table.shape[1]
    first, phase = np.zeros((4, m), np.int64), np.zeros((4, m), np.int64)
    lower = np.empty((m + taps + 2, taps, 4))
    inputs = np.empty(4, np.int64)
    waiting, row = 0, 0
    for p in range(len(slopes)):
        if counts[p] > 0:
            at = slopes[p] * start + offsets[p]
            _fill_places(slopes[p], at, taps // 2, len(table) - 1, first[waiting], phase[waiting])
            inputs[waiting] = counts[p]
            waiting += 1
        if waiting < 4 and (p + 1 < len(slopes) or waiting == 0):
            continue
        most = 0
        for v in range(waiting):
            most = max(most, inputs[v])
        factor_four(first, phase, table, ridge, lower[:most])
        for v in range(waiting):
            for j in range(inputs[v]):
                for k in range(taps):
                    kept[row, k] = lower[j, k, v]
                row += 1
        waiting = 0


@fast_kernel
def scan(
    samples: np.ndarray,
    start: float,
    slopes: np.ndarray,
    offsets: np.ndarray,
    table: np.ndarray,
    counts: np.ndarray,
    kept: np.ndarray,
    out: np.ndarray,
) -> None:
    """Residual variance per missing dimension of every line for every pair of slope and offset.

    Output i of the segment lies at input place slope * (i + start) + offset of the picture; the inputs that the segment
    touches are free. `samples` has shape (m, lines), lines a multiple of four, `out` (pairs, lines); -1 where fewer
    than four dimensions are missing. `counts` and `kept` are those of `factor_pairs`. Twelve lines or four are tried at
    once.
    """
    m, lines = samples.shape
    taps = table.shape[1]
    first, phase = np.zeros(m, np.int64), np.zeros(m, np.int64)
    work, energy = np.empty((m + taps + 2, 12)), np.zeros(lines)
    for i in range(m):
        for k in range(lines):
            energy[k] += samples[i, k] * samples[i, k]
    row = 0
    for p in range(len(slopes)):
        n, found = counts[p], out[p]
        if n == 0:
            found[:] = -1.0
            continue
        _fill_places(slopes[p], slopes[p] * start + offsets[p], taps // 2, len(table) - 1, first, phase)
        lower = kept[row : row + n]
        row += n
        for g in range(0, lines - lines % 12, 12):
            energy_of_twelve(samples[:, g : g + 12], first, phase, table, lower, work, found[g : g + 12])
        for g in range(lines - lines % 12, lines, 4):
            energy_of_four(samples[:, g : g + 4], first, phase, table, lower, work, found[g : g + 4])
        for k in range(lines):
            found[k] = max(energy[k] - found[k], 0.0) / (m - n)


@kernel
def running_medians(values: np.ndarray, reach: int, out: np.ndarray) -> None:
    """Medians of each place and `reach` neighbours on either side, along the first axis, the ends repeated beyond
    themselves; shapes (m, lines), no NaN. The window is kept in order.
    """
    m, lines = values.shape
    size = 2 * reach + 1
    window = np.empty(size, values.dtype)
    for k in range(lines):
        for t in range(size):
            v = values[min(max(t - reach, 0), m - 1), k]
            at = t
            while at > 0 and window[at - 1] > v:
                window[at] = window[at - 1]
                at -= 1
            window[at] = v
        out[0, k] = window[reach]
        for i in range(1, m):
            old, new = values[max(i - reach - 1, 0), k], values[min(i + reach, m - 1), k]
            at = 0
            while window[at] != old:
                at += 1
            while at + 1 < size and window[at + 1] < new:
                window[at] = window[at + 1]
                at += 1
            while at > 0 and window[at - 1] > new:
                window[at] = window[at - 1]
                at -= 1
            window[at] = new
            out[i, k] = window[reach]
