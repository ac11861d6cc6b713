"""ZERO: which origin of the 8x8 grid leaves the most DCT coefficients at zero, voted for by every pixel.

Every pixel lies in 64 blocks of 8x8 pixels, one for each origin of a grid. It votes for the origin whose block has the
most DCT coefficients under 0.5 in magnitude; where two blocks tie, or the winning block is constant along its rows or
columns, it does not vote. Without JPEG every origin is as likely. Neighbours share blocks, so 64 votes count as one
trial, and the number of false alarms of an origin with k of N votes in a region is N_T B(N / 64, k / 64, 1 / 64), B the
binomial tail and N_T = 64 X Y sqrt(X Y) the origins and square regions of an X x Y picture. Trials here are votes cast,
not pixels, which is the stricter count where many abstain.

Local grids: votes for another origin than the main one are gathered into regions (pixels within `REACH` of each other)
and each region is tested in its bounding box.

References
----------
.. [1] T. Nikoukhah, J. Anger, M. Colom, J.-M. Morel, R. Grompone von Gioi, "ZERO: a local JPEG grid origin detector
       based on
   the number of DCT zeros and its applications in image forensics", IPOL 11, 2021, doi:10.5201/ipol.2021.390.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from forensics_features.block_dct import dct_matrix
from scipy import ndimage

from forensics.history.traces import _grid_kernels as kernels
from forensics.history.traces.sample import Sample
from forensics.results.a_contrario import log10_binomial_tail
from forensics.results.chance import chance, reported
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import percentage

NAME = "grid_phase"
SPEAKS_FOR = ("jpeg", "jpegxl")
OTHERS = ("avif", "heic", "bpg", "jpegxr", "webp")
"""Codecs whose blocks are only in part of 8x8."""
MOST = 0.7
"""A larger share of the votes speaks against `OTHERS`."""
BLOCK = 8
"""Side of a block in pixels: ITU-T T.81 A.3.1."""
ORIGINS = BLOCK * BLOCK
ZERO_BELOW = 0.5
"""Coefficients under this are zeros: the reach of pixel rounding."""
NO_VOTE = -1
"""Stands where a pixel votes for no origin."""
REACH = 9
"""Votes this near belong to one region, in pixels."""
MOST_LOCAL = 8
"""Local grids that are reported at most."""


class LocalGrid(NamedTuple):
    """A region that votes for a grid of its own: bounding box in pixels, origin, log10 NFA."""

    top: int
    left: int
    height: int
    width: int
    origin: tuple[int, int]
    log10_nfa: float


def zero_counts(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DCT zeros of the block that begins at each pixel.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=float32]
        Whole levels; at least 8 a side.

    Returns
    -------
    zeros : np.ndarray [shape=(height - 7, width - 7), dtype=int16]
        Coefficients under `ZERO_BELOW`, the mean excepted, 0..63.
    constant : np.ndarray [same shape, dtype=bool]
        Blocks without change along their rows or along their columns.
    """
    plane = np.ascontiguousarray(luma, dtype=np.float32)
    shape = tuple(length - BLOCK + 1 for length in plane.shape)
    zeros, constant = np.empty(shape, np.int16), np.empty(shape, bool)
    kernels.zero_counts(plane, dct_matrix(BLOCK), np.float32(ZERO_BELOW), zeros, constant)
    return zeros, constant


def vote_map(luma: np.ndarray) -> np.ndarray:
    """The origin of the 8x8 grid that each pixel votes for.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=float32 or uint8]
        Rounded here. At least 16 a side.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=int8]
        8 * (row mod 8) + (column mod 8) of the origin, `NO_VOTE` for a tie, a constant block, and within 7 pixels of
        the border.
    """
    zeros, constant = zero_counts(np.rint(luma))
    out = np.full(np.shape(luma), NO_VOTE, np.int8)
    votes = np.empty((zeros.shape[0] - BLOCK + 1, zeros.shape[1] - BLOCK + 1), np.int8)
    kernels.most_zeros(zeros, constant, np.int8(NO_VOTE), votes)
    out[BLOCK - 1 : 1 - BLOCK, BLOCK - 1 : 1 - BLOCK] = votes
    return out


def log10_tests(shape: tuple[int, int]) -> float:
    """log10 of N_T = 64 X Y sqrt(X Y): the origins and the square regions of a picture."""
    return math.log10(ORIGINS) + 1.5 * math.log10(shape[0] * shape[1])


def grid_log10_nfa(counts: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """log10 NFA of each origin from votes by origin [shape=(64,)], `np.ndarray [shape=(64,), dtype=float64]`."""
    trials = int(counts.sum()) // ORIGINS
    tails = [log10_binomial_tail(int(k) // ORIGINS, trials, 1 / ORIGINS) for k in counts]
    return np.array(tails) + log10_tests(shape)


def local_grids(votes: np.ndarray, main: int | None) -> list[LocalGrid]:
    """Regions of a vote map that vote for another grid than `main`, most significant first, at most `MOST_LOCAL`."""
    found: list[LocalGrid] = []
    totals = np.bincount(votes[votes >= 0].ravel(), minlength=ORIGINS)
    # so many trials in a row tell by chance with (1 / 64) ** trials: fewer are never found, whatever lies around them
    least = max(2, math.ceil((log10_tests(votes.shape) - FOUND_BELOW) / math.log10(ORIGINS)))
    for origin in np.flatnonzero(totals >= least * ORIGINS):
        if origin == main:
            continue
        mine = votes == origin
        near = ndimage.maximum_filter(mine, size=REACH) if mine.any() else mine
        labels, _ = ndimage.label(near)
        for box in ndimage.find_objects(labels):
            if (box[0].stop - box[0].start) * (box[1].stop - box[1].start) < least * ORIGINS:
                continue
            votes_for = int(np.count_nonzero(mine[box])) // ORIGINS
            if votes_for < least:
                continue
            trials = int(np.count_nonzero(votes[box] >= 0)) // ORIGINS
            nfa = log10_binomial_tail(votes_for, trials, 1 / ORIGINS) + log10_tests(votes.shape)
            if nfa <= FOUND_BELOW:
                top, left = box[0].start, box[1].start
                found.append(
                    LocalGrid(top, left, box[0].stop - top, box[1].stop - left, divmod(int(origin), BLOCK), nfa)
                )
    return sorted(found, key=lambda grid: grid.log10_nfa)[:MOST_LOCAL]


def grid_phase(sample: Sample) -> Trace:
    """Test the 64 origins of an 8x8 grid by votes.

    Returns
    -------
    Trace
        `statistic`: share of the votes that the best origin has, 0..1 (1/64 by chance); 0 without votes. `parameters`:
        `phase` (row, column of the grid in the picture), `votes`, `local_grids` (boxes with an origin of their own, in
        picture coordinates). `series`: `votes`, the map of the first region, and `log10_nfa` [shape=(8, 8)] by origin.
    """
    maps = [vote_map(region.y) for region in sample.regions]
    counts = np.sum([np.bincount(votes[votes >= 0].ravel(), minlength=ORIGINS) for votes in maps], axis=0)
    scores = grid_log10_nfa(counts, sample.shape)
    best = int(scores.argmin())
    nfa, total = float(scores[best]), int(counts.sum())
    found = nfa <= FOUND_BELOW
    phase = divmod(best, BLOCK)
    share = float(counts[best] / total) if total else 0.0
    local = [
        grid._replace(top=grid.top + top, left=grid.left + left)
        for votes, (top, left) in zip(maps, sample.origins, strict=True)
        for grid in local_grids(votes, best if found else None)
    ]
    return Trace(
        name=NAME,
        statistic=share,
        log10_nfa=nfa,
        speaks_for=(SPEAKS_FOR if share >= MOST else (*SPEAKS_FOR, *OTHERS)) if found else (),
        parameters={
            "phase": list(phase) if found else None,
            "votes": total,
            "local_grids": [
                {**grid._asdict(), "origin": list(grid.origin), "log10_nfa": reported(grid.log10_nfa, NAME)}
                for grid in local
            ],
        },
        sentence=_sentence(share, total, phase, nfa, found, len(local)),
        series={"votes": maps[0], "log10_nfa": scores.reshape(BLOCK, BLOCK)},
    )


def _sentence(share: float, total: int, phase: tuple[int, int], nfa: float, found: bool, local: int) -> str:
    if not found:
        text = (
            f"No origin of an 8x8 grid gets more of the {total:,} votes for the most zero DCT coefficients than chance "
            f"gives it "
            f"(best {percentage(share)}, expected by chance in {chance(nfa)})."
        )
    else:
        text = (
            f"{percentage(share)} of {total:,} pixels see the most zero DCT coefficients on the 8x8 grid that starts "
            f"at row {phase[0]}, column "
            f"{phase[1]}, where chance gives each of 64 grids 1.6 %; chance gives this in {chance(nfa)}."
        )
    return f"{text} {local} region(s) vote for a grid of their own." if local else text
