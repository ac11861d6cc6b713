"""Which encoder repeats a picture best: real files of four codecs, what a crop, chance and a missing grid leave."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from forensics_models.recompression import ENCODERS

from forensics.codecs import registry
from forensics.history.recoding import identification
from forensics.history.recoding.grid import ROOM, change
from tests.features.test_scaled_grid import photograph

PHOTO = photograph(304, 7)[:272]
FILES = {
    "aom": ("avif", {"quality": 50}),
    "x265": ("heic", {"quality": 40}),
    "libwebp": ("webp", {"quality": 70}),
    "libjpeg": ("jpeg", {"quality": 80}),
}
NAMES = tuple(identification.encoders())

if identification.missing():
    pytest.skip(identification.missing(), allow_module_level=True)


@cache
def decoded(encoder: str) -> np.ndarray:
    name, options = FILES[encoder]
    codec = registry.get(name)
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    return codec.decode(codec.encode(PHOTO, **options))


@cache
def gains(encoder: str) -> np.ndarray:
    found = identification.gains(decoded(encoder))
    assert found is not None
    return found


def test_gains_come_in_the_order_that_the_judge_takes() -> None:
    assert NAMES == ENCODERS


@pytest.mark.parametrize("encoder", FILES)
def test_its_own_encoder_repeats_a_file_best(encoder: str) -> None:
    found = dict(zip(NAMES, gains(encoder), strict=True))
    assert max(found, key=found.__getitem__) == encoder
    assert found[encoder] > 0.8


@pytest.mark.parametrize("encoder", ["aom", "x265"])
def test_grey_and_other_colours_leave_it(encoder: str) -> None:
    pixels = decoded(encoder)
    grey = np.rint(pixels @ (0.299, 0.587, 0.114)).astype(np.uint8)
    warmer = np.clip(pixels * (1.06, 1.0, 0.94), 0, 255).astype(np.uint8)
    for changed in (grey, warmer):
        found = identification.gains(changed)
        assert found is not None
        assert NAMES[int(found.argmax())] == encoder


def test_nothing_shows_in_what_was_never_coded_and_off_the_grid() -> None:
    for pixels in (PHOTO, decoded("aom")[3:, 5:]):
        found = identification.gains(pixels)
        assert found is not None
        assert np.abs(found).max() < 0.5


def test_a_small_picture_is_not_asked() -> None:
    assert identification.gains(PHOTO[:95]) is None
    found = identification.gains(PHOTO[:96, :96])
    assert found is not None
    assert np.isfinite(found).all()


def test_the_best_of_few_strengths_is_one_of_all() -> None:
    """Against every strength, one after another: never more, and here the very same for aom."""
    plane = np.rint(decoded("aom") @ (0.299, 0.587, 0.114)).astype(np.uint8)
    encoder = identification.encoders()["aom"]
    parts = [np.ascontiguousarray(plane[:256, :256]), np.ascontiguousarray(plane[3:259, 5:261])]
    every = []
    for strength in encoder.strengths:
        on, off = (
            float(change(part, encoder.again(part, strength))[ROOM:-ROOM, ROOM:-ROOM].mean()) + 0.02 for part in parts
        )
        every.append(10 * np.log10(off / on))
    found = identification.gains(plane)
    assert found is not None
    assert found[0] == pytest.approx(max(every), abs=0.05)


def test_reasons_for_a_missing_encoder_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.codecs.hevc import pyav

    monkeypatch.setattr(pyav, "missing", lambda: "no HEVC")
    assert identification.missing() == "no HEVC"
