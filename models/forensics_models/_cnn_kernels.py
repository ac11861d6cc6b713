"""Kernels of the network's fixed part: planes of residuals and lattice distances, and statistics of planes."""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import fast_kernel, kernel

_ROUNDER = np.float32(1.5 * 2**23)
"""Added and taken away, rounds float32 of up to 2**22 to whole numbers, halves to even."""


@kernel
def lattice_distance(rgb, forward, back, farthest, offset, slope, margin, distance, certainty):
    """The largest change of a channel by rounding in another colour space, at most `farthest`, and the certainty that
    there is none, inside a margin; `rgb` [shape=(3, h, w), dtype=float32].
    """
    height, width = distance.shape
    for y in range(height):
        red, green, blue = rgb[0, y + margin], rgb[1, y + margin], rgb[2, y + margin]
        for x in range(width):
            r, g, b = red[x + margin], green[x + margin], blue[x + margin]
            one = (forward[0, 0] * r + forward[0, 1] * g + forward[0, 2] * b + _ROUNDER) - _ROUNDER
            two = (forward[1, 0] * r + forward[1, 1] * g + forward[1, 2] * b + _ROUNDER) - _ROUNDER
            three = (forward[2, 0] * r + forward[2, 1] * g + forward[2, 2] * b + _ROUNDER) - _ROUNDER
            far = abs(back[0, 0] * one + back[0, 1] * two + back[0, 2] * three - r)
            far = max(far, abs(back[1, 0] * one + back[1, 1] * two + back[1, 2] * three - g))
            far = max(far, abs(back[2, 0] * one + back[2, 1] * two + back[2, 2] * three - b))
            far = min(far, farthest)
            distance[y, x] = far
            certainty[y, x] = min(max(far * slope + offset, np.float32(0)), np.float32(1))


@fast_kernel
def residuals(colour, cosines, filters, limit, out):
    """The bank of residuals of Y, Cb, Cr `colour` [shape=(3, h, w)] into `out` [shape=(22, h - 8, w - 8)]: the DCT of
    four samples along both axes without its constant, the wavelet's three detail bands, second differences of chroma.
    """
    height, width = out.shape[1], out.shape[2]
    one, half = np.float32(1), np.float32(0.5)
    four = np.empty((4, width + 8), np.float32)
    nine = np.empty((2, width + 8), np.float32)
    for y in range(height):
        for k in range(4):
            for x in range(width + 8):
                four[k, x] = (
                    cosines[k, 0] * colour[0, y + 3, x]
                    + cosines[k, 1] * colour[0, y + 4, x]
                    + cosines[k, 2] * colour[0, y + 5, x]
                    + cosines[k, 3] * colour[0, y + 6, x]
                )
        nine[:] = 0
        for t in range(9):
            for k in range(2):
                weight = filters[k, t]
                for x in range(width + 8):
                    nine[k, x] += weight * colour[0, y + t, x]
        for v in range(4):
            for u in range(4):
                if u + v > 0:
                    line = out[4 * v + u - 1, y]
                    for x in range(width):
                        line[x] = (
                            cosines[u, 0] * four[v, x + 3]
                            + cosines[u, 1] * four[v, x + 4]
                            + cosines[u, 2] * four[v, x + 5]
                            + cosines[u, 3] * four[v, x + 6]
                        )
        for band in range(1, 4):
            line = out[14 + band, y]
            line[:] = 0
            for t in range(9):
                weight = filters[band & 1, t]
                for x in range(width):
                    line[x] += weight * nine[band >> 1, x + t]
        for plane in range(1, 3):
            above, own, below = colour[plane, y + 3], colour[plane, y + 4], colour[plane, y + 5]
            along, across = out[16 + 2 * plane, y], out[17 + 2 * plane, y]
            for x in range(width):
                along[x] = half * (own[x + 3] + own[x + 5]) - own[x + 4]
                across[x] = half * (above[x + 4] + below[x + 4]) - own[x + 4]
        for channel in range(22):
            line = out[channel, y]
            for x in range(width):
                line[x] = line[x] / (one + abs(line[x]) / limit)


@fast_kernel
def folded_and_moments(planes, folded, moments):
    """Of each plane, the mean absolute value by position modulo the period, over whole periods, into `folded`
    [shape=(c, period, period)], and mean and variance over all pixels into `moments` [shape=(c, 2)].
    """
    count, height, width = planes.shape
    period = folded.shape[1]
    rows, columns = height // period, width // period
    line = np.empty((period, width), np.float32)
    for c in range(count):
        line[:] = 0
        total = np.float64(0)
        for y in range(height):
            own = planes[c, y]
            part = np.float32(0)
            for x in range(width):
                part += own[x]
            total += part
            if y < rows * period:
                into = line[y % period]
                for x in range(width):
                    into[x] += abs(own[x])
        folded[c] = 0
        for y in range(period):
            for x in range(columns * period):
                folded[c, y, x % period] += line[y, x]
        mean = np.float32(total / (height * width))
        total = np.float64(0)
        for y in range(height):
            own = planes[c, y]
            part = np.float32(0)
            for x in range(width):
                part += (own[x] - mean) * (own[x] - mean)
            total += part
        folded[c] /= np.float32(rows * columns)
        moments[c, 0] = mean
        moments[c, 1] = np.float32(total / (height * width))
