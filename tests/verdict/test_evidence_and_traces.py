"""Evidence and traces of one report do not contradict each other, and no line rules nothing out."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.results.analysis import Statement
from forensics.verdict.evidence import statements, without_contradiction
from forensics.verdict.sentences import INDICATIONS


def says(trace: str, *, supports: bool | None) -> Statement:
    return Statement(trace, "f", 0.0, 0.0, 0.0, 0.5, 0.0 if supports is None else 1.0, ("jpeg",), supports, trace)


@pytest.mark.parametrize(
    ("stated", "trace"),
    [
        ("dct-comb", "dct_comb"),
        ("dct-comb", "jpeg_table"),
        ("dct-zeros", "grid_phase"),
        ("blocks-8", "boundary_profile"),
        ("chroma-half", "chroma_spectrum"),
        ("wavelet-97", "wavelet_comb"),
        ("lapped-plain", "lapped_comb"),
    ],
)
def test_no_sign_of_what_a_trace_has_found_is_not_stated(stated: str, trace: str) -> None:
    assert stated in {one.name for one in INDICATIONS}
    absent, present = says(stated, supports=None), says(stated, supports=False)
    other = says("residual-comb", supports=None)
    assert without_contradiction([absent, present, other], [trace]) == (present, other)
    assert without_contradiction([absent, present, other], []) == (absent, present, other)


def test_a_range_up_to_nearly_a_clear_case_rules_nothing_out() -> None:
    lattice = next(one for one in INDICATIONS if one.name == "lattice-bt601_limited_truncated")
    names, values = list(lattice.features), np.full((1, len(lattice.features)), 0.14, np.float32)
    for high, count in ((0.989, 0), (0.5, 1)):
        ranges = {name: {"low": 0.0, "median": 0.1, "high": high} for name in names}
        assert len(statements(names, values, ranges, ())) == count
