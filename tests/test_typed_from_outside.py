"""A caller's own module is checked by `mypy --strict` against an editable installation."""

from __future__ import annotations

import subprocess
import sys
import venv
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = ("setup.cfg", "pyproject.toml", "kernel_build.py", "README.md", "LICENSE")
CALLER = """
import forensics
from forensics_features import FeatureExtractor, lattice_features
from forensics_models.classes import CLASSES

analysis: forensics.Analysis = forensics.analyze("a.png")
verdict: str = analysis.verdict
ranking: dict[str, float] = analysis.probabilities
found: forensics.Examination = forensics.examine("a.png", map=False)
names: tuple[str, ...] = FeatureExtractor(n_jobs=2).fit().feature_names
first: str = CLASSES[0]
values: dict[str, float] = lattice_features(forensics.open_picture("a.png").pixels)
wrong: int = analysis.verdict
"""


@pytest.mark.heavy
def test_mypy_strict_finds_the_types_and_one_wrong_line(tmp_path: Path):
    pytest.importorskip("mypy")
    try:
        if int(version("setuptools").split(".")[0]) < 69:
            pytest.skip("setuptools is older than 69, which the installation needs")
    except PackageNotFoundError:
        pytest.skip("setuptools is not installed, and none is fetched")
    home = tmp_path / "home"
    venv.create(home, system_site_packages=True, with_pip=True)
    for part in (
        "forensics",
        "features",
        "models",
        "benchmarks",
        "setup.cfg",
        "pyproject.toml",
        "kernel_build.py",
        "README.md",
        "LICENSE",
    ):
        target = tmp_path / "source" / part
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(ROOT / part)
    site = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "-q", "--no-deps"]
    subprocess.run([*site, "--no-build-isolation", "-e", "."], cwd=tmp_path / "source", check=True, timeout=300)
    caller = tmp_path / "caller"
    caller.mkdir()
    (caller / "own.py").write_text(CALLER)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(home / "bin" / "python"), "own.py"]
    done = subprocess.run(command, cwd=caller, capture_output=True, text=True, timeout=300)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, done.stdout
    assert "own.py:13: error: Incompatible types in assignment" in errors[0]
