"""Two copies of one picture: placed on each other, and put in order."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from forensics.cli.compare import command
from forensics.comparison import compare as module
from forensics.comparison.compare import compare
from forensics.comparison.registration import common, register
from forensics.comparison.relations import coded_from, jpeg_from, resized_from, toned_from
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene


@pytest.fixture(scope="module")
def original() -> np.ndarray:
    return scene(40, 192, 224)


@pytest.fixture(autouse=True)
def no_verdicts(monkeypatch):
    """The order must follow from the pixels; the shipped judge is tested elsewhere."""

    class Verdict:
        verdict, probability, compressed, ranking = "inconclusive", 0.5, 0.5, (("webp", 0.4), ("uncompressed", 0.3))

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


def test_another_picture_is_not_ordered(original):
    found = compare(original, scene(42, 192, 224))
    assert (found.one_picture, found.nearer) == (False, "cannot be told")


def test_two_siblings_cannot_be_told(original):
    one, other = (real_decoding(jpeg_file(original, quality)) for quality in (80, 82))
    assert jpeg_from(one, other) is None or jpeg_from(other, one) is None
    assert compare(one, other).nearer in ("cannot be told", "second")


def test_the_command_and_its_page(original, tmp_path):
    paths = []
    for name, pixels in (("a", original), ("b", original[16:, 8:])):
        paths.append(str(tmp_path / f"{name}.png"))
        Image.fromarray(pixels).save(paths[-1])
    result = CliRunner().invoke(command, [*paths, "-f", "json", "--report", str(tmp_path / "page.html")])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["nearer"] == "first"
    assert told["registration"]["shift"] == [-16.0, -8.0]
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page
    assert "first is nearer" in CliRunner().invoke(command, paths).output
    assert CliRunner().invoke(command, [paths[0], str(tmp_path / "none.png")]).exit_code == 2


def test_near_duplicates_of_a_folder(original, tmp_path):
    pytest.importorskip("imagehash", reason="ImageHash is not installed")
    for name, pixels in (("a", original), ("b", real_decoding(jpeg_file(original, 50))), ("c", scene(43, 192, 224))):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    result = CliRunner().invoke(command, [str(tmp_path), "-f", "json"])
    assert json.loads(result.output)["groups"] == [[str(tmp_path / "a.png"), str(tmp_path / "b.png")]]
