"""The measurement of how often windows judged one after another depart from all windows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from forensics_benchmarks import early_stopping
from PIL import Image


def test_pictures_are_whole_and_repeatable(tmp_path):
    rng = np.random.default_rng(0)
    for name in "ab":
        Image.fromarray(rng.integers(0, 256, (300, 200, 3), np.uint8)).save(tmp_path / f"{name}.png")
    sources = sorted(tmp_path.iterdir())
    first, again = (list(early_stopping.pictures(sources, 4, 3)) for _ in range(2))
    assert [kind for kind, _ in first] == list(early_stopping.KINDS)
    for (_, one), (_, two) in zip(first, again, strict=True):
        assert one.shape == (*early_stopping.SIZE, 3)
        assert np.array_equal(one, two)


def test_a_splice_replaces_one_rectangle():
    numbers = np.random.default_rng(1)
    first, second = np.zeros((*early_stopping.SIZE, 3), np.uint8), np.ones((*early_stopping.SIZE, 3), np.uint8)
    made = early_stopping.spliced(first, second, numbers)
    rows, columns = np.flatnonzero(made.any(axis=(1, 2))), np.flatnonzero(made.any(axis=(0, 2)))
    assert made[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert 0.04 < made.mean() < 0.62


def test_a_splice_of_a_smaller_picture_lies_within_it():
    first, second = np.zeros((64, 96, 3), np.uint8), np.ones((64, 96, 3), np.uint8)
    for seed in range(20):
        assert 0.04 < early_stopping.spliced(first, second, np.random.default_rng(seed)).mean() < 0.62


@pytest.mark.parametrize(("errors", "of", "expected"), [(0, 1497, 0.002), (0, 100, 0.0295), (5, 5, 1.0)])
def test_the_bound_is_that_of_clopper_and_pearson(errors, of, expected):
    assert early_stopping.upper_bound(errors, of) == pytest.approx(expected, rel=0.01)


def test_the_command_counts_departures(tmp_path, monkeypatch, capsys):
    from forensics.verdict import analysis

    class Reader:
        order = (0, 1, 2, 3)

        @classmethod
        def of(cls, pixels):
            return cls()

        def reading(self, count):
            return type("Reading", (), {"verdict": "jpeg"})

        def settled(self, by):
            said = "webp" if by.first == 1 else "jpeg"
            return type("Reading", (), {"verdict": said}), [0] * by.first

    monkeypatch.setattr(analysis, "SequentialReader", Reader)
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "a.png")
    early_stopping.main([str(tmp_path), "--pictures", "4", "--first", "1", "2", "--least", "0.9", "--size", "64", "80"])
    table = json.loads(capsys.readouterr().out)
    one, two = table["settings"]
    assert (one["rate"], two["rate"]) == (1.0, 0.0)
    assert (one["share_judged"], two["share_judged"]) == (0.25, 0.5)
