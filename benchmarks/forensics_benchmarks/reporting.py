"""From a run's folder to its report: what is read, and the two forms it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics_models.storage import write_atomically

from forensics.errors import UsageError
from forensics_benchmarks import markdown
from forensics_benchmarks.evaluation import CSV, PARQUET, Record, read_table
from forensics_benchmarks.peers import ONLY_JPEG
from forensics_benchmarks.pipeline import FACTS, read_facts
from forensics_benchmarks.runner import TIMINGS
from forensics_benchmarks.summaries import by_model


@dataclass(frozen=True)
class Run:
    """One run as it lies on disk: its records by model, its times, its facts; `against` is another run beside it."""

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


def markdown_report(run: Run, kind: str | None = None) -> str:
    """The figures of a run as Markdown; `kind` `grid` or `kib` gives those tables of every model alone, None the whole report.

    Raises `UsageError` for `kib` where no patch was encoded to a file size.
    """
    from forensics_benchmarks.sections import sections

    if kind is None:
        return markdown.sections_text(sections(run))
    figures = markdown.grid_report if kind == "grid" else markdown.kib_report
    several = len(run.judges) > 1
    return "\n\n".join(
        f"# {name}\n\n{figures(records)}" if several else figures(records) for name, records in run.judges.items()
    )


def html_report(run: Run) -> str:
    """The figures of a run as one self-contained page; raises `UsageError` without matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"the page needs the extra `bench`: pip install 'compression-forensics[bench]' ({error.name})"
        ) from None
    from forensics_benchmarks.html_report import page

    return page(run)


def write_text(path: Path, text: str) -> None:
    """Write a file atomically; raises `UsageError` where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from None
