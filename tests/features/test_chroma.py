"""Chroma traces: exact relations of known upsamplers, plain-loop twins, and real files."""

from __future__ import annotations

import io

import numpy as np
import pytest
import scipy.ndimage
from forensics_features import chroma
from forensics_features.chroma import NAMES, RELATIONS, chroma_features
from forensics_features.planes import as_planes
from PIL import Image


def textured(side: int = 160, seed: int = 3) -> np.ndarray:
    """Coloured texture of every scale, away from clipping."""
    rng = np.random.default_rng(seed)
    layers = [scipy.ndimage.gaussian_filter(rng.normal(size=(side, side, 3)), (s, s, 0)) * s * 30 for s in (1, 3, 8)]
    return np.clip(np.rint(128 + sum(layers)), 1, 254).astype(np.uint8)


def through(pixels: np.ndarray, fmt: str, **options: object) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, fmt, **options)
    return np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))


def merged(ycc: np.ndarray) -> np.ndarray:
    bands = [Image.fromarray(np.ascontiguousarray(ycc[:, :, k])) for k in range(3)]
    return np.asarray(Image.merge("YCbCr", bands).convert("RGB"))


def keys(distance: float) -> float:
    """Keys' cubic convolution kernel, a = -1/2."""
    d = abs(distance)
    if d < 1:
        return 1.5 * d**3 - 2.5 * d**2 + 1
    return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0


SEVEN = np.array([-1, 4, -10, 57, 18, -6, 2]) / 64
EIGHT = np.array([-1, 4, -11, 40, 40, -11, 4, -1]) / 64
OFFSETS = np.arange(-3, 4)
UPSAMPLERS: dict[str, tuple[np.ndarray, np.ndarray]] = {  # outputs 2k and 2k + 1 from coarse k - 3 .. k + 4
    "repeat": (np.eye(8)[3], np.eye(8)[3]),
    "linear": (np.eye(8)[3], (np.eye(8)[3] + np.eye(8)[4]) / 2),
    "triangle": (np.eye(8)[3] * 0.75 + np.eye(8)[2] * 0.25, np.eye(8)[3] * 0.75 + np.eye(8)[4] * 0.25),
    "cubic": (
        np.array([*(keys(d + 0.25) for d in OFFSETS), 0.0]),
        np.array([*(keys(d - 0.25) for d in OFFSETS), 0.0]),
    ),
    "seven_tap": (np.array([*SEVEN[::-1], 0.0]), np.array([*SEVEN, 0.0])),
    "eight_tap": (np.eye(8)[3], EIGHT),
}


def upsampled(name: str, coarse: np.ndarray) -> np.ndarray:
    even, odd = UPSAMPLERS[name]
    windows = np.lib.stride_tricks.sliding_window_view(coarse, 8)
    return np.column_stack([windows @ even, windows @ odd]).ravel()


@pytest.mark.parametrize("name", RELATIONS)
def test_relation_is_exact_on_one_phase_only(name: str) -> None:
    taps = RELATIONS[name]
    signal = upsampled(name, np.random.default_rng(0).normal(0, 40, 200))
    residual = np.abs(np.convolve(signal, taps[::-1], "valid"))
    phases = sorted((residual[0::2].max(), residual[1::2].max()))
    assert phases[0] < 1e-4
    assert phases[1] > 10
    assert np.linalg.norm(taps) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", RELATIONS)
@pytest.mark.parametrize("threshold", [-1.0, 3.0])
def test_relation_sums_equal_a_plain_loop(name: str, threshold: float) -> None:
    taps = RELATIONS[name]
    plane = np.random.default_rng(1).normal(0, 5, (23, 27)).astype(np.float32)
    expected = np.zeros((2, 2, 2))
    low = max(len(taps) // 2 - 2, 0)
    high = min(low + 3, len(taps) - 1)
    for axis, oriented in enumerate((plane, plane.T)):
        for row in oriented:
            for j in range(len(row) - len(taps) + 1):
                if abs(row[j + high] - row[j + low]) > threshold:
                    expected[axis, j % 2] += abs(float(row[j : j + len(taps)] @ taps)), 1
    for run in (chroma._relation, chroma._relation.py_func):
        sums = np.zeros((2, 2, 2))
        run(plane, taps, threshold, sums)
        np.testing.assert_allclose(sums, expected, rtol=1e-4)


def test_bands_moments_and_equality_equal_numpy() -> None:
    rng = np.random.default_rng(2)
    y, cb, cr = rng.normal(0, 3, (3, 31, 26)).astype(np.float32)
    energies = np.zeros((2, 3))
    chroma._bands(y, energies)
    for lag, step in enumerate((1, 2, 4)):
        along, across = y[:, step:] - y[:, :-step], y[step:] - y[:-step]
        np.testing.assert_allclose(energies[:, lag], [np.mean(along**2), np.mean(across**2)], rtol=1e-5)
    filters = np.outer([1, -2, 1], [1, -2, 1]) / 4
    a, b, c = (scipy.ndimage.correlate(p.astype(float), filters)[1:-1, 1:-1] for p in (y, cb, cr))
    moments = np.zeros(6)
    chroma._moments(y, cb, cr, moments)
    np.testing.assert_allclose(moments, [np.mean(p) for p in (a * a, b * b, c * c, a * b, a * c, b * c)], atol=1e-3)
    counts = np.zeros((2, 2), np.int64)
    chroma._equal(cb, cr, counts)
    for axis in (0, 1):
        pairs = [np.abs(np.diff(p, axis=1 - axis)) < 0.75 for p in (cb, cr)]
        both = (pairs[0] & pairs[1]) if axis == 0 else (pairs[0] & pairs[1]).T
        assert counts[axis].tolist() == [both[:, 0::2].sum(), both[:, 1::2].sum()]


def test_python_source_of_the_kernels_agrees() -> None:
    y, cb, cr = np.random.default_rng(5).normal(0, 3, (3, 12, 14)).astype(np.float32)
    for kernel, arguments, shape in (
        (chroma._bands, (y,), (2, 3)),
        (chroma._moments, (y, cb, cr), (6,)),
        (chroma._equal, (cb, cr), (2, 2)),
    ):
        compiled, plain = np.zeros(shape), np.zeros(shape)
        kernel(*arguments, compiled)
        kernel.py_func(*arguments, plain)
        np.testing.assert_allclose(compiled, plain, rtol=1e-4)


@pytest.mark.parametrize(
    ("subsampling", "x", "y"),
    [(0, False, False), (1, True, False), (2, True, True)],
    ids=["444", "422", "420"],
)
def test_jpeg_subsampling_shows_on_its_axes(subsampling: int, x: bool, y: bool) -> None:
    decoded = through(textured(), "JPEG", quality=92, subsampling=subsampling)
    values = chroma_features(decoded)
    assert (values["triangle_x_contrast"] > 0.12) == x
    assert (values["triangle_y_contrast"] > 0.12) == y
    assert values["luma_triangle_x_contrast"] < 0.05
    shifted = chroma_features(decoded[1:, 1:])
    for axis in "xy":
        name = f"triangle_{axis}_contrast"
        assert shifted[name] == pytest.approx(values[name], abs=0.03)


def test_subsampling_narrows_the_chroma_band() -> None:
    source = textured()
    full, half = (chroma_features(through(source, "JPEG", quality=95, subsampling=s)) for s in (0, 2))
    assert half["cb_luma_noise"] < full["cb_luma_noise"] - 0.5
    assert half["cr_band_x_2"] < full["cr_band_x_2"]
    assert half["luma_band_x_1"] == pytest.approx(full["luma_band_x_1"], abs=0.05)


def test_replicated_chroma_is_found() -> None:
    source = textured()
    ycc = np.asarray(Image.fromarray(source).convert("YCbCr")).copy()
    ycc[:, 1::2, 1:] = ycc[:, 0::2, 1:]
    values = chroma_features(merged(ycc))
    assert values["equal_x_share"] > 0.98
    assert values["equal_x_contrast"] > 0.3
    assert values["equal_y_contrast"] < 0.05
    assert values["repeat_x_contrast"] > 0.5


def test_transposition_swaps_the_axes() -> None:
    pixels = through(textured()[:120], "JPEG", quality=90, subsampling=1)
    straight, turned = chroma_features(pixels), chroma_features(pixels.transpose(1, 0, 2))
    for name in NAMES:
        other = name.replace("_x_", "_?_").replace("_y_", "_x_").replace("_?_", "_y_")
        assert turned[other] == pytest.approx(straight[name], abs=1e-3, nan_ok=True)


def test_degenerate_pictures() -> None:
    assert all(np.isnan(v) for v in chroma_features(np.full((64, 64), 9, np.uint8)).values())
    flat = chroma_features(np.full((64, 72, 3), (200, 30, 90), np.uint8))
    assert flat["equal_x_share"] == 1
    assert flat["cb_band_x_1"] == 0
    assert np.isnan(flat["triangle_x_contrast"])
    noise = chroma.FAMILY.compute(as_planes(np.random.default_rng(0).integers(0, 256, (64, 65, 3)).astype(np.uint8)))
    assert noise.dtype == np.float32
    assert noise.shape == (len(NAMES),) == (len(set(NAMES)),)
    assert np.isfinite(noise).all()
