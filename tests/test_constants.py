"""Every number that stands at the top of a module says what it is, with its source or what set it: a public one in a
text below it, one of the module's own there or in a comment. A text that says that nothing set it does not count.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("forensics", "features/forensics_features", "models/forensics_models", "benchmarks/forensics_benchmarks")
MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


NOTHING_SET_IT = re.compile(
    r"no record|\bguess|by hand\b|by eye|rule of thumb|empirical|arbitrar|heuristic|source unknown|unknown source"
    r"|\b(a|common|our|own) choice\b|\bchoices\b(?! of)|: chosen\b|by choice\b|not a measurement",
    re.I,
)
"""Words by which a text owns that no source, arithmetic or measurement is behind a number."""


def is_number(node: ast.expr | None) -> bool:
    """Whether an expression consists of numbers alone: a literal, a tuple or list of them, a sum or a product."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.UnaryOp(operand=operand):
            return is_number(operand)
        case ast.BinOp(left=left, right=right):
            return is_number(left) and is_number(right)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return bool(elements) and all(map(is_number, elements))
    return False


def mute(text: str) -> list[str]:
    """Numeric constants without a word; a text below a run of lines speaks for all public ones of the run."""
    body, lines = ast.parse(text).body, text.splitlines()
    found = []
    for index, node in enumerate(body):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not is_number(node.value):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [name for target in targets for name in assigned(target)]
        if is_text(body[index + 1] if index + 1 < len(body) else None):
            continue
        noted = any("#" in line for line in lines[max(0, node.lineno - 2) : node.end_lineno])
        spoken_for = is_text(after_the_run(body, index))
        found += [name for name in names if not (noted if name.startswith("_") else spoken_for)]
    return found


def assigned(target: ast.expr) -> list[str]:
    """Names that a target gives a value, not those whose elements it changes."""
    if isinstance(target, ast.Tuple | ast.List):
        return [name for part in target.elts for name in assigned(part)]
    return [target.id] if isinstance(target, ast.Name) else []


def after_the_run(body: list[ast.stmt], index: int) -> ast.stmt | None:
    """The statement below a run of assignments on lines that follow each other."""
    while index + 1 < len(body):
        below = body[index + 1]
        if not isinstance(below, ast.Assign) or below.lineno != (body[index].end_lineno or 0) + 1:
            return below
        index += 1
    return None


def is_text(node: ast.stmt | None) -> bool:
    """Whether a statement is a text alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def unfounded(text: str) -> list[str]:
    """Texts below assignments, and comments next to numbers, that own that nothing set the value."""
    body, lines = ast.parse(text).body, text.splitlines()
    found = []
    for node, below in zip(body, [*body[1:], None], strict=False):
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        said = [line.partition("#")[2] for line in lines[max(0, node.lineno - 2) : node.end_lineno]]
        if isinstance(below, ast.Expr) and is_text(below):
            said.append(ast.literal_eval(below.value))
        found += [one for one in (" ".join(part.split()) for part in said) if NOTHING_SET_IT.search(one)]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_numbers_say_what_they_are(path):
    text = path.read_text(encoding="utf-8")
    assert mute(text) == []
    assert unfounded(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LIMIT = 3", ["LIMIT"]),
        ("LIMIT = 3\n'Most of them.'", []),
        ("_LIMIT = 3", ["_LIMIT"]),
        ("_LIMIT = 3\n'Most of them.'", []),
        ("_LIMIT = 3  # most of them", []),
        ("LIMIT = 3  # most of them", ["LIMIT"]),
        ("_TABLE[1:] = 0", []),
        ("LOW, HIGH = 2.0, -3.0", ["LOW", "HIGH"]),
        ("LIMIT: float = 2**20", ["LIMIT"]),
        ("FIRST = 1\nSECOND = 2\n'Types of units.'", []),
        ("_FIRST = 1\n_SECOND = 2\n'Types of units.'", ["_FIRST"]),
        ("FIRST = 1\n\nSECOND = 2\n'Types of units.'", ["FIRST"]),
        ("ON = True\nNAME = 'x'", []),
    ],
)
def test_what_counts_as_mute(text, expected):
    assert mute(text) == expected


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("LIMIT = 3\n'Most of them; no record\\nof what set it.'", 1),
        ("_LIMIT = 3  # a rule of thumb", 1),
        ("SHARES = {'a': 0.5}\n'A guess at what people choose.'", 1),
        ("LIMIT = 3\n'Most of them: a choice.'", 1),
        ("LOW, HIGH = 1, 2\n'Ends of the range: choices.'", 1),
        ("LIMIT = 3\n'Tries, and choices of sets, until art counts as unreadable: a bound on work.'", 0),
        ("LIMIT = 3\n'Most of them: of 48 validation pictures none has more.'", 0),
        ("TEXT = 'no record'", 0),
    ],
)
def test_a_text_that_owns_that_nothing_set_a_number_does_not_count(text, count):
    assert len(unfounded(text)) == count
