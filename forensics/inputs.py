"""Which files a command's arguments name; what a folder holds besides them is counted, with the reason, and not passed
over in silence.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forensics.errors import PictureError, UsageError
from forensics.pictures.container import SUFFIXES, sniff
from forensics.results.wording import printable

STANDARD_INPUT = "-"
_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes) | {".tga"}
_OURS = (".part-", ".unfinished-")
_ASKED_FOR = ("pdf", "numpy")
"""Formats that hold pictures among other things: taken where they are named, passed over in a folder."""
_SIGNATURE_BYTES = 4096
"""Bytes of a file's head in which every signature that is known lies."""
_SHOWN = 3
"""Most files that are named for each reason: a bound on text."""

NO_PICTURE = "no picture by name or content"
NOWHERE = "a link that leads nowhere"
SPECIAL = "a pipe, socket or device"
LINKED_FOLDER = "a link to a folder"
UNREADABLE = "not readable"
FOLDER = "a folder that cannot be read"


@dataclass
class Skipped:
    """What was passed over, by reason."""

    paths: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, path: str) -> None:
        """Count one path."""
        self.paths.setdefault(reason, []).append(path)

    def take(self, other: Skipped) -> None:
        """Add what another passed over, by name."""
        for reason, paths in other.paths.items():
            for path in sorted(paths):
                self.add(reason, path)

    @property
    def unread_folders(self) -> int:
        """Folders that could not be looked into: what they hold is not known."""
        return len(self.paths.get(FOLDER, ()))

    def text(self) -> str:
        """One line with counts, reasons and the first names; nothing where nothing was passed over."""
        if not self.paths:
            return ""
        parts = []
        for reason, paths in sorted(self.paths.items(), key=lambda item: (-len(item[1]), item[0])):
            names = ", ".join(printable(path) for path in paths[:_SHOWN])
            parts.append(f"{len(paths)} {reason} ({names}{', ...' if len(paths) > _SHOWN else ''})")
        count = sum(map(len, self.paths.values()))
        return f"skipped {count} in folders: {'; '.join(parts)}. --all tries everything"


def expand(
    paths: Sequence[str], *, recursive: bool = False, every: bool = False, skipped: Skipped | None = None
) -> list[str]:
    """The inputs that arguments name, in the order given.

    Folders become their pictures by suffix or content, sorted by name (with `recursive`, those of the folders below as
    well); patterns become the files that match, sorted; `-` and other paths stay, even where no such file exists, so
    that the failure is reported, and so do folders without pictures and patterns without a match among other inputs.

    Parameters
    ----------
    paths : sequence of str
    recursive : bool
        Whether to go through the folders below a folder.
    every : bool
        Whether to take everything that a folder holds, and to follow links to folders.
    skipped : Skipped, optional
        Gets what a folder holds and is not taken.

    Raises
    ------
    UsageError
        No argument names a picture, a name is empty, or `-` stands there twice.
    """
    skipped = Skipped() if skipped is None else skipped
    inputs: list[str] = []
    barren: dict[str, str] = {}
    for given in paths:
        if not given:  # a variable of a shell that is not set; paths would take it for the folder that one is in
            raise UsageError("an empty name is no file")
        if given == STANDARD_INPUT:
            inputs.append(given)
        elif _is(given, os.path.isdir):
            found = _in_folder(given, recursive, every, reasons := Skipped())
            if not found:
                barren[given] = _nothing_in(given, recursive, reasons)
            skipped.take(reasons)
            inputs += found or [given]
        elif glob.has_magic(given) and not _is(given, os.path.exists):
            found = sorted(name for name in glob.glob(given, recursive=True) if not os.path.isdir(name))
            if not found:
                barren[given] = f"no file matches {given!r}"
            inputs += found or [given]
        else:
            inputs.append(given)
    if inputs.count(STANDARD_INPUT) > 1:
        raise UsageError("standard input (-) can be read once")
    if barren and all(name in barren for name in inputs):
        raise UsageError(next(iter(barren.values())))
    return inputs


def _is(path: str, asked: object) -> bool:
    try:
        return bool(asked(path))  # type: ignore[operator]
    except (OSError, ValueError):
        return False


def _in_folder(folder: str, recursive: bool, every: bool, skipped: Skipped) -> list[str]:
    return sorted(str(Path(path)) for path in _walk(folder, recursive, every, skipped, {os.path.realpath(folder)}))


def _nothing_in(folder: str, recursive: bool, skipped: Skipped) -> str:
    hint = "" if recursive else " (--recursive looks in the folders below it)"
    reasons = f"; {skipped.text()}" if skipped.paths else ""
    return f"the folder {folder!r} holds no picture file{hint}{reasons}"


def _walk(folder: str, recursive: bool, every: bool, skipped: Skipped, seen: set[str]) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError:
        skipped.add(FOLDER, folder)
        return
    for entry in listed:
        if entry.name.startswith(_OURS):
            continue
        if _is_folder(entry):
            if not recursive:
                continue
            real = os.path.realpath(entry.path)
            if entry.is_symlink() and (not every or real in seen):
                skipped.add(LINKED_FOLDER, entry.path)
                continue
            seen.add(real)
            yield from _walk(entry.path, recursive, every, skipped, seen)
        else:
            reason = "" if every else reason_to_skip(entry.path)
            if reason:
                skipped.add(reason, entry.path)
            else:
                yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def reason_to_skip(path: str) -> str:
    """Why an entry of a folder is no input; nothing where it is one."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return NOWHERE if os.path.islink(path) else UNREADABLE
    if not stat.S_ISREG(mode):
        return SPECIAL
    if os.path.splitext(path)[1].lower() in _SUFFIXES:
        return ""
    try:
        with open(path, "rb") as stream:
            form = sniff(stream.read(_SIGNATURE_BYTES))
    except PictureError:
        return NO_PICTURE
    except OSError:
        return UNREADABLE
    return NO_PICTURE if form in _ASKED_FOR else ""
