"""A part of the history that fails costs its own part and leaves a note."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from forensics.errors import ForensicsError

T = TypeVar("T")
Noted = tuple[T, tuple[str, ...]]
"""A result, and what a reader should know of it."""


def guarded(work: Callable[[], T], instead: T, title: str) -> Noted[T]:
    """The result of some work, or `instead` and a note that says why."""
    try:
        return work(), ()
    except ForensicsError as error:
        return instead, (f"{title} could not be run: {error}",)
    except Exception as error:  # one recovery must not cost the report
        return instead, (f"{title} failed, please report it: {type(error).__name__}: {error}",)
