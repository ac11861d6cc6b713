"""A JPEG's table under later noise: found at its grid and quality, silent without one, and its counts are those of
plain loops.
"""

from __future__ import annotations

import numpy as np
import pytest
from forensics_features.comb import BINS, FINE_BIN

from forensics.codecs import registry
from forensics.dataset.synthetic import synthesise
from forensics.history.traces import jpeg_table as module
from forensics.history.traces.jpeg_table import jpeg_table
from forensics.history.traces.sample import draw_sample

RNG = np.random.default_rng(4)
SCENE = np.clip(
    synthesise("texture", 300, 320, 5) + RNG.normal(0, 7, (300, 320, 1)) + RNG.normal(0, 2, (300, 320, 3)), 0, 255
).astype(np.uint8)


def recoded(encoder: str, pixels: np.ndarray, crop: tuple[int, int] = (0, 0), **strength: float) -> np.ndarray:
    codec = registry.get(encoder)
    return np.ascontiguousarray(codec.decode(codec.encode(pixels, **strength))[crop[0] :, crop[1] :])


@pytest.mark.parametrize(
    ("quality", "last", "strength"),
    [(50, "webp", {"quality": 90}), (75, "heic", {"quality": 85}), (85, "jpegxl", {"distance": 0.5})],
)
def test_a_jpeg_beneath_another_codec_is_read(quality, last, strength):
    pixels = recoded(last, recoded("jpeg", SCENE, (3, 6), quality=quality), (2, 0), **strength)
    trace = jpeg_table(draw_sample(pixels))
    assert trace.found
    assert trace.speaks_for == ("jpeg",)
    assert trace.parameters["phase"] == [-(3 + 2) % 8, -6 % 8]
    assert trace.parameters["family"] == "standard"
    assert trace.parameters["low"] <= quality <= trace.parameters["high"]
    assert abs(trace.parameters["quality"] - quality) <= 1
    assert f"quality {trace.parameters['quality']}" in trace.sentence
    assert trace.series["evidence"].argmax() == trace.parameters["quality"] - module.QUALITIES[0]


@pytest.mark.parametrize(
    ("last", "strength"),
    [
        ("webp", {"quality": 60}),
        ("heic", {"quality": 50}),
        ("jpegxl", {"distance": 2.0}),
        ("jpeg2000", {"ratio": 20.0}),
        ("avif", {"quality": 60}),
    ],
)
def test_other_codecs_alone_leave_no_table(last, strength):
    assert not jpeg_table(draw_sample(recoded(last, SCENE, (3, 6), **strength))).found


@pytest.mark.parametrize("kind", ["texture", "gradient", "coloured-noise"])
def test_nothing_is_read_where_nothing_was_coded(kind):
    trace = jpeg_table(draw_sample(synthesise(kind, 200, 230, 9)))
    assert not trace.found
    assert trace.parameters["quality"] is None
    assert trace.speaks_for == ()


def test_a_flat_picture_has_no_evidence():
    trace = jpeg_table(draw_sample(np.full((80, 90, 3), 77, np.uint8)))
    assert trace.log10_nfa > 0
    assert trace.statistic == 0


def test_excesses_are_those_of_plain_loops():
    rng = np.random.default_rng(2)
    histograms = rng.integers(0, 4, (64, 24, BINS)).astype(np.float32)
    excess, counts = module.excesses(histograms)
    middles = (np.arange(BINS) + 0.5) * FINE_BIN * module._SCALE
    for frequency, step in ((0, 3), (7, 16), (23, 40)):
        inside = (middles >= 0.75 * step) & (middles < 8.5 * step)
        number = histograms[:, frequency, inside].sum(axis=1)
        total = (histograms[:, frequency, inside] * np.cos(2 * np.pi * middles[inside] / step)).sum(axis=1)
        assert counts[:, frequency, step - 1] == pytest.approx(number)
        for phase in (0, 41):
            rest = np.arange(64) != phase
            expected = total[phase] - number[phase] * total[rest].sum() / number[rest].sum()
            assert excess[phase, frequency, step - 1] == pytest.approx(expected, abs=2e-2)


def test_steps_under_three_do_not_count():
    assert not module._waves()[1][:, :2].any()


def test_the_chance_of_a_sum_is_hoeffdings():
    rng = np.random.default_rng(0)
    sums = np.cos(2 * np.pi * rng.random((20000, 50))).sum(axis=1)
    for total in (10.0, 20.0):
        assert (sums >= total).mean() <= 10 ** module._hoeffding(total, 50.0)
    assert module._hoeffding(-1.0, 50.0) == 0
