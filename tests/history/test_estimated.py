"""Estimated parameters in the words of a history."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_models.parameters import Estimate, Target

from forensics.errors import UsageError
from forensics.history import estimated

QUANTIZER = Target("quantizer", ("bpg", "heic"), low=0, high=51, unit="QP")
DISTANCE = Target("distance", ("jpegxl",), low=0.05, high=25, logarithmic=True, unit="Butteraugli")
SUBSAMPLING = Target("chroma_subsampling", ("bpg", "heic"), ("4:2:0", "4:4:4"))


class Judge:
    """Stands in for the trained estimators: says how many windows it saw."""

    targets = (QUANTIZER, SUBSAMPLING)

    def __init__(self, names):
        self.feature_names = tuple(names)

    def estimate(self, features, codec):
        assert features.shape[1] == len(self.feature_names)
        return [Estimate(QUANTIZER, float(len(features)), 0.0, 51.0, None, 2.345, 700)]


def test_a_number_carries_its_interval_and_validated_error():
    found = estimated.to_parameter(Estimate(QUANTIZER, 27.34, 22.06, 31.97, None, 2.345, 700), 4)
    assert (found.name, found.value, found.low, found.high, found.unit) == ("quantizer_index", 27.3, 22.1, 32.0, "QP")
    assert (
        found.basis
        == "regression on the features of 4 windows; mean error 2.3 QP on 700 validation windows of this codec"
    )


def test_a_distance_keeps_two_digits():
    assert estimated.to_parameter(Estimate(DISTANCE, 0.123, 0.05, 0.339, None, 0.1, 90), 1).value == 0.12


def test_an_unlikely_name_is_not_stated():
    sure = estimated.to_parameter(Estimate(SUBSAMPLING, "4:2:0", None, None, 0.97, 0.08, 500), 1)
    assert (sure.value, sure.probability, sure.reason) == ("4:2:0", 0.97, "")
    unsure = estimated.to_parameter(Estimate(SUBSAMPLING, "4:2:0", None, None, 0.55, 0.08, 500), 1)
    assert unsure.value is None
    assert "4:2:0" in unsure.reason
    assert "8 % of 500" in unsure.basis


@pytest.fixture
def extractor_names():
    return estimated.shipped_extractor().feature_names


def test_windows_of_the_picture_are_measured(monkeypatch, extractor_names):
    monkeypatch.setattr(estimated, "shipped", lambda: Judge(extractor_names))
    pixels = np.random.default_rng(0).integers(0, 256, (256, 512, 3), dtype=np.uint8)
    assert estimated.estimate(pixels, "heic")[0].value == 2.0
    assert estimated.estimate(pixels, "jpeg") == ()


def test_estimators_of_other_features_are_refused(monkeypatch):
    monkeypatch.setattr("forensics_models.parameters.Parameters.shipped", classmethod(lambda cls: Judge(("a", "b"))))
    estimated.shipped.cache_clear()
    with pytest.raises(UsageError, match="other features"):
        estimated.shipped()
    estimated.shipped.cache_clear()


def test_without_estimators_nothing_is_estimated(monkeypatch):
    def missing(cls):
        raise FileNotFoundError

    monkeypatch.setattr("forensics_models.parameters.Parameters.shipped", classmethod(missing))
    estimated.shipped.cache_clear()
    assert estimated.estimate(np.zeros((64, 64, 3), np.uint8), "heic") == ()
    estimated.shipped.cache_clear()
