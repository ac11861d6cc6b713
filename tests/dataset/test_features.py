"""Feature tables: which windows are cut, parts on disk, what resuming does, and what a table leaves out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from forensics_features import FAMILIES, FeatureExtractor
from forensics_models.classes import FINE_CLASSES

from forensics.dataset import features, manifest, patches
from forensics.dataset.features import WindowPlan, build_table, carries_its_label, cut_windows, table_key
from forensics.errors import ForensicsError, UsageError

FAST = ("rounding",)
PLAN = WindowPlan(groups=((64, 72), (96,)), seed=4)


@pytest.fixture
def rows(tiny_dataset) -> list[manifest.Row]:
    return [row for row in manifest.read(tiny_dataset) if row.split == "train" and carries_its_label(row)]


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(features, "PART_FILES", 5)


def assert_equal(first, second) -> None:
    for name in first.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), strict=True)


def ramp(height: int, width: int) -> np.ndarray:
    """Pixels that tell their own place: row in red, column in green."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y, x, 0 * x], axis=2).astype(np.uint8)


def place(window: np.ndarray) -> tuple[int, int]:
    return int(window[0, 0, 0]), int(window[0, 0, 1])


def test_random_windows_have_a_drawn_size_and_any_offset(rows):
    pixels = ramp(150, 200)
    plan = WindowPlan(groups=((64, 72), (96,)), seed=0)
    cuts = [cut_windows(pixels, replace(rows[0], id=str(k)), plan) for k in range(300)]
    assert {first.shape[:2] for first, _ in cuts} == {(64, 64), (72, 72)}
    assert {second.shape[:2] for _, second in cuts} == {(96, 96)}
    tops, lefts = zip(*(place(second) for _, second in cuts))
    assert (min(tops), max(tops)) == (0, 150 - 96)
    assert (min(lefts), max(lefts)) == (0, 200 - 96)
    assert {top % 8 for top in tops} == set(range(8))
    for window in cuts[0]:
        top, left = place(window)
        assert np.array_equal(window, pixels[top : top + len(window), left : left + len(window)])
        assert np.shares_memory(window, pixels)


def test_centred_windows_lie_in_the_centre_and_large_ones_shrink(rows):
    plan = WindowPlan(groups=((100,), (1000,)), centred=True)
    small, large = cut_windows(ramp(151, 200), rows[0], plan)
    assert (small.shape, place(small)) == ((100, 100, 3), (25, 50))
    assert (large.shape, place(large)) == ((151, 151, 3), (0, 24))


def test_windows_depend_on_seed_and_file_alone(rows):
    pixels = ramp(200, 200)

    def places(row, plan):
        return [(*place(window), len(window)) for window in cut_windows(pixels, row, plan)]

    assert places(rows[0], PLAN) == places(replace(rows[0], reason="x"), PLAN)
    assert places(rows[0], PLAN) != places(rows[1], PLAN)
    assert places(rows[0], PLAN) != places(rows[0], replace(PLAN, seed=5))


def test_rows_of_a_table_are_the_windows_measured_one_by_one(tiny_dataset, rows, tmp_path):
    table = build_table(tiny_dataset, "train", plan=PLAN, jobs=1, cache=tmp_path, families=FAST)
    extractor, index = FeatureExtractor(FAST), 0
    for row in rows:
        for window in cut_windows(patches.load_pixels(tiny_dataset, row), row, PLAN):
            np.testing.assert_array_equal(table.features[index], extractor.vector(np.array(window)))
            assert FINE_CLASSES[table.labels[index]] == row.fine_class
            assert (table.sources[index], table.files[index]) == (row.source, row.id)
            if row.fine_class == "uncompressed":
                assert np.isnan([table.log2_ratio[index], table.ssim[index]]).all()
            else:
                assert 2.0 ** table.log2_ratio[index] == pytest.approx(row.ratio, rel=1e-5)
                assert table.ssim[index] == pytest.approx(row.ssim, rel=1e-6)
            index += 1
    assert len(table.labels) == index == 2 * len(rows)
    assert table.features.dtype == table.ssim.dtype == np.float32


def test_the_number_of_processes_and_the_size_of_parts_change_nothing(tiny_dataset, tmp_path, monkeypatch):
    whole = build_table(tiny_dataset, "val", plan=PLAN, jobs=1, cache=tmp_path / "a", families=FAST)
    monkeypatch.setattr(features, "PART_FILES", 3)
    parts = build_table(tiny_dataset, "val", plan=PLAN, jobs=2, cache=tmp_path / "b", families=FAST)
    assert len(list((tmp_path / "b").rglob("part-*.npz"))) > 2
    assert_equal(whole, parts)


def test_parts_that_stand_are_not_measured_again(tiny_dataset, tmp_path, small_parts, monkeypatch):
    said: list[tuple[int, int]] = []

    def table():
        said.clear()
        return build_table(
            tiny_dataset, "train", plan=PLAN, jobs=1, cache=tmp_path, families=FAST,
            progress=lambda done, total: said.append((done, total)),
        )  # fmt: skip

    first = table()
    parts = sorted(tmp_path.rglob("part-*.npz"))
    count = len(parts)
    assert count > 3
    assert said == [(done, count) for done in range(count + 1)]
    stamps = {path: path.stat().st_mtime_ns for path in parts}
    parts[1].unlink()
    parts[3].unlink()
    remnant = parts[1].with_name(f".part-{2**22 + 1}-{parts[1].name}")  # above the largest number of a process
    remnant.write_bytes(b"PK\x03\x04 half a part")
    assert_equal(table(), first)
    assert said == [(done, count) for done in range(count - 2, count + 1)]
    assert not remnant.exists()
    assert {path for path in parts if path.stat().st_mtime_ns != stamps[path]} == {parts[1], parts[3]}
    monkeypatch.setattr(patches, "load_pixels", None)
    assert_equal(table(), first)


def test_an_interrupt_keeps_the_parts_that_are_done(tiny_dataset, tmp_path, small_parts, monkeypatch):
    load, calls = patches.load_pixels, []

    def interrupted(folder, row):
        calls.append(row.id)
        if len(calls) == 13:
            raise KeyboardInterrupt
        return load(folder, row)

    arguments = {"plan": PLAN, "jobs": 1, "cache": tmp_path / "cut", "families": FAST}
    with monkeypatch.context() as patch:
        patch.setattr(patches, "load_pixels", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build_table(tiny_dataset, "train", **arguments)
    assert len(list((tmp_path / "cut").rglob("part-*.npz"))) == 2
    resumed = build_table(tiny_dataset, "train", **arguments)
    assert_equal(resumed, build_table(tiny_dataset, "train", **{**arguments, "cache": tmp_path / "whole"}))


def test_a_failure_in_a_worker_names_the_part_and_the_reason(tiny_dataset, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_dataset, broken, ignore=shutil.ignore_patterns("features"))
    row = next(row for row in manifest.read(broken) if row.fine_class == "webp" and row.split == "val")
    (broken / row.file).write_bytes(b"no picture")
    with pytest.raises(ForensicsError, match=r"measuring part-00000\.npz failed: \w+"):
        build_table(broken, "val", plan=PLAN, jobs=1, families=FAST)
    assert not list(broken.rglob("part-*.npz"))


def test_the_key_follows_everything_that_decides_a_table(rows):
    key = table_key(rows, PLAN, FAST)
    assert key == table_key(list(rows), replace(PLAN), list(FAST))
    others = [
        table_key(rows, replace(PLAN, seed=5), FAST),
        table_key(rows, replace(PLAN, centred=True), FAST),
        table_key(rows, replace(PLAN, groups=((64,),)), FAST),
        table_key(rows, PLAN, FAMILIES),
        table_key(rows[1:], PLAN, FAST),
        table_key([replace(rows[0], pixels_sha256="0"), *rows[1:]], PLAN, FAST),
        table_key(rows[::-1], PLAN, FAST),
    ]
    assert len({key, *others}) == 1 + len(others)


def test_another_version_of_the_features_is_another_table(rows, monkeypatch):
    key = table_key(rows, PLAN, FAST)
    monkeypatch.setattr(features, "FEATURES_VERSION", features.FEATURES_VERSION + 1)
    assert table_key(rows, PLAN, FAST) != key


def test_rows_that_lost_nothing_or_have_no_file_are_left_out(tiny_dataset, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(tiny_dataset, folder)
    all_rows = manifest.read(folder)
    lossless = next(row for row in all_rows if row.split == "val" and row.fine_class == "jpeg2000")
    manifest.write(folder, [replace(row, psnr=float("inf")) if row is lossless else row for row in all_rows])
    table = build_table(folder, "val", plan=PLAN, jobs=1, families=FAST)
    val = [row for row in all_rows if row.split == "val"]
    absent = {row.id for row in val if row.status != "ok"}
    assert absent
    assert set(table.files) == {row.id for row in val} - absent - {lossless.id}
    assert {row.id for row in val if row.fine_class == "uncompressed"} <= set(table.files)


def test_parts_lie_beside_the_data_set_unless_told(tiny_dataset, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(tiny_dataset, folder, ignore=shutil.ignore_patterns("features"))
    build_table(folder, "val", plan=PLAN, jobs=1, families=FAST)
    assert {path.parent.parent for path in folder.rglob("part-*.npz")} == {folder / "features"}


@pytest.mark.parametrize("split", ["test", ""])
def test_an_empty_split_is_one_clear_line(tiny_dataset, split, tmp_path):
    with pytest.raises(UsageError, match=f"holds no file of the split '{split}'"):
        build_table(tiny_dataset, split, plan=PLAN, jobs=1, cache=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_without_a_manifest_is_one_clear_line(tmp_path: Path):
    with pytest.raises(UsageError, match=r"manifest\.csv"):
        build_table(tmp_path, "train", plan=PLAN, jobs=1)
