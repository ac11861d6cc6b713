"""The language of `--fail-if`: what a row must not be.

    rule        = alternative { "or" alternative }
    alternative = condition { "and" condition }
    condition   = "not" condition | "(" rule ")" | comparison | word
    comparison  = field operator value | field "in" "(" value { "," value } ")" | field "like" pattern
    operator    = "<" | "<=" | ">" | ">=" | "=" | "!="
    word        = "lossy" | "unreadable" | "inconclusive" | "uncompressed" | "no-content" | a process or family, such
    as "jpeg"
                | "container" ( "agrees" | "disagrees" | "lossy" | "lossless" )

Fields are columns of the table (`NUMBERS`, `TEXTS`) and `pixels`. A number may end in `%`. A text is a bare word or
stands in quotes; `like` takes `*` and `?`. What a row does not say is unknown, as in SQL: an unreadable picture is
neither lossy nor not lossy, an inconclusive one neither, and a rule is broken only where it holds for certain. So
`inconclusive` and `unreadable` break no rule that does not name them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from forensics_models.classes import OPEN_VERDICTS, allowed_by, members_of

from forensics.errors import UsageError
from forensics.results.wording import TITLES

NUMBERS = (
    "probability", "compressed", "ratio", "ssim", "quality", "container_quality", "width", "height", "bytes",
    "bit_depth", "strange", "windows", "afterwards_probability", "pixels",
)  # fmt: skip
"""Fields that are compared as numbers."""
TEXTS = ("verdict", "best", "format", "agreement", "afterwards", "label", "source", "name", "error_kind", "sha256")
"""Fields that are compared as texts."""
WITH_HISTORY = ("quality",)
"""Fields that a table has only where the history was recovered."""
_UNCOMPRESSED = "uncompressed"
_VERDICTS = tuple(TITLES)
_CONTAINER: Mapping[str, tuple[str, Any]] = {
    "agrees": ("agreement", "agree"),
    "disagrees": ("agreement", "disagree"),
    "lossy": ("container_lossy", True),
    "lossless": ("container_lossy", False),
}
_KEYWORDS = ("and", "or", "not", "in", "like", "container", "lossy", "unreadable")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?%?|\.\d+%?)|(?P<word>[A-Za-z_][\w-]*)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign><=|>=|!=|==|[<>=(),]))"
)
_DEEPEST = 100
"""Deepest nesting of a rule: a bound on recursion."""
_LONGEST_TOLD = 100
"""Characters of a rule that a message repeats: a bound on text."""

Truth = bool | None
Condition = Callable[[Mapping[str, Any]], Truth]
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


@dataclass(frozen=True)
class Rule:
    """A rule that was read.

    Attributes
    ----------
    text : str
        As it was stated.
    columns : frozenset of str
        Columns that it reads.
    condition : callable
        True, False or None (unknown) for a row.
    """

    text: str
    columns: frozenset[str]
    condition: Condition

    def broken(self, row: Mapping[str, Any]) -> bool:
        """Whether a row breaks it, for certain."""
        return self.condition(row) is True

    @property
    def needs_history(self) -> bool:
        """Whether it reads what only a recovered history gives."""
        return bool(self.columns & set(WITH_HISTORY))


def parse(text: str) -> Rule:
    """Read a rule; raises `UsageError` with one line that says what is wrong with it."""
    reader = _Reader(text)
    condition = reader.rule(0)
    if reader.next.kind != "end":
        raise reader.wrong(f"'and' or 'or' is missing before {reader.next.text!r}")
    return Rule(text, frozenset(reader.columns), condition)


class _Token(NamedTuple):
    kind: str
    text: str


class _Reader:
    """Recursive descent over the tokens of one rule."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.columns: set[str] = set()
        self._tokens = self._split()
        self._at = 0

    @property
    def next(self) -> _Token:
        """The token that is read next."""
        return self._tokens[self._at]

    def wrong(self, reason: str) -> UsageError:
        """The error of this rule."""
        shown = self.text if len(self.text) <= _LONGEST_TOLD else f"{self.text[:_LONGEST_TOLD]}..."
        return UsageError(f"the rule {shown!r} cannot be read: {reason}")

    def _split(self) -> list[_Token]:
        found, at = [], 0
        while self.text[at:].strip():
            match = _TOKEN.match(self.text, at)
            if match is None:
                raise self.wrong(f"nothing here begins with {self.text[at:].strip()[0]!r}")
            assert match.lastgroup is not None
            found.append(_Token(match.lastgroup, match[match.lastgroup]))
            at = match.end()
        return [*found, _Token("end", "")]

    def _take(self) -> _Token:
        token = self.next
        if token.kind != "end":
            self._at += 1
        return token

    def _taken(self, *texts: str) -> bool:
        if self.next.kind in ("word", "sign") and self.next.text in texts:
            self._at += 1
            return True
        return False

    def rule(self, depth: int) -> Condition:
        """A whole rule, or one within parentheses."""
        found = [self._alternative(depth)]
        while self._taken("or"):
            found.append(self._alternative(depth))
        return found[0] if len(found) == 1 else lambda row: _any(part(row) for part in found)

    def _alternative(self, depth: int) -> Condition:
        found = [self._condition(depth)]
        while self._taken("and"):
            found.append(self._condition(depth))
        return found[0] if len(found) == 1 else lambda row: _not(_any(_not(part(row)) for part in found))

    def _condition(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise self.wrong(f"it is nested more than {_DEEPEST} deep")
        if self._taken("not"):
            negated = self._condition(depth + 1)
            return lambda row: _not(negated(row))
        if self._taken("("):
            inner = self.rule(depth + 1)
            if not self._taken(")"):
                raise self.wrong("a ')' is missing")
            return inner
        token = self._take()
        if token.kind == "end":
            raise self.wrong("a condition is missing at its end")
        if token.kind != "word" or token.text in ("and", "or", "in", "like"):
            raise self.wrong(f"a condition cannot begin with {token.text!r}")
        if token.text in NUMBERS or token.text in TEXTS:
            return self._comparison(token.text)
        return self._word(token.text)

    def _word(self, word: str) -> Condition:
        if word == "container":
            said = self._take().text
            if said not in _CONTAINER:
                raise self.wrong(f"'container' is followed by {_listed(_CONTAINER)}, not {said!r}")
            column, value = _CONTAINER[said]
            self.columns.add(column)
            return lambda row: None if row.get(column) is None else row[column] == value
        if word == "unreadable":
            self.columns.add("error_kind")
            return lambda row: row.get("error_kind") is not None
        self.columns.add("verdict")
        if word == "lossy":
            return _lossy
        if word not in _VERDICTS:
            raise self.wrong(f"{word!r} is no field, verdict or process{_nearest(word)}")
        return lambda row: _is(word, row.get("verdict"))

    def _comparison(self, field: str) -> Condition:
        number = field in NUMBERS
        self.columns |= {"width", "height"} if field == "pixels" else {field}
        if self._taken("in"):
            values = self._values(field)
            return lambda row: None if (value := _value(row, field)) is None else value in values
        if self._taken("like"):
            if number:
                raise self.wrong(f"{field!r} is a number, which 'like' does not compare")
            pattern = self._value(field)
            return lambda row: None if row.get(field) is None else fnmatchcase(row[field], str(pattern))
        sign = self._take().text.replace("==", "=")
        if sign not in _COMPARED:
            raise self.wrong(f"{field!r} is followed by {_listed((*_COMPARED, 'in', 'like'))}")
        if not number and sign not in ("=", "!="):
            raise self.wrong(f"{field!r} is a text, which {sign!r} does not compare")
        compared, wanted = _COMPARED[sign], self._value(field)
        return lambda row: None if (value := _value(row, field)) is None else compared(value, wanted)

    def _values(self, field: str) -> tuple[Any, ...]:
        if not self._taken("("):
            raise self.wrong("'in' is followed by values within parentheses")
        found = [self._value(field)]
        while self._taken(","):
            found.append(self._value(field))
        if not self._taken(")"):
            raise self.wrong("a ')' is missing")
        return tuple(found)

    def _value(self, field: str) -> float | str:
        token = self._take()
        if field in NUMBERS:
            if token.kind != "number":
                raise self.wrong(f"{field!r} is compared with a number, not {token.text!r}")
            return float(token.text.rstrip("%")) / (100 if token.text.endswith("%") else 1)
        if token.kind not in ("word", "text"):
            raise self.wrong(f"{field!r} is compared with a text, not {token.text!r}")
        return token.text.strip("'\"") if token.kind == "text" else token.text


def _value(row: Mapping[str, Any], field: str) -> Any:
    if field == "pixels":
        width, height = row.get("width"), row.get("height")
        return None if width is None or height is None else width * height
    return row.get(field)


def _lossy(row: Mapping[str, Any]) -> Truth:
    verdict = row.get("verdict")
    return None if verdict is None or verdict in OPEN_VERDICTS else verdict != _UNCOMPRESSED


def _is(word: str, verdict: str | None) -> Truth:
    """Whether a verdict is what a word says; a family, and `other-lossy`, leaves open which of its members it is."""
    if verdict is None or word == verdict:
        return None if verdict is None else True
    if verdict in members_of(word):
        return True
    if verdict in OPEN_VERDICTS and word not in OPEN_VERDICTS:
        return None
    return None if word in allowed_by(verdict) and verdict != "jpeg" else False


def _any(parts: Any) -> Truth:
    """Kleene's disjunction."""
    unknown = False
    for part in parts:
        if part:
            return True
        unknown |= part is None
    return None if unknown else False


def _not(part: Truth) -> Truth:
    return None if part is None else not part


def _listed(words: Any) -> str:
    return ", ".join(repr(word) for word in words)


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word, (*NUMBERS, *TEXTS, *_VERDICTS, *_KEYWORDS), 1)
    return f"; {near[0]!r} is one" if near else ""
