"""The NAL units of an HEVC stream and what its parameter sets and first slice say (ITU-T H.265 (08/2021) clause 7.3).

Read here are an encoder's SPS (to learn the `CodingTools` it used), the PPS and the start of a slice segment (to learn
the QP that was really coded). All input may be hostile: every number is bounded and running out of bits is a
`CodecError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from forensics.codecs.hevc.headers import (
    SUBSAMPLINGS,
    BitReader,
    CodingTools,
    read_block_sizes,
    read_pcm,
    read_range_extension,
    unescape,
)
from forensics.errors import CodecError

NAL_IDR_W_RADL = 19
NAL_IDR_N_LP = 20
NAL_PPS = 34
"""Types of NAL units: ITU-T H.265 table 7-1 (the two of IDR pictures, picture parameter set)."""
START_CODE = b"\x00\x00\x01"

_HEADER_BYTES = 96
"""Bytes of a slice segment that are looked at: its header is far shorter in an intra picture."""
_SIDE = (1 << 16) - 1
"""Largest side or offset that is read, in samples: a bound on work, above every level of H.265 annex A."""


def nal_kind(nal: bytes) -> int:
    """`nal_unit_type` (table 7-1)."""
    return (nal[0] >> 1) & 63


def nal_layer(nal: bytes) -> int:
    """`nuh_layer_id`."""
    return (nal[0] & 1) << 5 | nal[1] >> 3


def in_layer_0(nal: bytes) -> bytes:
    """The same NAL unit with `nuh_layer_id` 0."""
    return bytes([nal[0] & 0xFE, nal[1] & 7]) + nal[2:]


def is_slice(nal: bytes) -> bool:
    """Whether a NAL unit is a slice segment of a picture."""
    kind = nal_kind(nal)
    return kind <= 9 or 16 <= kind <= 21


def starts_picture(nal: bytes) -> bool:
    """Whether a NAL unit is the first slice segment of a picture (`first_slice_segment_in_pic_flag`)."""
    return is_slice(nal) and nal[2] >= 0x80


def split_nal_units(stream: bytes) -> Iterator[bytes]:
    """The NAL units of a byte stream (Annex B), whose first start code may be left out.

    Zero bytes before a start code belong to it. Raises `CodecError` for a unit shorter than a header and one byte of
    payload, or with its forbidden bit set or a zero temporal identifier.
    """
    position = len(START_CODE) if stream.startswith(START_CODE) else 0
    if stream.startswith(b"\x00" + START_CODE):
        position = len(START_CODE) + 1
    while position <= len(stream):
        end = stream.find(START_CODE, position)
        end = len(stream) if end < 0 else end
        yield _checked(stream[position:end].rstrip(b"\x00"))
        position = end + len(START_CODE)


def _checked(nal: bytes) -> bytes:
    if len(nal) < 3:
        raise CodecError(f"an HEVC NAL unit has at least 3 bytes, not {len(nal)}")
    if nal[0] & 0x80:
        raise CodecError("an HEVC NAL unit has its forbidden bit set")
    if not nal[1] & 7:
        raise CodecError("an HEVC NAL unit has no temporal identifier")
    return nal


def join_nal_units(units: Iterable[bytes]) -> bytes:
    """A byte stream with a start code before every unit."""
    return b"".join(START_CODE + unit for unit in units)


@dataclass(frozen=True)
class SequenceParameters:
    """What an encoder's SPS says: picture format, coded size in samples, bit depths and coding tools."""

    subsampling: str
    width: int
    height: int
    bit_depth_luma: int
    bit_depth_chroma: int
    scaling_lists: bool
    tools: CodingTools


def read_sps(nal: bytes) -> SequenceParameters:
    """Read a sequence parameter set of one sub-layer (clause 7.3.2.2); the VUI may not hold HRD parameters."""
    bits = BitReader(unescape(nal[2:]))
    bits.u(4)
    if bits.u(3):
        raise CodecError("an SPS of more than one temporal sub-layer is not read")
    bits.u(1 + 88 + 8)  # temporal nesting, profile and tier, level
    bits.ue(15, "sps_seq_parameter_set_id")
    subsampling = SUBSAMPLINGS[bits.ue(3, "chroma_format_idc")]
    if subsampling == "4:4:4" and bits.flag():
        raise CodecError("colour planes coded separately are not read")
    width, height = bits.ue(_SIDE, "pic_width_in_luma_samples"), bits.ue(_SIDE, "pic_height_in_luma_samples")
    if bits.flag():
        for _ in range(4):
            bits.ue(_SIDE, "conf_win_offset")
    luma, chroma = 8 + bits.ue(8, "bit_depth_luma_minus8"), 8 + bits.ue(8, "bit_depth_chroma_minus8")
    bits.ue(12, "log2_max_pic_order_cnt_lsb_minus4")
    bits.flag()
    for field in (
        "sps_max_dec_pic_buffering_minus1",
        "sps_max_num_reorder_pics",
        "sps_max_latency_increase_plus1",
    ):
        bits.ue((1 << 32) - 2, field)
    sizes = read_block_sizes(bits)
    bits.ue(sizes[1] - sizes[2], "max_transform_hierarchy_depth_inter")
    depth = bits.ue(sizes[1] - sizes[2], "max_transform_hierarchy_depth_intra")
    scaling = bits.flag()
    if scaling and bits.flag():
        raise CodecError("an SPS with scaling lists of its own is not read")
    bits.flag()
    offset = bits.flag()
    pcm = read_pcm(bits) if bits.flag() else None
    if bits.ue(64, "num_short_term_ref_pic_sets"):
        raise CodecError("an SPS with reference picture sets is not read")
    if bits.flag():
        raise CodecError("an SPS with long-term reference pictures is not read")
    bits.flag()
    smoothing = bits.flag()
    if bits.flag():
        _skip_vui(bits)
    tools = CodingTools(*sizes, depth, offset, pcm, smoothing, read_range_extension(bits))
    return SequenceParameters(subsampling, width, height, luma, chroma, scaling, tools)


def _skip_vui(bits: BitReader) -> None:
    """Pass over the video usability information (clause E.2.1)."""
    if bits.flag() and bits.u(8) == 255:  # sample aspect ratio
        bits.u(32)
    if bits.flag():  # overscan
        bits.flag()
    if bits.flag():  # video signal type
        bits.u(4)
        if bits.flag():
            bits.u(24)
    if bits.flag():  # chroma location
        bits.ue(5, "chroma_sample_loc_type_top_field")
        bits.ue(5, "chroma_sample_loc_type_bottom_field")
    bits.u(3)
    if bits.flag():  # default display window
        for _ in range(4):
            bits.ue(_SIDE, "def_disp_win_offset")
    if bits.flag():  # timing
        bits.u(64)
        if bits.flag():
            bits.ue((1 << 32) - 2, "vui_num_ticks_poc_diff_one_minus1")
        if bits.flag():
            raise CodecError("an SPS with HRD parameters is not read")
    if bits.flag():  # restrictions
        bits.u(3)
        for _ in range(5):
            bits.ue((1 << 16) - 1, "a bitstream restriction")


@dataclass(frozen=True)
class PictureParameters:
    """The fields of a PPS that tell how strongly a picture is quantised (clause 7.3.2.3)."""

    identifier: int
    dependent_slices: bool
    output_flag_present: bool
    extra_slice_bits: int
    initial_qp: int
    varying_qp: bool
    """Whether blocks may change the QP (`cu_qp_delta_enabled_flag`)."""
    cb_qp_offset: int
    cr_qp_offset: int
    lossless_blocks: bool
    """Whether blocks may pass transform and quantisation by (`transquant_bypass_enabled_flag`)."""


def read_pps(nal: bytes) -> PictureParameters:
    """Read a picture parameter set as far as its lossless flag."""
    bits = BitReader(unescape(nal[2 : 2 + _HEADER_BYTES]))
    identifier = bits.ue(63, "pps_pic_parameter_set_id")
    bits.ue(15, "pps_seq_parameter_set_id")
    dependent, output = bits.flag(), bits.flag()
    extra = bits.u(3)
    bits.u(2)
    bits.ue(14, "num_ref_idx_l0_default_active_minus1")
    bits.ue(14, "num_ref_idx_l1_default_active_minus1")
    qp = 26 + bits.se(74, "init_qp_minus26")
    bits.u(2)
    varying = bits.flag()
    if varying:
        bits.ue(3, "diff_cu_qp_delta_depth")
    cb, cr = bits.se(12, "pps_cb_qp_offset"), bits.se(12, "pps_cr_qp_offset")
    bits.u(3)
    return PictureParameters(identifier, dependent, output, extra, qp, varying, cb, cr, bits.flag())


def read_slice_qp(nal: bytes, pps: PictureParameters, tools: CodingTools, subsampling: str) -> int | None:
    """QP of the first slice of an intra picture (clause 7.3.6.1), or None where it is not the slice of an IDR
    picture.
    """
    if nal_kind(nal) not in (NAL_IDR_W_RADL, NAL_IDR_N_LP) or not starts_picture(nal):
        return None
    bits = BitReader(unescape(nal[2 : 2 + _HEADER_BYTES]))
    bits.u(2)
    if bits.ue(63, "slice_pic_parameter_set_id") != pps.identifier:
        return None
    bits.u(pps.extra_slice_bits)
    if bits.ue(2, "slice_type") != 2:
        raise CodecError("a slice of an IDR picture is not an intra slice")
    if pps.output_flag_present:
        bits.flag()
    if tools.sample_adaptive_offset:
        bits.u(1 if subsampling == "grey" else 2)
    return pps.initial_qp + bits.se(125, "slice_qp_delta")
