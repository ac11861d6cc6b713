"""Kernels of `grid_phase`: DCT zeros of the block at every pixel, and which of 64 blocks has the most."""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import fast_kernel, kernel

BLOCK = 8
"""Side of a block in pixels: ITU-T T.81 A.3.1."""


@fast_kernel
def zero_counts(
    plane: np.ndarray, matrix: np.ndarray, below: np.float32, zeros: np.ndarray, constant: np.ndarray
) -> None:
    """For the block that begins at each pixel of `plane`, float32: into `zeros`, int16, how many coefficients but the
    mean are under `below`; into `constant` whether all are that change along columns, or all that change along rows.

    `matrix` is the orthonormal DCT-II of 8 samples. Columns are transformed once a row of blocks, and the loops over
    places are the inner ones.
    """
    width, across = plane.shape[1], zeros.shape[1]
    down = np.empty((BLOCK, width), np.float32)
    flat_down, flat_across = np.empty(across, np.int16), np.empty(across, np.int16)
    count = np.empty(across, np.int16)
    for row in range(zeros.shape[0]):
        for k in range(BLOCK):
            for x in range(width):
                total = np.float32(0)
                for j in range(BLOCK):
                    total += matrix[k, j] * plane[row + j, x]
                down[k, x] = total
        count[:] = 0
        flat_down[:] = 0
        flat_across[:] = 0
        for k in range(BLOCK):
            for m in range(BLOCK):
                if k == 0 and m == 0:
                    continue
                for x in range(across):
                    total = np.float32(0)
                    for i in range(BLOCK):
                        total += matrix[m, i] * down[k, x + i]
                    small = np.int16(1) if abs(total) < below else np.int16(0)
                    count[x] += small
                    if k > 0:
                        flat_down[x] += small
                    if m > 0:
                        flat_across[x] += small
        for x in range(across):
            zeros[row, x] = count[x]
            constant[row, x] = flat_down[x] == BLOCK * (BLOCK - 1) or flat_across[x] == BLOCK * (BLOCK - 1)


@kernel
def most_zeros(zeros: np.ndarray, constant: np.ndarray, none: np.int8, votes: np.ndarray) -> None:
    """For each pixel that lies in 64 whole blocks the origin, 8 * row + column modulo 8, of the one with the most
    zeros; `none` for a tie or a constant block. `votes`, int8, begins at pixel (7, 7).
    """
    height, width = votes.shape
    best = np.empty(width, np.int16)
    chosen = np.empty(width, np.int8)
    for row in range(height):
        best[:] = -1
        chosen[:] = none
        for top in range(BLOCK):
            line, flat = zeros[row + top], constant[row + top]
            first = (row + top) % BLOCK * BLOCK
            for left in range(BLOCK):
                for x in range(width):
                    count = line[x + left]
                    if count > best[x]:
                        best[x] = count
                        chosen[x] = none if flat[x + left] else np.int8(first + (x + left) % BLOCK)
                    elif count == best[x]:
                        chosen[x] = none
        votes[row] = chosen
