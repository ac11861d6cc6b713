"""A JPEG beneath another codec or a change: cases and their twins, and their sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from forensics_benchmarks import history_buried
from forensics_benchmarks.conditions import CONDITIONS
from forensics_benchmarks.history_buried import Buried, Changed

from forensics.dataset.synthetic import synthesise

SCENE = np.clip(
    synthesise("texture", 270, 280, 5) + np.random.default_rng(4).normal(0, 7, (270, 280, 3)), 0, 255
).astype(np.uint8)


def test_every_case_has_a_twin_without_a_jpeg(monkeypatch):
    monkeypatch.setattr(history_buried, "LAST", ("webp", "jpegxl"))
    monkeypatch.setattr(history_buried, "RATIOS", (4.0, 6.0))
    found = list(history_buried.measure([SCENE, SCENE[:100, :100]]))
    assert [case.quality > 0 for case in found] == [True, False, True, False]
    assert all(case.ratio > 1 for case in found)
    assert not any(case.found for case in found if not case.quality)
    for case in found:
        assert case.found or not (case.quality_right or case.grid_right)
    assert any(case.found and case.grid_right for case in found)
    assert found == list(history_buried.measure([SCENE]))


@pytest.mark.heavy  # a quarter of a minute
def test_changes_after_decoding_spare_jpeg_itself(monkeypatch):
    chosen = {name: CONDITIONS[name] for name in ("jpeg-75", "noise-1", "resize-0.5")}
    monkeypatch.setattr(history_buried, "CONDITIONS", chosen)
    found = list(history_buried.measure_changed([SCENE]))
    assert list(dict.fromkeys(case.condition for case in found)) == ["none", "noise-1", "resize-0.5"]
    assert next(case for case in found if case.quality and case.condition == "none").found
    assert not any(case.found for case in found if not case.quality or case.condition == "resize-0.5")


def test_sums():
    cases = [
        Buried(70, "webp", 5.0, True, True, True),
        Buried(80, "avif", 7.0, False, False, False),
        Buried(0, "webp", 5.0, False, False, False),
        Buried(60, "webp", 20.0, True, False, True),
    ]
    rows = history_buried.summary(cases)
    assert [(row["ratio of the last"], row["after a JPEG"], row["without a JPEG"]) for row in rows] == [
        ("0 to 8", 2, 1),
        ("8 to 16", 0, 0),
        ("from 16", 1, 0),
    ]
    assert (rows[0]["found"], rows[0]["quality right of those"], rows[0]["found there"]) == (0.5, 1.0, 0.0)
    assert math.isnan(rows[1]["found"])
    assert rows[2]["quality right of those"] == 0.0
    assert history_buried.by_codec(cases) == [
        {"last": "webp", "after a JPEG": 2, "found": 1.0},
        {"last": "avif", "after a JPEG": 1, "found": 0.0},
    ]
    changed = [
        Changed(70, "noise-1", "inconclusive", True, True),
        Changed(70, "noise-1", "jpeg", False, False),
        Changed(0, "noise-1", "uncompressed", False, False),
        Changed(70, "noise-1", "avif", False, False),
    ]
    row = history_buried.summary_changed(changed)[0]
    assert row["JPEGs"] == 3
    assert [row[name] for name in ("verdict JPEG", "verdict another codec", "table read")] == [pytest.approx(1 / 3)] * 3
    assert row["verdict JPEG or table read"] == pytest.approx(2 / 3)
    assert row["read without a JPEG"] == 0.0
