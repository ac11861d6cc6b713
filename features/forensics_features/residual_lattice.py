"""Lattices of near-lossless coders: prediction errors of JPEG-LS and lossless WebP, blocks of LERC; no part of the
vector.

A near-lossless coder rounds the error of its own prediction to multiples of a step, and predicts from samples that were
rounded so. Predicted again from the decoded samples, the errors of JPEG-LS are multiples of 2 NEAR + 1 with the bias
that its context has learned [1]_, those of lossless WebP are multiples of 2 to 32 under the predictor of their tile
[2]_, and LERC's samples are multiples of 2 E above the minimum of their 8x8 block [3]_. Nothing has to be known of what
came before: any crop keeps it.

References
----------
.. [1] ITU-T T.87, annex A.
.. [2] RFC 9649, 4.1; libwebp, `predictor_enc.c`, for where near-lossless rounding applies.
.. [3] Esri, "LERC - Limited Error Raster Compression", file format 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forensics_features import _lattice_kernels as kernels

PREDICTORS = kernels.MODES
PREDICTOR_STEPS = (2, 4, 8, 16, 32)
"""Steps of near-lossless WebP."""


def foretold_residues(plane: np.ndarray, near: int, least: float = 0.0, telling: int = 1) -> tuple[int, int, int]:
    """How often prediction errors of JPEG-LS's contexts are multiples of 2 `near` + 1 with the bias that the errors
    before led to.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
        Along the coder's scan.
    near : int
        1 to 5.
    least : float
        Share of foretold errors under which no more is counted, once `telling` errors are and a sixteenth of the rows,
        at a `near` of 1 any; under 0.8 of it, once half as many errors are.
    telling : int

    Returns
    -------
    tuple of int
        Errors that are, errors that are not, and errors whose samples leave the residue of the context's last one.
        Errors below one step are left out.
    """
    counts = np.zeros(3, np.int64)
    thresholds = np.array([3 + 3 * near, 7 + 5 * near, 21 + 7 * near])  # T.87, C.2.4.1.1, for 8 bits
    kernels.foretold_residues(np.ascontiguousarray(plane), near, thresholds, least, telling, counts)
    return int(counts[0]), int(counts[1]), int(counts[2])


def predictor_lattice(
    planes: np.ndarray, channel: int, side: int, steps: slice = slice(None), every: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """How many prediction errors of lossless WebP's predictors are multiples of 2, 4, 8, 16 and 32, by square.

    Parameters
    ----------
    planes : np.ndarray [shape=(channels, height, width), dtype=uint8]
        All channels: one predictor compares them.
    channel : int
        The one that is looked at.
    side : int
        Of a square, in pixels.
    steps : slice
        Those of `PREDICTOR_STEPS` that are counted; others stay 0 or are left out behind.
    every : int
        Only squares whose row and column add up to a multiple of it are counted.

    Returns
    -------
    errors : np.ndarray [shape=(rows, columns, 5, 14, 2), dtype=int64]
        By square, step and predictor: errors off and on the lattice. Samples that differ from no neighbour by more than
        the step are left out: there the coder rounds less.
    samples : np.ndarray [shape=(rows, columns, 5, 32), dtype=int64]
        By square and step: the same samples by residue.
    """
    height, width = planes.shape[1:]
    shape, (first, bits, _) = (-(-height // side), -(-width // side)), steps.indices(len(PREDICTOR_STEPS))
    errors = np.zeros((*shape, bits, PREDICTORS, 2), np.int64)
    samples = np.zeros((*shape, bits, PREDICTOR_STEPS[-1]), np.int64)
    kernels.predictor_lattice(np.ascontiguousarray(planes), channel, first, every, side, errors, samples)
    return errors, samples


def block_lattice(plane: np.ndarray, step: int, side: int = 8) -> np.ndarray:
    """How many blocks say nothing, keep to the lattice of their own minimum, or do not: by phase of the grid.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
    step : int
        Of the lattice, in levels; a block tells from three steps of range on.
    side : int
        Of a block.

    Returns
    -------
    np.ndarray [shape=(side, side, 3), dtype=int64]
    """
    return block_lattices(plane, [step], side)[0]


def block_lattices(plane: np.ndarray, steps: Sequence[int], side: int = 8) -> list[np.ndarray]:
    """As `block_lattice` for each of several steps; the blocks' ends are looked for once."""
    plane = np.ascontiguousarray(plane)
    shape = tuple(max(0, length - side + 1) for length in plane.shape)
    lows, highs = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    kernels.block_ends(plane, side, lows, highs)
    found = []
    for step in steps:
        counts = np.zeros((side, side, 3), np.int64)
        kernels.block_lattice(plane, lows, highs, side, step, counts)
        found.append(counts)
    return found
