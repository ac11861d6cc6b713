"""The one way to be parallel: tasks run here, in processes of this machine, or on a cluster, behind one interface like
that of `concurrent.futures`.

`executor(jobs, scheduler)` gives the one that a command's options ask for. Every one of them

- takes a function of a module and its arguments with `submit`, and a generator function with `stream`, and gives a
  `concurrent.futures.Future`;
- survives a worker that dies, hangs or leaves: its task is done again, and after `TRIES` of them the future holds
  `Died`;
- says by `ahead` how many tasks are worth being under way, so that what feeds it does not run ahead of the work.

`Workers` and `run_all` of `forensics.executors.tasks` put a queue and events on top of one.
"""

from __future__ import annotations

from collections.abc import Callable

from forensics.executors.base import TRIES, Died, Executor, Here, Raised, noted
from forensics.executors.processes import Processes

__all__ = ["TRIES", "Died", "Executor", "Here", "Processes", "Raised", "executor", "noted"]


def executor(
    jobs: int = 1,
    scheduler: str | None = None,
    *,
    apart: bool = False,
    tries: int = TRIES,
    limit: float | None = None,
    note: Callable[[str], None] | None = None,
) -> Executor:
    """The executor that `--jobs` and `--scheduler` ask for; use as a context manager.

    Parameters
    ----------
    jobs : int
        Processes of this machine; 1 works in the calling one.
    scheduler : str, optional
        Address of a Dask scheduler (`tcp://host:8786`, `tls://...`), whose workers do the work.
    apart : bool
        Whether one job, too, is a process apart, whose death the caller outlives.
    tries : int
        How often a task is begun whose process dies.
    limit : float, optional
        Seconds after which a task that has not ended counts as one whose process died.
    note : callable, optional
        Gets a line where a task is tried again.

    Raises
    ------
    UsageError
        There is no scheduler at that address, or Dask is not installed.
    """
    if scheduler is not None:
        from forensics.executors.cluster import Cluster

        return Cluster(scheduler, limit=limit)
    if jobs == 1 and not apart:
        return Here()
    return Processes(jobs, tries=tries, limit=limit, note=note)
