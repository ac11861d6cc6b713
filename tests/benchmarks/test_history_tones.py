"""The benchmark of changed tones: what it makes, and what it counts."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from forensics_benchmarks import history_tones
from forensics_benchmarks.history_tones import CHANGES, Toned


def test_changes_are_monotonic_and_really_change():
    for seed in range(20):
        for name, curve in CHANGES.items():
            table = np.clip(np.rint(curve(np.arange(256.0), np.random.default_rng(seed))), 0, 255)
            assert (np.diff(table) >= 0).all()
            assert np.array_equal(table, np.arange(256)) is (name == history_tones.NONE), name


@pytest.mark.heavy
def test_every_picture_is_measured_after_every_change(monkeypatch):
    monkeypatch.setattr(history_tones, "ENCODERS", ("webp",))
    rng = np.random.default_rng(3)
    rough = np.clip(rng.choice([80, 130, 170], (120, 120, 1)) + rng.normal(0, 25, (120, 120, 3)), 0, 255).astype(
        np.uint8
    )
    found = list(history_tones.measure([rough]))
    assert [(case.truth, case.change) for case in found] == [
        (truth, change) for truth in ("uncompressed", "webp") for change in CHANGES
    ]
    assert not any(case.found for case in found if case.change == "none" and case.truth == "uncompressed")
    assert found[:3] == list(islice(history_tones.measure([rough]), 3))


def test_rows_count_right_and_wrong_codecs():
    cases = [
        Toned("jpeg", "gamma", True, "webp", "jpeg"),
        Toned("heic", "gamma", False, "inconclusive", "inconclusive"),
        Toned("uncompressed", "gamma", True, "uncompressed", "webp"),
    ]
    (row,) = history_tones.summary(cases)
    assert (row["compressed"], row["curve found"], row["right as stored"], row["right"]) == (2, 0.5, 0.0, 0.5)
    assert (row["another codec as stored"], row["another codec"], row["codec named there"]) == (0.5, 0.0, 1.0)
    assert [(r["codec"], r["right"]) for r in history_tones.by_codec(cases)] == [
        ("jpeg", pytest.approx(1)),
        ("heic", pytest.approx(0)),
    ]
