"""The near lattice at every place of a JPEG's grid: block by block, moved, under noise, absent."""

import numpy as np
import pytest
from scipy.fft import dctn, idctn

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.codecs.headers.mpeg_matrix import INTRA_MATRIX
from forensics.history.jpeg import near_lattice
from tests.features.test_scaled_grid import jpeg, photograph


def luma(quality: int | None, side: int = 256) -> np.ndarray:
    plain = photograph(side)
    picture = plain if quality is None else np.asarray(jpeg(plain, quality))
    return np.asarray(picture[..., 1] if picture.ndim == 3 else picture, np.float32)


def coefficients(plane: np.ndarray, top: int, left: int) -> np.ndarray:
    """Of all whole blocks at one place of the grid, shape (blocks, 8, 8)."""
    part = plane[top:, left:]
    rows, columns = part.shape[0] // 8, part.shape[1] // 8
    blocks = part[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
    return np.asarray(dctn(blocks.astype(np.float64), axes=(1, 2), norm="ortho"))


def naive_sums(plane: np.ndarray, quality: int, noise: float) -> np.ndarray:
    """Weighed sums of cosines at all 64 places over what the others give, from blocks one place after the other."""
    table = scaled_table(TABLE_FAMILIES["standard"][0], float(quality)).reshape(8, 8)[:5, :5].astype(float)
    near, count = np.zeros((64, 5, 5)), np.zeros((64, 5, 5))
    for place in range(64):
        sizes = np.abs(coefficients(plane, *divmod(place, 8)))
        for v in range(5):
            for h in range(5):
                # bins of half a level, read at their middles
                middles = (np.floor(sizes[:, v, h] * 2) + 0.5) / 2
                step = table[v, h]
                counted = (middles >= 0.6 * step) & (middles < 12.5 * step) & (middles < 512) & (step >= 3)
                near[place, v, h] = np.cos(2 * np.pi * middles[counted] / step).sum()
                count[place, v, h] = counted.sum()
    others = (near.sum(axis=0) - near) / np.maximum(count.sum(axis=0) - count, 1)
    weighed = np.exp(-2 * np.pi**2 * noise**2 / table**2) * (near - count * others)
    weighed[:, 0, 0] = 0
    return np.asarray(weighed.sum(axis=(1, 2)))


@pytest.mark.parametrize("noise", [0, 4])
def test_sums_are_what_blocks_say_one_by_one(noise: int) -> None:
    plane, bank = luma(70, 128), near_lattice._jpegs()
    sums, _ = near_lattice._added(near_lattice._excesses(near_lattice._histograms(plane), bank), bank)
    column = near_lattice.tables()[0].index(("standard", 70))
    own = sums[near_lattice.NOISES.index(noise), :, column]
    expected = naive_sums(plane, 70, noise)
    # float32 coefficients fall into a neighbouring bin now and then
    assert own == pytest.approx(expected, abs=0.02 * np.abs(expected).max())


@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 0), (5, 6)])
@pytest.mark.parametrize("quality", [50, 80])
def test_place_and_quality_are_read_back(quality: int, top: int, left: int) -> None:
    found = near_lattice.read([luma(quality)[top:, left:]])
    assert found is not None
    assert found.phase == (-top % 8, -left % 8)
    assert abs(found.quality - quality) <= 2
    assert found.contrast > 20


def test_a_transposed_picture_swaps_the_place() -> None:
    plane = luma(60)[2:, 5:]
    found, turned = near_lattice.read([plane]), near_lattice.read([plane.T])
    assert found is not None
    assert turned is not None
    assert turned.phase == found.phase[::-1] == (3, 6)


def test_noise_is_weighed_for() -> None:
    plane = luma(50) + np.random.default_rng(2).normal(0, 6, (256, 256)).astype(np.float32)
    found = near_lattice.read([plane])
    assert found is not None
    assert found.noise == pytest.approx(6, abs=1.5)
    assert found.phase == (0, 0)
    assert found.contrast > 8


def test_the_plane_that_shows_it_is_told() -> None:
    found = near_lattice.read([luma(None), luma(60)])
    assert found is not None
    assert found.plane == 1


def test_a_picture_that_was_never_compressed_shows_chance() -> None:
    found = near_lattice.read([luma(None)])
    assert found is not None
    assert found.contrast < 6


def test_flat_planes_show_nothing() -> None:
    found = near_lattice.read([np.full((128, 128), 90.0, np.float32)])
    assert found is not None
    assert found.contrast == 0


def test_small_planes_are_not_read() -> None:
    assert near_lattice.read([np.zeros((near_lattice.LEAST_SIDE - 1, 200), np.float32)]) is None


def in_steps(plane: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """A plane whose blocks' coefficients are multiples of steps, before rounding to levels."""
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    blocks = plane[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3).astype(np.float64)
    coded = idctn(np.rint(dctn(blocks, axes=(2, 3), norm="ortho") / steps) * steps, axes=(2, 3), norm="ortho")
    return np.asarray(np.rint(coded).transpose(0, 2, 1, 3).reshape(8 * rows, 8 * columns), np.float32)


@pytest.mark.parametrize("stretched", [1.0, 255 / 219])
@pytest.mark.parametrize("kind", ["matrix", "flat"])
def test_steps_of_video_show_more_than_those_of_a_jpeg(kind: str, stretched: float) -> None:
    steps = INTRA_MATRIX * (10 / 16) if kind == "matrix" else np.full((8, 8), 12.0)
    frame = in_steps(luma(None), steps * stretched)
    found = near_lattice.read([frame])
    assert found is not None
    assert found.phase == (0, 0)
    assert near_lattice.rival([frame], found) > found.contrast


@pytest.mark.parametrize("quality", [40, 65, 85])
def test_steps_of_a_jpeg_show_more_than_those_of_video(quality: int) -> None:
    planes = [np.zeros((256, 256), np.float32), luma(quality)]
    found = near_lattice.read(planes)
    assert found is not None
    assert found.plane == 1
    assert near_lattice.rival(planes, found) < 0.8 * found.contrast
