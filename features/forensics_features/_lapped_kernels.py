"""Kernels of JPEG XR's lapped transform: lifting steps without their roundings, on arrays cut into 4x4 cosets.

A plane is held as `cosets[4 * (row % 4) + column % 4, row // 4, column // 4]`, so that for every phase of the 4x4 grid the
16 pixels of neighbouring blocks lie in 16 contiguous rows. Blocks are worked on in chunks of up to `LANES` side by side:
`lanes[k * LANES + b]` is pixel k (row by row) of block b.

Lifting steps: ITU-T T.832 (2019), clauses 9.9.4 (T2x2h), 9.9.5-9.9.7 (core transform) and 9.9.8 (overlap operators), taken forward.
"""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import fast_kernel, kernel

LANES = 64
"""Blocks worked on side by side."""

_HALF = np.float32(0.5)
_QUARTER = np.float32(0.25)
_EIGHTH = np.float32(0.125)
_3_4 = np.float32(0.75)
_3_8 = np.float32(0.375)
_3_16 = np.float32(0.1875)
_SCALE = np.float32(7 / 1024)


@fast_kernel
def _hadamard(a, b, c, d):  # type: ignore[no-untyped-def]
    """2x2 Hadamard transform, orthonormal; T2x2h."""
    s = a + d
    t = b - c
    h = (s - t) * _HALF
    c2 = h - d
    d2 = h - c
    return s - d2, t + c2, c2, d2


@fast_kernel
def _rotate_pairs(a, b, c, d, up_first):  # type: ignore[no-untyped-def]
    """Two-dimensional rotation by pi/8 of four values already signed; the heart of T_odd_odd and its overlap twin."""
    d += a
    c -= b
    t1 = d * _HALF
    t2 = c * _HALF
    a -= t1
    b += t2
    a += b * _3_8
    b -= a * _3_4
    a += b * _3_8
    b -= t2
    a += t1
    c += b
    d -= a
    return a, b, c, d


@fast_kernel
def _odd(a, b, c, d):  # type: ignore[no-untyped-def]
    """Rotation by pi/8 in one direction, butterfly in the other; T_odd."""
    b -= c
    a += d
    c += b * _HALF
    d = a * _HALF - d
    b -= a * _3_8
    a += b * _3_8
    d -= c * _3_8
    c += d * _3_8
    d += b * _HALF
    c -= a * _HALF
    return a + c, b - d, c, d


@fast_kernel
def _scaled_hadamard(a, b, c, d):  # type: ignore[no-untyped-def]
    """Hadamard transform with the overlap operator's scaling of its first and last output."""
    a += d
    b -= c
    e = (a - b) * _HALF - d
    f = c + b * _HALF
    b += e
    a -= f * _3_8
    f -= a * _SCALE
    f -= a * _3_16
    a -= f * _3_8
    f = a * _HALF - f
    return a - f, b, e, f
