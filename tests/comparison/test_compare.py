"""Two copies of one picture: placed on each other, and put in order."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageFilter

from forensics.cli.compare import command
from forensics.comparison import compare as module
from forensics.comparison.compare import _verdict, compare
from forensics.comparison.detail import coded_by_loss, projection
from forensics.comparison.registration import common, register
from forensics.comparison.relations import (
    _later,
    _Lattice,
    coded_from,
    grey_from,
    jpeg_from,
    jpeg_shown,
    recoded_from,
    resized_from,
    toned_from,
)
from forensics.comparison.tones import MOVED, moved, through, tone_curves
from forensics.results.wording import TITLES
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene


@pytest.fixture(scope="module")
def original() -> np.ndarray:
    return scene(40, 192, 224)


@pytest.fixture(autouse=True)
def no_verdicts(monkeypatch):
    """The order must follow from the pixels; the shipped judge is tested elsewhere."""

    class Verdict:
        verdict, probability, compressed, ranking = "inconclusive", 0.5, 0.5, (("webp", 0.4), ("uncompressed", 0.3))
        best = "webp"

    monkeypatch.setattr("forensics.verdict.analysis.analyze", lambda picture: Verdict())


def test_shifts_and_scales_are_found(original):
    found = register(original, original[21:, 13:])
    assert found.same_scale
    assert np.allclose(found.shift, (-21, -13), atol=0.1)
    assert found.correlation > 0.999
    larger = np.asarray(Image.fromarray(original).resize((336, 288), Image.Resampling.BICUBIC))
    found = register(original, larger)
    assert np.allclose(found.scale, 1.5)
    assert np.allclose(found.shift, 0, atol=0.6)
    assert register(original, scene(41, 192, 224)).correlation < module.SAME_PICTURE


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pictures_that_meet_in_few_pixels_alone_are_not_one(seed):
    numbers = np.random.default_rng(seed)
    small, large = (numbers.integers(0, 256, (side, side), np.uint8) for side in (48, 300))
    found = register(small, large)
    assert found.correlation < module.SAME_PICTURE
    assert all(float(shift).is_integer() for shift in found.shift)


def test_the_common_part_of_two_planes():
    first, second = common((10, 20), (8, 30), (-3, 5))
    assert first == (slice(3, 10), slice(0, 20))
    assert second == (slice(0, 7), slice(5, 25))


def both_ways(source, copy):
    """The answers with the source given first and second."""
    return compare(source, copy).nearer, compare(copy, source).nearer


def test_the_same_pixels(original):
    assert both_ways(original, original.copy()) == ("same", "same")
    assert compare(original, original.copy()).same_pixels


def test_a_crop(original):
    assert both_ways(original, original[30:, 20:-9].copy()) == ("first", "second")


@pytest.mark.parametrize("quality", [60, 85])
def test_coded_again_as_jpeg(original, quality):
    assert both_ways(original, real_decoding(jpeg_file(original, quality))) == ("first", "second")
    once = real_decoding(jpeg_file(original, 93))
    assert both_ways(once, real_decoding(jpeg_file(once, quality))) == ("first", "second")


def test_coded_again_as_webp(original):
    from forensics.codecs import registry

    codec = registry.get("webp")
    copy = codec.decode(codec.encode(original, quality=70))
    assert coded_from(original, copy, "webp") is not None
    assert coded_from(copy, original, "webp") is None
    assert both_ways(original, copy) == ("first", "second")


def test_what_is_no_codec_is_not_tried(original):
    noisy = np.clip(original.astype(int) + np.random.default_rng(4).integers(-6, 7, original.shape), 0, 255)
    for name in {*TITLES, "other-lossy"} - {"webp", "avif", "heic", "jpegxl", "bpg", "jpeg2000", "jpegxr"}:
        assert coded_from(original, noisy.astype(np.uint8), name) is None


@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
def test_enlarged_and_reduced(original, kernel):
    for size in ((300, 257), (160, 137)):
        copy = np.asarray(Image.fromarray(original).resize(size, kernel))
        assert both_ways(original, copy) == ("first", "second")
        relation = resized_from(original, copy)
        assert relation is not None
        assert relation.step == ("enlarged" if size[0] > 224 else "reduced")


def test_toned(original):
    curve = np.rint(255 * (np.arange(256) / 255) ** 0.7).astype(np.uint8)
    assert both_ways(original, curve[original]) == ("first", "second")
    assert toned_from(original, 255 - original) is None


def test_toned_jpeg(original):
    once = real_decoding(jpeg_file(original, 88))
    curve = np.clip(np.arange(256) * 1.2 - 20, 0, 255).astype(np.uint8)
    assert both_ways(once, curve[once]) == ("first", "second")
    assert both_ways(once, real_decoding(jpeg_file(curve[once], 80))) == ("first", "second")


@pytest.mark.parametrize(("before", "after"), [(66, 88), (90, 78), (80, 70)])
def test_a_jpeg_toned_and_coded_again(original, before, after):
    source = real_decoding(jpeg_file(original, before))
    curve = np.clip(np.rint(255 * (np.arange(256) / 255) ** 0.8), 0, 255).astype(np.uint8)
    copy = real_decoding(jpeg_file(curve[source], after))
    for found, nearer in (
        (compare(source, copy, histories=False), "first"),
        (compare(copy, source, histories=False), "second"),
    ):
        assert found.nearer == nearer
        ((made, relation),) = found.relations
        assert made != nearer
        assert relation.step == "jpeg"
        assert "toned first" in relation.text


def test_made_grey(original):
    grey = np.asarray(Image.fromarray(original).convert("L"))
    assert grey_from(original, grey) is not None
    assert grey_from(grey, original) is None
    assert both_ways(original, grey) == ("first", "second")
    assert both_ways(original, real_decoding(jpeg_file(grey, 90))) == ("first", "second")


def test_coding_again_gives_the_very_pixels(original):
    once = real_decoding(jpeg_file(original, 92))
    for quality in (60, 85, 95):
        twice = real_decoding(jpeg_file(once, quality))
        relation = recoded_from(once, twice, jpeg_shown(twice))
        assert relation is not None
        assert relation.strength > 5
        assert both_ways(once, twice) == ("first", "second")


def test_that_a_coarse_coding_is_given_back_by_the_fine_copy_of_it_proves_nothing(original):
    coarse = real_decoding(jpeg_file(original, 62))
    fine = real_decoding(jpeg_file(coarse, 94))
    assert recoded_from(fine, coarse, jpeg_shown(coarse)) is None


def test_what_coding_took_away_is_independent_of_what_is_left(original):
    from forensics.codecs import registry

    codec = registry.get("jpeg2000")
    copy = codec.decode(codec.encode(original, ratio=20))
    assert projection(original, copy) + projection(copy, original) == pytest.approx(1, abs=1e-6)
    assert -0.3 < projection(original, copy) < 0.45
    assert coded_by_loss(original, copy) is not None
    assert coded_by_loss(copy, original) is None
    sharper = np.asarray(Image.fromarray(original).filter(ImageFilter.UnsharpMask(1, 80, 0)))
    assert coded_by_loss(original, sharper) is None
    assert coded_by_loss(sharper, original) is None
    assert np.isnan(projection(original, original))


def test_tone_curves_are_read_beneath_coding(original):
    curve = np.rint(255 * (np.arange(256) / 255) ** 0.7).astype(np.uint8)
    copy = real_decoding(jpeg_file(curve[original], 90, "4:4:4"))
    found = tone_curves(original, copy)
    assert found.shape == (3, 256)
    assert (np.diff(found, axis=1) >= 0).all()
    assert moved(original, found) > MOVED
    left = np.abs(through(original, found).astype(int) - curve[original]).mean()
    assert left < 1
    coded = real_decoding(jpeg_file(original, 50))
    assert moved(coded, tone_curves(coded, original)) < MOVED


def test_verdicts_are_asked_only_where_needed(original, monkeypatch):
    monkeypatch.setattr("forensics.verdict.analysis.analyze", lambda picture: pytest.fail("not needed here"))
    found = compare(original, real_decoding(jpeg_file(original, 75)), histories=False)
    assert found.nearer == "first"
    assert found.histories == ()


def test_another_picture_is_not_ordered(original):
    found = compare(original, scene(42, 192, 224))
    assert (found.one_picture, found.nearer) == (False, "cannot be told")


def test_two_siblings_cannot_be_told(original):
    one, other = (real_decoding(jpeg_file(original, quality)) for quality in (80, 82))
    pair = (jpeg_from(one, other, jpeg_shown(other)), jpeg_from(other, one, jpeg_shown(one)))
    assert None in pair
    assert compare(one, other).nearer in ("cannot be told", "second")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0.97, 0.19, 0.36), (0.93, 0.18, 0.13), 0),  # spread over the step, where the other crowds
        ((0.97, 0.19, 0.36), (0.95, 0.18, 0.33), None),
        ((0.85, 0.40, 0.70), (0.81, 0.40, 0.40), None),  # of a JPEG coded by itself
        ((0.99, 0.30, 0.75), (0.95, 0.43, 1.21), None),  # beyond the other's finer steps
        ((0.95, 0.20, 0.30), (0.85, 0.10, 0.60), 0),  # the share within half a step tells
        ((0.99, 0.20, 0.30), (0.98, 0.15, 0.28), 0),
    ],
)
def test_of_two_toned_jpegs_the_later_one_has_the_other_spread_over_its_steps(one, other, expected):
    pair = _Lattice(*one, ""), _Lattice(*other, "")
    assert _later(*pair) == expected
    assert _later(*pair[::-1]) == (None if expected is None else 1 - expected)


@pytest.mark.parametrize(("first", "second"), [(84, 87), (62, 74)])
def test_a_jpeg_is_no_source_of_the_one_it_was_made_of(original, first, second):
    before = real_decoding(jpeg_file(original, first))
    after = real_decoding(jpeg_file(before, second))
    assert jpeg_from(after, before, jpeg_shown(before)) is None
    assert jpeg_from(original, before, jpeg_shown(before)) is not None


def test_the_command_and_its_page(original, tmp_path):
    paths = []
    for name, pixels in (("a", original), ("b", original[16:, 8:])):
        paths.append(str(tmp_path / f"{name}.png"))
        Image.fromarray(pixels).save(paths[-1])
    result = CliRunner().invoke(command, [*paths, "-f", "json", "--report", str(tmp_path / "page.html")])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["nearer"] == "first"
    assert printed["registration"]["shift"] == [-16.0, -8.0]
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page
    assert "first is nearer" in CliRunner().invoke(command, paths).output
    assert CliRunner().invoke(command, [paths[0], str(tmp_path / "none.png")]).exit_code == 2


@pytest.mark.parametrize(
    ("verdict", "probability", "said"),
    [
        ("jpeg", 0.9672, "JPEG (96.7 %)"),
        ("jpeg", 0.9999, "JPEG (> 99.9 %)"),
        ("inconclusive", 0.658, "inconclusive; best guess JPEG (65.8 %)"),
        ("no-content", 0.3, "too little content"),
    ],
)
def test_a_verdict_is_written_as_elsewhere(verdict, probability, said):
    assert _verdict(SimpleNamespace(verdict=verdict, best="jpeg", probability=probability)) == said


def test_near_duplicates_of_a_folder(original, tmp_path):
    pytest.importorskip("imagehash", reason="ImageHash is not installed")
    for name, pixels in (("a", original), ("b", real_decoding(jpeg_file(original, 50))), ("c", scene(43, 192, 224))):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    result = CliRunner().invoke(command, [str(tmp_path), "-f", "json"])
    assert json.loads(result.stdout)["groups"] == [[str(tmp_path / "a.png"), str(tmp_path / "b.png")]]
