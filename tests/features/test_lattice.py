"""Colour lattices: round trips against decoders written out in Python, and real files on the right lattice."""

from __future__ import annotations

import io

import numpy as np
import pytest
from forensics_features import lattice
from forensics_features.lattice import DECODERS, NAMES, lattice_features
from forensics_features.planes import as_planes
from PIL import Image


def photograph(side: int = 160, seed: int = 3) -> np.ndarray:
    """Smooth coloured shapes with sensor-like noise: no lattice, few clipped pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    phases = rng.uniform(0, 6, 3)
    smooth = np.stack([120 + 60 * np.sin(5 * x + 3 * y + p) + 20 * np.cos(17 * x * y + p) for p in phases], axis=2)
    return np.clip(np.rint(smooth + rng.normal(0, 4, smooth.shape)), 0, 255).astype(np.uint8)


def through(pixels: np.ndarray, fmt: str, **options: object) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, fmt, **options)
    return np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))


def decode(decoder: lattice.Decoder, y: int, u: int, v: int) -> tuple[int, int, int]:
    base = (y * decoder.luma) >> decoder.luma_shift
    c = decoder.chroma_shift
    return (
        (base + ((v * decoder.vr) >> c) + decoder.red) >> decoder.shift,
        (base - ((u * decoder.ug) >> c) - ((v * decoder.vg) >> c) + decoder.green) >> decoder.shift,
        (base + ((u * decoder.ub) >> c) + decoder.blue) >> decoder.shift,
    )


def naive_shares(pixels: np.ndarray) -> dict[str, float]:
    shares = dict.fromkeys(DECODERS, 0.0)
    used = 0
    for r, g, b in pixels.reshape(-1, 3).astype(int).tolist():
        if min(r, g, b) == 0 or max(r, g, b) == 255 or r == g == b:
            continue
        used += 1
        for name, decoder in DECODERS.items():
            y, u, v = (int(np.floor(t + 0.5)) for t in decoder.forward() @ [r, g, b, 1])
            shares[name] += decode(decoder, y, u, v) == (r, g, b)
    return {name: count / used for name, count in shares.items()}


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_output_is_found_on_its_lattice(name: str) -> None:
    rng = np.random.default_rng(1)
    decoder = DECODERS[name]
    yuv = np.column_stack([rng.integers(80, 170, 6000), rng.integers(104, 152, (6000, 2))])
    colours = np.array([decode(decoder, *triple) for triple in yuv.tolist()])
    assert colours.min() > 0
    assert colours.max() < 255
    values = lattice_features(colours[:4096].reshape(64, 64, 3).astype(np.uint8))
    assert values[f"{name}_share"] > 0.97  # a truncating decoder is inverted on average only
    if "6bit" not in name and "truncated" not in name:
        assert values[f"{name}_share"] > 0.999


def test_full_range_decoder_is_the_jfif_formula() -> None:
    decoder = DECODERS["bt601_full"]
    for y, u, v in np.random.default_rng(5).integers(0, 256, (500, 3)).tolist():
        red = y + 1.402 * (v - 128)
        blue = y + 1.772 * (u - 128)
        green = (y - 0.299 * red - 0.114 * blue) / 0.587
        excess = decode(decoder, y, u, v) - np.array([red, green, blue])
        assert np.abs(excess).max() < 0.501  # the nearest integer, ties either way


@pytest.mark.parametrize("clip", [False, True])
def test_shares_equal_a_plain_loop(clip: bool) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    if clip:
        pixels = np.where(pixels > 120, 255, pixels).astype(np.uint8)
    values = lattice_features(pixels)
    for name, share in naive_shares(pixels).items():
        assert values[f"{name}_share"] == pytest.approx(share, abs=2e-3)


def test_combs_equal_complex_exponentials() -> None:
    pixels = photograph()
    rgb = pixels.reshape(-1, 3).astype(float)
    keep = (rgb.min(1) > 0) & (rgb.max(1) < 255) & (np.ptp(rgb, axis=1) > 0)
    values = lattice_features(pixels)
    for matrix in lattice.COMBS:
        rows = DECODERS[matrix].forward()
        z = np.exp(2j * np.pi * (rgb[keep] @ rows[:, :3].T + rows[:, 3])).mean(axis=0)
        for plane, expected in zip(("luma", "cb", "cr"), z, strict=True):
            assert values[f"{matrix}_{plane}_comb"] == pytest.approx(abs(expected), abs=2e-3)
            if matrix in lattice.COMBS[:2]:
                assert values[f"{matrix}_{plane}_bias"] == pytest.approx(expected.imag, abs=2e-3)


def test_kernels_agree_with_their_python_source() -> None:
    pixels = photograph(64)[:8].reshape(-1, 3)
    results = []
    for run in (lattice._lattice, lattice._lattice.py_func):
        counts, members = np.zeros(4, np.int64), np.zeros(len(DECODERS))
        sums = np.zeros((len(lattice._ROWS), 2))
        run(pixels, lattice._FORWARD, lattice._CHECK, lattice._ONCE, lattice._ROWS, counts, members, sums)
        results.append((counts, members, sums))
    for compiled, plain in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, plain, atol=0.05)


@pytest.mark.parametrize(
    ("fmt", "options", "name"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}, "bt601_full"),
        ("JPEG", {"quality": 95, "subsampling": 2}, "bt601_full"),
        ("WEBP", {"quality": 92}, "bt601_limited_truncated"),
        ("AVIF", {"quality": 92, "speed": 10}, "bt601_full_6bit"),
    ],
)
def test_real_files_lie_on_their_decoders_lattice(fmt: str, options: dict, name: str) -> None:
    source = photograph()
    before = lattice_features(source)
    after = lattice_features(through(source, fmt, **options))
    assert before[f"{name}_share"] < 0.35
    assert after[f"{name}_share"] > 0.98
    best = max(DECODERS, key=lambda key: after[f"{key}_share"])
    assert best == name


def test_luma_comb_survives_smooth_chroma_and_crops_change_little() -> None:
    decoded = through(photograph(), "JPEG", quality=95, subsampling=2)
    whole, part = lattice_features(decoded), lattice_features(decoded[5:125, 3:141])
    assert whole["bt601_full_luma_comb"] > 0.35
    for name in ("bt601_full_share", "bt601_full_luma_comb", "ycgco_share"):
        assert part[name] == pytest.approx(whole[name], abs=0.05)
    shuffled = np.random.default_rng(0).permutation(decoded.reshape(-1, 3)).reshape(decoded.shape)
    for name, value in lattice_features(shuffled).items():
        assert value == pytest.approx(whole[name], abs=1e-4)


def test_ycgco_integers_are_members() -> None:
    rng = np.random.default_rng(4)
    y, cg, co = (
        rng.integers(90, 160, (64, 64)),
        rng.integers(-20, 20, (64, 64)),
        rng.integers(-20, 20, (64, 64)),
    )
    pixels = np.stack([y - cg + co, y + cg, y - cg - co], axis=2).astype(np.uint8)
    assert lattice_features(pixels)["ycgco_share"] == 1
    assert lattice_features(photograph())["ycgco_share"] == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("value", [0, 77, 255])
def test_flat_and_grey_pictures_have_no_lattice(value: int) -> None:
    values = lattice_features(np.full((64, 80), value, np.uint8))
    assert values["grey_share"] == 1
    assert values["clipped_share"] == float(value != 77)
    assert all(np.isnan(v) for name, v in values.items() if name not in NAMES[:2])


def test_names_and_dtype() -> None:
    out = lattice.FAMILY.compute(as_planes(photograph(64)))
    assert out.dtype == np.float32
    assert out.shape == (len(NAMES),)
    assert len(set(NAMES)) == len(NAMES)
    assert np.isfinite(out).all()
