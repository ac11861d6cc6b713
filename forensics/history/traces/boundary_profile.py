"""Boundary profile: do pixel differences change at every 4th, 8th, 16th, 32nd or 64th boundary, as at the edges of
blocks?

At each boundary between two columns (or rows) and in each strip of `STRIP` lines, the mean |first| and |third|
difference is compared with that of both neighbouring boundaries. A block edge is a local maximum of the first or third
difference; a deblocking filter turns the step into a local minimum. The value of a column is the share of its strips
with a maximum (or minimum), so one strong edge of the scene counts as much as any other.

Null model: positions modulo the period are exchangeable. The columns at one position are compared with those half a
period away, by Welch's t over columns, so a shorter period or an alternation of odd and even columns does not count;
both axes are combined by Fisher's method. A picture resized by a factor such as 4/3 or 9/8 is periodic too;
`residual_spectrum` is the test for that. Hypotheses: periods, positions, two differences, maxima and minima, each axis
and both together.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, IEEE Trans. Image Processing 12(2), 2003, doi:10.1109/TIP.2002.807361 (block-edge
       evidence).
.. [2] B. L. Welch, "The generalization of Student's problem when several different population variances are involved",
   Biometrika 34, 1947, doi:10.1093/biomet/34.1-2.28.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from forensics_features.blockiness import PERIODS, column_profiles, fold_profile, row_profiles

from forensics.history.traces.sample import Sample
from forensics.results.a_contrario import LN10, best_of, log10_gamma_tail, log10_nfa, log10_student_tail, welch
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

NAME = "boundary_profile"
STRIP = 16
"""Lines whose differences are averaged before boundaries are compared."""
_MEASURES = ((0, "first difference"), (2, "third difference"))
_DIRECTIONS = (1, -1)
"""Boundaries may stand out or be flattened."""
_LEAST_COLUMNS = 4
"""A position is tested where it occurs this often."""
REPEATING = 0.6
"""Ratio of mean differences a period and half a period apart under which the scene is a pattern; scenes have 1 and
more.
"""
_TESTS = len(PERIODS) * len(_MEASURES) * len(_DIRECTIONS)
_SPEAKS_FOR = {
    4: ("webp", "jpegxr", "jpeg2000", "heic", "bpg", "avif"),
    8: ("jpeg", "avif", "jpegxl", "heic", "bpg"),
    16: ("jpegxr", "webp", "avif", "bpg", "heic"),
    32: ("heic", "bpg", "avif"),
    64: ("heic", "bpg", "avif"),
}
"""By the largest period found, most frequent first."""


class _Outcome(NamedTuple):
    period: int
    measure: int
    direction: int
    log10_tail: float
    positions: tuple[int, int]
    statistics: tuple[float, float]


def boundary_profile(sample: Sample) -> Trace:
    """Test five periods on both axes.

    Returns
    -------
    Trace
        `statistic`: Welch's t of the best hypothesis, the larger of the axes. `parameters`: `period`, the largest
        found, and `periods`, all of them, in pixels; `position` (row, column modulo the period where a block begins),
        `kind` (`step` or `smoothed`). `series`: `columns` and `rows`, the folded mean |first difference| of luma at
        each position modulo 64 in levels, and `period`.
    """
    luma = np.rint(sample.centre.y)
    strips = [_strips(luma, column_profiles, 0), _strips(luma, row_profiles, 1)]
    repeats = any(_repeats(luma, period) for period in PERIODS)
    outcomes = [
        _outcome(strips, repeats, period, measure, direction)
        for period in PERIODS
        for measure, _ in _MEASURES
        for direction in _DIRECTIONS
    ]
    nfa = log10_nfa(min(outcome.log10_tail for outcome in outcomes), _TESTS)
    found = nfa <= FOUND_BELOW
    best = _plainest(outcomes)
    column, row = best.positions
    return Trace(
        name=NAME,
        statistic=float(max(best.statistics)),
        log10_nfa=nfa,
        speaks_for=_SPEAKS_FOR[best.period] if found else (),
        parameters={
            "period": best.period if found else None,
            "periods": sorted({o.period for o in outcomes if log10_nfa(o.log10_tail, _TESTS) <= FOUND_BELOW}),
            "position": [row, column] if found else None,
            "kind": ("step" if best.direction > 0 else "smoothed") if found else None,
        },
        sentence=_sentence(best, nfa, found),
        series={
            "columns": _folded(column_profiles(luma)),
            "rows": _folded(row_profiles(luma)),
            "period": np.array(best.period),
        },
    )


def _plainest(outcomes: list[_Outcome]) -> _Outcome:
    """Of the hypotheses found for the largest period the plainest; the best of all where none is found."""
    seen = [outcome for outcome in outcomes if log10_nfa(outcome.log10_tail, _TESTS) <= FOUND_BELOW]
    longest = max((outcome.period for outcome in seen), default=0)
    among = [outcome for outcome in seen if outcome.period == longest] or outcomes
    # Where a step stands, other differences and the middle of the block change as well: the step is the thing to tell.
    if longest:
        return min(among, key=lambda outcome: (-outcome.direction, outcome.measure))
    return min(among, key=lambda outcome: outcome.log10_tail)


def _folded(profiles: np.ndarray) -> np.ndarray:
    """Mean |first difference| at the boundary before each position modulo 64: position p is between pixels p - 1
    and p.
    """
    return np.roll(fold_profile(profiles[:1])[0], 2)


def _strips(luma: np.ndarray, profiles: object, axis: int) -> np.ndarray:
    """Profiles of every strip, `np.ndarray [shape=(strips, 4, boundaries), dtype=float32]`."""
    count = luma.shape[axis] // STRIP
    parts = np.split(luma[: count * STRIP] if axis == 0 else luma[:, : count * STRIP], count, axis=axis)
    return np.stack([profiles(np.ascontiguousarray(part)) for part in parts])  # type: ignore[operator]


def _extreme_share(strips: np.ndarray, measure: int, direction: int) -> np.ndarray:
    """Share of strips with a local maximum (or minimum) at each inner boundary, the first being that before pixel 3."""
    values = strips[:, measure] * np.float32(direction)
    middle = values[:, 1:-1]
    return ((middle > values[:, :-2]) & (middle > values[:, 2:])).mean(axis=0)


_FIRST = 3
"""Pixel after the first boundary of `_extreme_share`."""


def _axis(shares: np.ndarray, strips: int, period: int) -> tuple[float, int, float]:
    """log10 tail of the best position of one axis (paid for all positions), the position, and Welch's t.

    Shares of `strips` strips vary at least binomially.
    """
    positions = (np.arange(len(shares)) + _FIRST) % period
    if len(shares) < _LEAST_COLUMNS * period:
        return 0.0, 0, 0.0
    share = float(shares.mean())
    least = share * (1 - share) / strips
    tails = []
    for position in range(period):
        t, freedom = welch(shares[positions == position], shares[positions == (position + period // 2) % period], least)
        tails.append((log10_student_tail(t, freedom), position, t))
    tail, position, t = min(tails)
    return min(0.0, tail + math.log10(period)), position, t


def _repeats(luma: np.ndarray, period: int) -> bool:
    """Whether the scene itself repeats with the period: far more like itself a period on than half a period on, along
    rows or columns.
    """
    if min(luma.shape) < 2 * period:
        return False
    for plane in (luma, luma.T):
        whole, half = (float(np.abs(plane[:, shift:] - plane[:, :-shift]).mean()) for shift in (period, period // 2))
        if whole < REPEATING * half:
            return True
    return False


def _outcome(strips: list[np.ndarray], repeats: bool, period: int, measure: int, direction: int) -> _Outcome:
    """The best positions of one hypothesis; nothing where the scene repeats itself."""
    if repeats:  # with one period, so others show it as well
        return _Outcome(period, measure, direction, 0.0, (0, 0), (0.0, 0.0))
    across, down = (_axis(_extreme_share(part, measure, direction), len(part), period) for part in strips)
    both = log10_gamma_tail(-LN10 * (across[0] + down[0]), 2) if across[0] + down[0] < 0 else 0.0
    tail = best_of([across[0], down[0], both])
    return _Outcome(period, measure, direction, tail, (across[1], down[1]), (across[2], down[2]))


def _sentence(best: _Outcome, nfa: float, found: bool) -> str:
    if not found:
        return (
            "Pixel differences do not depend on the position modulo 4, 8, 16, 32 or 64 pixels more than by chance "
            f"(expected in {chance(nfa)})."
        )
    name = dict(_MEASURES)[best.measure]
    how = "larger" if best.direction > 0 else "smaller"
    column, row = best.positions
    return (
        f"The {name} of luma is {how} than at both neighbouring boundaries at every {best.period}th boundary (columns "
        f"from {column}, rows from {row}) "
        f"more often than half a period away (t = {max(best.statistics):.1f}); chance gives this in {chance(nfa)}."
    )
