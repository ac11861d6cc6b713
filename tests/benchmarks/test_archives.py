"""The cost of a survey by number of files: whole runs, whose pictures are all refused."""

from __future__ import annotations

import tarfile

import pytest
from forensics_benchmarks import archives

from forensics.errors import ForensicsError


def test_archives_are_half_folders_and_half_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SHARD", 2)
    archives.make_archive(tmp_path, 5)
    assert len(list(tmp_path.glob("*/*.png"))) == 3
    with tarfile.open(tmp_path / "00001.tar") as shard:
        assert shard.getnames() == ["00000002.png", "00000003.png"]


def test_rows_tell_cost_and_memory():
    table = archives.by_files([2, 4])
    assert [row[0] for row in table.rows] == ["2", "4"]
    assert all(len(row) == len(table.header) for row in table.rows)
    assert all(float(row[1]) > 0 and float(row[5]) > 20 for row in table.rows)


def test_a_run_that_fails_is_told(tmp_path):
    with pytest.raises(ForensicsError, match="ended with 1"):
        archives.cost(("survey", str(tmp_path / "nothing-*.png"), "--out", str(tmp_path / "table")))
