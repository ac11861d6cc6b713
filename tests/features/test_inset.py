"""Insets in flat surroundings: to the pixel where there are some, none where edges are not straight or not drawn."""

import io

import numpy as np
import pytest
from forensics_features import inset
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from forensics.dataset.synthetic import synthesise


def photograph(height: int, width: int, seed: int = 1) -> np.ndarray:
    """Coloured texture with some noise."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(size=(height, width, 3)), (6, 6, 0)) * 220
    return np.clip(128 + smooth + rng.normal(0, 3, (height, width, 3)), 0, 255).astype(np.uint8)


def page(height: int, width: int, lines: range) -> np.ndarray:
    """Plain paper with lines of text."""
    made = Image.new("RGB", (width, height), (251, 250, 248))
    draw = ImageDraw.Draw(made)
    for top in lines:
        draw.text((20, top), "Words on a line of a page, as they stand about pictures", (20, 20, 30),
                  font=ImageFont.load_default(14))  # fmt: skip
    return np.asarray(made)


@pytest.mark.parametrize(("top", "left"), [(101, 43), (96, 40), (133, 0)])
def test_a_photograph_on_a_page_is_found_to_the_pixel(top, left):
    made = page(500, 640, range(10, 80, 22)).copy()
    made[top : top + 230, left : left + 301] = photograph(230, 301)
    (found,) = inset.find(made)
    assert found[:4] == (top, left, 230, 301)
    assert found.flat == 1.0
    assert found.across > 0.98
    assert found.surroundings == pytest.approx(1 - 230 * 301 / (500 * 640))
    np.testing.assert_array_equal(found.cut(made), photograph(230, 301))


def test_bars_grey_samples_alpha_and_sixteen_bits():
    film = np.zeros((300, 320, 3), np.uint8)
    film[57:239] = photograph(182, 320)
    expected = (57, 0, 182, 320)
    grey, deep = film[:, :, 1], film.astype(np.uint16) * 257
    alpha = np.dstack([film, np.full(film.shape[:2], 255, np.uint8)])
    assert [inset.find(made)[0][:4] for made in (film, grey, deep, alpha)] == [expected] * 4


def test_round_corners_and_a_shadow_do_not_hide_it():
    made = np.full((400, 460, 3), 240, np.uint8)
    ramp = np.clip(240 - 4 * np.arange(12)[::-1], 0, 255).astype(np.uint8)
    made[80:300, 348:360] = ramp[::-1, None]  # darker next to the picture, lighter away from it
    corner = Image.new("L", (280, 220), 0)
    ImageDraw.Draw(corner).rounded_rectangle((0, 0, 279, 219), 4, fill=255)
    there = np.asarray(corner)[:, :, None] > 0
    made[80:300, 68:348] = np.where(there, photograph(220, 280), made[80:300, 68:348])
    (found,) = inset.find(made)
    assert found[:4] == (80, 68, 220, 280)


def test_several_come_the_largest_first():
    made = np.full((420, 640, 3), 255, np.uint8)
    made[20:190, 30:230] = photograph(170, 200, 2)
    made[40:400, 260:620] = photograph(360, 360, 3)
    assert [found[:4] for found in inset.find(made)] == [(40, 260, 360, 360), (20, 30, 170, 200)]


def test_none_in_photographs_silhouettes_text_and_drawings():
    whole = photograph(320, 360)
    assert inset.find(whole) == ()
    ground = np.full((320, 360, 3), 255, np.uint8)
    rows, columns = np.ogrid[:320, :360]
    oval = ((rows - 160) / 130) ** 2 + ((columns - 180) / 150) ** 2 < 1
    assert inset.find(np.where(oval[:, :, None], whole, ground)) == ()
    assert inset.find(page(400, 500, range(10, 380, 18))) == ()
    for kind in ("flat", "stripes", "interface", "text", "codes", "pixel-art", "one-bit-text", "gradient"):
        assert inset.find(synthesise(kind, 320, 400, 5)) == (), kind


def test_none_where_the_surroundings_were_compressed_too():
    made = page(480, 640, range(10, 80, 22)).copy()
    made[101:331, 43:344] = photograph(230, 301)
    stream = io.BytesIO()
    Image.fromarray(made).save(stream, "JPEG", quality=75)
    assert inset.find(np.asarray(Image.open(stream))) == ()


def test_none_where_most_of_what_is_not_flat_lies_elsewhere():
    made = np.full((500, 640, 3), 255, np.uint8)
    made[20:140, 20:150] = photograph(120, 130)
    rows, columns = np.ogrid[:500, :640]
    oval = ((rows - 320) / 160) ** 2 + ((columns - 400) / 220) ** 2 < 1
    made = np.where(oval[:, :, None], photograph(500, 640, 4), made)
    assert inset.find(made) == ()


def test_memory_is_bounded_by_strips():
    """The same with strips of a few rows."""
    made = page(500, 640, range(10, 80, 22)).copy()
    made[101:331, 43:344] = photograph(230, 301)
    usual = inset.find(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inset, "_STRIP", 24)
        assert inset.find(made) == usual


@pytest.mark.parametrize(("lines", "expected"), [(1, ()), (7, ()), (8, ((0, 8, 260, 292),))])
def test_a_few_lines_at_the_border_are_an_edge(lines, expected):
    made = photograph(260, 300)
    made[:, :lines] = 0
    assert tuple(found[:4] for found in inset.find(made)) == expected
