"""What a command may write: every output is checked against the inputs, and for being writable, before any work is
done.

The rules are those of every command:

- No output replaces an input, `--force` or not. Files are distinguished by what they are (device and inode), so links,
  hard links, `./` before a name and the case of letters make no difference; of files that are not there, by their
  absolute path.
- An existing picture is replaced only with `--force`: a shell's pattern after `--out` must not cost a picture.
- A link's target is replaced and not the link; a device, a named pipe or an open descriptor is written to as it stands.
- What cannot be written is said at once, and not after the work.
"""

from __future__ import annotations

import mimetypes
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from forensics_models.storage import followed, is_special, partial_path, remove_remnants

from forensics.errors import PictureError, UsageError
from forensics.inputs import STANDARD_INPUT

Identity = tuple[int, int] | str
_SIGNATURE_BYTES = 4096
"""Bytes of a file's head in which every signature that is known lies."""


class Destinations:
    """Checks outputs against the inputs of one command.

    Parameters
    ----------
    inputs : iterable of str or Path
        Files that are read; `-` is what standard input is connected to.
    force : bool
        Whether an existing picture may be replaced.
    """

    def __init__(self, inputs: Iterable[str | Path] = (), *, force: bool = False) -> None:
        self._inputs = {identity(path): path for path in inputs}
        self._force = force
        self._taken: dict[Identity, Path] = {}

    def file(self, path: Path | None, *, make_folder: bool = False) -> None:
        """Raise `UsageError` unless a file can be written without harm; None is no output.

        With `make_folder` the folders above it need not be there yet.
        """
        if path is None:
            return
        _no_dash(path)
        with _one_line(path):
            if is_special(path):
                self._special(path)
                return
            target = followed(path)
            if target.is_dir():
                raise UsageError(f"{str(path)!r} is a folder, not a file to write")
            self.harmless(path)
            self._once(path)
            _check_folder(target.parent, make_folder)
            if target.parent.is_dir():
                _probe(target)

    def folder(self, path: Path | None, names: Iterable[str] = ()) -> None:
        """Raise `UsageError` unless a folder can be made and written into, and the files of those names in it without
        harm.
        """
        if path is None:
            return
        _no_dash(path)
        with _one_line(path):
            if path.exists() and not path.is_dir():
                raise UsageError(f"{str(path)!r} is a file, not a folder to write into")
            _check_folder(path, make=True)
            for name in names:
                self.harmless(path / name)

    def pictures_in(self, folder: Path, names: Sequence[str]) -> None:
        """As `harmless` for the files of a folder that match one of some patterns, where the folder is there."""
        if folder.is_dir():
            for name in names:
                for path in sorted(folder.glob(name)):
                    self.harmless(path)

    def harmless(self, path: Path) -> None:
        """Raise `UsageError` where a file is an input, or an existing picture that may not be replaced."""
        given = self._inputs.get(identity(path))
        if given is not None:
            same = "" if str(given) == str(path) else f" (as {str(given)!r})"
            raise UsageError(f"{str(path)!r} is an input{same}: no output replaces an input")
        if not self._force and holds_picture(path):
            raise UsageError(f"{str(path)!r} is a picture that exists; --force replaces it")

    def _once(self, path: Path) -> None:
        other = self._taken.setdefault(identity(path), path)
        if other is not path:
            raise UsageError(f"two outputs are to be the same file: {str(other)!r} and {str(path)!r}")

    def _special(self, path: Path) -> None:
        if not os.access(path, os.W_OK):
            raise UsageError(f"cannot write {str(path)!r}: Permission denied")


def identity(path: str | Path) -> Identity:
    """What a file is, whatever it is called: device and inode with links followed; its absolute path where there is
    none.
    """
    try:
        status = os.fstat(0) if str(path) == STANDARD_INPUT else os.stat(path)
    except (OSError, ValueError):
        return os.path.realpath(path) if "\0" not in str(path) else str(path)
    return status.st_dev, status.st_ino


def holds_picture(path: Path) -> bool:
    """Whether a file is there and a picture by its content or by its name."""
    from forensics.pictures import container

    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
    except OSError:
        return False
    if (mimetypes.guess_type(path.name)[0] or "").startswith("image/"):
        return True
    try:
        with path.open("rb") as stream:
            container.sniff(stream.read(_SIGNATURE_BYTES))
    except (OSError, PictureError):
        return False
    return True


def _no_dash(path: Path) -> None:
    """Raise for what is meant as standard output where that is not written to, and would be a file of that name."""
    if str(path) == "-":
        raise UsageError("'-' is not standard output here: name a file or a folder")


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    except (RuntimeError, ValueError):  # links that lead to each other; a null byte
        raise UsageError(f"cannot write {str(path)!r}: its links lead nowhere") from None


@contextmanager
def write_errors(path: Path | None) -> Iterator[None]:
    """One line where a file, or standard output where there is none, cannot be written; a reader that has gone is
    another matter.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "standard output" if path is None else repr(str(path))
        raise UsageError(f"cannot write {where}: {error.strerror or error}") from None


def _check_folder(folder: Path, make: bool) -> None:
    """Raise where a folder is not there and will not be made, or nothing can be written into it or made above it."""
    above = folder
    while make and not above.exists() and above != above.parent:
        above = above.parent
    if not above.is_dir():
        raise UsageError(f"cannot write into {str(folder)!r}: there is no folder {str(above)!r}")
    remove_remnants(above)
    _probe(above / "probe")


def _probe(target: Path) -> None:
    """Make and remove a file next to `target`; raises `OSError` where that fails."""
    probe = partial_path(target)
    probe.touch()
    probe.unlink()
