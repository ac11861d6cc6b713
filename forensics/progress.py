"""Progress of long work, on standard error: a line that is rewritten on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TextIO

PLAIN_AFTER = 60.0
"""Seconds of work after which a first plain line is due off a terminal. What takes less leaves logs empty: 24 pictures
of 0.4 MP 6 s, a report on 12 MP 22 s, the first verdict with its kernels compiled 27 s (two cores,
benchmarks/results/2026-11-29-speed.md and -files.md)."""


class Progress:
    """One line that is rewritten in place at most ten times a second: label, count, share, time left, a note.

    Use as a context manager. Where `stream` (standard error unless given) is not a terminal, plain lines are written
    instead, the first after `plain_after` seconds and each later one after twice the time.

    Where pieces differ in effort, `effort` is that of all of them, in any unit, and `advance` is told that of each, and
    how much of those under way is done: share and time left go by it.
    """

    def __init__(
        self,
        label: str,
        total: int,
        *,
        stream: TextIO | None = None,
        plain_after: float = PLAIN_AFTER,
        effort: float | None = None,
    ) -> None:
        self.label, self.total, self.done, self.note = label, total, 0, ""
        self._effort, self._spent, self._begun = effort, 0.0, 0.0
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._start = self._last = time.monotonic()
        self._pause = plain_after
        self._resumed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._write()
            self._stream.write("\n")
            self._stream.flush()

    def resume(self, done: int) -> None:
        """Count `done` pieces as finished before this run, so that they do not enter the time left."""
        self.done += done
        self._resumed += done

    def advance(self, pieces: int = 1, note: str = "", effort: float = 0.0, begun: float = 0.0) -> None:
        """Count finished pieces, of this effort together, and show `note` behind them; `begun` is the effort that went
        into others so far.
        """
        self.done += pieces
        self._spent += effort
        self._begun = begun
        self.note = note or self.note
        if time.monotonic() - self._last < (0.1 if self._shown else self._pause):
            return
        if self._shown:
            self._write()
        elif self.done < self.total or not self.total:
            self._last, self._pause = time.monotonic(), 2 * self._pause
            self._stream.write(f"forensics: {self.line()}\n")
            self._stream.flush()

    def line(self) -> str:
        """The present line, without the carriage return."""
        done, total, fresh = float(self.done), float(self.total), float(self.done - self._resumed)
        if self._effort:
            done = fresh = self._spent + self._begun
            total = self._effort
        share = f" {100 * done / total:3.0f} %" if total else ""
        left = ""
        if fresh > 0 and self.done < self.total:
            left = f" {_clock((time.monotonic() - self._start) / fresh * (total - done))} left"
        return f"{self.label} {self.done}/{self.total}{share}{left} {self.note}".rstrip()

    def _write(self) -> None:
        self._last = time.monotonic()
        self._stream.write(f"\r\x1b[K{self.line()[:110]}")
        self._stream.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class SignOfLife:
    """Says on standard error, terminal or not, what is worked on when nothing has come of it for a while, at growing
    intervals.

    Use as a context manager; `begin` says what is worked on; `over` gives the pieces one by one and takes each as
    worked on until the next is asked for.

    Parameters
    ----------
    what : str
        What is being done, for instance `history`.
    after : float
        Seconds until the first line; every later one comes after twice the time.
    """

    def __init__(self, what: str, after: float = 5.0, *, stream: TextIO | None = None) -> None:
        self._what, self._after = what, after
        self._stream = sys.stderr if stream is None else stream
        self._changed = threading.Condition()
        self._name: str | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def over(self, names: Iterable[str]) -> Iterator[str]:
        """The names one by one."""
        for name in names:
            self.begin(name)
            yield name

    def begin(self, name: str) -> None:
        """From now on this is worked on."""
        with self._changed:
            self._name = name
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._ended:
                name, start, pause = self._name, time.monotonic(), self._after
                while self._name == name and not self._ended:
                    if not self._changed.wait(pause) and name is not None:
                        self._say(name, time.monotonic() - start)
                        pause *= 2

    def _say(self, name: str, seconds: float) -> None:
        clear = "\r\x1b[K" if self._stream.isatty() else ""
        self._stream.write(f"{clear}forensics: {name}: {self._what}, {seconds:.0f} s so far\n")
        self._stream.flush()


class Counter:
    """Progress of work that reports (label, done, total): a `Progress` line for each label, and lines of text between.

    Use as a context manager. `say` writes to standard error whether or not it is a terminal.
    """

    def __init__(self) -> None:
        self._line: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def show(self, label: str, done: int, total: int) -> None:
        """Bring the line of `label` to `done` of `total`; the first call of a label, and of another count under it
        (each of several data sets), counts as resumed work.
        """
        line = self._line
        if line is None or (line.label, line.total) != (label, total) or done < line.done:
            self._close()
            line = self._line = Progress(label, total)
            line.resume(done)
        line.advance(done - line.done)

    def say(self, text: str) -> None:
        """Write one line of text under the progress line."""
        self._close()
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def _close(self) -> None:
        if self._line is not None:
            self._line.__exit__(None, None, None)
            self._line = None
