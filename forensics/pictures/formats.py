"""The registry of further containers: each is one file in `containers/`, found by content and loaded when a file may be its.

To add one: a module with a `FORMAT`, and its name in `_MODULES`, those with a clear signature before those told by plausible header fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from forensics.errors import PictureError
from forensics.pictures.coded_headers import Stated
from forensics.pictures.samples import Samples


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


_MODULES = (
    "jpegls",
    "pam",
    "qoi",
    "sgi",
    "numpy_file",
    "dds",
    "ktx2",
    "wsq",
    "dicom",
    "pdf",
    "video",
    "ico",
    "pcx",
    "tga",
)


@cache
def all_formats() -> tuple[Format, ...]:
    """All further containers, in the order in which they are tried."""
    return tuple(import_module(f"forensics.pictures.containers.{name}").FORMAT for name in _MODULES)


def find(data: bytes) -> Format | None:
    """The format of a file, or None."""
    return next((form for form in all_formats() if form.recognise(data)), None)


def get(name: str) -> Format | None:
    """The format of that name, or None."""
    return next((form for form in all_formats() if form.name == name), None)


def suffixes() -> dict[str, tuple[str, ...]]:
    """Suffixes by format name."""
    return {form.name: form.suffixes for form in all_formats()}


def number(which: str, count: int, default: int = 0) -> int:
    """The picture that `which` names, counted from 0; the default where it is empty.

    Raises `PictureError` for one that is not there.
    """
    if not which:
        return default
    if not which.isdigit() or int(which) >= count:
        raise PictureError(f"it holds {count} pictures, numbered from 0; there is no {which!r}")
    return int(which)


def single(which: str) -> None:
    """Refuse a choice of pictures for a format that holds one."""
    number(which, 1)
