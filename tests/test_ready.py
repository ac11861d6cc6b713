"""What the processes of `--jobs` are forked from: all that a verdict imports is there, and nothing runs beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from forensics_features import as_planes
from forensics_features._kernel import cache_folder, load_cached
from forensics_features.planes import _ycc

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPT = """
import sys, threading
import forensics.ready
assert threading.active_count() == 1
before = set(sys.modules)
from forensics import analyze
analyze(sys.argv[1], threads=1)
print(*sorted(name for name in set(sys.modules) - before if name.startswith(("forensics", "PIL", "scipy"))))
"""


@pytest.mark.parametrize("picture", ["uncompressed.png", "jpeg.png"])
def test_a_verdict_imports_nothing_more(picture):
    for _ in range(2):  # what is compiled in the first imports the compiler
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, EXAMPLES / picture], capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
    assert not done.stdout.split()


@pytest.mark.skipif(not cache_folder(), reason="no folder for compiled kernels can be written")
def test_kernels_are_loaded_and_none_is_compiled():
    grey = np.zeros((64, 64, 3), np.uint8)
    as_planes(grey)
    loaded = type(_ycc)(_ycc.py_func, _ycc._options)
    loaded._cache = _ycc._cache
    load_cached(loaded)
    assert set(loaded.overloads) >= set(_ycc.overloads) > set()
    assert not loaded.stats.cache_misses
