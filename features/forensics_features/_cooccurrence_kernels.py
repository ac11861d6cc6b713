"""Kernels of `cooccurrence`: joint histograms of adjacent residuals, extreme residuals, moments of local DCT
coefficients.

Rows are worked on in float32, which holds the small integers exactly and fills vector registers; only the counting of
joint bins is scalar, in `CHAINS` interleaved histograms so that runs of one bin do not wait for each other.
"""

from __future__ import annotations

import numpy as np

from forensics_features._block_kernels import count_by_column, fold_rows, vertical_frequency
from forensics_features._kernel import fast_kernel


@fast_kernel
def _count_triples(
    first: np.ndarray,
    second: np.ndarray,
    third: np.ndarray,
    truncation: int,
    codes: np.ndarray,
    joint: np.ndarray,
    marginal: np.ndarray,
) -> None:
    """Count the triples of three lines, truncated (none for truncation 0), and the magnitudes of their first."""
    size = third.shape[0]
    zero, one, two, three = np.float32(0), np.float32(1), np.float32(2), np.float32(3)
    n0 = n1 = n2 = n3 = np.float32(0)
    for j in range(size):
        magnitude = abs(first[j])
        n0 += one if magnitude == zero else zero
        n1 += one if magnitude == one else zero
        n2 += one if magnitude == two else zero
        n3 += one if magnitude == three else zero
    last = marginal.shape[0] - 1
    marginal[0] += n0
    marginal[1] += n1
    if last > 2:
        marginal[2] += n2
        marginal[3] += n3
    marginal[last] += size
    if truncation == 0:
        return
    limit = np.float32(truncation)
    symbols = np.float32(2 * truncation + 1)
    middle = np.float32(((symbols + 1) * symbols + 1) * limit)
    for j in range(size):
        a = min(max(first[j], -limit), limit)
        b = min(max(second[j], -limit), limit)
        c = min(max(third[j], -limit), limit)
        codes[j] = np.uint32(np.int32((a * symbols + b) * symbols + c + middle))
    count_by_column(codes[:size], joint)


@fast_kernel
def _difference(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    for j in range(out.shape[0]):
        out[j] = right[j] - left[j]


@fast_kernel
def residual_histograms(plane: np.ndarray, truncations: np.ndarray, joint: np.ndarray, marginal: np.ndarray) -> None:
    """Count triples of neighbouring residuals of orders 1, 2, ..., along rows and along columns, and the residuals'
    magnitudes.

    `plane` is float32 with whole values; `truncations` has one entry an order, 0 for no triples. `joint` is `np.ndarray
    [shape=(orders, CHAINS, bins), dtype=int32]` (first residual slowest, both directions together, to be summed over
    axis 1) and `marginal` is `np.ndarray [shape=(orders, 2, 3 or 5), dtype=float64]` (along rows, along columns; |r| =
    0, 1, ...; the last entry counts all); both are added to.
    """
    height, width = plane.shape
    orders = truncations.shape[0]
    codes = np.empty(width, np.uint32)
    along = np.empty((orders + 1, width), np.float32)
    down = np.empty((orders + 1, 3, width), np.float32)
    for i in range(height):
        along[0] = plane[i]
        down[0, i % 3] = plane[i]
        for k in range(orders):
            size = width - k - 1
            line = along[k + 1][:size]
            _difference(along[k], along[k][1:], line)
            _count_triples(line, line[1:], line[2:], truncations[k], codes, joint[k], marginal[k, 0])
            row = i - k - 1
            if row < 0:
                continue
            _difference(down[k, row % 3], down[k, (row + 1) % 3], down[k + 1, row % 3])
            if row >= 2:
                lines = down[k + 1]
                _count_triples(
                    lines[(row - 2) % 3],
                    lines[(row - 1) % 3],
                    lines[row % 3],
                    truncations[k],
                    codes,
                    joint[k],
                    marginal[k, 1],
                )


@fast_kernel
def extreme_histograms(plane: np.ndarray, truncation: int, counts: np.ndarray) -> None:
    """Count the maximum and the negated minimum of directional differences at each inner pixel, truncated.

    `plane` is float32 with whole values; `counts` is `np.ndarray [shape=(2, 2 * truncation + 1), dtype=float64]`, added
    to: first differences to the four neighbours, and second differences across the pixel in four directions.
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
def _moments(parts: np.ndarray, w: np.ndarray, count: int, moments: np.ndarray) -> None:
    """Add the sums of c^2, c^4 and |c| < 0.5 of c[j] = sum over n < 4 of w[n] parts[n, j], j < `count`."""
    a, b, c, d = parts[0], parts[1], parts[2], parts[3]
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    half, one, zero = np.float32(0.5), np.float32(1), np.float32(0)
    power = fourth = zeros = np.float32(0)
    for j in range(count):
        x = w0 * a[j] + w1 * b[j] + w2 * c[j] + w3 * d[j]
        square = x * x
        power += square
        fourth += square * square
        zeros += one if abs(x) < half else zero
    moments[0] += power
    moments[1] += fourth
    moments[2] += zeros


@fast_kernel
def dct_moments(plane: np.ndarray, basis: np.ndarray, stride: int, moments: np.ndarray) -> None:
    """Sum c^2, c^4 and the count of |c| < 0.5 of the 8x8 DCT at every `stride`-th row and column.

    `basis` is the float32 8x8 DCT matrix, a row a frequency; `moments` is `np.ndarray [shape=(8, 8, 3),
    dtype=float64]`, added to. After the vertical transform a row is dealt out by column modulo `stride`, so that the
    samples of all positions lie side by side; samples that mirror each other in a block are added and subtracted once
    for all frequencies.
    """
    height, width = plane.shape
    positions = (width - 8) // stride + 1
    folded = np.empty((8, width), np.float32)
    line = np.empty(width, np.float32)
    dealt = np.zeros((stride, width // stride + 8), np.float32)
    parts = np.empty((2, 4, positions), np.float32)
    for i in range(0, height - 7, stride):
        fold_rows(plane, i, folded)
        for k in range(8):
            vertical_frequency(folded, k, basis[k][:4], line)
            for phase in range(stride):
                part = dealt[phase]
                for j in range((width - phase + stride - 1) // stride):
                    part[j] = line[j * stride + phase]
            for n in range(4):
                m = 7 - n
                x, y = dealt[n % stride][n // stride :], dealt[m % stride][m // stride :]
                plus, minus = parts[0, n], parts[1, n]
                for j in range(positions):
                    plus[j] = x[j] + y[j]
                    minus[j] = x[j] - y[j]
            for m in range(8):
                _moments(parts[m % 2], basis[m], positions, moments[k, m])
