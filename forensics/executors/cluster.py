"""A Dask cluster as an executor: the scheduler, its queue, its transport and its security are Dask's own.

Dask begins the tasks of a worker that died or left again elsewhere, and gives one up at which more workers died than
its scheduler allows (`distributed.scheduler.allowed-failures`, 3). TLS and time limits come from Dask's configuration
(`DASK_DISTRIBUTED__COMM__TLS__...`). Dask pickles what travels, so the scheduler and its workers must be one's own;
this package unpickles nothing itself.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from typing import Any

from forensics.errors import UsageError, install_extra
from forensics.executors.base import Died, Executor, Heard, Raised, described

_RECOUNT = 5.0
"""Seconds between two looks at how many workers a cluster has. A look takes 0.3 ms (mean of 50, a scheduler on the same
machine), one part in 15,000 of the time; a worker that joins waits so long at most."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), glibc."""
_KEPT_FREE, _MAPPED_FROM = 64 << 20, 32 << 20
"""Bytes: where glibc's own thresholds end that rise with use (M_MMAP_THRESHOLD, DEFAULT_MMAP_THRESHOLD_MAX and twice
that, mallopt(3)). Dask's nanny starts workers with 64 KiB (`MALLOC_TRIM_THRESHOLD_`), at which arrays are given back to
the kernel and asked for again all the time: of 40 pictures 5.2 s in the kernel for 8.3 s of judging, without 0.1 s.
"""


class Cluster(Executor):
    """The workers of a Dask scheduler.

    Parameters
    ----------
    address : str
        Of the scheduler, such as `tcp://10.0.0.1:8786`.
    limit : float, optional
        Seconds after which a task ends its worker process, which Dask counts as a death. Holds for workers with one
        thread (`--nthreads 1`).

    Raises
    ------
    UsageError
        No scheduler answers, or Dask is not installed.
    """

    def __init__(self, address: str, *, limit: float | None = None) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise UsageError(f"--scheduler needs Dask: {install_extra('cluster')}") from None
        try:
            self._client = Client(address, set_as_default=False, name="forensics")
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise UsageError(f"no Dask scheduler answers at {address!r}: {' '.join(str(error).split())}") from None
        self._limit = limit
        self._slots, self._counted = 1, float("-inf")

    @property
    def slots(self) -> int:
        """Threads of the workers that are there now, counted anew every few seconds; 1 while there is none."""
        if time.monotonic() - self._counted > _RECOUNT:
            self._slots, self._counted = max(1, sum(self._client.nthreads().values())), time.monotonic()
        return self._slots

    def submit(self, function: Callable[..., Any], /, *arguments: Any, name: str = "") -> Future[Any]:
        """As for every executor."""
        return self._begin(function, arguments, None)

    def stream(
        self, function: Callable[..., Iterable[Any]], /, *arguments: Any, heard: Heard, name: str = "", tries: int = 1
    ) -> Future[None]:
        """As for every executor; what is yielded is heard at the end of the task, once, however often it was begun."""
        return self._begin(function, arguments, heard)

    def prepare(self, module: str, function: str, /, *arguments: Any) -> None:
        """Nothing: the workers run already."""

    def shutdown(self) -> None:
        """Cancel what runs and leave the cluster, whose workers stay."""
        self._client.close()

    def _begin(self, function: Callable[..., Any], arguments: tuple[Any, ...], heard: Heard | None) -> Future[Any]:
        outer: Future[Any] = Future()
        outer.set_running_or_notify_cancel()
        inner = self._client.submit(_run, function, arguments, heard is not None, self._limit, pure=False)

        def ended(done: Any) -> None:
            try:
                fine, content = done.result()
            except Exception as error:  # Dask's own: KilledWorker, CancelledError, a lost connection
                outer.set_exception(Died(_how(error)))
                return
            finally:
                done.release()
            if not fine:
                outer.set_exception(Raised(content))
                return
            for item in content if heard is not None else ():
                heard(item)  # type: ignore[misc]
            outer.set_result(None if heard is not None else content)

        inner.add_done_callback(ended)
        return outer


def _run(
    function: Callable[..., Any], arguments: tuple[Any, ...], streamed: bool, limit: float | None
) -> tuple[bool, Any]:
    """On a worker: what the function returns, or all that it yields; or that it raised, in words."""
    _keep_freed_memory()
    alone = limit is not None and _threads_of_worker() == 1
    if alone:
        signal.setitimer(signal.ITIMER_REAL, limit)  # type: ignore[arg-type]
    try:
        found = function(*arguments)
        return True, list(found) if streamed else found
    except Exception as error:
        return False, described(error)
    finally:
        if alone:
            signal.setitimer(signal.ITIMER_REAL, 0)


@cache
def _keep_freed_memory() -> None:
    """Undo, once a worker, what Dask's nanny asks of glibc's allocator; nothing with another allocator."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)


def _how(error: Exception) -> str:
    """Dask's word for a task that it gave up, short where it is the usual one."""
    return (
        "several workers died at it" if type(error).__name__ == "KilledWorker" else " ".join(described(error).split())
    )


def _threads_of_worker() -> int:
    """Threads of the Dask worker that runs this; the alarm that ends it belongs to the whole process."""
    from distributed import get_worker

    try:
        return int(get_worker().state.nthreads)
    except (ValueError, AttributeError):
        return os.cpu_count() or 1
