"""Kernels of `cooccurrence`: joint histograms of adjacent residuals, extreme residuals, moments of local DCT coefficients.

Rows are worked on in float32, which holds the small integers exactly and fills vector registers; only the counting of joint bins
is scalar, in four interleaved histograms so that runs of one bin do not wait for each other.
"""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import fast_kernel


@fast_kernel
def residual_histograms(
    residual: np.ndarray, down: int, right: int, truncation: int, joint: np.ndarray, marginal: np.ndarray
) -> None:
    """Count triples of residuals `down` rows and `right` columns apart, truncated, and the magnitudes of their first.

    `residual` is float32 with whole values; `joint` is `np.ndarray [shape=(4, (2 * truncation + 1)^3), dtype=int32]` (first residual slowest, to
    be summed over axis 0) and `marginal` is float64 (|r| = 0, 1, ...; the last entry counts all); both are added to. Truncation 0 counts no
    triples.
    """
    height, width = residual.shape
    limit = np.float32(truncation)
    symbols = np.float32(2 * truncation + 1)
    middle = np.float32(((symbols + 1) * symbols + 1) * limit)
    columns = width - 2 * right
    codes = np.empty(columns, np.int32)
    for i in range(height - 2 * down):
        first = residual[i]
        second = residual[i + down, right:]
        third = residual[i + 2 * down, 2 * right :]
        for n in range(marginal.shape[0] - 1):
            size = np.float32(n)
            count = np.float32(0)
            for j in range(columns):
                count += np.float32(abs(first[j]) == size)
            marginal[n] += count
        marginal[marginal.shape[0] - 1] += columns
        if truncation == 0:
            continue
        for j in range(columns):
            a = min(max(first[j], -limit), limit)
            b = min(max(second[j], -limit), limit)
            c = min(max(third[j], -limit), limit)
            codes[j] = np.int32((a * symbols + b) * symbols + c + middle)
        whole = columns - columns % 4
        for j in range(0, whole, 4):
            joint[0, codes[j]] += 1
            joint[1, codes[j + 1]] += 1
            joint[2, codes[j + 2]] += 1
            joint[3, codes[j + 3]] += 1
        for j in range(whole, columns):
            joint[0, codes[j]] += 1


@fast_kernel
def extreme_histograms(plane: np.ndarray, truncation: int, counts: np.ndarray) -> None:
    """Count the maximum and the negated minimum of directional differences at each inner pixel, truncated.

    `plane` is float32 with whole values; `counts` is `np.ndarray [shape=(2, 2 * truncation + 1), dtype=float64]`, added to: first differences to
    the four neighbours, and second differences across the pixel in four directions.
    """
    height, width = plane.shape
    limit = np.float32(truncation)
    extremes = np.empty((4, width - 2), np.float32)
    for i in range(1, height - 1):
        above = plane[i - 1]
        here = plane[i]
        below = plane[i + 1]
        for j in range(width - 2):
            x = here[j + 1]
            west = here[j] - x
            east = here[j + 2] - x
            north = above[j + 1] - x
            south = below[j + 1] - x
            high = max(max(west, east), max(north, south))
            low = min(min(west, east), min(north, south))
            extremes[0, j] = min(max(high, -limit), limit)
            extremes[1, j] = min(max(-low, -limit), limit)
            across = west + east
            along = north + south
            falling = above[j] + below[j + 2] - x - x
            rising = above[j + 2] + below[j] - x - x
            high = max(max(across, along), max(falling, rising))
            low = min(min(across, along), min(falling, rising))
            extremes[2, j] = min(max(high, -limit), limit)
            extremes[3, j] = min(max(-low, -limit), limit)
        for k in range(4):
            row = extremes[k]
            for n in range(counts.shape[1]):
                value = np.float32(n) - limit
                count = np.float32(0)
                for j in range(width - 2):
                    count += np.float32(row[j] == value)
                counts[k // 2, n] += count


@fast_kernel
def dct_moments(plane: np.ndarray, basis: np.ndarray, stride: int, moments: np.ndarray) -> None:
    """Sum c^2, c^4 and the count of |c| < 0.5 of the 8x8 DCT at every `stride`-th row and column.

    `basis` is the float32 8x8 DCT matrix, a row a frequency; `moments` is `np.ndarray [shape=(3, 8, 8), dtype=float64]`, added to. After the
    vertical transform a row is dealt out by column modulo `stride`, so that the samples of all positions lie side by side.
    """
    height, width = plane.shape
    positions = (width - 8) // stride + 1
    half = np.float32(0.5)
    line = np.empty(width, np.float32)
    dealt = np.zeros((stride, width // stride + 8), np.float32)
    for i in range(0, height - 7, stride):
        for k in range(8):
            for j in range(width):
                line[j] = (
                    basis[k, 0] * plane[i, j] + basis[k, 1] * plane[i + 1, j] + basis[k, 2] * plane[i + 2, j]
                    + basis[k, 3] * plane[i + 3, j] + basis[k, 4] * plane[i + 4, j] + basis[k, 5] * plane[i + 5, j]
                    + basis[k, 6] * plane[i + 6, j] + basis[k, 7] * plane[i + 7, j]
                )  # fmt: skip
            for phase in range(stride):
                part = dealt[phase]
                for j in range((width - phase + stride - 1) // stride):
                    part[j] = line[j * stride + phase]
            x0, x1, x2, x3 = dealt[0], dealt[1 % stride, 1 // stride :], dealt[2 % stride, 2 // stride :], dealt[3 % stride, 3 // stride :]
            x4, x5 = dealt[4 % stride, 4 // stride :], dealt[5 % stride, 5 // stride :]
            x6, x7 = dealt[6 % stride, 6 // stride :], dealt[7 % stride, 7 // stride :]
            for m in range(8):
                b0, b1, b2, b3 = basis[m, 0], basis[m, 1], basis[m, 2], basis[m, 3]
                b4, b5, b6, b7 = basis[m, 4], basis[m, 5], basis[m, 6], basis[m, 7]
                power = np.float32(0)
                fourth = np.float32(0)
                zeros = np.float32(0)
                for j in range(positions):
                    c = b0 * x0[j] + b1 * x1[j] + b2 * x2[j] + b3 * x3[j] + b4 * x4[j] + b5 * x5[j] + b6 * x6[j] + b7 * x7[j]
                    square = c * c
                    power += square
                    fourth += square * square
                    zeros += np.float32(abs(c) < half)
                moments[0, k, m] += power
                moments[1, k, m] += fourth
                moments[2, k, m] += zeros
