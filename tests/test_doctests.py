"""Every example in a docstring runs and prints what it says, as a user at the root of the repository would see it, who
has imported nothing before.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
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
PAGE = ROOT / "docs" / "reference" / "python.rst"
REFERENCE = re.findall(r"^\.\. auto(?:function|class):: (\S+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
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
    return [test for test in finder.find(importlib.import_module(module), globs={}) if test.examples]


@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_they_say(module: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    if any("sklearn" in example.source for test in _examples(module) for example in test.examples):
        pytest.importorskip("sklearn")
    for test in _examples(module):
        output: list[str] = []
        runner = doctest.DocTestRunner(optionflags=FLAGS)
        runner.run(test, out=output.append)
        assert not runner.failures, "".join(output)


def test_there_are_as_many_as_promised():
    assert sum(len(_examples(module)) for module in MODULES) >= AT_LEAST


@pytest.mark.parametrize("name", REFERENCE)
def test_every_name_of_the_reference_has_an_example(name: str):
    assert ">>> " in (inspect.getdoc(_named(name)) or "")


@pytest.mark.parametrize("package", ["forensics", "forensics_features"])
def test_every_public_name_is_in_the_reference(package: str):
    text = PAGE.read_text(encoding="utf-8")
    for name in importlib.import_module(package).__all__:
        assert name == "__version__" or re.search(rf":: {package}\.(\w+\.)*{name}$", text, re.MULTILINE), name


def _named(name: str) -> object:
    parts = name.split(".")
    found: object = importlib.import_module(parts[0])
    for count, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            importlib.import_module(".".join(parts[:count]))
        found = getattr(found, part)
    return found
