"""What encoders do to the threads of the process that calls them, undone.

SVT-AV1, opened by root, gives the calling thread and all of its own the real-time policy SCHED_FIFO at priority 99 and
never takes it back: one process then holds a core against everything else on the machine, its own other threads among
it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_REAL_TIME = (os.SCHED_FIFO, os.SCHED_RR)


@contextlib.contextmanager
def ordinary_threads() -> Iterator[None]:
    """Threads of this process that are at a real-time policy afterwards are scheduled as this one was before.

    A process that was started at such a policy keeps it.
    """
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if policy not in _REAL_TIME:
            for thread in Path("/proc/self/task").iterdir():
                with contextlib.suppress(OSError):  # a thread that has ended
                    if os.sched_getscheduler(int(thread.name)) in _REAL_TIME:
                        os.sched_setscheduler(int(thread.name), policy, parameters)
