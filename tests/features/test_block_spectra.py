"""Block spectra: against plain loops, and on blocks whose size and place are known."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_features import block_spectra as spectra
from forensics_features.block_phases import LEAST_SIDE
from forensics_features.block_spectra import block_spectra, spectrum
from scipy.fft import dctn, idctn

from tests.features.test_block_phases import scene


def sparse(side: int, first: int = 0, step: float = 12.0, seed: int = 0) -> np.ndarray:
    """A scene whose blocks of `side` samples, from row and column `first` on, have coefficients at multiples of a step;
    `np.ndarray [shape=(256, 256), dtype=uint8]`.
    """
    plane = scene(256 + side, 256 + side, seed=seed)
    blocks = plane[: 256 // side * side + side, : 256 // side * side + side]
    count = blocks.shape[0] // side
    tiles = blocks.reshape(count, side, count, side)
    coded = idctn(np.rint(dctn(tiles, axes=(1, 3), norm="ortho") / step) * step, axes=(1, 3), norm="ortho")
    start = (side - first) % side
    return np.clip(np.rint(coded.reshape(blocks.shape)[start : start + 256, start : start + 256]), 0, 255).astype(
        np.uint8
    )


@pytest.mark.parametrize(("side", "shift"), [(4, 0), (8, 3), (16, 5), (32, 16)])
def test_a_spectrum_equals_plain_loops(side: int, shift: int) -> None:
    plane = np.random.default_rng(side).normal(0, 9, (100, 131)).astype(np.float32)
    each = np.array(
        [
            np.abs(dctn(plane[i : i + side, j : j + side].astype(np.float64), norm="ortho"))
            for i in range(shift, 101 - side, side)
            for j in range(shift, 132 - side, side)
        ]
    )
    single = [0, 1, 2, 3, 4, 5, 6, 7]
    if side > 8:  # two bands an octave
        single = [0, 1, 2, 3, 4, 4, 5, 5, *[6] * 4, *[7] * 4, *[8] * 8, *[9] * 8]
    pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for u in range(side):
        for v in range(side):
            high, low = sorted((single[u], single[v]), reverse=True)
            pairs.setdefault((high, low), []).append((u, v))
    found = spectrum(plane, side, shift)
    assert found.shape == (3, len(pairs))
    for at, places in enumerate(pairs[key] for key in sorted(pairs)):
        band = np.concatenate([each[:, u, v] for u, v in places])
        expected = [np.log(band + 1).mean(), np.log(band.mean() + 0.05), (band < 0.5).mean()]
        np.testing.assert_allclose(found[:, at], expected, atol=2e-4)


@pytest.mark.parametrize("side", spectra.LUMA_SIDES)
def test_blocks_are_sparse_where_they_were_cut(side: int) -> None:
    plane = sparse(side).astype(np.float32)
    for shift in spectra._shifts(side):
        here, beside = spectrum(plane, side, 0), spectrum(plane, side, shift)
        assert here[2, 1:].mean() > beside[2, 1:].mean() + 0.05  # more coefficients are small
        assert here[0, 1:].mean() < beside[0, 1:].mean()


def test_noise_leaves_a_share_of_it() -> None:
    plane = sparse(8, step=30.0) + np.random.default_rng(5).normal(0, 3, (256, 256))
    noisy = np.clip(np.rint(plane), 0, 255).astype(np.float32)
    here, beside = spectrum(noisy, 8, 0), [spectrum(noisy, 8, shift) for shift in (1, 2, 3, 4, 5)]
    away = np.array([one[0, 1:].mean() for one in beside])
    assert here[0, 1:].mean() < away.mean() - 4 * away.std()


def test_the_middle_of_a_large_picture_keeps_its_blocks() -> None:
    large = np.tile(sparse(32), (4, 5))
    assert large.shape[0] > spectra.MOST
    values = block_spectra(large)
    np.testing.assert_allclose(values, block_spectra(large[128:896, 256:1024]), atol=1e-4)


def test_a_grey_picture_has_no_chroma() -> None:
    values = block_spectra(sparse(8))
    chroma = 3 * sum(int(spectra._bands(side).max()) + 1 for side in spectra.CHROMA_SIDES)
    assert values[:-chroma].any()
    assert not values[-chroma:].any()


def test_a_picture_that_is_too_small_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 160 pixels"):
        block_spectra(np.zeros((LEAST_SIDE - 1, 300), np.uint8))
