"""A survey's table: a partitioned Parquet data set that is whole at every moment, and goes on where a killed run
stopped.

    TABLE/_survey.json                    what the names of judges stand for
    TABLE/judge=VERSION-HASH/part-N.parquet
    TABLE/_index.sqlite                   where every picture's row is; made again from the parts where it is missing

Rows are gathered and written as a part, under another name first; N grows and is never given twice. Where two parts
hold a row of one picture, the one with the larger N counts: so a picture is judged again by appending, a killed run
leaves nothing that must be undone, and `tidy` at the end of a run takes out what is superseded. The index follows the
parts and is never ahead of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from forensics_models.storage import remove_remnants, replacing, write_atomically

from forensics.errors import UsageError
from forensics.survey.schema import arrow, as_table

MARK, INDEX = "_survey.json", "_index.sqlite"
PART_ROWS = 20_000
"""Rows of a full part: some ten megabytes in memory."""
PART_SECONDS = 30.0
"""Rows wait no longer than this for their part: what kill -9 costs."""
_SMALL_PARTS = 64
"""Small files of a table from which they are put together: a bound on open files."""
_PART = re.compile(r"part-(\d+)\.parquet$")
_BATCH = 1024
"""Rows that are read at a time: a bound on memory."""
_NOTES = 5000
"""Pictures met again between two writes of that to disk: a bound on writing."""
_UPSERT = """
insert into rows values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (key) do update set
    stamp = excluded.stamp, part = excluded.part, judge = excluded.judge, source = excluded.source,
    verdict = excluded.verdict, error_kind = excluded.error_kind, seen = max(seen, excluded.seen)
    where excluded.part > part
"""
_TABLES = """
create table if not exists parts (number integer primary key, path text, judge text, rows integer, bytes integer);
create table if not exists rows (
    key blob primary key, stamp text, part integer, judge text, source text, verdict text, error_kind text, seen integer
) without rowid;
create index if not exists rows_of_part on rows (part);
create table if not exists facts (name text primary key, value text);
"""


class Known(NamedTuple):
    """What the index holds of a picture."""

    stamp: str
    judge: str
    error_kind: str | None


class Table:
    """See the module; use as a context manager, which holds the table's lock.

    Parameters
    ----------
    folder : Path
        New, empty, or a survey's table.

    Raises
    ------
    UsageError
        The folder holds other things, or another run is writing it.
    """

    def __init__(self, folder: Path) -> None:
        arrow()
        self.folder = folder
        self._rows: list[tuple[Mapping[str, Any], str]] = []
        self._waiting: set[bytes] = set()
        self._noted = 0
        self._oldest = 0.0
        self._lock = -1
        self.run = time.time_ns()

    def __enter__(self) -> Self:
        check_folder(self.folder)
        with one_line_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._lock_file()
            for inner in self.folder.glob("judge=*"):
                remove_remnants(inner)
            remove_remnants(self.folder)
            self._judged_by = read_mark(self.folder)["judges"] if is_table(self.folder) else {}
            self._write_mark(complete=False)
            self._open_index()
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        try:
            if self._rows and hasattr(self, "_index"):
                self.flush()
        finally:
            if hasattr(self, "_index"):
                self._index.close()
            if self._lock >= 0:
                os.close(self._lock)

    def describe(self, judge: str, facts: str) -> None:
        """Keep what the name of a judge stands for."""
        if judge not in self._judged_by:
            self._judged_by[judge] = json.loads(facts)
            self._write_mark(complete=False)

    def known(self, name: str) -> Known | None:
        """What is held of a picture."""
        row = self._index.execute("select stamp, judge, error_kind from rows where key = ?", (_key(name),)).fetchone()
        return None if row is None else Known(*row)

    def see(self, name: str) -> None:
        """Note that a picture was met in this run and is held as it is."""
        self._index.execute("update rows set seen = ? where key = ?", (self.run, _key(name)))
        self._noted += 1
        if self._noted % _NOTES == 0:
            self._index.commit()

    def waits(self, name: str) -> bool:
        """Whether a row of a picture waits for its part."""
        return _key(name) in self._waiting

    def add(self, row: Mapping[str, Any], judge: str) -> None:
        """Take a row; it is on disk after `flush`, which comes by itself after a number of rows and of seconds."""
        self._oldest = self._oldest if self._rows else time.monotonic()
        self._rows.append((row, judge))
        self._waiting.add(_key(row["name"]))
        if len(self._rows) >= PART_ROWS or self.waited() >= PART_SECONDS:
            self.flush()

    def waited(self) -> float:
        """Seconds that the oldest row has waited for its part."""
        return time.monotonic() - self._oldest if self._rows else 0.0

    def flush(self) -> None:
        """Write the rows that wait as parts."""
        rows, self._rows = self._rows, []
        self._waiting.clear()
        with one_line_errors(self.folder):
            for judge in sorted({judge for _, judge in rows}):
                self._write_part(as_table([row for row, by in rows if by == judge]), judge)
            if len(self._small(self._judges())) > _SMALL_PARTS:
                self._merge_small()

    def tidy(self, gone: Sequence[str] = ()) -> int:
        """End a run: take out superseded rows, those of `gone` sources that were not met, and merge small parts.

        Parameters
        ----------
        gone : sequence of str
            Sources that were listed to their end.

        Returns
        -------
        int
            Rows taken out because their picture is gone.
        """
        self.flush()
        with one_line_errors(self.folder):
            removed = 0
            for source in gone:
                removed += self._index.execute(
                    "delete from rows where source = ? and seen != ?", (as_text(source), self.run)
                ).rowcount
            self._index.commit()
            for number, live, rows in self._index.execute(
                "select number, (select count(*) from rows where part = number), rows from parts order by number"
            ).fetchall():
                if not live:
                    self._drop([number])
                elif live < rows:
                    self._rewrite([number])
            self._merge_small()
            self._index.commit()
            held = self._judges()
            self._judged_by = {judge: facts for judge, facts in self._judged_by.items() if judge in held}
            self._write_mark(complete=True)
        return removed

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Pictures met in this run, by verdict and by kind of error."""
        found = self._index.execute(
            "select verdict, error_kind, count(*) from rows where seen = ? group by verdict, error_kind", (self.run,)
        ).fetchall()
        verdicts = {verdict: count for verdict, kind, count in found if kind is None}
        errors: dict[str, int] = {}
        for _, kind, count in found:
            if kind is not None:
                errors[kind] = errors.get(kind, 0) + count
        return verdicts, errors

    def met(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Rows of the pictures met in this run, one after another."""
        self.flush()
        for number, path in self._index.execute("select number, path from parts order by number").fetchall():
            live = self._keys("select key from rows where part = ? and seen = ?", (number, self.run))
            if live:
                for row in rows_of(self.folder / path, (*columns, "name")):
                    if _key(row["name"]) in live:
                        yield row

    def _keys(self, query: str, values: tuple[Any, ...]) -> set[bytes]:
        return {row[0] for row in self._index.execute(query, values)}

    def _lock_file(self) -> int:
        number = os.open(self.folder / "_lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            raise UsageError(f"another run is writing {str(self.folder)!r}") from None
        except OSError:  # a file system without locks
            pass
        return number

    def _write_mark(self, *, complete: bool) -> None:
        text = json.dumps({"survey": 1, "complete": complete, "judges": self._judged_by}, indent=1, sort_keys=True)
        write_atomically(self.folder / MARK, text.encode())

    def _open_index(self) -> None:
        path = self.folder / INDEX
        try:
            self._connect(path)
        except sqlite3.DatabaseError:  # torn by a power cut: it holds nothing that the parts do not
            for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm"), Path(f"{path}-journal")):
                name.unlink(missing_ok=True)
            self._connect(path)

    def _connect(self, path: Path) -> None:
        self._index = sqlite3.connect(path, isolation_level="DEFERRED")
        self._index.executescript("pragma journal_mode = wal; pragma synchronous = normal;" + _TABLES)
        self._catch_up()

    def _catch_up(self) -> None:
        """Bring the index to what the parts on disk hold."""
        there = dict(sorted(_parts(self.folder)))
        listed = dict(self._index.execute("select number, bytes from parts").fetchall())
        for number, size in listed.items():
            if number not in there or (self.folder / there[number]).stat().st_size != size:
                self._forget(number)
        for number in sorted(set(there) - set(self._numbers())):
            self._list_part(number, there[number])
        self._index.commit()

    def _numbers(self) -> list[int]:
        return [row[0] for row in self._index.execute("select number from parts")]

    def _judges(self) -> list[str]:
        return [row[0] for row in self._index.execute("select distinct judge from parts")]

    def _forget(self, number: int) -> None:
        self._index.execute("delete from rows where part = ?", (number,))
        self._index.execute("delete from parts where number = ?", (number,))

    def _list_part(self, number: int, path: str, seen: int = 0) -> None:
        """Enter a part of the disk in the index; its rows count for more than those of earlier parts."""
        judge = Path(path).parent.name.removeprefix("judge=")
        count = 0
        columns = ("name", "stamp", "source", "verdict", "error_kind")
        entries = (
            (_key(r["name"]), r["stamp"], number, judge, r["source"], r["verdict"], r["error_kind"], seen)
            for r in rows_of(self.folder / path, columns)
        )
        for entry in entries:
            self._index.execute(
                _UPSERT,
                entry,
            )
            count += 1
        size = (self.folder / path).stat().st_size
        self._index.execute("insert into parts values (?, ?, ?, ?, ?)", (number, path, judge, count, size))

    def _write_part(self, content: Any, judge: str, seen: int | None = None) -> None:
        """Write a part, then enter it in the index."""
        import pyarrow.parquet as pq

        number = 1 + max([0, *self._numbers(), *(number for number, _ in _parts(self.folder))])
        path = self.folder / f"judge={judge}" / f"part-{number:09d}.parquet"
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as partial:
            pq.write_table(content, partial, compression="zstd")
            _sync(partial)
        _sync(path.parent)
        self._list_part(number, str(path.relative_to(self.folder)), self.run if seen is None else seen)
        self._index.commit()

    def _small(self, judges: Iterable[str]) -> list[int]:
        """Parts that hold less than half of what they could, where a judge has more than one of them."""
        found: list[int] = []
        for judge in judges:
            query = "select number from parts where judge = ? and rows < ? order by number"
            numbers = [row[0] for row in self._index.execute(query, (judge, PART_ROWS // 2))]
            found += numbers if len(numbers) > 1 else []
        return found

    def _merge_small(self) -> None:
        for judge in self._judges():
            group: list[int] = []
            rows = 0
            for number in self._small([judge]):
                (count,) = self._index.execute("select rows from parts where number = ?", (number,)).fetchone()
                if group and rows + count > PART_ROWS:
                    self._rewrite(group)
                    group, rows = [], 0
                group, rows = [*group, number], rows + count
            if len(group) > 1:
                self._rewrite(group)

    def _rewrite(self, numbers: Sequence[int]) -> None:
        """Write the rows of some parts of one judge that still count as a new part, and drop the old ones."""
        import pyarrow.parquet as pq

        pa = arrow()
        kept = []
        judge = ""
        for number in numbers:
            path, judge = self._index.execute("select path, judge from parts where number = ?", (number,)).fetchone()
            live = self._keys("select key from rows where part = ?", (number,))
            content = pq.read_table(self.folder / path, partitioning=None)
            chosen = []
            for key in map(_key, content.column("name").to_pylist()):
                chosen.append(key in live)
                live.discard(key)
            kept.append(content.filter(pa.array(chosen, pa.bool_())))
        self._write_part(pa.concat_tables(kept), judge, seen=0)
        self._drop(numbers)

    def _drop(self, numbers: Sequence[int]) -> None:
        """Take parts out whose rows count no more."""
        paths = [
            self.folder / self._index.execute("select path from parts where number = ?", (number,)).fetchone()[0]
            for number in numbers
        ]
        for path in paths:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()
        for number in numbers:
            self._forget(number)
        self._index.commit()


def check_folder(folder: Path) -> None:
    """Raise `UsageError` where a folder is neither new, nor empty, nor a survey's table."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is a file, not a folder for a table")
    if folder.is_dir() and not is_table(folder) and any(not entry.name.startswith("_") for entry in folder.iterdir()):
        raise UsageError(f"{str(folder)!r} holds other things and is no survey's table ({MARK} is missing)")


def is_table(folder: Path) -> bool:
    """Whether a folder is a survey's table."""
    return (folder / MARK).is_file()


def read_mark(folder: Path) -> dict[str, Any]:
    """What a table says of itself; raises `UsageError` where it cannot be read."""
    try:
        found = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return {"survey": found["survey"], "complete": bool(found["complete"]), "judges": dict(found["judges"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{str(folder / MARK)!r} cannot be read: {type(error).__name__}: {error}") from None


def parts(folder: Path) -> list[Path]:
    """The parts of a table, oldest first."""
    return [folder / path for _, path in sorted(_parts(folder))]


def all_rows(folder: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows of a table one after another; of a picture that an unfinished run judged again, the newer."""
    paths = parts(folder)
    twice = {} if read_mark(folder)["complete"] else _superseded(paths)
    for index, path in enumerate(paths):
        for row in rows_of(path, tuple(dict.fromkeys((*columns, "name")))):
            if twice.get(_key(row["name"]), index) == index:
                yield row


def _superseded(paths: Sequence[Path]) -> dict[bytes, int]:
    """Pictures that stand in several parts, with the last of them; a table whose last run came to its end has none."""
    seen: dict[bytes, int] = {}
    twice: dict[bytes, int] = {}
    for index, path in enumerate(paths):
        for row in rows_of(path, ("name",)):
            key = _key(row["name"])
            if key in seen:
                twice[key] = index
            seen[key] = index
    return twice


def rows_of(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows of a part, a few at a time in memory; raises `UsageError` where it cannot be read."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH, columns=list(columns)):
                yield from batch.to_pylist()
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(path)!r} cannot be read: {' '.join(str(error).split())}") from None


def as_text(name: str) -> str:
    """A name as the table holds it: valid UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@contextlib.contextmanager
def one_line_errors(folder: Path) -> Iterator[None]:
    """One line for a disk that is full or cannot be written."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise UsageError(f"cannot write {str(folder)!r}: {getattr(error, 'strerror', None) or error}") from None


def _parts(folder: Path) -> Iterator[tuple[int, str]]:
    for path in folder.glob("judge=*/part-*.parquet"):
        match = _PART.search(path.name)
        if match:
            yield int(match[1]), str(path.relative_to(folder))


def _key(name: str) -> bytes:
    return hashlib.sha256(as_text(name).encode()).digest()[:16]


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
