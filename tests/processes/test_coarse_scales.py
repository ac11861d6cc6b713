"""Pictures of few levels a channel (5 or 6 bits, posterised, stretched): their values keep to a lattice without any
coder, and few colours on a coarse scale are not a palette that was chosen.
"""

from pathlib import Path

import numpy as np
import pytest
from forensics_features.palette_colours import palette_colours
from PIL import Image

from forensics.processes import jpeg_ls_near, palette, webp_near_lossless, wsq
from forensics.processes.sampling import levels_occurring, measured_by_chance, repetition

SAMPLE = np.asarray(Image.open(Path(__file__).parents[2] / "examples" / "uncompressed.png").convert("RGB"))
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16


def at_bits(pixels: np.ndarray, bits: int) -> np.ndarray:
    """The highest bits, repeated below as displays do."""
    kept = pixels.astype(np.uint8) >> (8 - bits)
    return (kept << (8 - bits) | kept >> (2 * bits - 8)).astype(np.uint8)


def dithered(pixels: np.ndarray, bits: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    pattern = np.tile(BAYER, (height // 4 + 1, width // 4 + 1))[:height, :width, None] - 0.5
    return at_bits((pixels + pattern * 2 ** (8 - bits)).clip(0, 255), bits)


COARSE = {
    "5 bits": lambda: at_bits(SAMPLE, 5),
    "6 bits": lambda: at_bits(SAMPLE, 6),
    "5 bits, dithered": lambda: dithered(SAMPLE, 5),
    "24 levels": lambda: np.rint(np.rint(SAMPLE / 255 * 23) * 255 / 23).astype(np.uint8),
    "contrast times 3": lambda: (SAMPLE // 3 * 3).astype(np.uint8),
}


@pytest.mark.parametrize("name", COARSE)
def test_chance_measures_no_lattice_of_the_values_themselves(name: str) -> None:
    pixels = COARSE[name]()
    assert measured_by_chance(SAMPLE)
    assert not measured_by_chance(pixels)
    for process in (webp_near_lossless, jpeg_ls_near, wsq):
        assert process.test(pixels).speaks_for == ()


def test_levels_are_counted_between_the_ends() -> None:
    plane = np.full((100, 100), 40, np.uint8)
    plane[0, :20] = 255  # one in 500: beyond the 99th percentile
    assert levels_occurring(plane) == 1
    plane[50:] = 44
    assert levels_occurring(plane) == pytest.approx(2 / 5)
    assert levels_occurring(np.arange(256, dtype=np.uint8)[None]) == 1


def narrow() -> np.ndarray:
    """A picture of 22 levels and 230 colours at 6 bits: dull and of little contrast."""
    grey = SAMPLE.mean(axis=2, keepdims=True)
    return at_bits((grey + 0.3 * (SAMPLE - grey)) // 3 + 60, 6)


def test_few_colours_on_a_coarse_scale_are_no_palette() -> None:
    read = palette_colours(narrow())
    assert read is not None
    assert read.gap == 4
    assert read.gap_in_steps == 1
    trace = palette.test(narrow())
    assert trace.statistic == len(read.colours)
    assert not trace.found


def test_chosen_colours_at_6_bits_are_a_palette() -> None:
    chosen = Image.fromarray(SAMPLE).quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    pixels = at_bits(np.asarray(chosen.convert("RGB")), 6)
    read = palette_colours(pixels)
    assert read is not None
    assert read.rarest > 0.15
    assert palette.test(pixels).found


def test_at_8_bits_steps_are_levels() -> None:
    chosen = Image.fromarray(SAMPLE).quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    read = palette_colours(np.asarray(chosen.convert("RGB")))
    assert read is not None
    assert read.gap_in_steps == read.gap


def scaled_2x(pixels: np.ndarray) -> np.ndarray:
    """Scale2x (EPX): each pixel four times, corners taken from neighbours where those agree."""
    colour = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), "edge").astype(np.int64) @ (1 << 16, 1 << 8, 1)
    middle, up, down = colour[1:-1, 1:-1], colour[:-2, 1:-1], colour[2:, 1:-1]
    left, right = colour[1:-1, :-2], colour[1:-1, 2:]
    out = np.empty((2 * middle.shape[0], 2 * middle.shape[1]), np.int64)
    for row, vertical, other in ((0, up, down), (1, down, up)):
        for column, side, opposite in ((0, left, right), (1, right, left)):
            taken = (side == vertical) & (side != other) & (vertical != opposite)
            out[row::2, column::2] = np.where(taken, vertical, middle)
    return np.stack([out >> 16, out >> 8 & 255, out & 255], axis=2).astype(np.uint8)


def test_repeated_samples_are_not_measured_by_chance() -> None:
    scaled = scaled_2x(SAMPLE[:150, :150])
    assert repetition(SAMPLE[..., 1]) < 0.1
    assert repetition(scaled[..., 1]) > 0.5
    assert not measured_by_chance(scaled)
    assert repetition(np.zeros((1, 1), np.uint8)) == 0
    for process in (webp_near_lossless, jpeg_ls_near, wsq):
        assert process.test(scaled).speaks_for == ()
