"""Files that appear when they are complete: written under another name in the same folder, then renamed.

A reader never sees half a file, and an interrupted run leaves the old one. `forensics` and the benchmarks write by the same functions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def partial_path(path: Path) -> Path:
    """Where this process writes a file before it takes its place: hidden, beside it, with the same suffix."""
    return path.with_name(f".part-{os.getpid()}-{path.name}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; what stands there takes the place of `path` at the end, and is removed where the body fails.

    Raises
    ------
    OSError
        Nothing was written, or it cannot be renamed.
    """
    partial = partial_path(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_remnants(folder: Path) -> None:
    """Remove what processes that are no longer there left half written in a folder."""
    for path in folder.glob(".part-*-*"):
        number = path.name.split("-")[1]
        if number.isdigit() and not _runs(int(number)):
            path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that holds `data` or is not there; raises `OSError` where the folder cannot be written."""
    with replacing(path) as partial:
        partial.write_bytes(data)
