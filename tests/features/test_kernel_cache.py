"""Compiled kernels: parts of each other; on disk, loaded without the compiler and written by several processes."""

from __future__ import annotations

import fcntl
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from forensics_features import _kernel
from numba.core.caching import FunctionCache

KERNELS = """
import sys
import numpy as np
from forensics_features._kernel import kernel


@kernel
def inner(values):
    total = 0.0
    for v in values:
        total += v * v
    return total


@kernel
def outer(values):
    return 1.0 + inner(values)


values = np.arange(4.0)
for name in sys.argv[1:]:
    print(globals()[name](values))
print(*(f"{len(k.stats.cache_hits)}{len(k.stats.cache_misses)}" for k in (inner, outer)))
"""


def test_a_kernel_in_the_cache_becomes_a_part_of_a_new_one(tmp_path):
    (tmp_path / "kernels.py").write_text(KERNELS)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run(*names: str) -> list[str]:
        command = [sys.executable, tmp_path / "kernels.py", *names]
        return subprocess.check_output(command, text=True, env=environment, timeout=120).split()

    assert run("inner") == ["14.0", "01", "00"]
    # What inner is for outer is no finished function, neither loaded nor kept.
    assert run("outer") == ["15.0", "00" if _kernel.SUPPORTED else "10", "01"]
    assert run("outer", "inner") == ["15.0", "14.0", "10", "10"]


PARTS = """
import gc
import numba
import numpy as np
from forensics_features._kernel import fast_kernel, kernel


@kernel
def doubled(values, out):
    for j in range(values.shape[0]):
        out[j] = 2 * values[j]


@fast_kernel
def summed(values):
    out = np.zeros((3, values.shape[0]))
    if values.shape[0] == 0:
        raise ValueError("no values")
    doubled(values, out[1])
    return out.sum()


@numba.njit
def another(values):
    room = np.zeros((3, values.shape[0]))
    return summed(values) + room.sum()


values = np.arange(4.0)
print(summed(values), another(values), gc.isenabled())
out = np.empty(4)
doubled(values, out)
print(out.sum())
gc.disable()
doubled(np.arange(4), out)
print(gc.isenabled())
try:
    summed(values[:0])
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("switches", [{}, {"NUMBA_DISABLE_JIT": "1"}])
def test_parts_are_what_they_are_alone_and_in_others_code(tmp_path, switches):
    (tmp_path / "parts.py").write_text(PARTS)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), **switches}
    expected = ["12.0", "12.0", "True", "12.0", "False", "no", "values"]
    for _ in range(2):  # the second time from the cache
        command = [sys.executable, tmp_path / "parts.py"]
        assert subprocess.check_output(command, text=True, env=environment, timeout=120).split() == expected


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(_kernel._config, "CACHE_DIR", str(tmp_path))
    made = _kernel._SharedCache(locked)
    os.makedirs(made.cache_path, exist_ok=True)
    return made


def locked(folder: str) -> bool:
    """Whether somebody holds the lock alone."""
    with open(os.path.join(folder, _kernel._LOCK), "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_what_is_kept_is_written_by_one_process_at_a_time(cache, monkeypatch):
    seen = []
    monkeypatch.setattr(FunctionCache, "save_overload", lambda *_: seen.append(locked(cache.cache_path)))
    cache.save_overload(None, None)
    assert seen == [True]
    assert not locked(cache.cache_path)


def test_a_folder_without_a_lock_is_used_without(tmp_path):
    with _kernel._held(str(tmp_path / "absent"), fcntl.LOCK_EX):
        pass
    with _kernel._held(str(tmp_path), fcntl.LOCK_EX):
        assert locked(str(tmp_path))


def test_a_declaration_changes_no_setting_of_the_process(tmp_path, monkeypatch):
    seen = []
    setting = _kernel._config.CACHE_DIR
    getfile = inspect.getfile
    monkeypatch.setattr(inspect, "getfile", lambda item: (seen.append(_kernel._config.CACHE_DIR), getfile(item))[1])
    monkeypatch.setattr(_kernel, "cache_folder", lambda: str(tmp_path / "elsewhere"))
    made = _kernel._compiled(locked)
    assert seen
    assert set(seen) == {setting}
    assert Path(made._cache.cache_path).parent == tmp_path / "elsewhere"


AT_ONCE = """
import importlib, sys, threading
import forensics_features._kernel
sys.setswitchinterval(1e-6)
start = threading.Barrier(4)

def declare(name):
    start.wait()
    importlib.import_module(name)

threads = [threading.Thread(target=declare, args=(f"kernels{k}",)) for k in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_threads_that_declare_kernels_at_once_write_nothing_elsewhere(tmp_path):
    work, code = tmp_path / "work", tmp_path / "code"
    work.mkdir()
    code.mkdir()
    many = "".join(f"@kernel\ndef f{k}(x): return x\n" for k in range(40))
    for k in range(4):
        (code / f"kernels{k}.py").write_text(f"from forensics_features._kernel import kernel\n{many}")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("NUMBA_CACHE_DIR", None)
    environment["PYTHONPATH"] = os.pathsep.join([str(code), environment.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", AT_ONCE], cwd=work, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list(work.iterdir()) == []
    assert (tmp_path / "cache" / "compression-forensics" / "kernels").is_dir()
