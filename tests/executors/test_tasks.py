"""Worker processes: messages arrive, errors and deaths are reported, a dead one costs nothing else; and the progress
line.
"""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator

import pytest

from forensics.executors.tasks import Workers
from forensics.progress import Counter, Progress


def work(task: tuple[str, int]) -> Iterator[int]:
    what, number = task
    yield from range(number)
    if what == "raise":
        raise ValueError("broken")
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)


def events(jobs: int, tasks: list[tuple[str, int]]) -> list[tuple[str, tuple[str, int], object]]:
    with Workers(work, jobs) as workers:
        for task in tasks:
            workers.submit(task)
        return [(event.kind, event.task, event.content) for event in workers.events()]


@pytest.mark.parametrize("jobs", [1, 2])
def test_messages_of_a_task_come_in_order_and_its_end_last(jobs):
    seen = events(jobs, [("fine", 3), ("raise", 1), ("fine", 0)])
    of_first = [(kind, content) for kind, task, content in seen if task == ("fine", 3)]
    assert of_first == [("message", 0), ("message", 1), ("message", 2), ("done", None)]
    of_second = [(kind, content) for kind, task, content in seen if task == ("raise", 1)]
    assert of_second == [("message", 0), ("error", "ValueError: broken")]
    assert ("done", ("fine", 0), None) in seen


def test_a_killed_worker_is_told_and_replaced():
    seen = events(2, [("die", 1), ("die", 0), ("fine", 2), ("fine", 1)])
    assert ("died", ("die", 1), "signal 9") in seen
    assert ("died", ("die", 0), "signal 9") in seen
    assert sum(kind == "done" for kind, _, _ in seen) == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_silent_off_a_terminal(capsys):
    stream = io.StringIO()
    with Progress("files", 3, stream=stream) as progress, Counter() as counter:
        progress.advance(2)
        counter.show("measuring", 1, 2)
    assert stream.getvalue() == ""
    assert capsys.readouterr().err == ""


def test_progress_line_on_a_terminal():
    stream = Terminal()
    with Progress("files", 4, stream=stream) as progress:
        progress.resume(1)
        progress.advance(3, "a.png")
    assert progress.line() == "files 4/4 100 % a.png"
    assert stream.getvalue().endswith("files 4/4 100 % a.png\n")


def test_counter_starts_a_line_for_each_stage(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with Counter() as counter:
        counter.show("one", 0, 2)
        counter.show("one", 2, 2)
        counter.show("two", 1, 1)
        counter.say("done")
    assert "one 2/2 100 %\n" in stream.getvalue()
    assert stream.getvalue().endswith("two 1/1 100 %\ndone\n")


def test_counter_starts_a_line_for_each_count_under_one_label(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with Counter() as counter:
        for done, total in ((5, 90), (90, 90), (16, 40), (17, 40), (2, 40)):
            counter.show("judging", done, total)
    assert "judging 90/90 100 %\n" in stream.getvalue()
    assert "judging 2/40   5 %\n" in stream.getvalue()
    assert "-" not in stream.getvalue()
