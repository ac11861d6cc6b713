"""Functions that the tests of executors have run in other processes."""

from __future__ import annotations

import atexit
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path


def double(number: int) -> int:
    return 2 * number


def complain(text: str) -> None:
    raise ValueError(text)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_first(mark: str, times: int) -> str:
    """Die as long as fewer than so many lines stand in a file, then say how many stand there."""
    path = Path(mark)
    begun = path.read_text().count("\n") if path.exists() else 0
    with path.open("a") as stream:
        stream.write("begun\n")
    if begun < times:
        die()
    return f"after {begun}"


def hang_at_first(mark: str) -> str:
    path = Path(mark)
    if not path.exists():
        path.touch()
        time.sleep(600)
    return "back"


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def process() -> int:
    return os.getpid()


def parents() -> tuple[int, int]:
    """This process and the one that started it."""
    return os.getpid(), os.getppid()


def meet(meeting: str, number: int) -> tuple[int, int]:
    """Wait until so many processes have come."""
    Path(meeting, str(os.getpid())).touch()
    while len(list(Path(meeting).iterdir())) < number:
        time.sleep(0.01)
    return parents()


def count(number: int, seconds: float = 0.0) -> Iterator[int]:
    for index in range(number):
        yield index
        time.sleep(seconds)


def end_late(meeting: str, seconds: float) -> int:
    """Have this process take its time at its end; returns when as many as two have come."""
    atexit.register(time.sleep, seconds)
    Path(meeting, str(os.getpid())).touch()
    while len(list(Path(meeting).iterdir())) < 2:
        time.sleep(0.01)
    return os.getpid()
