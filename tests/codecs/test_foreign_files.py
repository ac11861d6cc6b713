"""Files that this package would not write: alpha, more than 8 bits, several frames, other colour spaces."""

from __future__ import annotations

import io
from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from forensics.codecs import registry
from forensics.codecs.exchange import as_picture, to_grey
from forensics.errors import CodecError

Y, X = np.mgrid[:64, :80]
RGB = np.stack([X * 3, Y * 3, X + Y], axis=2).astype(np.uint8)
RGBA = np.dstack([RGB, (X * 2 + 40).astype(np.uint8)])
GREY = np.ascontiguousarray(RGB[:, :, 0])
GREY_ALPHA = np.dstack([GREY, RGBA[:, :, 3]])
DEEP = RGB.astype(np.uint16) * 257


def pillow(pixels: np.ndarray, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()


def heif(mode: str, pixels: np.ndarray) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_bytes(mode, (80, 64), pixels.tobytes()).save(buffer, quality=95)
    return buffer.getvalue()


FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "jpegxl-alpha": ("jpegxl", lambda: imagecodecs.jpegxl_encode(RGBA, distance=0.1)),
    "jpegxl-grey-alpha": ("jpegxl", lambda: imagecodecs.jpegxl_encode(GREY_ALPHA, distance=0.1)),
    "jpegxl-16": ("jpegxl", lambda: imagecodecs.jpegxl_encode(DEEP, distance=0.1)),
    "jpegxl-12": ("jpegxl", lambda: imagecodecs.jpegxl_encode(DEEP >> 4, distance=0.1, bitspersample=12)),
    "jpegxl-10-container": (
        "jpegxl",
        lambda: imagecodecs.jpegxl_encode(DEEP >> 6, distance=0.1, bitspersample=10, usecontainer=True),
    ),
    "jpegxl-float": (
        "jpegxl",
        lambda: imagecodecs.jpegxl_encode((DEEP / 65535).astype(np.float32), distance=0.1),
    ),
    "jpegxr-alpha": ("jpegxr", lambda: imagecodecs.jpegxr_encode(RGBA, level=0.95)),
    "jpegxr-16": ("jpegxr", lambda: imagecodecs.jpegxr_encode(DEEP, level=0.95)),
    "jpeg2000-alpha": ("jpeg2000", lambda: imagecodecs.jpeg2k_encode(RGBA, level=50)),
    "jpeg2000-grey-alpha": ("jpeg2000", lambda: imagecodecs.jpeg2k_encode(GREY_ALPHA, level=50)),
    "jpeg2000-16": ("jpeg2000", lambda: imagecodecs.jpeg2k_encode(DEEP, level=70)),
    "jpeg2000-12": ("jpeg2000", lambda: imagecodecs.jpeg2k_encode(DEEP >> 4, level=60, bitspersample=12)),
    "webp-alpha": ("webp", lambda: imagecodecs.webp_encode(RGBA, level=95.0, lossless=False)),
    "webp-frames": (
        "webp",
        lambda: pillow(RGB, "WEBP", quality=95, save_all=True, append_images=[Image.fromarray(255 - RGB)]),
    ),
    "avif-alpha": ("avif", lambda: pillow(RGBA, "AVIF", quality=95)),
    "avif-10": ("avif", lambda: imagecodecs.avif_encode(DEEP >> 6, level=95, bitspersample=10)),
    "avif-frames": (
        "avif",
        lambda: pillow(RGB, "AVIF", quality=95, save_all=True, append_images=[Image.fromarray(255 - RGB)]),
    ),
    "heic-alpha": ("heic", lambda: heif("RGBA", RGBA)),
    "heic-10": ("heic", lambda: heif("RGB;16", DEEP)),
}


@pytest.mark.parametrize("case", FILES)
def test_decodes_to_8_bits_without_alpha(case: str) -> None:
    name, write = FILES[case]
    decoded = registry.get(name).decode(write())
    expected = GREY if "grey" in case else RGB
    assert decoded.dtype == np.uint8
    assert decoded.shape == expected.shape
    assert np.abs(decoded.astype(int) - expected).mean() < 1.5


@pytest.mark.parametrize("case", FILES)
def test_truncated_ones_are_refused(case: str) -> None:
    name, write = FILES[case]
    data = write()
    with pytest.raises(CodecError):
        registry.get(name).decode(data[:-3])


@pytest.mark.parametrize("size", [(64, 80), (63, 79), (64, 64), (61, 61), (8, 16)])
@pytest.mark.parametrize("bits", [9, 10, 12, 14])
def test_jpegxl_depth_is_found_at_any_size(size: tuple[int, int], bits: int) -> None:
    samples = np.ascontiguousarray((DEEP >> (16 - bits))[: size[0], : size[1]])
    data = imagecodecs.jpegxl_encode(samples, distance=0.1, bitspersample=bits, effort=3)
    decoded = registry.get("jpegxl").decode(data)
    assert np.abs(decoded.astype(int) - RGB[: size[0], : size[1]]).mean() < 1.5


def test_floating_point_jpegxr_is_refused() -> None:
    data = imagecodecs.jpegxr_encode((DEEP / 65535).astype(np.float32), level=0.9)
    with pytest.raises(CodecError, match="float32"):
        registry.get("jpegxr").decode(data)


def test_as_picture_scales_each_depth_to_its_ends() -> None:
    assert as_picture(np.array([[False, True]])).tolist() == [[0, 255]]
    for bits in (10, 12, 16):
        ramp = np.arange(1 << bits, dtype=np.uint16)[None, :]
        scaled = as_picture(ramp, bits)[0].astype(int)
        assert np.array_equal(scaled, np.floor(ramp[0].astype(float) * 255 / ((1 << bits) - 1) + 0.5).astype(int))
    assert as_picture(np.array([[5000]], dtype=np.uint16), 12).tolist() == [[255]]
    with pytest.raises(CodecError, match=r"\(2, 2, 5\)"):
        as_picture(np.zeros((2, 2, 5), dtype=np.uint8))


def test_to_grey_equals_pillow() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    assert np.array_equal(to_grey(noise), np.asarray(Image.fromarray(noise).convert("L")))
