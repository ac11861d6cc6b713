"""A Dask scheduler and its workers as processes of their own, over TCP on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0
"""Seconds in which scheduler and workers must be there, on a busy machine."""


@contextmanager
def running(folder: Path, workers: int = 2) -> Iterator[Running]:
    """Start a scheduler and workers, and end them with all that they started."""
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, "start_new_session": True}
    # Scheduler and workers unpickle functions of the tests.
    path = os.pathsep.join((str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])))
    environment = {**os.environ, "DASK_TEMPORARY_DIRECTORY": str(folder), "PYTHONPATH": path}
    dask = [sys.executable, "-m", "dask"]
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    started: list[subprocess.Popen] = []
    try:
        scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", *common]
        started.append(subprocess.Popen(scheduler, env=environment, **quiet))
        _wait_for(file.exists)
        for _ in range(workers):
            started.append(subprocess.Popen([*dask, "worker", "--nthreads", "1", *common], env=environment, **quiet))
        yield Running(json.loads(file.read_text())["address"], folder)
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


class Running:
    """A cluster that runs: its address, and its worker processes as the scheduler knows them."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address

    def wait_for(self, workers: int) -> None:
        """Wait until so many workers are there."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=PATIENCE)

    def processes(self) -> list[int]:
        """Ids of the worker processes."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return list(client.run(os.getpid).values())


def _wait_for(there: object) -> None:
    stop = time.monotonic() + PATIENCE
    while not there():  # type: ignore[operator]
        assert time.monotonic() < stop, "the scheduler did not start"
        time.sleep(0.1)
