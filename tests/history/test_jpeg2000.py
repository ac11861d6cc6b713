"""JPEG 2000's parameters from pixels: transforms against obvious twins, recovery from real files at known crops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from forensics.codecs import registry
from forensics.history.jpeg2000 import explained as jpeg2000_explained
from forensics.history.jpeg2000 import fixed_point as jpeg2000_fixed_point
from forensics.history.jpeg2000 import lattice as jpeg2000_lattice
from forensics.history.jpeg2000 import levels as jpeg2000_levels
from forensics.history.jpeg2000 import low_pass as jpeg2000_low_pass
from forensics.history.jpeg2000 import recovery as jpeg2000
from forensics.history.jpeg2000 import steps as jpeg2000_steps
from forensics.history.jpeg2000 import tiles as jpeg2000_tiles
from forensics.history.jpeg2000 import transform as jpeg2000_transform
from forensics.history.jpeg2000.transform import Bands


def textured(side: int, seed: int = 0) -> np.ndarray:
    """Coloured noise with a 1 / f spectrum, `np.ndarray [shape=(side, side, 3), dtype=uint8]`, hardly ever clipped."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])[..., None]
    noise = np.fft.irfft2(
        np.fft.rfft2(rng.normal(size=(side, side, 3)), axes=(0, 1)) / (radius + 0.01) ** 1.3,
        s=(side, side),
        axes=(0, 1),
    )
    mixed = noise @ np.array([[1, 1, 1], [0.3, -0.1, -0.2], [-0.1, -0.1, 0.3]])
    return np.clip(128 + 32 * mixed / mixed.std(), 1, 254).astype(np.uint8)


def lifted_97(line: np.ndarray, parity: int) -> np.ndarray:
    """Figure F.22 of T.800 written out sample by sample, reflecting at both ends; samples stay in place."""
    x = line.astype(np.float64).copy()
    last = len(x) - 1
    for turn, factor in enumerate((-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)):
        for i in range((parity + 1 + turn) % 2, len(x), 2):
            x[i] += factor * (x[abs(i - 1)] + x[last - abs(last - i - 1)])
    for i in range(len(x)):
        x[i] *= 1 / 1.230174104914001 if i % 2 == parity else 1.230174104914001
    return x


def lifted_53(line: np.ndarray, parity: int) -> np.ndarray:
    """Equations F-9 and F-10 of T.800 written out sample by sample."""
    x = [int(v) for v in line]
    last = len(x) - 1
    for i in range((parity + 1) % 2, len(x), 2):
        x[i] -= (x[abs(i - 1)] + x[last - abs(last - i - 1)]) // 2
    for i in range(parity, len(x), 2):
        x[i] += (x[abs(i - 1)] + x[last - abs(last - i - 1)] + 2) // 4
    return np.array(x)


@pytest.mark.parametrize("wavelet", ["9/7", "5/3"])
@pytest.mark.parametrize("shape", [(8, 8), (9, 13), (2, 5), (3, 2)])
@pytest.mark.parametrize("parity", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_transform_against_twin_and_inverse(wavelet, shape, parity):
    plane = np.random.default_rng(1).integers(-128, 128, shape).astype(jpeg2000_transform.working_type(wavelet))
    bands = jpeg2000_transform.forward(plane, wavelet, parity)
    lift = lifted_97 if wavelet == "9/7" else lifted_53
    rows = np.stack([lift(column, parity[0]) for column in plane.T], axis=1)
    both = np.stack([lift(row, parity[1]) for row in rows])
    p, q = parity
    places = (both[p::2, q::2], both[p::2, q ^ 1 :: 2], both[p ^ 1 :: 2, q::2], both[p ^ 1 :: 2, q ^ 1 :: 2])
    for band, expected in zip(bands, places):
        np.testing.assert_allclose(band, expected, atol=2e-3 if wavelet == "9/7" else 0)
    again = jpeg2000_transform.inverse(bands, wavelet, parity)
    np.testing.assert_allclose(again, plane, atol=2e-3 if wavelet == "9/7" else 0)


def test_kernels_uncompiled():
    plane = np.random.default_rng(2).normal(size=(7, 9)).astype(np.float32)
    for name, whole in (
        ("_lift_97_rows", False),
        ("_lift_97_columns", False),
        ("_lift_53_rows", True),
        ("_lift_53_columns", True),
    ):
        kernel = getattr(jpeg2000_transform, name)
        start = (plane * 50).astype(np.int32) if whole else plane
        for first in (0, 1):
            compiled, plain = start.copy(), start.copy()
            arguments = (first, True, 1) if whole else (first, 0.4)
            kernel(compiled, *arguments)
            kernel.py_func(plain, *arguments)
            np.testing.assert_allclose(compiled, plain, rtol=1e-5)
    band, valid = plane * 9, plane > 0
    counts = [np.zeros(64, np.int64) for _ in range(2)]
    jpeg2000_lattice._count(band, valid, 4.0, 0.5, counts[0])
    jpeg2000_lattice._count.py_func(band, valid, 4.0, 0.5, counts[1])
    expected = np.bincount((np.abs(band[valid]) * np.float32(4) + np.float32(0.5)).astype(int), minlength=64)[:63]
    np.testing.assert_array_equal(counts[0], counts[1])
    np.testing.assert_array_equal(counts[0][:63], expected)


@pytest.mark.parametrize("wavelet", ["9/7", "5/3"])
def test_synthesis_norms_are_those_of_an_impulse(wavelet):
    for level in (1, 2, 3):
        for k in range(4):
            sizes = [256 >> n for n in range(1, level + 1)]
            planes = [np.zeros((s, s), np.float32) for s in sizes]
            band = np.zeros((sizes[-1], sizes[-1]), np.float32)
            band[sizes[-1] // 2, sizes[-1] // 2] = 4096
            parts = [np.zeros_like(band) for _ in range(4)]
            parts[k] = band
            picture = jpeg2000_transform.inverse(Bands(*parts), wavelet)
            for s in range(level - 2, -1, -1):
                picture = jpeg2000_transform.inverse(Bands(picture, *[planes[s]] * 3), wavelet)
            norm = np.linalg.norm(picture.astype(float)) / 4096
            assert norm == pytest.approx(jpeg2000_transform.synthesis_norms(wavelet, level)[k], rel=2e-3)


def test_reversible_colour_is_a_bijection():
    rgb = textured(16)
    y, u, v = jpeg2000_transform.components(rgb, "rct", "5/3")
    green = y + 128 - ((u + v) >> 2)
    np.testing.assert_array_equal(np.stack([v + green, green, u + green], axis=2), rgb)


@pytest.mark.parametrize("wavelet", ["9/7", "5/3"])
@pytest.mark.parametrize("parity", [(0, 1), (1, 0)])
def test_valid_coefficients_do_not_see_what_is_not_valid(wavelet, parity):
    rng = np.random.default_rng(3)
    valid = np.ones((24, 28), bool)
    valid[10, 17] = False
    kind = jpeg2000_transform.working_type(wavelet)
    one = rng.integers(-100, 100, (24, 28)).astype(kind)
    other = one.copy()
    other[10, 17] += 50
    wide = np.pad(one, 8, constant_values=77)
    masks = jpeg2000_levels.valid_bands(valid, wavelet, parity)
    for band, changed, padded, mask in zip(
        jpeg2000_transform.forward(one, wavelet, parity), jpeg2000_transform.forward(other, wavelet, parity),
        jpeg2000_transform.forward(wide, wavelet, parity), masks,
    ):  # fmt: skip
        inner = padded[4 : 4 + band.shape[0], 4 : 4 + band.shape[1]]
        assert 0.2 < mask.mean() < 1
        np.testing.assert_allclose(band[mask], changed[mask], atol=1e-3)
        np.testing.assert_allclose(band[mask], inner[mask], atol=2e-3)


@pytest.mark.parametrize("parity", [(0, 0), (0, 1), (1, 0)])
def test_a_clipped_sample_counts_by_what_it_does_to_a_coefficient(parity):
    clipped = np.zeros((26, 30), np.float32)
    clipped[11, 16] = 1
    bands = jpeg2000_transform.forward(clipped, "9/7", parity)
    for share, coefficient in zip(jpeg2000_levels.clipped_shares(clipped, parity, whole=True), bands):
        np.testing.assert_allclose(share, np.abs(coefficient), atol=1e-5)
    for share, whole in zip(
        jpeg2000_levels.clipped_shares(clipped, parity), jpeg2000_levels.clipped_shares(clipped, parity, whole=True)
    ):
        assert (share[0] > 1).all()
        assert (share[:, -1] > 1).all()
        np.testing.assert_allclose(share[4:-4, 4:-4], whole[4:-4, 4:-4], atol=1e-5)


def test_five_levels_are_told_of_a_whole_picture_with_clipped_parts():
    rng = np.random.default_rng(8)
    soft = ndimage.gaussian_filter(rng.normal(0, 1, (400, 420, 1)), (6, 6, 0))
    source = np.clip(128 + 44 * soft / soft.std() + rng.normal(0, 6, (400, 420, 3)), 0, 255).astype(np.uint8)
    codec = registry.get("jpeg2000")
    decoded = codec.decode(codec.encode(source, ratio=10.0, wavelet="9/7", levels=5))
    assert ((decoded == 0) | (decoded == 255)).any(axis=2).mean() > 0.003
    found = jpeg2000.recover(decoded)
    assert (found.wavelet, found.levels) == ("9/7", 5)


@pytest.mark.parametrize(
    ("codec", "options", "transform"),
    [
        ("jpeg2000", {"ratio": 8.0, "wavelet": "9/7", "levels": 2}, "ict"),
        ("jpeg2000", {"ratio": 16.0, "wavelet": "5/3", "levels": 2}, "rct"),
        ("jpeg2000", {"ratio": 10.0, "wavelet": "9/7", "levels": 5, "colour_transform": False}, "none"),
        ("jpeg2000-ht", {"step": 0.02, "levels": 3}, "ict"),
    ],
)
@pytest.mark.parametrize("offset", [(0, 0), (5, 10)])
def test_real_files_at_known_crops(codec, options, transform, offset):
    encoder = registry.get(codec)
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    decoded = encoder.decode(encoder.encode(textured(288), **options))
    found = jpeg2000.recover(decoded[offset[0] : offset[0] + 256, offset[1] : offset[1] + 256])
    assert found.found
    assert found.wavelet == options.get("wavelet", "9/7")
    assert found.colour_transform == transform
    assert found.levels in (None, options["levels"])
    assert 2 <= found.levels_at_least <= options["levels"]
    period = 1 << found.levels_at_least
    assert found.phase == tuple(-o % period for o in offset)
    assert len(found.parameters()) >= 7
    if codec == "jpeg2000-ht":
        # OpenJPH's step is a share of the range; its own norms differ from ours by less than 2 %.
        assert found.base_step.step == pytest.approx(0.02 * 256, rel=0.02)
    elif found.wavelet == "9/7":
        exponent = np.log2(found.base_step.step)
        assert exponent == pytest.approx(round(exponent), abs=0.02)


def test_psnr_estimate_is_near():
    encoder = registry.get("jpeg2000")
    picture = textured(256)
    decoded = encoder.decode(encoder.encode(picture, ratio=12.0, levels=3))
    true = 10 * np.log10(255**2 / np.mean((picture.astype(float) - decoded) ** 2))
    assert jpeg2000.recover(decoded).psnr == pytest.approx(true, abs=4)


def test_nothing_is_found_where_nothing_is():
    assert not jpeg2000.recover(textured(192)).found
    flat = jpeg2000.recover(np.full((128, 128, 3), 255, np.uint8))
    assert not flat.found
    assert "clipped" in flat.reason
    small = jpeg2000.recover(np.zeros((40, 200), np.uint8))
    assert all(parameter.value is None and parameter.reason for parameter in small.parameters())


def test_step_of_a_made_quantiser():
    rng = np.random.default_rng(5)
    x = rng.laplace(scale=20, size=20000)
    q = np.trunc(x / 7.3)
    coefficients = np.where(q == 0, 0, (np.abs(q) + 0.5) * 7.3) + rng.normal(scale=0.2, size=x.size)
    counts = jpeg2000_lattice.magnitudes(coefficients[None].astype(np.float32), np.ones((1, x.size), bool), 1.0)
    found = jpeg2000_steps.step_of(counts)
    assert not found.mixed
    assert abs(found.step - 7.3) < max(2 * found.half_width, 0.01)
    plain = jpeg2000_lattice.magnitudes(x[None].astype(np.float32), np.ones((1, x.size), bool), 1.0)
    assert jpeg2000_steps.step_of(plain) is None


@pytest.mark.parametrize("wavelet", ["9/7", "5/3"])
def test_tile_boundaries_are_found_where_they_are(wavelet):
    encoder = registry.get("jpeg2000")
    picture = textured(288)
    decoded = encoder.decode(encoder.encode(picture, ratio=10.0, levels=2, wavelet=wavelet, tile_size=128))
    crop = decoded[30:286, 9:265]
    space = jpeg2000_levels.first_level(crop)[0]
    assert jpeg2000_tiles.tile_lines(crop, space) == ([98, 226], [119, 247])
    assert jpeg2000.recover(crop).tile_size == 128
    untiled = encoder.decode(encoder.encode(picture, ratio=10.0, levels=2, wavelet=wavelet))[30:286, 9:265]
    assert jpeg2000_tiles.tile_lines(untiled, space) == ([], [])
    assert jpeg2000.recover(untiled).tile_size is None


@pytest.mark.parametrize(
    ("lines", "size"),
    [
        (([10, 138], [5]), 128),
        (([10, 138, 266], [5, 261]), 128),
        (([10], [5]), None),
        (([10, 100], [5, 133]), None),
        (([], [3, 260]), 256),
    ],
)
def test_tile_size_from_lines(lines, size):
    assert jpeg2000_tiles.tile_size(lines, 8) == size


def test_reencoding_comes_nearer_at_the_recovered_alignment():
    encoder = registry.get("jpeg2000")
    decoded = encoder.decode(encoder.encode(textured(288), ratio=16.0, levels=3))[3:, 6:]
    history = jpeg2000.recover(decoded)
    point = jpeg2000_fixed_point.fixed_point(decoded, history)
    gain, explained = jpeg2000_fixed_point.confirmation(decoded, history)
    assert gain.value == pytest.approx(point.psnr - point.psnr_control, abs=0.01)
    assert point.psnr > point.psnr_control + 0.5
    assert point.unchanged > point.unchanged_control
    assert explained.name == "explained_samples"
    nothing = jpeg2000.Jpeg2000History(False, reason="none")
    assert jpeg2000_fixed_point.fixed_point(decoded, nothing) is None
    assert jpeg2000_fixed_point.confirmation(decoded, nothing)[0].reason == "none"


@pytest.mark.parametrize("options", [{"ratio": 24.0}, {"ratio": 16.0, "wavelet": "5/3"}])
def test_the_lattice_explains_samples_on_its_grid_alone(options):
    encoder = registry.get("jpeg2000")
    decoded = encoder.decode(encoder.encode(textured(320), levels=3, **options))[3:, 6:]
    history = jpeg2000.recover(decoded)
    found = jpeg2000_explained.explained(decoded, history)
    assert found.share > 0.9
    assert found.shifted < 0.6
    assert jpeg2000_explained.explained(decoded, jpeg2000.Jpeg2000History(False, reason="none")) is None


def test_samples_are_back_where_nothing_is_snapped():
    picture = textured(96)
    for wavelet, transform in (("9/7", "ict"), ("5/3", "rct"), ("9/7", "rct"), ("5/3", "none")):
        planes = [*jpeg2000_transform.components(picture, transform, wavelet)]
        planes[0] = jpeg2000_explained._snapped(planes[0], wavelet, (0.0,) * 6)
        assert np.abs(jpeg2000_explained._pixels(planes, transform, wavelet).astype(int) - picture).max() <= 1
    assert np.array_equal(
        jpeg2000_explained._pixels(list(jpeg2000_transform.components(picture, "rct", "5/3")), "rct", "5/3"), picture
    )


def test_low_pass_band_of_the_last_level_alone_lies_on_a_lattice():
    encoder = registry.get("jpeg2000")
    decoded = encoder.decode(encoder.encode(textured(256), ratio=8.0, levels=2))
    space = jpeg2000_levels.first_level(decoded)[0]
    levels = jpeg2000_levels.level_chain(decoded, space)
    assert jpeg2000_low_pass.low_pass_odds(levels[1], 2, "9/7") > jpeg2000_low_pass.FOUND
    assert jpeg2000_low_pass.low_pass_odds(levels[0], 1, "9/7") < jpeg2000_low_pass.FOUND


def test_power_against_a_loop():
    rng = np.random.default_rng(8)
    values, frequencies = rng.normal(scale=200, size=60), np.array([0.01, 0.37, 2.5])
    expected = [abs(sum(np.exp(2j * np.pi * f * v) for v in values)) ** 2 / 60 for f in frequencies]
    np.testing.assert_allclose(jpeg2000_low_pass._power(values, frequencies), expected, rtol=1e-3, atol=1e-4)
