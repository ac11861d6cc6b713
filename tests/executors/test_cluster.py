"""A real Dask scheduler with two worker processes over TCP: the same interface, and deaths that cost nothing."""

from __future__ import annotations

import os
import signal
import time

import pytest

from forensics.errors import UsageError
from forensics.executors import Died, Raised, executor
from forensics.executors.tasks import on_cluster, run_all
from tests.executors import dask_cluster, working

pytest.importorskip("distributed", reason="Dask distributed (the extra cluster) is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with dask_cluster.running(tmp_path_factory.mktemp("cluster")) as found:
        found.wait_for(2)
        yield found


def test_results_errors_and_streams_are_those_of_every_executor(cluster):
    with executor(scheduler=cluster.address) as found:
        assert found.slots == 2
        futures = [found.submit(working.double, number) for number in range(20)]
        assert [future.result() for future in futures] == [2 * number for number in range(20)]
        with pytest.raises(Raised, match=r"^ValueError: broken$"):
            found.submit(working.complain, "broken").result()
        heard: list[int] = []
        assert found.stream(working.count, 4, heard=heard.append).result() is None
        assert heard == [0, 1, 2, 3]


def test_tasks_of_a_killed_worker_are_done_again(cluster):
    cluster.wait_for(2)
    with executor(scheduler=cluster.address) as found:
        futures = [found.submit(working.double, number) for number in range(3)]
        futures += [found.submit(working.sleep, 0.4) for _ in range(8)]
        time.sleep(0.3)
        os.kill(cluster.processes()[0], signal.SIGKILL)
        futures += [found.submit(working.double, number) for number in range(3)]
        assert [future.result() for future in futures] == [0, 2, 4, *[None] * 8, 0, 2, 4]


def test_a_task_that_kills_or_hangs_is_begun_again_and_at_last_given_up(cluster, tmp_path):
    cluster.wait_for(2)
    with executor(scheduler=cluster.address, limit=2.0) as found:
        assert found.submit(working.die_at_first, str(tmp_path / "a"), 2).result() == "after 2"
        assert found.submit(working.hang_at_first, str(tmp_path / "b")).result() == "back"
        with pytest.raises(Died, match="several workers died at it"):
            found.submit(working.die).result()


def test_a_data_set_comes_out_the_same_and_tasks_are_counted(cluster, tmp_path):
    from forensics.dataset import encoders, manifest
    from forensics.dataset.build import build
    from forensics.dataset.plan import Settings

    (tmp_path / "sources").mkdir()
    settings = Settings("random", 5, 1, encoders.available(("jpeg",)), {"train": 1.0}, 2)
    build(tmp_path / "sources", tmp_path / "here", settings)
    cluster.wait_for(2)
    with on_cluster(cluster.address):
        build(tmp_path / "sources", tmp_path / "there", settings, jobs=1)
    made = [(tmp_path / place / manifest.MANIFEST).read_bytes() for place in ("here", "there")]
    assert made[0] == made[1]
    seen: list[tuple[int, int]] = []
    with on_cluster(cluster.address):
        run_all(working.count, [1, 2, 3], 1, failure=str, done=0, progress=lambda *counts: seen.append(counts))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_no_scheduler_is_one_line(monkeypatch):
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(UsageError, match=r"^no Dask scheduler answers at 'tcp://127.0.0.1:9'"),
    ):
        executor(scheduler="tcp://127.0.0.1:9")
