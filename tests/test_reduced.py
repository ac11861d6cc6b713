"""Pictures reduced after decoding: an open one is judged at the sizes before, and report and verdict say so."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import forensics
from forensics.report.json_report import entry
from forensics.report.text import render
from forensics.results.steps import ReductionStep, as_stored
from forensics.verdict import undoing
from forensics.verdict.analysis import analyze


@pytest.fixture(scope="module")
def reduced(coded_sample) -> np.ndarray:
    """A BPG picture, reduced to 0.9208 of its size."""
    return np.asarray(Image.fromarray(coded_sample("bpg", 28)).resize((442, 442), Image.Resampling.BILINEAR))


def test_what_shows_at_the_size_before_is_named_and_told(reduced):
    assert forensics.analyze(reduced, undo_reduction=False).verdict == "inconclusive"
    result = forensics.analyze(reduced)
    assert result.verdict == "hevc-intra"
    (step,) = result.steps
    assert step.name == "reduction"
    assert step.scale == pytest.approx(442 / 480, rel=0.005)
    assert result.evidence[0].trace == "reduction"
    assert "92" in result.evidence[0].text
    assert (result.width, result.height) == (442, 442)
    assert result.as_judged(reduced).shape[:2] == (step.height, step.width)
    written = json.loads(json.dumps(entry(result), allow_nan=False))
    assert written["steps"][0]["step"] == "reduction"
    assert written["steps"][0]["scale"] == pytest.approx(442 / 480, rel=0.005)
    assert "probably reduced" in render(result)


def test_sizes_that_name_two_codecs_name_none(reduced, monkeypatch):
    plain = forensics.analyze(reduced, undo_reduction=False)
    names = iter(["jpeg", "webp"])

    class Two:
        open_judge, threads = None, None

        def analysis(self, picture, pixels, steps):
            return replace(plain, verdict=next(names), probability=0.99)

    steps = [(ReductionStep(0.9, 2, 0, 0, 100, 100), reduced), (ReductionStep(0.8, 2, 0, 0, 100, 100), reduced)]
    monkeypatch.setattr(undoing.after, "possible_reductions", lambda pixels, count: iter(steps))
    kept = undoing.reduced(plain, reduced, None, Two(), lambda analysis, pixels: analysis)
    assert kept is plain
    for name, said in (("jpeg", "inconclusive"), ("heic", "heic")):  # stored as it is, HEVC is likeliest
        names = iter([name, name])
        assert undoing.reduced(plain, reduced, None, Two(), lambda analysis, pixels: analysis).verdict == said


@pytest.mark.parametrize("seed", [3, 7])
def test_mosaics_of_noise_resemble_no_codec_at_some_size(seed):
    numbers = np.random.default_rng(5)
    for _ in range(seed + 1):
        mosaic = numbers.integers(0, 256, (8, 8, 3), np.uint8).repeat(24, 0).repeat(24, 1) // 2
        mosaic += numbers.integers(0, 30, mosaic.shape, np.uint8)
    assert forensics.analyze(mosaic).verdict == "inconclusive"


def test_what_is_repeated_or_exactly_flat_was_never_reduced(reduced, monkeypatch):
    plain = forensics.analyze(reduced, undo_reduction=False)

    class One:
        open_judge, threads = None, None

        def analysis(self, picture, pixels, steps):
            return replace(plain, verdict="heic", probability=0.99)

    step = ReductionStep(0.9, 2, 0, 0, 100, 100)
    monkeypatch.setattr(undoing.after, "possible_reductions", lambda pixels, count: iter([(step, reduced)]))

    def asked(analysis, pixels):
        return undoing.reduced(analysis, pixels, None, One(), lambda analysis, pixels: analysis).verdict

    assert asked(plain, reduced) == "heic"
    (repetition,), _ = undoing.after.find_enlargements(reduced.repeat(2, axis=0).repeat(2, axis=1))
    assert asked(replace(plain, steps=(repetition,)), reduced) == "inconclusive"
    flat = np.full((200, 200, 3), 90, np.uint8)
    flat[60:140, 60:140] = 200
    assert asked(plain, flat) == "inconclusive"
    assert asked(plain, np.maximum(flat, reduced[:200, :200])) == "heic"


def test_a_picture_that_is_settled_is_not_asked(monkeypatch):
    def never(pixels, count):
        raise AssertionError("looked for")

    monkeypatch.setattr(undoing.after, "possible_reductions", never)
    assert analyze("examples/jpeg.png").verdict == "jpeg"
    assert analyze("examples/uncompressed.png").verdict == "uncompressed"


def test_places_at_the_size_before_are_found_in_the_picture_as_stored():
    step = ReductionStep(0.8, 8, 100, 40, 525, 525)
    assert as_stored((step,), (50, 10, 64, 32)) == pytest.approx((140, 48, 51.2, 25.6))
