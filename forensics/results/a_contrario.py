"""Tails of null distributions, as decimal logarithms that do not underflow, and the number of false alarms made of
them.

The number of false alarms of an outcome is the number of hypotheses tried times the probability of an outcome at least
as extreme under the null model [1]_. A tail that cannot be had exactly is bounded from above, so the number is never
too small.

References
----------
.. [1] A. Desolneux, L. Moisan, J.-M. Morel, "From Gestalt Theory to Image Analysis: A Probabilistic Approach", Springer
       2008,
   doi:10.1007/978-0-387-74378-3.
.. [2] W. Hoeffding, "Probability inequalities for sums of bounded random variables", JASA 58(301), 1963,
   doi:10.1080/01621459.1963.10500830.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

LN10 = math.log(10.0)
_FLOOR = 1e-290
"""Smallest tail whose logarithm is taken: a numerical guard, above the smallest normal float64."""
_HALVINGS = 60
"""Halvings of the interval that is searched: more than the 53 bits of float64 hold."""


def log10_nfa(log10_tail: float, tests: float) -> float:
    """Decimal logarithm of the number of false alarms of one outcome among `tests` hypotheses; at most that of
    `tests`.
    """
    return math.log10(tests) + min(0.0, log10_tail)


def best_of(log10_tails: list[float]) -> float:
    """The smallest of several tails, paid for by their number (Bonferroni); at most 0."""
    return min(0.0, min(log10_tails) + math.log10(len(log10_tails)))


def log10_binomial_tail(successes: int, trials: int, share: float) -> float:
    """log10 P(X >= successes) for X ~ Binomial(trials, share), 0 < share < 1; by Chernoff's bound where it
    underflows.
    """
    if successes <= 0 or trials <= 0:
        return 0.0
    tail = float(beta_shares([successes], [trials - successes + 1], [share])[0]) if successes <= trials else 0.0
    if tail > _FLOOR:
        return math.log10(tail)
    return -trials * _divergence(min(successes / trials, 1.0), share) / LN10


def _divergence(a: float, b: float) -> float:
    """Kullback-Leibler divergence of two Bernoulli distributions, in nats."""
    return sum(p * math.log(p / q) if p > 0 else 0.0 for p, q in ((a, b), (1 - a, 1 - b)))


def beta_shares(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> np.ndarray:
    """The regularised incomplete beta function I_x(a, b), by element, `np.ndarray [shape=(n,), dtype=float64]`: that
    `a` or more of a + b - 1 trials succeed that do so with probability x.

    Parameters
    ----------
    a, b : array-like [shape=(n,)]
        Above 0.
    x : array-like [shape=(n,)]
        0..1.

    Examples
    --------
    >>> from forensics.results.a_contrario import beta_shares
    >>> beta_shares([1, 2], [1, 1], [0.25, 0.5]).round(12).tolist()
    [0.25, 0.25]
    """
    from forensics.results import _tail_kernels as kernels

    given = [np.array(one, np.float64) for one in (a, b, x)]
    out = np.empty(len(given[0]))
    kernels.beta_shares(given[0], given[1], given[2], out)
    return out


def log10_weighted_tail(total: float, weights: np.ndarray, share: float) -> float:
    """log10 of a bound of P(sum w_k X_k >= total) for independent X_k in 0..1 with mean `share` (Chernoff, after [2]_).

    Parameters
    ----------
    total : float
        The sum observed, in 0..sum(weights).
    weights : np.ndarray [shape=(n,), dtype=float64]
        Positive.
    share : float
        In 0..1, both excluded.

    Notes
    -----
    With equal weights 1 and X in {0, 1} this is Chernoff's bound of the binomial tail. The exponent is maximised by
    bisection of its derivative.
    """
    from scipy import special

    whole = float(weights.sum())
    if total <= share * whole:
        return 0.0
    total = min(total, whole * (1 - 1e-9))
    unit = weights / weights.max()
    target = total / float(weights.max())

    def slope(rate: float) -> float:
        return float((unit * special.expit(rate * unit + special.logit(share))).sum()) - target

    low, high = 0.0, 1.0
    while slope(high) < 0 and high < 1e9:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    moments = np.logaddexp(math.log1p(-share), math.log(share) + low * unit)
    return min(0.0, float(moments.sum() - low * target) / LN10)


def log10_student_tail(t: float, freedom: float) -> float:
    """log10 P(T >= t) of Student's distribution, one-sided."""
    from scipy import special

    if not math.isfinite(t) or freedom <= 0:
        return 0.0
    return math.log10(max(float(special.stdtr(freedom, -t)), _FLOOR))


def log10_gamma_tail(total: float, shape: float) -> float:
    """log10 P(X >= total) for X ~ Gamma(shape, 1): the sum of `shape` unit exponentials (Fisher's combination of
    tails).
    """
    return log10_gamma_tails([total], [shape])[0]


def log10_gamma_tails(totals: Sequence[float], shapes: Sequence[float]) -> list[float]:
    """`log10_gamma_tail` of each pair; 0 where the shape is 0: nothing is summed."""
    from forensics.results import _tail_kernels as kernels

    summed = [(float(total), float(shape)) for total, shape in zip(totals, shapes, strict=True) if shape]
    tails = np.empty(len(summed))
    kernels.gamma_tails(np.array([shape for _, shape in summed]), np.array([total for total, _ in summed]), tails)
    found = iter([_log10_of(tail, *pair) for tail, pair in zip(tails.tolist(), summed, strict=True)])
    return [next(found) if shape else 0.0 for shape in shapes]


def _log10_of(tail: float, total: float, shape: float) -> float:
    if tail > _FLOOR:
        return math.log10(tail)
    # Upper incomplete gamma function, continued fraction's first term: an upper bound for total > shape - 1.
    log = -total + (shape - 1) * math.log(total) - math.lgamma(shape) - math.log1p(-(shape - 1) / total)
    return log / LN10


def welch(first: np.ndarray, second: np.ndarray, least: float = 0.0) -> tuple[float, float]:
    """Welch's t statistic of mean(first) - mean(second) and its degrees of freedom; (0, 0) where it is not defined.

    `least` is a lower bound of the variance of one value: few values can agree by luck.
    """
    if min(len(first), len(second)) < 2:
        return 0.0, 0.0
    a, b = (max(float(part.var(ddof=1)), least) / len(part) for part in (first, second))
    if a + b <= 0:
        return 0.0, 0.0
    freedom = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    return float((first.mean() - second.mean()) / math.sqrt(a + b)), float(freedom)
