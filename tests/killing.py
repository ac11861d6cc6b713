"""Kill a command at random moments, and see that nothing is left behind and that it comes to the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM, "INT": signal.SIGINT}
GRACE = 20.0
"""Seconds in which everything that a killed command started must have ended, on a busy machine."""
MARK = "FORENSICS_TEST_MARK"


def _heed_interrupts() -> None:
    """Undo that a shell lets what it starts in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run:
    """One run of a command, in a session of its own, whose every descendant can be found by a mark in its
    environment.
    """

    def __init__(self, arguments: Sequence[object], folder: Path) -> None:
        self.mark = uuid.uuid4().hex
        command = [sys.executable, "-m", "forensics", *map(str, arguments)]
        environment = {**os.environ, MARK: self.mark}
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heed_interrupts,
        )

    def kill_after(self, seconds: float, number: int) -> tuple[int, str]:
        """Send a signal after a time, unless the command has ended; its exit code and standard error."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(number)
        return self.end()

    def end(self) -> tuple[int, str]:
        """Wait for the end, which must come by itself; then for that of all it started."""
        _, said = self.process.communicate(timeout=600 if self.process.returncode is None else GRACE)
        stop = time.monotonic() + GRACE
        while (left := self.descendants()) and time.monotonic() < stop:
            time.sleep(0.1)
        assert not left, f"left running: {left}"
        return self.process.returncode, said

    def descendants(self) -> dict[int, str]:
        """Processes that carry the mark, with their command lines."""
        wanted = f"{MARK}={self.mark}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.process.pid:
                continue
            try:
                if wanted in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found


def before_the_command(said: str) -> bool:
    """Whether a traceback is that of Ctrl-C while Python itself starts or imports the package, before a line of the
    command has run: nothing can be caught there.
    """
    return said.rstrip().endswith("KeyboardInterrupt") and ", in start\n" not in said


def kill_until_done(
    arguments: Sequence[object],
    folder: Path,
    number: int,
    times: int,
    *,
    longest: float,
    seed: int,
    whole: Callable[[], None],
    begin: Callable[[], None],
    done: Callable[[], None],
) -> int:
    """Kill a command `times` times at moments drawn from 0 to `longest` seconds, each time going on with the same
    command.

    `whole` checks what is on disk after every kill, `done` after a run that came to its end, after which `begin` clears
    the place for the next. Returns how many kills hit a command that was still running.
    """
    rng = np.random.default_rng(seed)
    begin()
    hit = 0
    while hit < times:
        code, said = Run(arguments, folder).kill_after(float(rng.uniform(0, longest)), number)
        assert "Traceback" not in said or before_the_command(said), said
        if code == 0:
            done()
            begin()
            continue
        hit += 1
        assert code in (-number, 128 + number) or (code == 1 and before_the_command(said)), (code, said)
        whole()
    code, said = Run(arguments, folder).end()
    assert code == 0, said
    done()
    return hit
