"""Exact readings in the verdict: what they name, what they withhold, and what they leave alone."""

import io
from dataclasses import replace

import numpy as np
import pytest
from forensics_models.exact_judge import ExactJudge, Table
from PIL import Image

from forensics.dataset.synthetic import synthesise
from forensics.history import readings
from forensics.history.readings import READINGS, central
from forensics.results.analysis import Agreement, Analysis, Statement
from forensics.verdict.weighing import asked, weigh

NAMES = ("uncompressed", "jpeg", "jpeg2000", "jpegxr", "bpg", "webp", "avif", "heic", "jpegxl")


def picture(quality=None, seed=3):
    pixels = synthesise("texture", 192, 192, seed)
    if quality is None:
        return pixels
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def analysis(verdict, nothing=0.95, evidence=(), **given):
    rest = (1 - sum(given.values())) / (len(NAMES) - len(given))
    ranking = sorted(((name, given.get(name, rest)) for name in NAMES), key=lambda item: -item[1])
    probability = dict(ranking).get(verdict, ranking[0][1])
    return Analysis(
        "x", "", 192, 192, verdict, probability, ranking[0][0], 0.9, 0.1, tuple(ranking), {}, None, None,
        (), 0.0, evidence,
        Agreement("open", ""), {"format": "array"}, (), (), {}, afterwards={"nothing": nothing},
    )  # fmt: skip


def says(codec, *, supports=True):
    return Statement("trace", "f", 1.0, 0.0, 0.0, 0.5, 0.5, (codec,), supports, "a trace")


class Plain(ExactJudge):
    def __init__(self):
        own, others = ((1, 2, 97), (1, 2, 97)), ((98, 2, 0), (98, 2, 0))
        edges = {"jpeg": (0.4, 0.9), "jpeg2000": (4.0, 8.0), "jpegxr": (6.0, 8.0), "vp8": (6.0, 7.0)}
        self.tables = {name: Table(edges[name], own, others) for name in READINGS}
        self.card = {}


@pytest.mark.parametrize("quality", [60, 80])
def test_a_fixed_point_names_a_jpeg_that_the_models_left_open(quality):
    before = analysis("inconclusive", jpeg=0.3, avif=0.5, evidence=(says("avif"),))
    after = weigh(before, picture(quality), Plain())
    assert after.verdict == after.best == "jpeg"
    assert after.probability >= 0.9
    assert sum(p for _, p in after.ranking) == pytest.approx(1)
    assert after.evidence[0].trace == "exact-jpeg"
    assert all("jpeg" in s.speaks_for for s in after.evidence if s.supports)


def test_an_untouched_picture_is_not_named():
    before = analysis("inconclusive", jpeg=0.3, avif=0.5)
    assert weigh(before, picture(), Plain()).verdict == "inconclusive"


@pytest.mark.parametrize(("codec", "probability"), [("jpeg2000", 0.95), ("jpegxr", 0.95), ("jpeg", 0.9)])
def test_a_codec_is_not_named_against_its_own_test(codec, probability):
    before = analysis(codec, nothing=0.99, evidence=(says(codec),), **{codec: probability})
    after = weigh(before, picture(), Plain())
    assert after.verdict == "inconclusive"
    assert after.ratio is None
    assert not any(s.supports for s in after.evidence)
    assert after.evidence[0].trace == f"exact-{codec}"


def test_a_picture_changed_afterwards_has_no_exact_trace_to_miss():
    before = analysis("jpeg2000", nothing=0.01, jpeg2000=0.95)
    assert weigh(before, picture(), Plain()).verdict == "jpeg2000"


def test_certain_verdicts_without_a_cheap_test_are_left_alone():
    for before in (
        analysis("jpeg", jpeg=0.99),
        analysis("uncompressed", uncompressed=0.95),
        analysis("avif", avif=0.7),
    ):
        assert asked(before) == ()
        assert weigh(before, picture()) is before
    assert asked(analysis("jpegxr", jpegxr=0.99)) == ("jpegxr",)


def test_a_jpeg_before_another_codec_is_not_its_last_step():
    from forensics.codecs import registry

    avif = registry.get("avif")
    if not avif.availability().encode:
        pytest.skip(avif.availability().reason)
    pixels = avif.decode(avif.encode(picture(60), quality=80))
    assert readings.jpeg(central(pixels)).value < 0.9
    assert weigh(analysis("inconclusive", avif=0.6, jpeg=0.2), pixels, Plain()).verdict != "jpeg"


def test_every_reading_takes_any_size_and_grey():
    for side in (64, 100, 500):
        for pixels in (picture(70)[:side, :side], synthesise("texture", side, side, 1)[..., 0]):
            for read in READINGS.values():
                found = read(central(pixels))
                assert found.text
                assert np.isfinite(found.value) or side < 96


def test_a_wavelet_without_its_lattice_withholds_jpeg_2000():
    small = synthesise("texture", 110, 110, 3).astype(float)
    doubled = np.zeros((219, 219, 3))
    doubled[::2, ::2] = small
    doubled[1::2] = (doubled[:-1:2] + doubled[2::2]) / 2
    doubled[:, 1::2] = (doubled[:, :-1:2] + doubled[:, 2::2]) / 2
    after = weigh(analysis("jpeg2000", nothing=0.99, jpeg2000=0.95), np.rint(doubled).astype(np.uint8), Plain())
    assert after.verdict == "inconclusive"
    assert "none of 100 validation pictures" in after.evidence[0].text


def test_another_lossy_process_is_stated_with_the_one_it_resembles():
    from forensics.report.text import verdict_note

    ranking = (("video-mpeg4", 0.6), ("other-lossy", 0.38), ("jpeg", 0.02))
    said = replace(analysis("other-lossy"), best="video-mpeg4", ranking=ranking)
    assert verdict_note(said).endswith("; most like MPEG-4 part 2 video frame (60.0 %)")
    assert "most like" not in verdict_note(replace(said, best="other-lossy", ranking=ranking[1:]))
