"""Codecs told apart by coding again, in verdicts: when it is asked, what it changes, what it leaves."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forensics_features.rotation import Rotation
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import PROCESS_NAMES
from forensics_models.recompression import FAMILIES, UNKNOWN, Repeats
from PIL import Image

from forensics import analyze
from forensics.history.recoding import identification
from forensics.results.analysis import Analysis, LeftOpen, ToneChange
from forensics.results.steps import RotationStep
from forensics.verdict import recompression
from forensics.verdict.restated import ranked
from forensics.verdict.weighing import SURE
from forensics.windows.judges import shipped_open_judge

SAMPLES = Path(__file__).parents[2] / "examples"
PIXELS = np.asarray(Image.open(SAMPLES / "uncompressed.png").convert("RGB"))
JUDGE = shipped_open_judge(None)
AV1, HEVC = (3.0, 1.2, 0.3, 1.0, 0.8), (1.0, 3.0, 0.2, 0.5, 0.7)
NOTHING, AGAINST = (0.1, 0.0, -0.1, 0.1, 0.1), (6.9, 2.8, 0.2, 1.0, 1.5)


@cache
def sample() -> Analysis:
    return analyze(SAMPLES / "uncompressed.png")


def opened(**given: float) -> Analysis:
    """The analysis of a sample left open, with these probabilities; what is left is spread over the others."""
    named = {name.replace("_", "-"): p for name, p in given.items()}
    others = [name for name in PROCESS_NAMES if name not in named]
    ranking = ranked({name: named.get(name, (1 - sum(named.values())) / len(others)) for name in PROCESS_NAMES})
    return replace(sample(), verdict=INCONCLUSIVE, probability=ranking[0][1], ranking=ranking)


def answered(analysis: Analysis, judge: Any, pixels: np.ndarray) -> Analysis:
    return recompression.with_answer(analysis, recompression.heard(analysis, judge, pixels))


@pytest.fixture(autouse=True)
def _encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identification, "missing", lambda: "")


def gaining(monkeypatch: pytest.MonkeyPatch, *gains: float) -> list[Any]:
    """Lets every picture gain so, and as consistently, while its blocks say nothing; what was asked is kept."""
    asked: list[Any] = []

    def given(pixels: np.ndarray) -> Repeats:
        asked.append(pixels)
        return Repeats(np.array(gains), 12 * np.array(gains))

    monkeypatch.setattr(identification, "repeats", given)
    monkeypatch.setattr(recompression, "block_phase_logarithms", lambda folder, pixels: UNKNOWN)
    return asked


@pytest.mark.parametrize(("gains", "verdict"), [(AV1, "avif"), (HEVC, "hevc-intra"), (NOTHING, INCONCLUSIVE)])
def test_the_encoder_that_gains_names_the_codec(
    gains: tuple[float, ...], verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaining(monkeypatch, *gains)
    before = opened(avif=0.4, heic=0.5, bpg=0.05)
    after = answered(before, JUDGE, PIXELS)
    assert after.verdict == verdict
    assert (after is before) == (verdict == INCONCLUSIVE)


def test_what_is_said_goes_with_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    gaining(monkeypatch, *AV1)
    before = opened(avif=0.4, heic=0.5, bpg=0.05)
    after = answered(before, JUDGE, PIXELS)
    assert sum(after.probabilities.values()) == pytest.approx(1)
    assert after.probability == pytest.approx(after.probabilities["avif"], abs=0.01)
    assert after.probability > 0.8
    assert after.probabilities["heic"] / after.probabilities["bpg"] == pytest.approx(10)
    first = after.evidence[0]
    assert (first.trace, first.value, first.speaks_for) == (recompression.TRACE, 3.0, ("avif",))
    assert "aom 3.0 (36), x265 1.2 (14), libwebp 0.3 (4), libjpeg 1.0 (12)" in first.text


def test_what_names_nothing_is_part_of_the_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    gaining(monkeypatch, *NOTHING)
    before = opened(avif=0.4, heic=0.3, uncompressed=0.25)
    heard = recompression.heard(before, JUDGE, PIXELS)
    assert heard is not None
    assert recompression.with_answer(before, heard) is before
    after = recompression.weighed(before, heard)
    assert (after.verdict, after.evidence[-1].trace) == (INCONCLUSIVE, recompression.TRACE)
    assert sum(after.probabilities.values()) == pytest.approx(1)
    assert after.probabilities["uncompressed"] == pytest.approx(heard.probabilities["uncompressed"])
    assert after.compressed == pytest.approx(1 - after.probabilities["uncompressed"])
    assert after.probabilities["avif"] / before.probabilities["avif"] != pytest.approx(1, abs=0.01)
    assert recompression.weighed(after, heard) is after  # once
    assert recompression.weighed(before, None) is before
    certain = named("webp", 0.9, webp=0.9)
    assert recompression.weighed(certain, heard) is certain


def test_members_that_cannot_be_told_apart_are_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    gaining(monkeypatch, *HEVC)
    assert answered(opened(heic=0.4, bpg=0.4), JUDGE, PIXELS).verdict == "hevc-intra"


@pytest.mark.parametrize("kind", ["a verdict", "another codec", "no judge"])
def test_nothing_is_coded_without_cause(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = gaining(monkeypatch, *AV1)
    before = opened(avif=0.5) if kind != "another codec" else opened(jpeg2000=0.97)
    if kind == "a verdict":
        before = replace(before, verdict="avif", probability=0.99)
    assert answered(before, None if kind == "no judge" else JUDGE, PIXELS) is before
    assert not asked


@pytest.mark.parametrize(("p", "verdict"), [(0.97, "jpeg"), (0.45, INCONCLUSIVE)])
def test_what_is_not_coded_again_is_named_by_its_blocks(
    p: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = gaining(monkeypatch, *AV1)
    phases = np.log(np.where(np.array(FAMILIES) == "jpeg", p, (1 - p) / (len(FAMILIES) - 1)))
    monkeypatch.setattr(recompression, "block_phase_logarithms", lambda folder, pixels: phases)
    before = opened(jpeg=0.6, jpeg2000=0.39)
    after = answered(before, JUDGE, PIXELS)
    assert after.verdict == verdict
    assert (after is before) == (verdict == INCONCLUSIVE)
    assert not asked
    toned = replace(before, tone=ToneChange(40.0, 1, 255, 30, 0, (0, *range(255)), True))
    assert answered(toned, JUDGE, PIXELS) is toned
    rounded = replace(before, tone=ToneChange(40.0, 1, 255, 0, 21, (0, *range(255)), True))
    assert answered(rounded, JUDGE, PIXELS).verdict == verdict
    if verdict == "jpeg":
        assert after.evidence[0].trace == recompression.TRACE
        assert "speaks for JPEG by itself (97.0 %)" in after.evidence[0].text
    certain = replace(before, verdict="jpeg2000", probability=0.9)
    assert answered(certain, JUDGE, PIXELS) is certain


def test_a_missing_encoder_leaves_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    gaining(monkeypatch, *AV1)
    monkeypatch.setattr(identification, "missing", lambda: "PyAV is not installed")
    before = opened(avif=0.5)
    assert answered(before, JUDGE, PIXELS) is before


def test_a_small_picture_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identification, "repeats", lambda pixels: None)
    before = opened(avif=0.5)
    assert answered(before, JUDGE, PIXELS) is before


def named(verdict: str, probability: float, **given: float) -> Analysis:
    return replace(opened(**given), verdict=verdict, probability=probability)


@pytest.mark.parametrize(
    ("gains", "kept"), [(AGAINST, False), (HEVC, True), (NOTHING, True)], ids=["against", "for", "nothing"]
)
def test_a_name_is_held_against_it(gains: tuple[float, ...], kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    gaining(monkeypatch, *gains)
    if not kept:  # blocks from the first sample on speak for AV1, too
        phases = np.log(np.where(np.array(FAMILIES) == "av1", 0.9, 0.1 / (len(FAMILIES) - 1)))
        monkeypatch.setattr(recompression, "block_phase_logarithms", lambda folder, pixels: phases)
    before = named("heic", 0.95, heic=0.95, avif=0.03)
    after = answered(before, JUDGE, PIXELS)
    assert (after is before) == kept
    if not kept:
        assert after.verdict in (INCONCLUSIVE, "avif")
        assert after.evidence[0].trace == recompression.TRACE
        assert "aom 6.9 (83), x265 2.8 (34)" in after.evidence[0].text


def test_other_codecs_are_not_held_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = gaining(monkeypatch, *AV1)
    before = named("webp", 0.9, webp=0.9, avif=0.05)
    assert answered(before, JUDGE, PIXELS) is before
    assert not asked


@pytest.mark.parametrize("gains", [HEVC, NOTHING, AV1])
@pytest.mark.parametrize("p", [0.95, 0.99])
def test_hevc_of_no_single_member_has_to_be_borne_out(
    gains: tuple[float, ...], p: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaining(monkeypatch, *gains)
    before = named("hevc-intra", p, heic=p / 2, bpg=p / 2)
    if gains == AV1:
        if p >= SURE:  # a sure name is not held against another encoder
            assert answered(before, JUDGE, PIXELS) is before
        return
    after = answered(before, JUDGE, PIXELS)
    if gains == HEVC:
        assert after is before
        return
    assert after.verdict == INCONCLUSIVE
    assert "does not show in blocks" in after.evidence[0].text
    assert after.probabilities["heic"] + after.probabilities["bpg"] < 0.1
    turned = RotationStep(Rotation(3.0, 0.0, 0.0, 9.0), 200, 200, 300, 300)
    elsewhere = replace(before, steps=(turned,))  # its blocks start at another sample
    assert answered(elsewhere, JUDGE, PIXELS) is elsewhere


def test_phases_of_blocks_are_not_heard_of_a_sheet_in_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    sprite = np.random.default_rng(0).integers(0, 256, (28, 28, 3), np.uint8)
    in_cells = np.tile(np.pad(sprite, ((2, 2), (2, 2), (0, 0))), (6, 6, 1))
    gaining(monkeypatch, *NOTHING)
    heard: list[tuple[int, ...]] = []
    monkeypatch.setattr(
        recompression, "block_phase_logarithms", lambda folder, pixels: heard.append(pixels.shape) or UNKNOWN
    )
    for pixels, count in ((in_cells, 0), (in_cells[3:, 3:], 1)):
        answered(opened(heic=0.3, uncompressed=0.3), JUDGE, np.ascontiguousarray(pixels))
        assert len(heard) == count


def test_a_name_of_av1_is_left_open_where_blocks_of_eight_show(monkeypatch: pytest.MonkeyPatch) -> None:
    before = opened(avif=0.8, video_av1=0.1, heic=0.05)
    before = replace(before, verdict="avif", probability=0.8)
    gaining(monkeypatch, 0.9, 0.4, 0.2, 1.6, 0.3)
    after = answered(before, JUDGE, PIXELS)
    assert after.verdict == INCONCLUSIVE
    assert after.best == "other-lossy"
    assert after.compressed == pytest.approx(1 - dict(before.ranking)["uncompressed"])
    gaining(monkeypatch, 0.9, 0.4, 0.2, 0.8, 0.3)
    assert answered(before, JUDGE, PIXELS) is before


@pytest.mark.parametrize(("likeliest", "verdict"), [("jpeg2000", "jpeg2000"), ("hevc-intra", INCONCLUSIVE)])
def test_blocks_alone_do_not_name_jpeg_2000(likeliest: str, verdict: str) -> None:
    left = LeftOpen(likeliest, 0.1, ())
    before = replace(opened(jpeg2000=0.6, heic=0.3), left_open=left)
    said = recompression.Heard("jpeg2000", {name: float(name == "jpeg2000") for name in FAMILIES}, "", 0.9)
    assert recompression.with_answer(before, said).verdict == verdict
