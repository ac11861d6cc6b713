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

import numpy as np

from forensics_features import _lattice_kernels as kernels

PREDICTORS = kernels.MODES
PREDICTOR_STEPS = (2, 4, 8, 16, 32)
"""Steps of near-lossless WebP."""


def foretold_residues(plane: np.ndarray, near: int) -> tuple[int, int, int]:
    """How often prediction errors of JPEG-LS's contexts are multiples of 2 `near` + 1 with the bias that the errors
    before led to.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
        Along the coder's scan.
    near : int
        1 to 5.

    Returns
    -------
    tuple of int
        Errors that are, errors that are not, and errors whose samples leave the residue of the context's last one.
        Errors below one step are left out.
    """
    counts = np.zeros(3, np.int64)
    thresholds = np.array([3 + 3 * near, 7 + 5 * near, 21 + 7 * near])  # T.87, C.2.4.1.1, for 8 bits
    kernels.foretold_residues(np.ascontiguousarray(plane), near, thresholds, counts)
    return int(counts[0]), int(counts[1]), int(counts[2])


def predictor_lattice(planes: np.ndarray, channel: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """How many prediction errors of lossless WebP's predictors are multiples of 2, 4, 8, 16 and 32, by square.

    Parameters
    ----------
    planes : np.ndarray [shape=(channels, height, width), dtype=uint8]
        All channels: one predictor compares them.
    channel : int
        The one that is looked at.
    side : int
        Of a square, in pixels.

    Returns
    -------
    errors : np.ndarray [shape=(rows, columns, 5, 14, 2), dtype=int64]
        By square, step and predictor: errors off and on the lattice. Samples that differ from no neighbour by more than
        the step are left out: there the coder rounds less.
    samples : np.ndarray [shape=(rows, columns, 5, 32), dtype=int64]
        By square and step: the same samples by residue.
    """
    height, width = planes.shape[1:]
    shape, bits = (-(-height // side), -(-width // side)), len(PREDICTOR_STEPS)
    errors = np.zeros((*shape, bits, PREDICTORS, 2), np.int64)
    samples = np.zeros((*shape, bits, PREDICTOR_STEPS[-1]), np.int64)
    kernels.predictor_lattice(np.ascontiguousarray(planes), channel, bits, side, errors, samples)
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
    counts = np.zeros((side, side, 3), np.int64)
    kernels.block_lattice(np.ascontiguousarray(plane), side, step, counts)
    return counts
