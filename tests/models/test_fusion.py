"""The fusion of judges: it must find which judge to trust and where, keep probabilities honest, and go flat on the
strange.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from forensics_models import calibration, conformal, fusion, fusion_training
from scipy.special import softmax

CLASSES = 5


def cases(n: int, seed: int):
    """Two judges over five classes: the first sees well on large windows, the second on strongly compressed ones."""
    numbers = np.random.default_rng(seed)
    labels = numbers.integers(0, CLASSES, n)
    pixels, ratio = numbers.uniform(12, 18, n), numbers.uniform(0, 7, n)
    truth = np.eye(CLASSES)[labels]
    first = truth * (0.3 * (pixels - 11))[:, None] + numbers.normal(0, 1, (n, CLASSES))
    second = truth * (0.4 * ratio)[:, None] + numbers.normal(0, 1, (n, CLASSES))
    sources = np.array([f"s{i // 10}" for i in range(n)])
    return {"baseline": first, "cnn": second}, labels, pixels, ratio, np.ones(n), sources


def log_loss(probabilities, labels):
    return -float(np.log(probabilities[np.arange(len(labels)), labels]).mean())


def test_fusion_beats_either_judge_on_new_cases_and_is_calibrated():
    margins, labels, pixels, ratio, weights, _ = cases(4000, 1)
    fitted = fusion_training.fit_fusion(margins, labels, pixels, ratio, weights)
    new, truth, pixels, ratio, weights, _ = cases(4000, 2)
    fused = fitted.probabilities(new, pixels, ratio)
    alone = {
        name: fusion_training.fit_fusion({name: margins[name]}, labels, *cases(4000, 1)[2:5]).probabilities(
            {name: new[name]}, pixels, ratio
        )
        for name in margins
    }
    assert log_loss(fused, truth) < min(log_loss(p, truth) for p in alone.values()) - 0.05
    assert (fused.argmax(1) == truth).mean() > max((p.argmax(1) == truth).mean() for p in alone.values()) + 0.02
    assert calibration.expected_calibration_error(fused, truth) < 0.03
    np.testing.assert_allclose(fused.sum(axis=1), 1)


def test_weights_follow_where_each_judge_sees():
    margins, labels, pixels, ratio, weights, _ = cases(6000, 3)
    fitted = fusion_training.fit_fusion(margins, labels, pixels, ratio, weights)
    assert fitted.judges["baseline"].size > 0.05
    assert fitted.judges["cnn"].strength > 0.05


def test_logits_are_the_weighted_sum_written_out():
    weights = {"a": fusion.JudgeWeight(0.1, 0.2, -0.3), "b": fusion.JudgeWeight(-0.5, 0.0, 0.4)}
    bias = (0.5, -0.25, 0.0)
    numbers = np.random.default_rng(0)
    margins = {name: numbers.normal(size=(4, 3)) for name in weights}
    pixels, ratio = np.array([12.0, 16.0, 18.0, 14.0]), np.array([1.0, np.nan, 9.0, 3.5])
    strange = np.array([0.0, 1.0, 2.0, 0.5])
    got = fusion.Fusion(weights, bias, 0.5).logits(margins, pixels, ratio, strange)
    for i in range(4):
        r = 3.5 if np.isnan(ratio[i]) else min(ratio[i], 7.0)
        for k in range(3):
            wanted = bias[k] + sum(
                np.exp(w.level + w.size * (pixels[i] - 16) + w.strength * (r - 3.5)) * margins[name][i, k]
                for name, w in weights.items()
            )
            assert got[i, k] == pytest.approx(wanted / (1 + 0.5 * strange[i]))


def test_a_fusion_takes_its_own_judges_only():
    fitted = fusion.Fusion({"baseline": fusion.JudgeWeight(0, 0, 0)}, (0.0, 0.0))
    with pytest.raises(ValueError, match="takes the margins of"):
        fitted.logits({"cnn": np.zeros((1, 2))}, np.zeros(1), np.zeros(1))


def test_cross_fitting_never_shows_a_fold_its_own_sources():
    """Labels that are pure noise cannot be learned: in-sample fits look better than chance, cross-fitted ones do
    not.
    """
    numbers = np.random.default_rng(5)
    n = 300
    labels, margins = numbers.integers(0, CLASSES, n), {"baseline": numbers.normal(0, 3, (n, CLASSES))}
    ones, sources = np.ones(n), np.array([f"s{i // 6}" for i in range(n)])
    crossed = fusion_training.cross_fitted(margins, labels, 16 * ones, 3 * ones, ones, sources)
    inside = fusion_training.fit_fusion(margins, labels, 16 * ones, 3 * ones, ones).probabilities(
        margins, 16 * ones, 3 * ones
    )
    assert log_loss(crossed, labels) > log_loss(inside, labels)
    assert log_loss(crossed, labels) > np.log(CLASSES) - 0.01


def test_ordinary_range_and_strangeness():
    numbers = np.random.default_rng(7)
    labels = numbers.integers(0, 3, 3000)
    centres = numbers.normal(0, 5, (3, 6))
    mixing = numbers.normal(size=(6, 6))
    cloud = centres[labels] + numbers.normal(size=(3000, 6)) @ mixing
    ordinary = fusion_training.fit_ordinary(cloud[:2000], labels[:2000], cloud[2000:])
    fresh = centres[numbers.integers(0, 3, 2000)] + numbers.normal(size=(2000, 6)) @ mixing
    assert (ordinary.strangeness(fresh) > 0).mean() < 0.03
    assert ordinary.strangeness(fresh + 60.0).min() > 3
    again = fusion.Ordinary.from_dict(json.loads(json.dumps(ordinary.as_dict())))
    np.testing.assert_allclose(again.distance(fresh), ordinary.distance(fresh), rtol=0.02)


def test_distance_is_mahalanobis():
    numbers = np.random.default_rng(8)
    labels = np.repeat([0, 1], 500)
    cloud = np.array([[0.0, 0.0], [10.0, 0.0]])[labels] + numbers.normal(size=(1000, 2)) * [1.0, 3.0]
    ordinary = fusion_training.fit_ordinary(cloud, labels, cloud)
    means = [cloud[labels == k].mean(0) for k in (0, 1)]
    centred = cloud - np.array(means)[labels]
    inverse = np.linalg.inv(centred.T @ centred / 998)
    point = np.array([4.0, 5.0])
    wanted = min(np.sqrt((point - m) @ inverse @ (point - m)) for m in means)
    assert ordinary.distance(point[None])[0] == pytest.approx(wanted, rel=0.02)


def test_flattening_is_chosen_where_strange_windows_are_misjudged():
    numbers = np.random.default_rng(9)
    logits = numbers.normal(0, 8, (500, CLASSES))
    wrong = numbers.integers(0, CLASSES, 500)
    assert fusion_training.fit_flattening(logits, wrong, np.full(500, 2.0)) >= 2.0
    assert fusion_training.fit_flattening(logits, logits.argmax(1), np.full(500, 2.0)) == 0.0


def test_strengths_lean_on_the_better_judge_and_cover():
    numbers = np.random.default_rng(11)
    truth = numbers.uniform(0, 7, 4000)

    def judge(noise):
        median = truth + numbers.normal(0, noise, 4000)
        return np.stack([median - noise, median, median + noise], axis=1)

    good, bad = judge(0.2), judge(1.5)
    share, offset = fusion_training.fit_strength_share(bad, good, truth, error=lambda a, b: float(np.abs(a - b).mean()))
    assert share >= 0.9
    mixed = fusion.mixed_quantiles(bad, good, share, offset)
    assert 0.89 < ((truth >= mixed[:, 0]) & (truth <= mixed[:, 2])).mean() < 0.92
    assert (np.diff(mixed, axis=1) >= 0).all()


def test_round_trip_through_plain_values():
    margins, labels, pixels, ratio, weights, _ = cases(500, 12)
    fitted = fusion_training.fit_fusion(margins, labels, pixels, ratio, weights)
    again = fusion.Fusion.from_dict(json.loads(json.dumps(fitted.as_dict())))
    np.testing.assert_allclose(
        again.probabilities(margins, pixels, ratio), fitted.probabilities(margins, pixels, ratio)
    )


# ---- conformal sets


def test_sets_cover_every_class():
    numbers = np.random.default_rng(13)

    def draw(n):
        labels = numbers.choice(CLASSES, n, p=[0.5, 0.2, 0.15, 0.1, 0.05])
        return softmax(np.eye(CLASSES)[labels] * 2 + numbers.normal(0, 1.5, (n, CLASSES)), axis=1), labels

    probabilities, labels = draw(20_000)
    thresholds = conformal.fit_thresholds(probabilities, labels, 0.9)
    new, truth = draw(20_000)
    inside = new[np.arange(len(truth)), truth] >= np.asarray(thresholds)[truth]
    for label in range(CLASSES):
        assert inside[truth == label].mean() == pytest.approx(0.9, abs=0.025)


def test_a_class_with_too_few_cases_belongs_to_every_set():
    thresholds = conformal.fit_thresholds(np.full((5, 2), 0.5), np.zeros(5, int), 0.95)
    assert thresholds == (0.0, 0.0)
    assert conformal.prediction_set({"a": 0.9, "b": 0.1}, {"a": 0.5, "b": 0.0}) == ("a", "b")


def test_an_empty_set_becomes_the_best_class():
    assert conformal.prediction_set({"a": 0.4, "b": 0.6}, {"a": 0.9, "b": 0.9}) == ("b",)


def test_the_answer_threshold_is_the_lowest_that_keeps_its_promise():
    numbers = np.random.default_rng(15)
    confidence = numbers.uniform(0.5, 1, 20_000)
    right = numbers.random(20_000) < confidence
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.where(right, 0, 1)
    threshold = conformal.fit_answer_threshold(probabilities, labels, 0.9)
    assert threshold == pytest.approx(0.8, abs=0.02)
    assert conformal.answered(probabilities, labels, threshold)[1] >= 0.9
    assert conformal.answered(probabilities, labels, threshold - 0.02)[1] < 0.9


# ---- false alarms


def test_untouched_cases_are_accused_at_most_as_often_as_promised():
    numbers = np.random.default_rng(17)
    rates = []
    for _ in range(60):
        threshold = conformal.fit_false_alarm_threshold(numbers.beta(0.3, 6, 2000), 0.01)
        rates.append((numbers.beta(0.3, 6, 20_000) >= threshold).mean())
    assert np.mean(rates) == pytest.approx(0.01, abs=0.001)


def test_too_few_untouched_cases_promise_nothing():
    assert conformal.fit_false_alarm_threshold(np.full(50, 0.1), 0.01) == 1.0


def test_no_codec_is_named_below_the_threshold_of_false_alarms():
    probabilities = np.array([[0.3, 0.7, 0.0], [0.05, 0.95, 0.0], [0.9, 0.1, 0.0]])
    assert conformal.answered(probabilities, np.array([0, 1, 0]), 0.5, 0.9) == (pytest.approx(2 / 3), 1.0)
