"""Kernels of `enlargement`: resampling matrices as bands, their normal equations, and whole-number solutions.

A resampling matrix of m outputs and n inputs is kept as the first input `first[i]` of every output and its `taps`
weights `weights[i]`. Arrays of samples are laid out (place, line): loops over lines are the inner ones.
"""

from __future__ import annotations

import math

import numpy as np

from forensics_features._four import four_of, load, minus, plus, spread, store, times, zeros
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
            total = load(row, d, 0)
            for e in range(1, taps - d):
                total = minus(total, times(load(row, d + e, 0), load(before, e, 0)))
            store(times(total, load(before, 0, 0)), row, d, 0)
        total = plus(load(row, 0, 0), four_of(ridge))
        for d in range(1, taps):
            total = minus(total, times(load(row, d, 0), load(row, d, 0)))
        store(total, row, 0, 0)
        for v in range(four):
            row[0, v] = 1.0 / math.sqrt(max(row[0, v], 1e-12))


@fast_kernel
def energy_of_lines(
    samples: np.ndarray,
    first: np.ndarray,
    phase: np.ndarray,
    table: np.ndarray,
    lower: np.ndarray,
    work: np.ndarray,
    out: np.ndarray,
) -> None:
    """Energy of twelve or sixteen lines within the range of A, whose weights are the rows `phase` of `table`; samples
    (m, lines), `first` ascending, `lower` with its diagonal inverted, work (n, lines), out (1, lines).
    """
    n, taps = lower.shape
    sixteen = samples.shape[1] == 16
    low = high = 0
    energy_a = energy_b = energy_c = energy_d = zeros()
    for j in range(n):
        while low < len(first) and first[low] + taps <= j:
            low += 1
        while high < len(first) and first[high] <= j:
            high += 1
        a = b = c = d = zeros()
        for i in range(low, high):
            w = spread(table, phase[i], j - first[i])
            a = plus(a, times(w, load(samples, i, 0)))
            b = plus(b, times(w, load(samples, i, 4)))
            c = plus(c, times(w, load(samples, i, 8)))
            if sixteen:
                d = plus(d, times(w, load(samples, i, 12)))
        for t in range(min(taps - 1, j), 0, -1):
            w = spread(lower, j, t)
            a = minus(a, times(w, load(work, j - t, 0)))
            b = minus(b, times(w, load(work, j - t, 4)))
            c = minus(c, times(w, load(work, j - t, 8)))
            if sixteen:
                d = minus(d, times(w, load(work, j - t, 12)))
        w = spread(lower, j, 0)
        a, b, c, d = times(a, w), times(b, w), times(c, w), times(d, w)
        store(a, work, j, 0)
        store(b, work, j, 4)
        store(c, work, j, 8)
        energy_a, energy_b, energy_c = (
            plus(energy_a, times(a, a)),
            plus(energy_b, times(b, b)),
            plus(energy_c, times(c, c)),
        )
        if sixteen:
            store(d, work, j, 12)
            energy_d = plus(energy_d, times(d, d))
    store(energy_a, out, 0, 0)
    store(energy_b, out, 0, 4)
    store(energy_c, out, 0, 8)
    if sixteen:
        store(energy_d, out, 0, 12)


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
    together: int,
    out: np.ndarray,
) -> None:
    """Residual variance per missing dimension of every line for every pair of slope and offset.

    Output i of the segment lies at input place slope * (i + start) + offset of the picture; the inputs that the segment
    touches are free. `samples` has shape (m, lines), lines a multiple of `together`, twelve or sixteen, which are tried
    at once; `out` (pairs, lines); -1 where fewer than four dimensions are missing. `counts` and `kept` are those of
    `factor_pairs`.
    """
    m, lines = samples.shape
    taps = table.shape[1]
    first, phase = np.zeros(m, np.int64), np.zeros(m, np.int64)
    work, energy = np.empty((m + taps + 2, together)), np.zeros(lines)
    for i in range(m):
        for k in range(lines):
            energy[k] += samples[i, k] * samples[i, k]
    row = 0
    for p in range(len(slopes)):
        n, found = counts[p], out[p : p + 1]
        if n == 0:
            found[:] = -1.0
            continue
        _fill_places(slopes[p], slopes[p] * start + offsets[p], taps // 2, len(table) - 1, first, phase)
        lower = kept[row : row + n]
        row += n
        for g in range(0, lines, together):
            energy_of_lines(samples[:, g : g + together], first, phase, table, lower, work, found[:, g : g + together])
        for k in range(lines):
            found[0, k] = max(energy[k] - found[0, k], 0.0) / (m - n)


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
