"""Which blocks of a former JPEG cannot have come out of its decoder."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from forensics.cli.map import command
from forensics.localisation.exact_map import IMPOSSIBLE, POSSIBLE, NoExactMap, exact_map, largest_distance, log10_tail
from forensics.localisation.exact_outputs import to_dict
from forensics.reconstruction.reconstruct import NotReconstructible
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene


@pytest.fixture(scope="module")
def decoded() -> np.ndarray:
    return real_decoding(jpeg_file(scene(20, 160, 192), 80))


def test_nothing_is_changed_in_what_the_decoder_gave(decoded):
    found = exact_map(decoded)
    assert found.counts()["impossible"] == 0
    assert found.counts()["possible"] > 0.97 * found.kinds.size
    assert found.regions == ()


@pytest.mark.parametrize("kind", ["pasted", "cloned off the grid", "in grey"])
def test_a_patch_of_16_pixels_shows_where_it_is(decoded, kind):
    patch = {
        "pasted": scene(21, 64, 64)[20:36, 20:36],
        "cloned off the grid": decoded[101:117, 33:49],
        "in grey": np.repeat(decoded[40:56, 72:88, 1:2], 3, axis=2),
    }[kind]
    changed = decoded.copy()
    changed[40:56, 72:88] = patch
    found = exact_map(changed)
    impossible = found.kinds == IMPOSSIBLE
    assert impossible[5:7, 9:11].sum() >= 3
    impossible[5:7, 9:11] = False
    assert not impossible.any()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.heavy)])
def test_a_patch_of_a_tenth_of_the_picture_shows(seed):
    changed = real_decoding(jpeg_file(scene(seed, 128, 160), 75))
    changed[82:114, 82:114] = scene(3 - seed, 128, 160)[82:114, 82:114]
    impossible = exact_map(changed).kinds == IMPOSSIBLE
    assert impossible[10:15, 10:15].all()
    assert impossible.sum() == 25


@pytest.mark.heavy
def test_a_clone_with_clipped_samples_shows():
    decoded = real_decoding(jpeg_file(scene(24, 160, 192, bright=55), 80))
    rows, columns = np.s_[40:72], np.s_[72:104]
    changed = decoded.copy()
    changed[rows, columns] = decoded[83:115, 29:61]
    clipped = (changed[rows, columns] == 255).any(axis=2).mean()
    assert 0.02 < clipped < 0.1
    assert exact_map(decoded).counts()["impossible"] == 0
    impossible = exact_map(changed).kinds == IMPOSSIBLE
    assert impossible[5:9, 9:13].sum() >= 14
    impossible[5:9, 9:13] = False
    assert not impossible.any()


@pytest.mark.heavy
def test_a_clone_by_whole_blocks_cannot_be_seen(decoded):
    changed = decoded.copy()
    changed[48:64, 64:80] = decoded[96:112, 112:128]
    kinds = exact_map(changed).kinds
    assert (kinds[7, 9], kinds[6:8, 8:10].max()) == (POSSIBLE, POSSIBLE)


def test_the_text_says_that_a_clone_by_whole_blocks_cannot_be_seen(decoded, tmp_path):
    Image.fromarray(decoded).save(tmp_path / "a.png")  # said of every picture
    arguments = [str(tmp_path / "a.png"), "--exact", "jpeg", "--out", str(tmp_path / "out")]
    assert "moved by whole blocks" in CliRunner().invoke(command, arguments).output


def test_polygons_surround_the_change(decoded, tmp_path):
    changed = decoded[5:, 3:].copy()
    changed[59:75, 61:85] = np.random.default_rng(0).integers(0, 256, (16, 24, 3))
    Image.fromarray(changed).save(tmp_path / "a.png")
    arguments = [str(tmp_path / "a.png"), "--exact", "jpeg", "--out", str(tmp_path / "out"), "-f", "json"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed == json.loads((tmp_path / "out" / "exact.json").read_text())
    (feature,) = printed["features"]
    points = np.array(feature["geometry"]["coordinates"][0][0])
    assert points.min(axis=0).tolist() == [61, 59]
    assert points.max(axis=0).tolist() == [85, 75]
    assert feature["properties"]["blocks"] == 6
    with Image.open(tmp_path / "out" / "exact.png") as overlay:
        assert overlay.size == (189, 155)


def test_pictures_without_a_decoders_blocks_get_no_map():
    with pytest.raises(NotReconstructible):
        exact_map(scene(22))


@pytest.mark.heavy
def test_pictures_changed_as_a_whole_get_no_map():
    noisy = real_decoding(jpeg_file(scene(23, 128, 128), 40)).astype(np.int16)
    noisy += np.random.default_rng(0).integers(-1, 2, noisy.shape)
    with pytest.raises((NoExactMap, NotReconstructible)):
        exact_map(np.clip(noisy, 0, 255).astype(np.uint8))


def test_the_bound_holds_for_rounding_errors():
    errors = np.random.default_rng(1).uniform(-0.5, 0.5, (200_000, 64))
    totals = np.sort((errors**2).sum(axis=1))
    for share in (1e-2, 1e-3, 1e-4):
        observed = totals[int((1 - share) * len(totals))]
        assert log10_tail(round(float(observed), 6)) >= np.log10(share)
    assert log10_tail(5.0) == 0
    assert log10_tail(16.5) == -np.inf
    assert 7 < largest_distance(1000) < largest_distance(1_000_000) < 12


def test_the_json_holds_every_block(decoded):
    document = to_dict(exact_map(decoded), name="x")
    assert np.array(document["blocks"]["values"]).shape == (20, 24)
    assert sum(document["counts"].values()) == 480
