"""Figures from judged windows: accuracy by any grouping with intervals by source, false positives, calibration,
strength errors.

Windows of one source are not independent, so intervals resample sources, not windows (cluster bootstrap).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
from forensics_models.calibration import expected_calibration_error
from forensics_models.classes import CLASSES, FINE_CLASSES, HEVC_FAMILY, HEVC_INTRA, INCONCLUSIVE
from forensics_models.validation_table import side_band

from forensics_benchmarks.evaluation import Record

_Group = TypeVar("_Group")

BOOTSTRAP = 1000
"""Resamplings of the sources behind an interval."""
FEWEST_SOURCES = 5
"""With fewer sources no interval is given: a bootstrap of n of them has n^n draws, of two only three different
means.
"""

RATIO_BANDS = (0.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Lower edges of the bands of reached compression ratios."""

SSIM_BANDS = (0.0, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
"""Lower edges of the bands of reached SSIM."""

MOST_TARGETS = 16
"""Distinct targets that an axis or a table shows one by one; more are put in bands, or have no table of their own."""

MOST_SIDES = 8
"""Distinct sides of patches that are distinguished; more are put in bands."""

OUTCOMES = ("kept", "last", "uncompressed", "inconclusive", "wrong")
"""What an answer can come to, for `outcome`."""


@dataclass(frozen=True)
class Share:
    """A share of windows with its 95 % interval over sources, and their number; 0 where it is not known."""

    value: float
    low: float
    high: float
    count: int
    sources: int = 0

    def __str__(self) -> str:
        if 0 < self.sources < FEWEST_SOURCES:
            few = "1 source" if self.sources == 1 else f"{self.sources} sources"
            return f"{100 * self.value:.2f} % ({few}: too few for an interval) of {self.count}"
        return f"{100 * self.value:.2f} % [{100 * self.low:.1f}, {100 * self.high:.1f}] of {self.count}"


def share(hits: Sequence[bool], sources: Sequence[str], seed: int = 0) -> Share:
    """Share of hits with its 95 % interval from resampling sources.

    Where every window agrees the rule of three over sources stands in. Fewer than `FEWEST_SOURCES` say nothing about
    others: 0..1.

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
    if len(count) < FEWEST_SOURCES:
        return Share(value, 0.0, 1.0, len(hit), len(count))
    if value in (0.0, 1.0):
        margin = 3.0 / len(count)
        return Share(
            value,
            max(0.0, value - margin) if value else 0.0,
            min(1.0, value + margin) if value < 1 else 1.0,
            len(hit),
            len(count),
        )
    drawn = np.random.default_rng(seed).integers(0, len(count), (BOOTSTRAP, len(count)))
    values = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(values, (0.025, 0.975))
    return Share(value, float(low), float(high), len(hit), len(count))


def by_model(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records of each model, models in the order of their first row."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.model, []).append(record)
    return groups


def accuracy_by(
    records: Sequence[Record], key: Callable[[Record], _Group], *, fine: bool = False
) -> dict[_Group, Share]:
    """Accuracy in each group of `key`, over fine classes if asked, groups sorted."""
    groups: dict[_Group, list[Record]] = defaultdict(list)
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
    """Compressed windows, with the verdict forced among compressed classes, as an experiment without that class
    judges.
    """
    forced = []
    for record in records:
        if record.class_name == "uncompressed":
            continue
        rest = np.array(record.probabilities)
        rest[0] = 0.0
        total = float(rest.sum())
        rest = rest / total if total > 0 else np.r_[0.0, np.full(len(rest) - 1, 1 / (len(rest) - 1))]
        forced.append(replace(record, probabilities=tuple(rest.tolist())))
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
    """Share of uncompressed windows that are called compressed, by `key` (the origin of their source, say) and in
    `all`.
    """
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.class_name == "uncompressed":
            groups[key(record)].append(record)
            groups["all"].append(record)
    return {
        group: share([record.verdict != "uncompressed" for record in members], [record.source for record in members])
        for group, members in sorted(groups.items())
    }


def false_alarms(records: Sequence[Record]) -> Share | None:
    """Share of uncompressed windows for which the answer, at the model's thresholds, names a codec; None where there is
    no such window.
    """
    clean = [record for record in records if record.class_name == "uncompressed"]
    if not clean:
        return None
    return share(
        [record.answer not in ("uncompressed", INCONCLUSIVE) for record in clean], [record.source for record in clean]
    )


def calibration_error(records: Sequence[Record]) -> float:
    """Expected calibration error over `CLASSES`."""
    probabilities = np.array([record.merged() for record in records])
    labels = np.array([CLASSES.index(record.class_name) for record in records])
    return expected_calibration_error(probabilities, labels)


@dataclass(frozen=True)
class StrengthError:
    """Errors of the judged strength over compressed windows whose strength was judged; NaN where `count` is 0."""

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
        if r.class_name != "uncompressed" and np.isfinite((r.ratio, r.ssim, r.ratio_median, r.ssim_median)).all()
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


def accuracy(records: Sequence[Record], *, fine: bool = False) -> Share:
    """Share of records whose verdict names the true class."""
    return share([is_right(record, fine=fine) for record in records], [record.source for record in records])


def family_right(record: Record) -> bool:
    """Whether the verdict names the true class, BPG and HEIC counted as one."""
    return record.verdict == record.class_name or (record.verdict in HEVC_INTRA and record.class_name in HEVC_INTRA)


class Side(NamedTuple):
    """A group of patches by size: where it stands on an axis, in pixels, and its name; sorted by the first."""

    place: float
    name: str

    def __str__(self) -> str:
        return self.name


def sides_of(records: Iterable[Record]) -> Callable[[Record], Side]:
    """Gives the `Side` of a record: the side of its patch, or where there are more than `MOST_SIDES` the band of sides
    that it lies in.

    Patches of pictures smaller than what was asked for are as large as fits, of any side. A band stands at the median
    of its sides. The bands are those of a model's validation table.
    """
    sides = sorted({record.size for record in records})
    if len(sides) <= MOST_SIDES:
        return lambda record: Side(float(record.size), str(record.size))
    bands: dict[str, list[int]] = defaultdict(list)
    for side in sides:
        bands[side_band(side)].append(side)
    named = {name: Side(float(np.median(members)), name) for name, members in bands.items()}
    return lambda record: named[side_band(record.size)]


def band(value: float, edges: Sequence[float]) -> float:
    """The lower edge of the band that a value lies in; the first for what lies below it."""
    return max((edge for edge in edges if edge <= value), default=edges[0])


def band_name(edge: float, edges: Sequence[float]) -> str:
    """A band in words: `under 4`, `4 to 8`, `from 64`."""
    place = list(edges).index(edge)
    if place == 0:
        return f"under {edges[1]:g}"
    return f"from {edge:g}" if place == len(edges) - 1 else f"{edge:g} to {edges[place + 1]:g}"


def outcome(record: Record) -> str:
    """What the answer at the model's threshold comes to, one of `OUTCOMES`.

    `kept`: the truth (the HEVC family stands for its members); `last`: JPEG, where the picture was saved as JPEG after
    its own codec; `wrong`: another codec.
    """
    if record.answer == record.class_name or (record.answer == HEVC_FAMILY and record.class_name in HEVC_INTRA):
        return "kept"
    if record.answer == "jpeg" and record.condition.startswith("jpeg-"):
        return "last"
    if record.answer == INCONCLUSIVE:
        return "inconclusive"
    return "uncompressed" if record.answer == "uncompressed" else "wrong"


def outcomes(records: Sequence[Record]) -> dict[str, Share]:
    """The share of each of `OUTCOMES`."""
    found, names = [outcome(record) for record in records], [record.source for record in records]
    return {kind: share([said == kind for said in found], names) for kind in OUTCOMES}


@dataclass(frozen=True)
class ReliabilityBin:
    """Patches whose highest probability lies in a bin: its mean, and the share that was right."""

    confidence: float
    right: Share


def reliability(records: Sequence[Record], bins: int = 10) -> list[ReliabilityBin]:
    """Bins of equal width of the highest probability over `CLASSES`, empty ones left out."""
    top = np.array([float(np.max(record.merged())) for record in records])
    place = np.minimum((top * bins).astype(int), bins - 1)
    found = []
    for index in range(bins):
        inside = np.flatnonzero(place == index).tolist()
        if inside:
            found.append(ReliabilityBin(float(top[inside].mean()), accuracy([records[k] for k in inside])))
    return found


@dataclass(frozen=True)
class Difference:
    """Accuracy of one judge less that of another on the same patches, in points of a share, with its 95 % interval over
    sources.
    """

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{100 * self.value:+.2f} points [{100 * self.low:+.1f}, {100 * self.high:+.1f}] of {self.count}"


def difference(first: Sequence[Record], second: Sequence[Record], seed: int = 0) -> Difference | None:
    """`first` against `second` on the patches that both judged; None where there is none."""
    other = {record.patch: record for record in second}
    pairs = [(record, other[record.patch]) for record in first if record.patch in other]
    if not pairs:
        return None
    gain = np.array([float(is_right(a)) - float(is_right(b)) for a, b in pairs])
    _, place = np.unique(np.array([a.source for a, _ in pairs]), return_inverse=True)
    total, count = np.bincount(place, gain), np.bincount(place)
    if len(count) == 1:
        return Difference(float(gain.mean()), -1.0, 1.0, len(gain))
    drawn = np.random.default_rng(seed).integers(0, len(count), (BOOTSTRAP, len(count)))
    low, high = np.quantile(total[drawn].sum(axis=1) / count[drawn].sum(axis=1), (0.025, 0.975))
    return Difference(float(gain.mean()), float(low), float(high), len(gain))


def cell_of(record: Record) -> tuple[str, str]:
    """Class and band of strength of a record, for tables of cells."""
    if record.class_name == "uncompressed":
        return record.class_name, "-"
    return record.class_name, f"ratio {band_name(band(record.ratio, RATIO_BANDS), RATIO_BANDS)}"


def worst_cells(records: Sequence[Record], count: int = 5, least: int = 10) -> list[tuple[tuple[str, str], Share]]:
    """The cells of class and strength with the lowest accuracy, out of those with `least` patches or more (all, where
    none has).
    """
    cells = accuracy_by(records, cell_of)
    large = {cell: value for cell, value in cells.items() if value.count >= least} or cells
    return sorted(large.items(), key=lambda item: (item[1].value, item[0]))[:count]


def compared_cells(first: Sequence[Record], second: Sequence[Record]) -> list[tuple[tuple[str, str], Difference]]:
    """Accuracy of `first` less `second` in every cell of class and strength, the largest gain first."""
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in first:
        groups[cell_of(record)].append(record)
    found = [(cell, difference(members, second)) for cell, members in groups.items()]
    return sorted(
        ((cell, gain) for cell, gain in found if gain is not None), key=lambda item: (-item[1].value, item[0])
    )


@dataclass(frozen=True)
class Detection:
    """JPEG or not: shares of JPEG patches found, and of uncompressed and of otherwise compressed patches called
    JPEG.
    """

    found: Share | None
    on_uncompressed: Share | None
    on_others: Share | None


def jpeg_detection(records: Sequence[Record]) -> Detection:
    """What a judge says of JPEG alone."""

    def part(keep: Callable[[Record], bool]) -> Share | None:
        chosen = [record for record in records if keep(record)]
        return (
            share([record.verdict == "jpeg" for record in chosen], [record.source for record in chosen])
            if chosen
            else None
        )

    return Detection(
        part(lambda r: r.class_name == "jpeg"),
        part(lambda r: r.class_name == "uncompressed"),
        part(lambda r: r.class_name not in ("jpeg", "uncompressed")),
    )


def quality_error(records: Sequence[Record]) -> tuple[float, int]:
    """Mean absolute error of the estimated JPEG quality on files of the standard tables, and their number; NaN and 0
    without one.
    """
    errors = [
        abs(record.quality - record.strength)
        for record in records
        if record.class_name == "jpeg"
        and record.encoder in ("jpeg", "jpeg-cjpeg")
        and np.isfinite(record.quality)
        and np.isfinite(record.strength)
    ]
    return (float(np.mean(errors)), len(errors)) if errors else (float("nan"), 0)
