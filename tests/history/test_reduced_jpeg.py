"""A JPEG that was reduced: scale and quality are read back, also beneath a last JPEG; nothing is found elsewhere."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

import forensics
from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.codecs.headers.mpeg_matrix import INTRA_MATRIX
from forensics.history.jpeg import before_reduction, reduced
from tests.features.test_scaled_grid import jpeg, photograph
from tests.history.test_near_lattice import in_steps


def smaller(picture: Image.Image, scale: float, kernel: Image.Resampling = Image.Resampling.BICUBIC) -> Image.Image:
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), kernel)


def around(scale: float) -> np.ndarray:
    """Some sixty of the scales that are tried: all of them take seconds."""
    return reduced.SCALES[np.abs(np.log(reduced.SCALES / scale)) < 0.04]


def saved(picture: Image.Image, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


@pytest.mark.parametrize(
    ("quality", "scale", "kernel"),
    [
        (60, 0.55, Image.Resampling.LANCZOS),
        (75, 0.71, Image.Resampling.BICUBIC),
        (75, 0.8, Image.Resampling.BILINEAR),
        (88, 0.9, Image.Resampling.BICUBIC),
    ],
)
def test_scale_and_quality_are_read_back(quality: int, scale: float, kernel: Image.Resampling) -> None:
    pixels = np.asarray(smaller(jpeg(photograph(480), quality), scale, kernel))
    reading = reduced.read(pixels, around(scale))
    assert reading is not None
    assert reading.found
    assert reading.scale == pytest.approx(pixels.shape[1] / 480, rel=0.003)
    assert abs(reading.quality - quality) <= 2


@pytest.mark.parametrize("scale", [0.71, 0.8, 0.9])
def test_likely_scales_hold_the_right_one(scale: float) -> None:
    pixels = np.asarray(smaller(jpeg(photograph(480), 60), scale))
    likely = reduced.likely_scales(pixels)
    assert np.abs(likely / (pixels.shape[1] / 480) - 1).min() < 0.002
    assert len(likely) < len(reduced.SCALES) / 4


@pytest.mark.parametrize(("first", "scale", "last"), [(55, 0.6, 90), (70, 0.8, 85)])
def test_an_earlier_jpeg_is_read_beneath_the_last(first: int, scale: float, last: int) -> None:
    found = before_reduction.before_last(saved(smaller(jpeg(photograph(480), first), scale), last))
    assert found is not None
    assert found.codec == "jpeg"
    parameters = {parameter.name: parameter for parameter in found.parameters}
    assert parameters["scale"].value == pytest.approx(round(480 * scale) / 480, rel=0.003)
    assert abs(parameters["quality"].value - first) <= 2


@pytest.mark.parametrize("scale", [1.0, 0.8])
def test_nothing_is_found_in_a_picture_that_was_compressed_once_or_never(scale: float) -> None:
    picture = smaller(Image.fromarray(photograph(320)), scale)
    for pixels in (saved(picture, 80), np.asarray(picture)):
        reading = reduced.read(pixels, reduced.SCALES[::3])
        assert reading is not None
        assert not reading.found


def test_an_upright_grid_is_not_one_of_half_the_size() -> None:
    reading = reduced.read(saved(Image.fromarray(photograph(480)), 80), around(0.5))
    assert reading is not None
    assert not reading.found


@pytest.mark.parametrize("steps", [INTRA_MATRIX / 2, np.full((8, 8), 8.0)])
def test_a_reduced_frame_of_video_is_no_jpeg(steps: np.ndarray) -> None:
    frame = in_steps(np.float32(photograph(512)[..., 1]), steps * 255 / 219)
    found = reduced.read(np.asarray(smaller(Image.fromarray(np.uint8(frame.clip(0, 255))), 0.75)))
    assert found is not None
    assert found.contrast >= reduced.NAMED_FROM
    assert not found.found
    assert not found.named


def test_too_small_pictures_are_not_read() -> None:
    assert reduced.read(photograph(120)) is None


def test_strengths_are_what_blocks_say_one_by_one() -> None:
    luma = np.asarray(jpeg(photograph(160), 70).convert("L"), np.float32)
    blocks = (luma - 128).reshape(20, 8, 20, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
    coefficients = dctn(blocks, axes=(1, 2), norm="ortho")
    quality = 70
    table = scaled_table(TABLE_FAMILIES["standard"][0], quality).astype(float)
    total, count = 0.0, 0
    for v, h in reduced.POSITIONS:
        own = np.abs(coefficients[:, v, h])
        own = own[own > 0.6 * table[v, h]]
        total += float(np.cos(2 * np.pi * own / table[v, h]).sum())
        count += len(own)
    expected = total * np.sqrt(2 / count)
    strength = reduced._strengths(luma, 1.0, 1.0)[list(reduced.QUALITIES).index(quality)]  # of the flat kernel
    assert strength == pytest.approx(expected, rel=0.05)


def test_the_verdict_names_the_jpeg_its_quality_and_its_size() -> None:
    picture = Image.open("examples/uncompressed.png").convert("RGB")
    large = Image.new("RGB", (512, 512))
    for place in ((0, 0), (256, 0), (0, 256), (256, 256)):
        large.paste(picture, place)
    pixels = np.asarray(smaller(jpeg(np.asarray(large), 70), 0.7))
    result = forensics.examine(pixels, map=False)
    statement = next(s for s in result.analysis.evidence if s.trace == reduced.NAME)
    assert result.analysis.verdict == "jpeg"
    assert "and then reduced to 0.699 of its size" in statement.text
    assert result.analysis.afterwards is not None
    assert result.analysis.afterwards["resampled"] > 0.9
    (generation,) = result.history.generations
    read = {parameter.name: parameter.value for parameter in generation.parameters}
    assert read.keys() == {"quality", "scale", "chroma_subsampling"}
    assert read["quality"] == 70
