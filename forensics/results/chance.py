"""Numbers in sentences."""

from __future__ import annotations

import math


def chance(log10_nfa: float) -> str:
    """How often chance gives an outcome, for reading: `one picture in 10^12`, `0.4 of pictures`, `every picture`."""
    if not math.isfinite(log10_nfa) or log10_nfa >= 0:
        return "every picture"
    if log10_nfa > -1:
        return f"{10**log10_nfa:.1f} of pictures"
    if log10_nfa > -4:
        return f"one picture in {10**-log10_nfa:,.0f}"
    return f"one picture in 10^{-log10_nfa:.0f}"
