"""Which judge a command gets, and what it says when that one is not there."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from forensics_models.fused import MODES

from forensics.errors import UsageError
from forensics.windows import judges
from forensics.windows.judges import shipped_judge, trained_judge


@pytest.fixture
def folder(tmp_path):
    """A copy of the shipped models, without the network's own format."""
    with_all = tmp_path / "models"
    with_all.mkdir()
    for entry in (files("forensics_models") / "artefacts").iterdir():
        if not entry.name.endswith(".keras"):
            (with_all / entry.name).write_bytes(entry.read_bytes())
    return with_all


def test_the_best_judge_is_the_default(folder):
    assert shipped_judge().card["model"] == "fused"
    assert trained_judge(folder).card["model"] == "fused"


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_can_be_asked_for(folder, mode):
    assert trained_judge(folder, mode).card["model"] == mode


def test_a_folder_with_a_baseline_alone_judges_by_it(folder):
    (folder / "fusion.json").unlink()
    assert trained_judge(folder).card["model"] == "baseline"
    with pytest.raises(UsageError, match=r"fusion\.json is missing"):
        trained_judge(folder, "fused")


def test_unknown_modes_and_empty_folders_are_one_line_errors(folder, tmp_path):
    with pytest.raises(UsageError, match="one of baseline, cnn, fused"):
        shipped_judge("both")
    with pytest.raises(UsageError, match="holds no model"):
        trained_judge(tmp_path / "nothing")


def test_a_damaged_network_is_a_one_line_error(folder):
    (folder / "cnn.onnx.gz").write_bytes(b"no gzip")
    judges.trained_judge.cache_clear()
    with pytest.raises(UsageError, match="cannot be used") as caught:
        trained_judge(folder, "fused")
    assert "\n" not in str(caught.value)
    assert trained_judge(folder, "baseline").card["model"] == "baseline"


def test_the_command_takes_a_model(tmp_path):
    from forensics.cli.main import run

    sample = Path(__file__).parents[1] / "examples" / "webp.png"
    shutil.copy(sample, tmp_path / "a.png")
    for mode in MODES:
        out = tmp_path / f"{mode}.csv"
        with pytest.raises(SystemExit) as stop:
            run(["analyze", str(tmp_path / "a.png"), "--model", mode, "--format", "csv", "--out", str(out)])
        assert stop.value.code == 0
        head, row = out.read_text().splitlines()
        assert f"{mode} trained on" in row
        assert dict(zip(head.split(","), row.split(","), strict=False))["verdict"] == "webp"
