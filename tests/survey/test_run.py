"""Surveys: rows once and for all, whatever ended the run before; what changed, went or failed."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from forensics.errors import UsageError
from forensics.executors import Here, Processes
from forensics.survey import run as run_module
from forensics.survey import table as table_module
from forensics.survey.judging import Options, identified
from forensics.survey.run import SurveyOutcome, summary, survey
from forensics.survey.table import INDEX, Table, is_table, parts, read_mark
from tests.survey.working import pictures, quick, rows

OPTIONS = Options(max_pixels=1000)


def go(out: Path, *sources: object, options: Options = OPTIONS, **further: object) -> SurveyOutcome:
    with Table(out) as table:
        return survey([str(source) for source in sources], table, Here(), options, work=quick, **further)  # type: ignore[arg-type]


@pytest.fixture
def archive(tmp_path):
    pictures(tmp_path / "in" / "a", 6)
    pictures(tmp_path / "in", 3, "top")
    return tmp_path / "in"


def test_every_picture_has_a_row_and_is_judged_once(archive, tmp_path):
    out = tmp_path / "out"
    first = go(out, archive)
    assert (first.judged, first.unchanged) == (9, 0)
    assert sum(first.verdicts.values()) == 9
    held = rows(out)
    assert {row["label"] for row in held.values()} == {"a", None}
    assert all(row["source"] == str(archive) and len(row["sha256"]) == 64 for row in held.values())
    second = go(out, archive)
    assert (second.judged, second.unchanged) == (0, 9)
    assert second.verdicts == first.verdicts
    assert rows(out) == held
    assert len(parts(out)) == 1


def test_it_speaks_at_once_and_then_now_and_then_off_a_terminal(archive, tmp_path, capsys, monkeypatch):
    go(tmp_path / "silent", archive)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(run_module, "_SPOKEN", 0.0)
    go(tmp_path / "out", archive, show=True)
    first, *later = capsys.readouterr().err.splitlines()
    assert first.startswith("forensics: survey: the model is loaded")
    assert any("/9 pictures" in line or "9 pictures" in line for line in later)


def test_what_changed_came_or_went(archive, tmp_path):
    out = tmp_path / "out"
    go(out, archive)
    before = rows(out)
    (archive / "a" / "00001.png").write_bytes(b"another content")
    (archive / "a" / "00002.png").unlink()
    pictures(archive, 1, "new")
    outcome = go(out, archive)
    assert (outcome.judged, outcome.unchanged, outcome.gone) == (2, 7, 1)
    after = rows(out)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert {os.path.basename(name) for name in changed} == {"00001.png", "00002.png", "new00000.png"}
    assert "1 taken out" in summary(outcome, out)


def test_rows_of_other_sources_stay(archive, tmp_path):
    out = tmp_path / "out"
    other = pictures(tmp_path / "other", 2)
    go(out, archive)
    go(out, other)
    assert len(rows(out)) == 11
    outcome = go(out, archive, other)
    assert (outcome.judged, outcome.unchanged) == (0, 11)


def test_a_picture_of_two_sources_has_one_row(archive, tmp_path):
    outcome = go(tmp_path / "out", archive, archive / "a", archive / "a" / "00000.png")
    assert len(rows(tmp_path / "out")) == 9
    assert outcome.judged == 9


def test_another_judge_makes_rows_stale(archive, tmp_path):
    out = tmp_path / "out"
    go(out, archive)
    other = Options(max_pixels=2000)
    outcome = go(out, archive, options=other)
    assert (outcome.judged, outcome.unchanged) == (9, 0)
    assert len(rows(out)) == 9
    assert [facts["max_pixels"] for facts in read_mark(out)["judges"].values()] == [2000]
    assert len(list(out.glob("judge=*"))) == 1


def test_errors_are_rows_and_are_tried_again_on_request(archive, tmp_path):
    out = tmp_path / "out"
    (archive / "raises.png").write_bytes(b"x")
    (archive / "empty.png").write_bytes(b"")
    (archive / "shard.tar").write_bytes(b"no archive")
    outcome = go(out, archive)
    assert dict(outcome.errors) == {"internal": 1, "empty": 1, "archive": 1}
    failed = {os.path.basename(name): row for name, row in rows(out).items() if row["error"] is not None}
    assert set(failed) == {"raises.png", "empty.png", "shard.tar"}
    assert failed["raises.png"]["error"] == "internal error, please report it: ValueError: broken"
    assert all(row["verdict"] is None for row in failed.values())
    assert go(out, archive).judged == 0
    assert go(out, archive, retry_errors=True).judged == 3
    assert "failed: internal" in summary(outcome, out)


def test_a_picture_that_kills_is_reported_and_skipped(archive, tmp_path):
    (archive / "kills.png").write_bytes(b"x")
    with Table(tmp_path / "out") as table, Processes(2) as workers:
        outcome = survey([str(archive)], table, workers, OPTIONS, work=quick)
    assert dict(outcome.errors) == {"died": 1}
    assert sum(outcome.verdicts.values()) == 9
    go(tmp_path / "here", archive / "a", archive / "top00000.png")
    shared = rows(tmp_path / "out", ("source", "label"))
    assert all(shared[name] == row for name, row in rows(tmp_path / "here", ("source", "label")).items())


class Stop(Exception):
    """Ends a run in its middle."""


@pytest.mark.parametrize("after", [0, 1, 4, 8])
def test_a_run_that_ends_in_its_middle_is_gone_on_with(archive, tmp_path, after):
    class Ending(Here):
        left = after

        def submit(self, function, /, *arguments, name=""):
            if function is not identified and self.left == 0:
                raise Stop
            self.left -= function is not identified
            return super().submit(function, *arguments, name=name)

    go(tmp_path / "whole", archive)
    with pytest.raises(Stop), Table(tmp_path / "out") as table:
        survey([str(archive)], table, Ending(), OPTIONS, work=quick)
    assert len(rows(tmp_path / "out")) == after
    assert not read_mark(tmp_path / "out")["complete"]
    outcome = go(tmp_path / "out", archive)
    assert (outcome.judged, outcome.unchanged) == (9 - after, after)
    assert rows(tmp_path / "out") == rows(tmp_path / "whole")


def test_the_index_is_made_again_from_the_parts(archive, tmp_path):
    out = tmp_path / "out"
    go(out, archive)
    held = rows(out)
    for spoil in (lambda path: path.unlink(), lambda path: path.write_bytes(b"torn" * 5000)):
        for path in out.glob("_index*"):
            spoil(path)
        assert go(out, archive).unchanged == 9
        assert rows(out) == held


def test_a_part_that_the_index_does_not_know_counts(archive, tmp_path):
    """Killed between writing a part and entering it."""
    out = tmp_path / "out"
    go(out, archive)
    part = parts(out)[0]
    copy = part.with_name("part-000000099.parquet")
    shutil.copy(part, copy)
    outcome = go(out, archive)
    assert outcome.unchanged == 9
    assert parts(out) == [copy]
    copy.unlink()
    assert go(out, archive).judged == 9


def test_many_small_parts_are_merged(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(table_module, "PART_SECONDS", 0.0)
    monkeypatch.setattr(table_module, "_SMALL_PARTS", 3)
    out = tmp_path / "out"
    go(out, archive)
    assert len(rows(out)) == 9
    assert len(parts(out)) == 1
    with sqlite3.connect(out / INDEX) as index:
        assert index.execute("select count(*), count(distinct part) from rows").fetchone() == (9, 1)
    index.close()


def test_an_unread_folder_takes_no_rows_out(archive, tmp_path):
    out = tmp_path / "out"
    go(out, archive)
    (archive / "top00000.png").unlink()
    with Table(out) as table:
        outcome = survey([str(archive)], table, Here(), OPTIONS, work=quick)
    assert outcome.gone == 1


def test_two_runs_do_not_write_one_table(archive, tmp_path):
    with Table(tmp_path / "out"), pytest.raises(UsageError, match="another run"), Table(tmp_path / "out"):
        pass


def test_a_folder_with_other_things_is_no_table(archive, tmp_path):
    with pytest.raises(UsageError, match="no survey's table"), Table(archive):
        pass
    assert not is_table(archive)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(UsageError, match="is a file"), Table(file):
        pass


def test_sources_without_a_picture_are_wrong_usage(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    with pytest.raises(UsageError, match="no source holds a picture; passed over 1"):
        go(tmp_path / "out", tmp_path / "in")


def test_progress_has_rate_and_time_left(archive, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run_module._Told, "alive", run_module._Told.alive)
    line = run_module._Told([str(archive)], "", True)
    line._pause = 0.0
    with line:
        while line.total is None:
            pass
        line.advance()
    _, said = capsys.readouterr().err.split("\n", 1)
    assert said.startswith("forensics: survey: 1/9 pictures, ")
    assert said.endswith(" left\n")


def test_the_table_is_read_by_arrow_as_one_data_set(archive, tmp_path):
    import pyarrow.dataset as ds

    go(tmp_path / "out", archive)
    table = ds.dataset(tmp_path / "out", partitioning="hive", exclude_invalid_files=False).to_table()
    assert table.num_rows == 9
    assert table.column("judge").unique().to_pylist() == [*read_mark(tmp_path / "out")["judges"]]
