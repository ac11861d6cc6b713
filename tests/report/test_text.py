"""Lines of the report for terminals."""

import pytest

from forensics.report.text import SECOND_FROM, afterwards_note, history_lines
from forensics.results.history import History, Parameter


def test_a_far_fetched_second_answer_is_not_shown():
    assert afterwards_note({"nothing": 0.817, "composited": 0.177, "grey": 0.006}) == "nothing 81.7 %"


def test_a_second_answer_that_is_possible_stands_behind_the_first():
    shown = afterwards_note({"grey": 0.1, "filtered": SECOND_FROM + 0.1, "nothing": 0.6})
    assert shown == "nothing 60.0 %, blurred, sharpened or median-filtered 30.0 %"


def test_the_most_probable_answer_is_shown_whatever_its_probability():
    assert afterwards_note({"nothing": 0.15, "noise": 0.19, "grey": 0.11}) == "noise added 19.0 %"


@pytest.mark.parametrize("name", ["explained_samples", "webp.explained_blocks"])
def test_a_share_explained_to_the_bit_is_a_sentence_of_its_own(name):
    share = Parameter(name, 0.97, basis="on the grid 97 % of the samples come out the same, one pixel off it 12 %")
    lines = [line.strip() for line in history_lines(History(parameters=(share, Parameter("levels", 5))))]
    assert "parameters  levels 5" in lines
    assert "confirmed   On the grid 97 % of the samples come out the same, one pixel off it 12 %" in lines
