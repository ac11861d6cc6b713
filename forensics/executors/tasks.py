"""Tasks with events on top of an executor: messages as they come, the end, an error, the death of a process.

A task is run by a generator function `work(task)` of a module. With one job the work runs in the calling process, one
message after another; in processes of this machine every message reaches the parent at once; from a cluster they come
together at the end of their task.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from forensics.errors import ForensicsError
from forensics.executors import TRIES, Died, Executor, Here, executor
from forensics.executors.base import described

Work = Callable[[Any], Iterable[Any]]

_ELSEWHERE: ContextVar[Executor | None] = ContextVar("elsewhere", default=None)


@contextmanager
def on_cluster(scheduler: str | None) -> Iterator[None]:
    """Have the workers of a Dask scheduler do what `Workers` and `run_all` are given inside, whatever number of
    processes they are given; None changes nothing.
    """
    if scheduler is None:
        yield
        return
    with executor(scheduler=scheduler) as found:
        token = _ELSEWHERE.set(found)
        try:
            yield
        finally:
            _ELSEWHERE.reset(token)


@dataclass(frozen=True)
class Event:
    """Something a task reported: a `message`, its end (`done`), an exception's text (`error`) or its process's death
    (`died`).
    """

    kind: str
    task: Any
    content: Any = None


class Workers:
    """A queue of tasks that `work` runs, in an executor or in at most so many processes; use as a context manager.

    Parameters
    ----------
    work : callable
        A generator function of a module.
    jobs : int or Executor
        Processes that are started for these tasks, or an executor of the caller's.
    tries : int
        How often a task is begun whose process dies; its messages are heard again.
    """

    def __init__(self, work: Work, jobs: int | Executor, *, tries: int = 1) -> None:
        self._work, self._tries = work, tries
        given = jobs if isinstance(jobs, Executor) else _ELSEWHERE.get()
        self._owned = given is None
        self._executor = executor(max(1, jobs)) if given is None else given  # type: ignore[type-var, arg-type]
        self._tasks: deque[Any] = deque()
        self._events: SimpleQueue[tuple[int, Event]] = SimpleQueue()
        self._under_way: dict[int, Future[None]] = {}
        self._begun = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._under_way.values():
            future.cancel()
        if self._owned:
            self._executor.shutdown()

    def submit(self, task: Any, *, first: bool = False) -> None:
        """Add a task to the queue, at its head for `first`; may be called while events are read."""
        self._tasks.appendleft(task) if first else self._tasks.append(task)

    def events(self) -> Iterator[Event]:
        """Events of all tasks until the queue is empty and every worker idle."""
        if isinstance(self._executor, Here):
            yield from self._here()
            return
        while self._tasks or self._under_way:
            self._dispatch()
            number, event = self._events.get()
            if event.kind != "message":
                del self._under_way[number]
            yield event

    def _here(self) -> Iterator[Event]:
        while self._tasks:
            task = self._tasks.popleft()
            try:
                for message in self._work(task):
                    yield Event("message", task, message)
            except Exception as error:
                yield Event("error", task, described(error))
            else:
                yield Event("done", task)

    def _dispatch(self) -> None:
        while self._tasks and len(self._under_way) < self._executor.ahead:
            self._begin(self._tasks.popleft())

    def _begin(self, task: Any) -> None:
        self._begun += 1
        number = self._begun

        def heard(message: Any) -> None:
            self._events.put((number, Event("message", task, message)))

        def ended(future: Future[None]) -> None:
            self._events.put((number, _ending(task, future)))

        future = self._executor.stream(self._work, task, heard=heard, tries=self._tries)
        self._under_way[number] = future
        future.add_done_callback(ended)


def _ending(task: Any, future: Future[None]) -> Event:
    if future.cancelled():
        return Event("error", task, "cancelled")
    error = future.exception()
    if error is None:
        return Event("done", task)
    return Event("died" if isinstance(error, Died) else "error", task, str(error))


def run_all(
    work: Work,
    tasks: Sequence[Any],
    jobs: int | Executor,
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
        A task raised, or its process died `TRIES` times.
    """
    total = done + len(tasks)
    progress(done, total)
    with Workers(work, jobs, tries=TRIES) as workers:
        for task in tasks:
            workers.submit(task)
        for event in workers.events():
            if event.kind in ("error", "died"):
                raise ForensicsError(f"{failure(event.task)}: {event.content}")
            if event.kind == "done":
                done += 1
                progress(done, total)
