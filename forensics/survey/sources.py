"""What a survey's sources hold, one picture after another: nothing here grows with their number.

A source is a folder (with those below it), a pattern, a ZIP or TAR archive, `@LIST` (a file with a source a line), one
picture, or an address that fsspec opens (`s3://bucket/folder`, `https://...`, `memory://...`). Archives within folders
are gone through too, by their suffix; archives within archives are not. Folders are listed in the file system's own
order.

Every picture has a name that stays the same from run to run, and a stamp that changes with its content: size and times
of a file, the checksum in a ZIP archive's directory, place in a TAR archive and the archive's own stamp, an entity tag
or the like of a remote object.
"""

from __future__ import annotations

import glob
import os
import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO

from forensics.errors import PictureError, UsageError, install_extra
from forensics.inputs import FOLDER, LINKED_FOLDER, NO_PICTURE, SPECIAL, reason_to_skip
from forensics.pictures.container import sniff, suffixes
from forensics.results.wording import printable

ZIPS = (".zip",)
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
WITHIN = "!/"
"""Stands in a name between an archive and its member, as in Java's addresses of archives."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^:]+::")
_VERSIONS = (
    "ETag",
    "etag",
    "md5",
    "md5Hash",
    "content_md5",
    "generation",
    "LastModified",
    "last_modified",
    "mtime",
    "created",
)
_SIGNATURE_BYTES = 4096
"""Bytes of a file's head in which every signature that is known lies."""
_SHOWN = 3
"""Most files that are named for each reason: a bound on text."""

Payload = str | bytes | tuple[str, str]
"""What a worker opens: a path or address, a file's content, or an archive and the name of its member."""


@dataclass(frozen=True)
class Item:
    """One picture of a source.

    Attributes
    ----------
    name : str
        What opens it, the same in every run; a member of an archive as `archive!/member`.
    source : str
        The source as it was given.
    label : str or None
        The folder directly under the source that it lies in.
    stamp : str
        Changes with its content.
    payload : callable
        Gives what a worker opens; to be called before the next item is asked for.
    error : str
        Why it cannot be opened, where that is known from the listing.
    """

    name: str
    source: str
    label: str | None
    stamp: str
    payload: Callable[[], Payload]
    error: str = ""


@dataclass
class Passed:
    """What was passed over: counts by reason, and the first names; and the sources, as they were given, that hold no
    picture, patterns that match nothing among them.
    """

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[str]] = field(default_factory=dict)
    barren: list[str] = field(default_factory=list)

    def add(self, reason: str, name: str) -> None:
        """Count one."""
        self.counts[reason] += 1
        names = self.first.setdefault(reason, [])
        if len(names) < _SHOWN:
            names.append(printable(name))

    @property
    def unread(self) -> int:
        """Folders that could not be looked into."""
        return self.counts[FOLDER]

    def text(self) -> str:
        """One line; nothing where nothing was passed over."""
        parts = [
            f"{count} {reason} ({', '.join(self.first[reason])}{', ...' if count > _SHOWN else ''})"
            for reason, count in self.counts.most_common()
        ]
        return f"passed over {sum(self.counts.values())}: {'; '.join(parts)}. --all tries everything" if parts else ""


def listed(sources: Iterable[str], passed: Passed, *, every: bool = False, without: str = "") -> Iterator[Item]:
    """The pictures of some sources, one after another.

    Parameters
    ----------
    sources : iterable of str
    passed : Passed
        Gets what is no picture.
    every : bool
        Whether everything counts as a picture that is a file.
    without : str
        A folder that is passed over in silence: the table's own.

    Raises
    ------
    UsageError
        A list cannot be read, an address names a protocol that is not installed.
    """
    for source in sources:
        held = False
        for item in _listed(source, _Listing(source, passed, every, os.path.realpath(without) if without else "")):
            held = True
            yield item
        if not held:
            passed.barren.append(source)


@dataclass(frozen=True)
class _Listing:
    """How one source is gone through."""

    source: str
    passed: Passed
    every: bool
    without: str

    def label(self, parts: Sequence[str]) -> str | None:
        """The first of the folders between source and picture."""
        return parts[0] if parts else None


def _listed(given: str, how: _Listing) -> Iterator[Item]:
    if given.startswith("@") and not os.path.lexists(given):
        yield from _of_list(given[1:], how)
    elif is_address(given):
        yield from _of_address(given, how)
    elif _asked(os.path.isdir, given):
        yield from _of_folder(given, (), how)
    elif glob.has_magic(given) and not _asked(os.path.lexists, given):
        for path in glob.iglob(given, recursive=True):
            if not os.path.isdir(path):
                yield from _of_file(path, (), how)
    else:
        yield from _of_file(given, (), how)


def is_address(given: str) -> bool:
    """Whether fsspec is asked to open a source: it names a protocol."""
    return bool(_ADDRESS.match(given)) and not os.path.lexists(given)


def _asked(question: Callable[[str], bool], path: str) -> bool:
    try:
        return question(path)
    except (OSError, ValueError):
        return False


def _of_list(path: str, how: _Listing) -> Iterator[Item]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                if line.strip("\n"):
                    yield from _listed(line.strip("\n"), how)
    except OSError as error:
        raise UsageError(f"cannot read the list {path!r}: {error.strerror or error}") from None


def _of_folder(folder: str, parts: tuple[str, ...], how: _Listing) -> Iterator[Item]:
    """Depth first; one open folder a level is all that is held."""
    if how.without and os.path.realpath(folder) == how.without:
        return
    try:
        entries = os.scandir(folder)
    except OSError:
        how.passed.add(FOLDER, folder)
        return
    with entries:
        for entry in entries:
            if entry.name.startswith((".part-", ".unfinished-")):
                continue
            if _is_linked_folder(entry):
                how.passed.add(LINKED_FOLDER, entry.path)
            elif _is_folder(entry):
                yield from _of_folder(entry.path, (*parts, entry.name), how)
            else:
                yield from _of_entry(entry.path, parts, how)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        return False


def _of_entry(path: str, parts: tuple[str, ...], how: _Listing) -> Iterator[Item]:
    """A file of a folder, which is taken if it is a picture or an archive."""
    reason = "" if is_archive(path) or how.every else reason_to_skip(path)
    if reason:
        how.passed.add(reason, path)
    else:
        yield from _of_file(path, parts, how)


def _of_file(path: str, parts: tuple[str, ...], how: _Listing) -> Iterator[Item]:
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        yield Item(path, how.source, how.label(parts), "", lambda: path, reason)
        return
    stamp = f"{status.st_size}.{status.st_mtime_ns}.{status.st_ctime_ns}"
    if is_archive(path):
        yield from _of_archive(path, stamp, parts, how, lambda: open(path, "rb"))  # noqa: SIM115
    else:
        yield Item(path, how.source, how.label(parts), stamp, lambda: path)


def is_archive(name: str) -> bool:
    """Whether a name is that of an archive whose members are gone through."""
    return name.lower().endswith((*ZIPS, *TARS))


def _of_archive(
    name: str, stamp: str, parts: tuple[str, ...], how: _Listing, opener: Callable[[], BinaryIO]
) -> Iterator[Item]:
    """Members of an archive; what is wrong with it is an item of its own, behind those that could be read."""
    members = _of_zip if name.lower().endswith(ZIPS) else _of_tar
    try:
        with opener() as stream:
            yield from members(name, stamp, parts, how, stream)
    except (OSError, EOFError, ValueError, tarfile.TarError, zipfile.BadZipFile, NotImplementedError) as error:
        reason = f"the archive is damaged or cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
        yield Item(name, how.source, how.label(parts), stamp, lambda: name, reason)
    except Exception as error:  # zlib.error, lzma.LZMAError and others that share no root
        if type(error).__name__ not in ("error", "LZMAError"):
            raise
        reason = f"the archive is damaged: {error}"
        yield Item(name, how.source, how.label(parts), stamp, lambda: name, reason)


def _of_zip(name: str, stamp: str, parts: tuple[str, ...], how: _Listing, stream: BinaryIO) -> Iterator[Item]:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            if not how.every and not _is_picture(member.filename, partial(_head, archive, member)):
                how.passed.add(NO_PICTURE, f"{name}{WITHIN}{member.filename}")
                continue
            yield Item(
                f"{name}{WITHIN}{member.filename}",
                how.source,
                how.label((*parts, *PurePosixPath(member.filename).parts[:-1])),
                f"{member.file_size}.{member.CRC:08x}",
                partial(_pair, name, member.filename),
            )


def _check_end(archive: tarfile.TarFile, stream: BinaryIO) -> None:
    """Raise `tarfile.ReadError` where an archive does not end with a block of zeros: the module takes that for its
    end.
    """
    stream.seek(archive.offset)
    block = stream.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):
        raise tarfile.ReadError("it ends without its end mark, as one that was cut off")


def _pair(name: str, member: str) -> Payload:
    return name, member


def _rest(head: bytes, content: IO[bytes]) -> Payload:
    return head + content.read()


def _same(head: bytes, size: int) -> bytes:
    return head[:size]


def _head(archive: zipfile.ZipFile, member: zipfile.ZipInfo, size: int) -> bytes:
    try:
        with archive.open(member) as stream:
            return stream.read(size)
    except RuntimeError:  # encrypted: by its name it was no picture
        return b""


def _of_tar(name: str, stamp: str, parts: tuple[str, ...], how: _Listing, stream: BinaryIO) -> Iterator[Item]:
    plain = name.lower().endswith(".tar") and stream.seekable()
    with tarfile.open(fileobj=stream, mode="r:" if plain else "r|*") as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep every member it has seen
            if member.isdir():
                continue
            title = f"{name}{WITHIN}{member.name}"
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                how.passed.add(SPECIAL, title)
                continue
            head = b"" if _by_name(member.name) or how.every else content.read(_SIGNATURE_BYTES)
            if not how.every and not _is_picture(member.name, partial(_same, head)):
                how.passed.add(NO_PICTURE, title)
                continue
            yield Item(
                title,
                how.source,
                how.label((*parts, *PurePosixPath(member.name).parts[:-1])),
                f"{stamp}.{member.offset_data}.{member.size}",
                partial(_rest, head, content),
            )
        if plain:
            _check_end(archive, stream)


_PICTURES = frozenset(suffix for some in suffixes().values() for suffix in some) - {".pdf", ".npy", ".npz"} | {".tga"}


def _by_name(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _PICTURES


def _is_picture(name: str, head: Callable[[int], bytes]) -> bool:
    """Whether a member of an archive or a remote object is a picture, by its suffix or its first bytes."""
    if _by_name(name):
        return True
    try:
        return sniff(head(_SIGNATURE_BYTES)) not in ("pdf", "numpy")
    except PictureError:
        return False


def _of_address(given: str, how: _Listing) -> Iterator[Item]:
    with _one_line(given):
        system, path = file_system(given)
        if glob.has_magic(path):
            for one, facts in system.glob(path, detail=True).items():
                if facts.get("type") != "directory":
                    yield from _of_object(system, one, facts, (), how)
        elif not _by_name(path) and not is_archive(path) and system.isdir(path):
            for root, _, files in system.walk(path, detail=True, on_error="raise"):
                inner = root.removeprefix(path).strip("/")
                for name, facts in files.items():
                    if how.every or _by_name(name) or is_archive(name):
                        parts = tuple(inner.split("/")) if inner else ()
                        yield from _of_object(system, facts["name"], facts, parts, how)
                    else:
                        how.passed.add(NO_PICTURE, f"{root}/{name}")
        else:
            yield from _of_object(system, path, None, (), how)


def _of_object(
    system: Any, path: str, facts: Mapping[str, Any] | None, parts: tuple[str, ...], how: _Listing
) -> Iterator[Item]:
    name = system.unstrip_protocol(path)
    try:
        stamp = _version(facts) if facts is not None else ""
        if not stamp:
            facts = system.info(path)
            stamp = _version(facts) or str(facts.get("size") or "")
    except (OSError, ValueError) as error:
        yield Item(name, how.source, how.label(parts), "", lambda: name, f"cannot be read: {error}")
        return
    if is_archive(name):
        yield from _of_archive(name, stamp, parts, how, lambda: system.open(path, "rb"))
    elif "memory" in _protocols(system):  # of this process alone
        yield Item(name, how.source, how.label(parts), stamp, lambda: system.cat_file(path))
    else:
        yield Item(name, how.source, how.label(parts), stamp, lambda: name)


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


def _version(facts: Mapping[str, Any]) -> str:
    """What tells one state of a remote object from another; empty where the store says nothing of the kind."""
    versions = [str(facts[key]) for key in _VERSIONS if facts.get(key)]
    return ".".join([str(facts.get("size")), *versions]) if versions else ""


def file_system(address: str) -> tuple[Any, str]:
    """The file system of an address and the path in it; raises `UsageError` where it cannot be opened here."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError(f"{address!r} is an address, which needs fsspec: {install_extra('remote')}") from None
    with _one_line(address):
        return url_to_fs(address)


@contextmanager
def _one_line(address: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:  # fsspec names the package that is missing
        raise UsageError(f"{address!r} cannot be opened: {' '.join(str(error).split())}") from None
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{address!r} cannot be listed: {reason}") from None


def estimated(sources: Iterable[str], without: str = "") -> Iterator[int | None]:
    """Numbers of pictures as they are found by name alone, to be added up; None where there may be more than can be
    counted cheaply.
    """
    for source in sources:
        if is_address(source) or source.startswith("@"):
            yield None
        elif _asked(os.path.isdir, source):
            for folder, _, files in os.walk(source):
                if not without or not os.path.realpath(folder).startswith(os.path.realpath(without)):
                    yield from (_members(os.path.join(folder, name)) for name in files)
        elif glob.has_magic(source):
            yield from (_members(path) for path in glob.iglob(source, recursive=True))
        else:
            yield _members(source) if is_archive(source) else 1


def _members(path: str) -> int | None:
    if not is_archive(path):
        return int(_by_name(path))
    if not path.lower().endswith(ZIPS):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(_by_name(name) for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return 1
