"""The open judge's features are measured in one pass, with the values of two."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_features import FURTHER_FAMILIES, FeatureExtractor

from forensics.windows.judges import open_extractor, shipped_extractor
from forensics.windows.reading import judge_windows


class Wrapped:
    """An extractor of somebody else's."""

    version = 2
    feature_names = ("mean", "top")

    def transform(self, pictures):
        return np.array([[p.mean(), p.max()] for p in pictures], np.float32)


class Last:
    """A judge that gives back what it was given."""

    def look(self, patches):
        return None

    def judge(self, features, patches, seen=None):
        return features


@pytest.fixture(scope="module")
def pieces():
    rng = np.random.default_rng(3)
    grey, colour = rng.integers(0, 256, (80, 72), np.uint8), rng.integers(0, 256, (64, 96, 3), np.uint8)
    return [grey, colour, np.repeat(np.repeat(colour[:40, :40], 2, axis=0), 2, axis=1)]


@pytest.mark.parametrize("own", [True, False])
def test_both_families_in_one_pass_are_those_of_two(pieces, own):
    first = shipped_extractor() if own else Wrapped()
    further = FeatureExtractor(FURTHER_FAMILIES)
    columns = [at for at, name in enumerate(further.feature_names) if not name.startswith("picture.")]
    expected = np.concatenate([first.transform(pieces), further.transform(pieces)[:, columns]], axis=1)
    both = open_extractor(first)
    assert both.feature_names == (*first.feature_names, *(further.feature_names[at] for at in columns))
    measured, given = judge_windows(Last(), first, pieces, 1, both)
    assert np.array_equal(measured, expected, equal_nan=True)
    assert np.array_equal(given, expected[:, : len(first.feature_names)], equal_nan=True)


def test_the_open_judges_columns_are_those_that_are_measured():
    from forensics.windows.judges import shipped_open_judge

    assert tuple(shipped_open_judge().feature_names) == tuple(open_extractor(shipped_extractor()).feature_names)
