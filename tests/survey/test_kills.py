"""A survey killed with SIGKILL at random moments comes to the same rows; one on a cluster that loses a worker too."""

from __future__ import annotations

import io
import os
import shutil
import signal
import tarfile
import threading
import time

import numpy as np
import pytest
from PIL import Image

from forensics.executors import executor
from forensics.survey.judging import Options
from forensics.survey.run import survey
from forensics.survey.table import Table, is_table
from tests.executors import dask_cluster
from tests.killing import SIGNALS, Run, kill_until_done
from tests.survey.working import pictures, quick, rows


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Small pictures in folders and in a TAR archive."""
    folder = tmp_path_factory.mktemp("archive")
    rng = np.random.default_rng(5)
    for index in range(12):
        values = rng.integers(0, 256, (8, 8, 3), np.uint8).repeat(12, 0).repeat(12, 1) // 2
        values += rng.integers(0, 30, values.shape, np.uint8)
        (folder / f"{index % 3}").mkdir(exist_ok=True)
        Image.fromarray(values).save(stream := io.BytesIO(), "JPEG", quality=80)  # a verdict on it takes least
        Image.open(stream).save(folder / f"{index % 3}" / f"{index:02d}.png")
    with tarfile.open(folder / "shard.tar", "w") as shard:
        for index in range(2, 12, 3):
            path = folder / "2" / f"{index:02d}.png"
            shard.add(path, f"{index:02d}.png")
            path.unlink()
    return folder


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.heavy)])
def test_a_killed_survey_comes_to_the_same_rows(archive, tmp_path, times):
    arguments = ["survey", archive, "--out", "table", "--jobs", 2, "--model", "baseline"]
    out = tmp_path / "table"
    start = time.monotonic()
    assert Run(arguments, tmp_path).end()[0] == 0
    longest, reference = time.monotonic() - start, rows(out)
    assert len(reference) == 12

    def whole() -> None:
        if is_table(out):
            assert all(reference[name] == row for name, row in rows(out).items())

    def begin() -> None:
        shutil.rmtree(out, ignore_errors=True)

    def done() -> None:
        assert rows(out) == reference
        assert not [path for path in out.rglob(".part-*")]

    kill_until_done(
        arguments, tmp_path, SIGNALS["KILL"], times, longest=longest, seed=11, whole=whole, begin=begin, done=done
    )


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_worker_gives_the_same_table(tmp_path):
    pytest.importorskip("distributed", reason="Dask distributed (the extra cluster) is not installed")
    archive = pictures(tmp_path / "in", 100, "slow")
    options = Options(max_pixels=1000)
    with Table(tmp_path / "here") as table, executor(1) as alone:
        survey([str(archive)], table, alone, options, work=quick)
    (tmp_path / "dask").mkdir()
    with dask_cluster.running(tmp_path / "dask") as cluster:
        cluster.wait_for(2)
        victim = cluster.processes()[0]
        killing = threading.Timer(1.0, os.kill, (victim, signal.SIGKILL))
        with Table(tmp_path / "there") as table, executor(scheduler=cluster.address) as workers:
            workers.submit(time.sleep, 0).result()
            killing.start()
            outcome = survey([str(archive)], table, workers, options, work=quick)
        killing.join()
    assert not outcome.errors
    assert rows(tmp_path / "there") == rows(tmp_path / "here")
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)
