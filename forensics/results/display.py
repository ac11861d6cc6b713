"""How a notebook shows a result: `forensics` names the writer, so that results need not know of reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_writers: list[Callable[[Any], str]] = []


def register(writer: Callable[[Any], str]) -> None:
    """Name the function that turns a result into HTML; the last one named is asked."""
    _writers.append(writer)


def as_html(result: Any) -> str:
    """The result as HTML."""
    return _writers[-1](result)
