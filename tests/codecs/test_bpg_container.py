"""BPG's byte format and the HEVC headers inside: numbers, strictness, and what the reference encoder's files say."""

import json
from pathlib import Path

import numpy as np
import pytest

from forensics.codecs.bpg import container as bpg_container
from forensics.codecs.bpg.container import ByteReader, read_file, write_file, write_ue7
from forensics.codecs.hevc.headers import (
    SUBSAMPLINGS,
    BitReader,
    BitWriter,
    CodingTools,
    Pcm,
    RangeExtension,
    escape,
    read_coding_tools,
    unescape,
    write_coding_tools,
    write_sps,
    write_vps,
)
from forensics.codecs.hevc.stream import join_nal_units, read_pps, read_sps, split_nal_units
from forensics.errors import CodecError

DATA = Path(__file__).parent / "data" / "bpg"
REFERENCE = json.loads((DATA / "reference.json").read_text())["files"]
PLAIN = CodingTools(3, 6, 2, 5, 0, True, None, True, None)
PPS = bytes.fromhex("4401c1909581 12".replace(" ", ""))
SLICE = bytes.fromhex("2601af") + b"\x55" * 40


def small(**changes):
    facts = {"width": 20, "height": 10, "subsampling": "4:2:0", "bit_depth": 8, "colour_space": "ycbcr"}
    facts |= {"limited_range": False, "tools": PLAIN, "units": [PPS, SLICE]}
    return write_file(**facts | changes)


def random_tools(rng):
    tree = int(rng.integers(4, 7))
    coding = int(rng.integers(3, tree + 1))
    transform = int(rng.integers(2, coding))
    largest = int(rng.integers(transform, min(tree, 5) + 1))
    depth = int(rng.integers(0, tree - transform + 1))
    pcm = Pcm(*map(int, rng.integers(1, 17, 2)), 3, 4, bool(rng.integers(2))) if rng.integers(2) else None
    extension = RangeExtension(*map(bool, rng.integers(0, 2, 9))) if rng.integers(2) else None
    offset, smoothing = map(bool, rng.integers(0, 2, 2))
    return CodingTools(coding, tree, transform, largest, depth, offset, pcm, smoothing, extension)


@pytest.mark.parametrize(("data", "value"), [("08", 8), ("841e", 542), ("acbe17", 728855)])
def test_numbers_of_the_specification(data, value):
    """The three examples of BPG specification 0.9.5, clause 2."""
    assert write_ue7(value).hex() == data
    assert ByteReader(bytes.fromhex(data)).ue7("number") == value


def test_numbers_survive_and_take_the_fewest_bytes():
    rng = np.random.default_rng(0)
    edges = [0, 1, 127, 128, (1 << 14) - 1, 1 << 14, 1 << 21, (1 << 28) - 1, 1 << 28, (1 << 32) - 1]
    for value in [*edges, *(int(2 ** rng.uniform(0, 32)) for _ in range(500))]:
        data = write_ue7(value)
        assert len(data) == max(1, -(-value.bit_length() // 7))
        assert data[0] != 0x80
        assert ByteReader(data).ue7("number") == value


@pytest.mark.parametrize("data", ["", "80", "8008", "808008", "ff", "ffffffffff7f", "ffffffff7f", "9080808000"])
def test_other_numbers_are_refused(data):
    with pytest.raises(CodecError):
        ByteReader(bytes.fromhex(data)).ue7("number")


def test_a_number_above_its_limit_or_32_bits_is_refused():
    with pytest.raises(CodecError, match="at most 5"):
        ByteReader(b"\x06").ue7("number", 5)
    with pytest.raises(CodecError, match="32 bits"):
        write_ue7(1 << 32)


@pytest.mark.parametrize("entry", REFERENCE, ids=lambda entry: entry["file"])
def test_headers_of_the_reference_encoder(entry):
    header = read_file((DATA / entry["file"]).read_bytes()).header
    height, width, channels = entry["shape"]
    assert (header.width, header.height) == (width, height)
    assert header.subsampling.replace(":", "").replace("grey", "400") == entry["pixel_format"]
    assert header.bit_depth == entry["bits"]
    assert header.colour_space == entry["color_space"]
    assert header.limited_range == entry["limited"]
    assert {"none": 0, "straight": 1, "premultiplied": 3}[header.alpha] == entry["alpha_kind"]
    assert (header.alpha_tools is not None) == (channels == 4)
    assert (header.animation is not None) == entry["animation"]
    assert [extension.tag for extension in header.extensions] == entry["ext_tags"]
    assert header.lossless_blocks == ("-lossless" in entry["bpgenc"])
    if not header.lossless_blocks:
        # x265 codes an intra picture three steps finer than it was asked to
        asked = int(entry["bpgenc"].split("-q ")[1].split()[0])
        assert header.slice_qp == asked - (3 if "x265" in entry["bpgenc"] else 0)


def test_metadata_and_animation_control_are_kept():
    exif = read_file((DATA / "x265_jpeg420_q24_exif.bpg").read_bytes()).header.extensions[0]
    assert exif.data.startswith(b"MM\x00*")
    animation = read_file((DATA / "x265_anim2_q30.bpg").read_bytes()).header.animation
    assert animation == (0, 1, 25)


def test_what_is_written_is_read():
    for subsampling in SUBSAMPLINGS:
        for space in ("ycbcr",) if subsampling == "grey" else bpg_container.COLOUR_SPACES:
            file = read_file(small(subsampling=subsampling, colour_space=space, bit_depth=10, limited_range=True))
            header = file.header
            assert (header.subsampling, header.colour_space, header.cosited) == (subsampling, space, False)
            assert (header.width, header.height, header.bit_depth, header.limited_range) == (20, 10, 10, True)
            assert (header.alpha, header.animation, header.extensions) == ("none", None, ())
            assert header.tools == PLAIN
            assert file.colour_units == [PPS, SLICE]


def test_parameter_sets_and_messages_are_left_out():
    units = [write_vps(), write_sps(PLAIN, "4:2:0", 20, 10, 8), PPS, b"\x4e\x01\x05\x80", SLICE]
    assert small(units=units) == small()


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, 0, "magic"),
        (4, 0xC0, "pixel formats"),
        (4, 0x27, "bit depths"),
        (5, 0x50, "colour spaces"),
        (5, 0x01, "animation"),
        (6, 0x00, "at least one pixel"),
        (6, 0x80, "shortest"),
        (8, 0x7F, "truncated"),
    ],
)
def test_broken_fields_are_named(position, value, message):
    data = bytearray(small())
    data[position] = value
    with pytest.raises(CodecError, match=message):
        read_file(bytes(data))


def test_grey_has_no_colour_space_and_no_white_plane():
    for flags in (0x10, 0x04):
        data = bytearray(small(subsampling="grey"))
        data[5] = flags
        with pytest.raises(CodecError, match="grey"):
            read_file(bytes(data))


def test_every_cut_is_seen_when_the_length_is_stated():
    data = small()
    for length in range(len(data)):
        with pytest.raises(CodecError):
            read_file(data[:length])


def test_a_header_cannot_claim_more_than_its_bytes_can_hold():
    huge = small(width=1 << 14, height=1 << 13)
    with pytest.raises(CodecError, match="cannot hold"):
        read_file(huge)
    with pytest.raises(CodecError, match="pixels"):
        read_file(small(width=(1 << 32) - 1, height=(1 << 32) - 1))


def extended(block):
    data = small()
    at = 9 if data[8] < 128 else 10
    return data[:5] + bytes([data[5] | 8]) + data[6:at] + write_ue7(len(block)) + block + data[at:]


def test_extensions():
    header = read_file(extended(b"\x01\x03abc\x07\x00")).header
    assert header.extensions == ((1, b"abc"), (7, b""))
    for block in (b"\x01\x04abc", b"\x01", b"\x80\x01\x00"):
        with pytest.raises(CodecError):
            read_file(extended(block))


def test_parameter_sets_and_unknown_layers_are_refused():
    for unit in (write_vps(), write_sps(PLAIN, "4:2:0", 64, 64, 8), bytes([SLICE[0], 9]) + SLICE[2:]):
        with pytest.raises(CodecError):
            read_file(small(units=[PPS]).replace(PPS, join_nal_units([PPS, unit, SLICE])[3:]))
    with pytest.raises(CodecError, match="no picture parameter set"):
        read_file(small(units=[SLICE]))
    with pytest.raises(CodecError, match="first slice"):
        read_file(small(units=[PPS, SLICE[:2] + b"\x2f" + SLICE[3:]]))


def test_too_many_units_are_refused():
    with pytest.raises(CodecError, match="4096"):
        read_file(small(units=[PPS] * 5000))


def test_coding_tools_survive_both_ways():
    rng = np.random.default_rng(1)
    for _ in range(300):
        tools = random_tools(rng)
        data = write_coding_tools(tools)
        assert read_coding_tools(data) == tools
        for broken in (data[:-1], data + b"\x00"):
            with pytest.raises(CodecError):
                read_coding_tools(broken)
        subsampling = SUBSAMPLINGS[rng.integers(4)]
        sps = read_sps(write_sps(tools, subsampling, 243, 181, 10))
        assert (sps.tools, sps.subsampling) == (tools, subsampling)
        assert (sps.width, sps.height) == tools.coded_size(243, 181)
        assert (sps.bit_depth_luma, sps.bit_depth_chroma, sps.scaling_lists) == (10, 10, False)


@pytest.mark.parametrize("sizes", [(3, 3, 2, 2), (3, 7, 2, 5), (3, 6, 3, 5), (4, 4, 2, 5), (3, 6, 2, 6)])
def test_block_sizes_outside_the_standard_are_refused(sizes):
    with pytest.raises(CodecError):
        read_coding_tools(write_coding_tools(CodingTools(*sizes, 0, True, None, True, None)))


def test_coded_size_is_whole_coding_blocks():
    assert PLAIN.coded_size(1, 8) == (8, 8)
    assert PLAIN.coded_size(243, 181) == (248, 184)


def test_exp_golomb_numbers():
    """Table 9-2 of H.265: 0, 1, 2, 3 are 1, 010, 011, 00100; 1, 2, 3 stand for 1, -1, 2."""
    bits = BitReader(bytes([0b1_010_011_0, 0b0100_0000]))
    assert [bits.ue(9, "number") for _ in range(4)] == [0, 1, 2, 3]
    bits = BitReader(bytes([0b1_010_011_0, 0b0100_0000]))
    assert [bits.se(9, "number") for _ in range(4)] == [0, 1, -1, 2]
    writer = BitWriter()
    for value in range(300):
        writer.ue(value)
    bits = BitReader(writer.align(stop_bit=True))
    assert [bits.ue(300, "number") for _ in range(300)] == list(range(300))
    for data in (bytes(5), b"\x00", b""):
        with pytest.raises(CodecError):
            BitReader(data).ue(1 << 40, "number")


def test_emulation_prevention():
    rng = np.random.default_rng(2)
    for _ in range(200):
        payload = bytes(rng.integers(0, 5, rng.integers(0, 60), dtype=np.uint8)) + b"\x80"
        escaped = escape(payload)
        assert unescape(escaped) == payload
        assert not any(bytes([0, 0, byte]) in escaped for byte in range(3))


def test_units_are_split_at_start_codes_of_both_lengths():
    units = [PPS, SLICE, b"\x26\x01\x2f\x01"]
    assert list(split_nal_units(join_nal_units(units))) == units
    assert list(split_nal_units(join_nal_units(units)[3:])) == units
    assert list(split_nal_units(b"".join(b"\x00\x00\x00\x01" + unit for unit in units))) == units
    for broken in (b"", b"\x26\x01", b"\xa6\x01\x80", b"\x26\x00\x80"):
        with pytest.raises(CodecError):
            list(split_nal_units(broken))


def test_picture_parameters_of_the_reference_encoder():
    parameters = read_pps(PPS)
    assert (parameters.initial_qp, parameters.cb_qp_offset, parameters.cr_qp_offset) == (26, 0, 0)
    assert not parameters.lossless_blocks
    with pytest.raises(CodecError):
        read_pps(PPS[:4])
