"""Pictures of the verdict benchmark, what counts as right, and steps by programs that training never draws."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from forensics_benchmarks import fixed_steps, other_programs, verdicts
from forensics_benchmarks.verdicts import Case
from PIL import Image

from forensics.dataset.afterwards import HELD_OUT_PROGRAMS, PROGRAMS
from forensics.dataset.synthetic import synthesise
from forensics.errors import UsageError

ARGUMENTS = {"split": "val", "limit": 0, "seed": 1, "tell": lambda done, total: None}


def one_source(folder):
    (folder / "val").mkdir(parents=True)
    Image.fromarray(synthesise("texture", 240, 260, 2)).save(folder / "val" / "one.png")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return synthesise("texture", 160, 200, 9)


@pytest.mark.parametrize(("program", "kind"), [(p, k) for p, kinds in other_programs.STEPS.items() for k in kinds])
def test_a_step_by_another_program_changes_the_picture_as_its_kind_says(program, kind, picture):
    if other_programs.missing(program):
        pytest.skip(other_programs.missing(program))
    made = other_programs.apply(program, kind, picture, np.random.default_rng(3))
    assert made.dtype == np.uint8
    height = made.shape[0]
    if kind == "enlarged":
        assert height > 160
    elif kind in ("reduced", "rotated"):
        assert height < 160
    else:
        assert made.shape[:2] == picture.shape[:2]
        grey = made if made.ndim == 3 else np.repeat(made[:, :, None], 3, axis=2)
        assert not np.array_equal(grey, picture)
    if kind == "palette":
        assert len(np.unique(made.reshape(-1, 3), axis=0)) <= 256
    if kind == "rotated":
        assert made.min() > 0 or picture.min() == 0


def test_noise_of_another_program_is_as_strong_as_that_of_training():
    if other_programs.missing("imagemagick"):
        pytest.skip(other_programs.missing("imagemagick"))
    flat = np.full((200, 200, 3), 128, np.uint8)
    made = [other_programs.apply("imagemagick", "noise", flat, np.random.default_rng(seed)).std() for seed in range(8)]
    assert 0.5 < min(made) < max(made) < 10


def test_programs_of_the_benchmark_are_those_that_training_holds_out():
    assert set(other_programs.STEPS) == set(HELD_OUT_PROGRAMS)
    assert not set(other_programs.STEPS) & set(PROGRAMS)


def case(truth: str, part: str = "processed") -> Case:
    return Case("f.png", part, "s", truth, truth, "nothing", "-", "nothing")


@pytest.mark.parametrize(
    ("truth", "part", "said", "expected"),
    [
        ("jpeg", "processed", "jpeg", "right"),
        ("heic", "processed", "hevc-intra", "family"),
        ("heic", "processed", "bpg", "family"),
        ("jpeg", "processed", "avif", "wrong"),
        ("uncompressed", "untouched", "video-h264", "wrong"),
        ("jpeg", "processed", "video-h264", "wrong"),
        ("video-h264", "processes", "video-mpeg2", "other"),
        ("video-h264", "processes", "avif", "wrong"),
        ("wsq", "processes", "jpeg2000", "wrong"),
        ("video-vp8", "processes", "webp", "family"),
        ("other-lossy", "processes", "other-lossy", "right"),
        ("webp", "processed", "uncompressed", "uncompressed"),
        ("webp", "processed", "inconclusive", "open"),
        ("uncompressed", "untouched", "uncompressed", "right"),
        ("jpeg", "processed", "palette", "other"),
    ],
)
def test_what_counts_as_right(truth, part, said, expected):
    assert verdicts.outcome(case(truth, part), {"status": "ok", "verdict": said}) == expected


def test_a_palette_that_was_made_is_no_wrong_answer():
    made = Case("a.png", "fixed", "a", "uncompressed", "none", "palette", "pillow", "palette of 256")
    assert verdicts.outcome(made, {"status": "ok", "verdict": "palette"}) == "other"
    assert verdicts.outcome(replace(made, after="noise"), {"status": "ok", "verdict": "palette"}) == "wrong"


def test_a_missing_or_failed_row_is_no_answer():
    assert verdicts.outcome(case("jpeg"), None) == "failed"
    assert verdicts.outcome(case("jpeg"), {"status": "error"}) == "failed"


def test_a_run_writes_its_pictures_once_and_tells_what_they_are(tmp_path, monkeypatch):
    one_source(tmp_path / "sources")
    monkeypatch.setattr(verdicts, "MAKERS", {"jpeg": verdicts.MAKERS["jpeg"]})
    cases = verdicts.make(tmp_path / "sources", tmp_path / "run", ("processed",), **ARGUMENTS)
    assert {c.truth for c in cases} == {"uncompressed", "jpeg"}
    assert len({c.file for c in cases}) == len(cases)
    with (tmp_path / "run" / "truth.csv").open(newline="") as table:
        assert [verdicts.Case(**row) for row in csv.DictReader(table)] == cases
    before = {c.file: (tmp_path / "run" / "pictures" / c.file).read_bytes() for c in cases}
    again = verdicts.make(tmp_path / "sources", tmp_path / "run2", ("processed",), **ARGUMENTS)
    assert again == cases
    assert all((tmp_path / "run2" / "pictures" / name).read_bytes() == data for name, data in before.items())
    monkeypatch.setattr(verdicts, "_processed", lambda *_: pytest.fail("made again"))
    assert verdicts.make(tmp_path / "sources", tmp_path / "run", ("processed",), **ARGUMENTS) == cases
    with pytest.raises(UsageError, match="holds a run of seed 1, split val"):
        verdicts.make(tmp_path / "sources", tmp_path / "run", ("processed",), **{**ARGUMENTS, "seed": 2})
    rows = {c.file: {"status": "ok", "verdict": c.truth} for c in cases}
    assert "| all | " in verdicts.markdown(cases, rows, "Build")
    counted = verdicts.table(cases, rows, lambda c: c.truth)
    assert all(count == outcomes["right"] for _, count, outcomes in counted)


def test_fixed_steps_are_the_same_for_every_run(tmp_path, monkeypatch):
    one_source(tmp_path / "sources")
    monkeypatch.setattr(fixed_steps, "MAKERS", {"JPEG 75": fixed_steps.MAKERS["JPEG 75"]})
    cases = verdicts.make(tmp_path / "sources", tmp_path / "run", ("fixed",), **ARGUMENTS)
    assert len(cases) == 2 * len(fixed_steps.STEPS) == len({c.file for c in cases})
    stored = {c.kind: tmp_path / "run" / "pictures" / c.file for c in cases if c.maker == "JPEG 75"}
    decoded = np.asarray(Image.open(stored["nothing"]))
    for step, path in stored.items():
        assert np.array_equal(np.asarray(Image.open(path)), fixed_steps.after(step, decoded))
    rows = {c.file: {"status": "ok", "verdict": c.truth} for c in cases}
    assert "### fixed, compressed, by step" in verdicts.markdown(cases, rows, "Build")
    assert "### fixed, compressed, by maker" in verdicts.markdown(cases, rows, "Build")


def test_a_fixed_ratio_is_met(picture):
    made = fixed_steps.coded("JPEG 2000 16:1", picture)
    assert made.shape == picture.shape
    assert 0 < np.abs(made.astype(int) - picture).mean() < 20
