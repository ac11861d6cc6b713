"""The baseline's arithmetic: exported trees, calibration, combination, and what a training run writes."""

import json

import numpy as np
import pytest
from forensics_models import calibration
from forensics_models.baseline import Baseline
from forensics_models.baseline_training import (
    FeatureTable,
    Recipe,
    margins_of,
    train_baseline,
    train_classifier,
)
from forensics_models.classes import CLASSES, FINE_CLASSES, FINE_TO_CLASS
from forensics_models.judgement import WindowJudgement, merge_fine, score_to_ssim, ssim_to_score
from forensics_models.trees import from_boosters

NAMES = ("picture.log2_pixels", *(f"toy.f{k}" for k in range(15)))


def table(rows, tag, seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, len(NAMES))).astype(np.float32)
    labels = rng.integers(0, len(FINE_CLASSES), rows)
    features[np.arange(rows), 1 + labels] += 3
    features[rng.random(features.shape) < 0.05] = np.nan
    features[:, 0] = rng.choice([12, 14, 16], rows)
    ratio = np.where(labels == 0, np.nan, 4 + features[:, 14]).astype(np.float32)
    ssim = np.where(labels == 0, np.nan, rng.uniform(0.7, 1, rows)).astype(np.float32)
    files = np.array([f"{tag}{row // 3}" for row in range(rows)])
    return FeatureTable(features, labels, ratio, ssim, files, files)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artefacts")
    recipe = Recipe(rounds=25, strength_rounds=25, threads=1)
    card = train_baseline(
        table(2500, "t", 0),
        table(800, "v", 1),
        table(300, "v", 5),
        NAMES,
        7,
        folder,
        recipe=recipe,
        facts={"data": "toy"},
    )
    return Baseline(folder), card


def test_trees_equal_xgboost_on_missing_values_too():
    train, check = table(800, "t", 2), table(300, "v", 3)
    booster = train_classifier(train, check, Recipe(rounds=8, threads=1), lambda line: None)
    ours = from_boosters([booster], [len(FINE_CLASSES)]).margins(check.features)
    np.testing.assert_allclose(ours, margins_of(booster, check.features), atol=1e-5)


def test_trained_baseline_judges_unseen_rows(trained):
    baseline, card = trained
    unseen = table(600, "u", 4)
    judged = baseline.judge(unseen.features)
    np.testing.assert_allclose(judged.fine_probabilities.sum(axis=1), 1)
    assert (judged.fine_probabilities.argmax(axis=1) == unseen.labels).mean() > 0.7
    assert baseline.features_version == 7
    assert card["data"] == "toy"
    compressed = unseen.labels > 0
    truth = unseen.log2_ratio[compressed]
    inside = (judged.log2_ratio[compressed, 0] <= truth) & (truth <= judged.log2_ratio[compressed, 2])
    assert 0.82 < inside.mean() < 0.98


def test_artefacts_hold_no_code(trained):
    baseline, _ = trained
    stored = json.loads((baseline._folder / "baseline.json").read_text())
    assert set(stored) == {"card", "features_version", "feature_names", "calibration", "evidence"}


def test_wrong_width_is_refused(trained):
    with pytest.raises(ValueError, match=r"shape \(n, 16\)"):
        trained[0].judge(np.zeros((2, 5), np.float32))


def test_shared_sources_are_refused(tmp_path):
    same = table(60, "s", 0)
    with pytest.raises(ValueError, match="both training and validation"):
        train_baseline(same, same, same, NAMES, 1, tmp_path, recipe=Recipe(rounds=1), facts={})


def test_combining_sharpens_agreement_and_keeps_one_window(trained):
    baseline, _ = trained
    fine = np.full((1, 11), 0.03)
    fine[0, 1] = 0.7
    strengths = np.tile([1.0, 2.0, 3.0], (4, 1)), np.tile([0.8, 0.9, 1.0], (4, 1))
    one = baseline.combine(WindowJudgement(fine, strengths[0][:1], strengths[1][:1]))
    four = baseline.combine(WindowJudgement(fine.repeat(4, 0), *strengths))
    np.testing.assert_allclose(one.fine_probabilities, fine[0], rtol=1e-6)
    assert four.probabilities[1] >= one.probabilities[1]
    assert one.ratio == pytest.approx((2, 4, 8))
    assert one.ssim == pytest.approx((0.8, 0.9, 1.0))


def test_merging_keeps_mass_and_names():
    fine = np.random.default_rng(0).dirichlet(np.ones(11), 5)
    merged = merge_fine(fine)
    np.testing.assert_allclose(merged.sum(axis=1), 1)
    np.testing.assert_allclose(merged[:, CLASSES.index("jpegxr")], fine[:, 3:6].sum(axis=1))
    assert [CLASSES[k] for k in FINE_TO_CLASS] == [name.split("-")[0] for name in FINE_CLASSES]


def test_scaling_recovers_a_temperature_that_follows_size():
    rng = np.random.default_rng(0)
    sizes = rng.choice([12.0, 16.0], 6000)
    margins = rng.normal(scale=3, size=(6000, 4))
    truth = calibration.SizedScaling(0.5, 0.15, (0.0,) * 4)
    drawn = np.array([rng.choice(4, p=p) for p in truth.probabilities(margins, sizes)])
    found = calibration.fit_scaling(margins, drawn, sizes, np.ones(6000))
    assert found.inverse_temperature == pytest.approx(0.5, rel=0.1)
    assert found.size_slope == pytest.approx(0.15, abs=0.05)
    assert calibration.expected_calibration_error(found.probabilities(margins, sizes), drawn) < 0.03


def test_conformal_offset_covers():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=4000)
    low, high = np.full(4000, -1.0), np.full(4000, 1.0)
    offset = calibration.conformal_offset(truth[:2000], low[:2000], high[:2000])
    inside = (truth[2000:] >= -1 - offset) & (truth[2000:] <= 1 + offset)
    assert inside.mean() == pytest.approx(0.9, abs=0.03)


def test_ssim_score_round_trip():
    values = np.array([0.0, 0.5, 0.9, 0.999, 1.0])
    np.testing.assert_allclose(score_to_ssim(ssim_to_score(values)), values, atol=1e-9)
