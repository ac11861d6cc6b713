"""Lines of the report for terminals."""

from forensics.report.text import SECOND_FROM, afterwards_note


def test_a_far_fetched_second_answer_is_not_shown():
    assert afterwards_note({"nothing": 0.817, "composited": 0.177, "grey": 0.006}) == "nothing 81.7 %"


def test_a_second_answer_that_is_possible_stands_behind_the_first():
    shown = afterwards_note({"grey": 0.1, "filtered": SECOND_FROM + 0.1, "nothing": 0.6})
    assert shown == "nothing 60.0 %, blurred, sharpened or median-filtered 30.0 %"


def test_the_most_probable_answer_is_shown_whatever_its_probability():
    assert afterwards_note({"nothing": 0.15, "noise": 0.19, "grey": 0.11}) == "noise added 19.0 %"
