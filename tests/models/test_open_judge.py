"""The open judge: what its combination weighs, what its answers leave open, and a small one trained from end to end."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from forensics_models import open_answers_training, open_training
from forensics_models.classes import (
    AFTERWARDS,
    BEYOND,
    CLASSES,
    FAMILIES,
    FINE_CLASSES,
    OPEN_CLASSES,
    PROCESSES,
    family_of,
)
from forensics_models.open_judge import (
    FAMILY_NAMES,
    GROUPS,
    OTHER,
    PROCESS_NAMES,
    Answers,
    Combination,
    OpenJudge,
    OpenJudgement,
    families_of,
    group_of,
    log_probabilities,
    merged_afterwards,
    merged_processes,
    together,
)
from forensics_models.open_network import KNOTS, Ranks

NEUTRAL = (0.0,) * len(OPEN_CLASSES)


def certain_of(name: str) -> np.ndarray:
    return log_probabilities((np.array(FINE_CLASSES) == name).astype(float)[None])


def test_merging_keeps_all_probability_and_joins_the_overlap_modes():
    fine = np.random.default_rng(1).dirichlet(np.ones(len(OPEN_CLASSES)), 5)
    merged = merged_processes(fine)
    assert merged.shape == (5, len(PROCESS_NAMES))
    assert np.allclose(merged.sum(axis=1), 1)
    overlap = [index for index, name in enumerate(OPEN_CLASSES) if name.startswith("jpegxr-")]
    assert np.allclose(merged[:, PROCESS_NAMES.index("jpegxr")], fine[:, overlap].sum(axis=1))
    after = np.random.default_rng(1).dirichlet(np.ones(len(AFTERWARDS)), 5)
    assert np.allclose(merged_afterwards(after).sum(axis=1), 1)
    assert {name for _, members in GROUPS for name in members} == set(AFTERWARDS)


def test_the_judge_of_codecs_counts_less_the_likelier_something_happened_since():
    combination = Combination((0.0, 0.0, 0.0, 0.0, 0.5, 0.0), NEUTRAL)
    margins = np.zeros((1, len(OPEN_CLASSES)))
    margins[0, OPEN_CLASSES.index("avif")] = 3.0
    said = [
        OPEN_CLASSES[int(combination.logits(margins, certain_of("jpeg"), np.array([odds]), np.array([16.0])).argmax())]
        for odds in (5.0, -5.0)
    ]
    assert said == ["jpeg", "avif"]


def test_what_the_judge_of_codecs_does_not_know_it_does_not_rule_out():
    combination = Combination((0.0, 0.0, 0.0, 0.0, 0.0, 0.0), NEUTRAL)
    margins = np.zeros((1, len(OPEN_CLASSES)))
    margins[0, OPEN_CLASSES.index("video-h264")] = 1.0
    logits = combination.logits(margins, certain_of("webp"), np.zeros(1), np.array([16.0]))[0]
    assert OPEN_CLASSES[int(logits.argmax())] == "video-h264"


def test_answers_stay_open_below_their_group_s_threshold():
    named = tuple([0.5] + [0.9] * (len(GROUPS) - 1))
    answers = Answers(named, named, tuple([0.96, 0.9] + [0.96] * (len(GROUPS) - 2)), 0.7)
    rows = np.full((4, len(PROCESS_NAMES)), 0.0)
    rows[0, 1] = rows[1, 1] = 0.8
    rows[0, 0] = rows[1, 0] = 0.2
    rows[2, 0] = rows[3, 0] = 0.95
    rows[2, 1] = rows[3, 1] = 0.05
    assert answers.answer(rows, np.array([0, 1, 0, 1])).tolist() == [1, -1, -1, 0]
    # Too likely untouched for any accusation, whatever the best process.
    rows[0, 0], rows[0, 1] = 0.45, 0.55
    assert answers.answer(rows[:1], np.array([0])).tolist() == [-1]


def test_processes_beyond_the_codecs_are_one_answer_where_none_is_certain():
    strict, never = (0.9,) * len(GROUPS), (1.01,) * len(GROUPS)
    answers = Answers(strict, strict, never, 0.9, (0.8, *never[1:]))
    rows = np.zeros((3, len(PROCESS_NAMES)))
    shares = {"video-mpeg4": 0.5, "other-lossy": 0.35, "jpeg": 0.15}
    for name, share in shares.items():
        rows[:2, PROCESS_NAMES.index(name)] = share
    rows[2, PROCESS_NAMES.index("wsq")] = 1.0
    assert answers.answer(rows, np.array([0, 1, 0])).tolist() == [OTHER, -1, FAMILY_NAMES.index("wsq")]
    assert answers.named_family(rows[:1], np.array([0])).tolist() == [-1]


def test_what_is_beyond_the_codecs_shares_the_art_of_none():
    kin = {family_of(name) for name in CLASSES}
    assert {*BEYOND} == {name for name in PROCESSES if family_of(name) not in kin}
    assert "video-hevc" not in BEYOND
    assert "other-lossy" in BEYOND


@pytest.mark.parametrize(("mistakes", "from_"), [(0, 0.92), (3, 0.97)])
def test_the_answer_beyond_the_codecs_is_fitted_to_its_limit(mistakes, from_):
    likely = np.array([0.97] * 500 + [0.92] * 400 + [0.8] * 100)
    truth = np.full(1000, OTHER)
    likely[len(truth) - mistakes :] = 0.92
    truth[len(truth) - mistakes :] = 1
    nothing = np.zeros(1000, int)
    fitted = open_answers_training.fit_beyond(likely, truth, nothing)
    assert fitted[0] == pytest.approx(from_)
    assert min(fitted[1:]) > 1


def test_answers_are_fitted_to_their_limits():
    numbers = np.random.default_rng(2)
    truth = numbers.integers(0, len(PROCESS_NAMES), 6000)
    processes = numbers.dirichlet(np.full(len(PROCESS_NAMES), 0.05), 6000)
    sure = numbers.random(6000) < 0.85
    processes[sure] = 0.3 * processes[sure] + 0.7 * np.eye(len(PROCESS_NAMES))[truth[sure]]
    groups = numbers.integers(0, len(GROUPS), 6000)
    afterwards = numbers.integers(0, len(AFTERWARDS), 6000)
    answers = open_answers_training.fit_answers(processes, truth, groups, afterwards, np.ones(6000, bool))
    said, named = answers.answer(processes, groups), answers.named_family(processes, groups)
    wrong = open_answers_training.wrongly_named(named, families_of(truth))
    for group, (name, _) in enumerate(GROUPS):
        most = open_answers_training.WRONG_IN_GROUP.get(name, open_answers_training.WRONG_IN_OTHERS)
        assert wrong[groups == group].sum() <= max(most * (groups == group).sum(), 1)
    assert wrong[groups > 0].sum() <= open_answers_training.WRONG_NAMES * (groups > 0).sum()
    further = open_answers_training.wrongly_named(said, families_of(truth)) & ~wrong
    for changed in (groups > 0, groups == 0):
        assert further[changed].sum() <= max(open_answers_training.WRONG_BEYOND * changed.sum(), 1)
    for kind in range(len(AFTERWARDS)):
        lossy = (afterwards == kind) & (truth > 0)
        most = open_answers_training.CALLED_UNCOMPRESSED.get(AFTERWARDS[kind], open_answers_training.CALLED_OTHERWISE)
        assert ((said == 0) & lossy).sum() <= most * lossy.sum()
    assert ((said == 0) & (truth == 0)).sum() >= 0.5 * (truth == 0).sum()
    assert ((said > 0) & (truth == 0)).sum() <= open_answers_training.ACCUSED * (truth == 0).sum() + 1


def test_names_are_given_as_often_as_the_limits_allow():
    """Calibrated probabilities: most are right at the top, and no threshold could be a step lower."""
    numbers = np.random.default_rng(6)
    sure = numbers.beta(6, 1, 20000)
    truth = np.where(numbers.random(20000) < sure, 1, 2)
    groups = numbers.choice([0, 1, 2], 20000, p=[0.5, 0.4, 0.1])
    thresholds = np.asarray(open_answers_training.fit_named(sure, np.ones(20000, int), truth, groups)[0])[groups]
    wrong = (sure >= thresholds) & (truth == 2)
    limit = open_answers_training.WRONG_NAMES * (groups > 0).sum()
    assert 0.6 * limit <= wrong[groups > 0].sum() <= limit
    assert 0 < wrong[groups == 0].sum() <= open_answers_training.WRONG_IN_GROUP["nothing"] * (groups == 0).sum()


def test_jpeg_xr_has_thresholds_of_its_own():
    """Where only JPEG XR is named wrongly, the other names need not pay for it."""
    numbers = np.random.default_rng(7)
    sure, groups = numbers.uniform(0.6, 1, 20000), np.ones(20000, int)
    best = numbers.choice([FAMILY_NAMES.index("jpeg"), FAMILY_NAMES.index("jpegxr")], 20000)
    chance = np.where(best == FAMILY_NAMES.index("jpeg"), 0.0005, 0.2 * (1 - sure))
    truth = np.where(numbers.random(20000) < chance, 0, best)
    usual, apart = open_answers_training.fit_named(sure, best, truth, groups)
    assert usual[1] < 0.8 < 0.9 < apart[1]
    rows = np.zeros((2, len(PROCESS_NAMES)))
    rows[0, PROCESS_NAMES.index("jpeg")] = rows[1, PROCESS_NAMES.index("jpegxr")] = 0.85
    rows[:, PROCESS_NAMES.index("avif")] = 0.15
    answers = Answers(usual, apart, (1.01,) * len(GROUPS), 0.9)
    assert answers.answer(rows, np.ones(2, int)).tolist() == [FAMILY_NAMES.index("jpeg"), -1]


def test_uncompressed_needs_less_where_the_step_hides_less():
    """Two guesses of what happened since; under one of them compressed pictures look untouched as often as not."""
    numbers = np.random.default_rng(5)
    truth, groups = numbers.integers(0, 2, 4000), numbers.integers(0, 2, 4000)
    sure = np.where(truth == 0, numbers.beta(4, 1, 4000), numbers.beta(1, 12, 4000))
    hidden = (groups == 1) & (truth == 1)
    sure[hidden] = numbers.beta(4, 1.5, int(hidden.sum()))
    thresholds = open_answers_training.fit_uncompressed(sure, truth, groups, np.zeros(4000, int))
    called = sure >= np.asarray(thresholds)[groups]
    assert thresholds[0] < 0.5 < thresholds[1]
    assert called[truth == 1].mean() <= open_answers_training.CALLED_UNCOMPRESSED["nothing"]
    assert called[(truth == 0) & (groups == 0)].mean() > 0.9


def test_what_changed_less_than_a_level_does_not_keep_uncompressed_from_being_said():
    truth, none = np.repeat([0, 1], 500), np.zeros(1000, int)
    processes = np.zeros((1000, len(PROCESS_NAMES)))
    processes[:, 0], processes[:, 1] = 0.9, 0.1
    seen = np.arange(1000) >= 0
    assert open_answers_training.fit_answers(processes, truth, none, none, seen).uncompressed[0] > 1
    processes[500:, 0], processes[500:, 1] = (
        np.where(np.arange(500) % 2, 0.9, 0.1),
        np.where(np.arange(500) % 2, 0.1, 0.9),
    )
    fine = (truth == 0) | (np.arange(1000) % 2 == 0)
    assert open_answers_training.fit_answers(processes, truth, none, none, seen).uncompressed[0] > 1
    assert open_answers_training.fit_answers(processes, truth, none, none, fine).uncompressed[0] < 0.9


def table(sources: range, seed: int) -> open_training.OpenTable:
    """Windows whose features show class and step with a little noise: two classes beyond chance are hard to tell
    apart.
    """
    numbers = np.random.default_rng(seed)
    labels = np.tile(np.arange(len(OPEN_CLASSES)), 40 * len(sources))
    afterwards = numbers.integers(0, len(AFTERWARDS), len(labels))
    features = numbers.normal(0, 0.25, (len(labels), 40)).astype(np.float32)
    features[:, 0] = numbers.choice([14.0, 16.0], len(labels))
    features[np.arange(len(labels)), 1 + labels] += 2.0
    features[:, 30] += afterwards
    names = np.repeat([f"source {n}" for n in sources], 40 * len(OPEN_CLASSES))
    files = np.array([f"{seed}-{n}" for n in range(len(labels))])
    empty = np.full(len(labels), "")
    return open_training.OpenTable(
        features, labels, np.zeros(len(labels), np.float32), np.zeros(len(labels), np.float32), names, files,
        np.where(labels == 0, -1, afterwards), empty, empty, empty,
    )  # fmt: skip


def flat_trees(rows: open_training.OpenTable) -> np.ndarray:
    """A judge of codecs that knows nothing."""
    return np.full((len(rows.labels), len(FINE_CLASSES)), 1 / len(FINE_CLASSES))


def asked(rows: open_training.OpenTable) -> open_training.Asked:
    """Windows of which the judge of codecs knows nothing."""
    everywhere = np.ones(len(rows.labels), bool)
    return open_training.Asked(rows, flat_trees(rows), log_probabilities(flat_trees(rows)), everywhere)


def pictures(sources: range, seed: int) -> open_training.OpenTable:
    """Pictures of two windows each that are measured apart, whose noise is their own."""
    rows = table(sources, seed)
    order = np.argsort(rows.labels * len(AFTERWARDS) + rows.afterwards, kind="stable")
    rows = rows.where(order[: len(order) // 2 * 2])
    same = (rows.labels[::2] == rows.labels[1::2]) & (rows.afterwards[::2] == rows.afterwards[1::2])
    rows = rows.where(np.repeat(same, 2))
    return replace(rows, files=np.repeat(rows.files[::2], 2), sources=np.repeat(rows.sources[::2], 2))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    pytest.importorskip("keras", reason="training needs Keras")
    folder = tmp_path_factory.mktemp("open")
    validation, training = table(range(3, 6), 8), table(range(3), 7)
    names = ("picture.log2_pixels", *(f"x.{n}" for n in range(39)))
    card = open_training.train_open(
        (training, flat_trees(training)),
        asked(validation),
        asked(pictures(range(3, 6), 9)),
        names,
        3,
        folder,
        recipe=open_training.NetworkRecipe(
            width=64, depth=1, epochs=12, batch=128, learning_rate=0.01, dropout=0.1, noise=0.05, smoothing=0.0
        ),
        facts={"limits": []},
    )
    return folder, card, validation


def test_windows_with_noise_of_their_own_count_nearly_as_independent(trained):
    process, after = json.loads((trained[0] / "open.json").read_text())["window_dependence"]
    assert process > 0.5
    assert after > 0.5
    card = trained[1]
    assert card["pictures"]["enlarged compressed"]["right"] >= card["validation"]["enlarged compressed"]["right"]


def test_together_windows_weigh_as_their_dependence_says():
    numbers = np.random.default_rng(1)
    rows, of = numbers.dirichlet(np.ones(4), 9), np.array([0, 0, 2, 1, 1, 1, 2, 2, 2])
    for dependence in (0.0, 0.3, 1.0):
        whole = together(rows, of, dependence)
        for picture in range(3):
            own = rows[of == picture]
            naive = np.prod(own, axis=0) ** (len(own) ** dependence / len(own))
            assert np.allclose(whole[picture], naive / naive.sum())


def test_a_trained_judge_is_read_back_and_knows_classes_and_steps(trained):
    folder, card, validation = trained
    judge = OpenJudge(folder)
    assert judge.card["validation"] == card["validation"]
    flat = np.full((len(validation.labels), len(FINE_CLASSES)), 1 / len(FINE_CLASSES))
    judged = judge.judge(validation.features, flat, flat)
    assert np.allclose(judged.probabilities.sum(axis=1), 1)
    assert (judged.probabilities.argmax(axis=1) == validation.labels).mean() > 0.75
    known = validation.afterwards >= 0
    assert (judged.afterwards.argmax(axis=1) == validation.afterwards)[known].mean() > 0.35
    assert set(group_of(judged.afterwards)) <= set(range(len(GROUPS)))


def test_windows_that_agree_make_a_picture_more_certain(trained):
    judge = OpenJudge(trained[0])
    one = np.full((1, len(OPEN_CLASSES)), 0.3 / (len(OPEN_CLASSES) - 1))
    one[0, 3] = 0.7
    after = np.full((1, len(AFTERWARDS)), 1 / len(AFTERWARDS))
    single, _ = judge.combine(OpenJudgement(one, after))
    several, since = judge.combine(OpenJudgement(np.repeat(one, 4, axis=0), np.repeat(after, 4, axis=0)))
    assert several["jpegxr"] >= single["jpegxr"] - 1e-9
    assert abs(sum(several.values()) - 1) < 1e-9
    assert abs(sum(since.values()) - 1) < 1e-9


def test_a_family_is_named_where_its_members_share_the_probability(trained):
    judge = OpenJudge(trained[0])
    judge.answers = Answers((0.9,) * len(GROUPS), (0.9,) * len(GROUPS), (1.01,) * len(GROUPS), 0.5)
    processes = dict.fromkeys(PROCESS_NAMES, 0.0) | {"webp": 0.5, "video-vp8": 0.4999, "uncompressed": 0.0001}
    since = {name: float(name == "nothing") for name, _ in GROUPS}
    assert judge.answer(processes, since) == "vp8"
    assert judge.answer(processes | {"webp": 0.9, "video-vp8": 0.0999}, since) == "webp"
    assert set(FAMILIES) <= set(PROCESS_NAMES)


def test_wrong_shapes_are_refused(trained):
    judge = OpenJudge(trained[0])
    with pytest.raises(ValueError, match="features have shape"):
        judge.judge(np.zeros((2, 3), np.float32), np.zeros((2, 11)), np.zeros((2, 11)))
    with pytest.raises(ValueError, match="codec judge"):
        judge.judge(np.zeros((2, 40), np.float32), np.zeros((2, 11)), np.zeros((2, 9)))


def test_sources_of_validation_stay_out_of_training(tmp_path):
    same = table(range(2), 7)
    with pytest.raises(ValueError, match="both training and validation"):
        open_training.train_open(
            (same, flat_trees(same)),
            asked(same),
            None,
            ("picture.log2_pixels",),
            3,
            tmp_path,
            recipe=open_training.NetworkRecipe(),
            facts={},
        )


def test_processes_are_no_fine_classes():
    assert not set(PROCESSES) & set(FINE_CLASSES)


def test_ranks_are_those_that_interpolation_gives_column_by_column():
    rng = np.random.default_rng(5)
    columns = 40
    knots = np.sort(rng.normal(size=(columns, KNOTS)), axis=1).astype(np.float32)
    knots[:10] = np.round(knots[:10])  # many alike
    knots[10:12] = 0
    values = np.sort(rng.normal(size=knots.shape), axis=1).astype(np.float32)
    features = rng.normal(0, 2, (200, columns)).astype(np.float32)
    features[:80] = knots[np.arange(columns), rng.integers(0, KNOTS, (80, columns))]
    features[rng.random(features.shape) < 0.1] = np.nan
    features[:, 0] = np.resize([np.inf, -np.inf, np.nan], 200)
    expected = np.column_stack([np.interp(features[:, k], knots[k], values[k]) for k in range(columns)])
    found = Ranks(knots, values, np.array([3, 7]))(features)
    assert np.array_equal(found[:, :columns], np.nan_to_num(expected.astype(np.float32)))
    assert np.array_equal(found[:, columns:], np.isnan(features[:, [3, 7]]))
