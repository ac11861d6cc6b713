"""The shipped judge in its three modes: what each needs, and that its outputs are what its parts say."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
from forensics_models.classes import CLASSES
from forensics_models.fused import MODES, FusedJudge, as_rgb, judges_outputs
from forensics_models.fusion import Fusion
from forensics_models.judgement import merge_fine

from forensics.windows.judges import shipped_extractor

ARTEFACTS = files("forensics_models") / "artefacts"


@pytest.fixture(scope="module")
def windows():
    """Three windows of smooth noise, one of them grey and one smaller, and their features."""
    numbers = np.random.default_rng(4)
    made = [
        np.clip(numbers.normal(128, 20, shape), 0, 255).astype(np.uint8)
        for shape in ((128, 128, 3), (96, 96, 3), (128, 128))
    ]
    return shipped_extractor().transform(made), made


@pytest.fixture(scope="module", params=MODES)
def judge(request):
    return FusedJudge(ARTEFACTS, request.param)


def test_each_mode_judges_and_combines(judge, windows):
    features, pieces = windows
    judged = judge.judge(features, pieces)
    np.testing.assert_allclose(judged.fine_probabilities.sum(axis=1), 1)
    assert (np.diff(judged.log2_ratio, axis=1) >= 0).all()
    assert (np.diff(judged.ssim, axis=1) >= 0).all()
    whole = judge.combine(judged)
    assert whole.probabilities.sum() == pytest.approx(1)
    assert (judged.strangeness is None) == (judge.mode == "baseline")
    assert judge.card["model"] == judge.mode
    assert 0.5 <= judge.card["inconclusive_below"] < 1
    assert judge.card["validation"]["windows"] > 1000
    assert judge.card["validation_table"]


def test_candidates_hold_the_best_class_and_shrink_with_certainty(judge):
    sure = {name: 1e-6 for name in CLASSES} | {"jpeg2000": 1 - 8e-6}
    assert judge.candidates(sure) == ("jpeg2000",)
    even = dict.fromkeys(CLASSES, 1 / 9)
    assert len(judge.candidates(even)) >= 1


def test_the_baseline_mode_is_the_fusion_of_one(windows):
    features, _ = windows
    judge = FusedJudge(ARTEFACTS, "baseline")
    assert not judge.needs_patches
    outputs = judge.outputs(features)
    assert set(outputs.margins) == {"baseline"}
    fusion: Fusion = judge._fusion
    wanted = fusion.probabilities(outputs.margins, outputs.log2_pixels, outputs.log2_ratio())
    np.testing.assert_allclose(judge.judge(features).fine_probabilities, wanted)


def test_a_window_does_not_depend_on_the_others(windows):
    features, pieces = windows
    judge = FusedJudge(ARTEFACTS, "fused")
    together = merge_fine(judge.judge(features, pieces).fine_probabilities)
    alone = [merge_fine(judge.judge(features[i : i + 1], pieces[i : i + 1]).fine_probabilities)[0] for i in range(3)]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_patches_must_be_there_where_they_are_needed(windows):
    features, pieces = windows
    judge = FusedJudge(ARTEFACTS, "fused")
    with pytest.raises(ValueError, match="as many patches"):
        judge.judge(features, pieces[:1])
    with pytest.raises(ValueError, match="as many patches"):
        judge.judge(features, (), judge.look(pieces[:1]))


def test_a_look_taken_before_replaces_the_patches(judge, windows):
    features, pieces = windows
    seen = judge.look(pieces)
    assert (seen is None) == (judge.mode == "baseline")
    np.testing.assert_array_equal(
        judge.judge(features, (), seen).fine_probabilities, judge.judge(features, pieces).fine_probabilities
    )


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="a mode is one of"):
        FusedJudge(ARTEFACTS, "both")


def test_grey_patches_get_three_equal_channels():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    made = as_rgb(grey[:, ::2])
    assert made.shape == (3, 2, 3)
    assert made.flags.c_contiguous
    np.testing.assert_array_equal(made[:, :, 0], grey[:, ::2])
    np.testing.assert_array_equal(made[:, :, 2], made[:, :, 0])


def test_without_a_judge_there_is_nothing(windows):
    outputs = judges_outputs(None, None, windows[0])
    assert outputs.margins == {}
    assert outputs.embedding is None
