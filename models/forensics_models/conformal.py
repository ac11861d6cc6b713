"""Sets of classes that hold the true one with a stated coverage, and what an answer is worth where a set holds one
class alone.

References
----------
.. [1] V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", Springer 2005, chapter 4
       (class-conditional, or
   Mondrian, conformal prediction).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def fit_thresholds(probabilities: np.ndarray, labels: np.ndarray, coverage: float = 0.95) -> tuple[float, ...]:
    """The smallest probability with which each class still belongs to a set.

    For each class the threshold is the (1 - `coverage`) quantile of the probability that its own cases give it, with
    the finite-sample correction of [1], so that a new case's set holds its true class with at least `coverage`, class
    by class.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(n, k)]
        Of cases that the probabilities were not fitted on.
    labels : np.ndarray [shape=(n,), dtype=int]
    coverage : float
        In 0..1.

    Returns
    -------
    tuple of float
        k thresholds; 0 for a class with too few cases for the coverage asked, which then belongs to every set.
    """
    thresholds = []
    for label in range(probabilities.shape[1]):
        own = np.sort(probabilities[labels == label, label])
        place = int(np.floor((len(own) + 1) * (1.0 - coverage))) - 1
        thresholds.append(float(own[place]) if place >= 0 else 0.0)
    return tuple(thresholds)


def prediction_set(probabilities: Mapping[str, float], thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """The classes whose probability reaches their threshold, most probable first; the best class where none does."""
    kept = [name for name, value in probabilities.items() if value >= thresholds[name]]
    kept = kept or [max(probabilities, key=lambda name: probabilities[name])]
    return tuple(sorted(kept, key=lambda name: -probabilities[name]))


def fit_false_alarm_threshold(compressed: np.ndarray, rate: float) -> float:
    """The probability of compression from which on a codec may be named, so that untouched cases are accused at most at
    `rate`.

    Parameters
    ----------
    compressed : np.ndarray [shape=(n,)]
        Probability of any compression, of cases that are uncompressed and that the probabilities were not fitted on.
    rate : float
        Share in 0..1 of such cases that may reach the threshold; the finite-sample correction of [1] is included.

    Returns
    -------
    float
        0..1; 1 where there are too few cases to promise the rate.
    """
    allowed = int(np.floor((len(compressed) + 1) * rate)) - 1
    if allowed < 0:
        return 1.0
    descending = np.sort(compressed)[::-1]
    # Just above the first case that may no longer be accused.
    return float(min(1.0, np.nextafter(descending[allowed], 2.0))) if allowed < len(descending) else 0.0


def answered(
    probabilities: np.ndarray, labels: np.ndarray, threshold: float, compressed_from: float = 0.0
) -> tuple[float, float]:
    """Share of cases whose best class reaches `threshold`, and the share of right ones among those (1 where there are
    none).

    Where the best class is not the first, `uncompressed`, all others together must reach `compressed_from` too.
    """
    sure = probabilities.max(axis=1) >= threshold
    sure &= (probabilities.argmax(axis=1) == 0) | (1.0 - probabilities[:, 0] >= compressed_from)
    right = probabilities.argmax(axis=1) == labels
    return float(sure.mean()), float(right[sure].mean()) if sure.any() else 1.0


def fit_answer_threshold(
    probabilities: np.ndarray, labels: np.ndarray, accuracy: float, candidates: Sequence[float] | None = None
) -> float:
    """The lowest probability in 0.5..0.99 from which on answers are right in at least the share `accuracy` of the
    cases.

    The largest candidate where none reaches it.
    """
    tried = np.arange(0.5, 0.995, 0.01) if candidates is None else np.asarray(candidates, np.float64)
    for threshold in tried:
        if answered(probabilities, labels, float(threshold))[1] >= accuracy:
            return float(round(threshold, 4))
    return float(round(tried[-1], 4))
