"""Long work on one picture says so, off a terminal too, and ever less often."""

from __future__ import annotations

import io
import time

import numpy as np
from click.testing import CliRunner
from PIL import Image

from forensics import progress
from forensics.cli import compare
from forensics.comparison import compare as comparing
from forensics.progress import Progress, SignOfLife


def test_what_takes_long_is_named_at_growing_intervals():
    stream = io.StringIO()
    with SignOfLife("history", after=0.05, stream=stream) as alive:
        for name in alive.over(["quick", "slow"]):
            time.sleep(0.5 if name == "slow" else 0)
    lines = stream.getvalue().splitlines()
    assert 1 <= len(lines) <= 4
    assert all(line.startswith("forensics: slow: history, ") for line in lines)


def test_nothing_is_said_of_quick_work_or_of_none():
    stream = io.StringIO()
    with SignOfLife("verdict", after=30, stream=stream) as alive:
        assert list(alive.over(["a", "b"])) == ["a", "b"]
    with SignOfLife("verdict", after=0.01, stream=stream):
        time.sleep(0.05)
    assert stream.getvalue() == ""


def test_pieces_of_unlike_effort_give_the_share_and_the_time_left_by_it(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    line = Progress("compile", 4, stream=io.StringIO(), effort=20.0)
    assert line.line() == "compile 0/4   0 %"
    now[0] += 15
    line.advance(note="network", effort=10.0)
    assert line.line() == "compile 1/4  50 % 0:15 left network"
    line.advance(note="lapped", effort=3.0, begun=2.0)
    assert line.line() == "compile 2/4  75 % 0:05 left lapped"
    line.advance(note="lattice", effort=6.0)
    line.advance(effort=1.0)
    assert line.line() == "compile 4/4 100 % lattice"


def test_off_a_terminal_progress_is_a_few_plain_lines():
    stream = io.StringIO()
    with Progress("hashes", 40, stream=stream, plain_after=0.02) as line:
        for index in range(40):
            time.sleep(0.005)
            line.advance(note=f"{index}.png")
    lines = stream.getvalue().splitlines()
    assert 1 <= len(lines) <= 4
    assert all(line.startswith("forensics: hashes ") and "%" in line for line in lines)
    assert "\r" not in stream.getvalue()


def test_off_a_terminal_quick_work_says_nothing():
    stream = io.StringIO()
    with Progress("hashes", 3, stream=stream) as line:
        for _ in range(3):
            line.advance()
    assert stream.getvalue() == ""


def test_progress_on_a_terminal_stays_one_line():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with Progress("hashes", 2, stream=stream, plain_after=0.0) as line:
        line.advance(2)
    assert stream.getvalue().endswith("hashes 2/2 100 %\n")
    assert stream.getvalue().count("\n") == 1


def test_a_long_comparison_says_what_it_compares(monkeypatch, tmp_path, capfd):
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / name)
    slow = comparing.compare
    monkeypatch.setattr(comparing, "compare", lambda *pictures: time.sleep(0.3) or slow(*pictures))
    monkeypatch.setattr(progress, "SignOfLife", lambda what, after, stream=None: SignOfLife(what, 0.05, stream=stream))
    result = CliRunner().invoke(compare.command, [str(tmp_path / "a.png"), str(tmp_path / "b.png")])
    assert result.exit_code == 0
    assert "b.png: comparison, " in result.stderr + capfd.readouterr().err
