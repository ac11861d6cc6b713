"""Kernels of `a_contrario`: the regularised incomplete beta and gamma functions, element by element.

Both by Lentz's continued fractions on the side where they converge fast, gamma's other side by its series (NIST Digital
Library of Mathematical Functions, https://dlmf.nist.gov, 8.17.22, 8.9.2 and 8.7.1). `scipy.special` has them as well,
but takes 80 ms to import, a tenth of a verdict in a fresh process.
"""

from __future__ import annotations

import math

import numpy as np
from forensics_features._kernel import kernel

_TURNS = 100_000
"""Most terms: a bound on work. They grow with the root of the arguments, 1,000 for a million."""
_CLOSE = 1e-15
"""Relative change of a term from which nothing more is added: float64's own accuracy, 2.2e-16, with room for the
rounding of a term."""
_LEAST = 1e-300
"""What stands for zero in a denominator (Lentz): above the smallest normal float64."""


@kernel
def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _LEAST else _LEAST)
    value = d
    for turn in range(1, _TURNS):
        for odd in range(2):
            if odd == 0:
                term = turn * (b - turn) * x / ((a + 2.0 * turn - 1.0) * (a + 2.0 * turn))
            else:
                term = -(a + turn) * (a + b + turn) * x / ((a + 2.0 * turn) * (a + 2.0 * turn + 1.0))
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _LEAST else _LEAST)
            c = 1.0 + term / c
            c = c if abs(c) > _LEAST else _LEAST
            value *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return value


@kernel
def beta_shares(a: np.ndarray, b: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """I_x(a, b) of each element: the share of Beta(a, b) below x; a and b above 0, x in 0..1, all float64 of one
    length.
    """
    for i in range(len(out)):
        if x[i] <= 0.0:
            out[i] = 0.0
        elif x[i] >= 1.0:
            out[i] = 1.0
        else:
            front = a[i] * math.log(x[i]) + b[i] * math.log1p(-x[i])
            front = math.exp(front + math.lgamma(a[i] + b[i]) - math.lgamma(a[i]) - math.lgamma(b[i]))
            if x[i] * (a[i] + b[i] + 2.0) < a[i] + 1.0:
                out[i] = front * _beta_fraction(a[i], b[i], x[i]) / a[i]
            else:
                out[i] = 1.0 - front * _beta_fraction(b[i], a[i], 1.0 - x[i]) / b[i]


@kernel
def gamma_tails(shape: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """Q(shape, x) of each element: the share of Gamma(shape, 1) beyond x; shape above 0, float64 of one length."""
    for i in range(len(out)):
        s, v = shape[i], x[i]
        if v <= 0.0:
            out[i] = 1.0
            continue
        front = math.exp(s * math.log(v) - v - math.lgamma(s))
        if v < s + 1.0:
            term = value = 1.0 / s
            for turn in range(1, _TURNS):
                term *= v / (s + turn)
                value += term
                if term < value * _CLOSE:
                    break
            out[i] = 1.0 - front * value
        else:
            b = v + 1.0 - s
            c, d = 1.0 / _LEAST, 1.0 / b
            value = d
            for turn in range(1, _TURNS):
                term = -turn * (turn - s)
                b += 2.0
                d = term * d + b
                d = 1.0 / (d if abs(d) > _LEAST else _LEAST)
                c = b + term / c
                c = c if abs(c) > _LEAST else _LEAST
                value *= c * d
                if abs(c * d - 1.0) < _CLOSE:
                    break
            out[i] = front * value
