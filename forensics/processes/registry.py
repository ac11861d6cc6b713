"""The processes beyond the eight codecs: those of this package, then those that other installed packages add.

Another package adds a process by an entry point of the group `GROUP` that names a `Process`:

    [options.entry_points]
    forensics.processes =
        my-process = my_package.my_process:PROCESS
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from forensics.errors import UsageError
from forensics.processes.base import Process

GROUP = "forensics.processes"
"""Entry point group in which other packages name theirs."""

_BUILT_IN = (
    "video_h264",
    "video_hevc",
    "video_mpeg2",
    "video_mpeg4",
    "video_vp8",
    "video_vp9",
    "video_av1",
    "video_mjpeg",
    "texture_bc",
    "texture_etc",
    "texture_astc",
    "palette",
    "wsq",
    "jpeg_ls_near",
    "webp_near_lossless",
    "lerc",
)
"""Modules of this folder, each with a `PROCESS`, in the order in which they are listed."""


@cache
def processes() -> dict[str, Process]:
    """All processes by name, in order: the built-in ones first.

    Raises `UsageError` where another package's entry point cannot be loaded, gives no `Process`, or takes a name that
    is taken.
    """
    found = {one.name: one for one in (import_module(f"{__package__}.{name}").PROCESS for name in _BUILT_IN)}
    for entry in entry_points(group=GROUP):
        added = _loaded(entry)
        if added.name in found:
            raise UsageError(f"the process {added.name!r} of {entry.value} is there already")
        found[added.name] = added
    return found


def _loaded(entry: EntryPoint) -> Process:
    try:
        added = entry.load()
    except Exception as error:  # whatever another package does wrong is reported in one line
        raise UsageError(f"the process {entry.value} cannot be loaded: {error}") from None
    if not isinstance(added, Process):
        raise UsageError(f"{entry.value} is no forensics.processes.Process")
    return added


def names() -> tuple[str, ...]:
    """Names of all processes, in order."""
    return tuple(processes())


def get(name: str) -> Process:
    """The process of that name; raises `UsageError` naming all there are."""
    if name not in processes():
        raise UsageError(f"there is no process {name!r}; there are {', '.join(processes())}")
    return processes()[name]
