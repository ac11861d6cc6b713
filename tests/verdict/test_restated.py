"""What happened since, said anew."""

from __future__ import annotations

import pytest
from forensics_models.open_judge import GROUPS

from forensics.verdict.restated import since_with

KNOWN = {"nothing": 0.5, "resampled": 0.3, "noise": 0.2}


@pytest.mark.parametrize("group", ["nothing", "resampled"])
@pytest.mark.parametrize("known", [KNOWN, None, {"resampled": 1.0}, {"nothing": 1.0}])
def test_one_answer_has_its_probability_and_all_sum_to_one(group, known):
    found = since_with(known, group, 0.9)
    assert found[group] == 0.9
    assert sum(found.values()) == pytest.approx(1.0 if len(found) > 1 else 0.9)


def test_the_others_keep_their_proportions():
    found = since_with(KNOWN, "resampled", 0.65)
    assert found == pytest.approx({"nothing": 0.25, "resampled": 0.65, "noise": 0.1})
    assert list(found) == list(KNOWN)


def test_where_nothing_is_known_the_others_are_equally_likely():
    found = since_with(None, "nothing", 0.992)
    assert list(found) == [name for name, _ in GROUPS]
    assert {round(p, 9) for name, p in found.items() if name != "nothing"} == {0.001}
