"""Windows judged one after another: their order, when they settle the answer, and that all of them give the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from forensics_models.classes import FAMILIES
from forensics_models.judgement import WindowJudgement
from forensics_models.open_judge import PROCESS_NAMES

import forensics
from forensics.results.analysis import Window
from forensics.verdict import analysis
from forensics.windows.sequential import Settling, chosen, joined, spread


def _windows(rows, columns):
    return [Window(300 * i, 310 * j, 256, 256) for i, j in itertools.product(range(rows), range(columns))]


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 3), (4, 4), (3, 5)])
def test_every_window_lies_farthest_from_those_before(shape):
    windows = _windows(*shape)
    order = spread(windows)
    assert sorted(order) == list(range(len(windows)))

    def nearest(at, before):
        return min(np.hypot(windows[at].top - windows[b].top, windows[at].left - windows[b].left) for b in before)

    for count in range(1, len(order)):
        before, rest = order[:count], order[count:]
        assert nearest(order[count], before) == max(nearest(at, before) for at in rest)


def test_the_first_windows_of_a_grid_are_its_corners():
    assert set(spread(_windows(4, 4))[:4]) == {0, 3, 12, 15}


def _rows(*chances):
    rows = np.zeros((len(chances), len(PROCESS_NAMES)))
    for row, given in zip(rows, chances, strict=True):
        for name, p in given.items():
            row[PROCESS_NAMES.index(name)] = p
    return rows


def test_windows_settle_what_each_of_them_says():
    by = Settling(2, 0.9)
    sure, unsure = {"jpeg": 0.95}, {"jpeg": 0.85}
    assert by.settles("jpeg", _rows(sure, sure))
    assert not by.settles("jpeg", _rows(sure))
    assert not by.settles("jpeg", _rows(sure, unsure))
    assert not by.settles("webp", _rows(sure, sure))
    assert not by.settles("inconclusive", _rows({"jpeg": 0.99}, {"jpeg": 0.99}))
    assert by.settles("uncompressed", _rows({"uncompressed": 0.9}, {"uncompressed": 1.0}))


def test_uncompressed_has_its_own_number_and_probability():
    by = Settling(1, 0.9, 3, 0.7)
    likely = {"uncompressed": 0.75}
    assert by.settles("uncompressed", _rows(likely, likely, likely))
    assert not by.settles("uncompressed", _rows(likely, likely))
    assert not by.settles("uncompressed", _rows(likely, likely, {"uncompressed": 0.65}))
    assert by.settles("jpeg", _rows({"jpeg": 0.95}))
    assert not by.settles("jpeg", _rows({"jpeg": 0.85}))


def test_a_family_is_the_sum_of_its_members():
    family = FAMILIES["heic"]
    members = [name for name in PROCESS_NAMES if FAMILIES.get(name) == family][:2]
    halves = dict.fromkeys(members, 0.48)
    assert Settling(1, 0.9).settles(family, _rows(halves))
    assert not Settling(1, 0.9).settles(members[0], _rows(halves))


@pytest.mark.parametrize("trees", [True, False])
def test_batches_joined_and_cut_again_are_the_batches(trees):
    rng = np.random.default_rng(0)
    parts = [
        WindowJudgement(
            rng.random((n, 11)), rng.random((n, 3)), rng.random((n, 3)), None, rng.random((n, 11)) if trees else None
        )
        for n in (2, 3)
    ]
    whole = joined(parts)
    again = chosen(whole, [2, 3, 4])
    assert np.array_equal(again.fine_probabilities, parts[1].fine_probabilities)
    assert np.array_equal(again.ssim, parts[1].ssim)
    assert (whole.trees is None) != trees
    assert whole.strangeness is None


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[:300, :700]
    smooth = 120 + 60 * np.sin(rows / 23)[..., None] + 50 * np.cos(columns / 31)[..., None] * np.array([1, 0.8, 0.6])
    return np.clip(np.rint(smooth + rng.normal(0, 4, smooth.shape)), 0, 255).astype(np.uint8)


def test_windows_that_never_agree_are_all_judged_with_the_same_result(picture, monkeypatch):
    monkeypatch.setattr(analysis, "SETTLED_BY", Settling(1, 1.1))
    every = forensics.analyze(picture, undo_tone=False, threads=1, all_windows=True)
    found = forensics.analyze(picture, undo_tone=False, threads=1)
    assert len(every.windows) > 1
    assert [w.window for w in found.windows] == [w.window for w in every.windows]
    assert found.verdict == every.verdict
    assert found.limits == every.limits
    assert found.evidence == every.evidence
    assert dict(found.ranking) == pytest.approx(dict(every.ranking), abs=1e-6)


@pytest.mark.parametrize("threads", [1, 3])
def test_how_many_windows_settle_the_answer_does_not_depend_on_threads(picture, monkeypatch, threads):
    monkeypatch.setattr(Settling, "settles", lambda self, answer, windows: len(windows) >= 2)
    monkeypatch.setattr(analysis, "SETTLED_BY", Settling(1, 0.0))
    found = forensics.analyze(picture, undo_tone=False, threads=threads)
    assert len(found.windows) == 2


def test_one_window_that_settles_the_answer_is_all_that_is_judged(picture, monkeypatch):
    monkeypatch.setattr(Settling, "settles", lambda self, answer, windows: len(windows) >= self.first)
    monkeypatch.setattr(analysis, "SETTLED_BY", Settling(1, 0.0))
    every = forensics.analyze(picture, undo_tone=False, threads=1, all_windows=True)
    found = forensics.analyze(picture, undo_tone=False, threads=1)
    assert len(found.windows) == 1
    assert found.windows[0].window == every.windows[0].window
    assert found.limits[0].startswith(f"1 of {len(every.windows)} windows were judged")
    assert not any("windows were judged, until" in limit for limit in every.limits)
