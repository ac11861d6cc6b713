"""Kernels of `cooccurrence`: joint histograms of adjacent residuals, extreme residuals, moments of local DCT coefficients."""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import fast_kernel, kernel


@kernel
def residual_histograms(
    residual: np.ndarray, down: int, right: int, truncation: int, joint: np.ndarray, marginal: np.ndarray
) -> None:
    """Count triples of residuals `down` rows and `right` columns apart, truncated, and the magnitudes of their first.

    `residual` is int16; `joint` (int64, (2 * truncation + 1)^3 bins, first residual slowest) and `marginal` (int64, the last bin open) are
    added to.
    """
    height, width = residual.shape
    symbols = 2 * truncation + 1
    largest = marginal.shape[0] - 1
    for i in range(height - 2 * down):
        first = residual[i]
        second = residual[i + down]
        third = residual[i + 2 * down]
        for j in range(width - 2 * right):
            r = np.int64(first[j])
            a = min(max(r, -truncation), truncation) + truncation
            b = min(max(np.int64(second[j + right]), -truncation), truncation) + truncation
            c = min(max(np.int64(third[j + 2 * right]), -truncation), truncation) + truncation
            joint[(a * symbols + b) * symbols + c] += 1
            marginal[min(abs(r), largest)] += 1


@kernel
def extreme_histograms(plane: np.ndarray, truncation: int, counts: np.ndarray) -> None:
    """Count the maximum and the negated minimum of directional differences at each inner pixel, truncated.

    `plane` is int16; `counts` is `np.ndarray [shape=(2, 2 * truncation + 1), dtype=int64]`, added to: first differences to the four
    neighbours, and second differences across the pixel in four directions.
    """
    height, width = plane.shape
    for i in range(1, height - 1):
        above = plane[i - 1]
        here = plane[i]
        below = plane[i + 1]
        for j in range(1, width - 1):
            x = np.int32(here[j])
            west, east, north, south = here[j - 1] - x, here[j + 1] - x, above[j] - x, below[j] - x
            high = max(max(west, east), max(north, south))
            low = min(min(west, east), min(north, south))
            counts[0, min(high, truncation) + truncation if high > -truncation else 0] += 1
            counts[0, min(-low, truncation) + truncation if -low > -truncation else 0] += 1
            across, along = west + east, north + south
            falling = above[j - 1] + below[j + 1] - 2 * x
            rising = above[j + 1] + below[j - 1] - 2 * x
            high = max(max(across, along), max(falling, rising))
            low = min(min(across, along), min(falling, rising))
            counts[1, min(high, truncation) + truncation if high > -truncation else 0] += 1
            counts[1, min(-low, truncation) + truncation if -low > -truncation else 0] += 1


@fast_kernel
def dct_moments(plane: np.ndarray, basis: np.ndarray, stride: int, moments: np.ndarray) -> None:
    """Sum c^2, c^4 and the count of |c| < 0.5 of the 8x8 DCT at every `stride`-th row and column.

    `basis` is the float32 DCT matrix, a row a frequency; `moments` is `np.ndarray [shape=(3, 8, 8), dtype=float64]`, added to.
    """
    height, width = plane.shape
    size = basis.shape[0]
    across = np.ascontiguousarray(basis.T)
    strip = np.empty((size, width), np.float32)
    block = np.empty(size, np.float32)
    sums = np.empty((3, size, size), np.float32)
    for i in range(0, height - size + 1, stride):
        for k in range(size):
            for j in range(width):
                strip[k, j] = basis[k, 0] * plane[i, j]
            for n in range(1, size):
                weight = basis[k, n]
                for j in range(width):
                    strip[k, j] += weight * plane[i + n, j]
        sums[:] = 0
        for j in range(0, width - size + 1, stride):
            for k in range(size):
                for m in range(8):
                    block[m] = np.float32(0)
                for n in range(size):
                    sample = strip[k, j + n]
                    for m in range(8):
                        block[m] += sample * across[n, m]
                for m in range(8):
                    c = block[m]
                    sums[0, k, m] += c * c
                    sums[1, k, m] += c * c * c * c
                    sums[2, k, m] += np.float32(abs(c) < np.float32(0.5))
        moments += sums
