"""Reduced and turned JPEGs: the shipped judges find their grid, and leave pictures alone that were never compressed."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from forensics_models import block_grids as models
from PIL import Image, ImageFilter

from forensics import analyze
from forensics.errors import UsageError
from forensics.history.jpeg import changed
from forensics.pictures.opened import from_array
from forensics.report import text
from forensics.results.analysis import Analysis
from forensics.training.block_grids import _thresholds, train_block_grid
from forensics.training.drawing import dealt
from forensics.verdict import block_grids
from tests.features.test_scaled_grid import jpeg, photograph

BICUBIC = Image.Resampling.BICUBIC


SAMPLE = Path(__file__).parents[2] / "examples" / "uncompressed.png"


def sample() -> np.ndarray:
    return np.asarray(Image.open(SAMPLE).convert("RGB"))


def reduced(quality: int | None, scale: float) -> np.ndarray:
    plain = sample()
    side = plain.shape[0]
    picture = Image.fromarray(plain) if quality is None else jpeg(plain, quality)
    size = round(side * scale)
    return np.asarray(picture.resize((size, size), BICUBIC))


def opened(pixels: np.ndarray, verdict: str = "uncompressed") -> Analysis:
    """An analysis with an open verdict, whatever the models say of the picture."""
    made = analyze(from_array(pixels, name="made"), exact=False)
    return dataclasses.replace(made, verdict=verdict)


@pytest.mark.parametrize("scale", [0.77, 0.9])
def test_a_reduced_jpeg_is_found_with_its_scale(scale: float) -> None:
    pixels = reduced(60, scale)
    result = block_grids.with_block_grid(opened(pixels), pixels)
    statement = result.evidence[0]
    assert result.verdict in ("jpeg", "inconclusive")
    assert statement.trace in ("reduced_jpeg", "scaled_grid")
    assert statement.value == pytest.approx(scale, rel=0.01)
    assert f"reduced to {statement.value:.3f}" in statement.text
    assert result.compressed > 0.5
    assert result.ratio is None
    assert sum(p for _, p in result.ranking) == pytest.approx(1)
    assert result.candidates == tuple(name for name, _ in result.ranking)[: len(result.candidates)]
    assert result.afterwards is not None
    assert max(result.afterwards, key=lambda name: result.afterwards[name]) == "resampled"  # type: ignore[index]


def likely(name: str, pixels: np.ndarray, since: dict[str, float] | None = None) -> Analysis:
    """An open verdict with a process that leads, and what the models say happened since."""
    made = opened(pixels, "inconclusive")
    others = [other for other, _ in made.ranking if other != name]
    ranking = ((name, 0.6), *((other, 0.4 / len(others)) for other in others))
    return dataclasses.replace(made, ranking=ranking, afterwards=since)


def test_a_turned_jpeg_is_named_with_its_angle_and_quality() -> None:
    pixels = np.asarray(jpeg(sample(), 60).rotate(-2.5, BICUBIC).crop((12, 12, 244, 244)))
    result = block_grids.with_block_grid(likely("jpeg", pixels), pixels)
    assert result.verdict == "jpeg"
    assert result.evidence[0].trace == changed.NAME
    assert result.evidence[0].value == pytest.approx(-2.5, abs=0.15)
    assert f"rotated by {-result.evidence[0].value:.1f} degrees clockwise" in result.evidence[0].text
    assert result.afterwards is not None
    assert max(result.afterwards, key=lambda name: result.afterwards[name]) == "resampled"  # type: ignore[index]


def test_a_jpeg_under_noise_is_named() -> None:
    numbers = np.random.default_rng(3)
    pixels = np.asarray(jpeg(sample(), 60), np.float64)
    pixels = (pixels + numbers.normal(0, 4, pixels.shape)).clip(0, 255).round().astype(np.uint8)
    result = block_grids.with_block_grid(likely("jpeg", pixels, {"nothing": 0.1, "noise": 0.9}), pixels)
    assert result.verdict == "jpeg"
    assert result.evidence[0].trace == changed.NAME
    assert result.afterwards == {"nothing": 0.1, "noise": 0.9}


def test_a_blurred_jpeg_is_named_and_what_was_done_is_told() -> None:
    pixels = np.asarray(jpeg(sample(), 60).filter(ImageFilter.BoxBlur(1)))
    result = block_grids.with_block_grid(likely("jpeg", pixels, {"nothing": 0.05, "filtered": 0.95}), pixels)
    assert result.verdict == "jpeg"
    assert "blurred by" in result.evidence[0].text
    assert result.afterwards is not None
    assert result.afterwards["filtered"] > 0.9


@pytest.mark.parametrize("name", ["webp", "jpeg"])
def test_a_jpeg_beneath_a_later_codec_is_told_and_not_named(name: str) -> None:
    stream = io.BytesIO()
    jpeg(sample(), 50).save(stream, "WEBP", quality=88)
    pixels = np.asarray(Image.open(stream).convert("RGB"))
    before = likely(name, pixels, {"nothing": 0.9, "noise": 0.1})
    result = block_grids.with_block_grid(before, pixels)
    assert result.verdict == "inconclusive"
    statement = next(one for one in result.evidence if one.trace == changed.NAME)
    assert statement.speaks_for == ()
    assert "Another codec may have followed" in statement.text
    assert dict(result.ranking)["uncompressed"] <= dict(before.ranking)["uncompressed"]
    assert sum(p for _, p in result.ranking) == pytest.approx(1)


def test_a_jpeg_under_noise_is_not_named_where_another_codec_is_likelier() -> None:
    numbers = np.random.default_rng(3)
    pixels = np.asarray(jpeg(sample(), 60), np.float64)
    pixels = (pixels + numbers.normal(0, 3, pixels.shape)).clip(0, 255).round().astype(np.uint8)
    result = block_grids.with_block_grid(likely("avif", pixels, {"nothing": 0.1, "noise": 0.9}), pixels)
    assert result.verdict == "inconclusive"
    assert changed.NAME in {one.trace for one in result.evidence}


@pytest.mark.parametrize("scale", [0.55, 0.7, 0.875, 0.93])
def test_an_untouched_picture_that_was_reduced_stays_as_it_is(scale: float) -> None:
    pixels = reduced(None, scale)
    before = opened(pixels)
    assert block_grids.with_block_grid(before, pixels) is before


def test_a_verdict_that_names_a_codec_is_not_asked() -> None:
    pixels = reduced(60, 0.77)
    before = opened(pixels, "webp")
    assert block_grids.with_block_grid(before, pixels) is before


def test_the_models_and_the_reading_are_weighed_together() -> None:
    judged = models.GridJudgement(True, True, np.array([0.001, 0.049, 0.95]), 98, 0)
    weighed = block_grids._weighed({"uncompressed": 0.5, "jpeg": 0.3, "webp": 0.2}, judged)
    total = 0.5 * 0.01 + 0.3 * 0.95 + 0.2 * 0.049
    assert weighed["uncompressed"] == pytest.approx(0.5 * 0.01 / total)
    assert weighed["jpeg"] == pytest.approx(0.3 * 0.95 / total)


@pytest.mark.parametrize("kind", models.KINDS)
def test_a_judge_is_trained_from_sources_and_read_again(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("xgboost", reason="the extra `train` is not installed")
    for split, seeds in (("train", (1, 2)), ("val", (3,))):
        (tmp_path / "sources" / split).mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(photograph(256, seed)).save(tmp_path / "sources" / split / f"{seed}.png")
    card = train_block_grid(kind, tmp_path / "sources", tmp_path / "out", seed=1, jobs=1, draws=14)
    judge = models.GridJudge(tmp_path / "out", kind)
    judged = judge.judge(np.zeros(len(judge.value_names), np.float32))
    assert judged.probabilities.sum() == pytest.approx(1)
    assert judge.tried == card["pictures"]["val"][0]
    assert judge.reached == card["validation"]["uncompressed"]["found"] * judge.tried == 0


@pytest.mark.parametrize("count", [1, 7, 14, 100])
def test_kinds_are_dealt_as_often_as_their_shares_say(count: int) -> None:
    shares = {"jpeg": 0.4, "uncompressed": 0.36, "other": 0.24}
    for seed in range(50):
        kinds = dealt(shares, count, np.random.default_rng(seed))
        assert len(kinds) == count
        assert all(abs(kinds.count(kind) - share * count) < 1 for kind, share in shares.items())
    firsts = {dealt(shares, count, np.random.default_rng(seed))[0] for seed in range(50)}
    assert firsts == set(shares)


def test_thresholds_need_pictures_of_every_kind() -> None:
    with pytest.raises(UsageError, match="draw more"):
        _thresholds(np.full((3, 3), 1 / 3), np.array([0, 2, 2]))


def named(name: str, probability: float, pixels: np.ndarray, since: dict[str, float]) -> Analysis:
    """A verdict of the models for a codec, and what they say happened since."""
    made = opened(pixels, name)
    others = [other for other, _ in made.ranking if other not in (name, "jpeg")]
    left = 1 - probability
    ranking = ((name, probability), ("jpeg", 0.8 * left), *((other, 0.2 * left / len(others)) for other in others))
    return dataclasses.replace(made, ranking=ranking, best=name, probability=probability, afterwards=since)


def test_another_codec_is_not_named_of_a_jpeg_whose_lattice_nothing_else_moved() -> None:
    pixels = np.asarray(jpeg(sample(), 75).convert("HSV").convert("RGB"))
    before = named("jpegxl", 0.92, pixels, {"nothing": 0.2, "recoloured": 0.8})
    result = block_grids.with_block_grid(before, pixels)
    assert result.verdict == "inconclusive"
    assert result.evidence[0].trace == changed.NAME
    assert result.ranking[0][0] == "jpegxl"  # a finer codec may have followed: no more than withheld
    assert sum(p for _, p in result.ranking) == pytest.approx(1)
    assert "JPEG once and changed since" in text.verdict_note(result)


def test_another_codec_is_not_named_of_a_blurred_jpeg() -> None:
    pixels = np.asarray(jpeg(sample(), 60).filter(ImageFilter.BoxBlur(1)))
    before = named("hevc-intra", 0.96, pixels, {"nothing": 0.01, "filtered": 0.99})
    result = block_grids.with_block_grid(before, pixels)
    assert result.verdict == "inconclusive"
    assert "blurred by means" in result.evidence[0].text


def test_a_name_stays_where_a_codec_moved_the_lattice() -> None:
    stream = io.BytesIO()
    jpeg(sample(), 60).save(stream, "WEBP", quality=75)
    pixels = np.asarray(Image.open(stream).convert("RGB").filter(ImageFilter.GaussianBlur(0.7)))
    before = named("webp", 0.95, pixels, {"nothing": 0.01, "filtered": 0.99})
    assert block_grids.with_block_grid(before, pixels) is before


def test_another_codec_is_not_named_of_a_reduced_jpeg_whose_lattice_nothing_else_moved() -> None:
    pixels = reduced(75, 0.75)
    since = {"nothing": 0.1, "resampled": 0.9}
    result = block_grids.with_block_grid(named("jpegxl", 0.95, pixels, since), pixels)
    assert result.verdict == "inconclusive"
    assert "Another codec may have followed" in result.evidence[0].text
    assert "JPEG once and changed since" in text.verdict_note(result)
    straight = named("jpegxl", 0.95, pixels, {"nothing": 0.4, "recoloured": 0.6})
    assert block_grids.with_block_grid(straight, pixels) is straight


def test_the_size_before_is_told_where_the_models_name_the_jpeg() -> None:
    pixels = reduced(75, 0.75)
    before = named("jpeg", 0.97, pixels, {"nothing": 0.1, "resampled": 0.9})
    result = block_grids.with_block_grid(before, pixels)
    assert (result.verdict, result.probability) == ("jpeg", 0.97)
    assert result.evidence[0].trace == "reduced_jpeg"
    assert "and 256x256 pixels, and then reduced to 0.750 of its size" in result.evidence[0].text
    straight = named("jpeg", 0.97, pixels, {"nothing": 0.9, "resampled": 0.1})
    assert block_grids.with_block_grid(straight, pixels) is straight


def test_a_verdict_that_is_no_contradiction_stays() -> None:
    straight, plain = np.asarray(jpeg(sample(), 60)), sample()
    for pixels, since in (
        (straight, {"nothing": 0.9, "recoloured": 0.1}),  # nothing happened: the decoder's pixels are the models' work
        (plain, {"nothing": 0.1, "recoloured": 0.9}),
    ):
        before = named("webp", 0.95, pixels, since)
        assert block_grids.with_block_grid(before, pixels) is before
    before = named("jpeg", 0.95, straight, {"nothing": 0.1, "recoloured": 0.9})
    assert block_grids.with_block_grid(before, straight) is before
