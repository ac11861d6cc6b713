"""The first run: kernels are compiled in several processes, and those left over in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import Future

import pytest

from forensics import kernels
from forensics.executors import Here, Raised
from forensics.processes.registry import processes

FEW = """
import os
from forensics import kernels
from forensics_features import as_planes, blockiness, family

if __name__ == "__main__":
    kernels.compiled_parts = lambda: ("blockiness", "trees")
    os.sched_getaffinity = lambda process: {0, 1}
    kernels.compile_kernels()
    kernels.compile_part("blockiness")
    kernels = [k for k in vars(blockiness).values() if hasattr(k, "stats")]
    print(len(kernels) > 0, sum(len(k.stats.cache_misses) for k in kernels))
"""


def test_kernels_compiled_in_other_processes_are_found_here(tmp_path):
    (tmp_path / "few.py").write_text(FEW)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, tmp_path / "few.py"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.stdout.split() == ["True", "0"], done.stderr


class Failing(Here):
    """Every process dies."""

    def submit(self, function, /, *arguments, name=""):
        future = Future()
        future.set_exception(Raised(name))
        return future


@pytest.fixture
def compiled(monkeypatch):
    parts = []
    monkeypatch.setattr(kernels, "compile_part", parts.append)
    return parts


EVERYTHING = {
    *kernels.FAMILIES,
    *kernels.FURTHER_FAMILIES,
    *kernels._FURTHER_KERNELS,
    *(name for name, process in processes().items() if process.exact is not None),
}


def test_what_a_process_could_not_compile_is_compiled_here(compiled, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})
    asked = []
    monkeypatch.setattr(kernels, "executor", lambda jobs, apart: asked.append((jobs, apart)) or Failing())
    kernels.compile_kernels()
    assert asked == [(2, True)]  # and this process
    assert sorted(compiled) == sorted(EVERYTHING)


def test_one_core_compiles_here(compiled, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    monkeypatch.setattr(kernels, "executor", None)
    kernels.compile_kernels()
    assert sorted(compiled) == sorted(EVERYTHING)


@pytest.mark.parametrize("name", [*kernels._FURTHER_KERNELS, "histories"])
def test_every_further_part_runs(name):
    kernels.compile_part(name)
