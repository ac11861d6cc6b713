"""A process next to this one that shares the windows of a map.

Extractors hold Python's lock for a good part of their time, so that threads on two cores measure windows a third faster
than one alone; a second process nearly twice as fast. It is started while the picture is read and judged, and costs a
second of processor time for that.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forensics.executors import Died, Executor, Raised, executor

if TYPE_CHECKING:
    from forensics.windows.judges import Extractor

WORTH_BYTES = 1 << 18
"""Size of a file in bytes from which a process is started to share its map: a bound on work. The map of a smaller one
takes about as long as the start."""
AT_A_TIME = 4
"""Windows handed over together: 70 ms of work, the most that one process waits for the other in the end."""


@contextmanager
def helper(files: Sequence[str | Path]) -> Iterator[Executor | None]:
    """A process that shares the windows of pictures' maps, getting ready; None where it does not pay: on one core, or
    where no file is large.
    """
    if len(os.sched_getaffinity(0)) < 2 or not any(_bytes(file) >= WORTH_BYTES for file in files):
        yield None
        return
    with executor(1, apart=True) as found:
        yield found


def _bytes(file: str | Path) -> int:
    try:
        return os.stat(file).st_size
    except (OSError, ValueError):
        return 0


def measured(extractor: Extractor, pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Features of some windows; what the other process is asked for."""
    return np.asarray(extractor.transform(pieces))


def share(extractor: Extractor, pieces: Sequence[np.ndarray], other: Executor) -> np.ndarray:
    """Features of windows, measured by this process and another, whoever has nothing to do taking the next.

    What the other does not give, because it died or the extractor cannot be sent, is measured here.
    """
    waiting = deque(range(0, len(pieces), AT_A_TIME))
    rows: dict[int, np.ndarray] = {}
    sent: dict[Future[np.ndarray], int] = {}
    while waiting or sent:
        while waiting and len(sent) < other.ahead:
            at = waiting.popleft()
            sent[other.submit(measured, extractor, list(pieces[at : at + AT_A_TIME]))] = at
        if waiting:
            at = waiting.popleft()
            rows[at] = measured(extractor, pieces[at : at + AT_A_TIME])
        else:
            wait(sent, return_when=FIRST_COMPLETED)
        for future in [one for one in sent if one.done()]:
            at = sent.pop(future)
            try:
                rows[at] = future.result()
            except (Died, Raised):
                rows[at] = measured(extractor, pieces[at : at + AT_A_TIME])
    return np.concatenate([rows[at] for at in sorted(rows)])
