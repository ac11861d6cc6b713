"""Damaged data of formats without checksums end elsewhere than their decoder does; whole ones never."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager

import imagecodecs
import numpy as np
import pytest

from forensics.codecs import registry
from forensics.codecs.hevc import pyav as hevc_pyav
from forensics.codecs.hevc.stream import join_nal_units
from forensics.errors import PictureError
from forensics.pictures import coded_end, jpeg2000_file
from forensics.pictures.opened import open_picture

from .conftest import make_photo, refusal, saved


def heic(array: np.ndarray, quality: int) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_bytes("RGB", array.shape[1::-1], array.tobytes()).save(buffer, quality=quality)
    return buffer.getvalue()


def bpg(array: np.ndarray, quality: int) -> bytes:
    return registry.get("bpg").encode(array, qp=45 - quality // 3)


MAKERS = {
    "avif": lambda array, quality: saved(array, "AVIF", quality=quality),
    "bpg": bpg,
    "heic": heic,
    "webp": lambda array, quality: saved(array, "WEBP", quality=quality),
    "webp-lossless": lambda array, quality: saved(array, "WEBP", lossless=True, quality=quality),
    "jpeg2000": lambda array, quality: bytes(imagecodecs.jpeg2k_encode(array, level=25 + quality // 4)),
    "jpeg2000-lossless": lambda array, quality: bytes(imagecodecs.jpeg2k_encode(array, level=0, reversible=True)),
}
LEAST = {"jpeg2000": 0.7}
"""Shares of spoilt files that must be refused, where the kind cannot tell nearly all."""


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(("height", "width"), [(64, 64), (97, 131), (120, 184)])
@pytest.mark.parametrize("quality", [20, 60, 95])
def test_whole_files_open(kind, height, width, quality):
    assert open_picture(MAKERS[kind](make_photo(height, width, quality), quality)).width == width


@pytest.mark.parametrize("kind", ["avif", "bpg", "heic", "webp"])
def test_flat_and_dark_ends_open(kind):
    array = make_photo(128, 160)
    array[70:] = 0
    for quality in (30, 80):
        assert not refusal(MAKERS[kind](array, quality))
        assert not refusal(MAKERS[kind](np.full_like(array, 90), quality))


@pytest.mark.parametrize("kind", MAKERS)
def test_most_spoilt_files_are_refused_and_the_others_say_what_cannot_be_told(kind):
    data = MAKERS[kind](make_photo(), 70)
    rng = np.random.default_rng(3)
    refused, tries = 0, 30
    for _ in range(tries):
        changed, place = bytearray(data), int(rng.integers(len(data) // 3, len(data) * 9 // 10))
        if kind == "webp-lossless":  # its codes find back into step; what is lost is missed all the same
            del changed[place : place + 50]
            changed += bytes(len(data) - len(changed))
        else:
            changed[place : place + 12] = rng.integers(0, 256, 12, dtype=np.uint8).tobytes()
        if refusal(bytes(changed)):
            refused += 1
        else:
            assert "could tell damage" in open_picture(bytes(changed)).container["integrity"]
    assert refused >= LEAST.get(kind, 0.85) * tries


def test_the_reason_is_said():
    data = bytearray(saved(make_photo(), "WEBP", quality=80))
    data[len(data) // 2] ^= 255
    assert "its VP8 data end elsewhere than their decoder does" in refusal(bytes(data))


def test_what_the_decoder_warns_of_is_kept_from_standard_error_and_heard_only_here(caplog):
    data = bytearray(MAKERS["jpeg2000-lossless"](make_photo(), 50))
    data[len(data) // 2] ^= 255
    assert "code-block" in refusal(bytes(data))
    assert not caplog.records
    logging.getLogger("imagecodecs").warning("another one")
    assert len(caplog.records) == 1


def test_without_the_decoders_warnings_nothing_is_claimed():
    whole = MAKERS["jpeg2000-lossless"](make_photo(), 50)
    logging.disable(logging.CRITICAL)
    try:
        facts = jpeg2000_file.decode(whole).facts
    finally:
        logging.disable(logging.NOTSET)
    assert "could not be detected" in facts["integrity"]


def test_zeros_behind_a_slice_are_no_damage():
    assert coded_end._without_zero_words(b"\x28\x01\xab\x80\0\0\3\0\0\3") == b"\x28\x01\xab\x80"


def test_the_first_frame_of_an_animation_is_looked_at():
    from PIL import Image

    buffer = io.BytesIO()
    frames = [Image.fromarray(make_photo(seed=seed)) for seed in (1, 2)]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], quality=70)
    data = buffer.getvalue()
    assert not refusal(data)
    place = data.index(b"VP8 ") + 2000
    assert "VP8 data end" in refusal(
        data[:place] + bytes(b ^ 255 for b in data[place : place + 20]) + data[place + 20 :]
    )


@pytest.mark.parametrize("hurt", [0, 1, 3])
def test_each_slice_of_a_picture_is_asked(hurt):
    plane = make_photo(256, 192)[:, :, 1]
    units = hevc_pyav.encode_units([plane], "grey", 8, "fast", {"qp": 30, "slices": 4, "wpp": 1, "pools": "1"})
    slices = [at for at, unit in enumerate(units) if coded_end._is_slice(unit)]
    assert len(slices) == 4

    def problem() -> str:
        return coded_end._of_slices(units, lambda them: coded_end._planes("hevc", join_nal_units(them)))

    assert not problem()
    at, rng = slices[hurt], np.random.default_rng(hurt)
    whole, seen = units[at], 0
    for _ in range(8):
        place = int(rng.integers(len(whole) // 3, len(whole) * 2 // 3))
        units[at] = whole[:place] + bytes(byte ^ 255 for byte in whole[place : place + 6]) + whole[place + 6 :]
        seen += bool(problem())
    assert seen >= 6


def test_lossless_webp_that_is_read_on_behind_its_end_is_refused():
    """Some files that lack their last bytes are not refused by libwebp, which takes what is not there for zeros."""
    opened = 0
    for seed in range(12):
        kind, body = coded_end._webp_picture(saved(make_photo(40 + seed, 64, seed), "WEBP", lossless=True))
        whole = coded_end._webp_pixels(kind, body)
        for short in (body[:-1], body[:-2], body[:-3]):
            if coded_end._webp_pixels(kind, short) in (b"", whole):
                continue
            opened += 1
            chunk = kind + len(short).to_bytes(4, "little") + short + bytes(len(short) % 2)
            file = b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk
            assert "VP8L data end elsewhere" in coded_end.of_webp(file)
    assert opened


@pytest.mark.parametrize(
    ("said", "damaged"),
    [
        ("4 remaining bytes in code block (3 used / 9)", False),
        ("5 remaining bytes in code block (3 used / 10)", True),
        ("14 synthesized 0xFF markers read", False),
        ("15 synthesized 0xFF markers read", True),
    ],
)
def test_code_blocks_may_end_as_those_of_whole_files_do(said, damaged, monkeypatch):
    """Files of the conformance suite leave up to ten bytes out that a decoder makes up (T.800 C.2.9)."""

    @contextmanager
    def warned():
        yield [f"JPEG2K warning: PTERM check failure: {said}"]

    monkeypatch.setattr(jpeg2000_file, "_warnings", warned)
    file = bytes(imagecodecs.jpeg2k_encode(make_photo(64, 64), level=0, reversible=True))
    if damaged:
        with pytest.raises(PictureError, match="one of its code-blocks ends elsewhere"):
            jpeg2000_file.decode(file)
    else:
        assert jpeg2000_file.decode(file).array.shape == (64, 64, 3)
