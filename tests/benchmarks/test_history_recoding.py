"""The benchmark of what is read by recompression: its cases and its summary."""

from __future__ import annotations

import math

import numpy as np
import pytest
from forensics_benchmarks import history_recoding
from forensics_benchmarks.history_recoding import Reading

from forensics.codecs import registry


def reading(**changes):
    return Reading(
        **{
            "maker": "m",
            "standard": "hevc",
            "size": 256,
            "truth": 30.0,
            "estimate": 26.0,
            "read": 30.0,
            "grid_found": True,
            "grid_right": True,
            **changes,
        }
    )


def test_the_summary_counts_what_is_found_and_what_is_right():
    rows = history_recoding.summary(
        [
            reading(),
            reading(read=32.0, grid_right=False),
            reading(read=None, grid_found=False),
            reading(size=128, read=None),
        ]
    )
    assert [(row["side"], row["cases"]) for row in rows] == [(128, 1), (256, 3)]
    assert math.isnan(rows[0]["within 1 of those"])
    assert rows[1]["grid found"] == pytest.approx(2 / 3)
    assert rows[1]["right of those"] == 0.5
    assert rows[1]["within 1 of those"] == 0.5
    assert rows[1]["mean error of those"] == 1
    assert rows[1]["mean error of what is stated"] == pytest.approx((0 + 2 + 4) / 3)


def test_every_maker_asks_for_what_its_encoder_has():
    for maker in history_recoding.MAKERS:
        codec = registry.get(maker.encoder)
        assert maker.strength == codec.strength.parameter
        assert set(maker.switches) <= set(codec.switches)
        low, high = sorted((codec.strength.finest, codec.strength.coarsest))
        assert low <= min(maker.finest, maker.coarsest) <= max(maker.finest, maker.coarsest) <= high


def test_cases_know_their_truth(monkeypatch, scene):
    if not registry.get("bpg").availability().encode:
        pytest.skip(registry.get("bpg").availability().reason)
    monkeypatch.setattr(history_recoding, "MAKERS", history_recoding.MAKERS[:1])
    (found,) = history_recoding.measure([np.tile(scene, (2, 2, 1))], sizes=(128, 4096))
    assert found.standard == "hevc"
    assert 14 <= found.truth <= 42
    assert found.size == 128
