"""Recovery of JPEG parameters on real files: made pictures through the real codec, cropped at known phases."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.history.jpeg.recovery import recover


def made(height: int = 208, width: int = 232, seed: int = 0) -> np.ndarray:
    """A picture with a natural spectrum and some colour, far from 0 and 255."""
    rng = np.random.default_rng(seed)
    noise = np.fft.rfft2(rng.normal(size=(height, width, 3)), axes=(0, 1))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])[..., None]
    texture = np.fft.irfft2(noise / (radius + 0.01), s=(height, width), axes=(0, 1))
    texture = 26 * texture / texture.std()
    mixed = texture[..., :1] + 0.45 * texture
    return np.clip(128 + mixed, 4, 251).astype(np.uint8)


def through_jpeg(pixels: np.ndarray, **options: object) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", **options)
    with Image.open(stream) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize(
    ("quality", "subsampling"),
    [(50, "4:2:0"), (75, "4:2:2"), (90, "4:4:4"), (95, "4:2:0"), (98, "4:4:4"), (100, "4:2:0")],
)
def test_everything_is_recovered_from_a_crop(quality: int, subsampling: str) -> None:
    decoded = through_jpeg(made(seed=quality), quality=quality, subsampling=subsampling)
    history = recover(decoded[5:, 11:])
    assert history.found
    assert history.grid.phase == (3, 5)
    assert history.match is not None
    assert history.match.quality == quality
    assert history.match.low <= quality <= history.match.high
    assert history.subsampling[0] == subsampling
    assert history.colour == "ycbcr"
    for estimate, base in zip((history.luma, history.chroma), TABLE_FAMILIES["standard"]):
        assert estimate is not None
        table = scaled_table(base, quality).ravel()
        np.testing.assert_array_equal(estimate.steps[estimate.identified], table[estimate.identified])
    assert history.luma is not None
    assert history.luma.identified.sum() >= 20
    assert history.fixed_point_luma > 0.9


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"quality": 60, "subsampling": "4:2:0"}),
        ("RGB", {"quality": 85, "subsampling": "4:2:2"}),
        ("RGB", {"quality": 92, "subsampling": "4:4:4"}),
        ("RGB", {"quality": 85, "keep_rgb": True}),
        ("L", {"quality": 80}),
    ],
)
def test_coded_again_it_is_as_large_as_the_file(mode: str, options: dict[str, object]) -> None:
    pixels = np.asarray(Image.fromarray(made(seed=9)).convert(mode))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", **options)
    with Image.open(stream) as picture:
        crop = np.asarray(picture)[3:, 6:]
    stated = {parameter.name: parameter for parameter in recover(crop).parameters()}["compression_ratio"]
    true = pixels.size / len(stream.getvalue())
    assert stated.value == pytest.approx(true, rel=0.06)
    assert stated.low < true < stated.high


def test_of_an_unknown_table_no_size_is_stated() -> None:
    decoded = through_jpeg(made(seed=4), qtables=[[7] * 64, [9] * 64], subsampling="4:4:4")
    stated = {parameter.name: parameter for parameter in recover(decoded).parameters()}["compression_ratio"]
    assert stated.value is None
    assert "not sure enough" in stated.reason


def test_steps_of_no_known_table_are_read_one_by_one() -> None:
    rng = np.random.default_rng(3)
    table = np.clip(scaled_table(TABLE_FAMILIES["standard"][0], 85).ravel() + rng.integers(-2, 5, 64), 2, 60)
    decoded = through_jpeg(made(seed=4), qtables=[table.tolist(), table.tolist()], subsampling="4:4:4")
    history = recover(decoded[1:, 2:])
    assert history.luma is not None
    identified = history.luma.identified
    assert identified.sum() >= 40
    np.testing.assert_array_equal(history.luma.steps[identified], table[identified])


@pytest.mark.parametrize("family", ["robidoux", "ms-ssim", "flat"])
def test_a_table_family_is_named(family: str) -> None:
    tables = [scaled_table(base, 80).ravel().tolist() for base in TABLE_FAMILIES[family]]
    history = recover(through_jpeg(made(seed=5), qtables=tables, subsampling="4:2:0"))
    assert history.match is not None
    assert (history.match.family, history.match.quality) == (family, 80)
    assert history.match.family_probability > 0.9


def test_grey_and_rgb_stored_pictures_are_told_apart() -> None:
    grey = recover(through_jpeg(made()[..., 0], quality=80)[3:, 1:])
    assert (grey.colour, grey.grid.phase) == ("grey", (5, 7))
    rgb = recover(through_jpeg(made(), quality=80, keep_rgb=True, subsampling="4:4:4")[3:, 1:])
    assert (rgb.colour, rgb.grid.phase) == ("rgb", (5, 7))
    assert rgb.match is not None
    assert rgb.match.quality == 80
    parameters = {p.name: p for p in rgb.parameters()}
    assert parameters["colour_transform"].value == "none"
    assert parameters["chroma_subsampling"].value is None


def test_an_uncompressed_picture_has_reasons_and_no_values() -> None:
    history = recover(made(seed=7))
    assert not history.found
    assert all(p.value is None and p.reason for p in history.parameters())


def test_repeated_chroma_is_told_from_interpolated() -> None:
    """A decoder without interpolation: luma from the real file, chroma from grey files of the halved planes,
    repeated.
    """
    ycc = np.asarray(Image.fromarray(made(seed=8)).convert("YCbCr")).astype(np.float64)
    planes = [through_jpeg(ycc[..., 0].astype(np.uint8), quality=85)]
    for i in (1, 2):
        half = ycc[..., i].reshape(104, 2, 116, 2).mean(axis=(1, 3))
        stored = through_jpeg(
            np.rint(half).astype(np.uint8), qtables=[scaled_table(TABLE_FAMILIES["standard"][1], 85).ravel().tolist()]
        )
        planes.append(np.repeat(np.repeat(stored, 2, axis=0), 2, axis=1))
    history = recover(_to_rgb(planes)[7:, 3:])
    assert history.subsampling[0] == "4:2:0"
    assert history.upsampling[0] == "repeat"


def _to_rgb(planes: list[np.ndarray]) -> np.ndarray:
    y, cb, cr = (plane.astype(np.float64) for plane in planes)
    cb, cr = cb - 128, cr - 128
    red, blue = y + np.rint(1.402 * cr), y + np.rint(1.772 * cb)
    green = y + np.rint(-0.344136 * cb - 0.714136 * cr)
    return np.clip(np.stack([red, green, blue], axis=2), 0, 255).astype(np.uint8)


def test_parameters_are_json_ready_and_intervals_contain_values() -> None:
    import json

    for parameter in recover(through_jpeg(made(), quality=85)).parameters():
        json.dumps(parameter.to_dict())
        if parameter.low is not None and parameter.high is not None:
            assert parameter.low <= float(parameter.value) <= parameter.high  # type: ignore[arg-type]


def test_a_transposed_picture_has_transposed_phase_and_steps() -> None:
    decoded = through_jpeg(made(), quality=85, subsampling="4:4:4")[2:, 5:]
    one, other = recover(decoded), recover(decoded.swapaxes(0, 1))
    assert one.grid.phase == other.grid.phase[::-1]
    assert one.luma is not None
    assert other.luma is not None
    both = (one.luma.identified.reshape(8, 8).T & other.luma.identified.reshape(8, 8)).ravel()
    np.testing.assert_array_equal(one.luma.steps.reshape(8, 8).T.ravel()[both], other.luma.steps[both])


@pytest.mark.parametrize("pixels", [np.zeros((96, 96, 3), np.uint8), np.full((64, 80), 255, np.uint8)])
def test_flat_pictures_have_no_grid(pixels: np.ndarray) -> None:
    assert not recover(pixels).found


def test_wrong_input_is_refused() -> None:
    with pytest.raises(TypeError, match="uint8"):
        recover(np.zeros((64, 64), np.float32))
    with pytest.raises(ValueError, match="64 pixels"):
        recover(np.zeros((63, 64), np.uint8))
    with pytest.raises(ValueError, match="RGB"):
        recover(np.zeros((64, 64, 4), np.uint8))
