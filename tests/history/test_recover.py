"""Measured parameters come first, estimates fill their gaps, and what neither gives is said."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import forensics
from forensics.history import generations, recover
from forensics.history.jpeg import double
from forensics.history.jpeg.findings import JpegHistory
from forensics.history.jpeg.grid import GridPhase
from forensics.history.recoding.av1 import Av1History
from forensics.history.recoding.hevc import HevcHistory
from forensics.report import text
from forensics.results.history import Generation, Parameter, Trace

PIXELS = np.zeros((64, 64, 3), np.uint8)
READ = Parameter("overlap_mode", 2, probability=0.99)
GAP = Parameter("chroma_subsampling", None, reason="no chroma activity")
GUESS = Parameter("chroma_subsampling", "4:2:0", probability=0.9, basis="regression")


@pytest.mark.parametrize(("undone", "chain"), [(False, ["jpeg", "jpeg"]), (True, ["jpeg"])])
def test_noise_of_undoing_a_step_is_no_second_jpeg(monkeypatch, undone, chain):
    seen = double.DoubleJpeg(0.99, "finer-last", first_quality=88.0, noise=1.8)
    monkeypatch.setattr(double, "detect", lambda pixels, history: seen)
    recovered = JpegHistory(GridPhase((0, 0), -9.0, 9.0, np.zeros((8, 8))), "grey")
    found, notes = generations.chain_of(PIXELS, Generation("jpeg", 0.99), recovered, None, (), undone=undone)
    assert [one.codec for one in found] == chain
    assert any("undoing the step" in note for note in notes) == undone


def test_an_enlarged_jpeg_is_one_jpeg():
    example = Path(__file__).parents[2] / "examples" / "jpeg.png"
    enlarged = Image.open(example).convert("RGB").resize((413, 410), Image.Resampling.BICUBIC)
    found = forensics.examine(np.asarray(enlarged), map=False)
    assert [step.name for step in found.analysis.steps] == ["enlargement"]
    assert [one.codec for one in found.history.generations] == ["jpeg"]
    assert text.since_note(found.analysis) == "enlarged from 253x251 to 413x410 pixels by a cubic -0.5 kernel"


def test_estimates_fill_gaps_and_never_replace_what_was_read():
    assert recover.completed("jpegxr", (READ, GAP), (GUESS, Parameter("overlap_mode", 1, probability=0.6))) == (
        (READ, GUESS),
        (),
    )


@pytest.mark.parametrize(
    ("verdict", "afterwards", "why"),
    [
        ("heic", None, ""),
        ("heic", {"nothing": 0.9, "resampled": 0.1}, ""),
        ("heic", {"nothing": 0.1, "resampled": 0.9}, "changed since"),
        ("inconclusive", {"nothing": 0.9, "resampled": 0.1}, "names no codec"),
    ],
)
def test_nothing_is_estimated_that_the_estimates_were_not_validated_on(verdict, afterwards, why):
    said = recover.estimates_withheld(SimpleNamespace(verdict=verdict, afterwards=afterwards))
    assert why in said
    assert bool(said) == bool(why)


def test_a_reduced_heic_has_no_estimated_parameters():
    picture = Image.open(Path(__file__).parents[2] / "examples" / "heic.png").convert("RGB").resize((180, 180))
    found = forensics.examine(np.asarray(picture), map=False)
    assert found.analysis.verdict == "inconclusive"
    assert [p for p in found.history.parameters if p.value is not None and "regression" in p.basis] == []
    assert any("not estimated either" in note for note in found.history.notes)


def test_a_gap_stays_where_the_estimate_has_none_either():
    unsure = Parameter("chroma_subsampling", None, reason="not likely enough")
    assert recover.completed("jpegxr", (READ, GAP), (unsure,)) == ((READ, GAP), ())


def test_a_codec_without_recovery_has_its_estimates():
    assert recover.completed("jpegxl", (), (GUESS,)) == ((GUESS,), ())


def test_neither_reading_nor_estimate_is_said():
    found, notes = recover.completed("jpegxl", (), ())
    assert found == ()
    assert notes == ("the parameters of JPEG XL are not recovered from pixels by this version",)


def test_an_estimate_that_fails_costs_a_note_and_nothing_else(monkeypatch):
    def broken(pixels, codec):
        raise RuntimeError("no trees")

    monkeypatch.setattr(recover.estimated, "estimate", broken)
    found, notes = recover._estimated("jpegxr", PIXELS)
    assert found == ()
    assert "no trees" in notes[0]


@pytest.mark.parametrize(
    ("hevc", "av1", "said"),
    [
        (111, 18, "speaks for HEIC rather than AVIF"),
        (0, 38, "speaks for AVIF rather than HEIC"),
        (40, 18, ""),
        (12, 0, ""),
    ],
)
def test_coding_again_settles_between_hevc_and_av1_where_blocks_agree(hevc, av1, said):
    read = {"heic": HevcHistory(blocks=hevc), "avif": Av1History(blocks=av1)}
    notes = recover._settled(read)
    assert len(notes) == bool(said)
    assert not said or said in notes[0]
    assert recover._settled({"heic": read["heic"]}) == recover._settled({**read, "avif": None}) == []


@pytest.mark.parametrize(
    ("found", "blocks", "rival", "asked"),
    [(True, 3, 0.2, ["avif"]), (True, 3, 0.01, []), (True, 60, 0.2, []), (False, 0, 0.2, [])],
)
def test_the_other_standard_is_tried_where_a_grid_shows_and_no_index(monkeypatch, found, blocks, rival, asked):
    class Reading(HevcHistory):
        @property
        def found(self):
            return found

    tried: list[str] = []
    monkeypatch.setattr(recover, "_estimated", lambda codec, pixels: ((), ()))
    monkeypatch.setattr(recover, "_recovered", lambda codec, pixels, estimates: (tried.append(codec), ()))
    analysis = SimpleNamespace(probabilities={"heic": 1 - rival, "avif": rival})
    recover._cross_checked({"heic": Reading(blocks=blocks)}, analysis, PIXELS)
    recover._cross_checked({"heic": Reading(blocks=blocks), "webp": None}, analysis, PIXELS)
    recover._cross_checked({"jpeg": Reading(blocks=blocks)}, analysis, PIXELS)
    assert tried == asked


@pytest.mark.parametrize(("verdict", "adaptive", "said"), [
    ("hevc-intra", True, "HEIC rather than BPG"), ("hevc-intra", False, "BPG rather than "
                                                                        "HEIC"), ("bpg", True, "HEIC rather than BPG"),
    ("bpg", False, ""), ("heic", True, ""), ("inconclusive", None, ""),
])  # fmt: skip
def test_the_qp_over_blocks_speaks_for_bpg_or_heic(verdict, adaptive, said):
    notes = recover._bpg_or_heic(
        SimpleNamespace(verdict=verdict), {"avif": Av1History(blocks=3), "bpg": HevcHistory(adaptive=adaptive)}
    )
    assert len(notes) == bool(said)
    assert not said or said in notes[0]
    assert recover._bpg_or_heic(SimpleNamespace(verdict=verdict), {"jpeg": None}) == []


@pytest.mark.parametrize("codec", sorted(recover.CONFIRMATIONS))
def test_what_was_recovered_is_confirmed(codec):
    from forensics.history.jpeg2000 import recovery as jpeg2000
    from forensics.history.jpegxr import recovery as jpegxr
    from forensics.history.recoding import vp8

    nothing = {
        "jpeg2000": jpeg2000.Jpeg2000History(False, reason="none"),
        "jpegxr": jpegxr.JpegxrHistory(False, reason="none"),
        "webp": vp8.Vp8History(reason="none"),
    }[codec]
    found, notes = recover._confirmed(codec, PIXELS, nothing)
    assert {parameter.reason for parameter in found} == {"none"}
    assert notes == ()
    assert recover._confirmed("jpegxl", PIXELS, nothing) == ((), ())


# ---- generations


LAST = recover.Generation("webp", 0.98)


def test_an_estimated_earlier_codec_comes_before_the_last():
    earlier = Parameter("earlier_codec", "jpeg", probability=0.9, basis="regression on 4 windows")
    found, notes = generations._earlier_codec(earlier)
    assert [(g.codec, g.probability) for g in found] == [("jpeg", 0.9)]
    assert "estimated: regression on 4 windows" in notes[0]


@pytest.mark.parametrize(
    ("earlier", "said"),
    [
        (None, "was not tested"),
        (Parameter("earlier_codec", None, reason="too close"), "too close"),
        (
            Parameter("earlier_codec", "none", probability=0.8, basis="regression"),
            "was looked for and not seen (probability that there was none: 80.0 %",
        ),
    ],
)
def test_without_an_earlier_codec_the_reason_is_noted(earlier, said):
    found, notes = generations._earlier_codec(earlier)
    assert found == ()
    assert said in notes[0]


def table_trace(*speaks_for: str) -> Trace:
    read = {"phase": [3, 5], "family": "standard", "quality": 75, "low": 74, "high": 76, "frequencies": 20, "of": 24}
    return Trace("jpeg_table", 30.0, -12.0, speaks_for, read, "JPEG's table.")


def test_a_jpeg_whose_table_is_read_comes_before_the_last_codec():
    estimate = Parameter("earlier_codec", "webp", probability=0.7, basis="regression")
    (first,), notes = generations.earlier_compression("heic", (table_trace("jpeg"),), estimate)
    assert first.codec == "jpeg"
    assert {p.name: (p.value, p.low, p.high) for p in first.parameters} == {
        "quality_factor": (75, 74, 76),
        "grid_phase": ((3, 5), None, None),
    }
    assert "read off the pixels" in notes[0]


@pytest.mark.parametrize(
    ("last", "speaks_for"), [("jpeg", ("jpeg",)), ("jpegxl", ("jpeg", "jpegxl", "jpegxr", "avif"))]
)
def test_a_table_that_the_last_codec_explains_tells_nothing_of_an_earlier_one(last, speaks_for):
    estimate = Parameter("earlier_codec", "none", probability=0.9, basis="regression")
    assert generations.earlier_compression(last, (table_trace(*speaks_for),), estimate)[0] == ()
    assert generations.earlier_compression("webp", (table_trace(*speaks_for),), estimate)[0] != ()


@pytest.mark.parametrize(
    ("value", "seen", "kept"),
    [("4:4:4", "4:2:0", False), ("4:2:2", "4:2:0", False), ("4:2:0", "4:2:2", True), ("4:4:4", None, True)],
)
def test_a_subsampling_is_not_told_beside_a_trace_that_says_otherwise(value, seen, kept):
    trace = Trace("chroma_spectrum", 0.5, -3.0, ("jpeg",), {"subsampling": seen, "planes": "chroma"}, "")
    read = Parameter("chroma_subsampling", value, probability=0.9999)
    kept_reading = recover._unless_contradicted(read, (trace,))
    assert (kept_reading == read) == kept
    if not kept:
        assert kept_reading.value is None
        assert value in kept_reading.reason
        assert seen in kept_reading.reason
    assert recover._unless_contradicted(READ, (trace,)) == READ
    silent = Trace("chroma_spectrum", 0.5, 0.5, (), {"subsampling": None, "planes": None}, "")
    assert recover._unless_contradicted(read, (silent,)) == read
