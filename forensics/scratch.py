"""Folders for files that live for moments, handed to programs that read and write files only.

A process that is killed leaves its folder behind. The name of a folder says whose it is: the process, when that
process began, and the set of processes in which its number counts (containers that share `/tmp` have one each). The
first folder that a process makes removes those whose owner is gone.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_NAME = re.compile(r"forensics-(\d+)-(\d+)-(\d+)-\w+")
"""Set of processes, process, its beginning, and what makes the name one of a kind."""


@contextmanager
def scratch_folder(*, memory: bool = False) -> Iterator[str]:
    """The path of a new private folder, which is removed at the end.

    Parameters
    ----------
    memory : bool
        Take Linux's file system in memory where there is one, for small files that live for milliseconds.

    Raises
    ------
    OSError
        The folder cannot be made.
    """
    parent = "/dev/shm" if memory and os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
    _sweep_once(parent, os.getpid())
    prefix = f"forensics-{_processes()}-{os.getpid()}-{_beginning(os.getpid())}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as folder:
        yield folder


@cache
def _sweep_once(parent: str, process: int) -> None:
    sweep(Path(parent))


def sweep(parent: Path) -> list[Path]:
    """Remove the folders in `parent` whose owner, a process of this user and set, has ended; returns them."""
    removed = []
    with contextlib.suppress(OSError):
        for entry in os.scandir(parent):
            named = _NAME.fullmatch(entry.name)
            if named is None or not _is_own_folder(entry):
                continue
            processes, process, beginning = map(int, named.groups())
            if processes == _processes() and _beginning(process) != beginning:
                shutil.rmtree(entry.path, ignore_errors=True)
                removed.append(Path(entry.path))
    return removed


def _is_own_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()
    except OSError:
        return False


@cache
def _processes() -> int:
    """Number of the set of processes (PID namespace) that this one belongs to; 0 where there are no such sets."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _beginning(process: int) -> int:
    """When a process began, in clock ticks since the machine started (field 22 of proc_pid_stat(5)): a number that is
    given again belongs to another. 0 where there is no such process.
    """
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        state, *fields = text.rpartition(")")[2].split()
        return 0 if state in "ZX" else int(fields[18])
    except (OSError, IndexError, ValueError):
        return 0
