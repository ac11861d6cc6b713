"""No output does harm: inputs stay whatever they are called, pictures stay without --force, devices and links are what
they were.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forensics.destinations import Destinations
from forensics.errors import UsageError
from tests.calling import call


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(values).save(path)
    return path


def names_of(picture: Path) -> dict[str, Path]:
    """The same file by other names."""
    folder = picture.parent
    (folder / "link.png").symlink_to(picture.name)
    os.link(picture, folder / "hard.csv")
    (folder / "sub").mkdir()
    (folder / "folder").symlink_to(folder)
    return {
        "itself": picture, "relative": Path("a.png"), "dot": Path("./sub/../a.png"), "link": folder / "link.png",
        "hard link": folder / "hard.csv", "through a linked folder": folder / "folder" / "a.png",
    }  # fmt: skip


COMMANDS = {
    "analyze --out": lambda source, out: ("analyze", source, "--out", out, "--force"),
    "analyze --report": lambda source, out: ("analyze", source, "--report", out, "--force"),
    "features --out": lambda source, out: ("features", source, "--out", out, "--force"),
    "compress OUT": lambda source, out: ("compress", source, out, "--codec", "jpeg", "--force"),
    "compress --decoded": lambda source, out: ("compress", source, "x.jpg", "--decoded", out, "--force"),
    "audit --out": lambda source, out: ("audit", Path(source).parent, "--out", out, "--force"),
    "audit --plot": lambda source, out: ("audit", Path(source).parent, "--plot", out, "--force"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_output_replaces_an_input_by_whatever_name(picture, capsys, command):
    before = picture.read_bytes()
    for kind, name in names_of(picture).items():
        assert call(*COMMANDS[command](picture, name)) == 1, kind
        said = capsys.readouterr().err
        assert said.startswith("forensics: error: ")
        assert said.count("\n") == 1
        refused_otherwise = command == "compress --decoded" and name.suffix == ".csv" and "saved as" in said
        assert "is an input" in said or refused_otherwise, kind
        assert picture.read_bytes() == before
        assert name.is_symlink() is (kind == "link")
    assert not (picture.parent / "x.jpg").exists()


def test_standard_input_is_an_input(picture):
    before = picture.read_bytes()
    command = [sys.executable, "-m", "forensics", "analyze", "-", "--out", "a.png", "--force"]
    with picture.open("rb") as stream:
        done = subprocess.run(command, stdin=stream, capture_output=True, text=True, timeout=120)
    assert (done.returncode, picture.read_bytes()) == (1, before)
    assert "is an input" in done.stderr


def test_a_map_replaces_neither_the_input_nor_a_picture(picture, capsys):
    source = picture.rename(picture.with_name("map.png"))
    before = source.read_bytes()
    assert call("map", source, "--out", ".", "--force") == 1
    assert "is an input" in capsys.readouterr().err
    other = picture.parent / "out" / "overlay.png"
    other.parent.mkdir()
    other.write_bytes(before)
    assert call("map", source, "--out", "out") == 1
    assert "--force replaces it" in capsys.readouterr().err
    assert source.read_bytes() == other.read_bytes() == before


def test_figures_replace_neither_the_input_nor_a_picture(picture, capsys):
    source = picture.rename(picture.with_name("01_colour_lattice.png"))
    before = source.read_bytes()
    assert call("analyze", source, "--plots", ".", "--force") == 1
    assert "is an input" in capsys.readouterr().err
    (picture.parent / "plots").mkdir()
    (picture.parent / "plots" / "map.png").write_bytes(before)
    assert call("analyze", source, "--plots", "plots") == 1
    assert "--force replaces it" in capsys.readouterr().err
    assert source.read_bytes() == before


@pytest.mark.parametrize("name", ["b.png", "b.csv"])
def test_an_existing_picture_stays_by_suffix_and_by_content(picture, capsys, name):
    other = picture.parent / name
    other.write_bytes(picture.read_bytes())
    assert call("analyze", picture, "--out", name) == 1
    assert "is a picture that exists; --force replaces it" in capsys.readouterr().err
    assert other.read_bytes() == picture.read_bytes()


def test_a_pattern_after_out_costs_no_picture(picture, capsys):
    others = [picture.with_name(name) for name in ("b.png", "c.png")]
    for other in others:
        other.write_bytes(picture.read_bytes())
    before = picture.read_bytes()
    assert call("analyze", "-o", picture, *others) == 1  # what a shell makes of -o *.png
    assert "--force replaces it" in capsys.readouterr().err
    assert picture.read_bytes() == before


def test_force_replaces_a_picture_and_a_table_needs_none(picture):
    other = picture.with_name("b.png")
    other.write_bytes(picture.read_bytes())
    Destinations([picture], force=True).file(other)
    table = picture.with_name("t.csv")
    table.write_text("name\n")
    Destinations([picture]).file(table)


def test_two_outputs_are_two_files(picture, capsys):
    assert call("audit", picture.parent, "--out", "x", "--plot", "./x") == 1
    assert "two outputs are to be the same file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n" * 256 + ".csv", "File name too long"),
        ("no/x.csv", "there is no folder"),
        ("a.png/x.csv", "there is no folder"),
        ("loop/x.csv", "there is no folder"),
        ("loop", "cannot write"),
        (".", "is a folder"),
    ],
)
def test_what_cannot_be_written_is_said_at_once(picture, name, message):
    (picture.parent / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match=message):
        Destinations([picture]).file(Path(name))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said_at_once(picture):
    closed = picture.parent / "closed"
    closed.mkdir(mode=0o555)
    with pytest.raises(UsageError, match="Permission denied"):
        Destinations([picture]).file(closed / "x.csv")
    with pytest.raises(UsageError, match="Permission denied"):
        Destinations([picture]).folder(closed / "new" / "folder")


def test_the_longest_name_there_is_can_be_written(picture):
    from forensics_models.storage import write_atomically

    path = picture.parent / ("n" * 251 + ".csv")
    Destinations([picture]).file(path)
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"


FORMS = {
    "analyze": ("analyze", "a.png", "-f", "json", "--out"),
    "features": ("features", "a.png", "--out"),
}


@pytest.mark.parametrize("form", FORMS)
def test_devices_stay_devices(picture, form):
    assert call(*FORMS[form], "/dev/null") == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("form", FORMS)
def test_a_named_pipe_is_written_to(picture, form):
    os.mkfifo("pipe.csv")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe.csv").read_text()))
    reader.start()
    assert call(*FORMS[form], "pipe.csv") == 0
    reader.join(timeout=60)
    assert "a.png" in read[0]
    assert stat.S_ISFIFO(os.stat("pipe.csv").st_mode)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("there", [True, False])
def test_a_link_leads_to_the_file_that_is_replaced(picture, form, there):
    (picture.parent / "sub").mkdir()
    target = picture.parent / "sub" / "target.csv"
    if there:
        target.write_text("old")
        target.chmod(0o600)
    Path("link.csv").symlink_to(target)
    assert call(*FORMS[form], "link.csv") == 0
    assert Path("link.csv").is_symlink()
    assert "a.png" in target.read_text()
    assert not there or stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["target.csv"]


def test_an_open_descriptor_is_written_to_where_it_stands(picture):
    with open("log.txt", "ab") as stream:
        stream.write(b"before\n")
        stream.flush()
        command = [sys.executable, "-m", "forensics", "analyze", "a.png", "-f", "csv", "--out", "/dev/stdout"]
        subprocess.run(command, stdout=stream, check=True, timeout=120)
        stream.write(b"after\n")
    lines = Path("log.txt").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert len(lines) == 4


def test_a_page_and_compressed_files_go_to_devices_and_through_links(picture):
    assert call("analyze", "a.png", "--report", "/dev/null", "--no-history", "--no-map") == 0
    assert call("compress", "a.png", "/dev/null", "--codec", "jpeg") == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    Path("x.jpg").symlink_to("real.jpg")
    assert call("compress", "a.png", "x.jpg") == 0
    assert Path("x.jpg").is_symlink()
    assert Path("real.jpg").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["survey", "a.png", "--out"],
        ["train", "exact", ".", "--out"],
        ["train", "fusion", ".", "--models", ".", "--out"],
        ["dataset", "drawings", "."],
        ["bench", "verdicts", ".", "--out"],
    ],
)
def test_a_folder_is_named_and_can_be_written_before_any_work(picture, capsys, arguments):
    assert call(*arguments, "-") == 1
    assert "is not standard output" in capsys.readouterr().err
    assert call(*arguments, "a.png") in (1, 2)
    assert capsys.readouterr().err.rstrip().count("\n") <= 3
    assert sorted(os.listdir()) == ["a.png"]


def test_a_dash_is_standard_output_or_refused(picture, capsys):
    assert call("features", "a.png", "--out", "-") == 0
    assert capsys.readouterr().out.startswith("name,sha256,")
    assert call("map", "a.png", "--out", "-") == 1
    assert call("compress", "a.png", "-", "--codec", "jpeg", "--ratio", "8") == 1
    assert "is not standard output" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["a.png"]
