"""What a folder holds and is not analysed is counted and named with its reason, and `--all` tries it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forensics.errors import PictureError, UsageError
from forensics.inputs import Skipped, expand
from forensics.pictures.opened import open_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    picture = home / "a.png"
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(picture)
    (home / "unnamed").write_bytes(picture.read_bytes())
    (home / "wrong.txt").write_bytes(picture.read_bytes())
    (home / "deep" / "b.PNG").write_bytes(picture.read_bytes())
    (home / "notes.txt").write_text("notes")
    (home / "empty").touch()
    (home / ".part-12345-x.png").write_bytes(b"half")
    (home / "gone.png").symlink_to("nowhere.png")
    (home / "loop").symlink_to("loop")
    (home / "deep" / "up").symlink_to(home)
    os.mkfifo(home / "pipe.png")
    return home


def names(found: list[str], folder: Path) -> list[str]:
    return [str(Path(path).relative_to(folder)) for path in found]


def test_content_decides_in_folders_and_what_is_left_is_named(folder):
    skipped = Skipped()
    found = expand([str(folder)], recursive=True, skipped=skipped)
    assert names(found, folder) == ["a.png", "deep/b.PNG", "unnamed", "wrong.txt"]
    assert {reason: names(paths, folder) for reason, paths in skipped.paths.items()} == {
        "no picture by name or content": ["empty", "notes.txt"],
        "a link that leads nowhere": ["gone.png", "loop"],
        "a link to a folder": ["deep/up"],
        "a pipe, socket or device": ["pipe.png"],
    }
    assert skipped.text().startswith("skipped 6 in folders: ")
    assert skipped.text().endswith("--all tries everything")


def test_everything_is_tried_on_demand_and_no_link_is_followed_twice(folder):
    skipped = Skipped()
    found = names(expand([str(folder)], recursive=True, every=True, skipped=skipped), folder)
    assert {"notes.txt", "empty", "gone.png", "loop", "pipe.png", "a.png"} <= set(found)
    assert len(found) == len(set(found)) == 9
    assert skipped.paths == {"a link to a folder": [str(folder / "deep" / "up")]}


def test_a_folder_of_other_things_says_what_it_holds(folder):
    (folder / "deep" / "b.PNG").write_bytes(b"")
    (folder / "deep" / "b.PNG").rename(folder / "deep" / "b.doc")
    with pytest.raises(UsageError, match=r"holds no picture file.*1 no picture by name or content"):
        expand([str(folder / "deep")])


@pytest.mark.parametrize("name", ["n" * 300, "a\0b", "a/" * 3000])
def test_names_that_no_system_takes_are_inputs_that_fail(name):
    assert expand([name]) == [name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_told(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0)
    skipped = Skipped()
    expand([str(folder)], recursive=True, skipped=skipped)
    assert skipped.unread_folders == 1
    assert expand([str(closed / "x.png")]) == [str(closed / "x.png")]


def test_the_command_tells_at_its_end(folder):
    command = [sys.executable, "-m", "forensics", "analyze", str(folder), "-r", "-f", "csv", "--model", "baseline"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 5
    assert done.stderr.splitlines()[-1].startswith("forensics: skipped 6 in folders: 2 a link that leads nowhere (")


def test_an_empty_name_is_not_the_folder_one_is_in():
    with pytest.raises(UsageError, match="an empty name is no file"):
        expand([""], recursive=True)
    with pytest.raises(PictureError, match="an empty name is no file"):
        open_picture("")


def test_a_folder_without_pictures_fails_alone(folder):
    barren = folder / "barren"
    barren.mkdir()
    (barren / "notes.txt").write_text("notes")
    skipped = Skipped()
    found = expand([str(barren), str(folder / "*.tif"), str(folder / "a.png")], skipped=skipped)
    assert names(found, folder) == ["barren", "*.tif", "a.png"]
    assert skipped.paths == {"no picture by name or content": [str(barren / "notes.txt")]}
    with pytest.raises(UsageError, match="holds no picture file"):
        expand([str(barren), str(folder / "*.tif")])


def test_the_command_goes_on_after_a_folder_without_pictures(folder):
    barren = folder / "barren"
    barren.mkdir()
    command = [sys.executable, "-m", "forensics", "features", str(barren), str(folder / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    assert done.stdout.count("\n") == 2
    assert done.stderr.startswith(f"forensics: error: {barren}: is a folder, not a picture, and holds none")
