"""Preparation steps against plain twins, their properties, and their way through JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forensics.dataset import preparation
from forensics.dataset.camera import Camera
from forensics.dataset.preparation import (
    ColourSpace,
    Crop,
    Grey,
    Palette,
    Requantise,
    Resize,
    SubsampledChroma,
    Turn,
)
from forensics.dataset.synthetic import synthesise
from forensics.errors import UsageError


@pytest.fixture
def picture() -> np.ndarray:
    return synthesise("texture", 61, 84, 5)


def test_steps_survive_json_and_give_the_same_pixels(picture):
    steps = [
        Crop(3, 5, 50, 60), Resize(40, 44, "bilinear", False), ColourSpace("lab"), Palette(16, True),
        Turn("rotate90"), Requantise(0.9), Camera(seed=4), Grey(channels=3),
    ]  # fmt: skip
    text = json.dumps(preparation.to_json(steps))
    again = preparation.from_json(json.loads(text))
    assert again == steps
    first, second = preparation.apply(steps, picture), preparation.apply(again, picture)
    assert first.shape == (44, 40, 3)
    assert np.array_equal(first, second)


def test_every_kind_of_step_is_registered_under_its_own_name():
    assert all(step.kind == name for name, step in preparation.STEPS.items())
    assert len(preparation.STEPS) == 24


@pytest.mark.parametrize("record", [{"step": "melt"}, {"step": "crop", "top": 1}, {"top": 1}])
def test_unknown_steps_and_fields_are_refused(record):
    with pytest.raises(UsageError):
        preparation.from_json([record])


def test_crop_is_a_slice_and_stays_inside(picture):
    assert np.array_equal(Crop(2, 3, 10, 11).apply(picture), picture[2:12, 3:14])
    with pytest.raises(UsageError):
        Crop(60, 0, 2, 2).apply(picture)


def test_nearest_takes_the_pixel_under_each_centre(picture):
    resized = Resize(38, 52, "nearest").apply(picture)
    rows = [int((i + 0.5) * 61 / 38) for i in range(38)]
    columns = [int((j + 0.5) * 84 / 52) for j in range(52)]
    assert np.array_equal(resized, picture[rows][:, columns])


def test_area_by_a_whole_factor_is_the_mean_of_blocks(picture):
    blocks = picture[:60, :84].reshape(30, 2, 42, 2, 3).astype(float).mean(axis=(1, 3))
    # Pillow rounds to 8 bits between its two passes.
    assert np.abs(Resize(30, 42, "area").apply(picture[:60]) - blocks).max() <= 1.0


def test_bilinear_without_antialias_samples_at_points(picture):
    resized = Resize(25, 33, "bilinear", antialias=False).apply(picture).astype(float)
    for i, j in ((0, 0), (12, 16), (24, 32), (5, 30)):
        y, x = (i + 0.5) * 61 / 25 - 0.5, (j + 0.5) * 84 / 33 - 0.5
        r, c = int(np.floor(y)), int(np.floor(x))
        corner = picture[r : r + 2, c : c + 2].astype(float)
        row = corner[0] * (1 - (y - r)) + corner[1] * (y - r)
        expected = row[0] * (1 - (x - c)) + row[1] * (x - c)
        assert np.abs(resized[i, j] - expected).max() <= 1.0


@pytest.mark.parametrize("interpolation", preparation.INTERPOLATIONS)
@pytest.mark.parametrize("antialias", [True, False])
def test_resizing_keeps_a_flat_picture_flat(interpolation, antialias):
    flat = np.full((40, 50, 3), (9, 130, 250), np.uint8)
    for height, width in ((23, 31), (70, 77)):
        resized = Resize(height, width, interpolation, antialias).apply(flat)
        assert resized.shape == (height, width, 3)
        assert np.abs(resized.astype(int) - flat[0, 0]).max() == 0


def test_full_range_ycbcr_is_the_rounding_of_its_equations(picture):
    r, g, b = (picture[..., i].astype(float) for i in range(3))
    y = np.rint(0.299 * r + 0.587 * g + 0.114 * b)
    cb = np.rint((b - (0.299 * r + 0.587 * g + 0.114 * b)) / 1.772 + 128)
    cr = np.rint((r - (0.299 * r + 0.587 * g + 0.114 * b)) / 1.402 + 128)
    red, blue = y + 1.402 * (cr - 128), y + 1.772 * (cb - 128)
    green = (y - 0.299 * red - 0.114 * blue) / 0.587
    expected = np.clip(np.rint(np.stack([red, green, blue], -1)), 0, 255)
    # Sums that end in .5 may round either way.
    assert (ColourSpace("ycbcr").apply(picture) == expected).mean() > 0.995


@pytest.mark.parametrize(("space", "limit"), [("ycbcr", 2), ("ycbcr-limited", 3), ("hsv", 6), ("lab", 9)])
def test_colour_spaces_come_back_near_and_change_something(space, limit, picture):
    back = ColourSpace(space).apply(picture)
    error = np.abs(back.astype(int) - picture)
    assert 0 < error.mean() < limit / 2
    assert np.quantile(error, 0.99) <= limit
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    tolerance = 0 if space in ("ycbcr", "hsv") else 1
    assert np.abs(ColourSpace(space).apply(greys).astype(int) - greys).max() <= tolerance


def test_grey_pictures_pass_colour_spaces_and_palettes():
    grey = synthesise("gradient", 40, 40, 1)[:, :, 0].copy()
    assert ColourSpace("lab").apply(grey) is grey
    assert len(np.unique(Palette(8).apply(grey))) <= 8


@pytest.mark.parametrize("colours", [2, 17, 256])
@pytest.mark.parametrize("dither", [False, True])
def test_palettes_hold_at_most_their_colours(colours, dither, picture):
    reduced = Palette(colours, dither).apply(picture)
    assert 2 <= len(np.unique(reduced.reshape(-1, 3), axis=0)) <= colours


def test_dithering_keeps_the_mean_better(picture):
    plain, dithered = Palette(4, False).apply(picture), Palette(4, True).apply(picture)
    assert not np.array_equal(plain, dithered)
    smooth = [Resize(7, 10, "area").apply(p).astype(int) for p in (picture, plain, dithered)]
    assert np.abs(smooth[2] - smooth[0]).mean() < np.abs(smooth[1] - smooth[0]).mean()


def test_turns_are_the_symmetries_of_the_square(picture):
    turned = {how: Turn(how).apply(picture) for how in preparation.TURNS}
    assert all(np.array_equal(np.sort(t.ravel()), np.sort(picture.ravel())) for t in turned.values())
    assert np.array_equal(Turn("rotate90").apply(turned["rotate270"]), picture)
    assert np.array_equal(Turn("mirror").apply(Turn("flip").apply(picture)), turned["rotate180"])
    assert np.array_equal(turned["transpose"], picture.transpose(1, 0, 2))


def test_requantising_leaves_fewer_levels_and_stays_near():
    ramp = np.arange(256, dtype=np.uint8)[None]
    again = Requantise(0.9).apply(ramp)
    assert len(np.unique(again)) == round(255 * 0.9) + 1
    assert np.abs(again.astype(int) - ramp).max() <= 1
    assert np.array_equal(Requantise(1.0).apply(ramp), ramp)


@pytest.mark.parametrize("cosited", [False, True])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(21, 34), (1, 1), (8, 2)])
def test_subsampled_chroma_keeps_luma_and_flat_colours(
    cosited: bool, interpolation: str, shape: tuple[int, int]
) -> None:
    step = SubsampledChroma(2, 2, interpolation, cosited)
    flat = np.full((*shape, 3), (200, 30, 90), np.uint8)
    np.testing.assert_array_equal(step.apply(flat), flat)
    weights = np.array([0.299, 0.587, 0.114])
    colours = np.random.default_rng(0).integers(90, 160, (*shape, 3), np.uint8)
    softened = step.apply(colours)
    assert abs((softened.astype(float) - colours) @ weights).max() <= 0.51
    np.testing.assert_array_equal(step.apply(colours[..., 0]), colours[..., 0])


def test_subsampled_chroma_by_plain_loops() -> None:
    """Co-sited linear: even columns keep the (1, 2, 1)/4 mean, odd ones are the mean of their neighbours."""
    row = np.random.default_rng(1).normal(size=(1, 12))
    ours = SubsampledChroma(2, 1, "bilinear", True)._soften(row)
    padded = np.pad(row[0], 1, mode="symmetric")
    low = [(padded[2 * k] + 2 * padded[2 * k + 1] + padded[2 * k + 2]) / 4 for k in range(6)]
    expected = [low[j // 2] if j % 2 == 0 else (low[j // 2] + low[min(j // 2 + 1, 5)]) / 2 for j in range(12)]
    np.testing.assert_allclose(ours[0], expected)


def test_coded_is_the_registry_codec_there_and_back():
    from forensics.codecs import registry

    pixels = np.random.default_rng(2).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    step = preparation.Coded("jpeg", "jpeg", {"quality": 40.0, "subsampling": "4:2:0"})
    codec = registry.get("jpeg")
    np.testing.assert_array_equal(
        step.apply(pixels), codec.decode(codec.encode(pixels, quality=40.0, subsampling="4:2:0"))
    )
    grey = step.apply(np.ascontiguousarray(pixels[:, :, 0]))
    assert grey.shape == (40, 56)
    assert preparation.from_json(preparation.to_json([step])) == [step]


def test_trim_takes_rows_and_columns_off_the_upper_left():
    pixels = np.arange(60, dtype=np.uint8).reshape(5, 12)
    np.testing.assert_array_equal(preparation.Trim(2, 3).apply(pixels), pixels[2:, 3:])
    with pytest.raises(UsageError):
        preparation.Trim(5, 0).apply(pixels)
