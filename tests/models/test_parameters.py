"""Estimators of codec parameters: what a training run writes, and that its estimates and intervals hold on unseen
rows.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from forensics_models import parameters_training
from forensics_models.baseline_training import FeatureTable
from forensics_models.parameters import CARD_FILE, TARGETS, TREES_FILE, Parameters, Target, inputs

pytest.importorskip("xgboost")
pytest.importorskip("onnx")

NAMES = ("picture.log2_pixels", *(f"toy.f{k}" for k in range(7)))
MATRICES = ("bt601 full", "bt709 full")


def table(rows, tag, seed):
    """Windows whose first toy feature shows the quantiser, the second JPEG XL's distance, and the third the
    subsampling.
    """
    numbers = np.random.default_rng(seed)
    features = numbers.normal(size=(rows, len(NAMES))).astype(np.float32)
    files = np.array([f"{tag}{row // 2}" for row in range(rows)])
    truths = {}
    kinds = ("bpg", "jpegxl", "webp")
    for row, file in enumerate(files.tolist()):
        kind = kinds[(row // 2) % 3]
        facts = truths.setdefault(file, {"class": kind})
        qp = facts.setdefault("quantizer", int(numbers.integers(5, 50))) if kind != "jpegxl" else 0
        if kind == "jpegxl":
            distance = facts.setdefault("distance", float(2 ** numbers.uniform(-3, 4)))
            features[row, 2] = np.log2(distance) + numbers.normal(0, 0.2)
        if kind == "bpg":
            place = facts.setdefault("place", int(numbers.integers(4)))
            facts["chroma_subsampling"] = ("4:2:0", "4:2:2", "4:4:4", "grey")[place]
            facts["colour_coding"] = MATRICES[place % 2]
            features[row, 3] = place + numbers.normal(0, 0.2)
        features[row, 1] = qp + numbers.normal(0, 1)
    blank = np.full(rows, np.nan, np.float32)
    return FeatureTable(features, np.ones(rows, int), blank, blank, files, files), truths


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artefacts")
    (train, known), (check, more) = table(1800, "t", 0), table(900, "v", 1)
    card = parameters_training.train_parameters(
        train, check, {**known, **more}, NAMES, 7, folder,
        recipe=parameters_training.Recipe(rounds=80, name_rounds=40, threads=1), facts={"data": "toy"},
    )  # fmt: skip
    return Parameters(folder), card, folder


def test_only_targets_with_data_are_kept(trained):
    model, card, folder = trained
    keys = {target.key for target in model.targets}
    assert (
        keys
        == set(card["validation"])
        == {
            "bpg+heic quantizer",
            "bpg+heic chroma_subsampling",
            "bpg+heic colour_coding",
            "webp quantizer",
            "jpegxl distance",
        }
    )
    assert {path.name for path in folder.iterdir()} == {CARD_FILE, TREES_FILE}
    assert next(t for t in model.targets if t.name == "colour_coding").names == MATRICES


def test_estimates_hold_on_unseen_rows(trained):
    model, _, _ = trained
    unseen, known = table(1200, "u", 2)
    inside, errors, right, count = [], [], 0, 0
    for file in dict.fromkeys(unseen.files.tolist()):
        rows = unseen.features[unseen.files == file]
        for estimate in model.estimate(rows[:1], known[file]["class"]):
            truth = known[file][estimate.target.name]
            if estimate.target.names:
                right, count = right + (estimate.value == truth), count + 1
                assert 1 / len(estimate.target.names) <= estimate.probability <= 1
            else:
                assert estimate.low <= estimate.value <= estimate.high
                inside.append(estimate.low <= truth <= estimate.high)
                errors.append(abs(estimate.value - truth) if estimate.target.name == "quantizer" else 0)
    assert right / count > 0.9
    assert np.mean(inside) == pytest.approx(0.9, abs=0.05)
    assert np.mean(errors) < 1.5


def test_estimates_follow_the_class(trained):
    model, _, _ = trained
    row = table(2, "x", 3)[0].features
    assert [e.target.name for e in model.estimate(row, "heic")] == ["quantizer", "chroma_subsampling", "colour_coding"]
    assert [e.target.name for e in model.estimate(row, "jpegxl")] == ["distance"]
    assert model.estimate(row, "jpeg") == []


def test_windows_count_together(trained):
    """The median over windows of one picture lies between the windows' own estimates."""
    model, _, _ = trained
    rows = table(8, "x", 4)[0].features
    alone = [model.estimate(row[None], "webp")[0].value for row in rows]
    together = model.estimate(rows, "webp")[0].value
    assert min(alone) <= together <= max(alone)


def test_the_trees_are_told_the_family_of_the_codec():
    """One column a family after the features; BPG and HEIC share theirs, and what is no codec has none."""
    features = np.arange(10, dtype=np.float32).reshape(5, 2)
    given = inputs(features, ["jpeg", "bpg", "heic", "jpegxl", ""])
    assert given.dtype == np.float32
    np.testing.assert_array_equal(given[:, :2], features)
    families = given[:, 2:]
    assert families.sum(axis=1).tolist() == [1, 1, 1, 1, 0]
    np.testing.assert_array_equal(families[1], families[2])
    assert len(np.unique(families, axis=0)) == 4


def test_wrong_shapes_are_refused(trained):
    model, _, _ = trained
    for shape in ((3, len(NAMES) + 1), (0, len(NAMES)), (len(NAMES),)):
        with pytest.raises(ValueError, match="features have shape"):
            model.estimate(np.zeros(shape, np.float32), "bpg")


def test_the_card_holds_what_a_reader_needs(trained):
    _, card, folder = trained
    assert card["data"] == "toy"
    assert card["recipe"]["rounds"] == 80
    figures = card["validation"]["jpegxl distance"]
    assert figures["windows"] == 300
    assert 0 < figures["mean_relative_error"] < 0.3
    assert json.loads((folder / CARD_FILE).read_text())["card"] == json.loads(json.dumps(card))


def test_sources_may_not_be_shared(tmp_path):
    both, known = table(300, "t", 0)
    with pytest.raises(ValueError, match="both training and validation"):
        parameters_training.train_parameters(
            both, both, known, NAMES, 7, tmp_path, recipe=parameters_training.Recipe(), facts={}
        )


def test_a_target_with_one_name_in_the_data_is_left_out(tmp_path):
    (train, known), (check, more) = table(600, "t", 0), table(600, "v", 1)
    truths = {file: {**facts, "colour_coding": MATRICES[0]} for file, facts in {**known, **more}.items()}
    lines = []
    card = parameters_training.train_parameters(
        train, check, truths, NAMES, 7, tmp_path, report=lines.append,
        recipe=parameters_training.Recipe(rounds=5, name_rounds=5, threads=1), facts={},
    )  # fmt: skip
    assert "bpg+heic colour_coding" not in card["validation"]
    assert "bpg+heic colour_coding: bt601 full alone in the data, left out" in lines


def test_no_target_with_data_is_an_error(tmp_path):
    (train, _), (check, _) = table(60, "t", 0), table(60, "v", 1)
    with pytest.raises(ValueError, match="enough windows"):
        parameters_training.train_parameters(
            train, check, {}, NAMES, 7, tmp_path, recipe=parameters_training.Recipe(), facts={}
        )


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.key)
def test_scales_invert_each_other(target):
    if target.names:
        assert target.outputs == len(target.names) > 1
        return
    values = np.linspace(max(target.low, 0.05), target.high, 9)
    np.testing.assert_allclose(target.from_scale(target.to_scale(values)), values)
    assert target.from_scale(np.array([1e3])) == target.high


def test_values_outside_a_target_are_left_out():
    target = Target("wavelet", ("jpeg2000",), ("9/7", "5/3"))
    truths = {
        "a": {"class": "jpeg2000", "wavelet": "5/3"},
        "b": {"class": "jpeg", "wavelet": "9/7"},
        "c": {"class": "jpeg2000", "wavelet": "?"},
    }
    got = parameters_training.values_of(target, np.array(["a", "b", "c", "d"]), truths)
    np.testing.assert_array_equal(got, [1, np.nan, np.nan, np.nan])
