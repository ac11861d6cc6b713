"""Evidence and traces of one report do not contradict each other, and no line rules nothing out."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.results.analysis import Statement
from forensics.results.history import Trace
from forensics.verdict.evidence import COMB_BELOW, COMB_STEPS, quantised_blocks, statements, without_contradiction
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


@pytest.mark.parametrize(
    ("log10_nfa", "steps", "heard"),
    [
        (COMB_BELOW + 3, COMB_STEPS - 1, False),
        (COMB_BELOW + 3, COMB_STEPS, True),
        (COMB_BELOW - 1, 0, True),
        (0.0, COMB_STEPS, False),
    ],
)
def test_faint_combs_of_drawings_are_not_held_against_uncompressed(
    log10_nfa: float, steps: int, heard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forensics.history.traces import dct_comb

    found = Trace(
        name=dct_comb.NAME,
        statistic=0.5,
        log10_nfa=log10_nfa,
        speaks_for=("jpeg",),
        parameters={"steps": [1.0] * steps + [None] * (64 - steps)},
        sentence="blocks",
        series={},
    )
    monkeypatch.setattr(dct_comb, "dct_comb", lambda sample: found)
    assert (quantised_blocks(np.zeros((64, 64, 3), np.uint8)) is not None) is heard
