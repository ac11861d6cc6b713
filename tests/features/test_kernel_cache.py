"""Compiled kernels on disk: loaded without the compiler, linked into further kernels, written by several processes."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys

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


def test_kernels_from_the_cache_are_linked_into_new_ones(tmp_path):
    (tmp_path / "kernels.py").write_text(KERNELS)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run(*names: str) -> list[str]:
        command = [sys.executable, tmp_path / "kernels.py", *names]
        return subprocess.check_output(command, text=True, env=environment, timeout=120).split()

    assert run("inner") == ["14.0", "01", "00"]
    assert run("outer") == ["15.0", "10", "01"]  # inner comes from the cache and goes into outer
    assert run("outer", "inner") == ["15.0", "14.0", "10", "10"]


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
