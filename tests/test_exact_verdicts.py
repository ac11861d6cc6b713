"""What exact readings decide after the models: no content, a process, a JPEG; and what they leave alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.dataset.synthetic import synthesise
from forensics.processes.registry import processes
from forensics.report import json_report, text
from forensics.results.chance import FLOOR, VALIDATED, chance, reported
from forensics.verdict.analysis import analyze


def picture(quality: int | None = None) -> np.ndarray:
    numbers = np.random.default_rng(4)
    rows, columns = np.mgrid[:160, :160]
    smooth = 120 + 50 * np.sin(rows / 15)[..., None] * np.cos(columns / 21)[..., None] * np.array([1, 0.6, -0.5])
    pixels = np.asarray(np.clip(smooth + numbers.normal(0, 6, (160, 160, 1)), 0, 255), np.uint8)
    if quality is None:
        return pixels
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def judged(pixels, fake_judge, fake_extractor, **probabilities):
    return analyze(pixels, judge=fake_judge(**probabilities), extractor=fake_extractor)


@pytest.mark.parametrize("kind", ["flat", "ramp"])
def test_a_picture_without_content_is_not_judged(kind, fake_judge, fake_extractor):
    ramp = np.repeat(np.tile(np.linspace(20, 220, 128).astype(np.uint8), (128, 1))[..., None], 3, axis=2)
    pixels = ramp if kind == "ramp" else np.full((128, 128, 3), 64, np.uint8)
    said = judged(pixels, fake_judge, fake_extractor, jpegxr=0.97)
    assert said.verdict == "no-content"
    assert said.ratio is None
    assert said.agreement.status == "open"
    assert "too little content" in text.render(said)
    assert json_report.entry(said)["verdict"] == "no-content"


def test_a_process_that_is_proven_overrules_the_models(fake_judge, fake_extractor):
    imagecodecs = pytest.importorskip("imagecodecs")
    decoded = imagecodecs.lerc_decode(imagecodecs.lerc_encode(picture(), level=2))
    said = judged(decoded, fake_judge, fake_extractor, jpeg2000=0.99)
    assert said.verdict == said.best == said.ranking[0][0] == "lerc"
    assert said.probability == 1 - 1 / (VALIDATED + 2)
    assert sum(p for _, p in said.ranking) == pytest.approx(1)
    assert said.evidence[0].trace == "lerc_blocks"
    assert said.ratio is None
    assert said.agreement.status == "finding"
    assert "LERC" in text.render(said)


def test_nothing_came_after_what_is_proven_to_be_last(fake_judge, fake_extractor):
    imagecodecs = pytest.importorskip("imagecodecs")
    decoded = imagecodecs.lerc_decode(imagecodecs.lerc_encode(picture(), level=2))
    said = judged(decoded, fake_judge, fake_extractor, jpeg2000=0.99)
    assert said.afterwards["nothing"] == said.probability
    assert sum(said.afterwards.values()) == pytest.approx(1)
    assert not said.steps


@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_jpeg_kept_in_jpegxl_is_a_jpeg(subsampling, fake_judge, fake_extractor):
    imagecodecs = pytest.importorskip("imagecodecs")
    stream = io.BytesIO()
    Image.fromarray(synthesise("texture", 224, 224, 5)).save(stream, "JPEG", quality=80, subsampling=subsampling)
    decoded = imagecodecs.jpegxl_decode(imagecodecs.jpegxl_encode_jpeg(stream.getvalue()))
    said = judged(np.ascontiguousarray(decoded[3:, 5:]), fake_judge, fake_extractor, jpegxl=0.99)
    assert said.verdict == "jpeg"
    assert said.evidence[0].trace == "kept_jpeg"
    assert "quality 80" in said.evidence[0].text
    assert said.afterwards["nothing"] > 0.9


def test_a_jpeg_coded_again_by_jpegxl_stays_jpegxl(fake_judge, fake_extractor):
    imagecodecs = pytest.importorskip("imagecodecs")
    stream = io.BytesIO()
    Image.fromarray(synthesise("texture", 224, 224, 5)).save(stream, "JPEG", quality=80)
    pixels = np.asarray(Image.open(stream))
    for distance in (0.1, 0.5):
        decoded = imagecodecs.jpegxl_decode(imagecodecs.jpegxl_encode(pixels, distance=distance))
        assert judged(decoded, fake_judge, fake_extractor, jpegxl=0.99).verdict == "jpegxl"


def test_a_test_without_veto_is_not_heard_against_a_certain_codec(monkeypatch, fake_judge, fake_extractor):
    seen = []
    monkeypatch.setattr("forensics.processes.run.run_exact", lambda pixels, skip: seen.append(skip) or {})
    judged(picture(70), fake_judge, fake_extractor, jpeg=0.98)
    judged(picture(70), fake_judge, fake_extractor, jpeg=0.4, avif=0.4)
    assert set(seen[0]) == {name for name, one in processes().items() if one.exact and not one.veto}
    assert "lerc" not in seen[0]
    assert seen[0]
    assert not seen[1]


def test_a_jpeg_is_proven_where_the_models_are_not_sure(fake_judge, fake_extractor):
    unsure = dict(jpeg=0.3, avif=0.35, uncompressed=0.35)
    assert judged(picture(70), fake_judge, fake_extractor, **unsure).verdict == "jpeg"
    assert judged(picture(), fake_judge, fake_extractor, **unsure).verdict != "jpeg"


def test_sure_verdicts_stay(fake_judge, fake_extractor):
    assert judged(picture(), fake_judge, fake_extractor, uncompressed=0.98).verdict == "uncompressed"
    assert judged(picture(70), fake_judge, fake_extractor, jpeg=0.98).verdict == "jpeg"


def test_no_number_of_false_alarms_is_told_below_what_validation_supports():
    assert reported(-15199) == FLOOR
    assert reported(-1.5) == -1.5
    assert np.isnan(reported(float("nan")))
    assert f"{VALIDATED:,}" in chance(-15199)
    assert "10^" not in chance(-40)
