"""Evidence in words: which measurements stand outside what uncompressed pictures show, and which codec each speaks for.

A trace (`forensics.verdict.sentences`) is found when its measured value, the median over the picture's windows, lies
above the range of uncompressed validation windows that came with the model, by at least `MINIMUM_STRENGTH` of the way
to the value of a clear case. Of uncompressed windows 0.5 % lie above the range of one feature, so a trace of k features
has a false-alarm rate of at most 0.005 k a window. The verdict does not come from here: the classifier weighs all
features, and this explains it with the few that a person can check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from forensics.results.analysis import Statement
from forensics.results.wording import percentage
from forensics.verdict.restated import without_range
from forensics.verdict.sentences import INDICATIONS, Indication

if TYPE_CHECKING:
    from forensics.history.traces.sample import Sample
    from forensics.results.history import Trace

MINIMUM_STRENGTH = 0.05
"""A trace counts as found from this strength on."""
LIMIT = 6
"""Most statements about one picture."""
AGAINST_LIMIT = 2
"""Most of them that speak for another codec than the verdict."""

_NEARLY = 0.9
"""Share of a clear case's value that counts as one: a range of uncompressed pictures up to there rules nothing out."""
_SAME = {
    "dct": ("dct_comb", "jpeg_table"),
    "dct-integers": ("jpeg_table",),
    "dct-zeros": ("grid_phase",),
    "blocks": ("boundary_profile",),
    "chroma": ("chroma_spectrum",),
    "wavelet": ("wavelet_comb",),
    "lapped": ("lapped_comb",),
}
"""Traces of a history that see what a group of `INDICATIONS` looks for."""
ALTERED = "jpeg_table"
"""Name of the statement that `altered_jpeg` makes."""
_TABLE_RANGE = (1.4, 3.6, 12.8)
"""0.5 %, 50 % and 99.5 % quantiles of the statistic of `traces.jpeg_table` on 500 uncompressed training pictures."""

COMB_BELOW, COMB_STEPS = -9.0, 3
"""Decimal logarithm of the number of false alarms under which quantised blocks are held against `uncompressed`, and
clear steps from which they are whatever that is. Of 271 drawings of games and icons in packages ten show a comb; nine
have more than -7.6 and at most two steps, the tenth -26.5 and five, and a JPEG's exact test speaks of it, too. Of JPEGs
of 33 validation photographs and 33 drawings (at most 384 pixels a side) that show one, two of 45 are under both at
quality 100, one of 61 at 95, none of 58 at 98."""

Ranges = Mapping[str, Mapping[str, float]]


def statements(
    feature_names: Sequence[str], features: np.ndarray, ranges: Ranges, verdict: Iterable[str]
) -> tuple[Statement, ...]:
    """The evidence of a picture.

    Parameters
    ----------
    feature_names : sequence of str
        Names of the columns of `features`.
    features : np.ndarray [shape=(n, len(feature_names)), dtype=float32]
        One row a window; NaN where a feature could not be measured.
    ranges : mapping of str to mapping
        `Baseline.evidence`: `low`, `median` and `high` of each feature on uncompressed windows.
    verdict : iterable of str
        The classes that the verdict names; empty, or `uncompressed`, for no codec.

    Returns
    -------
    tuple of Statement
        At most `LIMIT`, the clearest of each group only. The traces found come first, those that support the verdict
        before others. Where the verdict names no codec, traces looked for and not found follow, in the order of the
        table.
    """
    classes = frozenset(verdict)
    values = _medians(feature_names, features)
    stated = [s for s in (_state(trace, values, ranges, classes) for trace in INDICATIONS) if s is not None]
    clearest = _clearest(stated)
    supporting = [s for s in clearest if s.supports]
    against = [s for s in clearest if s.supports is False][:AGAINST_LIMIT]
    found = [*supporting[: LIMIT - len(against)], *against]
    if classes - {"uncompressed"}:
        return tuple(found)
    return tuple([*found, *(s for s in clearest if s.supports is None)][:LIMIT])


def _medians(names: Sequence[str], features: np.ndarray) -> dict[str, float]:
    return dict(zip(names, column_medians(features).tolist(), strict=True))


def column_medians(features: np.ndarray) -> np.ndarray:
    """Medians of the finite values of every column, NaN where there are none, `np.ndarray [shape=(d,)]`.

    What `np.median` gives for the columns one by one, to the last bit; `features` is `np.ndarray [shape=(n, d)]`, n at
    least 1, of a floating dtype, which the medians keep.
    """
    finite = np.isfinite(features)
    ordered, count = np.sort(np.where(finite, features, np.inf), axis=0), finite.sum(axis=0)
    columns, last = np.arange(features.shape[1]), len(features) - 1
    lower, upper = ordered[np.maximum(count - 1, 0) // 2, columns], ordered[np.minimum(count // 2, last), columns]
    return np.where(count > 0, (lower + upper) / 2, np.nan)


def _clearest(stated: Sequence[Statement]) -> list[Statement]:
    """The clearest statement of each group, those found first, clearest first; those not found in the table's order."""
    groups = {trace.name: trace.group for trace in INDICATIONS}
    best: dict[str, Statement] = {}
    for statement in sorted(stated, key=lambda s: (-s.strength, not s.supports)):
        best.setdefault(groups[statement.trace], statement)
    return list(best.values())


def _state(trace: Indication, values: Mapping[str, float], ranges: Ranges, verdict: frozenset[str]) -> Statement | None:
    """The statement of one trace by its feature furthest outside its range; None where none could be measured."""
    known = [i for i, name in enumerate(trace.features) if name in ranges and np.isfinite(values.get(name, np.nan))]
    if not known:
        return None
    index = max(known, key=lambda i: _standing(values[trace.features[i]], ranges[trace.features[i]]))
    feature = trace.features[index]
    value, span = values[feature], ranges[feature]
    strength = _strength(value, span["high"], trace.clear)
    if not strength and trace.percent and span["low"] <= 0 and span["high"] >= _NEARLY * trace.clear:
        return None  # uncompressed pictures have every value: that it was not found rules nothing out
    step = values.get(trace.steps[index], np.nan) if trace.steps else np.nan
    return Statement(
        trace=trace.name,
        feature=feature,
        value=value,
        low=span["low"],
        median=span["median"],
        high=span["high"],
        strength=strength,
        speaks_for=trace.speaks_for,
        supports=bool(verdict & set(trace.speaks_for)) if strength else None,
        text=_text(trace, value, span, step, found=strength > 0),
    )


def _standing(value: float, span: Mapping[str, float]) -> float:
    """Where a value stands against its range, in widths of the range above its upper end."""
    return (value - span["high"]) / max(span["high"] - span["low"], 1e-6)


def _strength(value: float, high: float, clear: float) -> float:
    """0..1; what is weaker than `MINIMUM_STRENGTH` counts as nothing."""
    strength = min(1.0, (value - high) / max(clear - high, 0.02))
    return strength if strength >= MINIMUM_STRENGTH else 0.0


def _text(trace: Indication, value: float, span: Mapping[str, float], log2_step: float, *, found: bool) -> str:
    usual = f"uncompressed pictures: {_shown(span['low'], trace.percent)} to {_shown(span['high'], trace.percent)}"
    shown = _shown(value, trace.percent)
    if trace.percent and span["low"] <= 0 and span["high"] >= 1:
        usual = "uncompressed pictures have any share"
    if not found:
        return f"no sign of {trace.absent} ({shown}; {usual})"
    sentence = trace.sentence
    if not np.isfinite(log2_step):
        sentence = sentence.replace("multiples of {step}", "regular steps")
    return f"{sentence.format(value=shown, step=f'{2.0**log2_step:.2f}')} ({usual})"


def _shown(value: float, percent: bool) -> str:
    return percentage(value) if percent else f"{value:.3f}"


def without_contradiction(stated: Iterable[Statement], found: Iterable[str]) -> tuple[Statement, ...]:
    """Evidence without "no sign of" what traces of the same report, by name, have found.

    Windows are judged by their median and traces by all of the picture, so that a faint trace shows in one alone.
    """
    groups, seen = {trace.name: trace.group for trace in INDICATIONS}, {*found}
    return tuple(s for s in stated if s.supports is not None or not seen & {*_SAME.get(groups.get(s.trace, ""), ())})


def altered_jpeg(pixels: np.ndarray, named: Iterable[str], sample: Sample | None = None) -> Statement | None:
    """A JPEG's quantisation table in a picture whose verdict is not JPEG; None where no table is found.

    A picture that was JPEG and was then changed a little (noise, colours, contrast) is like no class of the training,
    and one that went through another codec afterwards bears that codec's name; the combs of the JPEG's coefficients are
    still there, at nearly all frequencies of one known table.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
    named : iterable of str
        The classes that the verdict names, empty for none. A table that one of them explains by combs of its own is not
        reported; without a verdict none of the codecs with such combs may.
    sample : Sample, optional
        Of the picture, where it is drawn already.
    """
    from forensics.history.traces.jpeg_table import OTHERS, jpeg_table
    from forensics.history.traces.sample import draw_sample
    from forensics.results.chance import chance

    found = jpeg_table(draw_sample(pixels) if sample is None else sample)
    if not found.found or {*(tuple(named) or OTHERS)} & {*found.speaks_for}:
        return None
    read, (low, median, high) = found.parameters, _TABLE_RANGE
    text = (
        f"it was JPEG once, of quality {read['quality']} ({read['low']} to {read['high']}), and something came after: "
        f"on the 8x8 grid from row {read['phase'][0]}, "
        f"column {read['phase'][1]}, DCT coefficients keep to the {read['family']} table, {read['frequencies']} of "
        f"{read['of']} frequencies each by itself "
        f"(chance gives this in {chance(found.log10_nfa)})"
    )
    return Statement(ALTERED, ALTERED, round(found.statistic, 2), low, median, high, 1.0, found.speaks_for, True, text)


def quantised_blocks(pixels: np.ndarray, sample: Sample | None = None) -> Statement | None:
    """Quantised 8x8 DCT coefficients on one of the 64 grids, which a picture without a lossy step does not have; None
    where there are none.

    The table of a JPEG of quality 100 is all ones: no table stands out, and the models take what its rounding leaves
    for nothing, but the coefficients lie at whole numbers on one grid alone. Of 12 such JPEGs of validation sources 11
    show it, of 82 untouched validation and training pictures none. Small drawings show faint combs by chance
    (`COMB_BELOW`).

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
    sample : Sample, optional
        Of the picture, where it is drawn already.
    """
    from forensics.history.traces.dct_comb import dct_comb
    from forensics.history.traces.sample import draw_sample

    trace = dct_comb(draw_sample(pixels) if sample is None else sample)
    if not trace.found or (trace.log10_nfa > COMB_BELOW and _steps(trace) < COMB_STEPS):
        return None
    return without_range(trace.name, trace.statistic, trace.speaks_for, trace.sentence)


def _steps(trace: Trace) -> int:
    """At how many frequencies a trace of quantised blocks tells a step."""
    return sum(step is not None for step in trace.parameters["steps"] or ())
