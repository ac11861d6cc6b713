"""Benchmarks of reconstruction beyond the table of blocks: patches, and JPEG files as they are."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from forensics_benchmarks import foreign_jpegs, other_decoders, patched_blocks, reconstruction
from forensics_benchmarks.cli import command
from PIL import Image

from forensics.errors import UsageError
from tests.reconstruction.scenes import jpeg_file, scene


@pytest.mark.heavy
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
    assert foreign_jpegs.table(rows).splitlines()[2].startswith("| file | 1 | 1 | 1 | 100.00% |")


def test_a_file_is_given_up_after_its_time(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(jpeg_file(scene(5, 128, 160), 80))

    def endless(pixels, seconds):
        while True:
            pass

    monkeypatch.setattr(foreign_jpegs, "reconstruct", endless)
    (row,) = foreign_jpegs.found([tmp_path / "a.jpg"], side=160, seconds=0.05)
    assert (row.same, row.exact, row.said) == (0, False, "given up after 0.1 s")
    assert row.blocks == 320


def test_files_with_the_tables_of_another_are_left_out(tmp_path):
    for name, quality, subsampling in (("a", 80, "4:2:0"), ("b", 80, "4:2:0"), ("c", 80, "4:4:4"), ("d", 70, "4:2:0")):
        (tmp_path / f"{name}.jpg").write_bytes(jpeg_file(scene(5, 72, 72), quality, subsampling))
    rows = foreign_jpegs.found(sorted(tmp_path.iterdir()), side=72, each_table_once=True)
    assert [row.name for row in rows] == ["a.jpg", "c.jpg", "d.jpg"]


def test_nothing_is_called_changed_where_nobody_touched_it(tmp_path):
    Image.fromarray(scene(6, 120, 140)).save(tmp_path / "a.png")
    (row,) = patched_blocks.unretouched([tmp_path / "a.png"], side=96)
    assert (row.side, row.blocks, row.pixels, row.said) == (0, (0, 0, 0), (0, 0, 0), "")


def test_pictures_are_put_together_of_parts_in_rows(tmp_path):
    paths = [tmp_path / f"{k}.png" for k in range(5)]
    for k, path in enumerate(paths):
        Image.fromarray(np.full((40, 30, 3), 50 * k, np.uint8)).save(path)
    ((name, pixels),) = reconstruction.cut_pictures(paths, side=100, together=4, contrast=0.5)
    assert name == "0.png and 3 more"
    assert pixels.shape == (100, 100, 3)
    corners = [pixels[0, 0, 0], pixels[0, 99, 0], pixels[99, 0, 0], pixels[99, 99, 0]]
    assert corners == [np.rint(127.5 + 0.5 * (50 * k - 127.5)) for k in range(4)]
    with pytest.raises(UsageError, match="square number"):
        list(reconstruction.cut_pictures(paths, side=100, together=2))


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:1:1"])
def test_other_decoders_are_tried_on_coefficients_made_here(tmp_path, subsampling):
    Image.fromarray(scene(3, 128, 160)).save(tmp_path / "a.png")
    rows = list(
        other_decoders.measured([tmp_path / "a.png"], (75,), (subsampling,), side=160, offset=(3, 5), only="Go")
    )
    assert [row.named for row in rows] == ["Go image/jpeg"]
    assert rows[0].blocks == rows[0].same == 15 * 19
    assert (
        other_decoders.table(rows).splitlines()[2].startswith(f"| Go image/jpeg | {subsampling} | 75 | 1 | 285 of 285")
    )


def test_the_command_takes_a_part_and_its_options(tmp_path):
    Image.fromarray(scene(3, 128, 160)).save(tmp_path / "a.png")
    options = ["--side", "128", "--qualities", "75", "--subsamplings", "grey"]
    said = CliRunner().invoke(command, ["reconstruct", str(tmp_path), *options])
    assert said.exit_code == 0
    assert "| grey | 75 | 1 | 100.000% |" in said.output
