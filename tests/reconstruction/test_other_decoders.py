"""Decoders beyond libjpeg-turbo: their samples, as the real programs gave them, and pictures turned back under each.

The references are the first 16 digits of SHA-256 over the samples (row by row, R, G, B) that each program gave for the
file `write_jpeg(coded_picture(3, factors, shape, 85))`:

- stb_image 2.27 (Debian libstb-dev 0.0~git20220908), `stbi_load(file, &w, &h, &n, 0)`
- Go 1.19.8, `jpeg.Decode`, each pixel by `color.RGBAModel.Convert(image.At(x, y))`
- jpeg-js 0.4.4 on Node 20, `decode(file, {useTArray: true, formatAsRGBA: false})`
- FFmpeg 5.1.9, `ffmpeg -i x.jpg -f image2pipe -c:v ppm -pix_fmt rgb24 -`
- IJG libjpeg 9f, 9a and 8d, 7 through jpeglib 1.0.2, `jpeglib.version("9f")`, `read_spatial(file).spatial`
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from forensics.reconstruction.coded import DECODERS, CodedPicture, Component, decode
from forensics.reconstruction.matrix_transforms import enlarged
from forensics.reconstruction.reconstruct import reconstruct
from tests.reconstruction.scenes import jpeg_file, scene
from tests.reconstruction.test_decoding import coded_picture

BY_NAME = {decoder.name: decoder for decoder in DECODERS}
REFERENCES = {
    ("stb_image", (1, 1), (99, 134)): "3c71557e828a66c3",
    ("stb_image", (1, 2), (99, 134)): "720ebdb022e146c5",
    ("stb_image", (2, 1), (99, 134)): "583d388b67f8e11e",
    ("stb_image", (2, 2), (99, 134)): "908a7aa23082f5e5",
    ("Go image/jpeg", (1, 1), (99, 134)): "b1e79dd0d6908520",
    ("Go image/jpeg", (1, 2), (99, 134)): "438b656722d388ee",
    ("Go image/jpeg", (2, 1), (99, 134)): "42337edc23320eda",
    ("Go image/jpeg", (2, 2), (99, 134)): "09a5969bceb690e8",
    ("jpeg-js", (1, 1), (99, 134)): "773e5a9cd708b024",
    ("jpeg-js", (1, 2), (99, 134)): "24d7fc564e533922",
    ("jpeg-js", (2, 1), (99, 134)): "8a61f1d9229287f1",
    ("jpeg-js", (2, 2), (99, 134)): "7801adbfec2f10d8",
    ("FFmpeg, chroma at full size", (1, 1), (64, 80)): "edb1100cff54e206",
    ("FFmpeg", (1, 2), (64, 80)): "d6e9c5341ed83fcc",
    ("FFmpeg", (2, 2), (64, 80)): "8d84b6053e72f3dc",
    ("IJG libjpeg 9", (1, 1), (99, 134)): "c3dd1a7333e7ef6a",
    ("IJG libjpeg 9", (1, 2), (99, 134)): "3a63dccf11d082b0",
    ("IJG libjpeg 9", (2, 1), (99, 134)): "242f3c6235ab4bcf",
    ("IJG libjpeg 9", (2, 2), (99, 134)): "c1d3d01815bc73fd",
    ("IJG libjpeg 7 or 8", (1, 1), (99, 134)): "eeb52f98055b933c",
    ("IJG libjpeg 7 or 8", (1, 2), (99, 134)): "42b2c43306dfa48c",
    ("IJG libjpeg 7 or 8", (2, 1), (99, 134)): "2d9acff6a9c64220",
    ("IJG libjpeg 7 or 8", (2, 2), (99, 134)): "7b53243d103006ec",
}


@pytest.mark.parametrize(("name", "factors", "shape"), REFERENCES)
def test_the_real_program_gave_the_same_samples(name, factors, shape):
    samples = decode(coded_picture(3, factors, shape, 85), BY_NAME[name])
    assert hashlib.sha256(samples.tobytes()).hexdigest()[:16] == REFERENCES[name, factors, shape]


@pytest.mark.parametrize(("vertical", "horizontal"), [(1, 2), (2, 1), (2, 2)])
def test_a_transform_to_twice_the_size_is_the_cosine_sum(vertical, horizontal):
    """The naive twin: the ideal inverse DCT, sampled twice as densely."""
    rng = np.random.default_rng(0)
    values = np.rint(rng.laplace(0, 30 / (1 + np.arange(64)), 64)).astype(np.int16)
    out = np.empty(256, np.int64)
    enlarged(values, np.full(64, 3.0), vertical, horizontal, np.empty(128, np.int64), out)
    ideal = np.zeros((8 * vertical, 8 * horizontal))
    for v in range(8):
        for u in range(8):
            weight = (0.5 if v else 0.125**0.5) * (0.5 if u else 0.125**0.5)
            down = np.cos((2 * np.arange(8 * vertical) + 1) * v * np.pi / (16 * vertical))
            across = np.cos((2 * np.arange(8 * horizontal) + 1) * u * np.pi / (16 * horizontal))
            ideal += 3 * weight * values[8 * v + u] * np.outer(down, across)
    got = out[: ideal.size].reshape(ideal.shape)
    assert np.abs(got - np.clip(ideal + 128, 0, 255)).max() < 0.6


def turned_back(name: str, subsampling: str, quality: int, seed: int):
    """A file of libjpeg-turbo's encoder, decoded as the named decoder would, and turned back."""
    first = reconstruct(scene_decoded(subsampling, quality, seed))
    assert first.exact
    coded = CodedPicture(
        first.coded.height,
        first.coded.width,
        tuple(Component(c.coefficients, c.table) for c in first.coded.components),
        first.coded.factors,
    )
    pixels = decode(coded, BY_NAME[name])
    return pixels, reconstruct(pixels)


def scene_decoded(subsampling: str, quality: int, seed: int) -> np.ndarray:
    from tests.reconstruction.scenes import real_decoding

    return real_decoding(jpeg_file(scene(seed, 128, 160), quality, subsampling))


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("name", ["stb_image", "Go image/jpeg", "jpeg-js", "FFmpeg", "IJG libjpeg 9"])
def test_a_picture_of_each_decoder_comes_back(name, subsampling):
    if name == "FFmpeg" and subsampling == "4:4:4":
        name = "FFmpeg, chroma at full size"
    pixels, found = turned_back(name, subsampling, 75, 3)
    if (name, subsampling) != ("IJG libjpeg 9", "4:4:4"):  # without enlargement it gives libjpeg-turbo's samples here
        assert found.decoder == name
    assert found.blocks_same / found.blocks > 0.97
    settled = np.repeat(np.repeat(found.same, 8, axis=0), 8, axis=1)
    np.testing.assert_array_equal(decode(found.coded, BY_NAME[found.decoder])[settled], pixels[settled])


def test_a_grey_picture_names_the_transform():
    from tests.reconstruction.scenes import real_decoding

    first = reconstruct(real_decoding(jpeg_file(scene(4, 128, 160)[..., 1], 85)))
    assert first.exact
    for name in ("jpeg-js", "FFmpeg", "Go image/jpeg"):
        found = reconstruct(decode(first.coded, BY_NAME[name]))
        assert found.decoder.startswith(name)
        assert found.blocks_same / found.blocks > 0.97


def test_luma_that_was_taken_for_green_is_asked_for_again():
    """Where colour hardly varies, the history can take a JPEG of luma and chroma for one of R, G and B."""
    from dataclasses import replace

    from forensics.history.jpeg.recovery import recover
    from forensics.reconstruction.choice import by_history
    from tests.reconstruction.scenes import real_decoding

    first = reconstruct(real_decoding(jpeg_file(scene(4, 128, 160), 75, "4:2:0")))
    pixels = decode(first.coded, BY_NAME["jpeg-js"])
    mistaken = replace(recover(pixels, fixed_point=False), colour="rgb")
    chosen = by_history(pixels, mistaken, None)
    assert chosen is not None
    assert (chosen.layout.colour, chosen.layout.factors, chosen.decoder.name) == ("ycbcr", (2, 2), "jpeg-js")
