"""`forensics map`: files, formats, exit codes, and bad input as one line."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.calling import call


@pytest.fixture(autouse=True)
def fakes(shipped_fakes):
    return shipped_fakes


@pytest.fixture
def image(tmp_path, scene):
    path = tmp_path / "a.png"
    Image.fromarray(scene).save(path)
    return path


def test_text_and_files(image, tmp_path, capsys):
    assert call("map", image, "--out", tmp_path / "out") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"{image}  110x90, 6 windows of 64 pixels, 32 apart\n  host        JPEG\n  regions     none")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["map.png", "overlay.png", "regions.json"]


def test_json_is_the_written_document(image, tmp_path, capsys):
    assert call("map", image, "-o", tmp_path / "out", "-f", "json", "--side", 80) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "out" / "regions.json").read_text())
    assert document["map"]["side"] == 80
    assert document["features"] == []


def test_the_step_and_the_limit(image, tmp_path, capsys):
    assert call("map", image, "-o", tmp_path / "out", "-f", "json", "--limit", 4, "--side", 64) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["map"]["tops"]) * len(document["map"]["lefts"]) <= 4
    assert "so that no more than 4 are judged" in document["map"]["notes"][0]


def test_a_changed_tone_is_undone_and_noted(tmp_path, capsys):
    rng = np.random.default_rng(5)
    levels = np.clip(rng.choice([70, 120, 180], (200, 200, 1)) + rng.normal(0, 24, (200, 200, 3)), 0, 255)
    path = tmp_path / "a.png"
    Image.fromarray(np.rint(255 * (np.rint(levels) / 255) ** 0.8).astype(np.uint8)).save(path)
    assert call("map", path, "-o", tmp_path / "out") == 0
    assert "brightness or contrast was changed after decoding" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_bad_input_is_one_line(tmp_path, capsys, content):
    (tmp_path / "bad.png").write_bytes(content)
    assert call("map", tmp_path / "bad.png", "-o", tmp_path / "out") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"forensics: error: {tmp_path / 'bad.png'}: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_missing_small_and_large_pictures(image, tmp_path, capsys):
    assert call("map", tmp_path / "none.png", "-o", tmp_path / "out") == 2
    Image.fromarray(np.zeros((63, 200), np.uint8)).save(tmp_path / "small.png")
    assert call("map", tmp_path / "small.png", "-o", tmp_path / "out") == 2
    assert call("map", image, "-o", tmp_path / "out", "--max-pixels", 100) == 2
    assert capsys.readouterr().err.count("\n") == 3


def test_wrong_usage(image, tmp_path, capsys):
    assert call("map", image) == 1
    assert call("map", image, "-o", tmp_path / "out", "--step", 16) == 1
    assert call("map", image, "-o", tmp_path / "out", "--side", 32) == 1
    assert call("map", image, "-o", image) == 1
    assert capsys.readouterr().err.count("\n") == 4


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from forensics.cli.main import run\n"
        "try: run(['map', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numba', 'onnxruntime', 'matplotlib', 'imagecodecs', 'PIL', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--step" in done.stdout
