"""Nothing phones home and nothing is written beyond the outputs and the caches that the README names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from forensics_features._kernel import cache_folder

EXAMPLE = Path(__file__).parent.parent / "examples" / "webp.png"
WAYS = {
    "command": ["-m", "forensics", "analyze", str(EXAMPLE)],
    "workers": ["-m", "forensics", "analyze", str(EXAMPLE), str(EXAMPLE), "--jobs", "2"],
    "python": ["-c", f"import forensics; forensics.analyze({str(EXAMPLE)!r})"],
    "import forensics, then onnxruntime": ["-c", f"import forensics, onnxruntime; forensics.analyze({str(EXAMPLE)!r})"],
    "models alone": ["-c", "from forensics_models.runtime import onnx_runtime; onnx_runtime()"],
}
STRACE = shutil.which("strace")


def started(way: list[str], home: Path, *before: str, code: int = 0, **more: str) -> str:
    """Run a way without the variable that this test run may have; standard error of it."""
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment = {
        **kept,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "NUMBA_CACHE_DIR": cache_folder(),
        **more,
    }
    done = subprocess.run([*before, sys.executable, *way], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    return done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_no_identifier_is_left_behind(way, tmp_path):
    started(WAYS[way], tmp_path, ORT_DISABLE_TELEMETRY="0")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(STRACE is None, reason="strace is not here")
@pytest.mark.parametrize("way", ["workers", "python"])
def test_nobody_is_called(way, tmp_path):
    log = tmp_path / "log"
    probe = subprocess.run([STRACE, "-o", "/dev/null", "true"], capture_output=True)
    if probe.returncode:
        pytest.skip("strace may not trace here")
    started(WAYS[way], tmp_path / "home", STRACE, "-f", "-e", "trace=connect,sendto", "-o", str(log))
    assert not re.search(r"AF_INET|AF_INET6|nscd", log.read_text())


def test_a_runtime_that_was_imported_before_is_told(tmp_path):
    code = (
        "import onnxruntime, forensics_models.runtime as r; r.onnx_runtime(); r.onnx_runtime(); "
        "print(onnxruntime.__version__)"
    )
    said = started(["-W", "always", "-c", code], tmp_path)
    import onnxruntime

    sends = tuple(map(int, onnxruntime.__version__.split(".")[:2])) >= (1, 29)
    assert said.count("onnxruntime was imported before forensics") == int(sends)


def test_every_import_of_the_runtime_goes_through_one_place():
    root = Path(__file__).parent.parent
    folders = [root / "forensics", root / "features", root / "models", root / "benchmarks"]
    importing = [
        path.name for folder in folders for path in folder.rglob("*.py")
        if re.search(r"^\s*(import onnxruntime|from onnxruntime)", path.read_text(), re.M)
    ]  # fmt: skip
    assert importing == ["runtime.py"]
