"""Kernels of `wavelet`: lifting steps, histograms by parity, and band statistics. They know only arrays.

All arrays are C-ordered float32 planes unless said otherwise. Lifting is *undecimated*: a step is applied at every
sample, so that the coefficients of both parities of a direction come out of one pass; the samples at i = parity (mod 2)
are exactly those of the decimated transform, because a lifting step at one sample reads only neighbours of the other
parity.
"""

from __future__ import annotations

import math

import numpy as np

from forensics_features._kernel import fast_kernel, kernel

_STRIP = 16  # rows lifted together, so that they stay in the first cache


@fast_kernel
def reversible_components(rgb: np.ndarray, y: np.ndarray, u: np.ndarray, v: np.ndarray, green: np.ndarray) -> None:
    """Y = floor((R + 2 G + B) / 4), U = B - G, V = R - G and G of uint8 RGB (ISO/IEC 15444-1 clause G.2), written as
    float32.
    """
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            r = np.int32(rgb[i, j, 0])
            g = np.int32(rgb[i, j, 1])
            b = np.int32(rgb[i, j, 2])
            y[i, j] = (r + 2 * g + b) >> 2
            u[i, j] = b - g
            v[i, j] = r - g
            green[i, j] = g


@kernel
def lift_rows(
    target: np.ndarray, source: np.ndarray, factor: float, offset: float, floored: bool, first: int, stride: int
) -> None:
    """target[i] += factor * (source[i - 1] + source[i + 1]) for i in first::stride, whole-sample symmetric at the
    borders.

    `floored`: add sign(factor) * floor(|factor| * sum + offset) instead, as reversible transforms do. `source` may be
    `target` when `stride` is even.
    """
    height, width = target.shape
    size = np.float32(abs(factor))
    sign = np.float32(math.copysign(1.0, factor))
    shift = np.float32(offset)
    for i in range(first, height, stride):
        here = target[i]
        above = source[i - 1 if i > 0 else 1]
        below = source[i + 1 if i < height - 1 else height - 2]
        if floored:
            for j in range(width):
                here[j] += sign * np.floor(size * (above[j] + below[j]) + shift)
        else:
            for j in range(width):
                here[j] += sign * size * (above[j] + below[j])


@kernel
def lift_columns(target: np.ndarray, source: np.ndarray, factor: float, offset: float, floored: bool) -> None:
    """As `lift_rows` along each row, at every sample; `source` is another array than `target`."""
    height, width = target.shape
    size = np.float32(abs(factor))
    sign = np.float32(math.copysign(1.0, factor))
    shift = np.float32(offset)
    for i in range(height):
        here = target[i]
        before = source[i]
        inner = here[1:]
        right = before[2:]
        first = np.float32(2) * before[1]
        last = np.float32(2) * before[width - 2]
        if floored:
            for j in range(width - 2):
                inner[j] += sign * np.floor(size * (before[j] + right[j]) + shift)
            here[0] += sign * np.floor(size * first + shift)
            here[width - 1] += sign * np.floor(size * last + shift)
        else:
            for j in range(width - 2):
                inner[j] += sign * size * (before[j] + right[j])
            here[0] += sign * size * first
            here[width - 1] += sign * size * last


@kernel
def split_rows(high: np.ndarray, low: np.ndarray, steps: np.ndarray, floored: bool, parity: int, stride: int) -> None:
    """All lifting steps [shape=(n, 2): factor, offset] along columns, in turn on `high` and `low`.

    At every sample with stride 1. With stride 2 `high` and `low` are one array, lifted in place, with low-pass samples
    at rows = parity (mod 2).
    """
    for turn in range(steps.shape[0]):
        target, source = (high, low) if turn % 2 == 0 else (low, high)
        first = parity ^ 1 ^ (turn % 2) if stride == 2 else 0
        lift_rows(target, source, steps[turn, 0], steps[turn, 1], floored, first, stride)


@kernel
def split_columns(low: np.ndarray, high: np.ndarray, steps: np.ndarray, floored: bool) -> None:
    """As `split_rows` along each row at every sample; `low` holds the samples and `high` is written."""
    for i in range(0, low.shape[0], _STRIP):
        a = high[i : i + _STRIP]
        b = low[i : i + _STRIP]
        for r in range(a.shape[0]):
            for j in range(a.shape[1]):
                a[r, j] = b[r, j]
        for turn in range(steps.shape[0]):
            target, source = (a, b) if turn % 2 == 0 else (b, a)
            lift_columns(target, source, steps[turn, 0], steps[turn, 1], floored)


@fast_kernel
def parity_histograms(band: np.ndarray, scale: float, margin: int, counts: np.ndarray) -> None:
    """Count floor(|band| * scale) by the parity of row and column, `margin` samples from the border left out.

    `counts` is `np.ndarray [shape=(2, 2, bins), dtype=int32]`, added to; values beyond the last bin are counted in it.
    """
    height, width = band.shape
    size = np.float32(scale)
    last = np.float32(counts.shape[2] - 1)
    codes = np.empty(width, np.uint32)
    others = np.zeros((2, 2, counts.shape[2]), np.int32)  # increments of one bin would wait for each other
    first = margin + (margin & 1)
    for i in range(margin, height - margin):
        row = band[i]
        for j in range(width):
            codes[j] = np.uint32(np.int32(min(abs(row[j]) * size, last)))
        even, odd = counts[i & 1, 0], counts[i & 1, 1]
        other_even, other_odd = others[i & 1, 0], others[i & 1, 1]
        if margin & 1:
            odd[codes[margin]] += 1
        whole = first + max(0, width - margin - first) // 4 * 4
        for j in range(first, whole, 4):
            even[codes[j]] += 1
            odd[codes[j + 1]] += 1
            other_even[codes[j + 2]] += 1
            other_odd[codes[j + 3]] += 1
        for j in range(whole, width - margin):
            counts[i & 1, j & 1, codes[j]] += 1
    for p in range(2):
        for q in range(2):
            for b in range(counts.shape[2]):
                counts[p, q, b] += others[p, q, b]


@fast_kernel
def band_sums(band: np.ndarray, scale: float, margin: int, sums: np.ndarray) -> None:
    """Sums over the coefficients c = scale * band, `margin` coefficients from the border left out.

    `sums` is `np.ndarray [shape=(6,), dtype=float64]`, written: count, count of |c| < 0.5, count of |c| < 1, sum |c|,
    sum c^2, and count of (c, right neighbour) and (c, lower neighbour) pairs with both below 1 in magnitude.
    """
    height, width = band.shape
    size = np.float32(scale)
    one = np.float32(1) / size
    half = np.float32(0.5) / size
    columns = width - 2 * margin
    zeros = np.zeros(columns, np.float32)
    sums[:] = 0
    sums[0] = (height - 2 * margin) * columns
    for i in range(margin, height - margin):
        row = band[i, margin:]
        below_half = np.float32(0)
        below_one = np.float32(0)
        magnitude = np.float32(0)
        energy = np.float32(0)
        pairs = np.float32(0)
        for j in range(columns):
            c = abs(row[j])
            zero = np.float32(1) if c < one else np.float32(0)
            below_half += np.float32(1) if c < half else np.float32(0)
            below_one += zero
            magnitude += c
            energy += c * c
            pairs += zero * zeros[j]
            zeros[j] = zero
        for j in range(columns - 1):
            pairs += zeros[j] * zeros[j + 1]
        sums[1] += below_half
        sums[2] += below_one
        sums[3] += magnitude * size
        sums[4] += energy * size * size
        sums[5] += pairs
