"""Four numbers in one register: compiled, and as arrays where nothing is compiled."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
from forensics_features._four import four_of, load, minus, plus, spread, store, times, zeros
from forensics_features._kernel import kernel


@kernel
def worked(rows, factors, out):
    total = zeros()
    for i in range(rows.shape[0]):
        total = plus(total, times(spread(factors, i, 1), load(rows, i, 2)))
    store(total, out, 0, 1)
    store(minus(load(out, 0, 1), four_of(0.5)), out, 1, 0)


rows, factors, out = np.arange(40.0).reshape(5, 8), np.arange(10.0).reshape(5, 2), np.zeros((2, 6))
for given in (rows, np.ascontiguousarray(rows.repeat(2, axis=0))[::2]):
    worked(given, factors, out)
    total = factors[:, 1] @ rows[:, 2:6]
    assert np.array_equal(out, [[0, *total, 0], [*(total - 0.5), 0, 0]]), out
"""


@pytest.mark.parametrize("switches", [{}, {"NUMBA_DISABLE_JIT": "1"}])
def test_rows_are_read_added_and_written_four_at_a_time(tmp_path, switches):
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), **switches}
    for _ in range(2):  # the second time from the cache
        subprocess.run([sys.executable, tmp_path / "program.py"], check=True, env=environment, timeout=120)
