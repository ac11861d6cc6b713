"""A file that is written entry by entry, can be read whole at every moment, and goes on where a killed run stopped.

Entries are written to a hidden file next to the output, which takes the output's place at the end. After every entry it
ends with `tail`, so that it is well-formed whenever the process ends. A second file lists the entries: for each its
key, what its input was (`stamp`), and where it ends. A run of the same command (equal `settings`) takes over the
entries whose inputs come first again and are unchanged.

    .unfinished-NAME          entries
    .unfinished-NAME.rows     JSON lines: the settings, then an entry a line

Where the run is interrupted, or the disk is full, what was written takes the output's place at once, unless a file of
an earlier run stands there; that stays, and the entries wait for the same command.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics_models.storage import LONGEST_NAME, followed, take_place

from forensics.errors import UsageError

_ROWS = ".rows"


@dataclass
class _Entry:
    key: str
    stamp: list[int] | None
    end: int
    failed: bool


@dataclass
class RowFile:
    """See the module; use as a context manager.

    Parameters
    ----------
    out : Path
        The output, a regular file or nothing yet.
    settings : dict
        What the entries depend on besides their inputs, JSON-ready; None where no later run can go on with them.
    head, tail : bytes
        What stands before the first and after the last entry.

    Attributes
    ----------
    entries : int
        Entries in the file.
    failures : int
        Those of them that are failures.
    """

    out: Path
    settings: dict[str, Any] | None
    head: bytes
    tail: bytes = b""
    _entries: list[_Entry] = field(default_factory=list)
    _published: list[int] | None = None

    def __post_init__(self) -> None:
        self._target = followed(self.out)
        self._data_path = self._target.with_name(_hidden(self._target.name))
        self._rows_path = self._data_path.with_name(self._data_path.name + _ROWS)
        self._data = self._rows = -1

    @property
    def entries(self) -> int:
        """Entries in the file."""
        return len(self._entries)

    @property
    def failures(self) -> int:
        """Entries that are failures."""
        return sum(entry.failed for entry in self._entries)

    def __enter__(self) -> RowFile:
        with self._one_line_errors():
            self._rows = os.open(self._rows_path, os.O_RDWR | os.O_CREAT, 0o666)
            self._lock()
            self._take_over()
            self._data = os.open(self._data_path, os.O_RDWR | os.O_CREAT, 0o666)
            if not self._entries:
                os.ftruncate(self._data, 0)
                _write(self._data, self.head + self.tail)
        return self

    def go_on(self, inputs: Sequence[tuple[str, list[int] | None]]) -> int:
        """Keep the entries that are those of the first inputs, given by key and stamp; returns how many they are."""
        kept = 0
        for entry, (key, stamp) in zip(self._entries, inputs, strict=False):
            if (entry.key, entry.stamp) != (key, stamp):
                break
            kept += 1
        with self._one_line_errors():
            del self._entries[kept:]
            self._cut()
            self._list_again()
        return kept

    def add(self, key: str, stamp: list[int] | None, entry: bytes, *, failed: bool = False) -> None:
        """Append one entry; raises `UsageError` where it cannot be written, with those before it whole."""
        end = self._end()
        with self._one_line_errors():
            os.lseek(self._data, end, os.SEEK_SET)
            _write(self._data, entry + self.tail)
            self._entries.append(_Entry(key, stamp, end + len(entry), failed))
            _write(self._rows, _line(self._entries[-1].__dict__))

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: object) -> None:
        with _signals_later():
            try:
                self._finish(complete=kind is None)
            finally:
                for number in (self._data, self._rows):
                    if number >= 0:
                        os.close(number)

    def kept_text(self) -> str:
        """What an interrupted run says of its entries; nothing where there are none."""
        if not self._entries:
            return ""
        where = (
            f"are in {str(self.out)!r}"
            if self._published
            else f"are kept next to {str(self.out)!r}, which stays as it was"
        )
        further = "" if self.settings is None else "; the same command goes on from there"
        return f"{len(self._entries)} results {where}{further}"

    def _finish(self, complete: bool) -> None:
        if self._data < 0:
            return
        if not complete:
            with contextlib.suppress(OSError):
                self._cut()
        if not self._entries and not complete:
            self._data_path.unlink(missing_ok=True)
            self._rows_path.unlink(missing_ok=True)
            return
        there = stamp(self._target)
        if complete or there is None or there == self._published:
            with self._one_line_errors():
                take_place(self._data_path, self._target)
            self._published = stamp(self._target)
        else:
            self._published = None
        if complete:
            self._rows_path.unlink(missing_ok=True)
        else:
            with contextlib.suppress(OSError):
                self._list_again()

    def _end(self) -> int:
        return self._entries[-1].end if self._entries else len(self.head)

    def _cut(self) -> None:
        """End the file after its last whole entry."""
        os.ftruncate(self._data, self._end())
        os.lseek(self._data, self._end(), os.SEEK_SET)
        _write(self._data, self.tail)

    def _list_again(self) -> None:
        """Write the list of entries anew."""
        lines = [self._header(), *(entry.__dict__ for entry in self._entries)]
        os.lseek(self._rows, 0, os.SEEK_SET)
        text = b"".join(_line(line) for line in lines)
        _write(self._rows, text)
        os.ftruncate(self._rows, len(text))

    def _header(self) -> dict[str, Any]:
        return {"settings": self.settings, "published": self._published}

    def _lock(self) -> None:
        try:
            fcntl.flock(self._rows, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another run is writing {str(self.out)!r}") from None
        except OSError:  # a file system without locks
            pass

    def _take_over(self) -> None:
        """Take over the entries of a run that was ended, where it was the same command and its data are there."""
        try:
            with open(self._rows, "rb", closefd=False) as stream:
                header, *entries = [json.loads(line) for line in stream.read().splitlines(True) if line.endswith(b"\n")]
            if self.settings is None or header["settings"] != json.loads(json.dumps(self.settings)):
                return
            found = [_Entry(**entry) for entry in entries]
            self._published = header["published"]
        except (ValueError, TypeError, KeyError):
            return
        if not self._data_path.exists() and self._published and stamp(self._target) == self._published:
            self._data_path.write_bytes(self._target.read_bytes())
        size = self._data_path.stat().st_size if self._data_path.exists() else 0
        self._entries = [entry for entry in found if entry.end <= size]

    @contextlib.contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"cannot write {str(self.out)!r}: {error.strerror or error}") from None


def stamp(path: str | Path) -> list[int] | None:
    """What a file was when it was read: inode, size, times of change of its content and of its state; None where it is
    not there.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def input_stamp(name: str) -> list[int] | None:
    """`stamp` of an input of a command; standard input (`-`) is another one every time."""
    return [time.time_ns()] if name == "-" else stamp(name)


def _hidden(name: str) -> str:
    """Name of the unfinished file for an output: known by its name, or by a hash of it where that would be too long."""
    hidden = f".unfinished-{name}"
    if len(os.fsencode(hidden + _ROWS)) > LONGEST_NAME:
        hidden = f".unfinished-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
    return hidden


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _write(number: int, data: bytes) -> None:
    """Write all of `data` to a descriptor, without a buffer that could fail later."""
    view = memoryview(data)
    while view:
        view = view[os.write(number, view) :]


@contextlib.contextmanager
def _signals_later() -> Iterator[None]:
    """Hold back what would interrupt the last steps."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
