"""Windows shared with another process: the same features, whatever becomes of it."""

from __future__ import annotations

import os
from concurrent.futures import Future

import numpy as np
import pytest
from forensics_features import FeatureExtractor

from forensics.executors import Died, Here, executor
from forensics.localisation.scan import window_map
from forensics.windows.helper import WORTH_BYTES, helper, share
from forensics.windows.reading import measure_windows


def pieces(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(count)]


class Counting(FeatureExtractor):
    """Knows how many windows this process measured."""

    here = 0

    def transform(self, pictures):
        pictures = list(pictures)
        type(self).here += len(pictures)
        return super().transform(pictures)


class Dying(Here):
    """Its process dies at every task."""

    def submit(self, function, /, *arguments, name=""):
        future = Future()
        future.set_exception(Died("signal 9"))
        return future


@pytest.fixture(scope="module")
def other():
    with executor(1, apart=True) as found:
        yield found


@pytest.mark.parametrize("count", [1, 3, 4, 21])
def test_shared_windows_have_the_features_that_they_have_alone(other, count):
    extractor = FeatureExtractor(["lattice", "rounding"])
    given = pieces(count)
    np.testing.assert_array_equal(share(extractor, given, other), extractor.transform(given))


def test_both_processes_measure(other):
    extractor = Counting(["lattice"])
    assert share(extractor, pieces(40), other).shape == (40, len(extractor.feature_names))
    assert 0 < Counting.here < 40


def test_a_process_that_dies_costs_no_window():
    extractor = FeatureExtractor(["lattice"])
    given = pieces(9)
    np.testing.assert_array_equal(share(extractor, given, Dying()), extractor.transform(given))


def test_an_extractor_that_cannot_be_sent_measures_here(other):
    class Local(FeatureExtractor):
        pass

    extractor = Local(["lattice"])
    given = pieces(6)
    np.testing.assert_array_equal(measure_windows(extractor, given, None, other), extractor.transform(given))


def test_a_map_is_the_same_with_another_process(other):
    rng = np.random.default_rng(0)
    pixels = np.clip(rng.normal(128, 30, (192, 256, 3)), 0, 255).astype(np.uint8)
    alone, shared = window_map(pixels, threads=1), window_map(pixels, helper=other)
    np.testing.assert_array_equal(alone.fine_probabilities, shared.fine_probabilities)
    np.testing.assert_array_equal(alone.log2_ratio, shared.log2_ratio)


def test_a_process_is_started_for_large_files_on_several_cores_alone(monkeypatch, tmp_path):
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    small.write_bytes(b"x")
    large.write_bytes(bytes(WORTH_BYTES))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    with helper([small, tmp_path / "missing", "-"]) as found:
        assert found is None
    with helper([small, large]) as found:
        assert found is not None
        assert found.submit(os.getpid).result() != os.getpid()
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    with helper([large]) as found:
        assert found is None
