"""Exact tests that stop early: what is left out would not have changed the answer, what is counted is right."""

from __future__ import annotations

import io

import numpy as np
import pytest
from forensics_features.content import bent_pixels
from forensics_features.residual_lattice import block_lattice, block_lattices, foretold_residues, predictor_lattice
from PIL import Image

from forensics.history.jpeg import possible_blocks
from forensics.history.jpeg.recovery import block_grid, recover
from forensics.processes import jpeg_ls_near, webp_near_lossless
from forensics.processes.sampling import all_oriented, oriented


def textured(seed: int, side: int = 240) -> np.ndarray:
    """Waves with noise in one half, `np.ndarray [shape=(side, side, 3), dtype=uint8]`."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    waves = 120 + 50 * np.sin(x / 19)[..., None] * np.cos(y / 13)[..., None] * np.array([1.0, 0.8, -0.6])
    noise = rng.normal(0, 9, (side, side, 1)) * (x > side // 2)[..., None] + rng.normal(0, 2.5, (side, side, 3))
    return np.clip(np.rint(waves + noise), 1, 254).astype(np.uint8)


def test_a_scan_without_hope_is_given_up_and_one_of_jpeg_ls_is_followed():
    imagecodecs = pytest.importorskip("imagecodecs")
    plane = textured(1)[..., 1]
    whole, part = (foretold_residues(plane, 1, least, 1000) for least in (0.0, 0.42))
    assert 1000 <= part[0] + part[1] < (whole[0] + whole[1]) / 3
    assert part[0] / (part[0] + part[1]) == pytest.approx(whole[0] / (whole[0] + whole[1]), abs=0.05)
    coded = imagecodecs.jpegls_decode(imagecodecs.jpegls_encode(np.ascontiguousarray(plane), level=1))
    assert foretold_residues(coded, 1, 0.42, 1000) == foretold_residues(coded, 1)


def test_a_scan_far_below_is_given_up_at_once():
    plane = textured(1, 512)[..., 1]
    early = foretold_residues(plane, 3, 0.42, 1000)
    assert 500 <= early[0] + early[1] < 1500
    assert early[0] < 0.8 * 0.42 * (early[0] + early[1])


def test_all_directions_are_those_of_each():
    plane = np.random.default_rng(3).integers(0, 256, (5, 7), np.uint8)
    assert all(np.array_equal(one, oriented(plane, k)) for k, one in enumerate(all_oriented(plane)))


def test_counts_of_some_squares_and_steps_are_those_of_all():
    planes = np.ascontiguousarray(np.moveaxis(textured(2, 93), 2, 0))
    errors, samples = predictor_lattice(planes, 0, 8)
    some, of_some = predictor_lattice(planes, 0, 8, slice(1, 2), 3)
    rows, columns = np.indices(errors.shape[:2])
    kept = (rows + columns) % 3 == 0
    assert np.array_equal(some[kept][:, 1], errors[kept][:, 1])
    assert np.array_equal(of_some[kept][:, 1], samples[kept][:, 1])
    assert not some[~kept].any()
    assert not some[:, :, 0].any()
    assert some[kept].any()


@pytest.mark.parametrize("test", [jpeg_ls_near.test, webp_near_lossless.test])
def test_pictures_of_no_near_lossless_coder_are_none_with_and_without_a_sample(test, monkeypatch):
    sampled = [test(textured(seed)) for seed in range(3)]
    monkeypatch.setattr(jpeg_ls_near, "_GIVEN_UP", 0.0)
    monkeypatch.setattr(webp_near_lossless, "_SAMPLES", ())
    whole = [test(textured(seed)) for seed in range(3)]
    assert not any(trace.found for trace in (*sampled, *whole))
    assert max(trace.statistic for trace in sampled) < 0.5


def test_lattices_of_several_steps_are_those_of_each():
    plane = textured(3, 50)[..., 0]
    together = block_lattices(plane, (2, 4, 10))
    assert all(np.array_equal(block_lattice(plane, step), counts) for step, counts in zip((2, 4, 10), together))
    assert block_lattices(plane[:5], (2,))[0].sum() == 0


def test_content_is_counted_up_to_enough():
    rgb = textured(4, 80)
    assert 500 <= bent_pixels(rgb, 500) <= bent_pixels(rgb)
    assert bent_pixels(rgb, 10**9) == bent_pixels(rgb)
    assert bent_pixels(np.full((80, 80, 3), 9, np.uint8), 500) == 0


def test_the_grid_of_luma_alone_is_that_of_the_recovery():
    stream = io.BytesIO()
    Image.fromarray(textured(5)).save(stream, "JPEG", quality=70)
    for pixels in (np.asarray(Image.open(stream))[3:, 5:], textured(6)[..., 1]):
        grid, whole = block_grid(pixels), recover(pixels, fixed_point=False).grid
        assert grid.phase == whole.phase
        assert np.array_equal(grid.score, whole.score)


@pytest.mark.parametrize("quality", [35, 75, 92])
def test_trials_in_two_parts_prove_the_same_jpegs(quality, monkeypatch):
    stream = io.BytesIO()
    Image.fromarray(textured(7)).save(stream, "JPEG", quality=quality)
    pixels = np.asarray(Image.open(stream))[2:, 7:]
    quick = possible_blocks.jpeg_blocks(pixels)
    monkeypatch.setattr(possible_blocks, "_HOPELESS", 0.0)
    monkeypatch.setattr(
        possible_blocks, "_share_of_trial", lambda trial, table: possible_blocks.possible(*trial, table).mean()
    )
    whole = possible_blocks.jpeg_blocks(pixels)
    assert quick.found
    assert quick.parameters == whole.parameters
    assert quick.log10_nfa == whole.log10_nfa


def test_a_share_little_above_chance_proves_no_jpeg_ls_however_many_errors_there_are():
    # The counts of a dialog of a game, whose parts repeat: 52 % where its values alone give up to 50 %.
    nothing = [(0, 0, 0)] * 7
    dialog = jpeg_ls_near._outcome(2, 0, [(20889, 19303, 16077), *nothing])
    assert dialog.log10_nfa > 0
    coded = jpeg_ls_near._outcome(2, 0, [(26125, 14067, 16077), *nothing])
    assert coded.log10_nfa < -300
