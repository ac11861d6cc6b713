"""What each process beyond the eight codecs is, as data and as text for a terminal."""

from __future__ import annotations

import textwrap
from typing import Any

from forensics.processes.base import Process

_WIDTH, _INDENT = 100, 4
"""Columns of the text, and of its indent."""


def describe(process: Process) -> dict[str, Any]:
    """One process as JSON-ready data."""
    return {
        "name": process.name,
        "title": process.title,
        "what": process.what,
        "made_by": process.made_by,
        "undecided": process.undecided,
        "family": process.family or None,
        "exact_test": process.exact is not None,
        "veto": process.veto,
    }


def as_text(process: Process) -> str:
    """One process as a paragraph for a terminal."""
    facts = [process.what, f"made by: {process.made_by}", f"undecided: {process.undecided}", _tested_by(process)]
    if process.family:
        facts.append(f"family: {process.family}")
    indent = " " * _INDENT
    lines = [textwrap.fill(line, _WIDTH, initial_indent=indent, subsequent_indent=2 * indent) for line in facts]
    return "\n".join([f"{process.name}  ({process.title})", *lines])


def _tested_by(process: Process) -> str:
    if process.exact is None:
        return "identified by: the models"
    heard = "which overrules the models" if process.veto else "where the models are not certain"
    return f"identified by: an exact test, {heard}"
