"""Could 4x4 blocks have come out of a texture decoder? Counted at each of the 16 phases of the grid; no part of the
vector.

BC1 stores two colours of 5, 6 and 5 bits a block and, for each pixel, one of them or of two levels between; BC2 and BC3
have the same colours, BC3's alpha, BC4 and BC5 eight levels between two 8-bit ends [1]_. ETC1 stores a coarse base
colour for each half of a block and one of four grey offsets for each pixel; ETC2 adds planes and "paint" colours [2]_.
A block of a photograph has up to 16 colours, and where it has four they hardly ever fit, so that at the right phase
nearly all blocks that can tell are possible, and at the others next to none.

References
----------
.. [1] Khronos Data Format Specification 1.3, chapters 18 (S3TC) and 19 (RGTC).
.. [2] Khronos Data Format Specification 1.3, chapters 21 (ETC1) and 22 (ETC2).
"""

from __future__ import annotations

import numpy as np

from forensics_features import _texture_kernels as kernels

SIDE = 4
"""Side of a block, in pixels."""
BC1_TOLERANCE = 2
"""Levels by which decoders differ between two ends: rounding up or down, and the fixed-point thirds of graphics cards
(at most 1.8).
"""
LEAST_RANGE = 40
"""Range in a channel from which BC4's eight levels, each less than one off, are far enough apart to tell."""
_OFF_LATTICE = 0.01
"""Share of pixels off the 5:6:5 lattice above which nothing is possible. Of 48 validation crops put on the lattice, up
to 0.5 % of whose pixels changed since, all are counted at 0.01, 7 at 0.001, and none of 48 others at either
(`forensics_benchmarks.thresholds`)."""
ETC_MODIFIERS = ((2, 8), (5, 17), (9, 29), (13, 42), (18, 60), (24, 80), (33, 106), (47, 183))
ETC2_DISTANCES = (3, 6, 11, 16, 23, 32, 41, 64)
"""Tables of [2]_."""


def widened(bits: int) -> np.ndarray:
    """All values of so many bits as 8-bit values, first bits repeated: `np.ndarray [shape=(2 ** bits,),
    dtype=int64]`.
    """
    values = np.arange(2**bits)
    return values << (8 - bits) | values >> (2 * bits - 8)


def bc1_counts(rgb: np.ndarray) -> np.ndarray:
    """How many blocks at each phase of the grid say nothing, can and cannot be BC1.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8]

    Returns
    -------
    np.ndarray [shape=(4, 4, 3), dtype=int64]
        By row and column of the grid's first block: blocks of one or two colours, possible, impossible.
    """
    return _counted(kernels.count_bc1, rgb, widened(5), widened(6), BC1_TOLERANCE)


def bc1_counts_narrow(rgb: np.ndarray) -> np.ndarray:
    """`bc1_counts` for decoders that make the levels between in 5, 6 and 5 bits and widen them then.

    Nothing is possible where more than one pixel in a hundred is off the 5:6:5 lattice.
    """
    if not mostly_on_lattice(rgb):
        return np.zeros((SIDE, SIDE, 3), np.int64)
    index = _lattice_places()
    small = np.stack([index[0][rgb[..., 0]], index[1][rgb[..., 1]], index[0][rgb[..., 2]]], axis=2)
    return _counted(kernels.count_bc1, np.maximum(small, 0).astype(np.uint8), np.arange(32), np.arange(64), 1)


def mostly_on_lattice(rgb: np.ndarray) -> bool:
    """Whether at most one pixel in a hundred is off the 5:6:5 lattice.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features.block_texture import mostly_on_lattice
    >>> [mostly_on_lattice(np.full((4, 4, 3), level, np.uint8)) for level in (0, 1)]
    [True, False]
    """
    pixels = np.ascontiguousarray(rgb)
    most = int(_OFF_LATTICE * pixels[..., 0].size)
    return int(kernels.count_off(pixels, _lattice_places() >= 0, most)) <= most


def _lattice_places() -> np.ndarray:
    """Places of the 256 levels among those of 5 and of 6 bits, -1 for none, `np.ndarray [shape=(2, 256),
    dtype=int64]`.
    """
    index = np.full((2, 256), -1, np.int64)
    for row, bits in enumerate((5, 6)):
        index[row, widened(bits)] = np.arange(2**bits)
    return index


def bc4_counts(plane: np.ndarray) -> np.ndarray:
    """The same for one channel of BC4, BC5 or BC3's alpha: `np.ndarray [shape=(height, width), dtype=uint8]`; neutral
    are blocks of few levels.
    """
    return _counted(kernels.count_bc4, plane, LEAST_RANGE)


def etc_counts(rgb: np.ndarray) -> np.ndarray:
    """The same for ETC1 and ETC2; neutral are blocks of one colour a half, or with no half free of samples at 0 or
    255.
    """
    offsets = np.array([[-b, -a, a, b] for a, b in ETC_MODIFIERS])
    bases = np.zeros(256, np.int64)
    bases[17 * np.arange(16)] |= 1
    bases[widened(5)] |= 2
    return _counted(kernels.count_etc, rgb, offsets, bases, np.array(ETC2_DISTANCES), widened(6), widened(7))


def _counted(count: object, pixels: np.ndarray, *constants: object) -> np.ndarray:
    counts = np.zeros((SIDE, SIDE, 3), np.int64)
    if min(pixels.shape[:2]) >= SIDE:
        count(np.ascontiguousarray(pixels), *constants, counts)  # type: ignore[operator]
    return counts
