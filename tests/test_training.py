"""From a data set to a model that judges: the card, the command, resuming, and data sets that lack something."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from forensics_features import FEATURES_VERSION, FeatureExtractor
from forensics_models.baseline import CARD_FILE, CLASSIFIER_FILE, STRENGTH_FILE, Baseline
from forensics_models.classes import CLASSES

import forensics
from forensics.dataset import features, manifest, patches
from forensics.dataset.features import carries_its_label
from forensics.errors import UsageError, install_extra
from forensics.training import trees as training
from tests.calling import call

pytest.importorskip("xgboost")
pytest.importorskip("onnx")


def usable(folder: Path, split: str) -> list[manifest.Row]:
    return [row for row in manifest.read(folder) if row.split == split and carries_its_label(row)]


@pytest.fixture
def light(monkeypatch):
    """One cheap family in the place of all, so that a table takes a moment."""

    def quick(dataset, split, **options):
        return build(dataset, split, **{**options, "families": ("rounding",)})

    build = training.build_table
    monkeypatch.setattr(training, "build_table", quick)
    monkeypatch.setattr("forensics_features.FeatureExtractor", lambda: FeatureExtractor(("rounding",)))


@pytest.fixture
def without(tiny_dataset, tmp_path):
    """Makes a copy of the tiny data set whose manifest lacks the rows that a test picks."""

    def copy(drop) -> Path:
        folder = tmp_path / "data"
        shutil.copytree(tiny_dataset, folder, ignore=shutil.ignore_patterns("features"))
        manifest.write(folder, [row for row in manifest.read(tiny_dataset) if not drop(row)])
        return folder

    return copy


def test_the_card_states_data_recipe_and_figures(tiny_dataset, tiny_training):
    folder, card = tiny_training
    assert card["manifest_sha256"] == hashlib.sha256((tiny_dataset / "manifest.csv").read_bytes()).hexdigest()
    assert card["windows"] == {split: 2 * len(usable(tiny_dataset, split)) for split in ("train", "val")}
    assert card["sources"] == {"train": 4, "val": 2}
    assert (card["recipe"]["seed"], card["recipe"]["rounds"]) == (3, 4)
    assert 1 <= card["rounds"] <= 4
    assert card["packages"]["numpy"] == np.__version__
    assert card["limits"]
    figures = card["validation"]
    assert figures["windows"] == card["windows"]["val"]
    assert all(0 <= figures[name] <= 1 for name in ("accuracy", "fine_accuracy", "false_positive_rate"))
    seen = {row.class_name for row in usable(tiny_dataset, "val")}
    assert set(figures["accuracy_by_class"]) == seen
    assert {path.name for path in folder.iterdir()} == {CARD_FILE, CLASSIFIER_FILE, STRENGTH_FILE}
    assert json.loads((folder / CARD_FILE).read_text())["card"] == json.loads(json.dumps(card))


def test_the_model_judges_windows(tiny_training):
    model = Baseline(tiny_training[0])
    extractor = FeatureExtractor()
    assert model.feature_names == extractor.feature_names
    assert model.features_version == FEATURES_VERSION
    pictures = np.random.default_rng(0).integers(0, 256, (3, 80, 90, 3), dtype=np.uint8)
    judged = model.judge(extractor.transform(pictures))
    np.testing.assert_allclose(judged.probabilities.sum(axis=1), 1)
    for interval in (judged.log2_ratio, judged.ssim):
        assert interval.shape == (3, 3)
        assert (np.diff(interval, axis=1) >= 0).all()
    assert ((judged.ssim >= 0) & (judged.ssim <= 1)).all()


def test_a_picture_is_analysed_with_the_model(tiny_training, scene):
    folder, card = tiny_training
    analysis = forensics.analyze(scene, judge=Baseline(folder))
    assert {name for name, _ in analysis.ranking} == set(CLASSES)
    assert sum(probability for _, probability in analysis.ranking) == pytest.approx(1)
    assert analysis.versions["model"] == f"baseline trained on {card['manifest_sha256'][:12]}"
    assert set(card["limits"]) <= set(analysis.limits)


def test_the_same_seed_gives_the_same_artefacts(tiny_dataset, tiny_training, tmp_path):
    training.train_baseline([tiny_dataset], tmp_path, jobs=1, seed=3, rounds=4)
    for name in (CARD_FILE, CLASSIFIER_FILE, STRENGTH_FILE):
        assert (tmp_path / name).read_bytes() == (tiny_training[0] / name).read_bytes()


def test_measured_windows_serve_the_next_training(tiny_dataset, tiny_training, tmp_path, monkeypatch):
    monkeypatch.setattr(patches, "load_pixels", None)
    card = training.train_baseline([tiny_dataset], tmp_path, jobs=1, seed=3, rounds=1)
    assert card["recipe"]["rounds"] == card["recipe"]["strength_rounds"] == 1
    assert card["windows"] == tiny_training[1]["windows"]


def test_interrupted_measuring_goes_on_where_it_stopped(without, tmp_path, monkeypatch, light, capsys):
    folder = without(lambda row: False)
    load, loaded = patches.load_pixels, []

    def counting(dataset, row, decoder=None):
        loaded.append(row.id)
        if len(loaded) == 11:
            raise KeyboardInterrupt
        return load(dataset, row)

    monkeypatch.setattr(features, "PART_FILES", 4)
    monkeypatch.setattr(patches, "load_pixels", counting)
    arguments = ("train", "baseline", folder, "--out", tmp_path / "model", "--jobs", 1, "--rounds", 2)
    assert call(*arguments) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "forensics: interrupted"
    assert not list((tmp_path / "model").glob("*"))
    assert call(*arguments) == 0
    # Validation files are read twice: for the windows of the table, and for several windows of one size.
    expected = [row.id for split in ("train", "val", "val") for row in usable(folder, split)]
    assert sorted(loaded) == sorted(expected + loaded[8:11])


def test_the_command_prints_the_figures_of_the_card(without, tmp_path, capsys, light):
    folder = without(lambda row: False)
    assert call("train", "baseline", folder, "--out", tmp_path / "model", "--jobs", 1, "--rounds", 2) == 0
    out = capsys.readouterr().out
    card = Baseline(tmp_path / "model").card
    assert f"accuracy          {card['validation']['accuracy']:.4f} over nine classes" in out
    assert f"false positives   {card['validation']['false_positive_rate']:.4f} of uncompressed windows" in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")] == list(
        card["validation"]["accuracy_by_class"]
    )


def test_without_uncompressed_validation_pictures_the_rate_is_not_known(without, tmp_path, capsys, light, scene):
    folder = without(lambda row: row.split == "val" and row.fine_class == "uncompressed")
    assert call("train", "baseline", folder, "--out", tmp_path / "model", "--jobs", 1, "--rounds", 2) == 0
    assert "false positives   not known: no uncompressed window to judge" in capsys.readouterr().out
    text = (tmp_path / "model" / CARD_FILE).read_text()
    stored = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert stored["card"]["validation"]["false_positive_rate"] is None
    assert stored["evidence"] == {}
    judge = Baseline(tmp_path / "model")
    analysis = forensics.analyze(scene, judge=judge, extractor=FeatureExtractor(("rounding",)))
    assert analysis.evidence == ()


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_without_compressed_files_is_one_line(without, tmp_path, capsys, light, split):
    folder = without(lambda row: row.split == split and row.fine_class != "uncompressed")
    assert call("train", "baseline", folder, "--out", tmp_path / "model", "--jobs", 1) == 1
    said = f"data holds no compressed file in the split '{split}': strength cannot be learned"
    assert capsys.readouterr().err == f"forensics: error: {said}\n"


def test_a_missing_split_is_one_line(without, tmp_path, capsys, light):
    folder = without(lambda row: row.split == "val")
    assert call("train", "baseline", folder, "--out", tmp_path / "model", "--jobs", 1) == 1
    assert capsys.readouterr().err == "forensics: error: data holds no file of the split 'val'\n"
    assert not (folder / "features").exists()  # nothing was measured


def test_a_missing_extra_is_one_line(tiny_dataset, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    assert call("train", "baseline", tiny_dataset, "--out", tmp_path / "model") == 1
    line = f"training needs the extra `train`: {install_extra('train')} (xgboost is missing)"
    assert capsys.readouterr().err == f"forensics: error: {line}\n"
    assert not (tmp_path / "model").exists()


def test_a_place_that_cannot_be_written_is_told_before_the_work(tiny_dataset, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(training, "build_table", None)
    with pytest.raises(UsageError, match="cannot write"):
        training.train_baseline([tiny_dataset], tmp_path / "file" / "model", jobs=1, seed=1)


def test_lossless_rows_do_not_teach_a_codec(tiny_dataset, without, tmp_path, light):
    folder = without(lambda row: False)
    rows = manifest.read(folder)
    manifest.write(folder, [replace(r, psnr=float("inf")) if r.fine_class == "webp" else r for r in rows])
    card = training.train_baseline([folder], tmp_path / "model", jobs=1, seed=1, rounds=1)
    assert "webp" not in card["validation"]["accuracy_by_class"]
    lossy = [row for row in usable(tiny_dataset, "val") if row.fine_class != "webp"]
    assert card["windows"]["val"] == 2 * len(lossy)


def test_the_card_counts_validation_cases_by_verdict(tiny_training):
    _, card = tiny_training
    table = card["validation_table"]
    assert sum(row["cases"] for row in table) == card["windows"]["val"]
    assert all(0 <= row["errors"] <= row["cases"] for row in table)
    assert {row["class"] for row in table} <= {*CLASSES, "hevc-intra", "inconclusive"}
    assert all((row["ratio_band"] is None) == (row["class"] in ("uncompressed", "inconclusive")) for row in table)
