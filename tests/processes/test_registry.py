"""The registry of processes beyond the eight: order, names, what another package adds and does wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest
from forensics_models.classes import CLASSES

from forensics.errors import UsageError
from forensics.processes import Process, registry

OTHER = Process("other-process", "another process", "What it is.", "a package", "all")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry.processes.cache_clear()
    yield
    registry.processes.cache_clear()


def added(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    entry = EntryPoint("one", value, registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == registry.GROUP else [])


def test_names_are_unique_lower_case_and_no_codec() -> None:
    names = registry.names()
    assert len(set(names)) == len(names) >= 16
    assert not set(names) & set(CLASSES)
    assert all(name == name.lower() and "_" not in name for name in names)


@pytest.mark.parametrize("name", registry.names())
def test_every_process_says_what_it_is(name: str) -> None:
    one = registry.get(name)
    assert one.name == name
    assert all((one.title, one.what.endswith("."), one.made_by, one.undecided))
    assert one.exact is not None or not one.veto


def test_another_package_adds_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "another_package", SimpleNamespace(OTHER=OTHER))
    added(monkeypatch, "another_package:OTHER")
    assert registry.names()[-1] == "other-process"
    assert registry.get("other-process") is OTHER


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("json:no_such_thing", "cannot be loaded"),
        ("no_such_module_at_all:PROCESS", "cannot be loaded"),
        ("json:dumps", "is no forensics.processes.Process"),
        ("forensics.processes.wsq:PROCESS", "'wsq'.*there already"),
    ],
)
def test_what_another_package_does_wrong_is_one_line(value: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    added(monkeypatch, value)
    with pytest.raises(UsageError, match=message):
        registry.names()


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no process 'bc1'.*texture-bc"):
        registry.get("bc1")


def test_only_an_exact_test_can_veto() -> None:
    with pytest.raises(ValueError, match="only an exact test"):
        Process("a", "a", "A.", "a", "a", veto=True)
