"""Training data that is drawn, changed and measured in memory: one task a source, shared by worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from forensics.errors import ForensicsError, UsageError
from forensics.executors import TRIES
from forensics.executors.tasks import Workers


class FromSource(Protocol):
    """What is drawn of one source."""

    @property
    def path(self) -> Path:
        """The source's file."""


T = TypeVar("T", bound=FromSource)
R = TypeVar("R")


def drawn(
    rows: Callable[[T], Iterator[list[R]]],
    task: Callable[[Path], T],
    sources: Path,
    split: str,
    *,
    jobs: int,
    progress: Callable[[int, int], None],
) -> list[R]:
    """What `rows` yields of every source of a split, in the sources' order.

    Parameters
    ----------
    rows : callable
        Run in worker processes; yields once, all rows of a task.
    task : callable
        Makes the task of a source's file; its `path` is that file.
    sources : Path
        Folder with a folder for each split.
    split : str
    jobs : int
        Processes.
    progress : callable
        Gets how many of how many sources are done.

    Raises
    ------
    UsageError
        The folder holds no sources of the split.
    ForensicsError
        A task failed.
    """
    from forensics.dataset import sources as found

    names = found.of_split(sources, split)
    if not names:
        raise UsageError(f"{str(sources)!r} holds no pictures in a folder {split!r}")
    read: dict[Path, list[R]] = {}
    progress(0, len(names))
    with Workers(rows, jobs, tries=TRIES) as workers:
        for name in names:
            workers.submit(task(sources / name))
        for event in workers.events():
            if event.kind in ("error", "died"):
                raise ForensicsError(f"{event.task.path}: {event.content}")
            if event.kind == "message":
                read[event.task.path] = event.content
                progress(len(read), len(names))
    return [row for name in names for row in read[sources / name]]
