"""What a container format is to this package, and how one of several pictures in it is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from forensics.errors import PictureError
from forensics.pictures.samples import Samples
from forensics.pictures.stated import Stated


@dataclass(frozen=True)
class Format:
    """A container format.

    Attributes
    ----------
    name : str
        As the facts call it.
    suffixes : tuple of str
        File suffixes that fit, the usual one first.
    recognise : callable
        Whether a file's bytes are of this format.
    stated : callable
        From bytes and the number of the picture to what the header states; nothing is decoded.
    decode : callable
        From bytes and the number of the picture to `Samples`.
    """

    name: str
    suffixes: tuple[str, ...]
    recognise: Callable[[bytes], bool]
    stated: Callable[[bytes, str], Stated]
    decode: Callable[[bytes, str], Samples]


def chosen_number(which: str, count: int, default: int = 0) -> int:
    """The picture that `which` names, counted from 0; the default where it is empty.

    Raises `PictureError` for one that is not there.
    """
    if not which:
        return default
    if not which.isdigit() or int(which) >= count:
        raise PictureError(f"it holds {count} pictures, numbered from 0; there is no {which!r}")
    return int(which)


def only_one(which: str) -> None:
    """Refuse a choice of pictures for a format that holds one."""
    chosen_number(which, 1)
