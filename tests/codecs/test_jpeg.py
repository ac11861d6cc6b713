"""JPEG headers against Pillow's reading of them, tables and their quality, and truncation."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.codecs import registry
from forensics.codecs.headers.jpeg import read_header
from forensics.codecs.headers.jpeg_tables import (
    TABLE_FAMILIES,
    estimate_quality,
    quality_of_scale,
    scale_of_quality,
    scaled_table,
)
from forensics.errors import CodecError

JPEG = registry.get("jpeg")


def picture(height: int = 50, width: int = 70) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = np.stack([x * 3 + y, y * 4, (x * y) // 16 + 40], axis=2)
    noise = np.random.default_rng(5).integers(0, 30, waves.shape)
    return ((waves + noise) % 256).astype(np.uint8)


def pillow_file(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("quality", [1, 10, 33, 49, 50, 75, 90, 95, 100])
def test_whole_qualities_give_the_tables_of_libjpeg(quality: int) -> None:
    assert read_header(JPEG.encode(picture(), quality=quality)).quality == pytest.approx(quality, abs=0.01)
    ours, theirs = JPEG.encode(picture(), quality=quality), pillow_file(quality=quality)
    assert ours == theirs


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 80},
        {"quality": 20, "subsampling": "4:2:2", "progressive": True},
        {"quality": 99, "subsampling": "4:4:4", "optimize": True},
        {"qtables": [list(range(1, 65)), list(range(65, 129))]},
        {"qtables": [[300 + i for i in range(64)]] * 2},
    ],
)
def test_tables_equal_what_pillow_reads(options: dict[str, object]) -> None:
    data = pillow_file(**options)
    header = read_header(data)
    theirs = Image.open(io.BytesIO(data)).quantization
    assert sorted(header.quantization_tables) == sorted(theirs)
    for number, table in header.quantization_tables.items():
        assert table.shape == (8, 8)
        assert table.dtype == np.uint16
        assert table.ravel().tolist() == list(theirs[number])


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4", "grey", "rgb"])
@pytest.mark.parametrize("progressive", [False, True])
def test_header_states_what_was_asked(subsampling: str, progressive: bool) -> None:
    header = read_header(JPEG.encode(picture(), subsampling=subsampling, progressive=progressive))
    assert (header.width, header.height, header.precision) == (70, 50, 8)
    assert header.subsampling == ("4:4:4" if subsampling == "rgb" else subsampling)
    assert header.adobe_transform == (0 if subsampling == "rgb" else None)
    assert header.jfif == (subsampling != "rgb")
    assert header.progressive == progressive
    assert (header.scans > 1) == progressive
    assert header.complete
    assert not header.arithmetic
    assert not header.lossless
    assert header.standard_tables


def test_other_table_families_are_not_standard() -> None:
    for family in TABLE_FAMILIES:
        header = read_header(JPEG.encode(picture(), tables=family, quality=60))
        expected = [scaled_table(base, 60) for base in TABLE_FAMILIES[family]]
        assert all(np.array_equal(a, b) for a, b in zip(header.tables, expected, strict=True))
        assert header.standard_tables == (family == "standard")
        assert 20 < header.quality < 95
        assert header.table_family is not None
        found, quality = header.table_family
        assert found == family
        assert quality == pytest.approx(60, abs=1)  # flat tables are alike at 59 and 60


def test_scale_and_quality_are_inverse_and_falling() -> None:
    qualities = np.linspace(1, 100, 500)
    scales = [scale_of_quality(q) for q in qualities]
    assert np.all(np.diff(scales) < 0)
    assert [quality_of_scale(s) for s in scales] == pytest.approx(qualities)
    assert (scale_of_quality(1), scale_of_quality(50), scale_of_quality(100)) == (5000, 100, 0)


@pytest.mark.parametrize("quality", [2.5, 12.3, 37.75, 62.2, 88.6, 97.4])
def test_broken_qualities_are_found_again(quality: float) -> None:
    tables = [scaled_table(base, quality) for base in TABLE_FAMILIES["standard"]]
    found, standard = estimate_quality(tables)
    assert standard
    assert all(np.array_equal(scaled_table(b, found), t) for b, t in zip(TABLE_FAMILIES["standard"], tables))


def test_all_whole_qualities_are_found_again() -> None:
    for quality in range(1, 101):
        tables = [scaled_table(base, quality) for base in TABLE_FAMILIES["standard"]]
        found, standard = estimate_quality(tables)
        assert standard
        assert all(np.array_equal(scaled_table(b, found), t) for b, t in zip(TABLE_FAMILIES["standard"], tables))
        assert found == quality


def test_one_changed_entry_is_no_standard_table() -> None:
    table = scaled_table(TABLE_FAMILIES["standard"][0], 70).copy()
    table[4, 4] += 2
    quality, standard = estimate_quality([table])
    assert not standard
    assert quality == pytest.approx(70, abs=1)


def test_tables_of_no_family_are_not_recognised() -> None:
    assert read_header(pillow_file(qtables=[list(range(1, 65)), list(range(65, 129))])).table_family is None
    assert read_header(JPEG.encode(picture(), quality=100, tables="flat")).table_family == ("standard", 100)


def test_restart_markers_are_walked_in_order() -> None:
    data = pillow_file(quality=80, restart_marker_rows=1)
    header = read_header(data)
    assert header.complete
    assert header.restart_interval == 5  # 70 pixels in units of 16
    missing = data.replace(b"\xff\xd1", b"", 1)
    assert not read_header(missing).complete


@pytest.mark.parametrize("progressive", [False, True])
def test_every_cut_is_seen(progressive: bool) -> None:
    data = JPEG.encode(picture(), progressive=progressive)
    start = data.find(b"\xff\xda")
    for cut in range(start, len(data), 7):
        assert not read_header(data[:cut]).complete
        with pytest.raises(CodecError, match="truncated"):
            JPEG.decode(data[:cut])
    assert read_header(data + b"trailing bytes \xff\xd8\xff").complete


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 20}, {"optimize": True}])
def test_a_scan_cut_short_is_seen_behind_a_closing_marker(options: dict[str, bool]) -> None:
    data = JPEG.encode(picture(), **options)
    start = data.rfind(b"\xff\xda") + 14
    for end in range(start, len(data) - 5, max(1, (len(data) - start) // 40)):
        cut = data[: end - (data[end - 1] == 0xFF)] + b"\xff\xd9"
        assert read_header(cut).complete
        with pytest.raises(CodecError, match="ends before the picture"):
            JPEG.decode(cut)


def test_the_end_of_a_file_is_stated() -> None:
    data = JPEG.encode(picture())
    assert read_header(data + b"more").end == len(data)
    assert read_header(data[:-1]).end == len(data) - 1
    assert np.array_equal(JPEG.decode(data + b"more"), JPEG.decode(data))


def test_thumbnails_do_not_pass_for_the_picture() -> None:
    thumbnail = JPEG.encode(picture(16, 24), quality=30)
    data = JPEG.encode(picture(), quality=85)
    segment = b"\xff\xe1" + (len(thumbnail) + 8).to_bytes(2, "big") + b"Exif\0\0" + thumbnail
    header = read_header(data[:2] + segment + data[2:])
    assert (header.width, header.height, header.quality) == (70, 50, 85)
    assert not read_header((data[:2] + segment + data[2:])[:-30]).complete


def test_cmyk_comes_as_rgb() -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture()).convert("CMYK").save(buffer, "JPEG", quality=98)
    decoded = JPEG.decode(buffer.getvalue())
    assert decoded.shape == (50, 70, 3)
    assert np.abs(decoded.astype(int) - picture()).mean() < 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xc0\x00\x04\x08\x00\xff\xd9",
        b"\x89PNG\r\n\x1a\n",
        b"\xff" * 99,
    ],
)
def test_what_is_no_jpeg_is_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        read_header(data)
    with pytest.raises(CodecError):
        JPEG.decode(data)


@pytest.mark.parametrize("quality", [80, 94, 100])
def test_noise_fits_a_progressive_file(quality: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    codec = registry.get("jpeg")
    decoded = codec.decode(codec.encode(noise, quality=quality, progressive=True, subsampling="4:4:4"))
    assert decoded.shape == noise.shape
