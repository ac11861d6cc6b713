"""Long work on one picture says so, off a terminal too, and ever less often."""

from __future__ import annotations

import io
import time

from forensics.progress import SignOfLife


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
