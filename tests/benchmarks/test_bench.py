"""`forensics bench`: a real run on a tiny data set, its report, the speed table, and errors of one line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from forensics_benchmarks import speed
from forensics_benchmarks.evaluation import read_table
from forensics_features import FAMILIES, FeatureExtractor
from forensics_models.baseline import Baseline

from forensics.dataset import manifest, patches
from forensics.dataset.features import carries_its_label
from tests.calling import call


@pytest.fixture(scope="module")
def judged(tiny_dataset, tiny_training, tmp_path_factory):
    """The folder of a run on the tiny data set with the tiny model."""
    out = tmp_path_factory.mktemp("bench") / "run"
    options = ("--size", 64, "--size", 96, "--centred", "--jobs", 1, "--model-dir", tiny_training[0])
    assert call("bench", "run", tiny_dataset, "--out", out, *options) == 0
    return out


@pytest.mark.parametrize("name", ["run", "report", "speed", "history", "ablation"])
def test_help(name, capsys):
    assert call("bench", name, "--help") == 0
    assert f"Usage: forensics bench {name}" in capsys.readouterr().out


def test_records_hold_the_manifest_and_the_judgement(judged, tiny_dataset, tiny_training):
    records = read_table(judged)
    rows = {r.id: r for r in manifest.read(tiny_dataset) if r.split == "val" and carries_its_label(r)}
    assert sorted(record.file for record in records) == sorted([*rows, *rows])
    assert {record.size for record in records} == {64, 96}
    model, extractor = Baseline(tiny_training[0]), FeatureExtractor()
    for record in records[:6]:
        row = rows[record.file]
        same = (
            "source",
            "origin",
            "split",
            "fine_class",
            "encoder",
            "variant",
            "preparation_kind",
            "target_kind",
            "target",
        )
        assert [getattr(record, name) for name in same] == [getattr(row, name) for name in same]
        assert record.ratio == row.ratio or (row.fine_class == "uncompressed" and math.isnan(record.ratio))
        pixels = patches.load_pixels(tiny_dataset, row)
        top, left = ((extent - record.size) // 2 for extent in pixels.shape[:2])
        window = pixels[top : top + record.size, left : left + record.size]
        said = model.judge(extractor.transform([window]))
        np.testing.assert_allclose(record.probabilities, said.fine_probabilities[0], rtol=1e-6)
        strength = (record.ratio_low, record.ratio_median, record.ratio_high)
        np.testing.assert_allclose(strength, 2.0 ** said.log2_ratio[0], rtol=1e-6)


def test_a_run_says_how_it_went_and_measures_once(judged, tiny_dataset, tiny_training, capsys, monkeypatch):
    before = (judged / "windows.parquet").read_bytes()
    monkeypatch.setattr(patches, "load_pixels", None)
    options = ("--size", 64, "--size", 96, "--centred", "--jobs", 1, "--model-dir", tiny_training[0])
    assert call("bench", "run", tiny_dataset, "--out", judged, *options) == 0
    assert (judged / "windows.parquet").read_bytes() == before
    records = read_table(judged)
    right = sum(record.verdict == record.class_name for record in records)
    said = capsys.readouterr().out
    assert said.startswith(f"baseline       accuracy over nine classes {100 * right / len(records):.2f} % ")
    assert said.endswith(f" of {len(records)} patches\ntable: {judged / 'windows.parquet'}\n")


def test_a_decoder_may_be_named(judged, tiny_dataset, tiny_training, tmp_path, capsys):
    options = ("--size", 64, "--size", 96, "--centred", "--jobs", 1, "--model-dir", tiny_training[0])
    assert call("bench", "run", tiny_dataset, "--out", tmp_path, *options, "--decoder", "swscale-bicubic") == 0
    records = read_table(tmp_path)
    used = {(record.class_name, record.decoder) for record in records}
    assert used >= {("jpeg", "swscale-bicubic"), ("jpegxr", "usual"), ("uncompressed", "usual")}
    assert {record.held_out for record in records if record.decoder != "usual"} == {"decoder"}
    assert len(records) == len(read_table(judged))
    capsys.readouterr()
    assert call("bench", "run", tiny_dataset, "--out", tmp_path, *options, "--decoder", "paint") != 0
    assert "there is no decoder 'paint'" in capsys.readouterr().err


def test_the_report_is_markdown(judged, capsys):
    assert call("bench", "report", judged, "--kind", "grid") == 0
    out = capsys.readouterr().out
    assert out.startswith("Accuracy over nine classes: ")
    assert "## False positives on uncompressed pictures, by origin" in out
    assert call("bench", "report", judged) == 0
    out = capsys.readouterr().out
    assert out.startswith("## Overview")
    assert "nan" not in out


def test_mistakes_are_one_line(judged, tiny_dataset, tiny_training, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    out, model = ("--out", tmp_path / "out"), ("--models", "baseline", "--model-dir", tiny_training[0])
    mistakes = {
        "holds no file of the split 'test'": ("run", tiny_dataset, "--split", "test", *out, *model),
        "it has no manifest.csv": ("run", tmp_path / "empty", *out, *model),
        "holds no model (baseline.json is missing)": (
            "run",
            tiny_dataset,
            *out,
            "--models",
            "baseline",
            "--model-dir",
            tmp_path / "empty",
        ),
        "there is no model or peer magic": ("run", tiny_dataset, *out, *model, "--models", "magic"),
        "--sizes takes sides in pixels": ("run", tiny_dataset, *out, *model, "--sizes", "64,big"),
        "give SOURCES, or a data set": ("run", tiny_dataset, "--data", tiny_dataset, *out, *model),
        "cannot write": ("run", tiny_dataset, "--out", tmp_path / "file" / "out", *model),
        "holds no windows.parquet and no windows.csv; make one with `forensics bench run`": (
            "report",
            tmp_path / "empty",
        ),
        "its figures are those of --kind grid": ("report", judged, "--kind", "kib"),
        "does not exist": ("report", tmp_path / "nowhere"),
        "63 is not in the range": ("run", tiny_dataset, "--size", 63, *out, *model),
    }
    for message, arguments in mistakes.items():
        assert call("bench", *arguments) == 1
        said, err = capsys.readouterr()
        assert said == ""
        assert message in err
        assert err.count("\n") == 1


def test_the_made_picture_went_through_a_jpeg():
    pixels = speed.made_picture(128)
    assert (pixels.shape, pixels.dtype) == ((128, 128, 3), np.uint8)
    assert np.array_equal(pixels, speed.made_picture(128))
    plain = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    best = [FeatureExtractor(("block_dct",)).vector(picture) for picture in (pixels, plain)]
    place = FeatureExtractor(("block_dct",)).feature_names.index("block_dct.comb_best")
    assert best[0][place] > 3 * best[1][place]


def test_the_speed_table_has_every_family_and_its_units(capsys):
    assert call("bench", "speed", "--side", 64, "--repeat", 3) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    assert cells[0] == ["subject", "ms", "MP/s", "peer", "times as fast as the peer"]
    assert [row[0] for row in cells[2:]] == ["PNG decoding (Pillow)", *FAMILIES, "full vector"]
    for row in cells[2:]:
        assert float(row[1].split(" ± ")[0]) >= 0
        assert (row[3] == "-") == (row[4] == "-")


def test_a_timing_is_the_median_and_half_the_interquartile_range(monkeypatch):
    clock = iter([0.0, 1.0, 10.0, 12.0, 20.0, 23.0, 30.0, 34.0, 40.0, 45.0])
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    calls = []
    assert speed.timed(lambda: calls.append(1), 5) == (3.0, 1.5)
    assert len(calls) == 6


def test_peers_are_compared_by_their_times():
    rows = [speed.Timing("lattice", 0.002, 0.0001, "a peer", 0.006), speed.Timing("alone", 0.001, 0.0)]
    text = speed.report_markdown(rows, side=1000)
    assert "| lattice | 2.00 ± 0.10 | 500.0 | a peer | 3.00 ± 0.15 |" in text
    assert "| alone | 1.00 ± 0.00 | 1000.0 | - | - |" in text
