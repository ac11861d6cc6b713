"""Pairs of known order for `forensics bench compare`."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_benchmarks import compared_copies as copies
from forensics_benchmarks.compared_copies import Answer
from PIL import Image

from tests.reconstruction.scenes import jpeg_file, scene


@pytest.fixture
def sources(tmp_path):
    paths = [tmp_path / f"{seed}.png" for seed in (1, 2)]
    for seed, path in enumerate(paths, 1):
        Image.fromarray(scene(seed, 128, 160)).save(path)
    return paths


def test_pairs_are_what_they_are_called(sources, monkeypatch):
    slow = [make for make in copies.MAKERS if make.__module__ == copies.__name__][: len(copies.MAKERS)]
    monkeypatch.setattr(copies, "MAKERS", tuple(slow[:2] + slow[-9:]))
    made = list(copies.pairs(sources, 11, side=160))
    again = list(copies.pairs(sources, 11, side=160))
    assert all(np.array_equal(one.after, other.after) for one, other in zip(made, again, strict=True))
    by_kind = {pair.kind: pair for pair in made}
    assert len(by_kind) == 11
    assert np.array_equal(by_kind["the same"].before, by_kind["the same"].after)
    assert np.array_equal(by_kind["another format"].before, by_kind["another format"].after)
    assert by_kind["made grey"].after.ndim == 2
    assert by_kind["cropped"].after.size < by_kind["cropped"].before.size
    assert by_kind["enlarged JPEG"].after.size > by_kind["enlarged JPEG"].before.size
    assert by_kind["JPEG of a JPEG"].files is not None
    assert all(pair.same == (pair.kind in ("the same", "another format")) for pair in made)


def test_order_and_truth_take_turns(sources, monkeypatch):
    monkeypatch.setattr(copies, "MAKERS", (copies._crop, copies._unchanged))
    found = list(copies.answered(copies.pairs(sources, 4, side=160), judge=False))
    assert [answer.truth for answer in found] == ["first", "same", "first", "same"]
    assert [answer.stated for answer in found] == [answer.truth for answer in found]
    monkeypatch.setattr(copies, "MAKERS", (copies._crop,))
    turned = list(copies.answered(copies.pairs(sources, 2, side=160), judge=False))
    assert [answer.truth for answer in turned] == ["first", "second"]
    assert [answer.stated for answer in turned] == ["first", "second"]


def test_the_table_counts_told_and_right():
    rows = [
        Answer("cropped", "a", "", "first", "first", "", "", 1.0),
        Answer("cropped", "b", "", "second", "cannot be told", "", "", 1.0),
        Answer("JPEG of a JPEG", "c", "", "first", "second", "", "first", 1.0),
    ]
    lines = copies.table(rows).splitlines()
    assert lines[2] == "| cropped | 2 | 1 of 2, 50.0% | 1 of 1, 100.0% | - | - |"
    assert lines[3] == "| JPEG of a JPEG | 1 | 1 of 1, 100.0% | 0 of 1, 0.0% | 1 of 1 | 1 of 1, 100.0% |"
    assert lines[4].startswith("| all | 3 | 2 of 3, 66.7% | 1 of 2, 50.0% |")


def test_jpegjudge_is_asked():
    if not copies.judge_available():
        pytest.skip("jpegjudge (Debian) is not installed")
    fine, coarse = (jpeg_file(scene(3, 128, 160), quality) for quality in (95, 30))
    assert copies._judged((fine, coarse)) == "first"
    assert copies._judged((coarse, fine)) == "second"
    assert copies._judged((fine, fine)) == "cannot be told"
