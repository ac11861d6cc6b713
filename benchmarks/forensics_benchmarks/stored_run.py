"""A run as it lies in its folder, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics_benchmarks.evaluation import CSV, PARQUET, Record, read_table
from forensics_benchmarks.peers import ONLY_JPEG
from forensics_benchmarks.pipeline import FACTS, read_facts
from forensics_benchmarks.runner import TIMINGS
from forensics_benchmarks.summaries import by_model


@dataclass(frozen=True)
class Run:
    """One run as it lies on disk: its records by model, its times, its facts; `against` is another run to compare
    with.
    """

    name: str
    models: Mapping[str, Sequence[Record]]
    timings: Sequence[Mapping[str, str]]
    facts: Mapping[str, Any]
    against: Run | None = None

    @property
    def judges(self) -> dict[str, Sequence[Record]]:
        """Models that tell all classes apart."""
        return {name: records for name, records in self.models.items() if name not in ONLY_JPEG}


def inputs(*folders: Path | None) -> list[Path]:
    """The files that `load` reads in folders."""
    return [folder / name for folder in folders if folder is not None for name in (PARQUET, CSV, TIMINGS, FACTS)]


def load(folder: Path, against: Path | None = None) -> Run:
    """A run, and another to compare it with; raises `UsageError` where a folder holds no table."""
    import csv

    records = read_table(folder)
    timings: list[Mapping[str, str]] = []
    if (folder / TIMINGS).is_file():
        with (folder / TIMINGS).open(newline="") as stream:
            timings = list(csv.DictReader(stream))
    return Run(folder.name, by_model(records), timings, read_facts(folder), load(against) if against else None)
