"""The line on agreement: what the coded data state of themselves is held against the pixels."""

from __future__ import annotations

import pytest

from forensics.codecs.headers.heif import Items
from forensics.pictures.heif_file import _encoder
from forensics.verdict.agreement import compare

HEIC = {"format": "heic", "codec": "heic", "lossy": True, "quantizer": 22, "tiles": 48, "encoder": "x265 3.5"}


def test_the_stated_quantiser_stands_beside_the_verdict() -> None:
    said = compare("heic", ("heic",), 0.95, HEIC)
    assert said.status == "agree"
    assert "heic (QP 22, 48 tiles, by x265 3.5) container" in said.text
    said = compare("avif", ("avif",), 0.95, HEIC)
    assert said.status == "disagree"
    assert "lossy heic (QP 22" in said.text
    assert "too fine" not in said.text


@pytest.mark.parametrize(("verdict", "named"), [("bpg", ("bpg",)), ("hevc-intra", ("bpg", "heic", "video-hevc"))])
def test_the_same_art_of_coding_agrees(verdict: str, named: tuple[str, ...]) -> None:
    assert compare(verdict, named, 0.9, HEIC).status == "agree"
    assert compare("avif", ("avif",), 0.9, {"format": "heic", "codec": "heic", "lossy": True}).status == "disagree"


def test_a_stated_qp_above_one_level_is_a_lossy_step() -> None:
    unknown = {"format": "heic", "codec": "heic", "lossy": None}
    assert "lossless or too fine" in compare("jpeg", ("jpeg",), 0.9, {**unknown, "quantizer": 4}).text
    assert "shows through" in compare("jpeg", ("jpeg",), 0.9, {**unknown, "quantizer": 22}).text


def test_an_open_or_untouched_verdict_beside_a_lossy_file() -> None:
    assert "the file states lossy heic (QP 22" in compare("inconclusive", (), 0.4, HEIC).text
    said = compare("uncompressed", ("uncompressed",), 0.98, HEIC)
    assert said.status == "disagree"
    assert "too fine to show" in said.text
    plain = compare("inconclusive", (), 0.4, {"format": "png", "lossy": False})
    assert plain.text == "the pixels give no verdict to hold against the container"


def test_other_codecs_state_their_own_numbers() -> None:
    webp = {"format": "webp", "codec": "webp", "lossy": True, "quantizer": 36.5}
    assert "webp (quantiser index 36.5)" in compare("webp", ("webp",), 0.9, webp).text
    jpeg = {"format": "jpeg", "codec": "jpeg", "lossy": True, "jpeg": {"quality": 85}}
    assert "jpeg (quality 85)" in compare("jpeg", ("jpeg",), 0.9, jpeg).text
    lossless = {"format": "webp", "codec": "webp", "lossy": False}
    assert compare("webp", ("webp",), 0.9, lossless).status == "finding"


def test_x265_names_itself_in_a_heic_file() -> None:
    message = b"\x4e\x01\x05\xffx265 (build 199) - 3.5+1-f0c1022b6:[Linux][GCC 12] - H.265/HEVC codec"
    items = Items(primary=1, properties={1: [(b"hvcC", message)]}, data={1: b""})
    assert _encoder(items, 1) == "x265 3.5+1-f0c1022b6"
    assert _encoder(Items(primary=1, data={1: message}), 1) == "x265 3.5+1-f0c1022b6"
    assert _encoder(Items(primary=1, data={1: b"x265 (build"}), 1) == ""


def test_a_codec_within_another_format_is_named() -> None:
    tiff = {"format": "tiff", "codec": "jpeg", "lossy": True}
    assert compare("inconclusive", (), 0.6, tiff).text.endswith("the file states lossy JPEG in tiff")
    assert "lossy JPEG in tiff and the pixels say AVIF" in compare("avif", ("avif",), 0.95, tiff).text
    jpeg = {"format": "jpeg", "codec": "jpeg", "lossy": True}
    assert compare("inconclusive", (), 0.6, jpeg).text.endswith("the file states lossy jpeg")
