"""The judge of exact readings: likelihood ratios from counts, and what they do to probabilities."""

import json

import numpy as np
import pytest
from forensics_models.exact_judge import CARD_FILE, ExactJudge, Table, fit_table, weighed, write

TABLE = Table((0.0, 1.0), ((0, 1, 8), (0, 0, 98)), ((20, 3, 0), (190, 7, 1)))
SMALL, LARGE = 128 * 128, 256 * 256


def test_a_ratio_is_no_larger_than_its_pictures_can_carry():
    own, others = TABLE.likelihoods(5.0, LARGE)
    assert own == pytest.approx(99 / 101)
    assert others == pytest.approx(2 / 201)
    own, others = TABLE.likelihoods(5.0, SMALL)
    assert (own, others) == pytest.approx((9 / 12, 1 / 26))


def test_what_was_not_tested_says_nothing():
    assert TABLE.likelihoods(float("nan"), LARGE) == (1.0, 1.0)


def test_false_alarms_are_counted_over_sizes_and_from_the_value_up():
    assert TABLE.false_alarms(0.5) == (11, 221)
    assert TABLE.false_alarms(3.0) == (1, 221)


def test_a_missing_trace_counts_as_far_as_nothing_happened_since():
    before = {"jpeg": 0.6, "webp": 0.3, "uncompressed": 0.1}
    absent = TABLE.likelihoods(-1.0, LARGE)
    straight = weighed(before, ("jpeg",), absent, 1.0)
    assert straight["jpeg"] < 0.05
    assert weighed(before, ("jpeg",), absent, 0.0) == pytest.approx(before)
    assert straight["jpeg"] < weighed(before, ("jpeg",), absent, 0.5)["jpeg"] < 0.6
    assert sum(straight.values()) == pytest.approx(1)


def test_counts_of_a_fit_are_those_of_a_plain_loop():
    numbers = np.random.default_rng(1)
    own, others = numbers.normal(3, 1, 80), np.append(numbers.normal(0, 1, 120), np.nan)
    pixels, other_pixels = numbers.choice([SMALL, LARGE], 80), numbers.choice([SMALL, LARGE], 121)
    table = fit_table(own, pixels, others, other_pixels)
    for values, sizes, counted in ((own, pixels, table.own), (others, other_pixels, table.others)):
        naive = [[0] * (len(table.edges) + 1) for _ in range(2)]
        for value, size in zip(values, sizes, strict=True):
            if np.isfinite(value):
                naive[int(size == LARGE)][sum(value >= edge for edge in table.edges)] += 1
        assert [list(one) for one in counted] == naive
    assert table.likelihoods(10.0, LARGE)[0] > 10 * table.likelihoods(10.0, LARGE)[1]


def test_a_test_without_values_is_refused():
    with pytest.raises(ValueError, match="with its codec and without"):
        fit_table(np.array([np.nan]), np.array([1]), np.array([1.0]), np.array([1]))


def test_tables_are_read_as_they_were_written(tmp_path):
    write(tmp_path, {"jpeg": TABLE}, {"split": "val"})
    read = ExactJudge(tmp_path)
    assert read.tables == {"jpeg": TABLE}
    assert read.card["split"] == "val"
    assert json.loads((tmp_path / CARD_FILE).read_text())["tables"]["jpeg"]["edges"] == [0.0, 1.0]


def test_the_shipped_tables_rest_on_validation_pictures_and_cover_every_reading():
    from forensics.history.readings import READINGS

    judge = ExactJudge.shipped()
    assert judge.card["split"] == "val"
    assert set(judge.tables) == set(READINGS)
    assert "forensics train exact" in judge.card["command"]
