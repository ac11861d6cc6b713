"""Analyses as JSON, under a schema with a version; `README.md` next to this file documents every field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from forensics.results.analysis import Analysis
from forensics.results.failure import Failure

SCHEMA_VERSION = 2
"""Raised when a field is removed or changes its meaning; new fields do not raise it."""


def entry(result: Analysis | Failure) -> dict[str, Any]:
    """One picture's JSON-ready object; `status` says whether it is an analysis (`ok`) or a failure (`error`).

    Examples
    --------
    >>> import forensics
    >>> from forensics.report.json_report import entry
    >>> picture = entry(forensics.analyze("examples/jpeg.png"))
    >>> picture["status"], picture["verdict"]
    ('ok', 'jpeg')
    """
    if isinstance(result, Failure):
        return {"status": "error", "name": result.name, "error": result.error}
    return {"status": "ok", **_finite(result.to_dict())}


def render_head() -> str:
    """What comes before the first entry."""
    return f'{{\n"schema_version": {SCHEMA_VERSION},\n"pictures": ['


def render_entry(result: Analysis | Failure, first: bool) -> str:
    """One entry with the separator before it, so that a long batch can be written as it goes."""
    return ("\n" if first else ",\n") + json.dumps(entry(result), ensure_ascii=False, allow_nan=False)


def render_tail() -> str:
    """What comes after the last entry."""
    return "\n]\n}\n"


def render(results: Iterable[Analysis | Failure]) -> str:
    """The whole document.

    Examples
    --------
    >>> import json, forensics
    >>> from forensics.report import json_report
    >>> json.loads(json_report.render([forensics.analyze("examples/webp.png")]))["schema_version"]
    2
    """
    entries = "".join(render_entry(result, i == 0) for i, result in enumerate(results))
    return render_head() + entries + render_tail()


def _finite(value: Any) -> Any:
    """The same value with NaN and infinities as null, tuples as lists, and NumPy scalars as Python's."""
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
