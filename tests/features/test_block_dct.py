"""Block-DCT traces against SciPy, plain loops and real JPEG files."""

import io

import numpy as np
import pytest
import scipy.fft
from forensics_features import block_dct
from forensics_features.comb import BINS, FINE_BIN
from forensics_features.planes import as_planes
from PIL import Image


def scene(height=200, width=208, seed=3):
    """A smooth scene with texture and edges, RGB."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.normal(size=(height, width, 3)), axes=(0, 1))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])[..., None]
    texture = np.fft.irfft2(spectrum / (radius + 0.01) ** 1.2, s=(height, width), axes=(0, 1))
    texture = 128 + 45 * texture / texture.std()
    texture[40:90, 30:120] += 30
    return np.clip(np.rint(texture), 0, 255).astype(np.uint8)


def jpeg(pixels, quality, subsampling=2):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(stream) as picture:
        return np.asarray(picture), picture.quantization[0]


def test_aligned_dct_equals_scipy():
    plane = np.random.default_rng(0).normal(size=(40, 37)).astype(np.float32)
    ours = block_dct.aligned_dct(plane, 8, (3, 2))
    block = scipy.fft.dctn(plane[3 + 8 : 3 + 16, 2 + 8 : 2 + 16], norm="ortho")
    assert ours.shape == (8, 8, 4 * 4)
    np.testing.assert_allclose(ours[:, :, 4 + 1], block, atol=1e-5)
    np.testing.assert_array_equal(block_dct.aligned_dct(plane, 8, (3, 2), 2), ours[:2, :2])
    wide = (
        np.random.default_rng(3).normal(size=(70, 1100)).astype(np.float32)
    )  # rows of blocks beyond what is worked on together
    large = block_dct.aligned_dct(wide, 16, (5, 7), 8)
    block = scipy.fft.dctn(wide[5 + 48 : 5 + 64, 7 + 16 * 66 : 7 + 16 * 67], norm="ortho")
    np.testing.assert_allclose(large[:, :, 3 * 68 + 66], block[:8, :8], atol=1e-4)


@pytest.mark.parametrize("thin", [1, 2])
@pytest.mark.parametrize(("size", "kept"), [(4, 4), (8, 5)])
def test_phase_scan_equals_plain_loops(size, kept, thin, monkeypatch):
    plane = np.random.default_rng(1).normal(scale=3, size=(39, 21)).astype(np.float32)
    monkeypatch.setattr(block_dct, "SAMPLED", plane.size // thin)
    index = np.full((kept, kept), -1, np.int64)
    index[0, 1], index[1, 1] = 0, 1
    share, histograms = block_dct.phase_scan(plane, size, kept, index)
    for phase in range(size * size):
        top, left = divmod(phase, size)
        zeros = total = 0
        expected = np.zeros((2, BINS), int)
        for i in range(top, plane.shape[0] - size + 1, size * thin):
            for j in range(left, plane.shape[1] - size + 1, size):
                c = scipy.fft.dctn(plane[i : i + size, j : j + size].astype(float), norm="ortho")[:kept, :kept]
                zeros += int((abs(c) < 0.5).sum() - (abs(c[0, 0]) < 0.5))
                total += kept * kept - 1
                expected[0, int(abs(c[0, 1]) / FINE_BIN)] += 1
                expected[1, int(abs(c[1, 1]) / FINE_BIN)] += 1
        assert share[phase] == pytest.approx(zeros / total, abs=2 / total)
        assert abs(histograms[phase] - expected).sum() <= 4  # values on a bin edge may fall either way in float32


def test_histograms_of_several_planes_are_those_of_each_together():
    planes = [np.random.default_rng(seed).normal(scale=9, size=(40 + seed, 56)).astype(np.float32) for seed in range(3)]
    index = np.arange(-1, 24).reshape(5, 5)
    expected = sum(block_dct.phase_scan(plane, 8, 5, index, 300)[1] for plane in planes)
    assert np.array_equal(block_dct.phase_histograms(planes, 8, 5, index, 300), expected)


def test_phase_scan_refuses_other_blocks():
    with pytest.raises(ValueError, match="4 and 4 or 8 and 5, not 8 and 3"):
        block_dct.phase_scan(np.zeros((64, 64), np.float32), 8, 3, np.zeros((3, 3), np.int64))


@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 5), (7, 1)])
@pytest.mark.parametrize("quality", [50, 90, 95])
def test_grid_phase_of_a_cropped_jpeg(quality, top, left):
    decoded, _ = jpeg(scene(), quality)
    _, phase = block_dct._grid(as_planes(decoded[top:, left:]).y)
    assert phase == (-top % 8, -left % 8)


@pytest.mark.parametrize("quality", [60, 80, 90])
def test_steps_are_those_of_the_file(quality):
    decoded, table = jpeg(scene(320, 320), quality, subsampling=0)
    facts = block_dct.block_dct_features(decoded[5:, 2:])
    for name, position in (("01", 1), ("10", 8), ("11", 9)):
        assert 2 ** facts[f"log2_step_{name}"] == pytest.approx(table[position], rel=0.06)


def test_uncompressed_and_degenerate_pictures_show_no_comb():
    assert block_dct.block_dct_features(scene())["comb_mean"] < 0.03
    for flat in (np.zeros((64, 64), np.uint8), np.full((70, 90, 3), 255, np.uint8)):
        facts = block_dct.block_dct_features(flat)
        assert facts["comb_best"] <= 0
        assert facts["grid_zero_share"] == 1
        assert np.isnan(facts["chroma_444_comb"])


def test_more_compression_raises_the_zero_share():
    shares = [block_dct.block_dct_features(jpeg(scene(), q)[0])["grid_zero_share"] for q in (95, 80, 50, 20)]
    assert shares == sorted(shares)
