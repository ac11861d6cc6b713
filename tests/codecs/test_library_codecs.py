"""Round trips of every codec of a library, over its strength and each of its switches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from forensics.codecs import registry
from forensics.codecs.base import Availability, Value
from forensics.errors import CodecError, UsageError

NAMES = ("jpeg", "jpeg2000", "jpegxr", "webp", "avif", "heic", "jpegxl", "jpeg2000-psnr", "jpeg2000-ht")
QUICK: dict[str, dict[str, Value]] = {
    "avif": {"speed": 9},
    "heic": {"preset": "fast"},
    "jpegxl": {"effort": 3},
}
SWITCHES = [
    (name, switch, value)
    for name in NAMES
    for switch, what in registry.get(name).switches.items()
    for value in what.values
    if (name, switch) != ("avif", "speed") or int(value) > 4  # the slow ones take seconds
]
SAME_PIXELS = {("jpeg", "optimize"), ("jpeg", "progressive"), ("avif", "encoder"), ("heic", "tile_size")}
TRACES = sorted({(name, switch) for name, switch, _ in SWITCHES} - SAME_PIXELS)


def scene(height: int = 96, width: int = 112) -> np.ndarray:
    """Colour waves of growing frequency with edges and a little noise: something for each codec to lose."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [128 + 90 * np.sin(x * (y + 9) / 400 + phase) * np.cos(y / (7 + 4 * phase)) for phase in range(3)]
    pixels = np.stack(waves, axis=2)
    pixels[height // 4 : height // 2, width // 3 : width // 2] = (200, 40, 90)
    pixels += np.random.default_rng(7).normal(0, 3, pixels.shape)
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    error = np.mean((first.astype(np.float64) - second) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return scene()


@pytest.mark.parametrize("name", NAMES)
def test_stronger_is_smaller_and_worse(name: str, picture: np.ndarray) -> None:
    codec = registry.get(name)
    for pixels in (picture, np.ascontiguousarray(picture[:, :, 1])):
        for segment in codec.segments({}):
            files = [
                codec.encode(pixels, **{segment.parameter: segment.at(p)}, **QUICK.get(name, {}))
                for p in (0.0, 0.3, 0.6, 1.0)
            ]
            expected = pixels[:, :, None] if name == "webp" and pixels.ndim == 2 else pixels
            quality = [psnr(expected, codec.decode(data)) for data in files]
            assert all(len(finer) >= len(coarser) for finer, coarser in pairwise(files))
            assert len(files[0]) > 1.3 * len(files[-1])
            assert all(finer >= coarser for finer, coarser in pairwise(quality))
            assert quality[0] > quality[-1] + 2.5
            assert quality[0] > 32


@pytest.mark.parametrize("name", NAMES)
def test_finest_is_still_lossy_on_noise(name: str) -> None:
    codec = registry.get(name)
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    finest = {codec.strength.parameter: codec.strength.at(0.0)}
    assert not np.array_equal(codec.decode(codec.encode(noise, **finest)), noise)


@pytest.mark.parametrize(("name", "switch", "value"), SWITCHES)
def test_switch(name: str, switch: str, value: Value, picture: np.ndarray) -> None:
    codec = registry.get(name)
    parameters: dict[str, Value] = {**QUICK.get(name, {}), switch: value}
    data = codec.encode(picture, **parameters)
    decoded = codec.decode(data)
    assert data == codec.encode(picture, **parameters)
    assert registry.sniff(data) == codec.codec
    assert decoded.dtype == np.uint8
    if value == "grey":
        luma = np.round(picture @ np.array([0.299, 0.587, 0.114]))
        assert decoded.shape == picture.shape[:2]
        assert psnr(luma, decoded) > 28
    else:
        assert decoded.shape == picture.shape
        assert psnr(picture, decoded) > 24


@pytest.mark.parametrize(("name", "switch"), TRACES)
def test_switch_changes_the_pixels(name: str, switch: str) -> None:
    codec, pixels = registry.get(name), scene(160, 176)
    what = codec.switches[switch]

    def decoded(value: Value) -> np.ndarray:
        return codec.decode(codec.encode(pixels, **{**QUICK.get(name, {}), switch: value}))

    plain = decoded(what.default)
    others = [value for value in reversed(what.values) if value != what.default]
    assert any(not np.array_equal(decoded(value), plain) for value in others)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (5, 3), (17, 33), (64, 31)])
def test_odd_sizes(name: str, size: tuple[int, int]) -> None:
    codec = registry.get(name)
    for pixels in (scene(*size), scene(*size)[:, :, 0]):
        decoded = codec.decode(codec.encode(pixels, **QUICK.get(name, {})))
        assert decoded.shape[:2] == size
        assert decoded.ndim == (3 if name == "webp" else pixels.ndim)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 0.99])
def test_truncated_data_are_refused(name: str, share: float, picture: np.ndarray) -> None:
    codec = registry.get(name)
    data = codec.encode(picture, **QUICK.get(name, {}))
    with pytest.raises(CodecError) as caught:
        codec.decode(data[: int(share * len(data))])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_last_bytes_matter(name: str, picture: np.ndarray) -> None:
    codec = registry.get(name)
    data = codec.encode(picture, **QUICK.get(name, {}))
    for lost in (1, 2, 5):
        with pytest.raises(CodecError):
            codec.decode(data[:-lost])


@pytest.mark.parametrize("name", NAMES)
def test_noise_after_the_signature_raises_only_codec_errors(name: str, picture: np.ndarray) -> None:
    codec = registry.get(name)
    data = bytearray(codec.encode(picture, **QUICK.get(name, {})))
    rng = np.random.default_rng(11)
    refused = 0
    for start in (4, 12, 24, 40, len(data) // 2):
        damaged = bytes(data[:start]) + rng.bytes(len(data) - start)
        try:
            decoded = codec.decode(damaged)
        except CodecError:
            refused += 1
        else:
            assert decoded.dtype == np.uint8
    assert refused >= 3


@pytest.mark.parametrize("name", NAMES)
def test_wrong_parameters_are_usage_errors(name: str, picture: np.ndarray) -> None:
    codec = registry.get(name)
    low, high = sorted((codec.strength.finest, codec.strength.coarsest))
    for parameters in (
        {codec.strength.parameter: high + 1},
        {codec.strength.parameter: low - 1},
        {"colour": 1},
    ):
        with pytest.raises(UsageError):
            codec.encode(picture, **parameters)


@pytest.mark.parametrize("name", NAMES)
def test_version_and_availability(name: str) -> None:
    codec = registry.get(name)
    assert any(character.isdigit() for character in codec.version())
    assert codec.availability() == Availability(True, True)


def test_jpegxr_segments_differ_in_subsampling() -> None:
    """Below level 0.5 chroma is halved: stripes one pixel wide in colour alone are lost there and only there."""
    codec = registry.get("jpegxr")
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = (160, 90, 120)
    stripes[:, 1::2] = (90, 126, 120)
    above, below = (codec.decode(codec.encode(stripes, level=level)).astype(int) for level in (0.5, 0.499))
    contrast = [np.abs(np.diff(p[:, :, 0] - p[:, :, 1], axis=1)).mean() for p in (above, below)]
    assert contrast[0] > 4 * contrast[1]


def test_jpegxr_refuses_narrow_pictures_where_its_encoder_does() -> None:
    codec = registry.get("jpegxr")
    with pytest.raises(CodecError, match="17 pixels"):
        codec.encode(scene(40, 16), level=0.3)
    assert codec.decode(codec.encode(scene(40, 17), level=0.3)).shape == (40, 17, 3)


@pytest.mark.parametrize("wavelet", ["9/7", "5/3"])
@pytest.mark.parametrize("ratio", [12.0, 40.0])
def test_jpeg2000_meets_a_ratio_in_one_encode(wavelet: str, ratio: float) -> None:
    pixels = scene(256, 256)
    data = registry.get("jpeg2000").encode(pixels, ratio=ratio, wavelet=wavelet)
    codestream = len(data) - data.find(b"\xff\x4f\xff\x51")
    assert pixels.size / codestream == pytest.approx(ratio, rel=0.03)


def test_jpeg2000_meets_a_psnr() -> None:
    codec, pixels = registry.get("jpeg2000-psnr"), scene(128, 128)
    for target in (30, 36, 42):
        assert psnr(pixels, codec.decode(codec.encode(pixels, psnr=target))) == pytest.approx(target, abs=2.5)


def test_high_throughput_files_do_not_wrap_around() -> None:
    codec, pixels = registry.get("jpeg2000-ht"), scene(64, 64)
    pixels[:32], pixels[32:] = 0, 255
    decoded = codec.decode(codec.encode(pixels, step=0.05)).astype(int)
    assert np.abs(decoded - pixels).max() < 100


def test_webp_gives_grey_back_as_rgb_of_equal_channels_within_rounding() -> None:
    grey = scene()[:, :, 1]
    decoded = registry.get("webp").decode(registry.get("webp").encode(grey, quality=90))
    assert np.ptp(decoded.astype(int), axis=2).max() <= 1
