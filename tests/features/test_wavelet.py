"""Wavelet family: the lifting against plain decimated lifting and PyWavelets, and real JPEG 2000 files."""

import io

import numpy as np
import pytest
import pywt
from forensics_features import _wavelet_kernels
from forensics_features.planes import as_planes
from forensics_features.wavelet import (
    CDF53,
    CDF97,
    FAMILY,
    _all_levels,
    decimated_bands,
    synthesis_norms,
    undecimated_bands,
    wavelet_features,
)
from PIL import Image

WAVELETS = pytest.mark.parametrize("wavelet", [CDF97, CDF53], ids=["97", "53"])


def scene(side=320, seed=3):
    """Edges, texture and smooth shading with coloured noise, `np.ndarray [shape=(side, side, 3), dtype=uint8]`."""
    rng = np.random.default_rng(seed)
    i, j = np.mgrid[:side, :side]
    base = 120 + 50 * np.sin(i / 23) * np.cos(j / 31) + 25 * np.sin((i + 2 * j) / 3.1) * (j > side // 2)
    base += 40 * (((i // 37) + (j // 41)) % 2)
    noise = rng.normal(size=(side, side, 3)) * 6
    noise = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 1.7
    tint = np.stack([base, base * 0.9 + 10, base * 0.7 + 30], axis=2)
    return np.clip(np.rint(tint + noise), 0, 255).astype(np.uint8)


def jpeg2000(pixels, ratio, **options):
    settings = {"irreversible": True, "mct": 1, "no_jp2": True} | options
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG2000", quality_mode="rates", quality_layers=[ratio], **settings)
    buffer.seek(0)
    return np.asarray(Image.open(buffer))


def lift_line(line, wavelet, parity):
    """Decimated lifting of one line in place, sample by sample, low-pass samples at index = parity (mod 2)."""
    line = [float(value) for value in line]
    last = len(line) - 1
    for turn, (factor, offset) in enumerate(wavelet.steps):
        for i in range(len(line)):
            if (i - parity) % 2 != (turn + 1) % 2:
                continue
            total = line[1 if i == 0 else i - 1] + line[last - 1 if i == last else i + 1]
            if wavelet.floored:
                line[i] += np.sign(factor) * np.floor(abs(factor) * total + offset)
            else:
                line[i] += factor * total
    return np.array(line)


def lift_plane(plane, wavelet, parity):
    """Naive twin: columns first, then rows; (LL, HL, LH, HH) unscaled."""
    p, q = parity
    out = np.stack([lift_line(column, wavelet, p) for column in plane.T], axis=1)
    out = np.stack([lift_line(row, wavelet, q) for row in out], axis=0)
    return out[p::2, q::2], out[p::2, 1 - q :: 2], out[1 - p :: 2, q::2], out[1 - p :: 2, 1 - q :: 2]


@WAVELETS
@pytest.mark.parametrize("shape", [(16, 22), (17, 13)])
@pytest.mark.parametrize("parity", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_bands_equal_plain_lifting(wavelet, shape, parity):
    plane = np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)
    expected = lift_plane(plane, wavelet, parity)
    p, q = parity
    starts = ((p, q), (p, 1 - q), (1 - p, q), (1 - p, 1 - q))
    everywhere = undecimated_bands(plane.copy(), wavelet)
    for want, decimated, band, (row, column) in zip(
        expected, decimated_bands(plane.copy(), wavelet, parity), everywhere, starts, strict=True
    ):
        np.testing.assert_allclose(decimated, want, atol=2e-3)
        np.testing.assert_allclose(band[row::2, column::2], want, atol=2e-3)


def test_irreversible_bands_equal_pywavelets():
    # PyWavelets' bior4.4 is the CDF 9/7 pair with low-pass gain sqrt(2) and its high-pass with gain sqrt(2).
    plane = np.random.default_rng(2).normal(size=(40, 48)).astype(np.float32)
    ll, (lh, hl, hh) = pywt.dwt2(plane.astype(np.float64), "bior4.4", mode="reflect")
    ours = decimated_bands(plane, CDF97, (0, 0))
    scales = (CDF97.low_scale**2 * 2, 1.0, 1.0, CDF97.low_scale**-2 / 2)
    for band, other, scale in zip(ours, (ll, hl, lh, hh), scales, strict=True):
        inner = (band * scale)[4:-4, 4:-4]
        matches = [
            np.abs(np.abs(other[2 + a : 2 + a + inner.shape[0], 2 + b : 2 + b + inner.shape[1]]) - np.abs(inner)).max()
            for a in range(5)
            for b in range(5)
        ]
        assert min(matches) < 1e-5


def synthesis_basis(wavelet, side):
    """Columns are the basis signals of one level (low-pass at even places), from the inverted analysis matrix."""
    linear = wavelet._replace(floored=False)
    forward = np.stack([lift_line(unit, linear, 0) for unit in np.eye(side)], axis=1)
    forward[0::2] *= wavelet.low_scale
    forward[1::2] /= wavelet.low_scale
    return np.linalg.inv(forward)


@WAVELETS
def test_norms_are_those_of_reconstructed_impulses(wavelet):
    first, second = synthesis_basis(wavelet, 64), synthesis_basis(wavelet, 32)
    norms = synthesis_norms(wavelet)
    deeper = first[:, 0::2] @ second
    for level, basis in enumerate((first, deeper)):
        middle = basis.shape[1] // 2
        low, high = np.linalg.norm(basis[:, middle]), np.linalg.norm(basis[:, middle + 1])
        np.testing.assert_allclose(norms[level], [low * high, low * high, high * high], rtol=1e-5)


def test_kernels_compiled_and_interpreted_agree():
    band = np.random.default_rng(5).laplace(scale=2, size=(14, 18)).astype(np.float32)
    counts = [np.zeros((2, 2, 32), np.int32) for _ in range(2)]
    sums = [np.empty(6) for _ in range(2)]
    moved = [band.copy() for _ in range(4)]
    for k, get in enumerate((lambda f: f, lambda f: f.py_func)):
        get(_wavelet_kernels.parity_histograms)(band, 4.0, 2, counts[k])
        get(_wavelet_kernels.band_sums)(band, 1.5, 1, sums[k])
        get(_wavelet_kernels.lift_rows)(moved[k], band, 0.25, 0.5, True, 0, 1)
        get(_wavelet_kernels.lift_columns)(moved[2 + k], band, -0.7, 0.0, False)
    np.testing.assert_array_equal(*counts)
    np.testing.assert_allclose(*sums, rtol=1e-5)
    np.testing.assert_allclose(moved[0], moved[1], rtol=1e-6)
    np.testing.assert_allclose(moved[2], moved[3], rtol=1e-5, atol=1e-5)


def test_histograms_and_sums_equal_plain_loops():
    band = np.random.default_rng(6).laplace(scale=1.5, size=(15, 20)).astype(np.float32)
    counts = np.zeros((2, 2, 16), np.int32)
    _wavelet_kernels.parity_histograms(band, 4.0, 3, counts)
    expected = np.zeros_like(counts)
    for i in range(3, 12):
        for j in range(3, 17):
            expected[i % 2, j % 2, min(int(abs(band[i, j]) * 4), 15)] += 1
    np.testing.assert_array_equal(counts, expected)
    sums = np.empty(6)
    _wavelet_kernels.band_sums(band, 2.0, 1, sums)
    inner = abs(2 * band[1:-1, 1:-1])
    zero = inner < 1
    pairs = (zero[:, 1:] & zero[:, :-1]).sum() + (zero[1:] & zero[:-1]).sum()
    plain = [inner.size, (inner < 0.5).sum(), zero.sum(), inner.sum(), (inner**2).sum(), pairs]
    np.testing.assert_allclose(sums, plain, rtol=1e-5)


DETAIL = [f"{band}{level}" for level in (1, 2) for band in ("hl", "lh", "hh")]


@pytest.mark.parametrize("crop", [(0, 0), (31, 18), (17, 33)])
def test_irreversible_files_show_their_combs_at_any_crop(crop):
    i, j = crop
    window = jpeg2000(scene(), 8)[i : i + 256, j : j + 256]
    facts = wavelet_features(window)
    combs = [facts[f"97_y_{band}_comb"] for band in DETAIL]
    assert np.median(combs) > 0.25
    assert np.median([facts[f"97_y_{band}_excess"] for band in DETAIL]) > 0.2
    assert facts["97_margin1"] > 4
    assert max(facts[f"53_y_{band}_comb"] for band in DETAIL) < 0.15


@pytest.mark.parametrize("crop", [(0, 0), (31, 18)])
def test_reversible_files_show_their_combs_in_their_own_transform(crop):
    i, j = crop
    window = jpeg2000(scene(), 8, irreversible=False)[i : i + 256, j : j + 256]
    facts = wavelet_features(window)
    assert np.median([facts[f"53_y_{band}_comb"] for band in DETAIL]) > 0.25
    assert np.median([facts[f"97_y_{band}_comb"] for band in DETAIL]) < 0.1


def test_files_without_colour_transform_show_in_green():
    facts = wavelet_features(jpeg2000(scene(), 8, mct=0)[5:261, 8:264])
    green = [facts[f"97_g_{band}_comb"] for band in DETAIL]
    assert np.median(green) > 0.2
    assert np.median(green) > np.median([facts[f"97_y_{band}_comb"] for band in DETAIL])


def test_chroma_shows_its_combs():
    facts = wavelet_features(jpeg2000(scene(), 6)[5:261, 8:264])
    chroma = [facts[f"97_{plane}_{band}_comb"] for plane in ("cb", "cr") for band in DETAIL]
    assert np.median(chroma) > 0.05
    assert np.max(chroma) > 0.2


def test_steps_follow_the_norms():
    decoded, source = (wavelet_features(p[:256, :256])["97_coherence"] for p in (jpeg2000(scene(), 16), scene()))
    assert decoded > 0.6
    assert decoded > source + 0.2


@pytest.mark.parametrize("kind", ["uncompressed", "jpegxr", "jpegxl", "jpeg"])
def test_other_histories_have_no_comb_in_fine_bands(kind):
    pixels = scene()
    if kind == "jpeg":
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=92)
        pixels = np.asarray(Image.open(buffer))
    elif kind != "uncompressed":
        imagecodecs = pytest.importorskip("imagecodecs")
        if not getattr(imagecodecs, kind.upper()).available:
            pytest.skip(f"imagecodecs was built without {kind}")
        encoded = (
            imagecodecs.jpegxr_encode(pixels, 0.85)
            if kind == "jpegxr"
            else imagecodecs.jpegxl_encode(pixels, distance=1.0)
        )
        pixels = getattr(imagecodecs, f"{kind}_decode")(encoded)
    facts = wavelet_features(pixels[3:259, 6:262])
    fine = [facts[f"{w}_y_{band}1_comb"] for w in ("97", "53") for band in ("hl", "lh", "hh")]
    assert max(fine) < 0.1


def test_stronger_compression_widens_the_dead_zone():
    windows = [jpeg2000(scene(), ratio)[:256, :256] for ratio in (6, 16, 60)]
    dead = [wavelet_features(window)["97_y_hl2_zero_run"] for window in windows]
    assert dead[0] < dead[1] < dead[2]


def test_parity_follows_the_crop():
    decoded = jpeg2000(scene(), 10)
    for i, j in ((0, 0), (1, 2), (2, 3), (7, 5)):
        planes = as_planes(decoded[i : i + 256, j : j + 256])
        levels = _all_levels([planes.y], [], CDF97)
        for level in levels[:3]:
            assert level.parity == (i % 2, j % 2)
            i, j = (i + 1) // 2, (j + 1) // 2


def test_crop_by_the_lattice_changes_little():
    decoded = jpeg2000(scene(), 8)
    whole, cropped = (wavelet_features(decoded[k : k + 256, k : k + 256]) for k in (0, 32))
    for band in DETAIL:
        assert cropped[f"97_y_{band}_comb"] == pytest.approx(whole[f"97_y_{band}_comb"], abs=0.12)
        assert cropped[f"97_y_{band}_dead_one"] == pytest.approx(whole[f"97_y_{band}_dead_one"], abs=0.1)


def test_transposition_swaps_directions():
    window = jpeg2000(scene(), 8)[3:259, 4:260]
    facts = wavelet_features(window)
    turned = wavelet_features(np.ascontiguousarray(window.transpose(1, 0, 2)))
    for level in (1, 2):
        for fact in ("comb", "step", "dead_half", "dead_one", "shape", "zero_run"):
            for band, other in (("hl", "lh"), ("lh", "hl"), ("hh", "hh")):
                found = turned[f"97_y_{band}{level}_{fact}"]
                assert found == pytest.approx(facts[f"97_y_{other}{level}_{fact}"], abs=5e-3), (band, level, fact)
        assert turned[f"97_energy_hl_lh{level}"] == pytest.approx(-facts[f"97_energy_hl_lh{level}"], abs=1e-3)


def test_small_pictures_lack_deep_levels():
    facts = wavelet_features(scene()[:64, :80])
    missing = {name for name, value in facts.items() if np.isnan(value)}
    assert missing
    assert all(any(mark in name for mark in ("4", "5_", "margin5", "hh5", "lh5")) for name in missing)
    assert not np.isnan(facts["97_y_hh3_comb"])
    assert not any(np.isnan(value) for value in wavelet_features(scene()[:256, :257]).values())


@pytest.mark.parametrize("kind", ["flat", "two colours", "noise", "grey"])
def test_degenerate_pictures_have_values(kind):
    rng = np.random.default_rng(9)
    pixels = {
        "flat": np.full((256, 256, 3), (10, 200, 30), np.uint8),
        "two colours": np.where(rng.random((256, 256, 1)) < 0.5, (255, 0, 0), (0, 0, 255)).astype(np.uint8),
        "noise": rng.integers(0, 256, (256, 256, 3), dtype=np.uint8),
        "grey": rng.integers(0, 256, (256, 256), dtype=np.uint8),
    }[kind]
    values = FAMILY.compute(as_planes(pixels))
    assert values.dtype == np.float32
    assert not np.isinf(values).any()
    for name, value in zip(FAMILY.names, values, strict=True):
        colour = name.split("_")[1] in ("g", "u", "v", "cb", "cr")
        assert np.isnan(value) == (kind == "grey" and colour), name
    if kind == "flat":
        facts = dict(zip(FAMILY.names, values, strict=True))
        assert facts["97_y_hh1_comb"] == facts["97_y_hh1_shape"] == facts["97_y_hh1_dead_one"] == 0
        assert facts["97_y_hh1_zero_run"] == pytest.approx(1, abs=0.02)


def test_a_large_picture_of_equal_tiles_has_the_statistics_of_one():
    tile = jpeg2000(scene(256), 12)
    single, many = wavelet_features(tile), wavelet_features(np.tile(tile, (3, 4, 1)))
    # Where a level shows no trace its parity is chance, and more coefficients may change it.
    means = [
        name
        for name in single
        if name.startswith("97_y_") and name[7] in "12" and name[9:] in ("dead_half", "dead_one", "shape", "zero_run")
    ]
    assert len(means) == 2 * 3 * 4
    for name in means:
        assert many[name] == pytest.approx(single[name], abs=1e-4, nan_ok=True), name
