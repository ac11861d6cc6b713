"""Every example in a docstring runs and prints what it says, as a user at the root of the repository would see it."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {
    "forensics": ROOT / "forensics",
    "forensics_features": ROOT / "features" / "forensics_features",
    "forensics_models": ROOT / "models" / "forensics_models",
    "forensics_benchmarks": ROOT / "benchmarks" / "forensics_benchmarks",
}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
AT_LEAST = 30
"""Functions and classes with examples, the number that issue and documentation promise."""


def _modules() -> list[str]:
    found = []
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(folder).with_suffix("").parts
                found.append(".".join((package, *(part for part in parts if part != "__init__"))))
    return found


MODULES = _modules()


def _examples(module: str) -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for test in finder.find(importlib.import_module(module)) if test.examples]


@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_they_say(module: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    if any("sklearn" in example.source for test in _examples(module) for example in test.examples):
        pytest.importorskip("sklearn")
    for test in _examples(module):
        told: list[str] = []
        runner = doctest.DocTestRunner(optionflags=FLAGS)
        runner.run(test, out=told.append)
        assert not runner.failures, "".join(told)


def test_there_are_as_many_as_promised():
    assert sum(len(_examples(module)) for module in MODULES) >= AT_LEAST
