"""Composing an analysis: windows, verdict, evidence, agreement with the container, limits, reports."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
import threading

import numpy as np
import pytest
from forensics_features.extractor import FeatureExtractor
from forensics_features.tone_curve import EXPANSIONS
from forensics_models.classes import CLASSES
from forensics_models.judgement import decide
from PIL import Image

import forensics
from forensics.errors import PictureError, UsageError
from forensics.report import csv_report, json_report, text
from forensics.results.failure import Failure
from forensics.verdict import analysis, tone
from forensics.verdict.agreement import compare
from forensics.verdict.analysis import INCONCLUSIVE, RATIO_ABOVE, analyze
from forensics.verdict.sentences import INDICATIONS
from forensics.windows.choice import SIDE, choose_windows, grid_shape, interest
from forensics.windows.picture_reading import PictureReading
from forensics.windows.reading import judge_windows


def saved(array: np.ndarray, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("shape", [(64, 64), (200, 256), (257, 300), (512, 512), (700, 3000), (4000, 70), (3000, 4000)])
def test_windows_lie_within_the_picture_and_are_bounded(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    windows = choose_windows(pixels)
    assert 1 <= len(windows) <= 16
    assert windows == choose_windows(pixels)
    for w in windows:
        assert (w.height, w.width) == (min(SIDE, shape[0]), min(SIDE, shape[1]))
        assert 0 <= w.top <= shape[0] - w.height
        assert 0 <= w.left <= shape[1] - w.width
        assert w.cut(pixels).shape == (w.height, w.width)


def test_a_small_picture_is_one_whole_window():
    assert choose_windows(np.zeros((256, 100), np.uint8)) == [(0, 0, 256, 100)]


def test_windows_are_spread_and_off_the_grid_of_eight():
    windows = choose_windows(np.random.default_rng(1).integers(0, 256, (3000, 4000), dtype=np.uint8))
    assert len(windows) >= 12
    assert all(w.top % 8 and w.left % 8 for w in windows)
    for low, high in ((0, 2000), (2000, 4000)):
        assert sum(low <= w.left < high for w in windows) >= 4
    assert {w.top // 1000 for w in windows} == {0, 1, 2}


def test_grid_of_cells_is_square_where_it_can_be():
    assert grid_shape(256, 256) == (1, 1)
    assert grid_shape(512, 768) == (2, 3)
    assert grid_shape(10_000, 10_000) == (4, 4)
    assert grid_shape(10_000, 300) == (16, 1)


def test_texture_wins_over_flat_and_clipped_parts():
    rng = np.random.default_rng(2)
    flat = np.full((256, 400), 128, np.uint8)
    clipped = rng.choice(np.array([0, 255], np.uint8), (256, 400))
    texture = rng.integers(100, 140, (256, 400), dtype=np.uint8)
    assert interest(texture) > interest(flat) > interest(clipped)
    for other in (flat, clipped):
        left_half = np.concatenate([texture, other], axis=1)[:, :600]
        assert choose_windows(left_half, limit=1)[0].left < 200


def test_the_verdict_is_the_best_class_and_its_probability(scene, fake_judge, fake_extractor):
    data = saved(scene, "PNG")
    result = analyze(data, judge=fake_judge(jpeg=0.9, webp=0.06), extractor=fake_extractor)
    assert (result.verdict, result.best) == ("jpeg", "jpeg")
    assert result.probability == pytest.approx(0.9)
    assert [name for name, _ in result.ranking[:2]] == ["jpeg", "webp"]
    assert sum(p for _, p in result.ranking) == pytest.approx(1)
    assert result.ratio == pytest.approx((4.0, 8.0, 8.0 * 2.0**RATIO_ABOVE))
    assert result.ssim == (0.9, 0.95, 0.97)
    assert result.sha256 == hashlib.sha256(data).hexdigest()
    assert result.versions == {
        "forensics": forensics.__version__,
        "features": "7",
        "model": "fake trained on 0123456789ab",
    }
    assert "a fake limit" in result.limits
    assert result.compressed == pytest.approx(1 - dict(result.ranking)["uncompressed"])
    np.testing.assert_array_equal(fake_extractor.given[0], scene)


def test_uncompressed_has_no_strength(scene, fake_judge, fake_extractor):
    result = analyze(scene, judge=fake_judge(uncompressed=0.95), extractor=fake_extractor)
    assert (result.verdict, result.ratio, result.ssim) == ("uncompressed", None, None)


def test_uncompressed_comes_with_a_warning_where_a_trace_of_resizing_is_found(fake_judge, fake_extractor):
    plain = np.random.default_rng(0).normal(128, 30, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    enlarged = np.asarray(Image.fromarray(plain).resize((390, 390), Image.Resampling.BICUBIC))
    for pixels, verdict, warned in (
        (plain, "uncompressed", False),
        (enlarged, "uncompressed", True),
        (enlarged, "webp", False),
    ):
        judge = fake_judge(**{verdict: 0.9})
        limits = analyze(pixels, judge=judge, extractor=fake_extractor, undo_enlargement=False).limits
        assert any("a trace of resizing" in limit for limit in limits) is warned


def test_quantised_blocks_are_held_against_uncompressed(fake_judge, fake_extractor):
    """A JPEG of quality 100 has no table that stands out: all its steps are 1."""
    rng = np.random.default_rng(4)
    field = np.cumsum(np.cumsum(rng.normal(size=(280, 300, 1)), axis=0), axis=1)
    before = np.clip(128 + 30 * field / field.std() + rng.normal(0, 9, (280, 300, 3)), 0, 255).astype(np.uint8)
    jpeg = np.asarray(Image.open(io.BytesIO(saved(before, "JPEG", quality=100))))[3:, 5:]
    for pixels, noticed in ((jpeg, True), (before, False)):
        result = analyze(pixels, judge=fake_judge(uncompressed=0.9), extractor=fake_extractor)
        assert ("dct_comb" in {s.trace for s in result.evidence}) is noticed
        assert result.verdict == (INCONCLUSIVE if noticed else "uncompressed")


@pytest.mark.parametrize("said", [{"uncompressed": 0.9}, {"avif": 0.3, "bpg": 0.3, "jpegxl": 0.3}])
def test_a_jpeg_that_was_changed_since_is_evidence_where_the_verdict_is_another(said, fake_judge, fake_extractor):
    rng = np.random.default_rng(4)
    field = np.cumsum(np.cumsum(rng.normal(size=(200, 230, 1)), axis=0), axis=1)
    before = np.clip(128 + 40 * field / field.std() + rng.normal(0, 9, (200, 230, 3)), 0, 255).astype(np.uint8)
    jpeg = np.asarray(Image.open(io.BytesIO(saved(before, "JPEG", quality=70))))[3:, 5:]
    changed = np.clip(np.rint(jpeg + rng.normal(0, 1.5, jpeg.shape)), 0, 255).astype(np.uint8)
    for pixels, noticed in ((changed, True), (before, False)):
        result = analyze(pixels, judge=fake_judge(**said), extractor=fake_extractor)
        assert (result.evidence[0].trace == "jpeg_table") is noticed
        assert result.verdict == (INCONCLUSIVE if noticed or len(said) > 1 else "uncompressed")
    assert (
        "of quality 70"
        in (answer := analyze(changed, judge=fake_judge(**said), extractor=fake_extractor)).evidence[0].text
    )
    assert "verdict     inconclusive, JPEG once and changed since" in text.render(answer)
    for verdict, noticed in (("avif", True), ("jpeg", False)):
        result = analyze(changed, judge=fake_judge(**{verdict: 0.9}), extractor=fake_extractor)
        assert result.verdict == verdict
        assert ("jpeg_table" in {s.trace for s in result.evidence}) is noticed


def test_below_the_models_threshold_there_is_no_verdict(scene, fake_judge, fake_extractor):
    judge = fake_judge(jpeg=0.59, avif=0.3)
    assert analyze(scene, judge=judge, extractor=fake_extractor).verdict == INCONCLUSIVE
    judge.card["inconclusive_below"] = 0.58
    assert analyze(scene, judge=judge, extractor=fake_extractor).verdict == "jpeg"


def test_bpg_and_heic_that_cannot_be_told_apart_are_hevc_intra(scene, fake_judge, fake_extractor):
    result = analyze(scene, judge=fake_judge(bpg=0.48, heic=0.47), extractor=fake_extractor)
    assert result.verdict == "hevc-intra"
    assert result.probability == pytest.approx(0.95)
    assert result.hevc_intra == pytest.approx(0.95)
    assert result.ratio is not None
    assert decide({"bpg": 0.5, "heic": 0.3, "jpeg": 0.2}, 0.5) == ("bpg", 0.5)
    assert decide({"bpg": 0.2, "heic": 0.2, "jpeg": 0.4}, 0.5) == (INCONCLUSIVE, 0.4)
    assert decide({"uncompressed": 0.2, "jpeg": 0.8}, 0.5, compressed_from=0.9) == (INCONCLUSIVE, 0.8)
    assert decide({"uncompressed": 0.2, "jpeg": 0.8}, 0.5, compressed_from=0.7) == ("jpeg", 0.8)
    assert decide({"uncompressed": 0.8, "jpeg": 0.2}, 0.5, compressed_from=0.9) == ("uncompressed", 0.8)


def test_overlap_modes_are_variants_of_jpeg_xr(scene, fake_judge, fake_extractor):
    result = analyze(scene, judge=fake_judge(jpegxr_1=0.6, jpegxr_2=0.3), extractor=fake_extractor)
    assert result.verdict == "jpegxr"
    assert sum(result.variants.values()) == pytest.approx(1)
    assert result.variants["jpegxr-1"] > result.variants["jpegxr-2"] > result.variants["jpegxr-0"]


def test_sixteen_bit_pictures_are_measured_at_eight_bits(scene, fake_judge, fake_extractor):
    deep = scene.astype(np.uint16) * 257 + 100
    result = analyze(deep, judge=fake_judge(jpeg=0.9), extractor=fake_extractor)
    np.testing.assert_array_equal(fake_extractor.given[0], scene)
    assert "16-bit samples are analysed rounded to 8 bits" in result.limits


@pytest.mark.parametrize("shape", [(1, 1, 3), (63, 200, 3), (200, 63, 3)])
def test_too_small_pictures_are_refused(shape, fake_judge, fake_extractor):
    with pytest.raises(PictureError, match="too few"):
        analyze(saved(np.zeros(shape, np.uint8), "PNG"), judge=fake_judge(), extractor=fake_extractor)


def test_evidence_names_the_measurement_its_range_and_its_codec(scene, fake_judge, fake_extractor):
    evidence = analyze(scene, judge=fake_judge(jpeg=0.9), extractor=fake_extractor).evidence
    assert [s.trace for s in evidence] == ["lattice-bt601_full", "dct-comb"]
    lattice = next(s for s in evidence if s.trace == "lattice-bt601_full")
    assert lattice.supports
    assert lattice.strength == pytest.approx((0.99 - 0.3) / (1 - 0.3))
    assert lattice.text.startswith("99.0 % of the coloured pixels have colours that come out of")
    assert lattice.text.endswith("(uncompressed pictures: 10.0 % to 30.0 %)")


def test_evidence_against_the_verdict_is_told_last(scene, fake_judge, fake_extractor):
    fake_extractor.row = (0, 0.4, 0.12, 1.0, 0.2)
    evidence = analyze(scene, judge=fake_judge(jpeg2000=0.9), extractor=fake_extractor).evidence
    assert [(s.trace, s.supports) for s in evidence] == [("wavelet-97", True), ("dct-comb", False)]
    assert "multiples of 2.00" in evidence[0].text


def test_without_compression_the_traces_not_found_are_told(scene, fake_judge, fake_extractor):
    fake_extractor.row = (0, 0.05, float("nan"), float("nan"), 0.2)
    evidence = analyze(scene, judge=fake_judge(uncompressed=0.9), extractor=fake_extractor).evidence
    assert {s.trace for s in evidence} == {"lattice-bt601_full", "dct-comb"}
    assert all(s.supports is None and s.text.startswith("no sign of") for s in evidence)


def test_every_trace_reads_features_that_exist():
    names = set(FeatureExtractor().feature_names)
    for trace in INDICATIONS:
        assert set(trace.features) | set(trace.steps) <= names, trace.name
        assert set(trace.speaks_for) <= set(CLASSES[1:])
        assert not trace.steps or len(trace.steps) == len(trace.features)
    assert len({trace.name for trace in INDICATIONS}) == len(INDICATIONS)


def test_a_value_hardly_above_the_range_is_no_trace(scene, fake_judge, fake_extractor):
    fake_extractor.row = (0, 0.11, 0.05, 1.0, 0.31)
    assert analyze(scene, judge=fake_judge(jpeg=0.9), extractor=fake_extractor).evidence == ()


@pytest.mark.parametrize(
    ("form", "verdict", "status"),
    [
        ("PNG", "jpeg", "finding"),
        ("PNG", "uncompressed", "plain"),
        ("JPEG", "jpeg", "agree"),
        ("JPEG", "webp", "disagree"),
        ("JPEG", "uncompressed", "agree"),  # the pixels' own test names it
        ("WEBP", "uncompressed", "disagree"),
        ("WEBP", "jpeg", "disagree"),
    ],
)
def test_pixels_and_container_are_held_against_each_other(scene, fake_judge, fake_extractor, form, verdict, status):
    result = analyze(saved(scene, form), judge=fake_judge(**{verdict: 0.9}), extractor=fake_extractor)
    assert result.agreement.status == status


def test_containers_that_can_be_lossless_do_not_disagree_with_uncompressed(scene, fake_judge, fake_extractor):
    lossless = saved(scene, "WEBP", lossless=True)
    assert analyze(lossless, judge=fake_judge(uncompressed=0.9), extractor=fake_extractor).agreement.status == "plain"
    assert analyze(lossless, judge=fake_judge(jpeg=0.9), extractor=fake_extractor).agreement.status == "finding"
    facts = {"format": "jpegxl", "codec": "jpegxl", "lossy": None}
    assert compare("uncompressed", ("uncompressed",), 0.9, facts).status == "open"
    assert (
        compare("hevc-intra", ("bpg", "heic"), 0.9, {"format": "heic", "codec": "heic", "lossy": None}).status
        == "agree"
    )
    assert compare(INCONCLUSIVE, (), 0.4, facts).status == "open"


def test_grey_and_small_pictures_state_it(scene, fake_judge, fake_extractor):
    fake_extractor.row = (1, 0.4, 0.01, 1.0, float("nan"))
    limits = analyze(scene[:, :, 0], judge=fake_judge(jpeg=0.9), extractor=fake_extractor).limits
    assert any("grey" in limit for limit in limits)
    assert any("under 256 pixels" in limit for limit in limits)


def test_large_pictures_state_the_share_judged(fake_judge, fake_extractor):
    large = np.random.default_rng(3).integers(0, 256, (2048, 2048), dtype=np.uint8)
    limits = analyze(large, judge=fake_judge(jpeg=0.9), extractor=fake_extractor).limits
    assert any("16 windows were judged, 25 % of the pixels" in limit for limit in limits)


def test_json_holds_what_the_schema_says(scene, fake_judge, fake_extractor):
    fake_extractor.row = (0, 0.4, float("nan"), float("nan"), 0.99)
    result = analyze(saved(scene, "JPEG", quality=90), judge=fake_judge(jpegxr_1=0.9), extractor=fake_extractor)
    document = json.loads(json_report.render([result, Failure("b.png", "the file is empty")]))
    assert document["schema_version"] == json_report.SCHEMA_VERSION
    first, second = document["pictures"]
    assert second == {"status": "error", "name": "b.png", "error": "the file is empty"}
    readme = (json_report.__file__).replace("json_report.py", "README.md")
    with open(readme, encoding="utf-8") as file:
        documented = file.read()
    for name in first:
        assert f"`{name}`" in documented or f"`{name}." in documented or f"`{name}[]" in documented, name
    assert first["ratio"] == pytest.approx({"low": 4.0, "estimate": 8.0, "high": 8.0 * 2.0**RATIO_ABOVE})
    assert first["container"]["jpeg"]["quality"] == 90
    assert first["windows"][0]["width"] == 110


def test_csv_has_one_row_a_picture_failures_included(scene, fake_judge, fake_extractor):
    result = analyze(scene, judge=fake_judge(jpeg=0.9), extractor=fake_extractor, name='a "b", c.png')
    rows = list(csv.DictReader(io.StringIO(csv_report.render([result, Failure("b.png", "no, empty")]))))
    assert [row["status"] for row in rows] == ["ok", "error"]
    assert rows[0]["name"] == 'a "b", c.png'
    assert float(rows[0]["p_jpeg"]) == pytest.approx(0.9)
    assert rows[1]["error"] == "no, empty"
    assert rows[1]["verdict"] == ""


def test_text_says_the_verdict_and_never_claims_certainty(scene, fake_judge, fake_extractor):
    result = analyze(scene, judge=fake_judge(jpeg=0.99999), extractor=fake_extractor, name="a.png")
    shown = text.render(result)
    assert shown.startswith("a.png  array, 110x90")
    assert "JPEG, probability > 99.9 %" in shown
    assert "ratio 8.0 [4.0 to 17.1]:1, SSIM 0.950 [0.900 to 0.970]" in shown
    assert "\x1b" not in shown
    assert "\x1b[1m" in text.render(result, colour=True)
    assert max(len(line) for line in shown.splitlines()) <= 100
    for verdict in ({"jpeg": 0.3}, {"bpg": 0.48, "heic": 0.47}, {"uncompressed": 0.9}, {"jpegxr_2": 0.9}):
        assert text.render(analyze(scene, judge=fake_judge(**verdict), extractor=fake_extractor))


def test_the_package_offers_its_names_without_importing_them():
    code = (
        "import sys, forensics\n"
        "assert 'numpy' not in sys.modules\n"
        "assert forensics.analyze.__module__ == 'forensics.verdict.analysis'\n"
        "assert forensics.Analysis.__name__ == 'Analysis'\n"
        "assert forensics.open_picture.__module__ == 'forensics.pictures.opened'\n"
        "assert 'numba' not in sys.modules and 'onnxruntime' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError):
        forensics.nothing  # noqa: B018


def test_a_model_of_other_features_is_refused(scene, fake_judge, fake_extractor):
    judge = fake_judge(jpeg=0.9)
    judge.feature_names = (*fake_extractor.feature_names, "one.more")
    with pytest.raises(UsageError, match="trained on other features"):
        analyze(scene, judge=judge, extractor=fake_extractor)
    judge.feature_names = list(fake_extractor.feature_names)
    assert analyze(scene, judge=judge, extractor=fake_extractor).verdict == "jpeg"


def test_threads_change_nothing(fake_judge):
    picture = np.random.default_rng(4).integers(0, 256, (600, 800, 3), dtype=np.uint8)
    extractor = FeatureExtractor(families=["lattice"])
    results = [analyze(picture, judge=fake_judge(jpeg=0.9), extractor=extractor, threads=n) for n in (1, 3)]
    assert results[0] == results[1]
    assert len(results[0].windows) == 6


@pytest.mark.parametrize("threads", [1, 2])
def test_one_thread_measures_the_first_window_of_a_process_and_rows_keep_their_order(threads, monkeypatch):
    monkeypatch.setattr("forensics.windows.reading._KERNELS_LOADED", threading.Event())
    main, seen = threading.get_ident(), []

    class Means:
        feature_names = ("mean",)

        def transform(self, pictures):
            seen.extend((float(p.mean()), threading.get_ident()) for p in pictures)
            return np.array([[p.mean()] for p in pictures], np.float32)

    class Looking:
        needs_patches = True

        def look(self, patches):
            return [int(patch[0, 0]) for patch in patches], threading.get_ident()

        def judge(self, features, patches, looked=None):
            return features[:, 0].tolist(), looked

    pieces = [np.full((8, 8), k, np.uint8) for k in range(6)]
    features, (given, looked) = judge_windows(Looking(), Means(), pieces, threads)
    assert features[:, 0].tolist() == given == [0, 1, 2, 3, 4, 5]
    assert seen[0] == (0.0, main)
    if threads == 1:
        assert looked is None
    else:
        assert looked[0] == given
        assert looked[1] != main
        seen.clear()
        judge_windows(Looking(), Means(), pieces, threads)
        assert sorted(mean for mean, _ in seen) == [0, 1, 2, 3, 4, 5]
        assert main not in {thread for _, thread in seen}


def reading(verdict: str, probability: float, **probabilities: float):
    rest = (1 - sum(probabilities.values())) / (len(CLASSES) - len(probabilities))
    every = {name: probabilities.get(name, rest) for name in CLASSES}
    return PictureReading(np.empty((1, 1)), None, None, every, verdict, probability)


CHANGE = tone.ToneChange(200.0, 3, 250, 20, 20, tuple(range(256)), undone=True)


@pytest.mark.parametrize(
    ("stored", "undone", "verdict", "rests_on_undone"),
    [
        (reading("bpg", 0.9, bpg=0.9), reading("jpeg", 0.99, jpeg=0.99), "jpeg", True),
        (reading("bpg", 0.9, bpg=0.9), reading("jpeg", 0.9, jpeg=0.9), "jpeg", True),
        (reading("jpeg2000", 0.99, jpeg2000=0.99), reading("jpeg", 0.9, jpeg=0.9), "jpeg", True),
        (reading("jpeg2000", 0.999, jpeg2000=0.999), reading("jpeg", 0.9, jpeg=0.9), "jpeg2000", False),
        (reading("heic", 0.9, heic=0.9, bpg=0.099), reading("jpeg", 0.95, jpeg=0.95), "heic", False),
        (reading(INCONCLUSIVE, 0.5, webp=0.5), reading("webp", 0.9, webp=0.9), "webp", True),
        (reading("jpeg2000", 0.999, jpeg2000=0.999), reading(INCONCLUSIVE, 0.4, avif=0.4), "jpeg2000", False),
        (reading("jpeg2000", 0.99, jpeg2000=0.99), reading("uncompressed", 0.9, uncompressed=0.9), INCONCLUSIVE, False),
        (reading("heic", 0.9, heic=0.9), reading(INCONCLUSIVE, 0.3, heic=0.25, bpg=0.25, avif=0.3), "heic", False),
        (reading("heic", 0.9, heic=0.9), reading(INCONCLUSIVE, 0.6, avif=0.6, heic=0.3), INCONCLUSIVE, False),
        (
            reading("uncompressed", 0.9, uncompressed=0.9),
            reading("uncompressed", 0.95, uncompressed=0.95),
            "uncompressed",
            True,
        ),
        (reading("uncompressed", 0.9, uncompressed=0.9), reading(INCONCLUSIVE, 0.4, jpeg=0.4), INCONCLUSIVE, True),
        (
            reading("uncompressed", 0.9, uncompressed=0.9),
            reading(INCONCLUSIVE, 0.6, uncompressed=0.6),
            "uncompressed",
            False,
        ),
        (
            reading(INCONCLUSIVE, 0.5, uncompressed=0.5),
            reading("uncompressed", 0.9, uncompressed=0.9),
            "uncompressed",
            True,
        ),
        (
            reading(INCONCLUSIVE, 0.4, heic=0.3, bpg=0.3, uncompressed=0.4),
            reading("uncompressed", 0.9, uncompressed=0.9),
            INCONCLUSIVE,
            True,
        ),
    ],
)
def test_of_a_changed_tone_the_clearer_codec_is_taken(stored, undone, verdict, rests_on_undone):
    chosen, change = analysis._preferred(stored, undone, CHANGE)
    assert (chosen.verdict, change.undone) == (verdict, rests_on_undone)
    if verdict == INCONCLUSIVE:
        assert chosen.probability == max(chosen.probabilities.values())


def test_a_changed_tone_is_told_and_undone(fake_judge, fake_extractor):
    rng = np.random.default_rng(5)
    before = np.clip(
        np.rint(rng.choice([70, 120, 180], (300, 300, 1)) + rng.normal(0, 24, (300, 300, 3))), 0, 255
    ).astype(np.uint8)
    after = np.rint(255 * (before / 255) ** 0.8).astype(np.uint8)
    plain = analyze(before, judge=fake_judge(jpeg=0.9), extractor=fake_extractor)
    assert plain.tone is None
    assert plain.as_judged(before) is before
    fake_extractor.given.clear()
    result = analyze(after, judge=fake_judge(jpeg=0.9), extractor=fake_extractor)
    assert result.tone is not None
    assert result.tone.undone
    assert result.evidence[0].trace == tone.NAME
    assert f"{result.tone.gaps} are skipped" in result.evidence[0].text
    undone = result.as_judged(after)
    assert undone.dtype == np.uint8
    assert any(
        np.array_equal(windowed, undone[w.window.top :, w.window.left :][:256, :256])
        for windowed in fake_extractor.given
        for w in result.windows
    )
    away = (undone.astype(int) - before)[(after > 0) & (after < 255)]
    assert (np.abs(away - np.median(away)) <= 1).mean() > 0.99
    document = json.loads(json_report.render([result]))["pictures"][0]["tone"]
    assert document["undone"] is True
    assert len(document["inverse"]) == 256
    assert result.tone.gaps == document["gaps"] > 5
    assert "brightness or contrast was changed" in text.render(result).replace("\n", " ")


def test_limited_range_is_told_and_not_undone(fake_judge, fake_extractor):
    rng = np.random.default_rng(5)
    luma = rng.choice([60, 110, 170], (160, 160)) + np.rint(rng.normal(0, 20, (160, 160))).astype(int)
    pixels = np.repeat(np.arange(256), EXPANSIONS["rounded"])[np.clip(luma, 0, 255)].astype(np.uint8)
    result = analyze(pixels, judge=fake_judge(jpeg=0.9), extractor=fake_extractor)
    assert result.tone is None
    assert result.steps == ()
    assert result.limits[-1] == tone.LIMITED.format(arithmetic="rounded")
    assert result.as_judged(pixels) is pixels
