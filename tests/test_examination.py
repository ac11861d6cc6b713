"""`forensics.examine`: the verdict, the history and the map of a picture in one, the same for every way in."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import forensics
from forensics import examination
from forensics.errors import PictureError
from forensics.examination import Examination, examine, localise
from forensics.history import recover
from forensics.localisation import outputs, scan
from forensics.pictures.opened import from_array
from forensics.results.history import History, Parameter
from forensics.verdict import steps
from tests.calling import call


@pytest.fixture(autouse=True)
def fakes(shipped_fakes):
    return shipped_fakes


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A history that takes no time."""
    found = History((Parameter("quality_factor", 76, 75, 77),), (), (), ("a note",))
    monkeypatch.setattr(recover, "recover_history", lambda pixels, analysis, part=None, tested=None: found)


@pytest.fixture(scope="module")
def large():
    """A noisy picture of more than 256 and fewer than 1024 finest windows."""
    return np.random.default_rng(3).integers(40, 200, (576, 580, 3), dtype=np.uint8)


def test_the_front_door_gives_verdict_history_and_map(scene):
    found = forensics.examine(scene)
    assert isinstance(found, Examination)
    assert found.analysis.verdict == "jpeg"
    assert found.history is found.analysis.history
    assert found.history.notes == ("a note",)
    assert found.localisation.map.shape == (2, 3)
    assert found.notes == ()


def test_what_is_not_asked_for_is_not_made(scene, monkeypatch):
    monkeypatch.setattr(recover, "recover_history", lambda *_: 1 / 0)
    monkeypatch.setattr(scan, "window_map", lambda *_, **__: 1 / 0)
    found = examine(scene, history=False, map=False)
    assert found.history is None
    assert found.localisation is None


def test_a_map_that_fails_is_a_note(scene, monkeypatch):
    monkeypatch.setattr(scan, "window_map", lambda *_, **__: 1 / 0)
    found = examine(scene, history=False)
    assert found.localisation is None
    assert found.notes == ("the map could not be made, please report it: ZeroDivisionError: division by zero",)
    assert found.analysis.verdict == "jpeg"


def test_a_picture_that_cannot_be_analysed_is_refused(tmp_path):
    with pytest.raises(PictureError, match="pixels are too few"):
        examine(np.zeros((20, 200), np.uint8))


def test_everything_is_json_ready(scene):
    document = json.loads(json.dumps(examine(scene, name="a scene").to_dict(), allow_nan=False))
    assert document["verdict"] == "jpeg"
    assert document["history"]["parameters"][0]["value"] == 76
    assert document["map"]["picture"]["name"] == "a scene"
    assert document["notes"] == []
    assert examine(scene, map=False).to_dict()["map"] is None


def test_a_notebook_shows_verdict_and_regions(scene):
    shown = examine(scene)._repr_html_()
    assert "JPEG" in shown
    assert "no region departs from the rest of the picture" in shown
    assert "quality factor" in shown


def test_page_map_command_and_python_look_at_the_same_windows(large, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(steps, "find_sharpening", lambda pixels: None)  # seconds a picture, and no window's business
    path = tmp_path / "a.png"
    Image.fromarray(large).save(path)
    seen = []
    monkeypatch.setattr(
        examination, "localise", lambda *given, **options: seen.append(localise(*given, **options)) or seen[-1]
    )
    examine(path, history=False)
    assert call("map", path, "-o", tmp_path / "map", "-f", "json") == 0
    drawn = json.loads(capsys.readouterr().out)
    assert call("analyze", path, "--report", tmp_path / "a.html", "--no-history") == 0
    python, command, page = (
        outputs.to_dict(found, name=str(path), sha256=drawn["picture"]["sha256"]) for found in seen
    )
    assert python == command == page == drawn
    assert len(drawn["map"]["tops"]) * len(drawn["map"]["lefts"]) > 256


def test_a_changed_tone_is_undone_in_the_map_with_and_without_a_verdict():
    rng = np.random.default_rng(5)
    levels = np.clip(rng.choice([70, 120, 180], (300, 300, 1)) + rng.normal(0, 24, (300, 300, 3)), 0, 255)
    picture = from_array(np.rint(255 * (np.rint(levels) / 255) ** 0.8).astype(np.uint8))
    found = examine(picture, history=False)
    assert found.analysis.tone is not None
    assert found.localisation.map.notes == localise(picture).map.notes
    assert any("brightness or contrast was changed" in note for note in found.localisation.map.notes)
