"""Exact repetition: found at any phase and factor, undone to the sample, and not seen where it is not."""

import numpy as np
import pytest
from forensics_features import repetition
from PIL import Image

NOISE = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)


@pytest.mark.parametrize(("down", "across"), [(2, 2), (3, 5), (1, 4), (7, 1)])
@pytest.mark.parametrize("phase", [0, 1])
def test_whole_factors_at_any_phase(down, across, phase):
    top, left = (phase if down > 1 else 0), (phase if across > 1 else 0)
    found = repetition.find(np.repeat(np.repeat(NOISE, down, 0), across, 1)[top:, left:])
    assert (found.rows is None) == (down == 1)
    assert (found.columns is None) == (across == 1)
    again = repetition.undo(np.repeat(np.repeat(NOISE, down, 0), across, 1)[top:, left:], found)
    np.testing.assert_array_equal(again, NOISE)


@pytest.mark.parametrize("size", [(100, 140), (99, 121), (163, 131)])
@pytest.mark.parametrize("start", [0.5, 0.0])
def test_other_factors_with_places_at_the_middle_or_the_start(size, start):
    rows, columns = (
        ((np.arange(new) + start) * old / new).astype(int) for new, old in zip(size, (90, 70), strict=True)
    )
    enlarged = NOISE[rows][:, columns]
    found = repetition.find(enlarged)
    assert found.columns.old == 70
    native = NOISE if found.rows is not None else NOISE[rows]
    np.testing.assert_array_equal(repetition.undo(enlarged, found), native)


def test_pillow_whose_places_drift_at_whole_numbers():
    enlarged = np.asarray(Image.fromarray(NOISE).resize((105, 135), Image.Resampling.NEAREST))
    np.testing.assert_array_equal(repetition.undo(enlarged, repetition.find(enlarged)), NOISE)


def test_mirrored_and_turned():
    enlarged = np.repeat(np.repeat(NOISE, 2, 0), 3, 1)
    for turned in (enlarged[::-1], enlarged[:, ::-1], np.rot90(enlarged)):
        found = repetition.find(turned)
        assert sorted((found.rows.old, found.columns.old)) == [70, 90]


@pytest.mark.parametrize(
    "picture",
    [
        NOISE,
        np.full((100, 100), 7, np.uint8),
        np.pad(NOISE, ((20, 20), (30, 0), (0, 0))),
        np.tile(np.arange(100, dtype=np.uint8), (100, 1)),
    ],
    ids=["noise", "flat", "framed", "ramp"],
)
def test_pictures_without_repetition(picture):
    found = repetition.find(picture)
    assert found is None or found.columns is None


def test_places_that_differ_are_those_of_a_plain_comparison():
    picture = np.repeat(NOISE, 2, 0)
    picture[31, 69, 2] ^= 1
    expected = [True, *((picture[i] != picture[i - 1]).any() for i in range(1, len(picture)))]
    assert repetition.differing(picture).tolist() == expected
