"""What parsing a model takes for a moment goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest
from forensics_models import runtime

LOADED = """
import resource
from importlib.resources import files
from forensics_models.runtime import session
kept = session(files("forensics_models") / "artefacts" / "baseline_classes.onnx.gz")
now = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
print(now, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.skipif(runtime._trim() is None, reason="the C library has no malloc_trim")
def test_memory_of_the_parser_is_given_back():
    now, peak = map(int, subprocess.check_output([sys.executable, "-c", LOADED], text=True).split())
    assert peak - now > 60 * 2**20


def test_another_c_library_keeps_its_memory(monkeypatch):
    monkeypatch.setattr(runtime, "_trim", lambda: None)
    runtime._give_back_memory()
