"""A JPEG that was reduced and saved as a JPEG again: the chain says both; a JPEG saved once has no earlier one."""

import io

import numpy as np
import pytest
from forensics_features import scaled_grid
from PIL import Image

from forensics.history.jpeg.before_reduction import SCALE, before_reduction
from tests.features.test_scaled_grid import jpeg, photograph


def saved_again(picture: Image.Image, scale: float, quality: int) -> np.ndarray:
    size = round(picture.width * scale)
    stream = io.BytesIO()
    picture.resize((size, size), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


@pytest.mark.parametrize("scale", [0.61, 0.8])
def test_the_scale_is_read_beside_the_last_grid(scale: float) -> None:
    pixels = saved_again(jpeg(photograph(640), 50), scale, 97)
    grid = scaled_grid.find(pixels, saved_again=True)
    assert grid is not None
    assert grid.scale == pytest.approx(scale, rel=0.01)


def test_the_earlier_jpeg_is_a_generation_with_its_scale() -> None:
    found = before_reduction(saved_again(jpeg(photograph(640), 50), 0.55, 97))
    assert found is not None
    assert found.codec == "jpeg"
    assert found.parameters[0].name == SCALE
    assert found.parameters[0].value == pytest.approx(0.55, rel=0.01)
    assert 0.5 < found.probability < 1


@pytest.mark.parametrize("scale", [1.0, 0.8, 0.61])
def test_a_picture_saved_once_has_no_earlier_jpeg(scale: float) -> None:
    assert before_reduction(saved_again(Image.fromarray(photograph(640)), scale, 92)) is None


def test_lines_of_the_last_grid_are_left_out() -> None:
    pixels = np.asarray(jpeg(photograph(512), 40))
    profile = scaled_grid._profiles(np.asarray(Image.fromarray(pixels).convert("L"), np.float32))[0]
    plain, _ = scaled_grid._spectrum(profile)
    left, _ = scaled_grid._spectrum(profile, True)
    place = scaled_grid._LENGTH // 8
    assert plain[place] > 50
    assert left[place] == 1
