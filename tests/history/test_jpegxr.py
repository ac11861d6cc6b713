"""JPEG XR's parameters from pixels: made lattices, and real files at known crops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from forensics_features.lapped import forward_transform

from forensics.codecs import registry
from forensics.history.jpeg2000.lattice import magnitudes
from forensics.history.jpegxr import explained as jpegxr_explained
from forensics.history.jpegxr import fixed_point as jpegxr_fixed_point
from forensics.history.jpegxr import lattice as jpegxr_lattice
from forensics.history.jpegxr import recovery as jpegxr


def textured(side: int, seed: int = 0) -> np.ndarray:
    """Coloured noise with a 1 / f spectrum, `np.ndarray [shape=(side, side, 3), dtype=uint8]`, hardly ever clipped."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])[..., None]
    noise = np.fft.irfft2(
        np.fft.rfft2(rng.normal(size=(side, side, 3)), axes=(0, 1)) / (radius + 0.01) ** 1.2,
        s=(side, side),
        axes=(0, 1),
    )
    mixed = noise @ np.array([[1, 1, 1], [0.3, -0.1, -0.2], [-0.1, -0.1, 0.3]])
    return np.clip(128 + 32 * mixed / mixed.std(), 1, 254).astype(np.uint8)


@pytest.mark.parametrize("overlap", [0, 1, 2])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_reference_encoder_at_a_known_crop(overlap, subsampling):
    encoder = registry.get("jpegxr-jxrlib")
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    data = encoder.encode(textured(288), quantizer=30, overlap=overlap, subsampling=subsampling)
    top, left = 3 + overlap, 13
    found = jpegxr.recover(encoder.decode(data)[top : top + 256, left : left + 256])
    assert found.found
    assert found.overlap == overlap
    assert found.phase == (-top % 16, -left % 16)
    assert found.chroma_subsampling == subsampling
    assert found.high_pass.quantizer == 30
    assert found.low_pass.quantizer == 30
    assert {fit.quantizer for fit in found.chroma_high_pass if fit is not None} <= {30}
    values = {parameter.name: parameter.value for parameter in found.parameters()}
    assert values["overlap_mode"] == overlap


@pytest.mark.parametrize(("level", "overlap", "subsampling"), [(0.8, 0, "4:4:4"), (0.3, 2, "4:2:0")])
def test_in_process_encoder_has_other_steps_by_band(level, overlap, subsampling):
    encoder = registry.get("jpegxr")
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    found = jpegxr.recover(encoder.decode(encoder.encode(textured(256), level=level)))
    assert (found.overlap, found.chroma_subsampling, found.phase) == (overlap, subsampling, (0, 0))
    assert found.low_pass.quantizer <= found.high_pass.quantizer


def test_grey_and_nothing():
    grey = textured(128)[:, :, 1]
    encoder = registry.get("jpegxr")
    if encoder.availability().encode:
        found = jpegxr.recover(encoder.decode(encoder.encode(grey, level=0.7)))
        assert found.chroma_subsampling == "grey"
        assert found.overlap == 0
    nothing = jpegxr.recover(grey)
    assert not nothing.found
    assert all(parameter.value is None and parameter.reason for parameter in nothing.parameters())
    assert "96" in jpegxr.recover(grey[:80]).reason


def test_jpeg_is_not_taken_for_it():
    encoder = registry.get("jpeg")
    assert not jpegxr.recover(encoder.decode(encoder.encode(textured(192), quality=80))).found


@pytest.mark.parametrize("index", [8, 30, 61])
def test_index_of_a_made_lattice(index):
    rng = np.random.default_rng(index)
    step = jpegxr_lattice.index_step(index)
    coefficients = np.rint(rng.laplace(scale=1.5 * step, size=3000) / step) * step + rng.normal(scale=0.18, size=3000)
    counts = magnitudes(coefficients[None].astype(np.float32), np.ones((1, 3000), bool), 1.0)
    fit = jpegxr_lattice.best_index(counts)
    assert fit.quantizer == index
    assert fit.low <= index <= fit.high
    uniform = magnitudes(rng.uniform(-100, 100, (1, 3000)).astype(np.float32), np.ones((1, 3000), bool), 1.0)
    assert jpegxr_lattice.best_index(uniform) is None


def test_index_steps_of_the_standard():
    # T.832 clause 9.8: indices under 16 count quarters, then 16 mantissas an octave.
    assert [jpegxr_lattice.index_step(i) for i in (1, 15, 16, 31, 32, 48)] == [0.25, 3.75, 4.0, 7.75, 8.0, 16.0]


def test_clean_blocks_against_a_loop():
    rng = np.random.default_rng(4)
    clipped = rng.random((40, 52)) < 0.02
    clean = jpegxr_lattice._clean(jpegxr_lattice.cumulative(clipped), (3, 6), (8, 10), 4, 2)
    for row in range(8):
        for column in range(10):
            top, left = 3 + 4 * row - 2, 6 + 4 * column - 2
            assert clean[row, column] == (not clipped[max(top, 0) : top + 8, max(left, 0) : left + 8].any())


def test_reencoding_leaves_the_picture_at_the_recovered_parameters_alone():
    encoder = registry.get("jpegxr-jxrlib")
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    data = encoder.encode(textured(256), quantizer=28, overlap=1, subsampling="4:4:4")
    decoded = encoder.decode(data)[5:, 7:]
    history = jpegxr.recover(decoded)
    point = jpegxr_fixed_point.fixed_point(decoded, history)
    assert point.unchanged > 0.9 > 0.5 > point.unchanged_control
    stable, ratio, _ = jpegxr_fixed_point.confirmation(decoded, history)
    assert stable.value == pytest.approx(point.unchanged, abs=1e-4)
    assert ratio.low < 3 * 256 * 256 / len(data) < ratio.high
    apart = replace(history, low_pass=history.low_pass._replace(quantizer=history.low_pass.quantizer + 9))
    assert jpegxr_fixed_point.confirmation(decoded, apart)[1].value is None


def test_nothing_is_confirmed_where_nothing_was_found():
    nothing = jpegxr.JpegxrHistory(False, reason="none")
    assert jpegxr_fixed_point.fixed_point(np.zeros((64, 64, 3), np.uint8), nothing) is None
    assert [
        parameter.reason for parameter in jpegxr_fixed_point.confirmation(np.zeros((64, 64, 3), np.uint8), nothing)
    ] == ["none", "none", "none"]


@pytest.mark.parametrize("overlap", [0, 1, 2])
def test_the_plain_transform_is_that_of_the_features_and_comes_back(overlap):
    luma = textured(128)[..., 1].astype(np.float64) - 128
    first = jpegxr_explained._forward(luma, overlap > 0)
    second = jpegxr_explained._forward(first[..., 0], overlap == 2)
    bands = forward_transform(luma, overlap, (0, 0))
    at = bands.block_origin[0] // 4
    rows, columns = bands.high_pass.shape[1:]
    np.testing.assert_allclose(
        np.moveaxis(first[at : at + rows, at : at + columns, 1:], 2, 0), bands.high_pass, atol=2e-3
    )
    at = bands.macroblock_origin[0] // 16
    rows, columns = bands.dc.shape
    np.testing.assert_allclose(second[at : at + rows, at : at + columns, 0], bands.dc, atol=2e-3)
    np.testing.assert_allclose(jpegxr_explained.snapped(luma, overlap, (0, 0, 0)), luma, atol=1e-3)


@pytest.mark.parametrize("overlap", [0, 1, 2])
def test_the_lattice_explains_samples_on_its_grid_alone(overlap):
    encoder = registry.get("jpegxr-jxrlib")
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    data = encoder.encode(textured(288), quantizer=40, overlap=overlap, subsampling="4:2:0")
    decoded = encoder.decode(data)[3:, 6:]
    history = jpegxr.recover(decoded)
    found = jpegxr_explained.explained(decoded, history)
    assert found.share > 0.95
    assert found.shifted < 0.5
    said = jpegxr_fixed_point.confirmation(decoded, history)[-1]
    assert (said.name, said.value) == ("explained_samples", round(found.share, 4))
    untouched = jpegxr_explained.explained(textured(288), history)
    assert untouched.share < 0.5


def test_a_wrong_step_of_dc_is_contradicted():
    encoder = registry.get("jpegxr")
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    decoded = encoder.decode(encoder.encode(textured(256), level=0.7))
    history = jpegxr.recover(decoded)
    assert not jpegxr_explained.contradicts_dc(decoded, history)
    assert not jpegxr_explained.contradicts_dc(decoded, replace(history, dc=None))
    assert jpegxr_explained.contradicts_dc(decoded, replace(history, dc=125))
