"""Patches kept on disk: what is cut, what resuming does, and what names a cache."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from forensics_models.classes import FINE_CLASSES

from forensics.dataset import manifest, patch_cache, patches
from forensics.dataset.features import carries_its_label
from forensics.dataset.patch_cache import PatchPlan, build_patches, patches_key
from forensics.errors import UsageError

PLAN = PatchPlan(side=96, seed=4, decoders="usual")


@pytest.fixture
def rows(tiny_dataset) -> list[manifest.Row]:
    return [row for row in manifest.read(tiny_dataset) if row.split == "train" and carries_its_label(row)]


def test_patches_are_cut_from_their_files(tiny_dataset, rows, tmp_path):
    table = build_patches(tiny_dataset, "train", plan=PLAN, jobs=1, cache=tmp_path)
    assert table.files.tolist() == [row.id for row in rows]
    for place in (0, len(rows) // 2, len(rows) - 1):
        row, patch = rows[place], table.pixels[place]
        assert patch.shape == (96, 96, 3)
        assert table.labels[place] == FINE_CLASSES.index(row.fine_class)
        picture = patches.load_pixels(tiny_dataset, row)
        picture = np.repeat(picture[:, :, None], 3, axis=2) if picture.ndim == 2 else picture
        views = np.lib.stride_tricks.sliding_window_view(picture, (96, 96, 3))[:, :, 0]
        assert (views == patch).all(axis=(2, 3, 4)).any()
        if row.fine_class == "uncompressed":
            assert np.isnan(table.log2_ratio[place])
        else:
            assert table.log2_ratio[place] == pytest.approx(np.log2(row.ratio), rel=1e-5)


def test_a_cache_goes_on_and_is_read_back_the_same(tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(patch_cache, "PART_FILES", 4)
    first = build_patches(tiny_dataset, "train", plan=PLAN, jobs=1, cache=tmp_path)
    parts = sorted(tmp_path.rglob("part-*.npz"))
    kept = parts[0].stat().st_mtime_ns
    parts[1].unlink()
    seen = []
    again = build_patches(
        tiny_dataset,
        "train",
        plan=PLAN,
        jobs=1,
        cache=tmp_path,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(len(parts) - 1, len(parts)), (len(parts), len(parts))]
    assert parts[0].stat().st_mtime_ns == kept
    assert all(np.array_equal(first.pixels[place], again.pixels[place]) for place in range(len(first)))
    np.testing.assert_array_equal(first.files, again.files)
    assert not list(tmp_path.rglob(".part-*"))


def test_processes_give_the_same(tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(patch_cache, "PART_FILES", 8)
    one = build_patches(tiny_dataset, "val", plan=PLAN, jobs=1, cache=tmp_path / "one")
    two = build_patches(tiny_dataset, "val", plan=PLAN, jobs=2, cache=tmp_path / "two")
    assert all(np.array_equal(one.pixels[place], two.pixels[place]) for place in range(len(one)))


def test_pixels_stay_on_disk(tiny_dataset, tmp_path):
    table = build_patches(tiny_dataset, "val", plan=PLAN, jobs=1, cache=tmp_path)
    assert isinstance(table.pixels[0], np.memmap)


def test_everything_that_changes_a_patch_changes_the_name(rows):
    names = {
        patches_key(rows, PLAN),
        patches_key(rows[1:], PLAN),
        patches_key(rows, replace(PLAN, side=64)),
        patches_key(rows, replace(PLAN, seed=5)),
        patches_key(rows, replace(PLAN, per_file=2)),
        patches_key(rows, replace(PLAN, decoders="varied")),
        patches_key([replace(rows[0], pixels_sha256="0"), *rows[1:]], PLAN),
    }
    assert len(names) == 7
    assert patches_key(list(rows), PatchPlan(side=96, seed=4, decoders="usual")) in names


def test_pictures_smaller_than_a_patch_are_left_out(tiny_dataset, tmp_path):
    with pytest.raises(UsageError, match="no picture of 4000 pixels"):
        build_patches(tiny_dataset, "val", plan=replace(PLAN, side=4000), jobs=1, cache=tmp_path)


def test_an_unknown_split_is_an_error_of_one_line(tiny_dataset, tmp_path):
    with pytest.raises(UsageError, match="'test'"):
        build_patches(tiny_dataset, "test", plan=PLAN, jobs=1, cache=tmp_path)
