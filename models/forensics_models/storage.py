"""Files that appear when they are complete: written under another name in the same folder, then renamed.

A reader never sees half a file, and an interrupted run leaves the old one. Where the path is a link, the file that it
leads to is replaced, not the link; a device, a named pipe or a socket is written to as it stands. `forensics` and the
benchmarks write by the same functions.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LONGEST_NAME = 255
"""Bytes of a file name that Linux file systems allow (`NAME_MAX` of limits.h)."""
_PREFIX = ".part-"


def partial_path(path: Path) -> Path:
    """Where this process writes a file before it takes its place: hidden, next to it, with the same suffix, and never
    too long a name.
    """
    name = f"{_PREFIX}{os.getpid()}-{path.name}"
    if len(os.fsencode(name)) > LONGEST_NAME:
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
        name = f"{_PREFIX}{os.getpid()}-{digest}{path.suffix if len(path.suffix) < 16 else ''}"
    return path.with_name(name)


def is_special(path: Path) -> bool:
    """Whether a path, its links followed, is there and neither a file nor a folder: a device, a named pipe, a socket,
    an open descriptor.
    """
    if _descriptor(path) is not None:
        return True
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def open_special(path: Path) -> Any:
    """Open for writing bytes what `is_special`; a descriptor such as `/dev/stdout` is written to where it stands, and
    not truncated.
    """
    number = _descriptor(path)
    return path.open("wb") if number is None else os.fdopen(os.dup(number), "wb")


def _descriptor(path: Path) -> int | None:
    """The number of the open descriptor that a path such as `/dev/stdout` or `/dev/fd/1` stands for."""
    standard = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}.get(os.path.abspath(path))
    if standard is not None:
        return standard
    own = ("/proc/self/fd", f"/proc/{os.getpid()}/fd")
    inside = path.name.isdigit() and os.path.realpath(path.parent) in (*own, os.path.realpath(own[0]))
    return int(path.name) if inside else None


def followed(path: Path) -> Path:
    """The file that a path leads to: itself, or the target of a link, whether or not that is there.

    Raises `OSError` for links that lead to each other.
    """
    return path.resolve() if path.is_symlink() else path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; what stands there takes the place of `path` at the end, and is removed where the body fails.

    Permissions of a file that is replaced are kept. What `is_special` is given to the body as it is.

    Raises
    ------
    OSError
        Nothing was written, or it cannot be renamed.
    """
    if is_special(path):
        yield path
        return
    target = followed(path)
    partial = partial_path(target)
    try:
        yield partial
        take_place(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def take_place(partial: Path, target: Path) -> None:
    """Rename a finished file to its place, with the permissions of the file that was there."""
    with contextlib.suppress(OSError):
        os.chmod(partial, stat.S_IMODE(os.stat(target).st_mode))
    partial.replace(target)


def remove_remnants(folder: Path) -> None:
    """Remove what processes that are no longer there left half written in a folder."""
    for path in folder.glob(f"{_PREFIX}*-*"):
        number = path.name.split("-")[1]
        if number.isdigit() and not _runs(int(number)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not _has_ended(process)


def _has_ended(process: int) -> bool:
    """Whether a process that still has its number only waits to be fetched by its parent (Linux; else never known)."""
    try:
        state = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in (b"Z", b"X")


_LARGE = re.compile(r"[eE]\+?\d{3}|\d{309}")


def read_card(file: Path | Traversable) -> dict[str, Any]:
    """The JSON of a model; raises `ValueError` where a number in it is none (NaN, infinite), which would spoil every
    verdict.
    """
    text = file.read_text(encoding="utf-8")
    # Without large exponents and long numbers none is infinite, and a call for each of 17,000 takes longest of all.
    return json.loads(text, parse_constant=_no_number, parse_float=_finite if _LARGE.search(text) else None)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} stands in a model in the place of a number")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


_WORTH = 0.8
"""Share of its size down to which an array has to be compressed to be kept so: weights in half precision, which keep
0.92, take longer to inflate than anything else that a first verdict reads."""


def packed(arrays: Mapping[str, Any]) -> bytes:
    """The contents of an `.npz` file, arrays compressed where that is worth it; equal arrays give equal bytes."""
    import numpy as np  # which writing a table does not need

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            data = member.getvalue()
            kind = zipfile.ZIP_DEFLATED if len(zlib.compress(data)) <= _WORTH * len(data) else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data, kind)
    return stream.getvalue()


def unpacked(file: Path | Traversable, what: str) -> dict[str, np.ndarray]:
    """The arrays of a file that holds `packed`; objects that would be unpickled are never loaded.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It holds something else than `what`.
    """
    import numpy as np

    data = file.read_bytes()
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (KeyError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise ValueError(f"{file.name} holds no {what}: {error}") from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that holds `data` or is not there; raises `OSError` where the folder cannot be written."""
    if is_special(path):
        with open_special(path) as stream:
            stream.write(data)
        return
    with replacing(path) as partial:
        partial.write_bytes(data)
