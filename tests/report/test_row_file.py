"""A file of entries: well-formed at every moment, kept when a run is ended, gone on with by the same command."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from forensics.errors import UsageError
from forensics.report import row_file
from forensics.report.row_file import RowFile, stamp

HEAD, TAIL = b"[0", b"]\n"
SETTINGS = {"form": "json", "model": "x"}


def written(
    out: Path, inputs: list[tuple[str, list[int] | None]], *, until: int | None = None, settings=SETTINGS
) -> int:
    """Write an entry for each input, interrupted after `until` of them; returns how many were there before."""
    file = RowFile(out, settings, HEAD, TAIL)
    try:
        with file:
            before = file.go_on(inputs)
            for place, (name, mark) in enumerate(inputs[before:], before):
                if place == until:
                    raise KeyboardInterrupt
                file.add(name, mark, f",{name}".encode())
    except KeyboardInterrupt:
        pass
    return before


def content(out: Path) -> list[int]:
    return json.loads(out.read_text())


@pytest.fixture
def inputs():
    return [(str(number), [number, 7]) for number in range(1, 7)]


def test_a_whole_run_leaves_the_file_alone(tmp_path, inputs):
    out = tmp_path / "out.json"
    assert written(out, inputs) == 0
    assert content(out) == [0, 1, 2, 3, 4, 5, 6]
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_entries_are_there_after_an_interruption_and_are_gone_on_with(tmp_path, inputs):
    out = tmp_path / "out.json"
    written(out, inputs, until=2)
    assert content(out) == [0, 1, 2]
    assert written(out, inputs, until=4) == 2
    assert content(out) == [0, 1, 2, 3, 4]
    assert written(out, inputs) == 4
    assert content(out) == [0, 1, 2, 3, 4, 5, 6]
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_an_interrupted_run_without_entries_leaves_nothing(tmp_path, inputs):
    written(tmp_path / "out.json", inputs, until=0)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_file_stays_and_the_entries_wait(tmp_path, inputs):
    out = tmp_path / "out.json"
    out.write_text("earlier")
    written(out, inputs, until=3)
    assert out.read_text() == "earlier"
    assert written(out, inputs) == 3
    assert content(out) == [0, 1, 2, 3, 4, 5, 6]


def test_only_entries_of_unchanged_first_inputs_are_kept(tmp_path, inputs):
    out = tmp_path / "out.json"
    written(out, inputs, until=5)
    changed = [*inputs[:2], ("3", [0, 0]), *inputs[3:]]
    assert written(out, changed) == 2
    assert content(out) == [0, 1, 2, 3, 4, 5, 6]
    written(out, inputs, until=5)
    assert written(out, inputs[1:]) == 0
    assert content(out) == [0, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("settings", [{"form": "csv"}, None])
def test_other_settings_begin_anew(tmp_path, inputs, settings):
    out = tmp_path / "out.json"
    written(out, inputs, until=5)
    assert written(out, inputs, settings=settings) == 0
    assert content(out) == [0, 1, 2, 3, 4, 5, 6]


def test_a_file_that_somebody_changed_since_is_no_longer_ours(tmp_path, inputs):
    out = tmp_path / "out.json"
    written(out, inputs, until=2)
    out.write_text("mine now")
    assert written(out, inputs, until=3) == 0
    assert out.read_text() == "mine now"


def killed(out: Path, inputs, count: int) -> None:
    """What kill -9 leaves: neither file closed nor renamed."""
    file = RowFile(out, SETTINGS, HEAD, TAIL).__enter__()
    file.go_on(inputs)
    for name, mark in inputs[:count]:
        file.add(name, mark, f",{name}".encode())
    os.close(file._data)
    os.close(file._rows)


def test_entries_of_a_killed_run_are_gone_on_with(tmp_path, inputs):
    out = tmp_path / "out.json"
    killed(out, inputs, 4)
    assert not out.exists()
    assert content(tmp_path / ".unfinished-out.json") == [0, 1, 2, 3, 4]
    assert written(out, inputs) == 4
    assert content(out) == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_list_or_data_cut_anywhere_cost_the_last_entries_alone(tmp_path, inputs, cut):
    out = tmp_path / "out.json"
    killed(out, inputs, 4)
    for name in (".unfinished-out.json.rows", ".unfinished-out.json"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[: -min(cut, 6 if name.endswith("json") else cut)])
    assert written(out, inputs) < 4
    assert content(out) == [0, 1, 2, 3, 4, 5, 6]


def test_a_list_that_is_none_begins_anew(tmp_path, inputs):
    (tmp_path / ".unfinished-out.json.rows").write_bytes(b"\xff\n{}\n")
    (tmp_path / ".unfinished-out.json").write_bytes(b"stale")
    written(tmp_path / "out.json", inputs)
    assert content(tmp_path / "out.json") == [0, 1, 2, 3, 4, 5, 6]


def test_a_full_disk_keeps_what_was_written(tmp_path, inputs, monkeypatch):
    out = tmp_path / "out.json"
    write = os.write

    def full(number: int, data: bytes) -> int:
        if b",4" in bytes(data):
            if len(data) > 2:
                return write(number, data[:2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if bytes(data)[:1] == TAIL[:1] and len(data) == 2 and os.lseek(number, 0, os.SEEK_CUR) > 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(number, data)

    monkeypatch.setattr(row_file.os, "write", full)
    with pytest.raises(UsageError, match="No space left on device"):
        written(out, inputs)
    monkeypatch.undo()
    assert content(out) == [0, 1, 2, 3]
    assert written(out, inputs) == 3
    assert content(out) == [0, 1, 2, 3, 4, 5, 6]


def test_two_runs_do_not_write_one_file(tmp_path):
    with (
        RowFile(tmp_path / "out.json", SETTINGS, HEAD, TAIL),
        pytest.raises(UsageError, match="another run is writing"),
        RowFile(tmp_path / "out.json", SETTINGS, HEAD, TAIL),
    ):
        pass


def test_the_longest_name_there_is(tmp_path, inputs):
    out = tmp_path / ("n" * 250 + ".json")
    written(out, inputs, until=2)
    assert written(out, inputs) == 2
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_stamp_changes_with_the_file(tmp_path):
    path = tmp_path / "a"
    assert stamp(str(path)) is None
    path.write_text("1")
    first = stamp(str(path))
    path.write_text("2")
    assert first is not None
    assert stamp(str(path)) != first
