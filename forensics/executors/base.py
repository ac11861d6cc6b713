"""What an executor is, and the simplest one: the calling process."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from forensics.errors import ForensicsError

TRIES = 3
"""How often a task is begun whose process dies: as many deaths as Dask allows a task
(`distributed.scheduler.allowed-failures`, 3). Twice may be another's hunger for memory."""
_AHEAD = 2
"""Tasks handed out for each worker: one that is worked on and one that is there when it ends; a third would only wait.
"""

Heard = Callable[[Any], None]


class Raised(ForensicsError):
    """A task raised; the message is the exception's type and text, since not every exception can travel between
    processes.
    """


class Died(ForensicsError):
    """The process that ran a task died, or did not answer in time, at every try; the message says how."""


class Executor(ABC):
    """Runs functions somewhere; use as a context manager, leave it to stop what still runs.

    Attributes
    ----------
    slots : int
        Tasks that can run at once.
    ahead : int
        Tasks that are worth being under way at once: enough for none to wait, and no more.
    """

    @property
    @abstractmethod
    def slots(self) -> int:
        """Tasks that can run at once, at least 1."""

    @property
    def ahead(self) -> int:
        """Tasks that are worth being under way at once."""
        return _AHEAD * self.slots

    @abstractmethod
    def submit(self, function: Callable[..., Any], /, *arguments: Any, name: str = "") -> Future[Any]:
        """Have `function(*arguments)` run, a function of a module; `name` is what notes call the task.

        The future gives what it returns, or raises `Raised` or `Died`.
        """

    @abstractmethod
    def stream(
        self, function: Callable[..., Iterable[Any]], /, *arguments: Any, heard: Heard, name: str = "", tries: int = 1
    ) -> Future[None]:
        """Have a generator function run; `heard` gets what it yields, in a thread of the executor's, before the future
        is done.

        A task that is begun again after a death is heard again from its beginning: `tries` says how often it may be.
        """

    @abstractmethod
    def prepare(self, module: str, function: str, /, *arguments: Any) -> None:
        """Have workers that are yet to be started begin now, with a function given by its names, which the caller need
        not import, while the caller does something else; what comes of it is not asked. Nothing where workers are there
        already, or the caller is one.
        """

    @abstractmethod
    def shutdown(self) -> None:
        """Stop what runs, cancel what waits."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


class Here(Executor):
    """Runs a task in the calling process at the moment it is submitted."""

    @property
    def slots(self) -> int:
        """One."""
        return 1

    @property
    def ahead(self) -> int:
        """One: a task is done when it has been submitted."""
        return 1

    def submit(self, function: Callable[..., Any], /, *arguments: Any, name: str = "") -> Future[Any]:
        """As for every executor."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(Raised(described(error)))
        return future

    def stream(
        self, function: Callable[..., Iterable[Any]], /, *arguments: Any, heard: Heard, name: str = "", tries: int = 1
    ) -> Future[None]:
        """As for every executor; here `heard` is called in the calling thread."""
        future: Future[None] = Future()
        try:
            for item in function(*arguments):
                heard(item)
        except Exception as error:
            future.set_exception(Raised(described(error)))
        else:
            future.set_result(None)
        return future

    def prepare(self, module: str, function: str, /, *arguments: Any) -> None:
        """Nothing: the caller is the worker."""

    def shutdown(self) -> None:
        """Nothing runs."""


def call_named(module: str, function: str, /, *arguments: Any) -> Any:
    """What a function of a module gives."""
    return getattr(import_module(module), function)(*arguments)


def noted(line: str) -> None:
    """An executor's note as a line on standard error."""
    sys.stderr.write(f"forensics: note: {line}\n")


def described(error: BaseException) -> str:
    """An exception in words: its type and its text."""
    return f"{type(error).__name__}: {error}"
