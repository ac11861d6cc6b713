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
def residual_energy(
    samples: np.ndarray, first: np.ndarray, weights: np.ndarray, lower: np.ndarray, work: np.ndarray, out: np.ndarray
) -> None:
    """Energy of every line outside the range of A; samples (m, lines), work (n, lines), out (lines,)."""
    n, taps = lower.shape
    m, lines = samples.shape
    for j in range(n):
        for k in range(lines):
            work[j, k] = 0.0
    for k in range(lines):
        out[k] = 0.0
    for i in range(m):
        for k in range(lines):
            out[k] += samples[i, k] * samples[i, k]
        for t in range(taps):
            w = weights[i, t]
            j = first[i] + t
            for k in range(lines):
                work[j, k] += w * samples[i, k]
    for j in range(n):
        for d in range(1, min(taps - 1, j) + 1):
            w = lower[j, d]
            for k in range(lines):
                work[j, k] -= w * work[j - d, k]
        w = 1.0 / lower[j, 0]
        for k in range(lines):
            work[j, k] *= w
            out[k] -= work[j, k] * work[j, k]


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


@fast_kernel
def scan(
    samples: np.ndarray,
    start: float,
    slopes: np.ndarray,
    offsets: np.ndarray,
    table: np.ndarray,
    ridge: float,
    out: np.ndarray,
) -> None:
    """Residual variance per missing dimension of every line for every pair of slope and offset.

    Output i of the segment lies at input place slope * (i + start) + offset of the picture; the inputs that the segment
    touches are free. Weights are those of `fill_table` at the nearest phase. `samples` has shape (m, lines), `out`
    (pairs, lines); -1 where fewer than four dimensions are missing.
    """
    m, lines = samples.shape
    phases, taps = len(table) - 1, table.shape[1]
    radius = taps // 2
    first, weights = np.empty(m, np.int64), np.empty((m, taps))
    lower, work = np.empty((m + taps + 2, taps)), np.empty((m + taps + 2, lines))
    for p in range(len(slopes)):
        at = slopes[p] * start + offsets[p]
        base = math.floor(at) - radius + 1
        n = int(math.floor(slopes[p] * (m - 1) + at) - base) + radius + 1
        if m - n < 4:
            out[p, :] = -1.0
            continue
        for i in range(m):
            u = slopes[p] * i + at - base
            left = int(u)
            first[i] = left - radius + 1
            phase = int((u - left) * phases + 0.5)
            for k in range(taps):
                weights[i, k] = table[phase, k]
        factor_normal(first, weights, ridge, lower[:n])
        residual_energy(samples, first, weights, lower[:n], work[:n], out[p])
        for k in range(lines):
            out[p, k] = max(out[p, k], 0.0) / (m - n)


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
