"""Executors: results, errors, deaths, hangs, and that nothing is left running."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from multiprocessing import forkserver

import pytest

from forensics.executors import Died, Executor, Here, Processes, Raised, executor, processes
from tests.executors import working


@pytest.fixture(params=["here", "processes"])
def any_kind(request):
    with executor(1 if request.param == "here" else 2) as found:
        yield found


def test_the_options_choose_the_kind():
    for jobs, apart, kind in ((1, False, Here), (1, True, Processes), (3, False, Processes)):
        with executor(jobs, apart=apart) as found:
            assert type(found) is kind
            assert found.slots == jobs


def test_results_and_errors_arrive(any_kind: Executor):
    futures = [any_kind.submit(working.double, number) for number in range(20)]
    assert [future.result() for future in futures] == [2 * number for number in range(20)]
    with pytest.raises(Raised, match=r"^ValueError: broken$"):
        any_kind.submit(working.complain, "broken").result()
    heard: list[int] = []
    assert any_kind.stream(working.count, 4, heard=heard.append).result() is None
    assert heard == [0, 1, 2, 3]


def test_what_cannot_be_sent_is_an_error_and_no_more():
    with Processes(1) as found:
        with pytest.raises(Raised):
            found.submit(lambda: 1).result()
        assert found.submit(working.double, 2).result() == 4


def test_a_task_whose_process_dies_is_done_again(tmp_path):
    notes: list[str] = []
    with Processes(2, note=notes.append) as found:
        future = found.submit(working.die_at_first, str(tmp_path / "a"), 2, name="a.png")
        others = [found.submit(working.double, number) for number in range(10)]
        assert future.result() == "after 2"
        assert [other.result() for other in others] == [2 * number for number in range(10)]
    assert notes == ["a.png: the process that worked on it died (signal 9); it is tried again"] * 2


def test_a_task_that_kills_is_given_up_after_three_tries(tmp_path):
    mark = tmp_path / "a"
    with Processes(1) as found:
        with pytest.raises(Died, match="signal 9"):
            found.submit(working.die_at_first, str(mark), 99).result()
        assert found.submit(working.double, 2).result() == 4
    assert mark.read_text().count("\n") == 3


def test_a_task_that_hangs_counts_as_dead(tmp_path):
    with Processes(1, limit=5.0) as found:
        assert found.submit(working.hang_at_first, str(tmp_path / "a")).result() == "back"
    with Processes(1, limit=0.3, tries=1) as found, pytest.raises(Died, match=r"no answer in 0\.3 s"):
        found.submit(working.sleep, 600).result()


def test_messages_are_heard_while_the_task_runs():
    heard: list[tuple[int, float]] = []
    with Processes(1) as found:
        found.stream(working.count, 3, 0.3, heard=lambda item: heard.append((item, time.monotonic()))).result()
    assert heard[-1][1] - heard[0][1] > 0.4


def test_leaving_stops_what_runs_and_cancels_what_waits():
    with Processes(1) as found:
        process = found.submit(working.process).result()
        running = found.submit(working.sleep, 600)
        waiting = found.submit(working.double, 1)
        while not running.running():
            time.sleep(0.01)
    with pytest.raises(Died):
        running.result()
    with pytest.raises(CancelledError):
        waiting.result()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    with pytest.raises(RuntimeError):
        found.submit(working.double, 1)


def test_workers_that_are_slow_to_end_are_waited_for_together(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE", 3.0)
    with Processes(2) as found:
        pids = [future.result() for future in [found.submit(working.end_late, str(tmp_path), 60.0) for _ in range(2)]]
        start = time.monotonic()
    assert time.monotonic() - start < 2 * 3.0
    assert len(set(pids)) == 2
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


def test_prepared_processes_are_those_that_work_and_a_failed_preparation_costs_nothing():
    with Processes(2) as found:
        found.prepare("os", "getpid")
        found.prepare("tests.executors.working", "missing")
        assert [found.submit(working.double, number).result() for number in range(6)] == [0, 2, 4, 6, 8, 10]
        assert len(found._workers) <= 2
    with executor(1) as here:
        here.prepare("tests.executors.working", "missing")
        assert here.submit(working.double, 2).result() == 4


def test_several_prepared_processes_are_forked_from_one_that_has_imported_the_module(tmp_path):
    with Processes(2) as found:
        found.prepare("tests.executors.working", "process")
        both = [found.submit(working.meet, str(tmp_path), 2) for _ in range(2)]
        pids, parents = zip(*[future.result(timeout=60) for future in both], strict=True)
    assert len(set(pids)) == 2
    assert len(set(parents)) == 1
    assert os.getpid() not in parents
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


def test_processes_are_started_afresh_where_what_forks_them_dies():
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # that of another test, which has imported its module
    with Processes(2) as found:
        found.prepare("tests.executors.dying", "nothing")
        assert [found.submit(working.double, number).result(timeout=60) for number in range(4)] == [0, 2, 4, 6]
        assert found._context.get_start_method() == "spawn"


def test_forked_processes_and_what_forked_them_end_with_a_parent_that_is_killed(tmp_path):
    script = f"""
import time
from forensics.executors import Processes
from tests.executors import working
if __name__ == "__main__":
    found = Processes(2)
    found.prepare("tests.executors.working", "process")
    both = [found.submit(working.meet, {str(tmp_path)!r}, 2) for _ in range(2)]
    print(*[number for one in both for number in one.result()], flush=True)
    for _ in range(2):
        found.submit(working.sleep, 600)
    time.sleep(600)
"""
    path = tmp_path.parent / "killed.py"
    path.write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(set(pids)) == 3
    parent.kill()
    parent.wait()
    until = time.monotonic() + 30
    while any(running(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    parent.stdout.close()
    assert not [pid for pid in pids if running(pid)]


def running(pid: int) -> bool:
    """Whether a process is there and is no mere entry that nobody has fetched."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def refuse(self):
    raise BlockingIOError(11, "Resource temporarily unavailable")


def test_no_process_that_can_be_started_is_an_answer_and_no_waiting(monkeypatch):
    monkeypatch.setattr(Processes, "_start", refuse)
    with Processes(2) as found:
        for future in [found.submit(working.double, number) for number in range(3)]:
            with pytest.raises(Died, match="no process can be started: BlockingIOError"):
                future.result(timeout=20)


def test_those_that_could_be_started_do_all_the_work(monkeypatch):
    start = Processes._start
    monkeypatch.setattr(Processes, "_start", lambda self: refuse(self) if self._workers else start(self))
    with Processes(3) as found:
        futures = [found.submit(working.double, number) for number in range(6)]
        assert [future.result(timeout=60) for future in futures] == [0, 2, 4, 6, 8, 10]


def test_a_script_without_its_main_guard_is_told_and_does_not_hang(tmp_path):
    script = "import math\nfrom forensics.executors import executor\nwith executor(2) as found:\n"
    (tmp_path / "script.py").write_text(script + "    print(found.submit(math.sqrt, 4.0).result())\n")
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Died" in done.stderr
    assert "__main__" in done.stderr


def test_what_ends_the_managing_thread_ends_its_tasks(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    monkeypatch.setattr(Processes, "_dispatch", lambda self: 1 // (0 if self._waiting else 1))
    found = Processes(1)
    future = found.submit(working.double, 1)
    with pytest.raises((Died, CancelledError)):
        future.result(timeout=20)
    found._thread.join(20)
    with pytest.raises(RuntimeError, match="shut down"):
        found.submit(working.double, 2)
