"""Tails: against SciPy's distributions, simulation, and each other where they overlap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from forensics.results import _tail_kernels as kernels
from forensics.results.a_contrario import (
    best_of,
    log10_binomial_tail,
    log10_gamma_tail,
    log10_nfa,
    log10_student_tail,
    log10_weighted_tail,
    welch,
)


@pytest.mark.parametrize(("k", "n", "p"), [(3, 10, 0.2), (40, 400, 1 / 64), (1, 5, 0.5), (5, 5, 0.1)])
def test_binomial_tail_is_scipys(k: int, n: int, p: float) -> None:
    assert log10_binomial_tail(k, n, p) == pytest.approx(math.log10(stats.binom.sf(k - 1, n, p)), abs=1e-9)


def test_binomial_tail_goes_on_where_doubles_end() -> None:
    value = log10_binomial_tail(900, 1000, 1 / 64)
    assert value < -290
    assert value == pytest.approx(
        special.logsumexp(stats.binom.logpmf(np.arange(900, 1001), 1000, 1 / 64)) / math.log(10), rel=0.01
    )
    assert log10_binomial_tail(0, 10, 0.3) == 0
    assert log10_binomial_tail(0, 0, 0.3) == 0


def test_gamma_tail_is_scipys_and_goes_on() -> None:
    assert log10_gamma_tail(12.0, 3) == pytest.approx(math.log10(stats.gamma.sf(12.0, 3)), abs=1e-9)
    # With a whole shape n the tail is a Poisson variable's chance to stay under n.
    exact = special.logsumexp(stats.poisson.logpmf(np.arange(24), 900.0)) / math.log(10)
    assert exact <= log10_gamma_tail(900.0, 24) < exact + 0.01


@pytest.mark.parametrize("compiled", [True, False])
def test_kernels_of_tails_are_scipys(compiled: bool) -> None:
    rng = np.random.default_rng(3)
    number = 400 if compiled else 60
    a, b = 10 ** rng.uniform(-9, 5, number), 10 ** rng.uniform(-1, 5, number)
    x = np.clip(a / (a + b) * 10 ** rng.uniform(-0.5, 0.2, number), 0, 1)
    x[:2] = 0, 1
    found = np.empty(number)
    for kernel, given, expected in (
        (kernels.beta_shares, (a, b, x), special.betainc(a, b, x)),
        (kernels.gamma_tails, (b, b * x * 2 + x), special.gammaincc(b, b * x * 2 + x)),
    ):
        (kernel if compiled else kernel.py_func)(*given, found)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-14)


def test_student_tail_is_scipys() -> None:
    assert log10_student_tail(3.0, 7) == pytest.approx(math.log10(stats.t.sf(3.0, 7)), abs=1e-9)
    assert log10_student_tail(0.0, 0.0) == 0


def test_weighted_tail_bounds_simulation_and_is_chernoffs_for_equal_weights() -> None:
    rng = np.random.default_rng(1)
    weights = rng.exponential(size=60)
    sums = (rng.random((20000, 60)) < 0.3) @ weights
    for level in (0.45, 0.55, 0.6):
        total = level * weights.sum()
        assert 10 ** log10_weighted_tail(total, weights, 0.3) >= (sums >= total).mean()
    n, k, p = 50, 30, 0.3
    a = k / n
    chernoff = -n * (a * math.log(a / p) + (1 - a) * math.log((1 - a) / (1 - p))) / math.log(10)
    assert log10_weighted_tail(k, np.ones(n), p) == pytest.approx(chernoff, abs=1e-6)
    assert log10_weighted_tail(10, np.ones(n), p) == 0


def test_one_heavy_weight_is_no_evidence() -> None:
    assert log10_weighted_tail(1.0, np.array([1.0]), 0.25) == pytest.approx(math.log10(0.25), abs=0.01)


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.4, 1, 12), rng.normal(0, 2, 30)
    t, freedom = welch(a, b)
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert (t, freedom) == pytest.approx((expected.statistic, expected.df))
    assert welch(np.ones(5), np.ones(5)) == (0.0, 0.0)
    assert welch(np.ones(5), np.zeros(5), least=0.1)[0] == pytest.approx(1 / math.sqrt(0.04))


def test_hypotheses_are_paid_for() -> None:
    assert log10_nfa(-5.0, 100) == pytest.approx(-3)
    assert log10_nfa(2.0, 100) == pytest.approx(2)
    assert best_of([-3.0, -1.0]) == pytest.approx(-3 + math.log10(2))
    assert best_of([-0.1, 0.0]) == 0
