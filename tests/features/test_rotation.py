"""Rotations: the angle and where samples fell are read, and the samples before come back."""

import math

import numpy as np
import pytest
from forensics_features import rotation
from forensics_features.rotation import Rotation
from PIL import Image
from scipy.ndimage import map_coordinates

from tests.features.test_scaled_grid import photograph


def rotated(pixels: np.ndarray, degrees: float, *, kernel=Image.Resampling.BILINEAR, inner: int = 340) -> np.ndarray:
    picture = Image.fromarray(pixels).rotate(degrees, kernel)
    edge = (pixels.shape[0] - inner) // 2
    return np.asarray(picture.crop((edge, edge, edge + inner, edge + inner)))


@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("degrees", [-5.3, -3.4, 3.7, 6.6])
def test_the_angle_and_the_phases_are_read(degrees: float, kernel: Image.Resampling) -> None:
    found = rotation.find(rotated(photograph(), degrees, kernel=kernel))
    assert found is not None
    assert found.clear
    assert found.degrees == pytest.approx(degrees, abs=0.03)
    # Pillow turns about the middle of the picture, 224 pixels from its edges: the first sample's middle is there.
    angle = math.radians(degrees)
    from_middle = 54 + 0.5 - 224
    column = math.cos(angle) * from_middle - math.sin(angle) * from_middle + 224 - 0.5
    row = math.sin(angle) * from_middle + math.cos(angle) * from_middle + 224 - 0.5
    assert abs((found.column - column + 0.5) % 1 - 0.5) < 0.1
    assert abs((found.row - row + 0.5) % 1 - 0.5) < 0.1


def test_a_mirror_image_is_rotated_the_other_way() -> None:
    pixels = rotated(photograph(), 3.1)
    found, mirrored = rotation.find(pixels), rotation.find(np.ascontiguousarray(pixels[:, ::-1]))
    assert found is not None
    assert mirrored is not None
    assert mirrored.degrees == pytest.approx(-found.degrees, abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_what_was_not_rotated_is_not_clear(seed: int) -> None:
    found = rotation.find(photograph(300, seed))
    assert found is not None
    assert not found.clear
    assert rotation.find(photograph(rotation.LEAST_SIDE - 1)) is None
    flat = rotation.find(np.full((128, 160), 9, np.uint8))
    assert flat is not None
    assert not flat.clear


@pytest.mark.parametrize("degrees", [-4.2, 2.3])
def test_the_samples_before_come_back(degrees: float) -> None:
    before = photograph()
    pixels = rotated(before, degrees, kernel=Image.Resampling.BICUBIC)
    found = rotation.find(pixels)
    assert found is not None
    undone = rotation.undo(pixels, found)
    assert undone.dtype == np.uint8
    assert max(undone.shape[:2]) < 340
    # Where in the original it lies is told by the middle, to a pixel: the nearest place fits.
    height, width = undone.shape[:2]
    errors = [
        float(np.mean((before[top : top + height, left : left + width].astype(float) - undone) ** 2))
        for top in range((448 - height) // 2 - 2, (448 - height) // 2 + 3)
        for left in range((448 - width) // 2 - 2, (448 - width) // 2 + 3)
    ]
    y, x = np.mgrid[:height, :width] - np.array([height - 1, width - 1]).reshape(2, 1, 1) / 2
    angle = math.radians(found.degrees)
    back = [169.5 + math.cos(angle) * y - math.sin(angle) * x, 169.5 + math.sin(angle) * y + math.cos(angle) * x]
    smooth = np.stack([map_coordinates(pixels[:, :, c].astype(float), back, order=3) for c in range(3)], axis=2)
    assert min(errors) < 0.5 * float(np.mean((smooth - undone) ** 2)) or min(errors) < 3


def test_the_solution_is_that_of_the_whole_system() -> None:
    samples = np.random.default_rng(5).normal(120, 30, (14, 12, 1)).astype(np.float32)
    angle, column, row = math.radians(4), 0.3, 0.8
    solved, _ = rotation._solved(samples, angle, column, row)
    x, y = np.meshgrid(np.arange(12), np.arange(14))
    x, y = math.cos(angle) * x - math.sin(angle) * y + column, math.sin(angle) * x + math.cos(angle) * y + row
    first = math.floor(y.min()) - 2, math.floor(x.min()) - 2
    shape = math.ceil(y.max()) + 3 - first[0], math.ceil(x.max()) + 3 - first[1]
    weights = np.zeros((x.size, *shape))
    for place, (down, across) in enumerate(zip(y.ravel() - first[0], x.ravel() - first[1], strict=True)):
        for i in range(shape[0]):
            for j in range(shape[1]):
                weights[place, i, j] = cubic(abs(down - i)) * cubic(abs(across - j))
    weights = weights.reshape(x.size, -1)
    steps = []
    for i in range(shape[0]):
        for j in range(shape[1]):
            for other in ((i + 1, j), (i, j + 1)):
                if other[0] < shape[0] and other[1] < shape[1]:
                    step = np.zeros(shape)
                    step[i, j], step[other] = -1, 1
                    steps.append(step.ravel())
    smooth = np.array(steps)
    system = weights.T @ weights + rotation._SMOOTH * smooth.T @ smooth
    whole = np.linalg.solve(system, weights.T @ samples.ravel()).reshape(shape)
    height, width = solved.shape[:2]
    best = min(
        float(np.abs(whole[top : top + height, left : left + width] - solved[:, :, 0]).max())
        for top in range(shape[0] - height + 1)
        for left in range(shape[1] - width + 1)
    )
    assert best < 3.0  # conjugate gradients end early


def cubic(away: float) -> float:
    a = rotation._SLOPE
    if away <= 1:
        return (a + 2) * away**3 - (a + 3) * away**2 + 1
    return a * away**3 - 5 * a * away**2 + 8 * a * away - 4 * a if away < 2 else 0.0


def test_lines_are_those_of_a_plain_fourier_sum() -> None:
    values = np.random.default_rng(3).normal(0, 1, (90, 70)).astype(np.float32)
    size = 128
    power = np.abs(rotation.fft.rfft2(values, (size, size))) ** 2
    y, x = np.mgrid[:90, :70]
    for angle in np.deg2rad([-6.0, -1.0, 2.0, 7.5]):
        for across, down in rotation._lines(angle):
            near = np.round(across * size) / size, np.round(down * size) / size
            naive = (values * np.exp(-2j * np.pi * (near[0] * x + near[1] * y))).sum()
            assert rotation._at(power, np.array([across]), np.array([down]))[0] == pytest.approx(
                abs(naive) ** 2, rel=1e-3
            )
            assert rotation._sum(values, *near) == pytest.approx(naive, abs=1e-2)


@pytest.mark.parametrize("channels", [None, 1, 4])
def test_channels_are_undone_alone(channels: int | None) -> None:
    pixels = rotated(photograph(300), 2.0, inner=200)
    shown = pixels[:, :, 0] if channels is None else np.repeat(pixels[:, :, :1], channels, axis=2)
    found = Rotation(2.0, 0.25, 0.5, 9.0)
    undone = rotation.undo(shown, found)
    assert undone.shape[2:] == shown.shape[2:]
    if channels is not None:
        assert (undone == undone[:, :, :1]).all()


def test_large_pictures_are_undone_in_their_middle() -> None:
    undone = rotation.undo(np.zeros((1000, 1400, 3), np.uint8), Rotation(-1.0, 0.5, 0.5, 9.0))
    assert max(undone.shape[:2]) < rotation.MOST_SIDE
    assert min(undone.shape[:2]) > 700
