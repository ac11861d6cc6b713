"""What a report consists of, whatever form it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table of plain values."""

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure: `draw` is a function of `forensics_benchmarks.plots` with its data bound, and gives a matplotlib
    figure.
    """

    caption: str
    draw: Callable[[], Any]


@dataclass(frozen=True)
class Section:
    """A headed part of the report."""

    title: str
    sentences: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
