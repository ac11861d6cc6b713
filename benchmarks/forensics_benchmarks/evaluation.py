"""One tidy table of judgements: a row a window and model, with the truth beside what was said.

The windows come from a built data set (see `forensics dataset build`), by one plan for every model.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.classes import CLASSES, FINE_CLASSES
from forensics_models.judgement import WindowJudgement, merge_fine

from forensics.dataset import manifest
from forensics.dataset.features import WindowPlan, build_table
from forensics.errors import UsageError


@dataclass(frozen=True)
class Record:
    """One window judged by one model.

    `size` is the window's side in pixels, `target_kind` and `target` what the encoder aimed at, `ratio` and `ssim` what it reached (NaN for
    uncompressed), `probabilities` over `FINE_CLASSES`; `ratio_*` and `ssim_*` the judged 90 % intervals with their medians.
    """

    model: str
    file: str
    source: str
    origin: str
    split: str
    fine_class: str
    encoder: str
    variant: str
    preparation_kind: str
    target_kind: str
    target: float
    ratio: float
    ssim: float
    size: int
    probabilities: tuple[float, ...]
    ratio_low: float
    ratio_median: float
    ratio_high: float
    ssim_low: float
    ssim_median: float
    ssim_high: float

    @property
    def class_name(self) -> str:
        """The true class of `CLASSES`."""
        return self.fine_class.split("-")[0]

    @property
    def fine_verdict(self) -> str:
        """The fine class with the highest probability."""
        return FINE_CLASSES[int(np.argmax(self.probabilities))]

    @property
    def verdict(self) -> str:
        """The class with the highest merged probability."""
        return CLASSES[int(np.argmax(self.merged()))]

    def merged(self) -> np.ndarray:
        """Probabilities over `CLASSES`."""
        return merge_fine(np.array([self.probabilities]))[0]


def evaluate(
    dataset: Path,
    split: str,
    judges: dict[str, Callable[[np.ndarray], WindowJudgement]],
    *,
    plan: WindowPlan,
    jobs: int,
    cache: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Record]:
    """Judge every window that `plan` cuts from a split of a data set.

    Parameters
    ----------
    dataset : Path
        A built data set.
    split : str
    judges : dict of str to callable
        Model names and functions from feature rows to judgements.
    plan : WindowPlan
    jobs : int
        Processes that measure features.
    cache : Path
        Where measured features are kept, by content.
    progress : callable
        Gets parts done and in all.
    """
    table = build_table(dataset, split, plan=plan, jobs=jobs, cache=cache, progress=progress)
    rows = {row.id: row for row in manifest.read(dataset)}
    sizes = np.rint(np.sqrt(2.0 ** table.features[:, 0])).astype(int)
    records = []
    for name, judge in judges.items():
        judged = judge(table.features)
        for index, file in enumerate(table.files.tolist()):
            row = rows[file]
            compressed = row.fine_class != "uncompressed"
            records.append(
                Record(
                    name, file, row.source, row.origin, split, row.fine_class, row.encoder, row.variant, row.preparation_kind,
                    row.target_kind, row.target, row.ratio if compressed else np.nan, row.ssim if compressed else np.nan,
                    int(sizes[index]), tuple(judged.fine_probabilities[index].tolist()),
                    *(2.0 ** judged.log2_ratio[index]).tolist(), *judged.ssim[index].tolist(),
                )
            )  # fmt: skip
    return records


_SCALARS = tuple(field.name for field in fields(Record) if field.name != "probabilities")


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write records as CSV, a probability a column `p_<fine class>`, atomically; floats as the shortest text that reads back."""
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*_SCALARS, *(f"p_{name}" for name in FINE_CLASSES)])
        for record in records:
            values = asdict(record)
            writer.writerow([*(values[name] for name in _SCALARS), *record.probabilities])
    part.replace(path)


def read_records(path: Path) -> list[Record]:
    """Records from a CSV that `write_records` made; raises `UsageError` for another file, or one without a row."""
    converters: dict[str, Callable[[str], Any]] = {"str": str, "float": float, "int": int}
    types = {field.name: converters[str(field.type)] for field in fields(Record) if field.name in _SCALARS}
    try:
        with path.open(newline="") as stream:
            records = [
                Record(
                    **{name: convert(row[name]) for name, convert in types.items()},
                    probabilities=tuple(float(row[f"p_{name}"]) for name in FINE_CLASSES),
                )
                for row in csv.DictReader(stream)
            ]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{str(path)!r} is no table of judged windows: {type(error).__name__}: {error}") from None
    if not records:
        raise UsageError(f"{str(path)!r} holds no judged window")
    return records
