"""From a tiny data set and two judges to a fused one that analyses."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files

import numpy as np
import pytest
from forensics_models.fused import CARD_FILE, MODES, FusedJudge

from forensics.errors import UsageError
from forensics.training import fusion as training_fusion

pytest.importorskip("xgboost")
pytest.importorskip("onnx")

ARTEFACTS = files("forensics_models") / "artefacts"


@pytest.fixture(scope="module")
def models(tiny_training, tmp_path_factory):
    """The tiny baseline next to the shipped network."""
    folder = tmp_path_factory.mktemp("models") / "both"
    shutil.copytree(tiny_training[0], folder)
    for name in ("cnn.json", "cnn.onnx.gz"):
        (folder / name).write_bytes((ARTEFACTS / name).read_bytes())
    return folder


def test_every_mode_is_fitted_and_judges(tiny_dataset, models, tmp_path, monkeypatch):
    monkeypatch.setattr(training_fusion, "STRANGE_FILES", 4)
    lines: list[str] = []
    stored = training_fusion.train_fusion([tiny_dataset], models, tmp_path / "out", jobs=1, seed=3, report=lines.append)
    assert set(stored["modes"]) == set(MODES)
    assert len(lines) == 3
    assert stored == json.loads((tmp_path / "out" / CARD_FILE).read_text())
    for mode in MODES:
        judge = FusedJudge(tmp_path / "out", mode)
        judged = judge.judge(np.zeros((1, len(judge.feature_names)), np.float32), [np.zeros((64, 64, 3), np.uint8)])
        assert judged.fine_probabilities.sum() == pytest.approx(1)
        assert stored["modes"][mode]["card"]["validation"]["windows"] == judge.card["fitted_on"]["windows"]


def test_a_missing_judge_is_said(tiny_dataset, tiny_training, tmp_path):
    with pytest.raises(UsageError, match=r"cnn\.json"):
        training_fusion.train_fusion([tiny_dataset], tiny_training[0], tmp_path, jobs=1, seed=3)
