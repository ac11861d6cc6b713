"""Rules applied to a table: which rows break which, how it is reported, and the policy file that states several."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TextIO

from forensics_models.storage import replacing

from forensics.errors import UsageError
from forensics.report.csv_report import text_cell
from forensics.results.wording import percent, printable
from forensics.survey.rules import Rule, parse

BROKEN = 3
"""Exit code of a command whose rules are broken (DESIGN: commands and exit codes)."""
REPORTED = ("name", "verdict", "probability", "quality", "agreement", "error_kind", "error")
"""Columns that are reported of an offender with its rule."""
_SHOWN = 20
"""Most offenders that are listed: a bound on text."""


@dataclass(frozen=True)
class Stated:
    """A rule with its name and the pictures that it holds for.

    Attributes
    ----------
    name : str
        What it is called; its text by default.
    rule : Rule
    only, without : tuple of str
        Patterns (`*`, `?`) of names that it holds for, all by default, and does not hold for.
    """

    name: str
    rule: Rule
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def broken(self, row: Mapping[str, Any]) -> bool:
        """Whether a row breaks it."""
        name = row["name"]
        if self.only and not any(fnmatchcase(name, pattern) for pattern in self.only):
            return False
        return not any(fnmatchcase(name, pattern) for pattern in self.without) and self.rule.broken(row)


def stated(rules: Sequence[str], policy: Path | None) -> tuple[Stated, ...]:
    """The rules of `--fail-if` and of a policy file; raises `UsageError` for one that cannot be read."""
    given = tuple(Stated(text, parse(text)) for text in rules)
    return given + (() if policy is None else read_policy(policy))


def read_policy(path: Path) -> tuple[Stated, ...]:
    """The rules of a policy file.

    A TOML file with a table `[[rule]]` a rule: `fail-if`, and where wanted `name`, `only` and `except` (patterns of
    names). Raises `UsageError`.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"the policy {str(path)!r} cannot be read: {reason}") from None
    rules = content.get("rule")
    if set(content) != {"rule"} or not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise UsageError(f"the policy {str(path)!r} holds something other than [[rule]] tables")
    return tuple(_from_toml(rule, path) for rule in rules)


def _from_toml(rule: Mapping[str, Any], path: Path) -> Stated:
    known = {"fail-if", "name", "only", "except"}
    if set(rule) - known or not isinstance(rule.get("fail-if"), str) or not isinstance(rule.get("name", ""), str):
        raise UsageError(
            f"a rule of {str(path)!r} takes the texts 'fail-if' and 'name', and the lists 'only' and 'except'"
        )
    patterns = [rule.get(key, []) for key in ("only", "except")]
    if not all(isinstance(some, list) and all(isinstance(one, str) for one in some) for some in patterns):
        raise UsageError(f"'only' and 'except' of {str(path)!r} are lists of patterns")
    return Stated(rule.get("name", rule["fail-if"]), parse(rule["fail-if"]), tuple(patterns[0]), tuple(patterns[1]))


def columns(rules: Iterable[Stated]) -> tuple[str, ...]:
    """Columns that the rules read and that offenders are reported by."""
    read = {column for one in rules for column in one.rule.columns}
    return tuple(dict.fromkeys((*REPORTED, *sorted(read))))


def check_history(rules: Iterable[Stated], history: bool) -> None:
    """Raise `UsageError` where a rule reads what was not recovered: it could never be broken."""
    for one in rules:
        if one.rule.needs_history and not history:
            raise UsageError(
                f"the rule {one.rule.text!r} reads the pixels' quality, which needs --history; "
                "container_quality is what the files' headers state"
            )


@dataclass
class Offenders:
    """Rows that break rules: all counted, the first kept, all written to a file where one is given."""

    rules: Sequence[Stated]
    counts: dict[str, int] = field(default_factory=dict)
    first: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    rows: int = 0

    def take(self, rows: Iterable[Mapping[str, Any]], stream: TextIO | None = None) -> None:
        """Apply the rules to rows; `stream` gets a CSV line a broken rule and row."""
        writer = None if stream is None else csv.writer(stream, lineterminator="\n")
        if writer is not None:
            writer.writerow(("rule", *REPORTED))
        for row in rows:
            self.rows += 1
            for one in self.rules:
                if one.broken(row):
                    self._note(one, row)
                    if writer is not None:
                        writer.writerow([text_cell(str(cell)) for cell in _cells(one, row)])

    @property
    def broken(self) -> bool:
        """Whether any rule is."""
        return bool(self.counts)

    def _note(self, one: Stated, row: Mapping[str, Any]) -> None:
        self.counts[one.name] = self.counts.get(one.name, 0) + 1
        if len(self.first) < _SHOWN:
            self.first.append((one.name, row))

    def text(self) -> str:
        """A table of the offenders, the first of them, and a count for each rule."""
        lines = [
            f"rule {printable(one.name)!r}: broken by {self.counts.get(one.name, 0)} of {self.rows} pictures"
            for one in self.rules
        ]
        for rule, row in self.first:
            lines.append(
                f"  {printable(row['name'])}: {_reported(row)}" + (f" [{rule}]" if len(self.rules) > 1 else "")
            )
        more = sum(self.counts.values()) - len(self.first)
        lines += [f"  and {more} more"] if more else []
        return "\n".join((*lines, ""))


def _cells(one: Stated, row: Mapping[str, Any]) -> list[object]:
    return [one.name, *("" if row.get(column) is None else printable(str(row[column])) for column in REPORTED)]


def _reported(row: Mapping[str, Any]) -> str:
    if row.get("error") is not None:
        return printable(row["error"])
    found = f"{row['verdict']}, probability {percent(row['probability'])}"
    found += "" if row.get("quality") is None else f", quality {row['quality']:g}"
    return found + (", the container disagrees" if row.get("agreement") == "disagree" else "")


def applied(rules: Sequence[Stated], rows: Iterable[Mapping[str, Any]], path: Path | None) -> Offenders:
    """Apply rules to rows; the offenders go to a CSV file where a path is given.

    Raises
    ------
    UsageError
        The file cannot be written.
    """
    found = Offenders(rules)
    if path is None:
        found.take(rows)
        return found
    try:
        with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
            found.take(rows, stream)
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    return found
