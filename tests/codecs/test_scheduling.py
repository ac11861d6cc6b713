"""No encoder leaves this process, or a thread of it, at a real-time priority."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from forensics.codecs import process_encoders
from forensics.codecs.scheduling import ordinary_threads


def real_time_threads() -> list[str]:
    tasks = Path("/proc/self/task").iterdir()
    return [task.name for task in tasks if os.sched_getscheduler(int(task.name)) in (os.SCHED_FIFO, os.SCHED_RR)]


def become_real_time() -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pytest.skip("only root may run threads at a real-time priority")


@pytest.fixture(autouse=True)
def ordinary():
    """All threads as a process is started, whatever these tests were started at or leave behind."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    for task in real_time_threads():
        os.sched_setscheduler(int(task), os.SCHED_OTHER, os.sched_param(0))
    yield
    os.sched_setscheduler(0, policy, parameters)


def test_threads_are_put_back():
    stop = threading.Event()
    helper = threading.Thread(target=stop.wait)
    with ordinary_threads():
        become_real_time()
        helper.start()
        assert len(real_time_threads()) == 2
    left = real_time_threads()
    stop.set()
    helper.join()
    assert left == []


def test_a_process_started_at_such_a_priority_keeps_it():
    become_real_time()
    with ordinary_threads():
        pass
    assert os.sched_getscheduler(0) == os.SCHED_RR


def test_svt_av1_leaves_no_thread_at_a_real_time_priority():
    codec = process_encoders.get("av1")
    state = codec.availability()
    if not state.encode:
        pytest.skip(state.reason)
    codec.encode(np.full((64, 64, 3), 90, np.uint8))
    assert real_time_threads() == []
