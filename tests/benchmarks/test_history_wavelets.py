"""The benchmark of JPEG 2000's and JPEG XR's parameters: deterministic, complete, and its sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from forensics_benchmarks import history_wavelets
from forensics_benchmarks.history_wavelets import Outcome


def test_cases_are_deterministic_and_tell_every_parameter():
    rng = np.random.default_rng(0)
    source = np.clip(
        128 + rng.normal(scale=18, size=(160, 160, 1)) + rng.normal(scale=3, size=(160, 160, 3)), 1, 254
    ).astype(np.uint8)
    first = history_wavelets.measure([source], cases=2, sizes=(128,), seed=4)
    assert first == history_wavelets.measure([source], cases=2, sizes=(128,), seed=4)
    assert {o.parameter for o in first if o.codec == "jpeg2000"} >= {
        "wavelet",
        "levels",
        "colour transform",
        "grid phase",
    }
    assert {o.parameter for o in first if o.codec == "jpegxr"} >= {
        "overlap mode",
        "chroma subsampling",
        "macroblock phase",
    }
    assert {(o.codec, o.size) for o in first} == {("jpeg2000", 128), ("jpeg2000", 160), ("jpegxr", 128)}
    assert all(outcome.ratio > 1 for outcome in first)


def test_summary_counts_coverage_and_accuracy():
    def outcome(ratio: float, declared: str | None) -> Outcome:
        return Outcome("jpegxr", "jpegxr", 128, ratio, "overlap mode", "1", declared)

    rows = history_wavelets.summarise([outcome(4, "1"), outcome(5, "2"), outcome(5.9, None), outcome(30, None)])
    assert [(row.ratios, row.cases) for row in rows] == [("3 to 6", 3), ("24 to 48", 1)]
    assert rows[0].coverage == pytest.approx(2 / 3)
    assert rows[0].accuracy == 0.5
    assert rows[1].coverage == 0
    assert math.isnan(rows[1].accuracy)
    pooled = history_wavelets.summarise([outcome(4, "1"), outcome(200, "1")], by_ratio=False)
    assert [(row.ratios, row.cases, row.accuracy) for row in pooled] == [("all", 2, 1.0)]
    text = history_wavelets.report_markdown(rows)
    assert "66.7 %" in text
    assert text.count("\n") == 3
