"""Encoders of processes beyond the codecs: frames, textures, fingerprints, near-lossless coders, by the real
libraries.
"""

from __future__ import annotations

import numpy as np
import pytest
from forensics_models.classes import PROCESSES

from forensics.codecs import process_encoders, registry, video
from forensics.dataset import encoders, recipes
from forensics.dataset.synthetic import synthesise
from forensics.errors import CodecError, UsageError


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return synthesise("texture", 130, 150, 3)


def working(name: str):
    codec = process_encoders.get(name)
    state = codec.availability()
    if not (state.encode and state.decode):
        pytest.skip(state.reason)
    return codec


@pytest.mark.parametrize("name", process_encoders.names())
def test_what_is_encoded_comes_back_near_the_picture_and_the_same_every_time(name, picture):
    codec = working(name)
    data = codec.encode(picture)
    assert data == codec.encode(picture)
    decoded = codec.decode(data)
    expected = picture if decoded.ndim == 3 else picture @ np.array([0.299, 0.587, 0.114])
    assert decoded.shape[:2] == picture.shape[:2]
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(float) - expected).mean() < 14


@pytest.mark.parametrize("name", process_encoders.names())
def test_grey_pictures_stay_grey(name, picture):
    codec = working(name)
    assert codec.decode(codec.encode(np.ascontiguousarray(picture[:, :, 1]))).shape == (130, 150)


@pytest.mark.parametrize(
    "name", [name for name in process_encoders.names() if process_encoders.get(name).strength.parameter != "nothing"]
)
def test_the_finer_strength_is_nearer_to_the_picture(name, picture):
    codec = working(name)
    strength = codec.strength

    def error(position: float) -> float:
        decoded = codec.decode(codec.encode(picture, **{strength.parameter: strength.at(position)}))
        expected = picture if decoded.ndim == 3 else picture @ np.array([0.299, 0.587, 0.114])
        return float(np.abs(decoded.astype(float) - expected).mean())

    assert error(0.0) < error(1.0)


@pytest.mark.parametrize("name", ["h264", "mpeg2", "vp9"])
def test_a_predicted_frame_shows_the_picture_unshifted(name, picture):
    codec = working(name)
    for frame in (1, 3):
        decoded = codec.decode(codec.encode(picture, frame=frame, motion=7 << 3 | 6))
        # A shift by one pixel would be far larger than the coding error of this texture.
        shifted = np.abs(decoded[:, 1:].astype(float) - picture[:, :-1]).mean()
        assert np.abs(decoded.astype(float) - picture).mean() < 0.7 * shifted


@pytest.mark.parametrize("near", [1, 3])
def test_jpeg_ls_keeps_every_sample_within_near(near, picture):
    codec = working("jpegls")
    error = np.abs(codec.decode(codec.encode(picture, near=near)).astype(int) - picture)
    assert 0 < error.max() <= near


def test_what_is_held_out_is_never_drawn_for_training():
    names, held_out = set(process_encoders.names()), set(process_encoders.HELD_OUT)
    assert names & held_out
    drawn = {name for process in PROCESSES for name in encoders.encoders_of(process, names)}
    assert drawn == {name for name in names if not {name, name.rpartition("@")[0]} & held_out}


def test_names_do_not_meet_those_of_the_registry():
    assert not set(process_encoders.names()) & set(registry.names())
    assert {process_encoders.get(name).codec for name in process_encoders.names()} == set(PROCESSES)
    with pytest.raises(UsageError, match="no encoder"):
        process_encoders.get("betamax")


@pytest.mark.parametrize("name", [name for name in recipes.RECIPES if name in process_encoders.names()])
def test_recipes_agree_with_the_encoders(name):
    assert recipes.check(name) == []


@pytest.mark.parametrize("data", [b"", b"FFRM1", b"PNG" * 20])
def test_damaged_data_are_refused(data):
    with pytest.raises(CodecError):
        video.encoders()[0].decode(data)
    with pytest.raises(CodecError):
        process_encoders.get("bc1-etcpak").decode(data)
