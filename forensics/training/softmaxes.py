"""One softmax over families of codecs for open pictures: its weights, probabilities by cross-fitting, and from which of
them on a family is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from forensics_models.open_judge import NEVER
from forensics_models.recompression import FAMILIES, Softmax, known_as

from forensics.errors import UsageError
from forensics.training.whole_pictures import folds

NEVER_BELOW = 0.8
"""Thresholds are never lower: four to one. Cross-fitted on 1,395 open validation pictures 214 names are right so, with
three to one (`open_pictures.LEAST`) 218, and none wrong: so few more are not worth what is not known of other pictures.
"""
_PENALTY = 0.3
"""Of the squared weights, in pictures. Cross-fitted on 1,395 open validation pictures 214 are named rightly with it,
219 with a third of it, 210, 203 and 192 with three, ten and thirty times, and none wrongly."""


class Drawn(Protocol):
    """A picture that was drawn."""

    @property
    def source(self) -> str:
        """File name of its source."""

    @property
    def truth(self) -> str:
        """The family of its last lossy process."""


def truth_and_folds(rows: Sequence[Drawn]) -> tuple[np.ndarray, np.ndarray]:
    """Indices in `FAMILIES`, and the parts that are held back one after the other."""
    truth = np.array([FAMILIES.index(known_as(row.truth)) for row in rows])
    parts = folds([row.source for row in rows])
    if len(np.unique(parts)) < 2 or len(np.unique(truth)) < 2:
        raise UsageError("too few pictures are left open to learn from: draw more, or of more sources")
    return truth, parts


def cross_fitted(
    logs: np.ndarray, phases: np.ndarray, values: np.ndarray, truth: np.ndarray, parts: np.ndarray
) -> np.ndarray:
    """Probabilities of every row by weights of the other parts, `np.ndarray [shape=(n, len(FAMILIES))]`."""
    found = np.zeros((len(truth), len(FAMILIES)))
    for part in np.unique(parts):
        other = parts != part
        fitted = softmax(logs[other], phases[other], values[other], truth[other])
        found[~other] = np.exp(fitted.logarithms(logs[~other], phases[~other], values[~other]))
    return found


def threshold(
    top: np.ndarray,
    right: np.ndarray,
    here: np.ndarray,
    fewest: int,
    wrong: float,
    lowest: float = NEVER_BELOW,
    before: np.ndarray | None = None,
) -> float:
    """The lowest probability from `lowest` on from which the share of wrong ones among the rows `here`, and those named
    `before`, keeps to `wrong`; `NEVER` where that is of fewer than `fewest`.
    """
    for tried_at in np.arange(lowest, 0.995, 0.01).round(2):
        said = here & (top >= tried_at)
        if said.sum() < fewest:
            break
        if before is not None:
            said |= before
        if (said & ~right).sum() <= wrong * said.sum():
            return float(tried_at)
    return NEVER


def softmax(logs: np.ndarray, phases: np.ndarray, values: np.ndarray, truth: np.ndarray) -> Softmax:
    """Weights of least penalised log-loss.

    Parameters
    ----------
    logs, phases : np.ndarray [shape=(n, len(FAMILIES))]
        Logarithms of the open judge, and of the judge of block phases.
    values : np.ndarray [shape=(n, d)]
        As of `forensics_models.recompression.values_of`, as `logs`.
    truth : np.ndarray [shape=(n,), dtype=int]
        Index in `FAMILIES`.
    """
    from scipy.optimize import minimize

    kinds, columns = len(FAMILIES), values.shape[1]
    there = np.arange(len(truth)), truth

    def unpacked(x: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
        return float(x[0]), float(x[1]), x[2 : 2 + kinds], x[2 + kinds :].reshape(kinds, columns)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        prior, other, bias, weights = unpacked(x)
        logarithms = Softmax(prior, other, bias, weights).logarithms(logs, phases, values)
        slope = np.exp(logarithms)
        slope[there] -= 1
        gradient = [
            [(slope * logs).sum() + _PENALTY * (prior - 1)],
            [(slope * phases).sum() + _PENALTY * other],
            slope.sum(axis=0) + _PENALTY * bias,
            (slope.T @ values + _PENALTY * weights).ravel(),
        ]
        penalty = (prior - 1) ** 2 + other**2 + (bias**2).sum() + (weights**2).sum()
        return float(-logarithms[there].sum() + _PENALTY * penalty / 2), np.concatenate(gradient)

    start = np.zeros(2 + kinds + kinds * columns)
    start[0] = 1.0
    prior, other, bias, weights = unpacked(
        minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x
    )
    return Softmax(prior, other, tuple(bias.tolist()), tuple(tuple(row) for row in weights.tolist()))
