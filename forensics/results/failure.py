"""What stands in a report in the place of an input that could not be analysed."""

from __future__ import annotations

from typing import NamedTuple


class Failure(NamedTuple):
    """An input that failed, and the one line that says why."""

    name: str
    error: str
