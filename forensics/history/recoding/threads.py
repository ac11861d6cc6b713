"""Codings that do not wait for each other, in threads: encoders let go of Python's lock while they work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from forensics.windows.reading import cores, usual_threads

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


def each(function: Callable[[_Given], _Made], given: Sequence[_Given]) -> list[_Made]:
    """What a function makes of each value, in their order, in as many threads as the process may use cores; in a
    process of `--jobs`, which shares them with others, one after another.
    """
    count = min(cores(usual_threads()), len(given))
    if count <= 1:
        return [function(one) for one in given]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, given))
