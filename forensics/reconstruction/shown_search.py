"""Blocks of stored chroma by all that the picture shows of them, their neighbours' samples included.

A block alone is judged by the pixels that no other block takes part in. Where clipped channels or the picture's edge
leave several sets of coefficients for those, the others decide: pixels at its border, under the samples of the settled
blocks around.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from forensics_features._kernel import kernel

from forensics.reconstruction.acceptance import WORK
from forensics.reconstruction.blocks import Quantiser, mean_excess
from forensics.reconstruction.few_frequencies import sets_of_few
from forensics.reconstruction.inverse_transforms import inverse
from forensics.reconstruction.lattice_beam import BEYOND, Lattice, beyond_the_scale, of_rows
from forensics.reconstruction.shown_window import Window

USUAL_SETS = 16
"""Sets that are tried of a block: a bound on work. Of 167 blocks that are found with 128 sets (six validation pictures
put together, 1.2 MP, quality 75) 163 are with the first and all with the first eight."""
_PASSES = 3
"""Rounds over the blocks that are left, whose neighbours may be settled since: a bound on work."""
_DRIFTS = (6.0, 30.0)
"""Standard deviations of a coefficient about the expected one beyond its own quantisation, in levels, one after
another: see `likely_search`."""


_KNOWN, _OFF = 0.5, 1.0
"""Largest deviation of what a pixel shows of samples where all are known, in levels, which is 0.41 where the weight of
one is one; and levels by which least squares may be wrong in a sample, twice the rounding."""


@kernel
def _shows(stored, known, row, column, samples, lo, hi, vertical, horizontal, half_up):
    """Whether a block of these samples, int64 [64], shows what the picture does, as far as its neighbours are known.
    stored: uint8 [rows, columns], all that the decoder uses; known: bool by block.
    """
    rows, columns = stored.shape
    both = vertical == 2 and horizontal == 2
    bits = 4 if both else 2
    ys, xs, weights = np.empty(4, np.int64), np.empty(4, np.int64), np.empty(4, np.int64)
    for line in range(
        max(8 * vertical * row - vertical + 1, 0), min(8 * vertical * row + 9 * vertical - 1, lo.shape[0])
    ):
        y = line // vertical
        other = min(max(y - 1 + 2 * (line & 1), 0), rows - 1) if vertical == 2 else y
        for at in range(
            max(8 * horizontal * column - horizontal + 1, 0),
            min(8 * horizontal * (column + 1) + horizontal - 1, lo.shape[1]),
        ):
            x = at // horizontal
            beside = min(max(x - 1 + 2 * (at & 1), 0), columns - 1) if horizontal == 2 else x
            ys[0], xs[0], ys[1], xs[1], ys[2], xs[2], ys[3], xs[3] = y, x, other, x, y, beside, other, beside
            if both:
                weights[0], weights[1], weights[2], weights[3] = 9, 3, 3, 1
                total = 8 if half_up else 8 - (at & 1)
            else:
                weights[0], weights[1], weights[2], weights[3] = 3, 0, 0, 1
                total = 2 if half_up else 1 + ((at if horizontal == 2 else line) & 1)
            told = True
            for k in range(4):
                if weights[k] == 0:
                    continue
                if ys[k] >> 3 == row and xs[k] >> 3 == column:
                    total += weights[k] * samples[8 * (ys[k] & 7) + (xs[k] & 7)]
                elif known[ys[k] >> 3, xs[k] >> 3]:
                    total += weights[k] * np.int64(stored[ys[k], xs[k]])
                else:
                    told = False
            if told and not lo[line, at] <= total >> bits <= hi[line, at]:
                return False
    return True


@kernel
def _first_shown(sets, kind, steps, stored, known, row, column, lo, hi, vertical, horizontal, half_up, samples):
    """Number of the first set that shows what the picture does, or -1; its samples are left in `samples`."""
    work = np.empty(WORK, np.int64)
    for n in range(len(sets)):
        inverse(kind, sets[n], steps, work, samples)
        if _shows(stored, known, row, column, samples, lo, hi, vertical, horizontal, half_up):
            return n
    return -1


def _likely_sets(
    sums: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], quantiser: Quantiser, width: int
) -> Iterator[np.ndarray]:
    """Sets of coefficients, int64 [n, 64] each, from weights, values and deviations of sums of samples and from the
    samples as they are expected: the likeliest, then those of few frequencies where everything is known.
    """
    weights, values, deviations, expected = sums
    for drift, beyond in zip(_DRIFTS, BEYOND, strict=True):
        lattice = of_rows(*beyond_the_scale(*sums, beyond), [quantiser], drift=drift)
        yield from lattice.more_and_more(width)
    if len(deviations) and deviations.max() <= _KNOWN and weights.any(axis=0).all():

        def lattice_of(part: np.ndarray) -> Lattice:
            return of_rows(weights, values, deviations, expected, [quantiser], drift=np.inf, among=part)

        yield from sets_of_few(expected + 128, _OFF, lattice_of)


def search_shown(
    stored: np.ndarray,
    known: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    factors: tuple[int, int],
    quantiser: Quantiser,
    places: np.ndarray,
    *,
    half_up: bool = False,
    width: int = USUAL_SETS,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of some blocks.

    Parameters
    ----------
    stored : np.ndarray [shape=(rows, columns), dtype=uint8]
        Samples that the decoder uses, known or estimated; blocks that are found are written into it.
    known : np.ndarray [shape=(rows / 8, columns / 8), dtype=bool]
        Blocks whose samples are settled, rounded up; blocks that are found are added.
    lo, hi : np.ndarray [shape=(lines, pixels), dtype=uint8]
        Bounds of the full-size samples.
    factors : tuple of int
        Vertical and horizontal factor, 1 or 2, not both 1.
    quantiser : Quantiser
    places : np.ndarray [shape=(n, 2), dtype=int64]
        Row and column of each block.
    half_up : bool
        Whether the filter rounds half up.
    width : int
        Sets that are tried of a block.

    Returns
    -------
    coefficients : np.ndarray [shape=(n, 64), dtype=int16]
        Zero where none were found.
    found : np.ndarray [shape=(n,), dtype=bool]
    """
    out, found = np.zeros((len(places), 64), np.int16), np.zeros(len(places), bool)
    samples, offset = np.empty(64, np.int64), mean_excess(quantiser.kind)
    window = Window(factors, lo.shape, half_up=half_up)
    for _ in range(_PASSES):
        before = found.sum()
        for n in np.flatnonzero(~found):
            row, column = places[n]
            part = stored[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            inside = np.s_[: part.shape[0], : part.shape[1]]
            expected = np.pad(part, ((0, 8 - part.shape[0]), (0, 8 - part.shape[1])), mode="edge").astype(np.float64)
            around = window.about(stored, known, row, column)
            bounds = (bound[around.pixels].ravel().astype(np.float64) for bound in (lo, hi))
            weights, values, deviations = around.rows(*bounds)
            values += offset * weights.sum(axis=1)
            sums = weights, values, deviations, expected.ravel() - 128 + offset
            for sets in _likely_sets(sums, quantiser, width):
                best = _first_shown(
                    sets, quantiser.kind, quantiser.scaled, stored, known, row, column, lo, hi, *factors, half_up,
                    samples,
                )  # fmt: skip
                if best >= 0:
                    out[n], found[n], known[row, column] = sets[best], True, True
                    part[:] = samples.reshape(8, 8)[inside]
                    break
        if found.all() or found.sum() == before:
            break
    return out, found
