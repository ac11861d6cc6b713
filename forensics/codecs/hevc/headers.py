"""The HEVC headers that a BPG file keeps and those it leaves out (ITU-T H.265 (08/2021) clause 7.3).

A BPG file holds neither VPS nor SPS, only the few fields of the SPS that a still picture needs (`CodingTools`). This
module reads and writes those and rebuilds the VPS and SPS that an HEVC decoder wants; `hevc_stream` reads the headers
of an encoder's stream. Every reader refuses a value outside the standard's range with `CodecError`.
"""

from __future__ import annotations

from dataclasses import dataclass

from forensics.errors import CodecError

NAL_VPS = 32
NAL_SPS = 33
"""Types of NAL units: ITU-T H.265 table 7-1 (video and sequence parameter sets)."""

LEVEL_8_5 = 255
"""`general_level_idc` of the level without a limit on the picture's size (clause A.4.1)."""
PROFILE_RANGE_EXTENSIONS = 4
"""General profile of the format range extensions: ITU-T H.265 annex A.3.5."""
LOG2_POC_LSB = 8
"""Bits of a picture's order count in the parameter sets written here; H.265 7.4.3.2.1 allows 4 to 16."""
SUBSAMPLINGS = ("grey", "4:2:0", "4:2:2", "4:4:4")
"""Chroma subsampling by `chroma_format_idc` (table 6-1)."""


def plane_steps(subsampling: str) -> list[tuple[int, int]]:
    """For each plane of a picture, the rows and columns of luma that one of its own covers."""
    chroma = {"grey": [], "4:2:0": [(2, 2)] * 2, "4:2:2": [(1, 2)] * 2, "4:4:4": [(1, 1)] * 2}
    return [(1, 1), *chroma[subsampling]]


class BitReader:
    """Reads fields from the most significant bit on, as clause 7.2 describes; running out of bits is a `CodecError`."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self.left = 8 * len(data)

    def u(self, bits: int) -> int:
        """An unsigned number of `bits` bits."""
        if bits > self.left:
            raise CodecError(f"an HEVC header ends early: {bits} bits wanted, {self.left} left")
        self.left -= bits
        return (self._value >> self.left) & ((1 << bits) - 1)

    def flag(self) -> bool:
        """One bit."""
        return bool(self.u(1))

    def ue(self, maximum: int, field: str) -> int:
        """An Exp-Golomb number in 0..`maximum` (clause 9.2); `field` names it in the error."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise CodecError(f"{field} is not an Exp-Golomb number of at most 32 bits")
        value = (1 << zeros) - 1 + self.u(zeros)
        if value > maximum:
            raise CodecError(f"{field} is at most {maximum}, not {value}")
        return value

    def se(self, limit: int, field: str) -> int:
        """A signed Exp-Golomb number in -`limit`..`limit`."""
        code = self.ue((1 << 32) - 2, field)
        value = (code + 1) // 2 if code % 2 else -(code // 2)
        if abs(value) > limit:
            raise CodecError(f"{field} is in -{limit}..{limit}, not {value}")
        return value


class BitWriter:
    """Writes fields from the most significant bit on."""

    def __init__(self) -> None:
        self._value = 0
        self._bits = 0

    def u(self, bits: int, value: int) -> None:
        """An unsigned number of `bits` bits."""
        self._value = (self._value << bits) | (int(value) & ((1 << bits) - 1))
        self._bits += bits

    def ue(self, value: int) -> None:
        """An Exp-Golomb number."""
        length = (value + 1).bit_length()
        self.u(2 * length - 1, value + 1)

    def flags(self, *values: bool) -> None:
        """One bit each."""
        for value in values:
            self.u(1, value)

    def align(self, stop_bit: bool) -> bytes:
        """All that was written, filled to a byte with zeros, after a one where `stop_bit` (clause 7.3.2.11)."""
        if stop_bit:
            self.u(1, 1)
        self.u(-self._bits % 8, 0)
        return self._value.to_bytes(self._bits // 8, "big")


def escape(payload: bytes) -> bytes:
    """`payload` with the emulation prevention bytes of clause 7.4.2."""
    out = bytearray()
    zeros = 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def unescape(payload: bytes) -> bytes:
    """`payload` without the emulation prevention bytes of clause 7.4.2."""
    return payload.replace(b"\x00\x00\x03", b"\x00\x00")


def nal_unit(kind: int, payload: bytes) -> bytes:
    """A NAL unit of layer 0, without a start code, from a payload that is not yet escaped."""
    return bytes([kind << 1, 1]) + escape(payload)


@dataclass(frozen=True)
class Pcm:
    """Uncompressed coding blocks: their bit depths, sizes and whether the loop filters leave them alone."""

    luma_bits: int
    chroma_bits: int
    log2_min_size: int
    log2_max_size: int
    loop_filter_disabled: bool


@dataclass(frozen=True)
class RangeExtension:
    """The tools of the range extensions (clause 7.3.2.2.2)."""

    transform_skip_rotation: bool = False
    transform_skip_context: bool = False
    implicit_rdpcm: bool = False
    explicit_rdpcm: bool = False
    extended_precision: bool = False
    intra_smoothing_disabled: bool = False
    high_precision_offsets: bool = False
    persistent_rice_adaptation: bool = False
    cabac_bypass_alignment: bool = False

    def flags(self) -> tuple[bool, ...]:
        """The nine flags in the order of the bit stream."""
        return tuple(vars(self).values())


@dataclass(frozen=True)
class CodingTools:
    """The fields of the SPS that a BPG file keeps: block sizes and intra tools."""

    log2_min_coding_block: int
    log2_coding_tree_block: int
    log2_min_transform_block: int
    log2_max_transform_block: int
    max_transform_hierarchy_depth_intra: int
    sample_adaptive_offset: bool
    pcm: Pcm | None
    strong_intra_smoothing: bool
    range_extension: RangeExtension | None

    def coded_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height rounded up to whole minimum coding blocks."""
        block = 1 << self.log2_min_coding_block
        return -(-width // block) * block, -(-height // block) * block


def read_block_sizes(bits: BitReader) -> tuple[int, int, int, int]:
    """Binary logarithms of the smallest and largest coding block and the smallest and largest transform block."""
    min_coding = 3 + bits.ue(3, "log2_min_luma_coding_block_size_minus3")
    tree = min_coding + bits.ue(3, "log2_diff_max_min_luma_coding_block_size")
    min_transform = 2 + bits.ue(3, "log2_min_luma_transform_block_size_minus2")
    max_transform = min_transform + bits.ue(3, "log2_diff_max_min_luma_transform_block_size")
    if not 4 <= tree <= 6:
        raise CodecError(f"a coding tree block has 16, 32 or 64 samples a side, not {1 << tree}")
    if min_transform >= min_coding:
        raise CodecError(f"transform blocks of {1 << min_transform} do not fit coding blocks of {1 << min_coding}")
    if max_transform > min(tree, 5):
        raise CodecError(f"transform blocks of {1 << max_transform} do not fit coding tree blocks of {1 << tree}")
    return min_coding, tree, min_transform, max_transform


def read_pcm(bits: BitReader) -> Pcm:
    """The fields after `pcm_enabled_flag`."""
    luma, chroma = 1 + bits.u(4), 1 + bits.u(4)
    smallest = 3 + bits.ue(2, "log2_min_pcm_luma_coding_block_size_minus3")
    largest = smallest + bits.ue(2, "log2_diff_max_min_pcm_luma_coding_block_size")
    return Pcm(luma, chroma, smallest, largest, bits.flag())


def read_range_extension(bits: BitReader) -> RangeExtension | None:
    """`sps_extension_present_flag` and what follows it; another extension than that of the ranges is refused."""
    if not bits.flag():
        return None
    ranged = bits.flag()
    if bits.u(7):
        raise CodecError("the SPS has extensions other than the range extension")
    return RangeExtension(*(bits.flag() for _ in range(9))) if ranged else None


def read_coding_tools(data: bytes) -> CodingTools:
    """The HEVC header of a BPG file: exactly the bytes of `data`, zero bits after the last field.

    Raises `CodecError` where a field is outside the standard's range or bits are missing or left over.
    """
    bits = BitReader(data)
    sizes = read_block_sizes(bits)
    depth = bits.ue(sizes[1] - sizes[2], "max_transform_hierarchy_depth_intra")
    offset = bits.flag()
    pcm = read_pcm(bits) if bits.flag() else None
    smoothing = bits.flag()
    extension = read_range_extension(bits)
    if bits.left > 7 or bits.u(bits.left):
        raise CodecError("the HEVC header does not end in fewer than eight zero bits")
    return CodingTools(*sizes, depth, offset, pcm, smoothing, extension)


def _write_block_sizes(bits: BitWriter, tools: CodingTools) -> None:
    bits.ue(tools.log2_min_coding_block - 3)
    bits.ue(tools.log2_coding_tree_block - tools.log2_min_coding_block)
    bits.ue(tools.log2_min_transform_block - 2)
    bits.ue(tools.log2_max_transform_block - tools.log2_min_transform_block)


def _write_pcm(bits: BitWriter, pcm: Pcm | None) -> None:
    bits.flags(pcm is not None)
    if pcm is not None:
        bits.u(4, pcm.luma_bits - 1)
        bits.u(4, pcm.chroma_bits - 1)
        bits.ue(pcm.log2_min_size - 3)
        bits.ue(pcm.log2_max_size - pcm.log2_min_size)
        bits.flags(pcm.loop_filter_disabled)


def _write_extension(bits: BitWriter, extension: RangeExtension | None) -> None:
    bits.flags(extension is not None)
    if extension is not None:
        bits.flags(True)
        bits.u(7, 0)
        bits.flags(*extension.flags())


def write_coding_tools(tools: CodingTools) -> bytes:
    """The HEVC header of a BPG file, without its length."""
    bits = BitWriter()
    _write_block_sizes(bits, tools)
    bits.ue(tools.max_transform_hierarchy_depth_intra)
    bits.flags(tools.sample_adaptive_offset)
    _write_pcm(bits, tools.pcm)
    bits.flags(tools.strong_intra_smoothing)
    _write_extension(bits, tools.range_extension)
    return bits.align(stop_bit=False)


def _write_profile(bits: BitWriter) -> None:
    """`profile_tier_level` (clause 7.3.3): range extensions profile, no size limit, progressive frames."""
    bits.u(3, 0)
    bits.u(5, PROFILE_RANGE_EXTENSIONS)
    bits.u(32, 1 << (31 - PROFILE_RANGE_EXTENSIONS))
    bits.flags(True, False, False, True)
    bits.u(44, 0)
    bits.u(8, LEVEL_8_5)


def write_vps() -> bytes:
    """A video parameter set of one layer and one picture, as a NAL unit without start code (clause 7.3.2.1)."""
    bits = BitWriter()
    bits.u(4, 0)
    bits.flags(True, True)
    bits.u(9, 0)  # one layer, one sub-layer
    bits.flags(True)
    bits.u(16, 0xFFFF)
    _write_profile(bits)
    bits.flags(True)
    for value in (0, 0, 0):  # decoded picture buffering, reordering, latency
        bits.ue(value)
    bits.u(6, 0)
    bits.ue(0)
    bits.flags(False, False)
    return nal_unit(NAL_VPS, bits.align(stop_bit=True))


def write_sps(tools: CodingTools, subsampling: str, width: int, height: int, bit_depth: int) -> bytes:
    """The sequence parameter set that a BPG file implies, as a NAL unit without start code (clause 7.3.2.2).

    Parameters
    ----------
    tools : CodingTools
    subsampling : str
        One of `SUBSAMPLINGS`.
    width, height : int
        Size of the picture; the coded size is that of whole minimum coding blocks, without a cropping window.
    bit_depth : int
        Of luma and chroma.
    """
    bits = BitWriter()
    bits.u(7, 0)
    bits.flags(True)
    _write_profile(bits)
    bits.ue(0)
    bits.ue(SUBSAMPLINGS.index(subsampling))
    if subsampling == "4:4:4":
        bits.flags(False)
    for side in tools.coded_size(width, height):
        bits.ue(side)
    bits.flags(False)
    for value in (bit_depth - 8, bit_depth - 8, LOG2_POC_LSB - 4):
        bits.ue(value)
    bits.flags(True)
    for value in (0, 0, 0):
        bits.ue(value)
    _write_block_sizes(bits, tools)
    bits.ue(tools.max_transform_hierarchy_depth_intra)  # inter
    bits.ue(tools.max_transform_hierarchy_depth_intra)
    bits.flags(False, True, tools.sample_adaptive_offset)  # scaling lists, asymmetric partitions
    _write_pcm(bits, tools.pcm)
    bits.ue(0)
    bits.flags(False, True, tools.strong_intra_smoothing, False)  # long-term, temporal vectors, ..., VUI
    _write_extension(bits, tools.range_extension)
    return nal_unit(NAL_SPS, bits.align(stop_bit=True))
