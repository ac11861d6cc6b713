"""Where parameters are read in pictures of several histories."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forensics import examine
from forensics.localisation import clear_part
from forensics.localisation.regions import locate

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def found(codec_map, planted, fake_judge):
    """JPEG XR, 480 x 416 pixels, with a region of WebP: x 176 to 336, y 112 to 240."""
    return locate(codec_map(planted[0]), judge=fake_judge(webp=0.9))


def test_the_part_keeps_half_a_window_away_from_the_region(found):
    part = clear_part.clear_part(found, "jpegxr")
    assert (part.left, part.height, part.width) == (0, 416 - 320, 480) or (part.top, part.height) == (0, 416)
    assert part.top % 64 == part.left % 64 == 0
    grown = clear_part.Window(part.top - 32, part.left - 32, part.height + 64, part.width + 64)
    inside = found.mask[max(0, grown.top) : grown.top + grown.height, max(0, grown.left) : grown.left + grown.width]
    assert not inside.any()


def test_a_verdict_that_is_a_regions_is_read_in_the_region(codec_map, fake_judge):
    names = np.full((14, 14), "jpegxr-1", dtype="<U12")
    names[3:12, 3:12] = "webp"
    found = locate(codec_map(names), judge=fake_judge(webp=0.9))
    part = clear_part.clear_part(found, "webp")
    assert found.mask[part.top : part.top + part.height, part.left : part.left + part.width].all()
    assert clear_part.clear_part(found, "avif") is None


def test_where_no_part_is_large_enough_the_whole_picture_is_read_and_that_is_said(found, monkeypatch):
    monkeypatch.setattr(clear_part, "LEAST_SIDE", 10_000)
    read = clear_part.where_to_read(found, "jpegxr")
    assert read.part is None
    assert "regions that depart included" in read.note


def test_without_a_region_nothing_is_said_and_without_a_map_that_it_is_missing(codec_map, fake_judge):
    plain = locate(codec_map(np.full((8, 9), "webp", dtype="<U12")), judge=fake_judge(webp=0.9))
    assert clear_part.where_to_read(plain, "webp") == (None, "")
    part, note = clear_part.where_to_read(None, "webp")
    assert part is None
    assert "no map was made" in note


def largest_naive(free: np.ndarray, cell: int) -> int:
    """Area of the largest rectangle, by trying all."""
    height, width = free.shape
    rows = [(a, b) for a in range(0, height, 64) for b in [*range(cell, height, cell), height] if a < b]
    columns = [(a, b) for a in range(0, width, 64) for b in [*range(cell, width, cell), width] if a < b]
    areas = [(b - a) * (d - c) for (a, b), (c, d) in itertools.product(rows, columns) if free[a:b, c:d].all()]
    return max(areas, default=0)


@pytest.mark.parametrize("seed", range(4))
def test_the_largest_rectangle_against_trying_all(seed):
    rng = np.random.default_rng(seed)
    free = np.ones((rng.integers(100, 200), rng.integers(100, 260)), bool)
    for _ in range(rng.integers(0, 4)):
        top, left = rng.integers(0, free.shape[0]), rng.integers(0, free.shape[1])
        free[top : top + 30, left : left + 30] = False
    part = clear_part._largest(free, 16)
    assert (part.height * part.width if part else 0) == largest_naive(free, 16)
    if part:
        assert part.cut(free).all()
        assert part.cut(free).shape == (part.height, part.width)


def spliced(quality: int) -> np.ndarray:
    """A JPEG of that quality in which a square of a picture that was never compressed was pasted."""
    plain = np.asarray(Image.open(EXAMPLES / "uncompressed.png").convert("RGB"))
    large = np.vstack([np.hstack([plain, plain[:, ::-1]]), np.hstack([plain[:, ::-1], plain])])[:448, :448]
    file = io.BytesIO()
    Image.fromarray(large).save(file, "JPEG", quality=quality)
    host = np.asarray(Image.open(file).convert("RGB")).copy()
    host[230:390, 216:376] = plain[40:200, 40:200]
    return host[3:, 5:]


def test_the_history_of_a_spliced_jpeg_is_that_of_the_rest():
    found = examine(spliced(83))
    assert [region.codec for region in found.localisation.regions] == ["uncompressed"]
    read = {parameter.name: parameter.value for parameter in found.history.parameters}
    assert read["quality_factor"] == 83
    assert read["chroma_subsampling"] == "4:2:0"
    assert read["grid_phase"] == (5, 3)
    assert [generation.codec for generation in found.history.generations] == ["jpeg"]
    assert "read in a part without regions that depart" in found.history.notes[0]
