"""The lattice: where windows stand, how many there are, and which pixels are whose."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.errors import PictureError, UsageError
from forensics.localisation.scan import SIDES, evidence_weight, fitting, places, window_map


@pytest.mark.parametrize("length", [64, 65, 96, 100, 449, 576, 1000])
def test_windows_reach_from_end_to_end(length):
    found = places(length, 64, 32)
    assert found[0] == 0
    assert found[-1] == length - 64
    assert max(np.diff(found), default=0) <= 32
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (576, 576), (3000, 4000), (20000, 5000)])
@pytest.mark.parametrize("limit", [9, 100, 1024])
def test_the_limit_holds_and_the_step_is_not_larger_than_needed(height, width, limit):
    def count(side, step):
        return len(places(height, min(side, height), step)) * len(places(width, min(side, width), step))

    side, step = fitting(height, width, None, 32, limit)
    assert count(side, step) <= limit
    assert side in SIDES
    assert side >= min(2 * step, SIDES[-1])
    if step > 32:
        assert count(64, 32) > limit
        smaller = int(step / 1.05)
        assert count(next((s for s in SIDES if s >= 2 * smaller), SIDES[-1]), smaller) > 0.8 * limit


def test_a_limit_of_one_window_needs_a_small_picture():
    assert fitting(256, 256, 256, 32, 1) == (256, 32)
    with pytest.raises(UsageError, match="too few"):
        fitting(1000, 1000, None, 32, 1)


def test_a_map_of_fakes(fake_extractor, fake_judge, scene):
    scanned = window_map(scene, judge=fake_judge(webp=0.9), extractor=fake_extractor, threads=1, all_windows=True)
    assert scanned.shape == (2, 3)
    assert [piece.shape for piece in fake_extractor.given] == [(64, 64, 3)] * 6
    for row in range(2):
        for column in range(3):
            window = scanned.window(row, column)
            assert (window.cut(scene) == fake_extractor.given[3 * row + column]).all()
    assert np.allclose(scanned.probabilities.sum(axis=2), 1)
    assert (scanned.best == 5).all()
    assert scanned.grid_votes is None
    assert scanned.notes == ()


def test_threads_change_nothing(fake_extractor, fake_judge, scene):
    one, two = (window_map(scene, judge=fake_judge(jpeg=0.9), extractor=fake_extractor, threads=n) for n in (1, 2))
    assert (one.fine_probabilities == two.fine_probabilities).all()
    assert (one.grid_votes == two.grid_votes).all()


def test_cells_tile_the_picture_and_hold_their_windows_centres(codec_map):
    scanned = codec_map(np.full((5, 7), "webp", dtype="<U12"))
    rows, columns = scanned.row_edges(), scanned.column_edges()
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (0, scanned.height, 0, scanned.width)
    assert ((rows[:-1] <= scanned.tops + 32) & (scanned.tops + 32 <= rows[1:])).all()
    cells = np.arange(35).reshape(5, 7)
    spread = scanned.to_pixels(cells)
    assert spread.shape == (scanned.height, scanned.width)
    assert (spread[scanned.tops[:, None] + 31, scanned.lefts[None] + 31] == cells).all()


def test_small_and_deep_and_grey_pictures(fake_extractor, fake_judge):
    deep = np.full((64, 70), 40000, np.uint16)
    deep[::2] += 3000
    scanned = window_map(deep, side=128, judge=fake_judge(webp=0.9), extractor=fake_extractor)
    assert scanned.shape == (1, 1)
    assert scanned.window(0, 0) == (0, 0, 64, 70)
    assert fake_extractor.given[0].dtype == np.uint8
    assert scanned.evidence[0, 0] > 0.9


def test_notes_say_what_was_left_out(fake_extractor, fake_judge):
    picture = np.zeros((700, 700), np.uint8)
    scanned = window_map(picture, limit=4, judge=fake_judge(webp=0.9), extractor=fake_extractor)
    assert scanned.shape[0] * scanned.shape[1] <= 4
    assert "pixels apart instead of 32" in scanned.notes[0]
    assert "not looked at" in scanned.notes[1]


@pytest.mark.parametrize("bad", [{"side": 63}, {"step": 31}, {"limit": 0}])
def test_bad_settings_are_refused(bad, fake_extractor, fake_judge, scene):
    with pytest.raises(UsageError):
        window_map(scene, judge=fake_judge(), extractor=fake_extractor, **bad)


def test_a_picture_too_small_is_refused(fake_extractor, fake_judge):
    with pytest.raises(PictureError, match="100x63"):
        window_map(np.zeros((63, 100), np.uint8), judge=fake_judge(), extractor=fake_extractor)


def test_what_a_window_can_tell():
    flat = np.full((64, 64), 90, np.uint8)
    assert evidence_weight(flat) == 0
    assert evidence_weight(np.full((64, 64, 3), 255, np.uint8)) == 0
    noise = np.random.default_rng(1)
    values = [evidence_weight((90 + noise.integers(0, span, (64, 64))).astype(np.uint8)) for span in (2, 4, 20)]
    assert values == sorted(values)
    assert values[-1] > 0.9
    clipped = np.where(np.arange(64) % 2, 255, 0).astype(np.uint8) * np.ones((64, 1), np.uint8)
    assert evidence_weight(clipped) == 0
