"""Folders of a process that was killed go at the next run; those of living processes, other users and people stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from forensics import scratch

HOLD = "import sys, time\nfrom forensics.scratch import scratch_folder\n"
HOLD += "with scratch_folder() as folder:\n    print(folder, flush=True)\n    time.sleep(60)\n"


@pytest.fixture
def held(tmp_path):
    """A process that holds a scratch folder, and that folder."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", HOLD], env=environment, stdout=subprocess.PIPE, text=True)
    with process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_folder_lives_as_long_as_its_use():
    with scratch.scratch_folder() as folder:
        assert Path(folder).stat().st_mode & 0o777 == 0o700
    assert not Path(folder).exists()


def test_what_a_killed_process_left_is_removed_by_the_next(held, tmp_path, monkeypatch):
    process, folder = held
    (folder / "half.jpg").write_bytes(b"\xff\xd8")
    assert scratch.sweep(tmp_path) == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch._sweep_once.cache_clear()
    with scratch.scratch_folder() as own:
        assert [path.name for path in tmp_path.iterdir()] == [Path(own).name]


def test_what_cannot_be_attributed_stays(tmp_path):
    processes, _, beginning = scratch._processes(), os.getpid(), scratch._beginning(os.getpid())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "evidence.png").write_bytes(b"1")
    kept = ["forensics-mine", f"forensics-{processes + 1}-{os.getpid()}-1-abc", f"forensics-{processes}-a-b-c"]
    for name in kept:
        (tmp_path / name).mkdir()
    (tmp_path / f"forensics-{processes}-{os.getpid()}-{beginning + 1}-file").write_bytes(b"")
    (tmp_path / f"forensics-{processes}-{os.getpid()}-{beginning + 1}-link").symlink_to(elsewhere)
    gone = tmp_path / f"forensics-{processes}-{os.getpid()}-{beginning + 1}-gone"
    gone.mkdir()
    before = {path.name for path in tmp_path.iterdir()}
    assert scratch.sweep(tmp_path) == [gone]
    assert {path.name for path in tmp_path.iterdir()} == before - {gone.name}
    assert (elsewhere / "evidence.png").exists()
