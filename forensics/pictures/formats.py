"""The registry of further containers: each is one file in `containers/`, found by content and loaded when a file may be
its.

To add one: a module with a `FORMAT`, and its name in `_MODULES`, those with a clear signature before those recognised
by plausible header fields.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from forensics.pictures.format import Format

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
