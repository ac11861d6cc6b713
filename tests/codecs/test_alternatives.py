"""The further decoders: near the usual one, different where they are meant to differ, and as strict about damage."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from forensics.codecs import registry
from forensics.codecs.decoders import alternatives, planes, swscale
from forensics.codecs.decoders.planes import CodedPlanes, enlarge
from forensics.errors import CodecError, CodecUnavailable, UsageError

CLASSES = ("jpeg", "jpeg2000", "jpegxr", "bpg", "webp", "avif", "heic", "jpegxl")
DECODERS = [decoder for codec in CLASSES for decoder in alternatives.of_class(codec)]
IDS = [f"{decoder.codec}-{decoder.name}" for decoder in DECODERS]
EXACT = {("jpegxr", "jxrdecapp"), ("jpeg2000", "opj_decompress"), ("avif", "avifdec-bilinear")}
"""Those that give the usual decoder's pixels for these pictures, or all but a few: the same arithmetic."""


def smooth(height: int = 101, width: int = 122) -> np.ndarray:
    """Slow waves in three colours, sides odd and even and no multiple of a block."""
    y, x = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(x / a + y / b) for a, b in ((31, 43), (-37, 29), (53, 35))]
    return np.rint(np.stack(waves, axis=2)).astype(np.uint8)


def coloured_edges(height: int = 101, width: int = 122) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    disc = (y - 50) ** 2 + (x - 61) ** 2 < 40**2
    return np.where(disc[:, :, None], np.uint8([220, 40, 60]), np.uint8([30, 90, 200]))


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    error = np.mean((first.astype(np.float64) - second) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def here(decoder: alternatives.Decoder) -> None:
    if decoder.missing():
        pytest.skip(decoder.missing())
    if not registry.get(decoder.codec).availability().encode:
        pytest.skip(registry.get(decoder.codec).availability().reason)


@pytest.fixture(scope="module")
def files() -> dict[str, tuple[bytes, np.ndarray]]:
    """By class: the smooth picture coded finely, and what the usual decoder makes of it."""
    fine = {
        "jpeg": {"quality": 95},
        "jpeg2000": {"ratio": 6},
        "jpegxr": {"level": 0.9},
        "bpg": {"qp": 12},
        "webp": {"quality": 95},
        "avif": {"quality": 90},
        "heic": {"quality": 90},
        "jpegxl": {"distance": 0.5},
    }
    coded = {}
    for name, parameters in fine.items():
        codec = registry.get(name)
        if codec.availability().encode:
            data = codec.encode(smooth(), **parameters)
            coded[name] = data, codec.decode(data)
    return coded


@pytest.mark.parametrize("decoder", DECODERS, ids=IDS)
def test_a_smooth_picture_comes_out_nearly_as_usual(decoder, files):
    here(decoder)
    data, usual = files[decoder.codec]
    pixels = decoder.decode(data)
    assert pixels.shape == usual.shape
    assert pixels.dtype == np.uint8
    assert psnr(pixels, usual) > 38
    # The contrast tells a mistaken range, which would change it by a seventh.
    np.testing.assert_allclose(pixels.std(axis=(0, 1)), usual.std(axis=(0, 1)), rtol=0.02)
    if (decoder.codec, decoder.name) in EXACT:
        assert psnr(pixels, usual) > 70


@pytest.mark.parametrize("decoder", DECODERS, ids=IDS)
def test_coloured_edges_come_out_otherwise_where_chroma_or_arithmetic_differs(decoder):
    here(decoder)
    codec = registry.get(decoder.codec)
    data = codec.encode(coloured_edges())
    usual, pixels = codec.decode(data), decoder.decode(data)
    same = {*EXACT, ("webp", "dwebp-dither"), ("heic", "heif-convert"), ("heic", "planes-nearest")}
    if (decoder.codec, decoder.name) not in same:
        assert not np.array_equal(pixels, usual)
    assert psnr(pixels, usual) > 20


@pytest.mark.parametrize("decoder", DECODERS, ids=IDS)
def test_grey_has_the_shape_that_the_usual_decoder_gives(decoder):
    here(decoder)
    codec = registry.get(decoder.codec)
    data = codec.encode(smooth()[:, :, 0])
    usual, pixels = codec.decode(data), decoder.decode(data)
    assert pixels.shape == usual.shape
    assert psnr(pixels, usual) > 38


@pytest.mark.parametrize("decoder", DECODERS, ids=IDS)
def test_damage_is_an_error(decoder, files):
    here(decoder)
    data, _ = files[decoder.codec]
    for damaged in (b"", data[: len(data) // 2], data[:40], b"no picture at all" * 9):
        with pytest.raises(CodecError):
            decoder.decode(damaged)


PROGRAMS = [decoder for decoder in DECODERS if hasattr(decoder, "program")]


@pytest.mark.parametrize("decoder", PROGRAMS, ids=lambda decoder: decoder.name)
def test_a_missing_program_is_stated_with_its_package(decoder, files, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    assert decoder.program in decoder.missing()
    assert "Debian package" in decoder.missing()
    with pytest.raises(CodecUnavailable, match="not on PATH"):
        decoder.decode(b"")


def test_a_program_that_fails_is_an_error_with_what_it_said(files, monkeypatch):
    decoder = alternatives.get("jpeg", "djpeg-nosmooth")
    here(decoder)
    data, usual = files["jpeg"]
    with pytest.raises(CodecError, match=r"djpeg-nosmooth: .*Not a JPEG file"):
        decoder._read(b"GIF89a" + data, usual)


def test_another_size_is_an_error(files):
    class Smaller(alternatives.Decoder):
        def missing(self):
            return ""

        def _read(self, data, usual):
            return usual[1:]

    with pytest.raises(CodecError, match=r"of shape \(100, 122, 3\) and not \(101, 122, 3\)"):
        Smaller("smaller", "jpeg").decode(files["jpeg"][0])


@pytest.mark.parametrize("parameters", [
    {"limited_range": True}, {"colour_space": "bt709"}, {"bit_depth": 10}, {"subsampling": "4:2:2"},
    {"subsampling": "4:4:4", "colour_space": "rgb"}, {"colour_space": "ycgco"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("name", ["planes-bilinear", "swscale-fast", "swscale-bicubic"])
def test_range_matrix_and_depth_are_those_of_the_file(name, parameters):
    decoder, codec = alternatives.get("bpg", name), registry.get("bpg")
    here(decoder)
    data = codec.encode(smooth(), qp=12, **parameters)
    if name.startswith("swscale") and parameters.get("colour_space") == "ycgco":
        with pytest.raises(CodecError, match="does not convert 4:2:0 ycgco"):
            decoder.decode(data)
        return
    assert psnr(decoder.decode(data), codec.decode(data)) > 38


@pytest.mark.parametrize("subsampling", ["4:4:4", "rgb", "4:2:2"])
def test_jpeg_keeps_its_colour_transform(subsampling):
    codec = registry.get("jpeg")
    data = codec.encode(smooth(), quality=95, subsampling=subsampling)
    for name in ("planes-nearest", "swscale-bicubic"):
        decoder = alternatives.get("jpeg", name)
        here(decoder)
        assert psnr(decoder.decode(data), codec.decode(data)) > 40


def test_limited_range_avif_is_read_as_such():
    codec = registry.get("avif")
    data = codec.encode(smooth(), quality=90, range="limited")
    for name in ("planes-bilinear", "swscale-bilinear"):
        decoder = alternatives.get("avif", name)
        here(decoder)
        assert psnr(decoder.decode(data), codec.decode(data)) > 40


def test_what_swscale_takes_for_full_range_is_refused():
    grey = CodedPlanes((np.full((8, 8), 100, np.uint8),), "grey", "ycbcr", 8, limited=True)
    with pytest.raises(CodecError, match="grey ycbcr of limited range"):
        swscale.to_picture(grey, "fast")


def naive_sample(row: np.ndarray, position: int, method: str) -> float:
    """One luma position on a line of chroma: chroma sample k lies at luma position 2 k + 1/2."""
    at = (position - 0.5) / 2
    if method == "nearest":
        return float(row[position // 2])
    total = 0.0
    for k in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
        distance = abs(at - k)
        if method == "bilinear":
            weight = max(0.0, 1 - distance)
        elif distance < 1:
            weight = 1.5 * distance**3 - 2.5 * distance**2 + 1
        else:
            weight = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
        total += weight * float(row[min(max(k, 0), len(row) - 1)])
    return total


@pytest.mark.parametrize("method", planes.FILTERS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 7), (9, 8), (11, 13)])
def test_enlarging_agrees_with_the_formula(method, shape):
    rows, columns = shape
    small = np.random.default_rng(5).integers(0, 256, (-(-rows // 2), -(-columns // 2)), np.uint8)
    lines = np.array([[naive_sample(line, j, method) for j in range(columns)] for line in small])
    whole = np.array([[naive_sample(lines[:, j], i, method) for j in range(columns)] for i in range(rows)])
    if shape[0] == 1:
        whole = lines  # a side that is not decimated stays
    expected = np.clip(np.floor(whole + 0.5), 0, 255)
    np.testing.assert_array_equal(enlarge(small, shape, method, 8), expected)


@pytest.mark.parametrize("method", planes.FILTERS)
def test_flat_chroma_stays_flat_at_every_depth(method):
    for depth, level in ((8, 255), (10, 1023), (12, 7)):
        flat = enlarge(np.full((5, 4), level, np.uint16), (10, 7), method, depth)
        assert flat.shape == (10, 7)
        assert (flat == level).all()


def test_cropping_cuts_chroma_to_its_half_rounded_up():
    whole = CodedPlanes(
        (np.zeros((16, 16), np.uint8), np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)),
        "4:2:0",
        "ycbcr",
        8,
        False,
    )
    assert [plane.shape for plane in whole.cropped(11, 14).samples] == [(11, 14), (6, 7), (6, 7)]
    for size in ((17, 16), (16, 81)):
        with pytest.raises(CodecError, match="FFmpeg decodes 16x16 pixels"):
            whole.cropped(*size)


def test_a_grid_of_tiles_is_refused_not_cut():
    codec, decoder = registry.get("heic"), alternatives.get("heic", "planes-nearest")
    here(decoder)
    data = codec.encode(smooth(600, 520), quality=50, tile_size=512, preset="ultrafast")
    with pytest.raises(CodecError):
        decoder.decode(data)


def test_dwebp_dithers_chroma_of_fine_quantisers_alone():
    decoder, codec = alternatives.get("webp", "dwebp-dither"), registry.get("webp")
    here(decoder)
    fine, coarse = codec.encode(smooth(), quality=97), codec.encode(smooth(), quality=40)
    assert not np.array_equal(decoder.decode(fine), codec.decode(fine))
    np.testing.assert_array_equal(decoder.decode(coarse), codec.decode(coarse))


def test_names_are_told_apart():
    assert alternatives.get("jpegxl", "djpeg-fast") is None
    assert alternatives.get("webp", "swscale-fast").codec == "webp"
    assert len({(decoder.codec, decoder.name) for decoder in DECODERS}) == len(DECODERS)
    with pytest.raises(UsageError, match=r"no decoder 'paint'; .*djpeg-nosmooth"):
        alternatives.get("jpeg", "paint")
