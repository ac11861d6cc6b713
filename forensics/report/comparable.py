"""How often the model was wrong on validation cases like the one in a report.

A model's card may hold a `validation_table` (`forensics_models.validation_table`). Cells with few cases are widened,
first over all strengths, then over all sizes, and the answer says over what it was counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forensics_models.validation_table import ratio_band, side_band

from forensics.results.wording import TITLES, percent

ENOUGH_CASES = 30
"""Cells with fewer cases are widened where a wider one exists."""
NO_CASES = "no comparable cases recorded"
"""What a report says where the card has none."""


@dataclass(frozen=True)
class Comparable:
    """Validation windows that got the same verdict.

    Attributes
    ----------
    cases, errors : int
        How many there were, and how many of them were something else.
    verdict : str
        The verdict they share.
    ratio_band, side_band : str or None
        Bands they were taken from; None for all.
    """

    cases: int
    errors: int
    verdict: str
    ratio_band: str | None
    side_band: str | None

    @property
    def rate(self) -> float:
        """Share of errors, 0..1."""
        return self.errors / self.cases

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the error rate (Wilson's score interval)."""
        z, n, p = 1.96, self.cases, self.rate
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    @property
    def text(self) -> str:
        """One plain sentence."""
        low, high = self.interval
        where = [f"estimated ratio {self.ratio_band}"] if self.ratio_band else []
        where += [f"window side {self.side_band} pixels"] if self.side_band else []
        return (
            f"{self.errors} of {self.cases} validation windows with the verdict {TITLES[self.verdict]}"
            f"{' at ' + ' and '.join(where) if where else ''} were something else: {percent(self.rate)} "
            f"(95 % interval {percent(low)} to {percent(high)})"
        )


def comparable(card: Mapping[str, Any], verdict: str, ratio: float | None, side: float) -> Comparable | None:
    """Validation cases like the one at hand, or None where the card has none.

    Parameters
    ----------
    card : mapping
        A model's card.
    verdict : str
        The verdict given.
    ratio : float or None
        The estimated compression ratio, None where the verdict names no codec.
    side : float
        Square root of the pixels of a window.
    """
    rows = [row for row in card.get("validation_table", ()) if row["class"] == verdict]
    strength = None if ratio is None else ratio_band(ratio)
    widest = None
    for bands in dict.fromkeys([(strength, side_band(side)), (None, side_band(side)), (None, None)]):
        kept = [row for row in rows if _matches(row, *bands)]
        cases = sum(int(row["cases"]) for row in kept)
        if cases:
            widest = Comparable(cases, sum(int(row["errors"]) for row in kept), verdict, *bands)
        if cases >= ENOUGH_CASES:
            break
    return widest


def _matches(row: Mapping[str, Any], ratio: str | None, side: str | None) -> bool:
    return (ratio is None or row["ratio_band"] == ratio) and (side is None or row["side_band"] == side)
