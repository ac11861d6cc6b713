"""JPEG XR's lapped transform against its integer lifting steps written plainly, and its traces on files of jxrlib."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from forensics_features import _lapped_kernels as kernels
from forensics_features.lapped import FAMILY, colour_planes, forward_transform, lapped_features
from scipy.ndimage import gaussian_filter

DATA = Path(__file__).parent / "data"
SETTINGS = {0: (24, "444"), 1: (24, "420"), 2: (40, "444")}
"""Overlap mode of the files: quantiser index and chroma format; see data/make_lapped.py."""


# The integer transform of T.832, one block at a time. A step is (kind, cells it changes, value): "+" and "-" change the
# cell by a value of the others, "=" puts value - cell in its place, "swap" does so for two cells at once, crosswise.
# Each kind can be undone, so a list of steps taken backwards is the inverse transform.


def hadamard(a, b, c, d, rounding):
    return [
        ("+", a, lambda x: x[d]),
        ("-", b, lambda x: x[c]),
        ("swap", (c, d), lambda x: (x[a] - x[b] + rounding) >> 1),
        ("-", a, lambda x: x[d]),
        ("+", b, lambda x: x[c]),
    ]


def rotate_both(a, b, c, d, roundings):
    return [
        ("+", d, lambda x: x[a]),
        ("-", c, lambda x: x[b]),
        ("-", a, lambda x: x[d] >> 1),
        ("+", b, lambda x: x[c] >> 1),
        ("+", a, lambda x: (3 * x[b] + roundings[0]) >> 3),
        ("-", b, lambda x: (3 * x[a] + roundings[1]) >> 2),
        ("+", a, lambda x: (3 * x[b] + roundings[2]) >> 3),
        ("-", b, lambda x: x[c] >> 1),
        ("+", a, lambda x: x[d] >> 1),
        ("+", c, lambda x: x[b]),
        ("-", d, lambda x: x[a]),
    ]


def rotate_one(a, b, c, d):
    return [
        ("-", b, lambda x: x[c]),
        ("+", a, lambda x: x[d]),
        ("+", c, lambda x: (x[b] + 1) >> 1),
        ("=", d, lambda x: (x[a] + 1) >> 1),
        ("-", b, lambda x: (3 * x[a] + 4) >> 3),
        ("+", a, lambda x: (3 * x[b] + 4) >> 3),
        ("-", d, lambda x: (3 * x[c] + 4) >> 3),
        ("+", c, lambda x: (3 * x[d] + 4) >> 3),
        ("+", d, lambda x: x[b] >> 1),
        ("-", c, lambda x: (x[a] + 1) >> 1),
        ("-", b, lambda x: x[d]),
        ("+", a, lambda x: x[c]),
    ]


def scaled_hadamard(a, b, c, d):
    return [
        ("+", a, lambda x: x[d]),
        ("-", b, lambda x: x[c]),
        ("=", d, lambda x: (x[a] - x[b]) >> 1),
        ("+", c, lambda x: x[b] >> 1),
        ("+", b, lambda x: x[d]),
        ("-", a, lambda x: (3 * x[c] + 4) >> 3),
        ("-", c, lambda x: x[a] >> 7),
        ("+", c, lambda x: x[a] >> 10),
        ("-", c, lambda x: (3 * x[a]) >> 4),
        ("-", a, lambda x: (3 * x[c]) >> 3),
        ("=", c, lambda x: x[a] >> 1),
        ("-", a, lambda x: x[c]),
        ("exchange", (c, d), None),
    ]


def rotation(a, b):
    return [("-", b, lambda x: (x[a] + 1) >> 1), ("+", a, lambda x: (x[b] + 1) >> 1)]


QUADS = (
    ((0, 0), (0, 3), (3, 0), (3, 3)),
    ((0, 1), (0, 2), (3, 1), (3, 2)),
    ((1, 0), (1, 3), (2, 0), (2, 3)),
    ((1, 1), (1, 2), (2, 1), (2, 2)),
)

CORE = [
    *(step for quad in QUADS for step in hadamard(*quad, 0)),
    *hadamard((0, 0), (0, 1), (1, 0), (1, 1), 1),
    ("negate", (2, 3), None),
    ("negate", (3, 2), None),
    *rotate_both((2, 2), (2, 3), (3, 2), (3, 3), (4, 3, 3)),
    *rotate_one((0, 2), (0, 3), (1, 2), (1, 3)),
    *rotate_one((2, 0), (3, 0), (2, 1), (3, 1)),
]

OVERLAP = [
    *(step for quad in QUADS for step in scaled_hadamard(*quad)),
    *rotation((3, 1), (3, 0)),
    *rotation((2, 1), (2, 0)),
    *rotation((1, 3), (0, 3)),
    *rotation((1, 2), (0, 2)),
    *rotate_both((2, 2), (2, 3), (3, 2), (3, 3), (4, 2, 6)),
    *(step for quad in QUADS for step in hadamard(*quad, 0)),
]


def run(steps, plane, row, column, backwards=False):
    """Take the steps on the 4x4 samples of an integer plane at (row, column), in place."""
    x = {(r, c): int(plane[row + r, column + c]) for r in range(4) for c in range(4)}
    for kind, cell, value in reversed(steps) if backwards else steps:
        if kind in "+-":
            x[cell] += value(x) if (kind == "+") != backwards else -value(x)
        elif kind == "=":
            x[cell] = value(x) - x[cell]
        elif kind == "negate":
            x[cell] = -x[cell]
        elif kind == "exchange":
            x[cell[0]], x[cell[1]] = x[cell[1]], x[cell[0]]
        else:
            x[cell[0]], x[cell[1]] = value(x) - x[cell[1]], value(x) - x[cell[0]]
    for (r, c), number in x.items():
        plane[row + r, column + c] = number


def places(size, phase, margin):
    return [p for p in range(phase % 4, size - 3, 4) if p >= margin and p + 4 + margin <= size]


def naive_stage(plane, lapped, phase, backwards=False):
    """One stage at `phase`: overlap operator on the patches two samples away from the blocks, core transform of the
    blocks.
    """
    height, width = plane.shape
    stages = [(OVERLAP, 2)] * lapped + [(CORE, 0)]
    for steps, shift in reversed(stages) if backwards else stages:
        for row in places(height, phase[0] + shift, 0):
            for column in places(width, phase[1] + shift, 0):
                run(steps, plane, row, column, backwards)


def naive_bands(plane, overlap, phase):
    """High-pass, low-pass and DC of the inner blocks and macroblocks, as `forward_transform` orders them."""
    plane = plane.copy()
    naive_stage(plane, overlap > 0, phase)
    margin = 2 * (overlap > 0)
    rows, columns = (places(plane.shape[axis], phase[axis], margin) for axis in (0, 1))
    blocks = np.array([[plane[r : r + 4, c : c + 4].ravel() for c in columns] for r in rows])
    dc = blocks[:, :, 0].copy()
    second = tuple((phase[axis] - first) // 4 % 4 for axis, first in enumerate((rows[0], columns[0])))
    naive_stage(dc, overlap == 2, second)
    margin = 2 * (overlap == 2)
    rows, columns = (places(dc.shape[axis], second[axis], margin) for axis in (0, 1))
    macroblocks = np.array([[dc[r : r + 4, c : c + 4].ravel() for c in columns] for r in rows])
    return blocks[:, :, 1:].transpose(2, 0, 1), macroblocks[:, :, 1:].transpose(2, 0, 1), macroblocks[:, :, 0]


@pytest.fixture(scope="module")
def decoded():
    return {k: imagecodecs.jpegxr_decode((DATA / f"lapped_overlap{k}.jxr").read_bytes()) for k in SETTINGS}


def grain(side, seed):
    rng = np.random.default_rng(seed)
    layers = sum(gaussian_filter(rng.normal(size=(side, side, 3)), (s, s, 0)) * 25 * s for s in (0.6, 2, 8))
    return np.clip(np.round(128 + np.asarray(layers)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("lapped", [False, True])
def test_integer_steps_taken_backwards_give_the_plane_back(lapped):
    plane = np.random.default_rng(1).integers(-4000, 4000, (20, 24))
    changed = plane.copy()
    naive_stage(changed, lapped, (1, 2))
    assert not np.array_equal(changed, plane)
    naive_stage(changed, lapped, (1, 2), backwards=True)
    np.testing.assert_array_equal(changed, plane)


@pytest.mark.parametrize(
    ("overlap", "phase", "shape"),
    [
        (0, (0, 0), (64, 64)),
        (1, (7, 13), (67, 70)),
        (2, (0, 0), (64, 96)),
        (2, (10, 5), (65, 68)),
        (1, (3, 0), (64, 290)),
    ],
)
def test_transform_is_the_integer_one_without_its_roundings(overlap, phase, shape):
    plane = np.random.default_rng(overlap).integers(-128, 128, shape)
    bands = forward_transform(plane, overlap, phase)
    scale = 2**16
    for found, expected in zip(bands[:3], naive_bands(plane * scale, overlap, phase), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected / scale, atol=2e-3)


@pytest.mark.parametrize("kernel", [kernels.core_transform, kernels.overlap_transform])
def test_lane_kernels_agree_with_their_python(kernel):
    lanes = np.random.default_rng(3).normal(0, 50, 16 * kernels.LANES).astype(np.float32)
    compiled, plain = lanes.copy(), lanes.copy()
    kernel(compiled, 5)
    kernel.py_func(plain, 5)
    np.testing.assert_allclose(compiled, plain, atol=1e-3)
    untouched = compiled.reshape(16, -1)[:, 5:]
    np.testing.assert_array_equal(untouched, lanes.reshape(16, -1)[:, 5:])


def test_grid_kernels_agree_with_their_python():
    plane = np.random.default_rng(4).normal(0, 30, (33, 41)).astype(np.float32)
    cosets = np.zeros((16, 9, 11), np.float32)
    kernels.split_cosets.py_func(plane, cosets)
    top, rows = kernels.block_span.py_func(33, 3, True)
    left, columns = kernels.block_span.py_func(41, 1, True)
    assert (top, rows, left, columns) == (3, 7, 5, 8)
    full, plain, thinned = (np.zeros((16, n, columns), np.float32) for n in (rows, rows, (rows + 2) // 3))
    kernels.transform_grid(cosets, True, top, left, 1, full)
    kernels.transform_grid.py_func(cosets, True, top, left, 1, plain)
    kernels.transform_grid(cosets, True, top, left, 3, thinned)
    np.testing.assert_allclose(full, plain, atol=1e-3)
    np.testing.assert_allclose(thinned, full[:, ::3], atol=1e-4)


def test_magnitude_histograms_against_numpy():
    values = np.random.default_rng(5).normal(0, 40, (16, 9, 7)).astype(np.float32)
    counts = np.empty(kernels.MAGNITUDE_BINS + 1, np.int32)
    fine, coarse = np.zeros((2, kernels.BINS), np.float32)
    kernels.magnitude_histograms(values, counts, fine, coarse)
    magnitudes = np.abs(values[1:]).ravel()
    for histogram, width in ((fine, 1 / 16), (coarse, 1 / 2)):
        expected = np.histogram(magnitudes, bins=kernels.BINS, range=(0, kernels.BINS * width))[0]
        np.testing.assert_array_equal(histogram, expected)


def test_flat_plane_has_dc_alone():
    bands = [forward_transform(np.full((64, 64), 50.0), overlap) for overlap in (0, 1, 2)]
    for band in bands:
        assert np.abs(band.high_pass).max() < 5e-3
        assert np.abs(band.low_pass).max() < 5e-3
    gains = [float(band.dc.mean()) / 50 for band in bands]
    np.testing.assert_allclose(gains, [16, 16 * 0.6842, 16 * 0.6842**2], rtol=1e-3)


@pytest.mark.parametrize(("overlap", "shape"), [(3, (64, 64)), (0, (63, 64)), (0, (64, 64, 3))])
def test_forward_transform_refuses(overlap, shape):
    with pytest.raises(ValueError, match=r"overlap modes|planes have shape"):
        forward_transform(np.zeros(shape), overlap)


def test_colour_planes_are_the_lifting_steps_within_their_roundings():
    rgb = np.random.default_rng(6).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    r, g, b = (rgb[:, :, i].astype(int) for i in range(3))
    v = b - r
    u = -(r + ((v + 1) >> 1) - g)
    y = g + ((-u) >> 1) - 128
    for found, lifted in zip(colour_planes(rgb), (y, u, v), strict=True):
        assert np.abs(found - lifted).max() <= 0.75


@pytest.mark.parametrize("overlap", [0, 1, 2])
def test_quantised_coefficients_lie_on_multiples_of_the_step(decoded, overlap):
    index = SETTINGS[overlap][0]
    step = (16 + index % 16) * 2 ** (index // 16 - 1) / 4
    luma = colour_planes(decoded[overlap])[0]
    for mode in (0, 1, 2):
        high, low, dc = forward_transform(luma, mode)[:3]
        # the decoder's rounding moves DC by a constant, so what counts is how sharply the values lie on one comb
        sharpness = [abs(np.exp(2j * np.pi * c[np.abs(c) > step / 2] / step).mean()) for c in (high, low, dc)]
        assert (sharpness[0] > 0.95) if (mode > 0) == (overlap > 0) else (sharpness[0] < 0.2)
        assert (min(sharpness) > 0.95) if mode == overlap else (max(sharpness[1:]) < 0.2)


@pytest.mark.parametrize("overlap", [0, 1, 2])
@pytest.mark.parametrize("offset", [(0, 0), (5, 11), (14, 2)])
def test_traces_tell_the_overlap_mode_and_step_after_any_crop(decoded, overlap, offset):
    crop = decoded[overlap][offset[0] : offset[0] + 128, offset[1] : offset[1] + 128]
    facts = lapped_features(crop)
    evidence = [facts[f"overlap_{mode}"] for mode in (0, 1, 2)]
    assert int(np.argmax(evidence)) == overlap
    assert evidence[overlap] > sorted(evidence)[1] + 0.4
    index, chroma = SETTINGS[overlap]
    step = (16 + index % 16) * 2 ** (index // 16 - 1) / 4
    low = ("low_plain_plain", "low_lapped_plain", "low_lapped_lapped")[overlap]
    assert 2 ** facts[f"{low}_log2_step"] == pytest.approx(step, rel=0.06)
    if overlap < 2:
        contrasts = {name: facts[f"u_{name}_contrast"] + facts[f"v_{name}_contrast"] for name in ("444", "422", "420")}
        assert max(contrasts, key=lambda name: contrasts[name]) == chroma
        assert contrasts[chroma] > 0.3


def test_uncompressed_picture_shows_nothing():
    for seed in range(3):
        facts = lapped_features(grain(160, seed))
        assert max(facts[f"overlap_{mode}"] for mode in (0, 1, 2)) < 0.1
        assert max(facts["high_plain_contrast"], facts["high_lapped_contrast"]) < 0.06


def test_evidence_ends_with_lossless_coding_and_grows_with_the_step():
    picture = grain(160, 7)
    evidence = []
    for level in (None, 0.99, 0.9, 0.7):
        coded = imagecodecs.jpegxr_encode(picture) if level is None else imagecodecs.jpegxr_encode(picture, level=level)
        facts = lapped_features(imagecodecs.jpegxr_decode(coded)[3:, 6:])
        evidence.append(facts["overlap_0"])
    assert evidence[0] < 0.1 < evidence[2] < evidence[3]


def test_grey_picture_has_luma_alone():
    coded = imagecodecs.jpegxr_encode(grain(128, 8)[:, :, 1], level=0.8)
    grey = imagecodecs.jpegxr_decode(coded)
    facts = lapped_features(grey)
    assert facts["overlap_0"] > 0.5
    missing = {name for name, value in facts.items() if np.isnan(value)}
    assert missing == {name for name in facts if name[:2] in ("u_", "v_")}


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_picture_is_finite_and_silent(value):
    facts = lapped_features(np.full((64, 64), value, np.uint8))
    assert list(facts) == list(FAMILY.names)
    assert all(facts[f"overlap_{mode}"] == 0 for mode in (0, 1, 2))
    assert all(np.isfinite(number) for name, number in facts.items() if name[:2] not in ("u_", "v_"))


@pytest.mark.parametrize("shape", [(64, 64), (64, 301), (97, 66)])
def test_any_size_gives_finite_values(shape):
    facts = lapped_features(np.random.default_rng(9).integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert all(np.isfinite(list(facts.values())))
