"""A first JPEG on the same grid, from the gaps and peaks it leaves in the quantised coefficients of the second.

Coefficients that were multiples of q1 and then quantised by q2 fill some multiples of q2 twice and others never. What
the histogram of one frequency would be without a first compression is read from the picture itself, at grids shifted by
some pixels, where coefficients are not quantised [1]_; sending these through q1, rounding noise and q2 gives what it
would be with one. The log-likelihood ratio of the two is summed over the frequencies for each known table as the first.

References
----------
.. [1] J. Lukas, J. Fridrich, "Estimation of primary quantization matrix in double compressed JPEG images", DFRWS, 2003.
.. [2] T. Bianchi, A. Piva, "Image forgery localization via block-grained analysis of JPEG artifacts", IEEE TIFS 7(3),
       2012,
   doi:10.1109/TIFS.2012.2187516.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from forensics_features.standards import ZIGZAG
from scipy.special import ndtr

from forensics.history.jpeg.comb import ROUNDING

FREQUENCIES = np.array(ZIGZAG[:21])
"""DC and the lowest AC frequencies in zigzag order."""
LARGEST_FIRST_STEP = 128
"""Larger steps of the first compression are taken for this. Within `FREQUENCIES` the standard table (ITU-T T.81,
K.1) has steps up to 40 at quality 50 and 125 at 16: it cuts under a quality of 16 only."""
_LARGEST_INDEX = 96
"""Largest quantisation index whose histogram is looked at: a bound on work."""
_LARGEST_MAGNITUDE = 512
"""Largest coefficient that enters the histogram, in units of the DCT: a bound on work."""
_SMOOTHING = 0.02
"""Share of the smooth trend in an expected histogram, so that no bin is impossible: a numerical guard."""
MOST_OF_ONE = 25.0
"""Most evidence, a natural logarithm, that one frequency may give to the decision: less than the 41 at which
`_ALIGNED` of `double.py` sees even odds, so that one odd histogram never decides and two can."""
_FEWEST = 30
"""Coefficients below which a frequency says nothing. Of 120 frequencies of 40 validation pictures, quantised once
and twice (the first step the larger), 8, 15, 30 and 60 coefficients favour a first step by 5 natural units or
more in 0.8, 0, 0 and 0 % of the single and 85, 93, 98 and 100 % of the double ones."""
_NEWTON_STEPS = 4
"""Steps of Newton's method: a bound on work."""


def index_histogram(values: np.ndarray, step: int) -> np.ndarray:
    """Counts of |round(x / step)|, `np.ndarray [shape=(_LARGEST_INDEX + 1,), dtype=float64]`; larger ones are left
    out.
    """
    index = np.rint(np.abs(values) / step).astype(np.int64)
    return np.bincount(index[index <= _LARGEST_INDEX], minlength=_LARGEST_INDEX + 1).astype(np.float64)


def twice_quantised(magnitudes: np.ndarray, first: int, second: int, noise: float = ROUNDING) -> np.ndarray:
    """Expected counts of the indices after quantisation by `first`, rounding noise, and `second`.

    Parameters
    ----------
    magnitudes : np.ndarray [shape=(_LARGEST_MAGNITUDE * 4,), dtype=float64]
        Histogram of |x| of unquantised coefficients in bins of a quarter level.
    first, second : int
        Steps.
    noise : float
        Standard deviation of a coefficient's noise between the two, in levels.

    Returns
    -------
    np.ndarray [shape=(_LARGEST_INDEX + 1,), dtype=float64]
    """
    middles = (np.arange(len(magnitudes)) + 0.5) / 4
    multiples = np.rint(middles / first).astype(np.int64)
    counts = np.bincount(multiples, weights=magnitudes)
    centres = np.arange(len(counts)) * first
    nearest = np.rint(centres / second).astype(np.int64)
    out = np.zeros(_LARGEST_INDEX + 1)
    for offset in (-1, 0, 1):
        index = nearest + offset
        share = ndtr(((index + 0.5) * second - centres) / noise) - ndtr(((index - 0.5) * second - centres) / noise)
        index = np.abs(index)
        kept = index <= _LARGEST_INDEX
        np.add.at(out, index[kept], (share * counts)[kept])
    return out


def frequency_ratios(quantised: np.ndarray, shifted: np.ndarray, second: int, firsts: np.ndarray) -> np.ndarray:
    """Log-likelihood ratio of each first step against no first compression.

    Parameters
    ----------
    quantised : np.ndarray [shape=(n,), dtype=float32]
        Coefficients of one frequency on the last grid.
    shifted : np.ndarray [shape=(m,), dtype=float32]
        The same frequency on shifted grids.
    second : int
        Step of the last compression.
    firsts : np.ndarray [shape=(candidates,), dtype=int64]
        First steps to try.

    Returns
    -------
    np.ndarray [shape=(candidates,), dtype=float64]
        Natural logarithms; zero where there are too few coefficients other than zero.
    """
    seen = index_histogram(quantised, second)[1:]
    if seen.sum() < _FEWEST:
        return np.zeros(len(firsts))
    last = int(np.flatnonzero(seen)[-1]) + 1
    quarter = (np.abs(shifted) * 4).astype(np.int64)
    magnitudes = np.bincount(quarter[quarter < 4 * _LARGEST_MAGNITUDE], minlength=4 * _LARGEST_MAGNITUDE).astype(
        np.float64
    )
    expected = np.stack([twice_quantised(magnitudes, int(first), second) for first in (second, *firsts)])[
        :, 1 : last + 1
    ]
    likelihood = _fitted_likelihoods(expected, seen[:last])
    return likelihood[1:] - likelihood[0]


def _fitted_likelihoods(expected: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Greatest log-likelihood of the counts under each row of expected ones times a smooth envelope exp(a k + b log k).

    The envelope takes up what the shifted grids' distribution differs from the true one in; Newton's method, a few
    steps.
    """
    trend = np.convolve(seen, np.ones(5) / 5)[2 : 2 + len(seen)] + 0.5
    base = (1 - _SMOOTHING) * expected / np.maximum(
        expected.sum(axis=1, keepdims=True), 1e-9
    ) + _SMOOTHING * trend / trend.sum()
    index = np.arange(1, len(seen) + 1)
    envelope = np.stack([index / len(seen), np.log(index)])
    total = seen.sum()
    bend = np.zeros((len(base), 2))
    for _ in range(_NEWTON_STEPS):
        shares = _shares(base, bend, envelope)
        mean = shares @ envelope.T
        spread = np.einsum("nk,ik,jk->nij", shares, envelope, envelope) - mean[:, :, None] * mean[:, None]
        gradient = envelope @ seen - total * mean - bend
        bend += np.clip(np.linalg.solve(total * spread + np.eye(2), gradient[..., None])[..., 0], -1, 1)
    return np.log(_shares(base, bend, envelope)) @ seen - 0.5 * (bend**2).sum(axis=1)


def _shares(base: np.ndarray, bend: np.ndarray, envelope: np.ndarray) -> np.ndarray:
    weighed = base * np.exp(np.clip(bend @ envelope, -30, 30))
    return weighed / weighed.sum(axis=1, keepdims=True)


def aligned_scores(
    quantised: np.ndarray, shifted: np.ndarray, steps: np.ndarray, tables: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood ratio of each table as the first on the same grid, against a single compression.

    Parameters
    ----------
    quantised, shifted : np.ndarray [shape=(n, 64), dtype=float32]
        Coefficients on the last grid and on shifted ones.
    steps : np.ndarray [shape=(64,), dtype=int64]
        Steps of the last compression.
    tables : np.ndarray [shape=(candidates, 64), dtype=int64]
        Candidates for the first.

    Returns
    -------
    scores : np.ndarray [shape=(candidates,), dtype=float64]
        Natural logarithms, to compare candidates by.
    bounded : np.ndarray [shape=(candidates,), dtype=float64]
        The same with at most `MOST_OF_ONE` from each frequency, to decide by: graphics leave one or two odd histograms,
        a first compression leaves many.
    """
    scores, bounded = np.zeros((2, len(tables)))
    for frequency in FREQUENCIES:
        firsts, which = np.unique(np.minimum(tables[:, frequency], LARGEST_FIRST_STEP), return_inverse=True)
        ratios = frequency_ratios(quantised[:, frequency], shifted[:, frequency], int(steps[frequency]), firsts)[which]
        scores += ratios
        bounded += np.minimum(ratios, MOST_OF_ONE)
    return scores, bounded


def shifted_phases(phase: tuple[int, int]) -> Sequence[tuple[int, int]]:
    """Grids far from the last one, from which unquantised coefficients are read."""
    return [((phase[0] + top) % 8, (phase[1] + left) % 8) for top, left in ((4, 4), (3, 5), (5, 3), (4, 2))]
