"""Sharpening filters: kernel and amount read, undone, and nothing read in pictures that were not sharpened."""

import numpy as np
import pytest
from forensics_features import sharpening
from forensics_features.sharpening import _FIXED, low_pass
from PIL import Image, ImageFilter
from scipy.fft import dctn, idctn
from scipy.ndimage import convolve, gaussian_filter


def scene(height: int = 320, width: int = 330, seed: int = 0) -> np.ndarray:
    """Texture at several scales, far from black and white."""
    rng = np.random.default_rng(seed)
    layers = [
        rng.normal(size=(height, width)),
        *(gaussian_filter(rng.normal(size=(height, width)), s) * 4 * s for s in (1, 4)),
    ]
    return np.clip(128 + 6 * sum(layers), 40, 215).astype(np.uint8)


def sharpened(plane: np.ndarray, sigma: float, amount: float) -> np.ndarray:
    whole = plane.astype(float)
    made = whole + amount * (whole - gaussian_filter(whole, sigma, mode="nearest"))
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)


def taps(kernel: str, sigma: float) -> np.ndarray:
    """A kernel weight by weight."""
    if kernel in _FIXED:
        return _FIXED[kernel]
    if kernel == "gaussian":
        reach = int(np.ceil(4 * sigma)) + 1
        line = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    else:
        length = np.sqrt(12 * sigma**2 / 3 + 1)
        whole = int(np.floor((length - 1) / 2))
        end = (length - (2 * whole + 1)) / 2
        # The fraction at the ends is what gives the box the variance asked for, not the length.
        end = _end_of(whole, sigma**2 / 3)
        box = np.array([end, *[1.0] * (2 * whole + 1), end])
        line = np.convolve(np.convolve(box, box), box)
    line /= line.sum()
    return np.outer(line, line)


def _end_of(whole: int, variance: float) -> float:
    """Bisection for the weight at the ends of a box of `2 whole + 1` ones that gives a variance."""
    low, high = 0.0, 1.0
    places = np.arange(-whole - 1, whole + 2)
    for _ in range(60):
        end = (low + high) / 2
        box = np.array([end, *[1.0] * (2 * whole + 1), end])
        if (box @ places**2) / box.sum() < variance:
            low = end
        else:
            high = end
    return end


@pytest.mark.parametrize(
    ("kernel", "sigma"), [("gaussian", 0.6), ("gaussian", 2.3), ("box", 0.8), ("box", 2.0), *((k, 0.0) for k in _FIXED)]
)
def test_eigenvalues_are_those_of_the_convolution_with_mirrored_ends(kernel, sigma):
    plane = np.random.default_rng(1).normal(size=(40, 53))
    expected = convolve(plane, taps(kernel, sigma), mode="reflect")
    found = idctn(dctn(plane, type=2) * low_pass(kernel, sigma, plane.shape), type=2)
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize(("sigma", "amount"), [(0.6, 1.4), (1.0, 0.8), (1.0, 1.5), (2.0, 0.5), (3.0, 1.0)])
def test_unsharp_masks_are_read_and_undone(sigma, amount):
    before = scene()
    found = sharpening.find(sharpened(before, sigma, amount))
    assert found.clear
    assert found.kernel in ("gaussian", "box")
    assert found.amount * found.sigma**2 == pytest.approx(amount * sigma**2, rel=0.15)
    again = sharpening.undo(sharpened(before, sigma, amount), found)
    assert (again == before)[8:-8, 8:-8].mean() > 0.9


def test_a_program_s_kernel_is_read_and_undone():
    before = np.stack([scene(seed=k) for k in range(3)], axis=2)
    after = np.asarray(Image.fromarray(before).filter(ImageFilter.SHARPEN))
    found = sharpening.find(after)
    assert found.clear
    assert found.kernel == "ring 3x3"
    assert found.amount == pytest.approx(1, abs=0.01)
    assert (sharpening.undo(after, found) == before).mean() > 0.95
    assert (after == before).mean() < 0.2


def test_samples_that_were_cut_off_have_an_offset_of_a_half():
    before = scene(seed=3).astype(float)
    made = np.floor(before + 0.9 * (before - gaussian_filter(before, 1.2, mode="nearest"))).astype(np.uint8)
    found = sharpening.find(made)
    assert found.clear
    assert found.offset == pytest.approx(-0.5, abs=0.05)
    assert (sharpening.undo(made, found) == before).mean() > 0.9


@pytest.mark.parametrize(
    "made",
    [
        lambda x: x,
        lambda x: np.rint(gaussian_filter(x.astype(float), 0.7)).astype(np.uint8),
        lambda x: np.asarray(Image.fromarray(x).filter(ImageFilter.MedianFilter(3))),
        lambda x: np.asarray(Image.fromarray(x).resize((400, 390), Image.Resampling.LANCZOS)),
        lambda x: np.full_like(x, 90),
        lambda x: x[:40, :50],
        lambda x: x[:20, :20],
        lambda x: np.tile(np.arange(0, 250, dtype=np.uint8), (200, 1)),
        lambda x: np.where(x > 128, 255, 0).astype(np.uint8),
    ],
    ids=["as it is", "blurred", "median", "enlarged", "flat", "small", "tiny", "ramp", "two levels"],
)
def test_what_was_not_sharpened_is_not_read_as_sharpened(made):
    for seed in range(3):
        found = sharpening.find(made(scene(seed=seed)))
        assert found is None or not found.clear


def test_alpha_stays_and_shapes_are_kept():
    before = np.dstack([scene(80, 90, k) for k in range(4)])
    found = sharpening.Sharpening("gaussian", 1.0, 0.8, 0.0, 0.5, 1000, 0.9)
    for picture in (before, before[:, :, :3], before[:, :, 0], before[:, :, :2]):
        undone = sharpening.undo(picture, found)
        assert undone.shape == picture.shape
        assert undone.dtype == np.uint8
    assert np.array_equal(sharpening.undo(before, found)[:, :, 3], before[:, :, 3])
    assert np.array_equal(sharpening.undo(before, found)[:, :, 0], sharpening.undo(before[:, :, 0], found))
