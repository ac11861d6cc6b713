"""Figures from judged windows: accuracy by any grouping with intervals by source, false positives, calibration, strength errors.

Windows of one source are not independent, so intervals resample sources, not windows (cluster bootstrap).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from forensics_models.calibration import expected_calibration_error
from forensics_models.classes import CLASSES, FINE_CLASSES

from forensics_benchmarks.evaluation import Record

BOOTSTRAP = 1000


@dataclass(frozen=True)
class Share:
    """A share of windows with its 95 % interval over sources."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{100 * self.value:.2f} % [{100 * self.low:.1f}, {100 * self.high:.1f}] of {self.count}"


def share(hits: Sequence[bool], sources: Sequence[str], seed: int = 0) -> Share:
    """Share of hits with its 95 % interval from resampling sources.

    Where every window agrees the rule of three over sources stands in, and one source alone says nothing about others: 0..1.

    Parameters
    ----------
    hits : sequence of bool
        One a window.
    sources : sequence of str
        The source of each window.
    seed : int
        Of the resampling.

    Raises
    ------
    ValueError
        There is no window.
    """
    if not len(hits):
        raise ValueError("a share needs at least one window")
    hit = np.asarray(hits, float)
    _, place = np.unique(np.asarray(sources), return_inverse=True)
    total = np.bincount(place, hit)
    count = np.bincount(place)
    value = float(hit.mean())
    if len(count) == 1:
        return Share(value, 0.0, 1.0, len(hit))
    if value in (0.0, 1.0):
        margin = 3.0 / len(count)
        return Share(value, max(0.0, value - margin) if value else 0.0, min(1.0, value + margin) if value < 1 else 1.0, len(hit))
    drawn = np.random.default_rng(seed).integers(0, len(count), (BOOTSTRAP, len(count)))
    values = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(values, (0.025, 0.975))
    return Share(value, float(low), float(high), len(hit))


def accuracy_by(records: Sequence[Record], key: Callable[[Record], object], *, fine: bool = False) -> dict[object, Share]:
    """Accuracy in each group of `key`, over fine classes if asked, groups sorted."""
    groups: dict[object, list[Record]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return {
        group: share([is_right(record, fine=fine) for record in members], [record.source for record in members])
        for group, members in sorted(groups.items(), key=lambda item: _order(item[0]))
    }


def _order(group: object) -> tuple[object, ...]:
    """Sort key of a group: numbers by value, text by letters, tuples by their parts."""
    return group if isinstance(group, tuple) else (group,)


def is_right(record: Record, *, fine: bool = False) -> bool:
    """Whether the verdict names the true class."""
    return record.fine_verdict == record.fine_class if fine else record.verdict == record.class_name


def without_uncompressed(records: Sequence[Record]) -> list[Record]:
    """Compressed windows, with the verdict forced among compressed classes, as an experiment without that class judges."""
    forced = []
    for record in records:
        if record.class_name == "uncompressed":
            continue
        rest = np.array(record.probabilities)
        rest[0] = 0.0
        total = float(rest.sum())
        rest = rest / total if total > 0 else np.r_[0.0, np.full(len(rest) - 1, 1 / (len(rest) - 1))]
        forced.append(Record(**{**record.__dict__, "probabilities": tuple(rest.tolist())}))
    return forced


def confusion(records: Sequence[Record], *, fine: bool = False) -> np.ndarray:
    """Counts by truth (rows) and verdict (columns) over `CLASSES` or `FINE_CLASSES`."""
    names = list(FINE_CLASSES if fine else CLASSES)
    counts = np.zeros((len(names), len(names)), int)
    for record in records:
        truth, said = (record.fine_class, record.fine_verdict) if fine else (record.class_name, record.verdict)
        counts[names.index(truth), names.index(said)] += 1
    return counts


def false_positives_by(records: Sequence[Record], key: Callable[[Record], str]) -> dict[object, Share]:
    """Share of uncompressed windows that are called compressed, by `key` (the origin of their source, say) and in `all`."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.class_name == "uncompressed":
            groups[key(record)].append(record)
            groups["all"].append(record)
    return {
        group: share([record.verdict != "uncompressed" for record in members], [record.source for record in members])
        for group, members in sorted(groups.items())
    }


def calibration_error(records: Sequence[Record]) -> float:
    """Expected calibration error over `CLASSES`."""
    probabilities = np.array([record.merged() for record in records])
    labels = np.array([CLASSES.index(record.class_name) for record in records])
    return expected_calibration_error(probabilities, labels)


@dataclass(frozen=True)
class StrengthError:
    """Errors of the judged strength over compressed windows; NaN where `count` is 0."""

    ratio_mean_relative: float
    ratio_median_relative: float
    ratio_coverage: float
    ssim_mean_absolute: float
    ssim_coverage: float
    count: int


def strength_error(records: Sequence[Record]) -> StrengthError:
    """Mean and median relative error of the ratio, mean absolute error of SSIM, and coverage of the 90 % intervals."""
    rows = np.array([
        (r.ratio, r.ratio_low, r.ratio_median, r.ratio_high, r.ssim, r.ssim_low, r.ssim_median, r.ssim_high)
        for r in records
        if r.class_name != "uncompressed" and np.isfinite(r.ratio) and np.isfinite(r.ssim)
    ])  # fmt: skip
    if not len(rows):
        nan = float("nan")
        return StrengthError(nan, nan, nan, nan, nan, 0)
    relative = np.abs(rows[:, 2] / rows[:, 0] - 1)
    return StrengthError(
        float(relative.mean()),
        float(np.median(relative)),
        float(((rows[:, 1] <= rows[:, 0]) & (rows[:, 0] <= rows[:, 3])).mean()),
        float(np.abs(rows[:, 6] - rows[:, 4]).mean()),
        float(((rows[:, 5] <= rows[:, 4]) & (rows[:, 4] <= rows[:, 7])).mean()),
        len(rows),
    )
