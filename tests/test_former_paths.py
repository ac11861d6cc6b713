"""Import paths of version 0.1: every public name that a moved module had is still there, with a warning."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from forensics import former_paths

FORMER: dict[str, list[str]] = json.loads((Path(__file__).parent / "data" / "former_names.json").read_text())
"""Public names that the modules defined before they moved, read from their source then; less the five that were taken
out since: `component_noise`, `heif`, `check_deflate`, `pnm_head`, `UNDONE`."""


@pytest.mark.parametrize("module", sorted(FORMER))
def test_every_name_of_a_former_module_is_handed_out_with_a_warning(module):
    former = import_module(module)
    for name in FORMER[module]:
        if name in vars(former):  # used there still
            continue
        with pytest.warns(DeprecationWarning, match=rf"{module}\.{name} is now forensics\."):
            assert getattr(former, name) is not None


def test_the_table_knows_every_module_that_moved_and_no_other():
    assert {f"forensics.{name}" for name in {*former_paths.MODULES, *former_paths.NAMES}} == {*FORMER}
    for former, home in former_paths.MODULES.items():
        assert find_spec(f"forensics.{home}") is not None, former


def test_former_and_present_names_are_one_object():
    from forensics.results.analysis import Analysis
    from forensics.windows.choice import choose_windows

    with pytest.warns(DeprecationWarning, match="is now forensics"):
        from forensics.analysis import Analysis as former_class
    with pytest.warns(DeprecationWarning, match="is now forensics"):
        from forensics.windows import choose_windows as former_function
    assert former_class is Analysis
    assert former_function is choose_windows


def test_names_that_never_were_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        import_module("forensics.analysis").nothing  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        import_module("forensics.never_was")


def test_nothing_in_the_project_takes_a_former_path():
    code = (
        "import pkgutil, importlib, sys, forensics\n"
        "from forensics import former_paths\n"
        "for found in pkgutil.walk_packages(forensics.__path__, 'forensics.'):\n"
        "    if not found.name.endswith('__main__'):\n"
        "        importlib.import_module(found.name)\n"
        "former = {f'forensics.{n}' for n, home in former_paths.MODULES.items() if not home.startswith(n + '.')}\n"
        "print(sorted(former & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:forensics", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "[]", done.stderr
