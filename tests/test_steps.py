"""Steps after decoding that are undone before a picture is judged: enlargement, repetition, and what the analysis says
of them.
"""

import json

import numpy as np
import pytest
from forensics_models.classes import NO_CONTENT
from PIL import Image
from scipy.ndimage import gaussian_filter

from forensics.examination import localise
from forensics.localisation import outputs
from forensics.pictures.opened import from_array
from forensics.report.json_report import entry
from forensics.results.steps import as_stored, stored_inset
from forensics.verdict import steps
from forensics.verdict.analysis import analyze


def scene(height: int, width: int) -> np.ndarray:
    """Coloured texture on slopes, away from black and white."""
    rng = np.random.default_rng(8)
    smooth = gaussian_filter(rng.normal(size=(height, width, 3)), (5, 5, 0)) * 150
    return np.clip(128 + smooth + rng.normal(0, 9, (height, width, 3)), 16, 239).astype(np.uint8)


@pytest.fixture(scope="module")
def native() -> np.ndarray:
    return scene(200, 240)


@pytest.fixture(scope="module")
def enlarged(native) -> np.ndarray:
    return np.asarray(Image.fromarray(native).resize((360, 300), Image.Resampling.BICUBIC))


def test_the_native_pixels_are_judged_and_both_sizes_told(native, enlarged, fake_judge, fake_extractor):
    result = analyze(enlarged, judge=fake_judge(webp=0.9), extractor=fake_extractor)
    assert (result.width, result.height) == (360, 300)
    assert [step.name for step in result.steps] == ["enlargement"]
    assert result.evidence[0].trace == "enlargement"
    assert "enlarged from 240x200 to 360x300 pixels by a cubic -0.5 kernel" in result.evidence[0].text
    assert np.abs(result.as_judged(enlarged).astype(int) - native).mean() < 0.3
    assert all(w.window.top + w.window.height <= 200 and w.window.left + w.window.width <= 240 for w in result.windows)


def test_the_json_holds_the_step(enlarged, fake_judge, fake_extractor):
    result = analyze(enlarged, judge=fake_judge(webp=0.9), extractor=fake_extractor)
    (step,) = json.loads(json.dumps(entry(result), allow_nan=False))["steps"]
    assert (step["step"], step["width"], step["height"], step["kernel"]) == ("enlargement", 240, 200, "cubic -0.5")
    assert step["columns"] == {**step["columns"], "old": 240, "new": 360, "alignment": "centres"}


def test_nothing_is_undone_where_nothing_is_found_or_asked(native, enlarged, fake_judge, fake_extractor):
    plain = analyze(native, judge=fake_judge(webp=0.9), extractor=fake_extractor)
    assert plain.steps == ()
    assert plain.as_judged(native) is native
    left = analyze(enlarged, judge=fake_judge(webp=0.9), extractor=fake_extractor, undo_enlargement=False)
    assert left.steps == ()
    assert left.as_judged(enlarged) is enlarged


def test_repetition_is_undone_exactly_and_two_steps_one_after_the_other(native, enlarged, fake_judge, fake_extractor):
    twice = np.repeat(np.repeat(enlarged, 2, 0), 3, 1)
    result = analyze(twice, judge=fake_judge(webp=0.9), extractor=fake_extractor)
    assert [step.name for step in result.steps] == ["repetition", "enlargement"]
    np.testing.assert_array_equal(result.steps[0].undo(twice), enlarged)
    assert result.as_judged(twice).shape == native.shape
    json.dumps(entry(result), allow_nan=False)


def test_pixel_art_of_few_native_pixels_gets_no_verdict(fake_judge, fake_extractor):
    art = np.repeat(np.repeat(scene(40, 48), 8, 0), 8, 1)
    result = analyze(art, judge=fake_judge(jpegxr=0.99), extractor=fake_extractor)
    assert result.verdict == NO_CONTENT
    assert "natively fewer than 64 pixels a side" in result.limits[0]
    assert result.evidence[0].trace == "repetition"
    assert result.ratio is None


def test_an_enlargement_that_is_not_exact_leaves_a_clear_codec_to_the_stored_pixels(
    enlarged, fake_judge, fake_extractor, monkeypatch
):
    monkeypatch.setattr(steps, "exact", lambda found: False)
    assert analyze(enlarged, judge=fake_judge(webp=0.999), extractor=fake_extractor).steps == ()
    assert analyze(enlarged, judge=fake_judge(webp=0.9), extractor=fake_extractor).steps


def test_a_map_lies_in_the_native_pixels(native, enlarged):
    found = localise(from_array(enlarged), side=128, step=64)
    assert (found.map.height, found.map.width) == native.shape[:2]
    assert "the picture was enlarged after decoding; windows lie in the native pixels" in found.map.notes
    assert outputs.as_mapped(enlarged, found).shape == native.shape


def test_the_history_tells_the_enlargement_with_its_figure(enlarged, fake_judge, fake_extractor):
    from forensics.history.traces.enlargement import enlargement
    from forensics.report.plots import plot_trace

    result = analyze(enlarged, judge=fake_judge(webp=0.9), extractor=fake_extractor)
    trace = enlargement(result.steps[0], enlarged)
    assert trace.found
    assert trace.statistic > 5
    assert trace.series["lengths"][trace.series["residual"].argmin()] in (200, 240)
    assert "enlarged from 240x200" in trace.sentence
    pytest.importorskip("matplotlib")
    assert "pixels" in plot_trace(trace).get_xlabel()


def test_boxes_are_told_in_the_picture_as_stored(native, enlarged):
    """Of a window behind an inset that was enlarged, and of an inset in a picture that was enlarged as a whole."""
    page = np.full((420, 500, 3), 250, np.uint8)
    page[40:340, 60:420] = enlarged
    (inset,) = steps.find_insets(page)
    inner = steps.find_enlargement(inset.undo(page))
    assert as_stored((inset, inner), (20, 10, 100, 60)) == pytest.approx((40 + 30, 60 + 15, 150, 90))
    assert as_stored((), (1, 2, 3, 4)) == (1, 2, 3, 4)
    assert stored_inset((inset, inner))[:4] == (40, 60, 300, 360)
    around = steps.InsetStep(inset.found._replace(top=10, left=20, height=30, width=40))
    assert stored_inset((inner, around))[:4] == (15, 30, 45, 60)
    assert stored_inset((inner,)) is None
