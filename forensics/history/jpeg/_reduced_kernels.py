"""Kernels of `reduced`: the lowest DCT coefficients of an enlarged picture's blocks, read off the picture as it is, and
how near to multiples of quantisation steps they lie.

Enlarging and transforming are both linear, and each of a block's coefficients depends on a dozen rows and columns: one
banded operator an axis does both, and the enlarged picture is never made.
"""

from __future__ import annotations

import math

import numpy as np
from forensics_features._kernel import fast_kernel, kernel

LOBES = 3.0
"""Half-width of the Lanczos kernel, in samples."""


@kernel
def lanczos(x):
    """The Lanczos kernel of three lobes."""
    if x <= -LOBES or x >= LOBES:
        return 0.0
    if x == 0.0:
        return 1.0
    turned = math.pi * x
    return LOBES * math.sin(turned) * math.sin(turned / LOBES) / (turned * turned)


@kernel
def band(extent, used, vectors, first, weights):
    """Vectors of a transform times the resampling of the first `used` of `extent` samples to `len(first)` blocks, as
    weights [shape=(blocks, vectors, width)] of the samples from `first` on; `weights` come as zeros.
    """
    blocks, count, width = weights.shape
    each = vectors.shape[1]
    scale = used / (blocks * each)
    wide = max(scale, 1.0)
    taps = np.empty(width)
    for block in range(blocks):
        for n in range(each):
            middle = (block * each + n + 0.5) * scale
            start = max(int(middle - LOBES * wide + 0.5), 0)
            end = min(int(middle + LOBES * wide + 0.5), extent)
            if n == 0:
                first[block] = min(start, extent - width)
            total = 0.0
            for at in range(start, end):
                taps[at - start] = lanczos((at - middle + 0.5) / wide)
                total += taps[at - start]
            for at in range(start, end):
                for k in range(count):
                    weights[block, k, at - first[block]] += taps[at - start] / total * vectors[k, n]


@fast_kernel
def coefficients(luma, tops, down, lefts, across, positions, sizes):
    """Coefficients at `positions` of all blocks into `sizes` [shape=(positions, blocks)]; `down` and `across` are the
    bands of both axes, which begin at rows `tops` and columns `lefts`.
    """
    count, tall = down.shape[1], down.shape[2]
    wide = across.shape[2]
    columns = len(lefts)
    halfway = np.empty((count, luma.shape[1]), np.float32)
    for row in range(len(tops)):
        halfway[:] = 0
        for t in range(tall):
            line = luma[tops[row] + t]
            for k in range(count):
                weight = down[row, k, t]
                for x in range(len(line)):
                    halfway[k, x] += weight * line[x]
        for p in range(len(positions)):
            seen = halfway[positions[p, 0]]
            h = positions[p, 1]
            for column in range(columns):
                total = np.float32(0)
                for t in range(wide):
                    total += across[column, h, t] * seen[lefts[column] + t]
                sizes[p, row * columns + column] = total


@fast_kernel
def nearness(sizes, gains, cosines, first, near, counted):
    """For each of `gains` and each column of `cosines`, the sum over coefficients, divided by the gain, of the column's
    value at their bin, which is 0 before `first`, and how many lie in bins from there on; `sizes` are in bins, the last
    bin takes what is larger. Most bins hold nothing: those that do are listed.
    """
    bins, columns = cosines.shape
    histogram = np.zeros(bins, np.int32)
    used = np.empty(len(sizes), np.int32)
    below = np.zeros(bins + 1, np.int32)
    ends = 0
    for column in range(columns):
        ends = max(ends, first[column])
    for g in range(len(gains)):
        listed = 0
        for size in sizes:
            place = min(int(size / gains[g]), bins - 1)
            if histogram[place] == 0:
                used[listed] = place
                listed += 1
            histogram[place] += 1
        for place in range(ends):
            below[place + 1] = below[place] + histogram[place]
        for column in range(columns):
            near[g, column] = 0
            counted[g, column] = len(sizes) - below[first[column]]
        for k in range(listed):
            place = used[k]
            count = np.float32(histogram[place])
            histogram[place] = 0
            for column in range(columns):
                near[g, column] += count * cosines[place, column]
