"""Which blocks of luma VP8's own arithmetic gives to the bit: prediction from neighbours plus multiples of a step.

A key frame predicts each 4x4 block of luma from decoded samples beside it, one way out of ten, or its macroblock as a
whole, one way out of four, and adds the inverse transform of multiples of the quantiser's steps [1]_. From RGB out of a
decoder whole luma comes back (its level is more than one of each channel), so that a block can be tried: all ways of
prediction, all indices. Prediction takes samples from before the loop filter; blocks that the filter, or anything
since, has touched are not explained. Where few coefficients explain a block others would by chance: other transforms
make smooth blocks as well. So a block that no prediction gives but for a constant counts as explained where its
coefficients other than zero are worth a dozen bits, each the logarithm of its step over two, and is left out where an
explanation is worth less.

References
----------
.. [1] J. Bankoski et al., "VP8 data format and decoding guide", RFC 6386, clauses 12, 14 and 15,
       doi:10.17487/RFC6386.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forensics.history.recoding._vp8_kernels import AC_STEPS, DC_STEPS, STRONG, TELLING, explain_blocks
from forensics.history.recoding.coder import luma
from forensics.history.recoding.vp8 import LUMA, Vp8History
from forensics.pixels import eight_bit
from forensics.results.history import Parameter
from forensics.results.wording import percentage

_MACROBLOCK = 16
"""Side of a macroblock in pixels (RFC 6386 clause 2)."""
_SIDE = 320
"""Most pixels a side of the part that is looked at: a bound on work, 0.4 seconds."""
_GLANCE = 160
"""Pixels a side by which the position of macroblocks is chosen: a bound on work."""
_SEGMENTS = 4
"""Indices that a frame can have: RFC 6386 clause 9.3."""
_FEWEST = 64
"""Blocks that count below which no share is stated: of so many a chance of one in a thousand gives none or one."""
_BITS = 12.0
"""Binary logarithm of the chance against, from which an explanation counts: one in 4,096. With it no index explains
blocks of 66 untouched and 132 JPEG, JPEG 2000, JPEG XR, AVIF, HEIC and JPEG XL pictures of validation sources, at two
positions each; without, some do in 12 of 44 tries with JPEG and 19 with JPEG XR."""
_PART = 0.02
"""Share of the blocks that a further index has to explain beyond what it does off the grid."""
_NEARLY = 0.95
"""Share of the best evidence from which a coarser index is taken: multiples of a step are multiples of its parts."""


class Explained(NamedTuple):
    """Share of blocks that come out the same on the grid of macroblocks, and one pixel off it; how many they are, and
    the indices under which they do, ascending.
    """

    share: float
    shifted: float
    blocks: int
    indices: tuple[int, ...]


def explained(pixels: np.ndarray, phase: tuple[int, int]) -> Explained | None:
    """The shares, at the position of macroblocks where most blocks are explained; None where too few blocks are left.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    phase : tuple of int
        Row and column of a block's first sample, modulo 4.
    """
    plane, known = _middle(pixels, _SIDE)
    glance = _middle(pixels, _GLANCE)
    steps = range(0, _MACROBLOCK, 4)
    corners = [(phase[0] + row, phase[1] + column) for row in steps for column in steps]
    corner = max(corners, key=lambda corner: _share(tried(*glance, corner))[0])
    on, off = (tried(plane, known, (corner[0] + by, corner[1] + by)) for by in (0, 1))
    if min(len(on), len(off)) < _FEWEST:
        return None
    indices = _indices(on == STRONG, off == STRONG)
    (share, blocks), (shifted, _) = (_share(fits[:, indices]) for fits in (on, off))
    return Explained(share, shifted, blocks, tuple(sorted(indices))) if blocks >= _FEWEST else None


def _middle(pixels: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Luma of the picture's middle, int64, from a multiple of a macroblock on, and where it is known, bool."""
    rgb = eight_bit(pixels)
    if rgb.ndim == 2:
        rgb = np.repeat(rgb[:, :, None], 3, axis=2)
    top, left = (max(0, length - side) // 2 // _MACROBLOCK * _MACROBLOCK for length in rgb.shape[:2])
    part = np.ascontiguousarray(rgb[top : top + side, left : left + side])
    return luma(part, LUMA).astype(np.int64), np.all((part > 0) & (part < 255), axis=2)


def _share(fits: np.ndarray) -> tuple[float, int]:
    """Share of the blocks that are explained or not at all, and how many these are."""
    strong, weak = (fits == STRONG).any(axis=1), (fits > 0).any(axis=1)
    blocks = int((strong | ~weak).sum())
    return float(strong.sum() / max(blocks, 1)), blocks


def tried(plane: np.ndarray, known: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    """How indices explain each block that no prediction gives but for a constant, `np.ndarray [shape=(n, 128),
    dtype=uint8]`: 0 not at all, `WEAK` or `STRONG`.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=int64]
    known : np.ndarray [shape=(height, width), dtype=bool]
        Whether the sample is known, not clipped.
    corner : tuple of int
        Row and column of a macroblock's first sample.
    """
    room = (plane.shape[0] // 4 + 4) * (plane.shape[1] // 4 + 4)
    state, fits = np.empty(room, np.uint8), np.zeros((room, len(AC_STEPS)), np.uint8)
    first = (corner[0] % _MACROBLOCK, corner[1] % _MACROBLOCK)
    count = explain_blocks(plane, known, *first, forward_matrix(), DC_STEPS, AC_STEPS, _BITS, state, fits)
    return fits[:count][state[:count] == TELLING]


def forward_matrix() -> np.ndarray:
    """The inverse of the ideal inverse transform, `np.ndarray [shape=(16, 16), dtype=float64]`: coefficients of 16
    differences row by row.
    """
    place = np.pi / 8 * (2 * np.arange(4) + 1)
    waves = np.stack([np.ones(4), *(2**0.5 * np.cos(k * place) for k in (1, 2, 3))])
    return np.kron(waves, waves) / 2


def _indices(on: np.ndarray, off: np.ndarray) -> list[int]:
    """The indices, at most as many as a frame has, that explain most blocks, one after another. A block counts by the
    logarithm of the chance that it is explained, and what is explained off the grid is taken away.
    """
    weight = 15 * np.log(AC_STEPS / 2) + np.log(DC_STEPS / 2)
    rest, chosen = np.ones(len(on), bool), list[int]()
    for _ in range(_SEGMENTS):
        gain = on[rest].sum(axis=0) - off.mean(axis=0) * rest.sum()
        evidence = np.where(gain >= _PART * len(on), gain, 0) * weight
        if not evidence.any():
            break
        chosen.append(int(np.flatnonzero(evidence >= _NEARLY * evidence.max())[-1]))
        rest &= ~on[:, chosen[-1]]
    return chosen


def confirmation(pixels: np.ndarray, history: Vp8History) -> tuple[Parameter]:
    """`explained_blocks`, or the reason why there is none."""
    name = "explained_blocks"
    found = explained(pixels, history.grid.phase) if history.grid is not None and history.grid.found else None
    if found is None:
        return (Parameter(name, None, reason=history.reason or "too few blocks of luma that are not flat or clipped"),)
    if not found.indices:
        reason = "no quantiser index explains blocks of luma to the bit: filtered since they were predicted, or changed"
        return (Parameter(name, None, reason=reason),)
    listed = ", ".join(map(str, found.indices))
    basis = (
        f"{percentage(found.share)} of {found.blocks} blocks of 4x4 luma samples that prediction does not give but for "
        f"a constant are prediction from their neighbours plus multiples of the steps of index {listed} to the bit, "
        f"one pixel off the grid {percentage(found.shifted)}; the codec's loop filter changes others"
    )
    return (Parameter(name, round(found.share, 4), basis=basis),)
