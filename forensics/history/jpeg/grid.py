"""Where a JPEG's 8x8 blocks begin: the phase at which the coefficients are multiples of steps, with its number of false
alarms.

At each of the 64 phases the evidence for quantisation of the AC frequencies by any table is summed up. Under no
quantisation this is an e-value, so by Markov's inequality 64 / evidence bounds the number of false alarms; its
logarithm is halved because neighbouring coefficients of a picture are not independent. Where compression left too few
coefficients that are not zero, places in the picture vote for the phase with most zeros, as in ZERO [1]_; votes by
chance are binomial. A place next to an edge votes for the block farthest from it, a corner of the place, so two sets of
places half a block apart vote and the weaker outcome counts. Comb and votes are added up to choose the phase, and the
clearer one gives the rate.

References
----------
.. [1] T. Nikoukhah, J. Anger, M. Colom, J.-M. Morel, R. Grompone von Gioi, "ZERO: a local JPEG grid origin detector
       based on the
   number of DCT zeros and its applications in image forensics", IPOL 11, 2021, doi:10.5201/ipol.2021.390.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from forensics.history.jpeg.comb import ROUNDING, ac_likelihoods
from forensics.history.jpeg.planes import BLOCK, coefficients, lively
from forensics.history.jpeg.steps import candidates

_LARGEST_STEP = 100
"""Largest quantisation step that is tried: a bound on work."""
_LEAST_LOG10_NFA = -300.0
"""The least decimal logarithm of the number of false alarms: a numerical guard; what is reported has a higher floor."""
_PATCHES = 800
"""Most squares that are looked at: a bound on work."""
_NEAR_ZERO = 0.75
"""Coefficients smaller than this count as zero, in grey levels: 2.6 standard deviations of rounding noise."""
_HALF = BLOCK // 2
_DEVIATION = np.log(0.02)
_FREQUENCIES = np.array([8 * v + u for v in range(8) for u in range(8) if v + u > 0])
_PHASES = BLOCK * BLOCK
PlaneMask = tuple[np.ndarray, np.ndarray]
"""A plane of samples, `np.ndarray [shape=(height, width), dtype=float32]`, and which of them are usable."""


@dataclass(frozen=True)
class GridPhase:
    """The most likely block grid.

    Attributes
    ----------
    phase : tuple of int
        Rows and columns before the first whole block, each 0..7.
    log10_nfa : float
        Number of false alarms over all phases, decimal logarithm.
    margin : float
        By how much the phase's score exceeds the runner-up's, in natural units.
    score : np.ndarray [shape=(8, 8), dtype=float64]
        Half the log evidence of the combs plus the surprise at the votes, by phase.
    """

    phase: tuple[int, int]
    log10_nfa: float
    margin: float
    score: np.ndarray


def find_grid(planes: Sequence[PlaneMask], noise: float = ROUNDING) -> GridPhase:
    """The block grid of decoded planes that share a phase.

    Parameters
    ----------
    planes : sequence of (np.ndarray, np.ndarray)
        Samples and their usability, each at least 16 samples a side.
    noise : float
        Standard deviation of the coefficients' noise, in levels.
    """
    patches = usable_patches(planes)
    likelihoods, zeros = np.zeros((_PHASES, 64, _LARGEST_STEP)), np.zeros((len(patches), _PHASES), np.int64)
    for phase in range(_PHASES):
        found = _coefficients(patches, phase, 0)
        zeros[:, phase] = _near_zero(found)
        found = lively(found)
        if len(found):
            likelihoods[phase, _FREQUENCIES] = ac_likelihoods(found[:, _FREQUENCIES], _LARGEST_STEP, noise)
    evidence = _evidence(likelihoods)
    surprise = np.minimum(_vote_surprise(zeros), _vote_surprise(_zeros(usable_patches(planes, _HALF), _HALF)))
    score = 0.5 * evidence + surprise
    best = int(score.argmax())
    others = np.delete(evidence, best)
    comb = 0.5 * min(evidence[best] - others.max(), evidence[best] - max(0.0, np.median(others)))
    log10_nfa = max(float(np.log10(2 * _PHASES) - max(comb, surprise[best]) / np.log(10)), _LEAST_LOG10_NFA)
    top, left = divmod(best, BLOCK)
    return GridPhase(
        (top, left), log10_nfa, float(score[best] - np.delete(score, best).max()), score.reshape(BLOCK, BLOCK)
    )


def _zeros(patches: np.ndarray, start: int) -> np.ndarray:
    """AC coefficients near zero of each patch at each phase of the picture, `np.ndarray [shape=(n, phases),
    dtype=int64]`.

    Patches begin at `start` rows and columns after a multiple of 8.
    """
    zeros = np.zeros((len(patches), _PHASES), np.int64)
    for phase in range(_PHASES):
        zeros[:, phase] = _near_zero(_coefficients(patches, phase, start))
    return zeros


def _coefficients(patches: np.ndarray, phase: int, start: int) -> np.ndarray:
    top, left = ((place - start) % BLOCK for place in divmod(phase, BLOCK))
    return coefficients(patches[:, top : top + BLOCK, left : left + BLOCK].reshape(-1, BLOCK * BLOCK))


def _near_zero(found: np.ndarray) -> np.ndarray:
    return np.asarray(np.count_nonzero(np.abs(found[:, 1:]) < _NEAR_ZERO, axis=1))


def _vote_surprise(zeros: np.ndarray) -> np.ndarray:
    """How surprising it is that so many patches have most zeros at a phase, `np.ndarray [shape=(phases,),
    dtype=float64]`.

    Chernoff's bound on minus the natural logarithm of the binomial tail: finite however sure, and never too large.
    """
    if not len(zeros):
        return np.zeros(_PHASES)
    most = zeros.max(axis=1)
    single = (zeros == most[:, None]).sum(axis=1) == 1
    votes = np.bincount(zeros[single].argmax(axis=1), minlength=_PHASES)
    count = max(int(single.sum()), 1)
    share = np.maximum(votes / count, 1 / _PHASES)
    rest = np.maximum(1 - share, np.finfo(np.float64).tiny)  # x log x goes to 0 with x
    return count * (share * np.log(share * _PHASES) + rest * np.log(rest / (1 - 1 / _PHASES)))


@cache
def _coarse_tables() -> np.ndarray:
    """Steps of the standard tables at whole qualities, and of the others at every fifth, `np.ndarray [shape=(n,
    frequencies)]`.
    """
    known = candidates()
    whole = known.quality % np.where(np.array(known.family) == "standard", 1, 5) == 0
    return np.minimum(known.tables[whole, 0][:, _FREQUENCIES], _LARGEST_STEP)


def _evidence(likelihoods: np.ndarray) -> np.ndarray:
    """Log evidence of each phase for a known or a free table, `np.ndarray [shape=(phases,), dtype=float64]`."""
    used = likelihoods[:, _FREQUENCIES]
    free = np.log(np.exp(np.minimum(used - used.max(axis=2, keepdims=True), 0)).mean(axis=2)) + used.max(axis=2)
    tables = _coarse_tables()
    known = np.zeros((len(used), len(tables)))
    for f in range(len(_FREQUENCIES)):
        known += np.maximum(used[:, f, tables[:, f] - 1], free[:, f, None] + _DEVIATION)
    return np.maximum(known.max(axis=1) - np.log(len(tables)), free.sum(axis=1))


def usable_patches(planes: Sequence[PlaneMask], start: int = 0) -> np.ndarray:
    """Usable squares of 15 samples that vary, from `start` on every 8, at most `_PATCHES` from all planes, `np.ndarray
    [shape=(n, 15, 15), dtype=float32]`.
    """
    found = []
    size = 2 * BLOCK - 1
    for plane, usable in planes:
        squares = np.lib.stride_tricks.sliding_window_view(plane, (size, size))[start::BLOCK, start::BLOCK].reshape(
            -1, size, size
        )
        whole = (
            np.lib.stride_tricks.sliding_window_view(usable, (size, size))[start::BLOCK, start::BLOCK]
            .all(axis=(2, 3))
            .ravel()
        )
        squares = squares[whole]
        found.append(squares[np.ptp(squares, axis=(1, 2)) > 2])
    patches = np.concatenate(found)
    if len(patches) > _PATCHES:
        patches = patches[np.linspace(0, len(patches) - 1, _PATCHES).astype(np.int64)]
    return patches
