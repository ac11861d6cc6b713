"""The harness: what patches are drawn, what happens to them, who judges them, and that a run that was cut short ends in
the same bytes.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from forensics_benchmarks import (
    ablation,
    cells,
    conditions,
    drawing,
    foreign_encoders,
    models,
    pipeline,
    scaling,
    suites,
)
from forensics_benchmarks.drawing import Drawing, draw, fitting, held_out
from forensics_benchmarks.evaluation import read_table
from forensics_benchmarks.models import PatchBatch, Workplace
from forensics_benchmarks.peers import PEERS
from forensics_benchmarks.peers.ghosts import deepest_ghost
from forensics_benchmarks.pipeline import Request
from forensics_models.classes import FINE_CLASSES
from PIL import Image

from forensics.codecs import registry
from forensics.dataset import manifest
from forensics.dataset.patches import load_pixels
from forensics.dataset.readings import HELD_OUT_DECODERS
from forensics.dataset.recipes import RECIPES
from forensics.errors import ForensicsError, UsageError
from forensics.quality import psnr


@pytest.fixture(scope="module")
def usable_rows(tiny_dataset):
    """Rows of the tiny data set's `val` split that carry their label."""
    return suites.usable(manifest.read(tiny_dataset), "val")


def request_for(dataset: Path, model: Path, out: Path, **changes: object) -> Request:
    return Request(**{"path": dataset, "out": out, "suite": None, "sizes": (64,), "model_dir": model, **changes})


def test_a_run_that_was_cut_short_ends_in_the_same_bytes(tiny_dataset, tiny_training, tmp_path, monkeypatch):
    monkeypatch.setattr("forensics_benchmarks.runner.SHARD_FILES", 4)
    whole = pipeline.run(request_for(tiny_dataset, tiny_training[0], tmp_path / "whole", peers=("zero",)))
    out = tmp_path / "cut"
    pipeline.run(request_for(tiny_dataset, tiny_training[0], out))
    parts = sorted(next((out / "parts").iterdir()).glob("baseline-*.npz"))
    assert len(parts) > 2
    parts[1].unlink()
    remnant = parts[1].with_name(f".part-{2**22 + 1}-{parts[1].name}")  # above the largest number of a process
    remnant.write_bytes(parts[0].read_bytes()[:50])
    kept = parts[0].stat().st_mtime_ns
    (out / "windows.parquet").unlink()
    again = pipeline.run(request_for(tiny_dataset, tiny_training[0], out, peers=("zero",)))
    assert again.table.read_bytes() == whole.table.read_bytes()
    assert parts[0].stat().st_mtime_ns == kept
    assert not remnant.exists()
    assert {record.model for record in read_table(out)} == {"baseline", "zero"}
    facts = pipeline.read_facts(out)
    assert facts["patches"] == len(whole.records) / 2


def test_every_model_gets_the_same_patches(tiny_dataset, tiny_training, tmp_path):
    records = pipeline.run(request_for(tiny_dataset, tiny_training[0], tmp_path, peers=("zero", "jpeg-ghost"))).records
    by_model: dict[str, list] = {}
    for record in records:
        by_model.setdefault(record.model, []).append((record.patch, record.top, record.left, record.fine_class))
    assert by_model["baseline"] == by_model["zero"] == by_model["jpeg-ghost"]


def test_a_missing_model_is_skipped_with_its_reason(tiny_dataset, tiny_training, tmp_path):
    lines: list[str] = []
    outcome = pipeline.run(
        request_for(tiny_dataset, tiny_training[0], tmp_path, models=("baseline", "cnn")), report=lines.append
    )
    assert "cnn" in outcome.skipped
    assert lines == [f"cnn is skipped: {outcome.skipped['cnn']}"]
    assert {record.model for record in outcome.records} == {"baseline"}


def test_more_sizes_change_no_patch(tiny_dataset, usable_rows):
    one, two = (list(draw(tiny_dataset, usable_rows[:4], Drawing(sizes, 3))) for sizes in ((64,), (96, 64)))
    small = [patch for patch in two if patch.size == 64]
    assert len(two) == 2 * len(one)
    for first, second in zip(one, small, strict=True):
        assert np.array_equal(first.pixels, second.pixels)
        assert (first.place, first.top, first.left) == (second.place, second.top, second.left)
    for patch in two:
        source = load_pixels(tiny_dataset, usable_rows[patch.place])
        assert np.array_equal(
            patch.pixels, source[patch.top : patch.top + patch.size, patch.left : patch.left + patch.size]
        )


def test_sizes_that_do_not_fit_are_left_out():
    assert fitting((512, 128, 64, 128), np.zeros((130, 300, 3))) == [64, 128]
    assert fitting((224, 256), np.zeros((100, 300))) == [100]
    assert fitting((224,), np.zeros((63, 300))) == []


def test_conditions_do_what_they_say():
    rng = np.random.default_rng(0)
    flat = np.full((200, 160, 3), 100, np.uint8)
    for name, condition in conditions.CONDITIONS.items():
        first, second = (conditions.apply(name, flat, np.random.default_rng(5)) for _ in range(2))
        assert np.array_equal(first, second)
        assert first.dtype == np.uint8
        if condition.group == "noise":
            assert abs(first.astype(float).std() - np.hypot(condition.level, 12**-0.5)) < 0.05
        if condition.group == "resize":
            assert first.shape[:2] == (round(200 * condition.level), round(160 * condition.level))
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(4, 0)
    expected = [round(255 * (v / 255) ** 0.8) for v in range(256)]
    assert conditions.apply("gamma-0.8", ramp, rng)[0].tolist() == expected
    scene = rng.integers(0, 255, (90, 120, 3), dtype=np.uint8)
    shot = conditions.apply("screenshot-1", scene, np.random.default_rng(2))
    windows = np.lib.stride_tricks.sliding_window_view(shot, scene.shape)[:, :, 0]
    assert (windows == scene).all(axis=(2, 3, 4)).sum() == 1
    assert conditions.apply("none", scene, rng) is scene
    assert conditions.apply("noise-1", scene[:, :, 0], rng).shape == (90, 120)


def test_foreign_encoders_are_none_of_trainings():
    assert not set(foreign_encoders.names()) & ({*RECIPES} | set(registry.names()))
    for choice in foreign_encoders.HELD_OUT:
        if foreign_encoders.usable(choice):
            continue
        codec = foreign_encoders.codec_of(choice.encoder)
        parameters = json.dumps(codec.complete(choice.switches))
        assert codec.codec == choice.fine_class
        assert drawing._drawn.__wrapped__(choice.encoder, choice.fine_class, parameters) is False
    for name in ("jpeg", "webp", "jpegxl", "heic", "avif", "bpg", "jpeg2000"):
        assert drawing._drawn.__wrapped__(name, name, json.dumps(registry.get(name).complete({})))


def test_what_was_held_out_is_read_off_the_recipes(usable_rows):
    for row in usable_rows:
        assert held_out(row, "usual") == ""
        assert held_out(row, HELD_OUT_DECODERS[0]) == "decoder"


@pytest.mark.parametrize("name", foreign_encoders.names())
def test_a_foreign_encoder_writes_what_the_usual_decoder_reads(name, scene):
    codec = foreign_encoders.codec_of(name)
    state = codec.availability()
    if not state.encode:
        pytest.skip(state.reason)
    pixels = np.ascontiguousarray(np.tile(scene, (2, 2, 1))[:128, :160])
    fine, coarse = (
        codec.encode(pixels, **{codec.strength.parameter: codec.strength.at(place)}) for place in (0.1, 0.6)
    )
    assert registry.sniff(fine) == codec.codec
    decoded = codec.decode(fine)
    assert decoded.shape == pixels.shape
    assert len(coarse) < len(fine)
    assert psnr(pixels, decoded) > max(27.0, psnr(pixels, codec.decode(coarse)))
    assert codec.encode(pixels, **{codec.strength.parameter: codec.strength.at(0.1)}) == fine


def test_cells_are_encoded_once(tmp_path, scene):
    sources = tmp_path / "sources"
    sources.mkdir()
    pixels = np.tile(scene, (2, 2, 1))[:161, :181]
    for index in range(2):
        Image.fromarray(np.roll(pixels, index, 0)).save(sources / f"made__{index}.png")
    Image.fromarray(pixels[:60, :60]).save(sources / "small.png")
    names = ["made__0.png", "made__1.png", "small.png"]
    wanted = [
        cells.Cell("seen", "jpeg", "jpeg", {}, (8.0,)),
        cells.Cell("4:1:1", "jpeg", "foreign-turbojpeg-4:1:1", {}, (8.0, 5000.0)),
    ]

    def built() -> list[manifest.Row]:
        return cells.build(sources, names, tmp_path / "out", wanted, suite="robustness", seed=1, shares=suites.SHARES)

    rows = built()
    assert [row.status for row in rows].count("unreachable") == 2
    good = suites.usable(rows)
    assert len(good) == 6
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "files").rglob("*.*")}
    assert built() == rows or str(built()) == str(rows)  # NaN is not NaN
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "files").rglob("*.*")} == before
    for row in good:
        assert (row.height % 2, row.width % 2, row.split) == (0, 0, "bench")
        picture = drawing.load(tmp_path / "out", row, 1, "usual").pixels
        assert picture.shape == (row.height, row.width, 3)
        if row.encoder != "png":
            assert row.ratio == pytest.approx(picture.size / (tmp_path / "out" / row.file).stat().st_size, rel=1e-4)
            assert held_out(row, "usual") == ("encoder" if row.encoder.startswith("foreign") else "")


def test_sources_are_spread_and_training_is_left_out(tmp_path):
    for folder, count in (("train", 3), ("val", 9)):
        (tmp_path / folder).mkdir()
        for index in range(count):
            (tmp_path / folder / f"{index}.png").touch()
    assert suites.chosen_sources(tmp_path, None, 3) == ["val/0.png", "val/3.png", "val/6.png"]
    assert len(suites.chosen_sources(tmp_path, "train", 0)) == 3
    with pytest.raises(UsageError, match="of the split test"):
        suites.chosen_sources(tmp_path, "test", 0)


def test_the_ghost_finds_the_quality():
    rng = np.random.default_rng(4)
    smooth = rng.normal(size=(160, 160)).cumsum(0).cumsum(1)
    plane = np.clip(128 + 50 * (smooth - smooth.mean()) / smooth.std() + rng.normal(0, 6, smooth.shape), 0, 255).astype(
        np.uint8
    )
    for quality in (60, 75, 87):
        again = conditions.resaved(plane, rng, quality)
        assert abs(deepest_ghost(again) - quality) <= 3


def test_zero_tells_jpeg(scene):
    pixels = np.tile(scene, (2, 2, 1))[:160, :160]
    coded = conditions.resaved(pixels, np.random.default_rng(0), 80)[3:, 5:]
    noise = np.random.default_rng(1).integers(0, 256, coded.shape, dtype=np.uint8)
    said = PEERS["zero"]().judge(PatchBatch([coded, noise])).fine_probabilities
    assert [FINE_CLASSES[index] for index in said.argmax(axis=1)] == ["jpeg", "uncompressed"]


def test_general_features_learn_from_patches(tiny_dataset, tmp_path, monkeypatch):
    fake = ModuleType("sealwatch")
    fake.spam = ModuleType("spam")  # type: ignore[attr-defined]
    fake.spam.extract = lambda x1: {
        "a": np.array([x1.mean(), x1.std()]),
        "b": np.abs(np.diff(x1.astype(float))).mean()[None],
    }
    monkeypatch.setitem(sys.modules, "sealwatch", fake)
    monkeypatch.setattr("forensics_benchmarks.peers.general_features.ROUNDS", 3)
    place = Workplace(tmp_path, (tiny_dataset,), 40, 1, 1)
    peer = PEERS["spam"]().prepare(place)
    batch = PatchBatch([np.full((64, 64, 3), 9, np.uint8), np.full((64, 64), 200, np.uint8)])
    said = peer.judge(batch)
    np.testing.assert_allclose(said.fine_probabilities.sum(axis=1), 1)
    assert said.fine_probabilities.shape == (2, 11)
    trees = next(tmp_path.rglob("trees.ubj")).stat().st_mtime_ns
    assert PEERS["spam"]().prepare(place).key() == peer.key()
    assert next(tmp_path.rglob("trees.ubj")).stat().st_mtime_ns == trees
    with pytest.raises(UsageError, match="--train-data"):
        PEERS["spam"]().prepare(Workplace(tmp_path))


def test_features_are_measured_once_for_all_models(tiny_training):
    class Once(PatchBatch):
        measured_times = 0

        def features(self) -> np.ndarray:
            self.measured_times += not self.measured
            return super().features()

    batch = Once([np.zeros((64, 64, 3), np.uint8)])
    adapter = models.BaselineAdapter(tiny_training[0]).prepare(Workplace(Path()))
    assert adapter.judge(batch).seconds > 0
    adapter.judge(batch)
    assert batch.measured_times == 1


def test_an_ablation_leaves_families_out(tiny_dataset):
    names = ("lattice.a", "wavelet.b", "picture.log2_pixels", "lapped.c")
    assert ablation.columns_of(names, ablation.COMBS).tolist() == [True, False, True, False]
    found = ablation.run(
        [tiny_dataset], windows=1000, rounds=2, seed=1, jobs=1, variants=("all features", "without combs")
    )
    assert found[0].features > found[1].features > 10
    shown = ablation.table(found, "t")
    assert [row[0] for row in shown.rows] == ["all features", "without combs"]
    assert len(shown.header) == len(shown.rows[0]) == 3 + len(ablation.BANDS)
    counts = {name: share.count for name, share in found[0].accuracy.items() if share}
    assert counts["all"] == sum(count for name, count in counts.items() if name != "all")


def test_ratios_carry_both_spreads():
    assert scaling.ratio(6.0, 0.6, 2.0, 0.0) == "3.00 ± 0.30"
    assert scaling.ratio(6.0, 0.3, 2.0, 0.1) == "3.00 ± 0.21"
    assert scaling.spread([1.0, 2.0]) == 0.0


def test_a_process_is_measured_from_outside():
    ballast = bytearray(150_000_000)  # what this process holds is no part of the figure
    bare, found = (scaling.process([sys.executable, "-c", f"x = bytearray({size})"], 1) for size in (0, 60_000_000))
    assert bare.peak < len(ballast)
    assert 55_000_000 < found.peak - bare.peak < 70_000_000
    assert found.seconds > 0
    with pytest.raises(ForensicsError, match="ended with 3"):
        scaling.process([sys.executable, "-c", "raise SystemExit(3)"], 1)


def test_a_suite_decides_whether_a_folder_is_one_of_sources(tiny_dataset, tiny_training, tmp_path, scene):
    """Pictures may lie next to a manifest of their owner's; a data set is never taken for sources."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(np.tile(scene, (3, 3, 1))).save(folder / "a.png")
    (folder / "manifest.csv").write_text("file,licence\na.png,CC0\n")
    options = {"suite": "quick", "models": ("baseline",), "codecs": ("jpeg",)}
    pipeline.run(request_for(folder, tiny_training[0], tmp_path / "run", **options))
    assert {record.class_name for record in read_table(tmp_path / "run")} == {"uncompressed", "jpeg"}
    with pytest.raises(UsageError, match="leave --suite out"):
        pipeline.run(request_for(tiny_dataset, tiny_training[0], tmp_path / "other", **options))


def test_the_encoder_called_4_1_1_writes_it(scene):
    written = foreign_encoders.codec_of("foreign-turbojpeg-4:1:1").encode(scene, quality=80)
    with Image.open(io.BytesIO(written)) as picture:
        assert [layer[1:3] for layer in picture.layer] == [(4, 1), (1, 1), (1, 1)]
