"""Blocks that only a JPEG decoder gives: pictures, small ones, text in black and white; not off the grid, not in
other pictures.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from forensics.history.jpeg.possible_blocks import jpeg_blocks, possible


def decoded(pixels: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def page() -> np.ndarray:
    image, numbers = Image.new("L", (900, 700), 255), np.random.default_rng(1)
    draw = ImageDraw.Draw(image)
    for row in range(10, 680, 60):
        words = ["".join(chr(97 + c) for c in numbers.integers(0, 26, numbers.integers(2, 9))) for _ in range(3)]
        draw.text((20, row), " ".join(words), fill=0)
    return np.asarray(image)


def patch(seed: int = 2) -> np.ndarray:
    numbers = np.random.default_rng(seed)
    rows, columns = np.mgrid[:128, :128]
    smooth = 120 + 60 * np.sin(rows / 17)[..., None] * np.cos(columns / 23)[..., None] * np.array([1, 0.7, -0.5])
    return np.asarray(np.clip(smooth + numbers.normal(0, 5, (128, 128, 1)), 0, 255), np.uint8)


@pytest.mark.parametrize("quality", [75])
def test_black_and_white_text_is_proven_though_its_ringing_is_cut(quality: int) -> None:
    trace = jpeg_blocks(np.ascontiguousarray(decoded(page(), quality)[3:, 5:]))
    assert trace.found
    assert trace.speaks_for == ("jpeg",)
    assert trace.parameters["phase"] == [5, 3]
    assert abs(trace.parameters["quality_like"] - quality) <= 3
    assert trace.statistic > 0.9


def drawing(width: int = 120, height: int = 104) -> np.ndarray:
    """Coloured lines with soft edges on white: most samples of a block that tells are cut."""
    image, numbers = Image.new("RGB", (4 * width, 4 * height), "white"), np.random.default_rng(3)
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        ends = [tuple(int(v) for v in numbers.integers(0, (4 * width, 4 * height))) for _ in range(2)]
        draw.line(ends, fill=tuple(int(v) for v in numbers.integers(0, 200, 3)), width=5)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def test_drawings_on_white_are_proven_though_what_was_cut_is_not_found_in_every_block() -> None:
    trace = jpeg_blocks(np.ascontiguousarray(decoded(drawing(), 92)[3:, 5:]))
    assert trace.found
    assert trace.parameters["phase"] == [5, 3]
    assert abs(trace.parameters["quality_like"] - 92) <= 3
    assert not jpeg_blocks(drawing()).found


def test_small_pictures_are_proven() -> None:
    trace = jpeg_blocks(decoded(patch(), 75)[2:, 4:])
    assert trace.found
    assert trace.parameters["phase"] == [6, 4]


@pytest.mark.parametrize("pixels", [patch(), np.full((80, 80), 3, np.uint8)], ids=["picture", "flat"])
def test_untouched_pictures_are_not(pixels: np.ndarray) -> None:
    trace = jpeg_blocks(pixels)
    assert not trace.found
    assert trace.speaks_for == ()
    assert trace.sentence.endswith(".")


def test_multiples_of_the_steps_are_possible_and_noise_is_not() -> None:
    table = np.full(64, 24, np.float32)
    values = decoded(patch()[..., 1].copy(), 40).astype(np.float32)[:8, :8].reshape(1, 64)
    flat = np.full((1, 64), 128 + 3 * 24 / 8, np.float32)
    assert possible(flat, flat - 0.6, flat + 0.6, table).all()
    noise = np.random.default_rng(0).integers(20, 230, (5, 64)).astype(np.float32)
    assert not possible(noise, noise - 0.6, noise + 0.6, table).any()
    assert possible(values, values - 400, values + 400, table).all()
