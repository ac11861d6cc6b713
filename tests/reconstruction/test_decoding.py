"""Every decoder's arithmetic against the real libraries, and the file writer, on coefficients of our own."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image, features

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.errors import CodecError
from forensics.reconstruction import coded
from forensics.reconstruction.coded import DECODERS, CodedPicture, Component, decode
from forensics.reconstruction.inverse_transforms import FLOAT, IFAST, ISLOW
from forensics.reconstruction.jpeg_writer import ZIGZAG, code_lengths, write_jpeg
from tests.reconstruction.scenes import real_decoding

turbo = pytest.mark.skipif(not features.check_feature("libjpeg_turbo"), reason="Pillow is built without libjpeg-turbo")
djpeg = pytest.mark.skipif(shutil.which("djpeg") is None, reason="djpeg (libjpeg-turbo-progs) is not installed")
FACTORS = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 4)]
TURBO = [decoder for decoder in DECODERS if decoder.name.startswith("libjpeg-turbo")]
NAMES = {ISLOW: "int", IFAST: "fast", FLOAT: "float"}


def coded_picture(
    seed: int, factors: tuple[int, int], shape: tuple[int, int], quality: int = 60, *, colour="ycbcr"
) -> CodedPicture:
    """Random coefficients as sparse as a photograph's, clipping among them."""
    rng = np.random.default_rng(seed)
    rows, columns = (-(-side // (8 * factor)) for side, factor in zip(shape, factors, strict=True))
    components = []
    for k in range(1 if colour == "grey" else 3):
        v, h = factors if k == 0 else (1, 1)
        table = scaled_table(TABLE_FAMILIES["standard"][min(k, 1)], quality).ravel().astype(np.int64)
        spread = 60 / table / (1 + np.add.outer(np.arange(8), np.arange(8)).ravel())
        values = np.rint(rng.laplace(0, spread, (rows * v, columns * h, 64)))
        values[..., 0] = np.rint(rng.normal(0, 350, values.shape[:2]) / table[0])
        components.append(Component(np.clip(values, -1000, 1000).astype(np.int16), table))
    return CodedPicture(*shape, tuple(components), factors if colour == "ycbcr" else (1, 1), colour)


@turbo
@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("shape", [(64, 80), (51, 77), (16, 33), (9, 5), (1, 1)])
def test_the_usual_decoder_gives_libjpeg_turbos_samples(factors, shape):
    coded = coded_picture(1, factors, shape)
    np.testing.assert_array_equal(decode(coded, DECODERS[0]), real_decoding(write_jpeg(coded)))


@turbo
@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_grey_and_rgb_files_need_no_colour_transform(colour):
    coded = coded_picture(2, (1, 1), (40, 56), colour=colour)
    np.testing.assert_array_equal(decode(coded, DECODERS[0]), real_decoding(write_jpeg(coded)))


@djpeg
@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("decoder", TURBO, ids=lambda decoder: decoder.name)
def test_every_arithmetic_of_libjpeg_turbo(factors, decoder, tmp_path):
    coded = coded_picture(3, factors, (99, 134), 85)
    file = tmp_path / "x.jpg"
    file.write_bytes(write_jpeg(coded))
    smooth = [] if decoder.upsampling == "triangle" else ["-nosmooth"]
    arguments = ["djpeg", "-dct", NAMES[decoder.transform], *smooth, "-outfile", str(tmp_path / "x.ppm"), str(file)]
    subprocess.run(arguments, check=True)
    with Image.open(tmp_path / "x.ppm") as image:
        np.testing.assert_array_equal(decode(coded, decoder), np.array(image))


def test_a_table_with_steps_above_255_is_written_with_two_bytes_a_step():
    coded = coded_picture(4, (1, 1), (32, 32), colour="grey")
    wide = coded.components[0].table * 20
    assert wide.max() > 255
    deep = CodedPicture(32, 32, (Component(np.clip(coded.components[0].coefficients, -3, 3), wide),), (1, 1), "grey")
    data = write_jpeg(deep)
    assert b"\xff\xc1" in data[:300]
    np.testing.assert_array_equal(decode(deep, DECODERS[0]), real_decoding(data))


def test_what_baseline_jpeg_cannot_hold_is_refused():
    coded = coded_picture(5, (1, 1), (16, 16), colour="grey")
    coded.components[0].coefficients[0, 0, 5] = 1024
    with pytest.raises(CodecError, match="AC coefficients"):
        write_jpeg(coded)
    with pytest.raises(CodecError, match="65535"):
        write_jpeg(CodedPicture(70000, 8, coded.components, (1, 1), "grey"))


def test_code_lengths_are_optimal_and_within_16_bits():
    counts = np.zeros(256, np.int64)
    counts[:40] = np.array([int(1.6**k) + 1 for k in range(40)])
    lengths = code_lengths(counts)
    assert lengths[:40].max() <= 16
    assert (2.0 ** -lengths[:40]).sum() < 1
    entropy = -(counts[:40] / counts.sum() * np.log2(counts[:40] / counts.sum())).sum()
    assert entropy <= (counts * lengths).sum() / counts.sum() <= entropy + 1


def test_zigzag_begins_and_ends_as_the_standard_says():
    assert ZIGZAG[:6].tolist() == [0, 1, 8, 16, 9, 2]
    assert ZIGZAG[-3:].tolist() == [55, 62, 63]
    assert sorted(ZIGZAG) == list(range(64))


@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.name)
def test_bands_of_rows_decode_to_the_same(monkeypatch, factors, decoder):
    picture = coded_picture(11, factors, (90, 75))
    monkeypatch.setattr(coded, "_ROWS", 1 << 20)
    whole = decode(picture, decoder)
    monkeypatch.setattr(coded, "_ROWS", 16)
    assert np.array_equal(decode(picture, decoder), whole)
