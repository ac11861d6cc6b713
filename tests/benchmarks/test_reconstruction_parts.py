"""Benchmarks of reconstruction beyond the table of blocks: patches, and JPEG files as they are."""

from __future__ import annotations

import numpy as np
from forensics_benchmarks import foreign_jpegs, patched_blocks
from PIL import Image

from tests.reconstruction.scenes import jpeg_file, scene


def test_patches_are_counted_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr(patched_blocks, "QUALITIES", (75,))
    monkeypatch.setattr(patched_blocks, "SIDES", (32,))
    paths = [tmp_path / f"{seed}.png" for seed in (1, 2)]
    for seed, path in enumerate(paths, 1):
        Image.fromarray(scene(seed, 96, 112)).save(path)
    rows = list(patched_blocks.measured(paths, side=112))
    assert [row.side for row in rows] == [0, 32, 0, 32]
    assert all(row.blocks == (0, 0, 0) and row.pixels == (0, 0, 0) for row in rows if row.side == 0)
    for row in (row for row in rows if row.side):
        assert row.blocks[0] >= 7
        assert row.blocks[1] == 0
    lines = patched_blocks.table(rows).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| 75 | none | 2 | - | - | 0 | 0 |")


def test_every_kind_of_patch_changes_its_place_alone():
    pixels, other = scene(3, 96, 96), scene(4, 96, 96)
    for kind in patched_blocks.KINDS:
        out = patched_blocks.retouched(pixels, other, 32, kind, np.random.default_rng(5))
        rows, columns = np.nonzero((out != pixels).any(axis=2))
        assert len(rows) > 100
        assert np.ptp(rows) < 32
        assert np.ptp(columns) < 32


def test_jpeg_files_are_taken_as_they_are(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg_file(scene(5, 128, 160), 80))
    (tmp_path / "b.jpg").write_bytes(b"nothing")
    rows = list(foreign_jpegs.found([tmp_path / "a.jpg", tmp_path / "b.jpg"], side=160))
    assert rows[0].exact
    assert rows[0].blocks == 320
    assert rows[1].said.startswith("left out")
    assert foreign_jpegs.table(rows).splitlines()[2] == "| file | 1 | 1 | 1 | 100.00% |"
