"""Coefficients of a block of which samples are clipped, or beyond the picture: the likeliest sets of a lattice, until
one decodes to what is seen.

Known samples lie within half a level of the ideal transform's, clipped ones somewhere beyond the end of the scale, and
samples beyond the picture are expected to continue its last row or column, which encoders repeat [1]_. How far they do
nobody knows. But the lattice of quantised coefficients is so much coarser than what is known that rough guesses leave
one set, or few; and where they leave many, any that gives what is seen will do. What is found is tried by the decoder's
own arithmetic; that nothing is found proves nothing.

References
----------
.. [1] libjpeg-turbo, jcsample.c, `expand_right_edge`; jcprepct.c, `expand_bottom_edge`.
"""

from __future__ import annotations

import numpy as np

from forensics.reconstruction.acceptance import DIRECT
from forensics.reconstruction.blocks import Quantiser, mean_excess
from forensics.reconstruction.lattice_beam import UNKNOWN, first_decoding, of_samples
from forensics.reconstruction.layout import BLOCK

_GUESSES = ((6.0, 8.0, 6.0), (15.0, 20.0, 25.0), (40.0, 50.0, 80.0))
"""How far clipped samples are thought to lie beyond the scale, by how much that scatters, and how far a coefficient of
what is not seen lies from that of the repeated edge beyond its own quantisation; in levels, one after another. Of the
146 blocks with clipped samples that rounding leaves open in six JPEG files found all come out, all but one under the
first. Of 60 blocks cut from the middle of a picture, which do not go on as their edge does, 23 to 100 % are found
under the first and 93 to 100 % under the second (qualities 75 and 92, two to six columns or rows seen)."""
GUESSES = len(_GUESSES)
"""How many there are."""
_SETS = 64
"""Sets that are tried of a block: a bound on work. Of those 146 blocks all are among the first eleven."""

_MORE_SETS, _FEW = 2048, 8
"""Sets that are tried of the blocks that are left where these are few, bounds on work, a twentieth of a second a block.
Of a file found whose last rows are no repeated ones (quality 95, six of eight rows seen) two luma blocks come out with
512 sets, none with 64."""


def search_likely(
    lo: np.ndarray,
    hi: np.ndarray,
    quantiser: Quantiser,
    seen: np.ndarray | None = None,
    *,
    guesses: int = GUESSES,
    further: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of blocks.

    Parameters
    ----------
    lo, hi : np.ndarray [shape=(n, 64), dtype=uint8]
        Bounds of each sample; equal where it is known. Those that reach 0 or 255 are open there.
    quantiser : Quantiser
    seen : np.ndarray [shape=(n, 4), dtype=int64], optional
        First and last row (exclusive), first and last column that lie in the picture; all by default. Bounds of the
        others are not looked at.
    guesses : int
        Guesses about what is hidden that are tried, the commonest first.
    further : bool
        Whether blocks that are left are searched with more sets, where they are few.

    Returns
    -------
    coefficients : np.ndarray [shape=(n, 64), dtype=int16]
        Zero where none were found.
    found : np.ndarray [shape=(n,), dtype=bool]
    """
    out, found = np.zeros((len(lo), 64), np.int16), np.zeros(len(lo), bool)
    parts: list[tuple[np.ndarray, np.ndarray] | None] = [None] * len(lo)
    if seen is not None:
        inside = seen_of(seen)
        parts = list(zip(seen, inside, strict=True))
        lo, hi = np.where(inside, lo, 0).astype(np.uint8), np.where(inside, hi, 255).astype(np.uint8)
    lo, hi = np.ascontiguousarray(lo), np.ascontiguousarray(hi)
    for width in (_SETS, _MORE_SETS):
        left = np.flatnonzero(~found)
        if width > _SETS and (not further or len(left) > _FEW):
            break
        for n in left:
            best = _likeliest(lo[n], hi[n], quantiser, parts[n], guesses, width)
            if best is not None:
                out[n], found[n] = best, True
    return out, found


def _likeliest(
    lo: np.ndarray,
    hi: np.ndarray,
    quantiser: Quantiser,
    part: tuple[np.ndarray, np.ndarray] | None,
    guesses: int,
    width: int,
) -> np.ndarray | None:
    """Coefficients of one block of which a part is seen, and these samples, all by default, by the first guess that
    gives some.
    """
    for beyond, scatter, drift in _GUESSES[:guesses]:
        samples, deviations = _guessed(lo.astype(np.float64), hi.astype(np.float64), beyond, scatter)
        if part is None:
            drift = np.inf
        else:
            samples = _repeated(samples, part[0])
            deviations = np.where(part[1], deviations, UNKNOWN)
        samples += mean_excess(quantiser.kind) - 128
        for sets in of_samples(samples, deviations, quantiser, drift=drift).more_and_more(width):
            best = first_decoding(sets, quantiser.kind, quantiser.scaled, lo, hi, lo, hi, DIRECT)
            if best >= 0:
                return np.asarray(sets[best])
    return None


_PLACES = np.arange(BLOCK)


def _guessed(lo: np.ndarray, hi: np.ndarray, beyond: float, scatter: float) -> tuple[np.ndarray, np.ndarray]:
    """Samples and their deviations: the middle of their bounds, open ones drawn out beyond the scale."""
    low, high = np.where(lo == 0, -2 * beyond, lo), np.where(hi == 255, 255 + 2 * beyond, hi)
    deviations = np.sqrt((1 + (high - low) ** 2) / 12)
    at_end = (lo == hi) & ((lo == 0) | (hi == 255))
    return (low + high) / 2, np.where(at_end, scatter, deviations)


def _repeated(samples: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Samples with the edge of a part, as of `search_likely`, repeated beyond it."""
    first, last, left, right = part
    down, across = np.clip(_PLACES, first, last - 1), np.clip(_PLACES, left, right - 1)
    return np.asarray(samples[(BLOCK * down[:, None] + across).ravel()])


def seen_of(parts: np.ndarray) -> np.ndarray:
    """Whether each sample is seen, `np.ndarray [shape=(n, 64), dtype=bool]`, of parts as `search_likely` takes them."""
    place = np.arange(BLOCK)
    down, across = ((place >= part[:, :1]) & (place < part[:, 1:]) for part in np.split(parts, 2, axis=1))
    return np.asarray((down[:, :, None] & across[:, None, :]).reshape(-1, BLOCK * BLOCK))
