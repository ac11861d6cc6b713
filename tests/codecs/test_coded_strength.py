"""Quantisers and colour coding read from bit streams, against what encoders were given."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.codecs import registry
from forensics.codecs.headers import av1 as av1_header
from forensics.codecs.headers import coded_strength
from forensics.codecs.headers import heif as heif_items
from forensics.codecs.headers import vp8 as vp8_header
from forensics.codecs.hevc.headers import BitReader, BitWriter
from forensics.errors import CodecError


def picture(height: int = 96, width: int = 136) -> np.ndarray:
    numbers = np.random.default_rng(3)
    smooth = np.cumsum(np.cumsum(numbers.normal(0, 1, (height, width, 3)), 0), 1)
    return np.clip(128 + smooth / 4 + numbers.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)


def encode(name: str, **parameters) -> bytes:
    codec = registry.get(name)
    if not codec.availability().encode:
        pytest.skip(f"{name}: {codec.availability().reason}")
    return codec.encode(picture(), **parameters)


# ---- VP8


class BoolEncoder:
    """The arithmetic encoder of RFC 6386 clause 7.3, in unbounded integers."""

    def __init__(self):
        self.low, self.size, self.bits = 0, 255, 0

    def flag(self, value, probability=128):
        split = 1 + ((self.size - 1) * probability >> 8)
        if value:
            self.low += split
            self.size -= split
        else:
            self.size = split
        while self.size < 128:
            self.low, self.size, self.bits = self.low * 2, self.size * 2, self.bits + 1

    def u(self, bits, value):
        for shift in reversed(range(bits)):
            self.flag(value >> shift & 1)

    def optional(self, bits, value):
        self.flag(value != 0)
        if value:
            self.u(bits, abs(value))
            self.flag(value < 0)

    def data(self):
        padding = -self.bits % 8 + 16
        return (self.low << padding).to_bytes((self.bits + padding) // 8 + 1, "big")


def vp8_frame(write) -> bytes:
    bits = BoolEncoder()
    bits.u(2, 0)
    write(bits)
    return bytes([0x10, 0, 0]) + b"\x9d\x01\x2a" + bytes(4) + bits.data() + bytes(8)


def test_a_frame_without_segments_states_one_quantiser():
    def write(bits):
        bits.flag(False)
        bits.flag(True)
        bits.u(6, 41)
        bits.u(3, 5)
        bits.flag(True)
        bits.flag(True)
        for value in (2, 0, -2, -2, 4, -12, 2, 4):
            bits.optional(6, value)
        bits.u(2, 0)
        bits.u(7, 93)

    header = vp8_header.read_header(vp8_frame(write))
    assert header == vp8_header.Vp8Header((93,), (1.0,), True, (41,), 5)
    assert header.quantizer == 93


@pytest.mark.parametrize("absolute", [True, False])
def test_segments_weigh_by_the_probabilities_of_their_tree(absolute):
    def write(bits):
        for value in (True, True, True, absolute):
            bits.flag(value)
        for value in (20, 0, 60, 127):
            bits.optional(7, value)
        for value in (1, 2, 3, 63):
            bits.optional(6, value)
        for probability in (51, 255, 128):
            bits.flag(True)
            bits.u(8, probability)
        bits.flag(False)
        bits.u(6, 10)
        bits.u(3, 0)
        bits.flag(False)
        bits.u(2, 0)
        bits.u(7, 5)

    header = vp8_header.read_header(vp8_frame(write))
    base, level = (0, 0) if absolute else (5, 10)
    assert header.quantizers == tuple(min(base + q, 127) for q in (20, 0, 60, 127))
    assert header.filter_levels == tuple(min(level + f, 63) for f in (1, 2, 3, 63))
    assert header.shares == pytest.approx((0.2, 0.0, 0.8 * 128 / 255, 0.8 * 127 / 255))
    assert sum(header.shares) == pytest.approx(1)


def test_webp_quality_moves_the_quantiser_and_the_preset_the_filter():
    fine, coarse = (coded_strength.read("webp", encode("webp", quality=q)) for q in (95, 10))
    assert fine["quantizer"] < 10 < 50 < coarse["quantizer"]
    assert coded_strength.read("webp", encode("webp", quality=40, preset="icon"))["filter_level"] == 0
    assert coarse["filter_level"] > 0


# ---- AV1


@pytest.mark.parametrize(("quantizer", "index"), [(1, 4), (10, 40), (32, 128), (48, 192), (63, 255)])
def test_the_quantiser_index_of_avifenc(quantizer, index):
    """aom's table from its 0..63 scale to `base_q_idx` (av1/encoder/ratectrl.c, `quantizer_to_qindex`)."""
    read = coded_strength.read("avif", encode("avif-avifenc", quantizer=quantizer))
    assert read["quantizer"] == index


@pytest.mark.parametrize("encoder", ["aom", "svt", "rav1e"])
def test_every_av1_encoder_states_its_size_and_colour(encoder):
    codec = registry.get("avif-avifenc")
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    data = codec.encode(picture(), quantizer=30, encoder=encoder, range="limited", matrix=1)
    items = heif_items.read_items(data)
    header = av1_header.read_header(items.data[heif_items.coded_items(items, b"av01")[0]])
    assert (header.sequence.width, header.sequence.height) == (136, 96)
    read = coded_strength.read("avif", data)
    assert (read["colour_matrix"], read["full_range"], read["chroma_subsampling"]) == ("bt709", False, "4:2:0")
    assert 20 <= read["quantizer"] <= 200


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4", "grey"])
@pytest.mark.parametrize("name", ["avif", "heic", "bpg"])
def test_subsampling_and_matrix(name, subsampling):
    read = coded_strength.read(name, encode(name, subsampling=subsampling))
    assert read["chroma_subsampling"] == subsampling
    assert read["colour_matrix"] == "bt601"
    assert read["full_range"] is True


def test_tiles_of_an_av1_frame_are_passed_over():
    """Pictures wider than 4096 samples must be tiled, which comes before the quantiser."""
    wide = np.repeat(np.repeat(picture(16, 1100), 4, axis=0), 4, axis=1)
    codec = registry.get("avif")
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    assert wide.shape[1] > 4096
    small = coded_strength.read("avif", codec.encode(wide[:64, :64], quality=50, speed=10))
    large = coded_strength.read("avif", codec.encode(wide, quality=50, speed=10))
    assert small["quantizer"] == large["quantizer"] > 0


# ---- HEVC


@pytest.mark.parametrize("qp", [12, 27, 40])
def test_bpg_states_its_qp(qp):
    assert coded_strength.read("bpg", encode("bpg", qp=qp))["quantizer"] == qp


def test_heic_quality_moves_the_qp():
    qps = [coded_strength.read("heic", encode("heic", quality=q))["quantizer"] for q in (95, 70, 40, 10)]
    assert qps == sorted(qps)
    assert 0 <= qps[0] < 10 < 30 < qps[-1] <= 51


def test_the_tiles_of_a_heic_grid_are_counted():
    codec = registry.get("heic")
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    wide = np.tile(picture(), (6, 6, 1))[:520, :700]
    assert coded_strength.read("heic", codec.encode(wide, tile_size=512))["tiles"] == 4
    assert coded_strength.read("heic", codec.encode(wide))["tiles"] == 1


# ---- hostile data


@pytest.mark.parametrize("name", ["webp", "avif", "heic", "bpg"])
def test_truncated_and_damaged_files_raise_nothing_but_a_codec_error(name):
    data = encode(name)
    numbers = np.random.default_rng(0)
    pieces = [data[:end] for end in range(0, min(len(data), 900), 7)]
    for _ in range(300):
        damaged = bytearray(data)
        for place in numbers.integers(0, min(len(data), 700), 4):
            damaged[place] = numbers.integers(256)
        pieces.append(bytes(damaged))
    refused = 0
    for piece in pieces:
        try:
            coded_strength.read(name, piece)
        except CodecError:
            refused += 1
    assert refused > 20


def test_other_classes_state_nothing():
    assert coded_strength.read("jpeg", b"") == {}


def test_non_symmetric_numbers():
    """ns(n) of the AV1 specification, clause 4.10.7: values below 2^w - n take one bit less."""
    for number in (1, 2, 3, 5, 8, 13):
        width = number.bit_length()
        short = (1 << width) - number
        for value in range(number):
            bits = BitWriter()
            if value < short:
                bits.u(width - 1, value)
            else:
                extra = value - short
                bits.u(width - 1, short + (extra >> 1))
                bits.u(1, extra & 1)
            assert av1_header._non_symmetric(BitReader(bits.align(stop_bit=False) + b"\0"), number) == value
