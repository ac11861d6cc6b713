"""Thresholds at other values: set and put back, answers counted, on pictures whose truth is known."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from forensics_benchmarks.threshold_examples import Example
from forensics_benchmarks.threshold_pictures import SETS
from forensics_benchmarks.thresholds import THRESHOLDS, counted, measure, set_to

from forensics.dataset.synthetic import synthesise
from forensics.history.jpeg import comb, double, double_aligned


@pytest.mark.parametrize("one", THRESHOLDS, ids=lambda one: f"{one.module}.{one.name}")
def test_every_threshold_is_there_and_is_tried_at_other_values(one):
    own = getattr(import_module(one.module), one.name)
    assert one.pictures in SETS
    assert one.others
    assert all(type(value) is type(own) for value in one.others)
    assert not any(np.array_equal(value, own) for value in one.others)


def test_a_number_is_put_back_wherever_it_was_imported():
    homes, before = (double_aligned, double), double_aligned.LARGEST_FIRST_STEP
    with set_to("forensics.history.jpeg.double_aligned", "LARGEST_FIRST_STEP", 77):
        assert [home.LARGEST_FIRST_STEP for home in homes] == [77, 77]
    assert [home.LARGEST_FIRST_STEP for home in homes] == [before, before]


def test_tables_made_from_a_number_are_made_anew():
    table = comb.log_ratios(64, 8, 0.3, False)
    with set_to("forensics.history.jpeg.comb", "_OUTLIERS", 0.2):
        assert not np.array_equal(comb.log_ratios(64, 8, 0.3, False), table)
    assert np.array_equal(comb.log_ratios(64, 8, 0.3, False), table)


def test_answers_are_counted_by_question():
    examples = [Example(np.zeros((1, 1)), {"n": n}) for n in range(4)]
    found = counted(examples, lambda one: {"odd #1": "right", "odd #2": ("open", "wrong")[one.truth["n"] % 2]})
    assert found == {"odd": {"right": 4, "open": 2, "wrong": 2}}


def test_a_row_for_each_value():
    one = next(one for one in THRESHOLDS if one.name == "_OFF_LATTICE")
    sources = [synthesise("texture", 160, 160, seed) for seed in (1, 2)]
    rows = list(measure(sources, 6, 1, [one]))
    assert [row["value"] for row in rows] == [0.01, *one.others]
    assert rows[0]["on the lattice"] == {"right": 3, "open": 0, "wrong": 0}
    assert rows[1]["on the lattice"]["wrong"] > 0
    assert rows[0] == next(measure(sources, 6, 1, [one]))
