"""Streams that are full, closed or left by their reader, and files that may not grow: one line, the right exit code, no
traceback.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PICTURES = [str(EXAMPLES / name) for name in ("jpeg.png", "webp.png", "uncompressed.png")]
ANALYZE = ["analyze", "--model", "baseline"]


def forensics(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "forensics", *map(str, arguments)]
    # Under a limit to the size of files Python would leave bytecode cut off, which every later import trips over.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    given = {**pipes, "text": True, "timeout": 300, "env": environment, **options}
    return subprocess.run(command, check=False, **given)  # type: ignore[call-overload,no-any-return]


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    text = line.replace("FORENSICS", f"{sys.executable} -m forensics")
    return subprocess.run(["bash", "-c", text], cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("arguments", [[*ANALYZE, PICTURES[0]], ["codecs"], ["--help"], ["features", PICTURES[0]]])
def test_a_full_device(arguments):
    with open("/dev/full", "wb") as full:
        done = forensics(*arguments, stdout=full)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("forensics: error: ")
    assert "cannot write standard output: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_standard_output_closed_at_the_start(tmp_path):
    done = shell(f"FORENSICS analyze --model baseline {PICTURES[0]} >&-", tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "forensics: error: cannot write standard output: Bad file descriptor\n",
    )
    done = shell("FORENSICS codecs >&-", tmp_path)
    assert done.stderr == "forensics: error: cannot write standard output: Bad file descriptor\n"
    done = shell(f"FORENSICS analyze --model baseline {PICTURES[0]} -f json -o t.json >&-", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads((tmp_path / "t.json").read_text())["pictures"]) == 1


def test_standard_error_and_input_closed_at_the_start(tmp_path):
    done = shell(f"FORENSICS analyze --model baseline nothing.png {PICTURES[0]} 2>&- <&-", tmp_path)
    assert done.returncode == 2
    assert "JPEG" in done.stdout
    done = shell("FORENSICS analyze - <&-", tmp_path)
    assert (done.returncode, done.stderr) == (2, "forensics: error: -: the file is empty\n")


@pytest.mark.parametrize("command", [f"analyze --model baseline {' '.join(PICTURES)}", "--help", "codecs"])
def test_a_reader_that_leaves_is_no_error(tmp_path, command):
    done = shell(f"set -o pipefail; FORENSICS {command} | head -1", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_too_long_costs_one_input(tmp_path):
    done = forensics(*ANALYZE, "n" * 300, PICTURES[0])
    assert done.returncode == 2
    assert done.stderr.endswith("cannot be read: File name too long\n")
    assert "JPEG" in done.stdout


def limited(size: int) -> object:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_file_that_may_not_grow_keeps_its_rows(tmp_path):
    out = tmp_path / "t.json"
    whole = forensics(*ANALYZE, *PICTURES, "-f", "json", "-o", out, cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    text = out.read_bytes()
    out.unlink()
    limit = len(text) - 200
    done = forensics(*ANALYZE, *PICTURES, "-f", "json", "-o", out, cwd=tmp_path, preexec_fn=limited(limit))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert "2 results are in" in done.stderr
    assert len(json.loads(out.read_text())["pictures"]) == 2
    again = forensics(*ANALYZE, *PICTURES, "-f", "json", "-o", out, cwd=tmp_path)
    assert again.stderr == "forensics: 2 of 3 were done before; going on from there\n"
    assert out.read_bytes() == text
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]


def test_a_data_set_on_a_disk_that_is_full_is_one_line_and_goes_on(tmp_path):
    (tmp_path / "sources").mkdir()
    make = "import numpy as np; from PIL import Image; g = np.random.default_rng(1)\n"
    make += "for k in range(3): Image.fromarray(g.integers(0, 256, (192, 192, 3), np.uint8)).save(f'sources/{k}.png')"
    subprocess.run([sys.executable, "-c", make], cwd=tmp_path, check=True, timeout=60)
    build = (
        "dataset",
        "build",
        "sources",
        "data",
        "--codecs",
        "jpeg",
        "--per-source",
        1,
        "--synthetic",
        0,
        "--jobs",
        1,
    )
    done = forensics(*build, cwd=tmp_path, preexec_fn=limited(20000))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("forensics: error: cannot write 'data': ")
    assert forensics(*build, cwd=tmp_path).returncode == 0


def test_a_data_set_where_nothing_may_be_written(tmp_path):
    (tmp_path / "file").touch()
    done = forensics("dataset", "build", EXAMPLES, "file/data", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("forensics: error: cannot write into 'file/data'")


def test_kernels_are_kept_elsewhere_where_the_home_cannot_be_written(tmp_path):
    (tmp_path / "home").touch()
    code = (
        "from forensics_features import _kernel; from forensics.kernels import _kept\n"
        "print(_kernel.cache_folder()); print(_kept())"
    )
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)}
    for name in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        environment.pop(name, None)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    folder, advice = done.stdout.splitlines()
    assert folder == str(tmp_path / f"compression-forensics-{os.getuid()}" / "kernels")
    assert f"kept in {folder!r}" in advice
    assert "NUMBA_CACHE_DIR" in advice
    os.chmod(Path(folder).parent, 0o777)  # somebody else may write there: code is not loaded from it
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[0] == ""
    assert "in every run" in done.stdout
