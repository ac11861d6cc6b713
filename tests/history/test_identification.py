"""Which encoder repeats a picture best: real files of four codecs and key frames of VP9, what a crop, chance and a
missing grid leave.
"""

from __future__ import annotations

import math
import statistics
from functools import cache

import numpy as np
import pytest
from forensics_models.recompression import ENCODERS, Repeats

from forensics.codecs import key_frames
from forensics.dataset.encoders import encoder as encoder_named
from forensics.errors import CodecUnavailable
from forensics.history.recoding import identification
from forensics.history.recoding.grid import ROOM, change
from tests.features.test_scaled_grid import photograph

PHOTO = photograph(304, 7)[:272]
FILES = {
    "aom": ("avif", {"quality": 50}),
    "x265": ("heic", {"quality": 40}),
    "libwebp": ("webp", {"quality": 70}),
    "libjpeg": ("jpeg", {"quality": 80}),
    "libvpx-vp9": ("vp9", {"crf": 30}),
}
NAMES = tuple(identification.encoders())

if identification.missing():
    pytest.skip(identification.missing(), allow_module_level=True)


@cache
def decoded(encoder: str) -> np.ndarray:
    name, options = FILES[encoder]
    codec = encoder_named(name)
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    return codec.decode(codec.encode(PHOTO, **options))


@cache
def repeats(encoder: str) -> Repeats:
    found = identification.repeats(decoded(encoder))
    assert found is not None
    return found


def test_repeats_come_in_the_order_that_the_judge_takes() -> None:
    assert NAMES == ENCODERS


@pytest.mark.parametrize("encoder", FILES)
def test_its_own_encoder_repeats_a_file_best(encoder: str) -> None:
    for values, least in zip(repeats(encoder), (0.8, 8.0), strict=True):
        found = dict(zip(NAMES, values, strict=True))
        assert max(found, key=found.__getitem__) == encoder
        assert found[encoder] > least


@pytest.mark.parametrize("encoder", ["aom", "x265"])
def test_grey_and_other_colours_leave_it(encoder: str) -> None:
    pixels = decoded(encoder)
    grey = np.rint(pixels @ (0.299, 0.587, 0.114)).astype(np.uint8)
    warmer = np.clip(pixels * (1.06, 1.0, 0.94), 0, 255).astype(np.uint8)
    for changed in (grey, warmer):
        found = identification.repeats(changed)
        assert found is not None
        assert NAMES[int(np.argmax(found.gains))] == encoder


def test_a_median_leaves_the_consistency() -> None:
    from scipy.ndimage import median_filter

    found = identification.repeats(median_filter(decoded("aom"), (3, 3, 1)))
    assert found is not None
    assert NAMES[int(np.argmax(found.consistency))] == "aom"


def test_nothing_shows_in_what_was_never_coded_and_off_the_grid() -> None:
    for pixels in (PHOTO, decoded("aom")[3:, 5:]):
        found = identification.repeats(pixels)
        assert found is not None
        assert np.abs(found.gains).max() < 0.5
        assert np.max(found.consistency) < 12


def test_a_small_picture_is_not_asked() -> None:
    assert identification.repeats(PHOTO[:95]) is None
    found = identification.repeats(PHOTO[:96, :96])
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
            float(change(part, encoder.again([part], strength)[0])[ROOM:-ROOM, ROOM:-ROOM].mean()) + 0.02
            for part in parts
        )
        every.append(10 * np.log10(off / on))
    found = identification.repeats(plane)
    assert found is not None
    assert found.gains[0] == pytest.approx(max(every), abs=0.05)


def naive_consistency(on: np.ndarray, off: np.ndarray) -> float:
    """Block by block, by the words of the definition."""
    differences = []
    for top in range(0, on.shape[0] - 7, 8):
        for left in range(0, on.shape[1] - 7, 8):
            here, there = (float(np.mean(one[top : top + 8, left : left + 8], dtype=np.float64)) for one in (on, off))
            differences.append(math.log(there + 0.02) - math.log(here + 0.02))
    spread = math.sqrt(statistics.pvariance(differences))
    return statistics.fmean(differences) / spread * math.sqrt(len(differences)) if spread else 0.0


@pytest.mark.parametrize("shape", [(8, 8), (16, 24), (47, 61)])
def test_consistency_against_a_naive_twin(shape: tuple[int, int]) -> None:
    numbers = np.random.default_rng(4)
    on, off = (numbers.exponential(scale, shape).astype(np.float32) for scale in (1.0, 1.5))
    assert identification.consistency(on, off) == pytest.approx(naive_consistency(on, off), rel=1e-6)
    assert identification.consistency(off, on) == pytest.approx(-identification.consistency(on, off), rel=1e-6)
    assert identification.consistency(on, on) == 0


def test_consistency_is_of_many_blocks_not_of_few() -> None:
    """A gain of 3 % everywhere against a whole block that does not change, whose gain in the mean is the same."""
    numbers = np.random.default_rng(4)
    off = numbers.exponential(1.0, (64, 64)).astype(np.float32)
    everywhere, somewhere = off * np.float32(0.97), off.copy()
    somewhere[:8, :8] = 0
    assert everywhere.mean() == pytest.approx(somewhere.mean(), rel=0.02)
    assert identification.consistency(everywhere, off) > 3 * identification.consistency(somewhere, off) > 0


def test_key_frames_are_coded_each_by_itself() -> None:
    planes = [np.ascontiguousarray(PHOTO[:64, :80, channel]) for channel in range(2)]
    together = key_frames.recode(planes, 30)
    for plane, again in zip(planes, together, strict=True):
        assert again.shape == plane.shape
        assert np.array_equal(again, key_frames.recode([plane], 30)[0])
        errors = [float(np.mean(change(plane, key_frames.recode([plane], strength)[0]))) for strength in (10, 30, 50)]
        assert 0 < errors[0] < errors[1] < errors[2]


def test_key_frames_that_cannot_be_coded_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_frames, "missing", lambda: "no libvpx")
    with pytest.raises(CodecUnavailable, match="no libvpx"):
        key_frames.recode([PHOTO[:64, :64, 0]], 30)


@pytest.mark.parametrize("module", ["hevc.pyav", "key_frames"])
def test_reasons_for_a_missing_encoder_are_given(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"forensics.codecs.{module}.missing", lambda: "no encoder")
    assert identification.missing() == "no encoder"
