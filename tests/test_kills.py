"""Kills at random moments: no half file, no lost row, no orphan, no hang, and the same end as if nothing had
happened.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.killing import SIGNALS, Run, before_the_command, kill_until_done


def kills(*once: str) -> list[object]:
    """Some signals sent once, and each sent fifty times on demand."""
    fifty = [pytest.param(name, 50, id=f"{name}-50", marks=pytest.mark.heavy) for name in SIGNALS]
    return [*(pytest.param(name, 1, id=f"{name}-1") for name in once), *fifty]


def test_only_what_comes_before_the_command_may_be_a_traceback():
    early = 'Traceback (most recent call last):\n  File "<frozen runpy>", line 112\nKeyboardInterrupt\n'
    assert before_the_command(early)
    assert not before_the_command(early.replace("<frozen runpy>", "__main__.py").replace("112\n", "12, in start\n"))
    assert not before_the_command(early.replace("KeyboardInterrupt", "RuntimeError: a fault"))


PICTURES = 8


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(5)
    for index in range(PICTURES):  # decoded JPEGs: a verdict on them takes least
        values = rng.integers(0, 256, (8, 8, 3), np.uint8).repeat(24, 0).repeat(24, 1) // 2
        values += rng.integers(0, 30, values.shape, np.uint8)
        Image.fromarray(values).save(stream := io.BytesIO(), "JPEG", quality=80)
        Image.open(stream).save(folder / f"{index:02d}.png")
    return folder


def tree(folder: Path, *without: str) -> dict[str, str]:
    """Names and hashes of all files below a folder but those of some names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in without)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(("name", "times"), kills("KILL"))
def test_analyze_keeps_its_rows(pictures, tmp_path, name, times):
    arguments = ["analyze", pictures, "--out", "t.json", "-f", "json", "--jobs", 2, "--model", "baseline"]
    out = tmp_path / "t.json"
    start = time.monotonic()
    assert Run(arguments, tmp_path).end()[0] == 0
    longest, reference = time.monotonic() - start, out.read_bytes()
    best = 0

    def rows() -> int:
        stored = [out, tmp_path / ".unfinished-t.json"]
        listed = tmp_path / ".unfinished-t.json.rows"
        published = len(json.loads(out.read_text())["pictures"]) if out.exists() else 0
        if not listed.exists():
            return published
        assert any(path.exists() for path in stored)
        return max(published, listed.read_bytes().count(b"\n") - 1)

    def whole() -> None:
        nonlocal best
        assert rows() >= best, "rows that were judged are gone"
        best = rows()
        assert {path.name for path in tmp_path.iterdir()} <= {"t.json", ".unfinished-t.json", ".unfinished-t.json.rows"}
        if name != "KILL" and best:
            assert len(json.loads(out.read_text())["pictures"]) == best

    def begin() -> None:
        nonlocal best
        best = 0
        out.unlink(missing_ok=True)

    def done() -> None:
        assert out.read_bytes() == reference
        assert [path.name for path in tmp_path.iterdir()] == ["t.json"]

    kill_until_done(
        arguments, tmp_path, SIGNALS[name], times, longest=longest, seed=7, whole=whole, begin=begin, done=done
    )


@pytest.mark.parametrize(("name", "times"), kills("TERM"))
def test_a_data_set_comes_to_the_same_bytes(pictures, tmp_path, name, times):
    arguments = ["dataset", "build", pictures, "data", "--suite", "random", "--codecs", "jpeg,webp", "--per-source", 1]
    arguments += ["--synthetic", 0, "--jobs", 2]
    out = tmp_path / "data"
    start = time.monotonic()
    assert Run(arguments, tmp_path).end()[0] == 0
    longest, reference = time.monotonic() - start, tree(out, "journal.jsonl", "timings.json")

    def whole() -> None:
        for file in tree(out) if out.exists() else ():
            assert (
                file not in reference
                or file.endswith((".json", ".csv", ".parquet"))
                or tree(out)[file] == reference[file]
            )

    def begin() -> None:
        shutil.rmtree(out, ignore_errors=True)

    def done() -> None:
        assert tree(out, "journal.jsonl", "timings.json") == reference

    kill_until_done(
        arguments, tmp_path, SIGNALS[name], times, longest=longest, seed=8, whole=whole, begin=begin, done=done
    )


@pytest.mark.parametrize(("name", "times"), kills())
def test_a_benchmark_comes_to_the_same_table(pictures, tmp_path, name, times):
    build = [
        "dataset",
        "build",
        pictures,
        "data",
        "--codecs",
        "jpeg",
        "--per-source",
        1,
        "--synthetic",
        0,
        "--split",
        "val=1",
    ]
    assert Run(build, tmp_path).end()[0] == 0
    arguments = ["bench", "run", "data", "--models", "baseline", "--sizes", 64, "--jobs", 2, "--out", "run"]
    out = tmp_path / "run"
    changing = ("timings.csv", "run.json")
    start = time.monotonic()
    assert Run(arguments, tmp_path).end()[0] == 0
    longest = time.monotonic() - start
    reference = {file: value for file, value in tree(out, *changing).items() if not file.startswith("parts")}

    def whole() -> None:
        assert "windows.parquet" not in tree(out) or tree(out)["windows.parquet"] == reference["windows.parquet"]

    def begin() -> None:
        shutil.rmtree(out, ignore_errors=True)

    def done() -> None:
        assert {
            file: value for file, value in tree(out, *changing).items() if not file.startswith("parts")
        } == reference
        assert not [file for file in tree(out) if ".part-" in file]

    kill_until_done(
        arguments, tmp_path, SIGNALS[name], times, longest=longest, seed=9, whole=whole, begin=begin, done=done
    )
