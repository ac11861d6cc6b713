"""How often chance alone would give what a test saw, as far as its validation can support it."""

from __future__ import annotations

import math

VALIDATED = 400
"""Untouched pictures (crops of 96 to 512 px of training and validation sources) on which the exact tests were tried:
480, of which none is found; JPEG's blocks on 220 of them, near-lossless WebP on 106. A number of false alarms is a
statement of the test's model of chance; below one in so many no experiment here supports it."""
FLOOR = -math.log10(VALIDATED)
"""Decimal logarithm of the smallest number of false alarms that is told."""


def told(log10_nfa: float) -> float:
    """A number of false alarms (decimal logarithm) as it may be told: never below `FLOOR`; NaN stays NaN.

    Examples
    --------
    >>> from forensics.results.chance import told
    >>> told(-1.0), round(told(-9000.0), 2)
    (-1.0, -2.6)
    """
    return log10_nfa if math.isnan(log10_nfa) else max(log10_nfa, FLOOR)


def chance(log10_nfa: float) -> str:
    """How often chance gives an outcome, for reading: `every picture`, `0.4 of pictures`, `one picture in 250`, `fewer
    than one picture in 400, as many as the tests were tried on`.

    Examples
    --------
    >>> from forensics.results.chance import chance
    >>> chance(-2.0)
    'one picture in 100'
    >>> chance(-9000.0)
    'fewer than one picture in 400, as many as the tests were tried on'
    """
    if math.isnan(log10_nfa) or log10_nfa >= 0:
        return "every picture"
    if log10_nfa > -1:
        return f"{10**log10_nfa:.1f} of pictures"
    if log10_nfa > FLOOR:
        return f"one picture in {10**-log10_nfa:,.0f}"
    return f"fewer than one picture in {VALIDATED:,}, as many as the tests were tried on"
