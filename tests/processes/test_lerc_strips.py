"""LERC in strips, as GDAL writes GeoTIFFs: blocks start anew in each, and their last row of blocks is lower."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from forensics.processes import lerc, lerc_strips
from forensics.processes.run import found_in, run_exact

SAMPLE = np.asarray(Image.open(Path(__file__).parents[2] / "examples" / "uncompressed.png").convert("RGB"))


def in_strips(pixels: np.ndarray, rows: int, error: int) -> np.ndarray:
    strips = [np.ascontiguousarray(pixels[top : top + rows]) for top in range(0, len(pixels), rows)]
    return np.concatenate([imagecodecs.lerc_decode(imagecodecs.lerc_encode(strip, level=error)) for strip in strips])


@pytest.mark.parametrize("rows", [2, 7, 12])
def test_strips_are_lerc_with_their_error(rows: int) -> None:
    decoded = in_strips(SAMPLE, rows, 2)
    trace = lerc.test(decoded)
    assert trace.found
    assert trace.parameters["error"] == 2
    assert trace.parameters["phase"] == [None, 0]
    assert found_in(run_exact(decoded)) == "lerc"


def test_of_a_turned_and_cropped_picture_columns_tell() -> None:
    decoded = np.ascontiguousarray(np.rot90(in_strips(SAMPLE, 7, 3)[:, 2:]))
    trace = lerc.test(decoded)
    assert trace.parameters["error"] == 3
    assert trace.parameters["phase"][1] is None
    assert "along columns" in trace.sentence


@pytest.mark.parametrize(
    "pixels",
    [
        SAMPLE,
        SAMPLE >> 3 << 3,
        np.kron(SAMPLE[:30, :30], np.ones((8, 8, 1), np.uint8)),
        np.kron(SAMPLE[:60, :60], np.ones((4, 4, 1), np.uint8)),
    ],
    ids=["untouched", "5 bits", "enlarged by 8", "enlarged by 4"],
)
def test_pictures_without_lerc_have_no_strips(pixels: np.ndarray) -> None:
    assert not lerc.test(np.ascontiguousarray(pixels)).found


def colour_bars(height: int) -> np.ndarray:
    """Bars of 44 pixels, as FFmpeg's `pal75bars` has; steps at every other edge are even."""
    row = np.tile(np.repeat(np.array([180, 101, 181, 100], np.uint8), 44), 2)
    return np.broadcast_to(row[None, :, None], (height, len(row), 3)).copy()


def ramps_of_equal_samples(height: int) -> np.ndarray:
    """Levels that rise by 2 every four columns, but by 3 at one of 25 columns that are multiples of 8."""
    steps = np.full(80, 2)
    steps[14::50] = 3
    return np.stack([np.cumsum(steps).repeat(4) + np.arange(height)[:, None] % 40] * 3, axis=-1).astype(np.uint8)


def steps_between_runs(height: int) -> np.ndarray:
    """Odd steps where every run starts, and an even one within a run of four."""
    steps = np.zeros(160, int)
    steps[8::8] = 3
    steps[20::32] = 2
    return np.stack([np.cumsum(steps) % 97 + np.arange(height)[:, None] % 40] * 3, axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    "pixels",
    [colour_bars(288), ramps_of_equal_samples(300), steps_between_runs(150)],
    ids=["bars", "ramps", "between"],
)
@pytest.mark.parametrize("turned", [False, True])
def test_computed_patterns_have_no_strips(pixels: np.ndarray, turned: bool) -> None:
    seen = np.ascontiguousarray(np.rot90(pixels) if turned else pixels)
    assert not lerc.test(seen).found


@pytest.mark.parametrize("step", [2, 6])
def test_runs_are_counted_as_one_by_one(step: int) -> None:
    lines = np.random.default_rng(step).integers(100, 100 + step * 2, (5, 37)).astype(np.uint8)
    lines[:, 8:16] = lines[:, 8:9] % step + step * np.arange(8)
    lines[3, :20] = lines[2, :20]
    counts = np.zeros((8, 3), np.int64)
    for before, line in zip([[], *lines.tolist()], lines.tolist(), strict=False):
        for start in range(len(line) - 7):
            run = line[start : start + 8]
            if max(run) - min(run) < step or run == before[start : start + 8]:
                counts[start % 8, 0] += 1
            else:
                counts[start % 8, 1 if len({v % step for v in run}) == 1 else 2] += 1
    np.testing.assert_array_equal(lerc_strips.runs_by_phase(lines, step), counts)
    assert not lerc_strips.runs_by_phase(lines[:, :7], step).any()
