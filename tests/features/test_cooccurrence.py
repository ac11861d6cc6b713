"""Co-occurrence family: plain-loop twins of the counts and the spectrum, symmetries, and behaviour on real files."""

import io

import numpy as np
import pytest
import scipy.fft
from forensics_features import _cooccurrence_kernels
from forensics_features._block_kernels import CHAINS
from forensics_features.block_dct import dct_matrix
from forensics_features.cooccurrence import FAMILY, cooccurrence_features, pooled_triples
from forensics_features.planes import as_planes
from PIL import Image


def scene(side=192, seed=4):
    """Shading, edges and coloured noise, `np.ndarray [shape=(side, side, 3), dtype=uint8]`."""
    rng = np.random.default_rng(seed)
    i, j = np.mgrid[:side, :side]
    base = 120 + 50 * np.sin(i / 23) * np.cos(j / 31) + 40 * (((i // 37) + (j // 41)) % 2)
    noise = rng.normal(size=(side, side, 3)) * 4
    return np.clip(np.rint(base[:, :, None] * (1, 0.9, 0.7) + noise), 0, 255).astype(np.uint8)


def differences(plane, order, axis):
    return np.diff(plane, n=order, axis=axis)


def clipped(value, truncation):
    return int(max(-truncation, min(truncation, value)))


def plain_joint(residual, down, right, truncation):
    symbols = 2 * truncation + 1
    joint = np.zeros((symbols, symbols, symbols), int)
    height, width = residual.shape
    for i in range(height - 2 * down):
        for j in range(width - 2 * right):
            triple = [clipped(residual[i + k * down, j + k * right], truncation) + truncation for k in range(3)]
            joint[tuple(triple)] += 1
    return joint.ravel()


@pytest.mark.parametrize("truncations", [(1, 0), (2, 2, 0)])
@pytest.mark.parametrize("compiled", [True, False])
def test_residual_histograms_equal_plain_loops(truncations, compiled):
    plane = np.rint(np.random.default_rng(0).laplace(scale=1.2, size=(13, 22))).astype(np.float32)
    kernel = _cooccurrence_kernels.residual_histograms
    bins = (2 * max(truncations) + 1) ** 3
    joint = np.zeros((len(truncations), CHAINS, bins), np.int32)
    marginal = np.zeros((len(truncations), 2, 2 * len(truncations) - 1))
    (kernel if compiled else kernel.py_func)(plane, np.array(truncations), joint, marginal)
    for k, truncation in enumerate(truncations):
        along, across = (differences(plane, k + 1, axis) for axis in (1, 0))
        expected = plain_joint(along, 0, 1, truncation) + plain_joint(across, 1, 0, truncation)
        np.testing.assert_array_equal(joint[k].sum(axis=0), expected if truncation else np.zeros(bins))
        for direction, firsts in enumerate((abs(along[:, :-2]), abs(across[:-2]))):
            shares = [*((firsts == n).sum() for n in range(marginal.shape[2] - 1)), firsts.size]
            np.testing.assert_array_equal(marginal[k, direction], shares)


@pytest.mark.parametrize("compiled", [True, False])
def test_extremes_equal_plain_loops(compiled):
    plane = np.random.default_rng(1).integers(0, 5, (11, 14)).astype(np.float32)
    kernel = _cooccurrence_kernels.extreme_histograms
    counts = np.zeros((2, 5))
    (kernel if compiled else kernel.py_func)(plane, 2, counts)
    expected = np.zeros((2, 5))
    for i in range(1, 10):
        for j in range(1, 13):
            x = plane[i, j]
            first = [plane[i, j - 1] - x, plane[i, j + 1] - x, plane[i - 1, j] - x, plane[i + 1, j] - x]
            second = [plane[i - a, j - b] + plane[i + a, j + b] - 2 * x for a, b in ((0, 1), (1, 0), (1, 1), (1, -1))]
            for k, found in enumerate((first, second)):
                expected[k, clipped(max(found), 2) + 2] += 1
                expected[k, clipped(-min(found), 2) + 2] += 1
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.parametrize("stride", [1, 3, 5])
@pytest.mark.parametrize("compiled", [True, False])
def test_dct_moments_equal_scipy(stride, compiled):
    plane = (np.random.default_rng(2).normal(size=(17, 26)) * 2).astype(np.float32)
    kernel = _cooccurrence_kernels.dct_moments
    moments = np.zeros((8, 8, 3))
    (kernel if compiled else kernel.py_func)(plane, dct_matrix(8), stride, moments)
    blocks = np.lib.stride_tricks.sliding_window_view(plane.astype(np.float64), (8, 8))[::stride, ::stride]
    c = scipy.fft.dctn(blocks, axes=(2, 3), norm="ortho").reshape(-1, 8, 8)
    np.testing.assert_allclose(moments[:, :, 0], (c**2).sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(moments[:, :, 1], (c**4).sum(axis=0), rtol=1e-4)
    assert np.abs(moments[:, :, 2] - (abs(c) < 0.5).sum(axis=0)).max() <= 1


@pytest.mark.parametrize(("truncation", "count"), [(1, 10), (2, 39)])
def test_pools_are_closed_under_sign_and_direction(truncation, count):
    pools, names = pooled_triples(truncation)
    assert len(names) == count
    cube = pools.reshape((2 * truncation + 1,) * 3)
    np.testing.assert_array_equal(cube, cube[::-1, ::-1, ::-1])
    np.testing.assert_array_equal(cube, cube.transpose(2, 1, 0))
    middle = truncation
    for pool, triple in enumerate(names):
        assert cube[tuple(value + middle for value in triple)] == pool


def test_shares_sum_to_one():
    facts = cooccurrence_features(scene())
    for prefix in (
        *(f"{plane}_{part}_" for plane in ("y", "cb", "cr") for part in ("joint1", "joint2", "order1", "order2")),
        "y_order3_",
        "y_extreme1_",
        "y_extreme2_",
    ):
        shares = [value for name, value in facts.items() if name.startswith(prefix) and not name.endswith("lean")]
        assert sum(shares) == pytest.approx(1, abs=1e-5), prefix
        assert min(shares) >= 0


def test_marginals_equal_numpy():
    pixels = scene()
    plane = np.rint(as_planes(pixels).y).astype(int)
    facts = cooccurrence_features(pixels)
    for order in (1, 2, 3):
        sizes = np.concatenate(
            [abs(differences(plane, order, 1))[:, :-2].ravel(), abs(differences(plane, order, 0))[:-2].ravel()]
        )
        for n in range(4):
            assert facts[f"y_order{order}_{n}"] == pytest.approx(np.mean(sizes == n), abs=1e-6)


def turned(facts):
    """Names of the values that a transposed picture must show, with the sign they take."""
    for name in facts:
        other = name
        if "_power_" in name or "_kurtosis_" in name or "_zero_" in name:
            other = name[:-1] + {"h": "v", "v": "h"}.get(name[-1], name[-1])
        yield name, other, -1 if name.endswith("lean") else 1


def test_transposition_swaps_directions():
    pixels = scene()[:, :150]
    facts = cooccurrence_features(pixels)
    other = cooccurrence_features(np.ascontiguousarray(pixels.transpose(1, 0, 2)))
    for name, twin, sign in turned(facts):
        assert other[name] == pytest.approx(sign * facts[twin], abs=2e-3), name


def test_turning_and_negating_change_only_the_spectrum_positions():
    pixels = np.repeat(scene()[:, :, :1], 3, axis=2)
    facts = cooccurrence_features(pixels)
    for changed in (np.ascontiguousarray(pixels[::-1, ::-1]), 255 - pixels):
        other = cooccurrence_features(changed)
        for name, value in facts.items():
            if name.startswith(("y_joint", "y_extreme")):
                assert other[name] == pytest.approx(value, abs=1e-6), name


@pytest.mark.parametrize("format_name", ["JPEG", "JPEG2000", "WEBP"])
def test_stronger_compression_empties_the_high_bands(format_name):
    options = {
        "JPEG": ({"quality": 90}, {"quality": 30}),
        "JPEG2000": tuple(
            {"irreversible": True, "mct": 1, "quality_mode": "rates", "quality_layers": [r]} for r in (6, 40)
        ),
        "WEBP": ({"quality": 90}, {"quality": 10}),
    }[format_name]
    found = [cooccurrence_features(scene())]
    for settings in options:
        buffer = io.BytesIO()
        Image.fromarray(scene()).save(buffer, format_name, **settings)
        buffer.seek(0)
        found.append(cooccurrence_features(np.asarray(Image.open(buffer).convert("RGB"))))
    zeros = [facts["y_zero_6d"] for facts in found]
    power = [facts["y_power_6d"] for facts in found]
    assert zeros[0] < zeros[1] < zeros[2]
    assert power[0] > power[1] > power[2]
    assert found[2]["y_order1_0"] > found[0]["y_order1_0"]


def test_crop_phase_hardly_matters():
    buffer = io.BytesIO()
    Image.fromarray(scene(264)).save(buffer, "JPEG", quality=60)
    decoded = np.asarray(Image.open(buffer))
    one, other = (cooccurrence_features(decoded[k : k + 256, k : k + 256]) for k in (0, 3))
    for name, value in one.items():
        logarithmic = "_kurtosis_" in name or "_power_" in name
        scale = (0.25 if name.startswith("y_") else 0.6) if logarithmic else 0.02
        assert other[name] == pytest.approx(value, abs=scale), name


@pytest.mark.parametrize("kind", ["flat", "two colours", "noise", "grey"])
def test_degenerate_pictures_have_values(kind):
    rng = np.random.default_rng(9)
    pixels = {
        "flat": np.full((64, 70, 3), (10, 200, 30), np.uint8),
        "two colours": np.where(rng.random((64, 70, 1)) < 0.5, (255, 0, 0), (0, 0, 255)).astype(np.uint8),
        "noise": rng.integers(0, 256, (64, 70, 3), dtype=np.uint8),
        "grey": rng.integers(0, 256, (64, 70), dtype=np.uint8),
    }[kind]
    values = FAMILY.compute(as_planes(pixels))
    assert values.dtype == np.float32
    assert not np.isinf(values).any()
    for name, value in zip(FAMILY.names, values, strict=True):
        assert np.isnan(value) == (kind == "grey" and not name.startswith("y_")), name
    facts = dict(zip(FAMILY.names, values, strict=True))
    if kind == "flat":
        assert facts["y_joint1_000"] == facts["y_order3_0"] == facts["y_zero_7h"] == 1
        assert facts["y_kurtosis_3d"] == 0
    if kind == "noise":
        assert facts["y_kurtosis_3d"] == pytest.approx(0, abs=0.3)
