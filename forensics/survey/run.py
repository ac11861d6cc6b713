"""A survey: list, ask the table what it holds, have the rest judged, write. Nothing grows with the number of files."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from forensics.errors import UsageError
from forensics.executors import Died, Executor, Raised
from forensics.progress import Progress
from forensics.survey.judging import Judge, Options, failure, identified, judged, kind_of
from forensics.survey.sources import Item, Passed, estimated, listed
from forensics.survey.table import PART_SECONDS, Table

_SPOKEN = 10.0
"""Seconds until the first line off a terminal, how long a user's attention stays with a silent program (J. Nielsen,
Usability Engineering, 1993, section 5.5); each later one comes after half as long again, so that a day's run leaves
twenty-one."""


@dataclass
class SurveyOutcome:
    """What a run came to.

    Attributes
    ----------
    judged, unchanged, gone : int
        Pictures judged in this run, held as they are, and taken out because they are no longer there.
    verdicts, errors : dict of str to int
        Counts of all pictures met, by verdict and by kind of error.
    passed : Passed
        What was no picture.
    seconds : float
        Of the run.
    """

    judged: int = 0
    unchanged: int = 0
    gone: int = 0
    verdicts: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    passed: Passed = field(default_factory=Passed)
    seconds: float = 0.0


def survey(
    sources: Sequence[str],
    table: Table,
    executor: Executor,
    options: Options,
    *,
    every: bool = False,
    retry_errors: bool = False,
    show: bool = False,
    work: Judge = judged,
) -> SurveyOutcome:
    """Judge the pictures of some sources that a table does not hold yet.

    Parameters
    ----------
    sources : sequence of str
        See `forensics.survey.sources`.
    table : Table
        Open.
    executor : Executor
        Who works; on a cluster the workers open paths and addresses themselves.
    options : Options
    every : bool
        Whether every file counts as a picture.
    retry_errors : bool
        Whether pictures that could not be judged are tried again though they did not change.
    show : bool
        Whether progress is shown on standard error.
    work : callable
        What a worker does; `judged` by default.

    Raises
    ------
    UsageError
        The model is missing, no source holds a picture, the table cannot be written.
    """
    start = time.monotonic()
    outcome = SurveyOutcome()
    items = listed(sources, outcome.passed, every=every, without=str(table.folder))
    # A source that cannot be listed, or that there is nothing to judge, is said before a model is loaded.
    first = list(itertools.islice(items, 1))
    if not first:
        raise UsageError(_nothing(outcome))
    items = itertools.chain(first, items)
    with _Told(sources, str(table.folder), show) as line:
        judge, facts = _identified(executor, options)
        table.describe(judge, facts)
        line.begin()
        feed = _Feed(items, table, executor, options, judge, retry_errors, outcome, line, work)
        feed.run()
        if not outcome.judged and not outcome.unchanged:
            raise UsageError(_nothing(outcome))
        outcome.gone = table.tidy([] if outcome.passed.unread else sources)
    outcome.verdicts, outcome.errors = table.counts()
    outcome.seconds = time.monotonic() - start
    return outcome


def _nothing(outcome: SurveyOutcome) -> str:
    return f"no source holds a picture{f'; {outcome.passed.text()}' if outcome.passed.counts else ''}"


def _identified(executor: Executor, options: Options) -> tuple[str, str]:
    """Who judges, asked where the work is done: this process need not load a model."""
    try:
        return executor.submit(identified, options).result()
    except Raised as error:
        raise UsageError(str(error).removeprefix(f"{UsageError.__name__}: ")) from None
    except Died as error:
        raise UsageError(f"no worker could load the model: its process died at every try ({error})") from None


@dataclass
class _Feed:
    """Keeps the executor busy and not more than busy, and takes in what it gives, in any order."""

    items: Iterator[Item]
    table: Table
    executor: Executor
    options: Options
    judge: str
    retry_errors: bool
    outcome: SurveyOutcome
    line: _Told
    work: Judge
    under_way: dict[Future[Any], Item] = field(default_factory=dict)

    def run(self) -> None:
        """To the end of the listing and of all that is under way."""
        names: set[str] = set()
        for item in self.items:
            if item.name in names or self.table.waits(item.name):
                continue
            if self._held(item):
                self.outcome.unchanged += 1
                self.line.advance(unchanged=True)
                continue
            if item.error:
                self._take(item, failure(kind_of(item.error), item.error))
                continue
            future = self.executor.submit(self.work, item.name, item.payload(), self.options, name=item.name)
            self.under_way[future] = item
            names.add(item.name)
            while len(self.under_way) >= self.executor.ahead:
                self._receive(names)
        while self.under_way:
            self._receive(names)

    def _held(self, item: Item) -> bool:
        known = self.table.known(item.name)
        if known is None or known.judge != self.judge or known.stamp != item.stamp:
            return False
        if self.retry_errors and known.error_kind is not None:
            return False
        self.table.see(item.name)
        return True

    def _receive(self, names: set[str]) -> None:
        done, _ = wait(self.under_way, timeout=_SPOKEN, return_when=FIRST_COMPLETED)
        for future in done:
            item = self.under_way.pop(future)
            names.discard(item.name)
            self._take(item, self._columns(future))
        if self.table.waited() >= PART_SECONDS:
            self.table.flush()
        self.line.alive()

    def _columns(self, future: Future[Any]) -> Mapping[str, Any]:
        try:
            judge, columns = future.result()
        except Died as error:
            return failure(
                "died", f"the process that judged it died at every try ({error}): out of memory, a crash or a hang"
            )
        except Raised as error:
            return failure("internal", f"internal error, please report it: {error}")
        if judge != self.judge:
            raise UsageError(
                f"a worker judges as {judge} and this process as {self.judge}: install one version everywhere"
            )
        return columns

    def _take(self, item: Item, columns: Mapping[str, Any]) -> None:
        given = {"name": item.name, "source": item.source, "label": item.label, "stamp": item.stamp}
        self.table.add({**given, **columns}, self.judge)
        self.outcome.judged += 1
        self.line.advance()


class _Told:
    """Progress with rate and time left: a line on a terminal, elsewhere a line now and then."""

    def __init__(self, sources: Sequence[str], without: str, show: bool) -> None:
        self._show = show
        self._terminal = show and sys.stderr.isatty()
        self._line = Progress("survey", 0) if self._terminal else None
        self._done = self._fresh = self._found = 0
        self._all_found = self._endless = False
        self._start = self._last = time.monotonic()
        self._pause = _SPOKEN
        self._ended = False
        self._sources, self._without = sources, without

    def __enter__(self) -> Self:
        if self._show:
            if not self._terminal:
                self._say("the model is loaded, then every picture is judged that the table does not hold yet")
            threading.Thread(target=self._count, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        if self._line is not None:
            self._line.__exit__(None, None, None)

    def begin(self) -> None:
        """The rate counts from now on."""
        self._start = time.monotonic()

    def advance(self, *, unchanged: bool = False) -> None:
        """Count one picture."""
        self._done += 1
        self._fresh += not unchanged
        if self._line is not None:
            self._line.total = self.total or 0
            if unchanged:
                self._line.resume(1)
            self._line.advance(0 if unchanged else 1, note=self._rate())
        self.alive()

    def alive(self) -> None:
        """Say how far it is where nothing was said for a while."""
        if not self._show or self._terminal or time.monotonic() - self._last < self._pause:
            return
        self._last, self._pause = time.monotonic(), min(600.0, 1.5 * self._pause)
        total = self.total
        of = f"/{total}" if total else ""
        left = ""
        if total and self._fresh:
            seconds = (total - self._done) / self._fresh * (time.monotonic() - self._start)
            left = f", {_clock(seconds)} left"
        self._say(f"{self._done}{of} pictures, {self._rate()}{left}")

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(f"forensics: survey: {text}\n")
        sys.stderr.flush()

    @property
    def total(self) -> int | None:
        """Pictures in all, by name; None where that is not known (yet)."""
        return max(self._found, self._done) if self._all_found and not self._endless else None

    def _rate(self) -> str:
        return f"{self._fresh / max(1e-9, time.monotonic() - self._start):.3g}/s"

    def _count(self) -> None:
        try:
            for number in estimated(self._sources, self._without):
                if self._ended:
                    return
                self._endless |= number is None
                self._found += number or 0
        except (OSError, ValueError):
            return
        self._all_found = True


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def summary(outcome: SurveyOutcome, folder: Path | None) -> str:
    """A run in a few lines of text."""
    rate = outcome.judged / max(1e-9, outcome.seconds)
    parts = [f"{outcome.judged} judged ({rate:.3g}/s)"]
    parts += [f"{outcome.unchanged} unchanged"] if outcome.unchanged else []
    parts += [f"{outcome.gone} taken out, their files are gone"] if outcome.gone else []
    total = sum(outcome.verdicts.values()) + sum(outcome.errors.values())
    lines = [f"{total} pictures: {', '.join(parts)}, {_clock(outcome.seconds)}"]
    ranked = sorted(outcome.verdicts.items(), key=lambda pair: (-pair[1], pair[0]))
    lines += [f"  {count:>9} {verdict}" for verdict, count in ranked]
    failed = sorted(outcome.errors.items(), key=lambda pair: (-pair[1], pair[0]))
    lines += [f"  {count:>9} failed: {kind}" for kind, count in failed]
    lines += [f"table  {folder}"] if folder is not None else []
    return "\n".join(itertools.chain(lines, ("",)))
