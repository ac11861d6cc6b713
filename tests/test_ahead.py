"""Kernels that an installation brings along: made by its build, and loaded where the user's cache holds none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from forensics_features import _kernel
from setuptools import Distribution

import kernel_build

MADE_UP = """
import sys
from forensics_features import _kernel
_kernel.BROUGHT = sys.argv[1]


@_kernel.kernel
def f(x):
    return x + 1


def state():
    return f"{_kernel.is_cached(f)} {len(f.stats.cache_hits)}{len(f.stats.cache_misses)}"
"""
RUN = "import forensics_made_up as m; print(m._kernel.is_cached(m.f), m.f(1), m.state())"
BRING = "import sys, forensics_made_up as m; m.f(1); m._kernel.bring(m.f, sys.argv[1])"


@pytest.mark.skipif(not _kernel.SUPPORTED, reason="another numba than those whose compiled code is brought along")
def test_what_is_brought_is_loaded_and_not_compiled(tmp_path: Path):
    source = tmp_path / "forensics_made_up.py"
    source.write_text(MADE_UP)
    folder = tmp_path / "_compiled"

    def run(code: str, cache: Path) -> str:
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(cache)}
        command = [sys.executable, "-c", code, str(folder)]
        return subprocess.check_output(command, text=True, env=environment, timeout=120).strip()

    run(BRING, tmp_path / "cache")
    nowhere = tmp_path / "file" / "cache"
    (tmp_path / "file").touch()
    for place in (tmp_path / "other", nowhere):
        assert run(RUN, place) == "True 2 True 10"
    assert not list((tmp_path / "other").rglob("*.nbc"))
    os.utime(source, (1, 1))  # an installer sets times of its own
    assert run(RUN, tmp_path / "other") == "True 2 True 10"
    source.write_text(MADE_UP.replace("x + 1", "x + 2"))
    assert run(RUN, tmp_path / "other") == "False 3 True 01"
    assert run(RUN, tmp_path / "other") == "True 3 True 10"  # from the user's cache


def test_a_wheel_needs_what_the_package_needs_unless_kernels_are_for_later(monkeypatch):
    monkeypatch.chdir(Path(kernel_build.__file__).parent)
    monkeypatch.setattr(kernel_build.build_meta, "get_requires_for_build_wheel", lambda _: [])
    assert any(one.startswith("numba") for one in kernel_build.get_requires_for_build_wheel())
    assert kernel_build.get_requires_for_build_wheel({"kernels": "later"}) == []


@pytest.mark.parametrize(("wanted", "code", "left"), [("1", 0, ["new"]), ("1", 1, []), ("0", 0, [])])
def test_the_build_holds_kernels_of_this_build_or_none(tmp_path, monkeypatch, wanted, code, left):
    folder = tmp_path / "forensics_features" / "_compiled"
    folder.mkdir(parents=True)
    (folder / "stale").touch()
    (tmp_path / "module.py").touch()

    def run(command, **options):
        assert options["env"]["PYTHONPATH"].startswith(str(tmp_path))
        Path(command[-1]).mkdir()
        (Path(command[-1]) / "new").touch()
        return SimpleNamespace(returncode=code)

    monkeypatch.setenv(kernel_build._AHEAD, wanted)
    monkeypatch.setattr(kernel_build.subprocess, "run", run)
    monkeypatch.chdir(tmp_path)
    build = kernel_build.BuildWithKernels(Distribution({"name": "made-up", "py_modules": ["module"]}))
    build.build_lib = str(tmp_path)
    build.ensure_finalized()
    build.run()
    assert (sorted(file.name for file in folder.iterdir()) if folder.exists() else []) == left


@pytest.mark.heavy
def test_a_first_run_with_brought_kernels_compiles_nothing(tmp_path: Path):
    """The whole way: all kernels of a verdict are compiled into a package, and another process finds them there."""
    features = tmp_path / "forensics_features"
    shutil.copytree(Path(_kernel.__file__).parent, features)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "forensics.ahead", features / "_compiled"]
    subprocess.run(command, env=environment, check=True, timeout=600)
    environment["NUMBA_CACHE_DIR"] = str(tmp_path / "other")
    for arguments in (
        ["analyze", "examples/uncompressed.png", "examples/jpegxr.png"],
        ["analyze", "examples/webp.png", "--history"],
        ["reconstruct", "examples/jpeg.png", "--out", tmp_path / "back.jpg"],  # of which a few searches are rare
    ):
        command = [sys.executable, "-m", "forensics", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert "Traceback" not in done.stderr
        assert "compil" not in done.stderr
        assert len(list((tmp_path / "other").rglob("*.nbc"))) <= 3 * (arguments[0] == "reconstruct")
