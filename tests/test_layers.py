"""The layers of the house: imports go down, never up, and never in a circle.

Every import counts, those inside functions and under `TYPE_CHECKING` too, and so does a string that names a module, as
`import_module` takes it. A room is a folder or a file right below `forensics`, or one of the three packages it stands
on and is measured by. Below the room a second look takes the folders within a room (`forensics.history.jpeg`) as rooms
of their own.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "forensics": ROOT,
    "forensics_features": ROOT / "features",
    "forensics_models": ROOT / "models",
    "forensics_benchmarks": ROOT / "benchmarks",
}
"""Each package with the folder that it stands in."""

LAYERS = (
    (
        "errors",
        "version",
        "progress",
        "endings",
        "scratch",
        "commands",
        "former_paths",
        "forensics_features",
        "forensics_models",
    ),
    ("pixels", "quality", "executors"),
    ("results", "codecs"),
    ("pictures", "windows", "processes", "options"),
    ("inputs",),
    ("destinations",),
    ("dataset", "history"),
    ("reconstruction",),
    ("training", "reconstruction", "compression"),
    ("localisation", "verdict"),
    ("examination", "comparison", "kernels"),
    ("batch",),
    ("ahead", "survey", "ready"),
    ("audit",),
    ("report",),
    ("measure", "gate"),
    ("forensics_benchmarks",),
    ("cli",),
    ("__main__", "forensics"),
)
"""Rooms from the ground up. One may import from those below it, and not from those next to or above it."""
SAME_LEVEL = {("forensics_models", "forensics_features")}
"""Pairs of one layer of which the first may import the second."""

Edges = Mapping[str, Mapping[str, int]]


def modules(packages: Mapping[str, Path]) -> dict[str, Path]:
    """Every module of the packages with its file."""
    found = {}
    for package, folder in packages.items():
        for path in sorted((folder / package).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(known: Mapping[str, Path]) -> dict[str, dict[str, int]]:
    """For each module those that it names, with the line; `from package import module` names the module."""
    edges: dict[str, dict[str, int]] = {}
    for module, path in known.items():
        edges[module] = {}
        for target, line in _named(module, path, known):
            if target != module:
                edges[module].setdefault(target, line)
    return edges


def _named(module: str, path: Path, known: Mapping[str, Path]) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".") + (["__init__"] if path.name == "__init__.py" else [])
            base = (
                ".".join([*above[: -node.level], *([node.module] if node.module else [])])
                if node.level
                else node.module
            )
            for alias in node.names:
                target = f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base
                if target in known:
                    yield str(target), node.lineno
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value and node.value in known
        ):
            yield node.value, node.lineno


def room(module: str) -> str:
    """The room of a module, as `LAYERS` names it."""
    parts = module.split(".")
    return parts[1] if parts[0] == "forensics" and len(parts) > 1 else parts[0]


def folder_or_file(module: str) -> str:
    """The folder within a room that a module lies in, or the module itself where it lies in the room."""
    return ".".join(module.split(".")[:3])


def grouped(edges: Edges, group: Callable[[str], str]) -> dict[str, dict[str, int]]:
    """Imports between groups of modules."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for module, targets in edges.items():
        for target, line in targets.items():
            if group(module) != group(target):
                found[group(module)].setdefault(group(target), line)
    return found


def circles(edges: Edges) -> list[list[str]]:
    """Groups of nodes that reach each other: the strongly connected components of more than one (Tarjan 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        path.append(node)
        for target in edges.get(node, ()):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in path:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            members = path[path.index(node) :]
            del path[path.index(node) :]
            found.extend([sorted(members)] if len(members) > 1 else [])

    for node in edges:
        if node not in order:
            visit(node)
    return found


def upward(edges: Edges) -> list[str]:
    """Imports that do not go down, as sentences."""
    height = {name: level for level, names in enumerate(LAYERS) for name in names}
    return [
        f"{module}:{line} imports {target}"
        for module, targets in edges.items()
        for target, line in targets.items()
        if room(module) != room(target)
        and (room(module), room(target)) not in SAME_LEVEL
        and height[room(module)] <= height[room(target)]
    ]


@pytest.fixture(scope="module")
def edges() -> dict[str, dict[str, int]]:
    return imports(modules(PACKAGES))


def test_every_room_has_its_layer(edges):
    assert {room(module) for module in edges} <= {name for names in LAYERS for name in names}


def test_no_files_import_each_other_in_a_circle(edges):
    assert circles(edges) == []


def test_no_rooms_import_each_other_in_a_circle(edges):
    assert circles(grouped(edges, room)) == []
    assert circles(grouped(edges, folder_or_file)) == []


def test_imports_go_down(edges):
    assert upward(edges) == []


def test_nobody_comes_in_by_the_front_door(edges):
    assert [module for module, targets in edges.items() if "forensics" in targets and module != "forensics"] == []


def made(folder: Path, files: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """The imports of a package made for a test."""
    for name, text in files.items():
        path = folder / "forensics" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return imports(modules({"forensics": folder}))


@pytest.mark.parametrize(
    "text",
    [
        "from forensics.verdict import b\n",
        "from forensics.verdict.b import thing\n",
        "import forensics.verdict.b\n",
        "from ..verdict import b\n",
        "def f():\n    from forensics.verdict.b import thing\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from forensics.verdict.b import thing\n",
        "HOMES = {'b': 'forensics.verdict.b'}\n",
    ],
)
def test_every_kind_of_import_counts(tmp_path, text):
    files = {"results/a.py": text, "verdict/b.py": "def f():\n    from forensics.results import a\n"}
    found = made(tmp_path, {**files, "results/__init__.py": "", "verdict/__init__.py": ""})
    assert circles(found) == [["forensics.results.a", "forensics.verdict.b"]]
    assert circles(grouped(found, room)) == [["results", "verdict"]]
    assert len(upward(found)) == 1


def test_a_longer_circle_is_found_once(tmp_path):
    files = {
        "history/a.py": "import forensics.history.b",
        "history/b.py": "import forensics.history.c",
        "history/c.py": "import forensics.history.a\nimport forensics.history.d",
        "history/d.py": "",
    }
    assert circles(made(tmp_path, files)) == [["forensics.history.a", "forensics.history.b", "forensics.history.c"]]
