"""Sources: which files are taken, what of them, and the check for earlier compression."""

from __future__ import annotations

import hashlib
import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from forensics.codecs import registry
from forensics.dataset import sources
from forensics.dataset.earlier_compression import traces_of
from forensics.dataset.synthetic import KINDS, load_synthetic, synthesise, synthetic_names
from forensics.errors import PictureError, UsageError


@pytest.fixture
def picture() -> np.ndarray:
    return synthesise("texture", 72, 90, 11)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm", ".bmp"])
def test_lossless_files_give_their_pixels(suffix, picture, tmp_path):
    Image.fromarray(picture).save(tmp_path / f"a{suffix}")
    assert np.array_equal(sources.load(tmp_path / f"a{suffix}"), picture)


def test_lossless_webp_and_jpegxl_are_read_and_lossy_ones_refused(picture, tmp_path):
    files = {
        "a.webp": imagecodecs.webp_encode(picture, lossless=True),
        "a.jxl": imagecodecs.jpegxl_encode(picture, lossless=True),
        "b.jxl": imagecodecs.jpegxl_encode(picture, lossless=True, usecontainer=True),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert np.array_equal(sources.load(tmp_path / name), picture)
    jpeg = registry.get("jpeg").encode(picture, quality=90)
    for name, data in {
        "c.webp": imagecodecs.webp_encode(picture, level=90, lossless=False),
        "c.jxl": imagecodecs.jpegxl_encode(picture, distance=1.0),
        "d.jxl": imagecodecs.jpegxl_encode_jpeg(jpeg),
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(PictureError, match="lossless"):
            sources.load(tmp_path / name)


def test_a_jpeg_in_disguise_is_refused(picture, tmp_path):
    (tmp_path / "a.png").write_bytes(registry.get("jpeg").encode(picture))
    with pytest.raises(PictureError, match="none of"):
        sources.load(tmp_path / "a.png")
    Image.fromarray(picture).save(tmp_path / "b.tif", compression="jpeg")
    with pytest.raises(PictureError, match="lossy"):
        sources.load(tmp_path / "b.tif")


def test_modes_are_brought_to_eight_bit_rgb_or_grey(picture, tmp_path):
    grey = picture[:, :, 0].astype(np.uint16)
    cases = {
        "deep.png": (Image.fromarray(grey * 257), grey),
        "opaque.png": (Image.fromarray(picture).convert("RGBA"), picture),
        "bits.png": (Image.fromarray(picture[:, :, 0].copy()).convert("1"), None),
    }
    for name, (image, expected) in cases.items():
        image.save(tmp_path / name)
        loaded = sources.load(tmp_path / name)
        assert loaded.dtype == np.uint8
        assert expected is None or np.array_equal(loaded, expected)
    clear = np.dstack([picture, np.full(picture.shape[:2], 254, np.uint8)])
    Image.fromarray(clear).save(tmp_path / "clear.png")
    with pytest.raises(PictureError, match="opaque"):
        sources.load(tmp_path / "clear.png")


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"plain text", b"\xff\x0a\x00"])
def test_damaged_files_are_a_picture_error(data, tmp_path):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(PictureError):
        sources.load(tmp_path / "a.png")


def test_find_lists_all_folders_in_order(tmp_path):
    for name in ("b.PNG", "a/x.tiff", "a/note.txt", "train/y.jxl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert sources.find(tmp_path) == ["a/x.tiff", "b.PNG", "train/y.jxl"]
    with pytest.raises(UsageError):
        sources.find(tmp_path / "none")


def test_split_and_origin(picture):
    assert sources.split_of_folder("x/train/a.png") == "train"
    assert sources.split_of_folder("test_public/a.png") == "test_public"
    assert sources.split_of_folder("trainer/val.png") is None
    assert sources.origin_of("train/kodak__01.png") == "kodak"
    assert sources.origin_of("birds/01.png") == "birds"
    assert sources.origin_of("01.png") == "sources"
    source = sources.describe("val/a__b.png", picture, sources.SHARES)
    assert (source.split, source.origin, source.width, source.height) == ("val", "a", 90, 72)
    assert source.sha256 == hashlib.sha256(picture.tobytes()).hexdigest()


def test_hash_splits_keep_their_shares():
    hashes = [hashlib.sha256(bytes([i % 256, i // 256])).hexdigest() for i in range(4000)]
    splits = [sources.split_of_hash(h, {"train": 3, "val": 1}) for h in hashes]
    assert set(splits) == {"train", "val"}
    assert splits.count("val") / 4000 == pytest.approx(0.25, abs=0.03)
    with pytest.raises(UsageError):
        sources.split_of_hash(hashes[0], {"train": 0})


def test_traces_see_jpeg_at_any_phase_and_not_its_source():
    picture = synthesise("texture", 320, 320, 4)
    assert traces_of(picture) == ()
    for quality in (40, 75, 90):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=0)
        decoded = np.asarray(Image.open(buffer))
        assert "comb" in traces_of(decoded)
        if quality == 40:
            assert traces_of(decoded) == ("grid", "comb")
            assert traces_of(decoded[3:, 5:]) == ("grid", "comb")
    assert traces_of(picture[:20, :20]) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_synthetic_pictures_depend_on_seed_and_kind_alone(kind):
    first = synthesise(kind, 40, 56, 3)
    assert first.shape == (40, 56, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, synthesise(kind, 40, 56, 3))
    assert not np.array_equal(first, synthesise(kind, 40, 56, 4))


def test_synthetic_kinds_are_what_they_say():
    clipped = synthesise("saturated", 128, 128, 1)
    assert np.isin(clipped, (0, 255)).mean() > 0.2
    colours = synthesise("few-colours", 128, 128, 1).reshape(-1, 3)
    assert 2 <= len(np.unique(colours, axis=0)) <= 16
    noise = synthesise("white-noise", 128, 128, 1).astype(float)
    neighbours = np.corrcoef(noise[:, :-1, 0].ravel(), noise[:, 1:, 0].ravel())[0, 1]
    assert abs(neighbours) < 0.03


def test_synthetic_names_give_pictures_back():
    names = synthetic_names(12, 5)
    assert len(set(names)) == 12
    assert names[0].startswith("synthetic/texture-5-")
    first = load_synthetic(names[3])
    assert min(first.shape[:2]) >= 256
    assert np.array_equal(first, load_synthetic(names[3]))
