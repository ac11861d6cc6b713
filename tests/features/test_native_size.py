"""Native sizes of resized pictures: found by blocks in phase with the edge, restored with blocks where they were."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_features import native_size
from forensics_features.block_phases import block_phases
from PIL import Image
from scipy.interpolate import make_interp_spline


def blocky(side: int, seed: int = 1, rise: float = 3.0) -> np.ndarray:
    """A smooth picture, of which every block of 8x8 is a little brighter or darker."""
    numbers = np.random.default_rng(seed)
    small = numbers.integers(60, 190, (side // 32 + 2, side // 32 + 2, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC), np.float64)
    blocks = np.kron(numbers.normal(0, rise, (side // 8, side // 8, 3)), np.ones((8, 8, 1)))
    return np.clip(np.rint(smooth + blocks + numbers.normal(0, 1, smooth.shape)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
@pytest.mark.parametrize(("side", "ratios"), [(300, native_size.REDUCED), (601, native_size.ENLARGED)])
def test_the_native_size_is_found(side: int, ratios: tuple[float, float], kernel: Image.Resampling) -> None:
    resized = np.asarray(Image.fromarray(blocky(416)).resize((side, side), kernel))
    found = native_size.candidates(resized, 3, ratios)
    assert min(abs(size.width - 416) for size in found) <= 1
    assert [size.strength for size in found] == sorted((size.strength for size in found), reverse=True)
    least, most = ratios
    assert all(least <= size.width / side <= most for size in found)


def test_sizes_of_a_picture_that_is_not_square_keep_its_shape() -> None:
    resized = np.asarray(Image.fromarray(blocky(416)[:320]).resize((312, 240), Image.Resampling.BICUBIC))
    (size,) = native_size.candidates(resized, 1)
    assert np.abs(np.subtract(size[:2], (416, 320))).max() <= 1


def test_borders_count_where_they_are_in_phase_with_the_edge() -> None:
    resized = Image.fromarray(blocky(416, rise=0.5)).convert("L").resize((300, 300), Image.Resampling.BICUBIC)
    part, ratio = np.asarray(resized, np.float32)[:, 3:], np.array([416 / 300])
    in_phase, beside = (native_size._of_blocks(part, start, ratio, "luma")[0] for start in (3, 2))
    assert in_phase > 0.5
    assert beside < in_phase


def test_small_pictures_have_no_native_size() -> None:
    assert native_size.candidates(np.zeros((95, 300, 3), np.uint8), 3) == []
    assert native_size.candidates(np.zeros((100, 100), np.uint8), 3, (0.5, 0.8)) == []


def test_a_restored_picture_has_its_blocks_where_they_were() -> None:
    picture = blocky(416)
    resized = np.asarray(Image.fromarray(picture).resize((312, 312), Image.Resampling.BICUBIC))
    phases = block_phases(native_size.restored(resized, 416, 416))[0].sum(axis=1)  # of luma, by axis
    assert (phases.reshape(2, 8, 8).mean(axis=1).argmax(axis=1) == 0).all()


def test_the_middle_of_a_large_picture_is_that_of_the_whole() -> None:
    numbers = np.random.default_rng(3)
    small = np.repeat(np.repeat(numbers.integers(0, 256, (9, 13), np.uint8), 100, axis=0), 100, axis=1)
    found = native_size.restored(small, 1700, 1177)
    assert found.shape == (768, 768)

    def spline(old: int, new: int) -> np.ndarray:
        places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        return np.asarray(make_interp_spline(np.arange(old), np.eye(old), k=5)(places))

    whole = np.clip(np.rint(spline(900, 1177) @ small.astype(float) @ spline(1300, 1700).T), 0, 255).astype(np.uint8)
    top, left = (1177 - 768) // 2 // 64 * 64, (1700 - 768) // 2 // 64 * 64
    assert np.abs(found.astype(int) - whole[top : top + 768, left : left + 768]).max() <= 1


def test_grey_pictures_and_sixteen_bits_are_taken() -> None:
    grey = np.asarray(Image.fromarray(blocky(416)).convert("L").resize((300, 300), Image.Resampling.BICUBIC))
    found = native_size.candidates(grey, 3)
    assert [size[:2] for size in native_size.candidates(grey.astype(np.uint16) * 257, 3)] == [s[:2] for s in found]


@pytest.mark.parametrize("share", [0.5, 0.75])
def test_sharpness_differs_less_by_place_where_samples_stand_for_whole_numbers(share, monkeypatch) -> None:
    small = np.random.default_rng(3).integers(96, 160, (192, 192, 3), np.uint8)
    native = round(192 / share)

    def unevenness() -> float:
        plane = native_size.restored(small, native, native)[:, :, 1].astype(float)
        bent = np.abs(np.diff(plane, 2, axis=1))
        by_place = [bent[:, place::4].mean() for place in range(4)]
        return max(by_place) / min(by_place)

    smoothed = unevenness()
    monkeypatch.setattr(native_size, "_UNEVEN_WITHIN", 0.0)
    assert smoothed < unevenness()
