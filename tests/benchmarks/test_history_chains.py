"""Chains of two codecs and their twins of one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from forensics_benchmarks import history_chains
from forensics_benchmarks.history_chains import Chain, family, measure, summary
from PIL import Image

from forensics.dataset.synthetic import synthesise


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(synthesise("texture", 260, 280, 3)).save(tmp_path / "one.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    return tmp_path


def test_every_chain_has_a_twin_with_its_last_codec_alone(folder):
    found = list(measure(folder, ["broken.png", "one.png"], per_source=3))
    assert 0 < len(found) <= 6
    chains = [c for c in found if c.first != "none"]
    twins = [c for c in found if c.first == "none"]
    assert {c.last for c in chains} == {c.last for c in twins}
    assert all(math.isnan(c.finer_db) for c in twins)
    assert all(math.isfinite(c.finer_db) for c in chains)
    assert found == list(measure(folder, ["one.png"], per_source=3))


def test_shares_are_counted_by_group():
    chains = [
        Chain("none", "webp", math.nan, "none", "webp"),
        Chain("none", "webp", math.nan, "jpeg", "webp"),
        Chain("jpeg", "webp", 7.5, "jpeg", "webp"),
        Chain("jpeg", "webp", -2.0, "", "avif"),
    ]
    rows = {row["pictures made by"]: row for row in summary(chains)}
    assert rows["one codec"]["count"] == 2
    assert rows["one codec"]["an earlier codec named"] == 0.5
    assert rows["two codecs"]["both right"] == 0.5
    assert rows["two codecs"]["first stated"] == 0.5
    assert rows["two codecs, the last finer by 6 dB or more"]["right of those"] == 1.0
    assert np.isnan(rows["two codecs, the first finer"]["right of those"])


def test_families():
    assert family("bpg") == family("heic") == "hevc-intra"
    assert family("avif") == "avif"
    assert family("none") == history_chains.NO_EARLIER
