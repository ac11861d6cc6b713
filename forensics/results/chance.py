"""How often chance alone would give what a test saw, as far as its validation can support it."""

from __future__ import annotations

import math

from forensics.results.wording import percentage

VALIDATED = 400
"""Untouched pictures (crops of 96 to 512 px of training and validation sources) on which the exact tests were tried:
480, of which none is found; JPEG's blocks on 220 of them, near-lossless WebP on 106, a JPEG kept in JPEG XL on 527
others (untouched, JPEG, JPEG XL, JPEG recompressed by JPEG XL). A number of false alarms is a statement of the test's
model of chance; below one in so many no experiment here supports it."""
VALIDATED_BY_TEST = {"jpeg_blocks": 220, "webp_residuals": 106}
"""The same of tests that were tried on fewer of them, by the name of their trace."""
FLOOR = -math.log10(VALIDATED)
"""Decimal logarithm of the smallest number of false alarms that is reported."""


def validated(test: str = "") -> int:
    """Untouched pictures on which a test was tried, by the name of its trace."""
    return VALIDATED_BY_TEST.get(test, VALIDATED)


def reported(log10_nfa: float, test: str = "") -> float:
    """A number of false alarms (decimal logarithm) as it may be reported of a test: never below one in `validated`; NaN
    stays NaN.

    Examples
    --------
    >>> from forensics.results.chance import reported
    >>> round(reported(-300.0), 2), reported(-1.5)
    (-2.6, -1.5)
    """
    return log10_nfa if math.isnan(log10_nfa) else max(log10_nfa, -math.log10(validated(test)))


def chance(log10_nfa: float, test: str = "") -> str:
    """How often chance gives an outcome of a test, for reading: `every picture`, `40 % of pictures`, `one picture in
    250`,
    `fewer than one picture in 400, as many as the tests were tried on`.

    Examples
    --------
    >>> from forensics.results.chance import chance
    >>> chance(-2.0), chance(-0.4)
    ('one picture in 100', '40 % of pictures')
    >>> chance(-300.0)
    'fewer than one picture in 400, as many as the tests were tried on'
    """
    if math.isnan(log10_nfa) or log10_nfa >= 0:
        return "every picture"
    if log10_nfa > -1:
        return f"{percentage(10**log10_nfa, 0)} of pictures"
    count = validated(test)
    if log10_nfa > -math.log10(count):
        return f"one picture in {10**-log10_nfa:,.0f}"
    tried = "this test was" if test in VALIDATED_BY_TEST else "the tests were"
    return f"fewer than one picture in {count:,}, as many as {tried} tried on"
