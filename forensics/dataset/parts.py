"""Tables of a data set that are made in parallel and kept on disk in parts, so that an interrupted run goes on where it
stopped.

A part holds what comes of a fixed share of the files; a worker writes it atomically, so a part that is there is
complete. The folder of the parts is named by the caller after everything that decides their content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from forensics_models.storage import remove_remnants

from forensics.dataset.manifest import Row
from forensics.executors.tasks import Work, run_all


class Task(Protocol):
    """What a worker needs to write one part; `out` is where."""

    @property
    def out(self) -> Path: ...


def fill(
    folder: Path,
    rows: Sequence[Row],
    files: int,
    task: Callable[[tuple[Row, ...], Path], Task],
    work: Work,
    *,
    jobs: int,
    doing: str,
    progress: Callable[[int, int], None],
) -> list[Path]:
    """Make the parts that are missing.

    Parameters
    ----------
    folder : Path
        Where the parts are kept; made if absent.
    rows : sequence of Row
        All files of the table, in the order of its rows.
    files : int
        Files that share one part.
    task : callable
        Gives the task of a part from its files and its path.
    work : callable
        Writes the part of a task, a generator function of a module as `Workers` takes.
    jobs : int
        Processes.
    doing : str
        What a failure is said to be of: `measuring`, `decoding`.
    progress : callable
        Gets the number of parts done and in all.

    Returns
    -------
    list of Path
        All parts, in the order of the rows.

    Raises
    ------
    ForensicsError
        A part could not be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_remnants(folder)
    groups = [tuple(rows[start : start + files]) for start in range(0, len(rows), files)]
    outs = [folder / f"part-{index:05d}.npz" for index in range(len(groups))]
    todo = [task(group, out) for group, out in zip(groups, outs, strict=True) if not out.exists()]
    run_all(
        work,
        todo,
        jobs,
        failure=lambda entry: f"{doing} {entry.out.name} failed",
        done=len(groups) - len(todo),
        progress=progress,
    )
    return outs


def columns(paths: Iterable[Path], names: Iterable[str]) -> dict[str, np.ndarray]:
    """The named arrays of several parts, one part after the other; empty where there is no part."""
    found: dict[str, list[Any]] = {name: [] for name in names}
    for path in paths:
        with np.load(path, allow_pickle=False) as part:
            for name, values in found.items():
                values.append(part[name])
    return {name: np.concatenate(values) if values else np.empty(0) for name, values in found.items()}
