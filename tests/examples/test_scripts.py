"""The scripts that users copy run on a small folder and do what their first line says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SOURCES = [str(ROOT), *(str(ROOT / folder) for folder in ("features", "models", "benchmarks"))]


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaky") / "set"
    _run("make_leaky_set.py", folder, 6)
    assert sorted(path.name for path in folder.iterdir()) == ["generated", "real"]
    return folder


def _run(script: str, *arguments: object, code: int = 0) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*SOURCES, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        env=environment,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def test_a_folder_becomes_a_table(leaky: Path, tmp_path: Path):
    pandas = pytest.importorskip("pandas")
    (leaky / "real" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    printed = _run("folder_to_pandas.py", leaky, tmp_path / "table.csv")
    (leaky / "real" / "torn.png").unlink()
    table = pandas.read_csv(tmp_path / "table.csv")
    assert len(table) == 13
    assert (table["status"] == "error").sum() == 1
    assert "jpeg" in printed


def test_the_history_of_one_picture():
    printed = _run("history_of_one_picture.py", EXAMPLES / "jpeg.png")
    assert printed.startswith(("jpeg at 0.9", "jpeg at 1.0"))
    assert "quality_factor: 88" in printed
    assert "  but: " in printed


def test_features_tell_two_folders_apart(leaky: Path):
    pytest.importorskip("sklearn")
    printed = _run("features_to_scikit_learn.py", leaky / "generated", leaky / "real")
    assert float(printed.split()[2]) > 90


def test_the_map_as_an_overlay(tmp_path: Path):
    pytest.importorskip("matplotlib")
    printed = _run("map_as_overlay.py", EXAMPLES / "jpeg.png", tmp_path / "overlay.png")
    assert printed.strip() == "no region departs from the rest"
    assert (tmp_path / "overlay.png").stat().st_size > 10_000


def test_a_lossless_delivery(leaky: Path):
    assert "real" not in _run("check_a_lossless_delivery.py", leaky / "generated")
    printed = _run("check_a_lossless_delivery.py", leaky / "real", code=1)
    assert printed.count("JPEG at") >= 5


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_scripts_say_what_they_do(path: Path):
    assert path.read_text(encoding="utf-8").startswith('"""')
