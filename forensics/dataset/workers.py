"""Worker processes that yield messages as they go, survive the death of one of them, and end with their parent.

A task is run by a generator function `work(task)` of a module; every message it yields reaches the parent at once. With
one job the work runs in the calling process. Workers are started afresh (not forked) in a process group of their own,
so that Ctrl-C on the terminal reaches the parent alone; when the parent ends, however it ends, the kernel ends its
workers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Self

from forensics.endings import end_with_parent
from forensics.errors import ForensicsError

Work = Callable[[Any], Iterable[Any]]

GRACE = 5.0
"""Seconds that a worker is given to end before it is killed."""
_NEXT, _DONE, _ERROR = "next", "done", "error"


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    task: Any = None
    busy: bool = False


@dataclass(frozen=True)
class Event:
    """Something a task reported: a `message`, its end (`done`), an exception's text (`error`) or its process's
    death.
    """

    kind: str
    task: Any
    content: Any = None


class Workers:
    """A pool of at most `jobs` processes that run `work`; use as a context manager, leave it to stop them."""

    def __init__(self, work: Work, jobs: int) -> None:
        self._work, self._jobs = work, max(1, jobs)
        self._tasks: deque[Any] = deque()
        self._workers: list[_Worker] = []
        self._context = multiprocessing.get_context("spawn")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()
            if worker.busy:
                _stop(worker.process)
        for worker in self._workers:
            _ended(worker.process)
        self._workers.clear()

    def submit(self, task: Any, *, first: bool = False) -> None:
        """Add a task to the queue, at its head for `first`; may be called while events are read."""
        self._tasks.appendleft(task) if first else self._tasks.append(task)

    def events(self) -> Iterator[Event]:
        """Events of all tasks until the queue is empty and every worker idle."""
        if self._jobs == 1:
            yield from self._here()
            return
        while self._tasks or any(worker.busy for worker in self._workers):
            self._dispatch()
            ready = wait([worker.pipe for worker in self._workers if worker.busy])
            for worker in [worker for worker in self._workers if worker.pipe in ready]:
                yield self._receive(worker)

    def _here(self) -> Iterator[Event]:
        while self._tasks:
            task = self._tasks.popleft()
            try:
                for message in self._work(task):
                    yield Event("message", task, message)
            except Exception as error:
                yield Event("error", task, f"{type(error).__name__}: {error}")
            else:
                yield Event("done", task)

    def _dispatch(self) -> None:
        idle = [worker for worker in self._workers if not worker.busy]
        while self._tasks and (idle or len(self._workers) < self._jobs):
            worker = idle.pop() if idle else self._start()
            worker.task, worker.busy = self._tasks.popleft(), True
            with contextlib.suppress(OSError):  # it died idle: its end of the pipe tells, as for one that died at work
                worker.pipe.send(worker.task)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(self._work, theirs, os.getpid()), daemon=True)
        with _without_interrupts():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> Event:
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            _ended(worker.process)
            worker.pipe.close()
            self._workers.remove(worker)
            code = worker.process.exitcode
            how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            return Event("died", worker.task, how)
        if kind == _NEXT:
            return Event("message", worker.task, content)
        worker.busy = False
        return Event("done" if kind == _DONE else "error", worker.task, content)


def run_all(
    work: Work,
    tasks: Sequence[Any],
    jobs: int,
    *,
    failure: Callable[[Any], str],
    done: int,
    progress: Callable[[int, int], None],
) -> None:
    """Run every task to its end, messages unread.

    Parameters
    ----------
    work, jobs
        As for `Workers`.
    tasks : sequence
    failure : callable
        Says in words that a task failed.
    done : int
        Tasks that were done before, counted with these.
    progress : callable
        Gets the number of tasks done and in all, at the start and after each.

    Raises
    ------
    ForensicsError
        A task raised, or its process died.
    """
    total = done + len(tasks)
    progress(done, total)
    with Workers(work, jobs) as workers:
        for task in tasks:
            workers.submit(task)
        for event in workers.events():
            if event.kind in ("error", "died"):
                raise ForensicsError(f"{failure(event.task)}: {event.content}")
            if event.kind == "done":
                done += 1
                progress(done, total)


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start a process that Ctrl-C does not reach, not even before it has a group of its own: it inherits what is
    blocked here.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(process: Any) -> None:
    """Ask a process to end, and with it what it started in its group."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except OSError:  # it has no group of its own yet
        process.terminate()


def _ended(process: Any) -> None:
    """Wait for a process to end, and kill one that does not."""
    process.join(GRACE)
    if process.is_alive():
        process.kill()
        process.join()


def _serve(work: Work, pipe: Connection, parent: int) -> None:
    """A worker's life: take a task, send its messages, and end when the parent's end of the pipe is gone, or the
    parent.
    """
    end_with_parent(parent)
    os.setpgid(0, 0)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task = pipe.recv()
            try:
                for message in work(task):
                    pipe.send((_NEXT, message))
            except (BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:
                pipe.send((_ERROR, f"{type(error).__name__}: {error}"))
            else:
                pipe.send((_DONE, None))
