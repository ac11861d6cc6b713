"""The BPG file format: header, extensions and the HEVC data inside (BPG specification 0.9.5, clause 3).

Bytes are read most significant bit first. Nothing is decoded here. A file is hostile input: every length is checked
against what is there, numbers are bounded, and no memory is set aside on a header's word.

What can be detected of damage: a file shorter than its stated picture data, a broken header or extension, and a NAL
unit that is not one. The reference encoder states no length (0: to the end of the file), and the format has no
checksum: such a file cut inside a NAL unit looks whole here, and only its decoding can tell
(`hevc_pyav.decode_planes`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from forensics.codecs.hevc.headers import NAL_SPS, NAL_VPS, CodingTools, read_coding_tools, write_coding_tools
from forensics.codecs.hevc.stream import (
    NAL_PPS,
    in_layer_0,
    join_nal_units,
    nal_kind,
    nal_layer,
    read_pps,
    read_slice_qp,
    split_nal_units,
    starts_picture,
)
from forensics.errors import CodecError

MAGIC = b"BPG\xfb"
MAXIMUM_PIXELS = 1 << 27
"""Largest width x height that is decoded."""
PIXELS_PER_BYTE = 1 << 15
"""Largest number of pixels a byte of picture data can hold: an intra coding unit has at most 64x64 samples and spends
at least one bypass bit (clause 7.3.8.5 of H.265: `mpm_idx` or `rem_intra_luma_pred_mode`)."""
MAXIMUM_UNITS = 4096
"""Most NAL units of one picture that are read; level 6.2 allows 600 slices (H.265 table A.8)."""

_BEFORE_PICTURE = frozenset({NAL_PPS, 35, 39, *range(41, 48)})
"""NAL unit types other than slices that begin the next picture (H.265 clause 7.4.2.4.4)."""

PIXEL_FORMATS = ("grey", "4:2:0", "4:2:2", "4:4:4", "4:2:0", "4:2:2")
"""Chroma subsampling by pixel format; formats 4 and 5 have co-sited chroma (MPEG-2), 1 and 2 centred (JPEG)."""
COLOUR_SPACES = ("ycbcr", "rgb", "ycgco", "bt709", "bt2020")
"""Colour space by number: BT.601, RGB stored as G, B, R, YCgCo, BT.709, BT.2020 non-constant luminance."""
EXTENSION_NAMES = {1: "exif", 2: "icc", 3: "xmp", 4: "thumbnail", 5: "animation"}

_ALPHA_KINDS = {(0, 0): "none", (1, 0): "straight", (1, 1): "premultiplied", (0, 1): "white"}
_LONGEST = 5
"""Bytes of the longest number: 32 bits."""


class Extension(NamedTuple):
    """A block of metadata: its tag (`EXTENSION_NAMES` has the known ones) and bytes."""

    tag: int
    data: bytes


class Animation(NamedTuple):
    """How an animation plays: number of loops (0: for ever) and the unit of a frame's duration in seconds."""

    loops: int
    delay_numerator: int
    delay_denominator: int


@dataclass(frozen=True)
class BpgHeader:
    """What a BPG file says about its picture.

    Attributes
    ----------
    width, height : int
        In pixels.
    subsampling : str
        `grey`, `4:2:0`, `4:2:2` or `4:4:4`.
    cosited : bool
        Whether decimated chroma lies on luma samples horizontally (MPEG-2) and not between them (JPEG).
    bit_depth : int
        8 to 14.
    colour_space : str
        One of `COLOUR_SPACES`.
    limited_range : bool
        Whether luma spans 16..235 (scaled by bit depth) and not the full range.
    alpha : str
        `none`, `straight`, `premultiplied`, or `white`: the W = 1 - K plane of a CMYK picture.
    animation : Animation or None
    extensions : tuple of Extension
    data_length : int
        Stated length of the picture data in bytes, 0 for "to the end of the file".
    tools, alpha_tools : CodingTools
        HEVC coding tools of the colour picture and of the alpha plane, if any.
    slice_qp : int or None
        QP at the start of the colour picture's first slice.
    chroma_qp_offsets : tuple of two int
        Of Cb and Cr.
    lossless_blocks : bool
        Whether blocks may be stored without loss.
    """

    width: int
    height: int
    subsampling: str
    cosited: bool
    bit_depth: int
    colour_space: str
    limited_range: bool
    alpha: str
    animation: Animation | None
    extensions: tuple[Extension, ...]
    data_length: int
    tools: CodingTools
    alpha_tools: CodingTools | None = None
    slice_qp: int | None = None
    chroma_qp_offsets: tuple[int, int] = (0, 0)
    lossless_blocks: bool = False


class BpgFile(NamedTuple):
    """A parsed file: its header and the NAL units of its first picture, those of alpha moved to layer 0."""

    header: BpgHeader
    colour_units: list[bytes]
    alpha_units: list[bytes]


def write_ue7(value: int) -> bytes:
    """A number in seven bits a byte, the high bit set on all but the last, in the shortest form."""
    if not 0 <= value < 1 << 32:
        raise CodecError(f"BPG stores numbers of at most 32 bits, not {value}")
    out = [value & 127]
    while value := value >> 7:
        out.append(128 | value & 127)
    return bytes(reversed(out))


class ByteReader:
    """Reads bytes and `ue7` numbers; running past the end is a `CodecError`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return len(self._data) - self.position

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes; `what` names them in the error."""
        if count > self.left:
            raise CodecError(f"the BPG file is truncated: {what} has {count} bytes, {self.left} are there")
        self.position += count
        return self._data[self.position - count : self.position]

    def ue7(self, what: str, maximum: int = (1 << 32) - 1) -> int:
        """A number in its shortest form, at most `maximum`."""
        value = 0
        for index in range(_LONGEST):
            byte = self.take(1, what)[0]
            if index == 0 and byte == 128:
                raise CodecError(f"{what} is not stored in its shortest form")
            value = value << 7 | byte & 127
            if byte < 128:
                break
        else:
            raise CodecError(f"{what} takes more than {_LONGEST} bytes")
        if value > maximum:
            raise CodecError(f"{what} is at most {maximum}, not {value}")
        return value


def read_file(data: bytes) -> BpgFile:
    """Parse a BPG file.

    Raises
    ------
    CodecError
        The data are not a BPG file, are truncated, or break a rule of the format.
    """
    reader = ByteReader(data)
    if reader.take(4, "the magic number") != MAGIC:
        raise CodecError("not a BPG file: it does not begin with the magic number 425047fb")
    first, second = reader.take(2, "the file header")
    pixel_format, depth, space = first >> 5, 8 + (first & 15), second >> 4
    alpha = _ALPHA_KINDS[first >> 4 & 1, second >> 2 & 1]
    _check_format(pixel_format, depth, space, alpha)
    width, height = reader.ue7("picture_width"), reader.ue7("picture_height")
    _check_size(width, height)
    length = reader.ue7("picture_data_length")
    extensions = _read_extensions(reader) if second & 8 else ()
    picture = ByteReader(reader.take(length or reader.left, "the picture data"))
    alpha_tools = _read_tools(picture) if alpha != "none" else None
    header = BpgHeader(
        width=width,
        height=height,
        subsampling=PIXEL_FORMATS[pixel_format],
        cosited=pixel_format >= 4,
        bit_depth=depth,
        colour_space=COLOUR_SPACES[space],
        limited_range=bool(second & 2),
        alpha=alpha,
        animation=_read_animation(extensions) if second & 1 else None,
        extensions=extensions,
        data_length=length,
        alpha_tools=alpha_tools,
        tools=_read_tools(picture),
    )
    return _read_units(header, picture.take(picture.left, "the HEVC data"))


def _check_format(pixel_format: int, depth: int, space: int, alpha: str) -> None:
    if pixel_format >= len(PIXEL_FORMATS):
        raise CodecError(f"BPG pixel formats are 0 to 5, not {pixel_format}")
    if depth > 14:
        raise CodecError(f"BPG bit depths are 8 to 14, not {depth}")
    if space >= len(COLOUR_SPACES):
        raise CodecError(f"BPG colour spaces are 0 to 4, not {space}")
    if pixel_format == 0 and (space or alpha == "white"):
        raise CodecError("a grey BPG picture has colour space 0 and no W plane")


def _check_size(width: int, height: int) -> None:
    if not width or not height:
        raise CodecError(f"a BPG picture has at least one pixel, not {width}x{height}")
    if width * height > MAXIMUM_PIXELS:
        raise CodecError(f"BPG pictures are decoded up to {MAXIMUM_PIXELS} pixels, not {width}x{height}")


def _read_extensions(reader: ByteReader) -> tuple[Extension, ...]:
    block = ByteReader(reader.take(reader.ue7("extension_data_length"), "the extension data"))
    extensions = []
    while block.left:
        tag = block.ue7("extension_tag")
        extensions.append(Extension(tag, block.take(block.ue7("extension_tag_length"), "an extension")))
    return tuple(extensions)


def _read_animation(extensions: tuple[Extension, ...]) -> Animation:
    for tag, data in extensions:
        if EXTENSION_NAMES.get(tag) == "animation":
            fields = ByteReader(data)
            values = [fields.ue7(name, 65535) for name in ("loop_count", "frame_period_num", "frame_period_den")]
            if not values[1] or not values[2]:
                raise CodecError("the frame period of a BPG animation is not above zero")
            return Animation(*values)
    raise CodecError("the BPG file says that it is an animation and has no animation control extension")


def _read_tools(picture: ByteReader) -> CodingTools:
    return read_coding_tools(picture.take(picture.ue7("hevc_header_length"), "the HEVC header"))


def _read_units(header: BpgHeader, stream: bytes) -> BpgFile:
    if header.width * header.height > PIXELS_PER_BYTE * len(stream):
        raise CodecError(f"{len(stream)} bytes of HEVC data cannot hold {header.width}x{header.height} pixels")
    layers: list[list[bytes]] = [[], []] if header.alpha_tools else [[]]
    pictures = [False] * len(layers)
    for unit in split_nal_units(stream):
        kind, layer = nal_kind(unit), nal_layer(unit)
        if kind in (NAL_VPS, NAL_SPS):
            raise CodecError("BPG picture data hold no VPS and no SPS, but this file does")
        if layer >= len(layers):
            raise CodecError(f"a NAL unit is of layer {layer}, which this BPG file does not have")
        if all(pictures) and (starts_picture(unit) or kind in _BEFORE_PICTURE):
            break  # the next picture of an animation
        pictures[layer] |= starts_picture(unit)
        layers[layer].append(in_layer_0(unit))
        if len(layers[layer]) > MAXIMUM_UNITS:
            raise CodecError(f"a BPG picture is read up to {MAXIMUM_UNITS} NAL units")
    if not all(pictures):
        what = "alpha plane" if pictures[0] else "picture"
        raise CodecError(f"the BPG file is truncated: the HEVC data hold no first slice of the {what}")
    return BpgFile(_with_quantisation(header, layers[0]), layers[0], layers[1] if header.alpha_tools else [])


def _with_quantisation(header: BpgHeader, units: list[bytes]) -> BpgHeader:
    """`header` with what the last PPS and the first slice say of quantisation."""
    first = next(unit for unit in units if starts_picture(unit))
    sets = [read_pps(unit) for unit in units if nal_kind(unit) == NAL_PPS]
    if not sets:
        raise CodecError("the HEVC data hold no picture parameter set")
    return replace(
        header,
        slice_qp=read_slice_qp(first, sets[-1], header.tools, header.subsampling),
        chroma_qp_offsets=(sets[-1].cb_qp_offset, sets[-1].cr_qp_offset),
        lossless_blocks=any(parameters.lossless_blocks for parameters in sets),
    )


def write_file(
    *,
    width: int,
    height: int,
    subsampling: str,
    bit_depth: int,
    colour_space: str,
    limited_range: bool,
    tools: CodingTools,
    units: list[bytes],
) -> bytes:
    """A BPG file of one still picture without alpha and extensions, from the NAL units of an encoder.

    VPS, SPS and anything but the PPS and the slices are left out; the picture data length is stated, so that a
    truncated file is known to be one.
    """
    flags = bytes(
        [
            PIXEL_FORMATS.index(subsampling) << 5 | bit_depth - 8,
            COLOUR_SPACES.index(colour_space) << 4 | limited_range << 1,
        ]
    )
    kept = [unit for unit in units if nal_kind(unit) < NAL_VPS or nal_kind(unit) == NAL_PPS]
    stream = join_nal_units(kept)[3:]
    tool_bytes = write_coding_tools(tools)
    picture = write_ue7(len(tool_bytes)) + tool_bytes + stream
    return MAGIC + flags + write_ue7(width) + write_ue7(height) + write_ue7(len(picture)) + picture
