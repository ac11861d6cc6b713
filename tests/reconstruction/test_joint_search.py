"""Components searched together under clipped channels: pieces against trying all, blocks against the decoder."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction import colour
from forensics.reconstruction.blocks import Quantiser, fit_blocks
from forensics.reconstruction.coded import full_size, stored_samples
from forensics.reconstruction.colour import LIBJPEG_TURBO, to_rgb
from forensics.reconstruction.conversions import CONVERSIONS
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.joint_search import first_with_luma, is_shown, nearest_antecedent, search_together
from forensics.reconstruction.layout import blocks_of
from forensics.reconstruction.reconstruct import reconstruct
from forensics.reconstruction.shown_window import Window
from forensics.reconstruction.upsampling import upsample
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene, tables_of


def every_triple(conversion: str, luma: np.ndarray, cb: np.ndarray, cr: np.ndarray) -> tuple[np.ndarray, ...]:
    y, b, r = (np.ascontiguousarray(plane, np.uint8) for plane in np.meshgrid(luma, cb, cr, indexing="ij"))
    return y, b, r, to_rgb(y.reshape(1, -1), b.reshape(1, -1), r.reshape(1, -1), conversion).reshape(*y.shape, 3)


@pytest.mark.parametrize("conversion", [LIBJPEG_TURBO, "jpeg-js", "swscale"])
def test_a_colour_has_a_luma_where_trying_all_finds_one(conversion):
    luma, cb, cr = np.arange(256), np.arange(100, 160, 7), np.arange(110, 250, 11)
    *_, colours = every_triple(conversion, luma, cb, cr)
    rng = np.random.default_rng(0)
    wanted = colours[rng.integers(0, 256, 40), rng.integers(0, len(cb), 40), rng.integers(0, len(cr), 40)].copy()
    wanted[::3] ^= rng.integers(0, 3, wanted[::3].shape).astype(np.uint8)
    pairs = np.array([(b, r) for b in cb for r in cr]).T[:, :, None] * np.ones(40, np.int64)
    expected = (colours[:, :, :, None] == wanted).all(axis=4).any(axis=0).reshape(-1, 40)
    for at in range(40):
        alone = [
            first_with_luma(wanted[[at]], *(p[[k]][:, [at]] for p in pairs), conversion) == 0
            for k in range(len(expected))
        ]
        np.testing.assert_array_equal(alone, expected[:, at])
    assert 0 < expected.sum() < expected.size
    every = expected[:, expected.any(axis=0)]
    some = wanted[expected.any(axis=0)][np.argsort(-every.sum(axis=0))[:2]]
    both = every[:, np.argsort(-every.sum(axis=0))[:2]].all(axis=1)
    first = first_with_luma(some, *(np.ascontiguousarray(p[:, :2]) for p in pairs), conversion)
    assert first == (int(np.argmax(both)) if both.any() else -1)


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_the_nearest_antecedent_is_that_of_trying_all(conversion):
    about = np.array([200.0, 120.0, 150.0])
    y, cb, cr, colours = every_triple(conversion, np.arange(170, 256), np.arange(95, 150), np.arange(120, 185))
    away = np.abs(y - about[0]) * 1e6 + (cb - about[1]) ** 2 + (cr - about[2]) ** 2
    rng = np.random.default_rng(1)
    for at in rng.integers(0, y.size, 12):
        wanted = colours.reshape(-1, 3)[at]
        alike = (colours == wanted).all(axis=3)
        found = nearest_antecedent(wanted, about, conversion)
        assert found is not None
        distance = abs(found[0] - about[0]) * 1e6 + ((found[1:] - about[1:]) ** 2).sum()
        assert distance <= away[alike].min()
        assert is_shown(wanted[None], *found.reshape(3, 1, 1), conversion).all()


def test_a_colour_that_no_decoder_gives_has_no_antecedent():
    *_, every = every_triple(LIBJPEG_TURBO, np.arange(90, 111), np.arange(118, 139), np.arange(118, 139))
    given = {tuple(c) for c in every.reshape(-1, 3).tolist()}
    none = next(c for c in ((100, 100 + k, 100) for k in range(9)) if c not in given)
    assert nearest_antecedent(np.array(none, np.uint8), np.array([100.0, 128.0, 128.0]), LIBJPEG_TURBO) is None


@pytest.mark.parametrize("factors", [(1, 1), (2, 2), (1, 2), (2, 1)])
@pytest.mark.parametrize("half_up", [False, True])
def test_a_window_shows_a_block_as_upsampling_the_whole_plane_does(factors, half_up):
    stored = np.random.default_rng(2).integers(0, 256, (24, 32)).astype(np.uint8)
    shape = 24 * factors[0], 32 * factors[1]
    full = upsample(stored, factors, "triangle, half up" if half_up else "triangle", shape)
    window = Window(factors, shape, half_up=half_up)
    for row, column in np.ndindex(3, 4):
        around = window.about(stored, np.ones((3, 4), bool), row, column)
        block = stored[8 * row : 8 * row + 8, 8 * column : 8 * column + 8].reshape(1, 64)
        inner = around.inside.reshape(around.pixels[0].size, -1)
        if half_up and column == 3 and factors == (1, 2):
            inner[:, -3:] = False  # Its last columns are cut otherwise: see `inversion`.
        np.testing.assert_array_equal(around.shown(block)[0][inner.ravel()], full[around.pixels][inner])


@pytest.mark.parametrize("factors", [(1, 1), (2, 2)])
def test_blocks_under_a_clipped_channel_are_found(factors):
    """A scene with red brought over the scale: of blocks with up to a half of such pixels all components come back."""
    pixels = scene(7, 96, 96)
    pixels[..., 0] = np.clip(pixels[..., 0].astype(int) + 85, 0, 255)
    name = {(1, 1): "4:4:4", (2, 2): "4:2:0"}[factors]
    data = jpeg_file(pixels, 70, name)
    rgb = real_decoding(data)
    tables = tables_of(data)
    quantisers = [Quantiser.of(table, ISLOW) for table in (tables[0], tables[1], tables[1])]
    lo, hi, nearest, _ = colour.antecedents(rgb)
    first = 0 if factors == (1, 1) else 1
    planes = nearest if factors == (1, 1) else nearest[1:, ::2, ::2]
    known = np.zeros((96 // 8 // factors[0], 96 // 8 // factors[1]), bool)
    open_ = (lo != hi).any(axis=0)
    share = blocks_of(open_, 8 * factors[0], 8 * factors[1]).mean(axis=1).reshape(known.shape)
    places = np.argwhere((share > 0) & (share < 0.5))
    assert len(places) >= 4
    coefficients, found = search_together(
        rgb, lo[first:], hi[first:], np.ones((96, 96), bool), np.ascontiguousarray(planes), known, places, factors,
        quantisers[first:], LIBJPEG_TURBO,
    )  # fmt: skip
    assert found.mean() >= 0.7
    if factors == (1, 1):
        samples = [
            blocks_of(stored_samples(part[None, found], q)) for part, q in zip(coefficients, quantisers, strict=True)
        ]
        again = to_rgb(*samples)
        shown = np.array([rgb[8 * r : 8 * r + 8, 8 * c : 8 * c + 8].reshape(64, 3) for r, c in places[found]])
        np.testing.assert_array_equal(again, shown)


def test_chroma_found_alone_is_that_of_the_file():
    """With the other blocks known, chroma of a block under clipped red is shown as the picture has it."""
    rng = np.random.default_rng(3)
    table = np.full(64, 24, np.int64)
    quantiser = Quantiser.of(table, ISLOW)
    coefficients = np.rint(rng.normal(0, 8, (2, 3, 3, 64)) / (1 + np.arange(64)) / 1.5).astype(np.int16)
    planes = [np.ascontiguousarray(full_size(c, quantiser, (2, 2), "triangle", (48, 48))) for c in coefficients]
    luma = np.full((48, 48), 150, np.uint8)
    luma[16:32, 16:32] = 215
    rgb = to_rgb(luma, *planes)
    assert (rgb[16:32, 16:32] == 255).any(axis=2).mean() > 0.05
    lo, hi, nearest, _ = colour.antecedents(rgb)
    stored = np.stack([stored_samples(c, quantiser) for c in coefficients])
    stored[:, 8:16, 8:16] = nearest[1:, 16:32:2, 16:32:2]
    known = np.ones((3, 3), bool)
    known[1, 1] = False
    found, settled = search_together(
        rgb, lo[1:], hi[1:], np.ones((48, 48), bool), stored, known, np.array([[1, 1]]), (2, 2),
        [quantiser, quantiser], LIBJPEG_TURBO,
    )  # fmt: skip
    assert settled.all()
    np.testing.assert_array_equal(found[:, 0], coefficients[:, 1, 1])


def test_more_sets_settle_blocks_of_steps_of_one():
    """Few sets leave blocks at quality 100 that many settle: what `inversion` rests on when it searches again."""
    pixels = real_decoding(jpeg_file(scene(8, 96, 96)[..., 1], 100))
    blocks = blocks_of(pixels)
    quantiser = Quantiser.of(np.ones(64, np.int64), ISLOW)
    few, many = ((fit_blocks(blocks, blocks, quantiser, width=width, depth=24)[1] <= 1).mean() for width in (4, 256))
    assert few < 0.95 < many


@pytest.mark.parametrize("seed", [3, 11])
def test_edges_under_clipped_channels_come_back(seed):
    """Luma blocks of which two columns are seen, several of their samples clipped, say nothing sure of chroma."""
    pixels = scene(seed, 90, 106).astype(int)
    pixels[..., 0] += 60
    pixels[..., 2] -= 80
    decoded = real_decoding(jpeg_file(np.clip(pixels, 0, 255).astype(np.uint8), 95))
    assert ((decoded == 0) | (decoded == 255)).any(axis=2)[:, -10:].any()
    assert reconstruct(decoded).exact
