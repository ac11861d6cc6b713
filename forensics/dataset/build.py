"""Build a data set: sources in, encoded files and a manifest out; killed at any moment, it goes on where it stopped.

One worker handles one source at a time, so that it is read and prepared once. A worker writes a file under a temporary
name, renames it, and reports its row; the parent alone appends rows to the journal, one JSON line each, and flushes.
What is in the journal and on disk is never made again; a file that was renamed but not yet in the journal is made again
with the same name and the same bytes.

    OUT/build.json          what was asked for; a second build must ask for the same
    OUT/journal.jsonl       rows in the order they were made, with the seconds each took
    OUT/files/SPLIT/CLASS/  the encoded files
    OUT/manifest.csv, manifest.parquet, sources.csv, timings.json    written when the build ends or is interrupted
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from forensics_models.storage import write_atomically

from forensics.dataset import encode, manifest, sources
from forensics.dataset.encode import NO_SPACE
from forensics.dataset.plan import Draw, Settings, plan
from forensics.dataset.sources import Source
from forensics.dataset.synthetic import load_synthetic, synthetic_names
from forensics.destinations import Destinations, identity
from forensics.errors import ForensicsError, UsageError
from forensics.executors.tasks import Workers
from forensics.progress import Progress

JOURNAL, SETTINGS, TIMINGS = "journal.jsonl", "build.json", "timings.json"
FILES, PARTS = "files", ".parts"
_MOST_REASONS = 4
"""Most reasons that the message lists: a bound on text."""


@dataclass
class Outcome:
    """What a build came to: counts of jobs by status, sources that were used and those that were not, with reasons."""

    made: int = 0
    resumed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    used: int = 0
    bad: dict[str, str] = field(default_factory=dict)
    timings: dict[str, dict[str, float]] = field(default_factory=dict)


def build(
    folder: Path, out: Path, settings: Settings, *, jobs: int = 1, splits: tuple[str, ...] = (), retry: bool = False
) -> Outcome:
    """Build or continue a data set.

    Parameters
    ----------
    folder : Path
        Sources, see `forensics.dataset.sources`.
    out : Path
        The data set; made when missing.
    settings : Settings
        A data set that was begun with others is refused.
    jobs : int
        Worker processes; 1 works in this process.
    splits : tuple of str
        Only sources of these splits; all when empty.
    retry : bool
        Try failed jobs again; otherwise they stay recorded as failed.

    Raises
    ------
    UsageError
        No sources, other settings than before, another build is at work in `out`, or `out` is the folder of sources or
        cannot be written.
    """
    _check_apart(folder, out)
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        _agree(out, settings)
        _clear_parts(out)
        scanned, records = _scan(folder, out, settings, jobs, splits)
        manifest.write_csv(out / manifest.SOURCES, _SOURCE_COLUMNS, records)
        outcome = Outcome(used=len(scanned), bad={r["name"]: r["reason"] for r in records if r["status"] == "bad"})
        if not scanned:
            raise UsageError(f"no source in {str(folder)!r} can be used{_reasons(outcome.bad)}")
        journal = Journal(out, retry)
        outcome.resumed = len(journal.rows)
        try:
            with _told(out):
                _make(folder, out, settings, scanned, journal, jobs)
        finally:
            with _told(out):
                journal.close()
                manifest.write(out, journal.rows.values())
                outcome.timings = journal.timings()
                _write_json(out / TIMINGS, outcome.timings)
        outcome.made = len(journal.rows) - outcome.resumed
        for row in journal.rows.values():
            outcome.statuses[row.status] = outcome.statuses.get(row.status, 0) + 1
        return outcome


def _check_apart(folder: Path, out: Path) -> None:
    """Raise `UsageError` where building would write among the sources, or cannot write."""
    if identity(folder) == identity(out):
        raise UsageError(f"{str(out)!r} is the folder of the sources: give the data set one of its own")
    home = Path(os.path.realpath(folder))
    if any(home.is_relative_to(os.path.realpath(out / own)) for own in (FILES, PARTS)):
        raise UsageError(f"the sources lie in {str(out / FILES)!r}, which a build writes")
    Destinations().folder(out)


@contextmanager
def _told(out: Path) -> Iterator[None]:
    """One line where the data set cannot be written to: a full disk, a quota."""
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        raise UsageError(f"cannot write {str(out)!r}: {what}; the same command goes on where it stopped") from None


def _reasons(bad: Mapping[str, str]) -> str:
    """Why sources are bad, the most frequent reason first, each with a name."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in bad.items():
        by_reason.setdefault(reason, []).append(name)
    ordered = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    reasons = [
        f"{len(names)} {reason} ({names[0]}{', ...' if len(names) > 1 else ''})"
        for reason, names in ordered[:_MOST_REASONS]
    ]
    more = sum(len(names) for _, names in ordered[_MOST_REASONS:])
    if not reasons:
        return ": it holds none"
    return ": " + "; ".join([*reasons, *([f"{more} for other reasons"] if more else [])])


class Journal:
    """Rows made so far, by job id, and the file they are appended to; the one writer of that file."""

    def __init__(self, out: Path, retry: bool = False) -> None:
        self._out, self._path = out, out / JOURNAL
        self.rows: dict[str, manifest.Row] = {}
        self._seconds: dict[str, tuple[str, float]] = {}
        self._read(retry)
        self._stream = self._path.open("ab", buffering=0)

    def add(self, row: manifest.Row, seconds: float) -> None:
        """Append one row; it is with the system when this returns."""
        line = json.dumps({"row": manifest.to_record(row), "seconds": round(seconds, 4)})
        left = line.encode() + b"\n"
        while left:
            left = left[self._stream.write(left) :]
        self._keep(row, seconds)

    def close(self) -> None:
        """Bring the journal to the disk and close it."""
        os.fsync(self._stream.fileno())
        self._stream.close()

    def timings(self) -> dict[str, dict[str, float]]:
        """Mean seconds a file and number of files by encoder, slowest first; the search for the target is included."""
        spent: dict[str, list[float]] = {}
        for encoder, seconds in self._seconds.values():
            spent.setdefault(encoder, []).append(seconds)
        means = {name: {"mean_s": round(sum(s) / len(s), 4), "files": len(s)} for name, s in spent.items()}
        return dict(sorted(means.items(), key=lambda item: -item[1]["mean_s"]))

    def _keep(self, row: manifest.Row, seconds: float) -> None:
        self.rows[row.id] = row
        self._seconds[row.id] = (row.encoder, seconds)

    def _read(self, retry: bool) -> None:
        """Take over whole lines whose file is there; cut off a line that a kill left unfinished."""
        data = self._path.read_bytes() if self._path.exists() else b""
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self._path, whole)
        for line in data[:whole].splitlines():
            entry = json.loads(line)
            self._keep(manifest.from_record(entry["row"]), entry["seconds"])
        gone = [row.id for row in self.rows.values() if not self._stands(row, retry)]
        for job in gone:
            del self.rows[job], self._seconds[job]

    def _stands(self, row: manifest.Row, retry: bool) -> bool:
        if row.status != "ok":
            return not (retry and row.status == "failed")
        path = self._out / row.file
        return path.is_file() and path.stat().st_size == row.bytes


_SOURCE_COLUMNS = ("name", "status", "reason", "sha256", "split", "origin", "width", "height", "channels", "traces")


@dataclass(frozen=True)
class _ScanTask:
    folder: Path
    names: tuple[str, ...]
    shares: Mapping[str, float]


def _scan_work(task: _ScanTask) -> Iterator[tuple[str, Source | None, str]]:
    for name in task.names:
        try:
            yield name, sources.describe(name, read_source(task.folder, name), task.shares), ""
        except (ForensicsError, OSError, MemoryError) as error:
            yield name, None, " ".join(str(error).split()) or type(error).__name__


def read_source(folder: Path, name: str) -> Any:
    """Pixels of a source by its name: a file below `folder`, or a synthetic picture."""
    return load_synthetic(name) if name.startswith("synthetic/") else sources.load(folder / name)


def _scan(
    folder: Path, out: Path, settings: Settings, jobs: int, splits: tuple[str, ...]
) -> tuple[list[Source], list[dict[str, Any]]]:
    """Usable sources by name, and a record of every source; what the build itself writes below `folder` is none."""
    own = os.path.realpath(out)
    names = [name for name in sources.find(folder) if not Path(os.path.realpath(folder / name)).is_relative_to(own)]
    if splits:
        names = [name for name in names if (sources.split_of_folder(name) or splits[0]) in splits]
    names += synthetic_names(settings.synthetic, settings.seed)
    found: dict[str, tuple[Source | None, str]] = {}
    with Workers(_scan_work, jobs) as workers, Progress("sources", len(names)) as progress:
        for start in range(0, len(names), 16):
            workers.submit(_ScanTask(folder, tuple(names[start : start + 16]), settings.shares))
        for event in workers.events():
            if event.kind == "message":
                name, source, reason = event.content
                found[name] = (source, reason)
                progress.advance()
            elif event.kind in ("died", "error"):
                left = tuple(name for name in event.task.names if name not in found)
                found[left[0]] = (None, f"reading it ended the process: {event.content}")
                workers.submit(replace(event.task, names=left[1:]))
    return _usable(names, found, settings, splits)


def _usable(
    names: list[str], found: dict[str, tuple[Source | None, str]], settings: Settings, splits: tuple[str, ...]
) -> tuple[list[Source], list[dict[str, Any]]]:
    usable: list[Source] = []
    records: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    for name in names:
        source, reason = found[name]
        if source is not None and splits and source.split not in splits:
            continue
        twin = None if source is None else first.get(source.sha256)
        if twin is not None:
            reason = f"the same pixels as {twin}"
        if source is None or twin is not None:
            records.append({"name": name, "status": "bad", "reason": reason})
            continue
        first[source.sha256] = name
        if not plan(source, settings):
            reason = f"too small for the suite {settings.suite}: {source.width}x{source.height}"
            records.append({**asdict(source), "status": "bad", "reason": reason})
            continue
        usable.append(source)
        records.append({**asdict(source), "status": "used", "reason": ""})
    return usable, records


@dataclass(frozen=True)
class _SourceTask:
    """Work on one source: the jobs of `draws` that are still to be made."""

    folder: Path
    out: Path
    source: Source
    draws: tuple[Draw, ...]
    settings: Settings


def _source_work(task: _SourceTask) -> Iterator[tuple[str, Any]]:
    """Messages `begin` with a draw and a job, then `row` with the row and the seconds it took."""
    pixels = read_source(task.folder, task.source.name)
    changed = sources.pixels_sha256(pixels) != task.source.sha256
    for draw in task.draws:
        reference = encode.Reference(pixels, draw)
        for job in draw.jobs:
            yield "begin", (draw, job)
            if changed:
                yield (
                    "row",
                    (
                        encode.failed_row(task.source, draw, job, task.settings, "the source changed during the build"),
                        0.0,
                    ),
                )
            else:
                yield "row", encode.make(task.out, task.source, reference, job, task.settings)


def _make(folder: Path, out: Path, settings: Settings, scanned: list[Source], journal: Journal, jobs: int) -> None:
    tasks, total = [], 0
    for source in scanned:
        draws = plan(source, settings)
        total += sum(len(draw.jobs) for draw in draws)
        pending = _pending(draws, journal.rows)
        if pending:
            tasks.append(_SourceTask(folder, out, source, pending, settings))
    left = sum(len(draw.jobs) for task in tasks for draw in task.draws)
    begun: dict[str, Any] = {}
    with Workers(_source_work, min(jobs, max(1, len(tasks)))) as workers, Progress("files", total) as progress:
        progress.resume(total - left)
        for task in tasks:
            workers.submit(task)
        for event in workers.events():
            task = event.task
            if event.kind == "message" and event.content[0] == "begin":
                begun[task.source.name] = event.content[1]
            elif event.kind == "message":
                row, seconds = event.content[1]
                if row.status == "failed" and row.reason.startswith(NO_SPACE):
                    raise UsageError(
                        f"cannot write {str(out)!r}: {row.reason}; the same command goes on where it stopped"
                    )
                journal.add(row, seconds)
                progress.advance(note=task.source.name)
            elif event.kind in ("died", "error"):
                _record_crash(task, begun.pop(task.source.name, None), event.content, journal, workers)
                progress.advance()


def _record_crash(
    task: _SourceTask, begun: tuple[Draw, Any] | None, how: str, journal: Journal, workers: Workers
) -> None:
    """Record the job that ended its process, or all where none had begun, and queue the rest of the source."""
    culprits = [begun] if begun is not None else [(draw, job) for draw in task.draws for job in draw.jobs]
    for draw, job in culprits:
        if job.id not in journal.rows:
            row = encode.failed_row(task.source, draw, job, task.settings, f"the process ended: {how}")
            journal.add(row, 0.0)
    pending = _pending(list(task.draws), journal.rows)
    if pending:
        workers.submit(replace(task, draws=pending))


def _pending(draws: list[Draw], done: Mapping[str, Any]) -> tuple[Draw, ...]:
    """Draws with the jobs that are not done; those with none left out."""
    rest = (replace(draw, jobs=tuple(job for job in draw.jobs if job.id not in done)) for draw in draws)
    return tuple(draw for draw in rest if draw.jobs)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the data set's lock, which the system lets go when the process ends, however it ends."""
    with (out / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another build is at work in {str(out)!r}") from None
        yield


def _agree(out: Path, settings: Settings) -> None:
    """Write the settings, or compare them with those the data set was begun with."""
    path, wanted = out / SETTINGS, json.loads(json.dumps(asdict(settings)))
    if not path.exists():
        if (out / JOURNAL).exists():
            raise UsageError(f"{str(out)!r} has a journal but no {SETTINGS}")
        _write_json(path, wanted)
        return
    given = json.loads(path.read_text(encoding="utf-8"))
    differing = [name for name in wanted if name in given and given[name] != wanted[name]]
    if differing:
        raise UsageError(
            f"the data set in {str(out)!r} was begun with other settings ({', '.join(differing)}): "
            "use them again or another folder"
        )


def _write_json(path: Path, content: Any) -> None:
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())


def _clear_parts(out: Path) -> None:
    parts = out / PARTS
    parts.mkdir(exist_ok=True)
    for part in parts.iterdir():
        part.unlink(missing_ok=True)
