"""Whether coded data end where their decoder does: the one sign of damage that formats without checksums leave.

The entropy coders of AV1, HEVC, VP8 and VP8L carry no checksum, and their decoders take any bits for symbols. What was
led astray by a damaged byte, however, decodes other symbols than were coded and so nearly always ends elsewhere: it has
its last sample before the data end, or reads on behind them.

dav1d says so itself where it is asked to be strict. The others are asked again: with the last bytes taken away or
changed, which whole data cannot bear, and with bytes put behind the end, which no decoder of whole data reaches.

Damage that leaves the count of coded bits as it was stays unseen, and nothing in these formats could tell it. In VP8L
that is half of it: its codes find back into step, in bits and in pixels. Of 990 pictures of 160 x 160 with bits
flipped, overwritten or left out in their second half libwebp refused 215, their ends showed 260, and all but 9 of the
others end in the byte in which they were coded to end.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from forensics.codecs.exchange import plane_samples
from forensics.codecs.headers import heif
from forensics.errors import CodecError

_CUT, _LAST = 8, 3
"""Last bytes that whole data of VP8 and HEVC, and of VP8L, cannot do without. Of 398 whole files of VP8 none could
spare six, of 421 of VP8L none could have three changed, of 645 HEICs none eight; files of public sets and of this
project's data sets."""
_OTHER = b"\xa5\x5a" * 8
"""What is put over the last bytes of HEVC, and behind them: its decoder stops at a bit that says so (H.265 clause
9.3.2.5). Behind VP8L too: of 1,273 whole files none changed."""

_ELSEWHERE = "its {} data end elsewhere than their decoder does"


def of_heif(data: bytes, kind: bytes) -> str:
    """What is wrong with the end of the coded data of an AVIF (`av01`) or HEIC (`hvc1`) file's picture, or of one of
    its tiles; empty where nothing is, or cannot be checked.
    """
    try:
        items = heif.read_items(data)
        for number in heif.picture_items(data, items, kind):
            if kind == b"av01":
                problem = of_av1(items.data[number])
            else:
                sets = next((body for name, body in items.properties.get(number, []) if name == b"hvcC"), b"")
                problem = of_hevc(items.data[number], sets)
            if problem:
                return problem
    except (CodecError, ImportError):
        return ""
    return ""


def of_av1(stream: bytes) -> str:
    """As `of_heif` for the open bitstream units of one picture.

    A strict dav1d checks each tile for the bits that end it (AV1 clause 8.2.4): of 551 whole files of libaom, SVT-AV1,
    rav1e and others it refused none.
    """
    if _planes("libdav1d", stream, strict="1") or not _planes("libdav1d", stream):
        return ""
    return _ELSEWHERE.format("AV1")


def of_hevc(stream: bytes, parameter_sets: bytes) -> str:
    """As `of_heif` for the NAL units of one picture, each behind its length, and the content of its `hvcC`."""
    width = (parameter_sets[21] & 3) + 1 if len(parameter_sets) > 21 else 4

    def decoded(units: Sequence[bytes]) -> list[bytes]:
        # Cropped rows count: the last bytes may tell of nothing else.
        joined = b"".join(len(unit).to_bytes(width, "big") + unit for unit in units)
        return _planes("hevc", joined, parameter_sets, apply_cropping="0")

    return _of_slices(_nal_units(stream, width), decoded)


def of_bpg(data: bytes) -> str:
    """As `of_heif` for the colours of a BPG file's first picture."""
    from forensics.codecs.bpg.container import read_file
    from forensics.codecs.hevc.headers import write_sps, write_vps
    from forensics.codecs.hevc.stream import join_nal_units

    try:
        file = read_file(data)
        head = file.header
        if head.tools.range_extension and head.tools.range_extension.implicit_rdpcm:
            return ""  # FFmpeg decodes it wrongly
        size = (head.width, head.height)
        sets = [write_vps(), write_sps(head.tools, head.subsampling, *size, head.bit_depth)]
        return _of_slices(
            file.colour_units, lambda units: _planes("hevc", join_nal_units([*sets, *units]), apply_cropping="0")
        )
    except (CodecError, ImportError):
        return ""


def _of_slices(units: Sequence[bytes], decoded: Callable[[Sequence[bytes]], list[bytes]]) -> str:
    """Asks all slices at once for what is read behind their ends, and each of the first ones for bytes to spare."""
    clean = [_without_zero_words(unit) if _is_slice(unit) else unit for unit in units]
    planes = decoded(clean)
    if not planes:
        return ""
    problem = _ELSEWHERE.format("HEVC")
    if decoded([unit + _OTHER if _is_slice(unit) else unit for unit in clean]) != planes:
        return problem
    for at in [at for at, unit in enumerate(clean) if _is_slice(unit)][:_MOST_SLICES]:
        if decoded([*clean[:at], clean[at][:-_CUT] + _OTHER[:_CUT], *clean[at + 1 :]]) == planes:
            return problem
    return ""


def of_webp(data: bytes) -> str:
    """As `of_heif` for the first VP8 or VP8L picture of a WebP file."""
    kind, body = _webp_picture(data)
    if len(body) < 8 * _CUT:
        return ""
    if kind == b"VP8 ":  # libwebp itself refuses to read on behind its end
        elsewhere = bool(_webp_pixels(kind, body[:-_CUT]))
    else:  # libwebp goes on for eight bytes behind the end of VP8L
        whole, changed = _webp_pixels(kind, body), body[:-_LAST] + bytes(255 - byte for byte in body[-_LAST:])
        elsewhere = whole in (_webp_pixels(kind, changed), b"") or _webp_pixels(kind, body + _OTHER) != whole
    return _ELSEWHERE.format(kind.decode("ascii").strip()) if elsewhere else ""


def _webp_pixels(kind: bytes, body: bytes) -> bytes:
    """Samples of a WebP file of one chunk; empty where libwebp refuses it."""
    from PIL import Image

    chunk = kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
    try:
        with Image.open(io.BytesIO(b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk)) as image:
            return image.tobytes()
    except Exception:  # libraries raise what they like on data cut short
        return b""


def _planes(decoder: str, data: bytes, parameter_sets: bytes = b"", **options: str) -> list[bytes]:
    """Samples of the first picture, plane by plane; empty where the decoder refuses the data."""
    import av

    context: Any = av.codec.CodecContext.create(decoder, "r")
    context.thread_count, context.options = 1, options
    if parameter_sets:
        context.extradata = parameter_sets
    try:
        frames = [*context.decode(av.Packet(data)), *context.decode(None)]
    except av.FFmpegError:
        return []
    if not frames:
        return []
    depth = frames[0].format.components[0].bits
    return [plane_samples(plane, depth).tobytes() for plane in frames[0].planes]


_NOT_CODED = 32
"""First type of NAL unit that holds no slice (H.265 table 7-1)."""
_MOST_SLICES = 16
"""Slices of a picture that are asked one by one, each at the price of a decoding: a bound on work."""


def _is_slice(unit: bytes) -> bool:
    return unit[0] >> 1 & 63 < _NOT_CODED


def _nal_units(stream: bytes, width: int) -> list[bytes]:
    units, place = [], 0
    while place + width < len(stream):
        size = int.from_bytes(stream[place : place + width], "big")
        units.append(stream[place + width : place + width + size])
        place += width + size
    return [unit for unit in units if unit]


def _without_zero_words(unit: bytes) -> bytes:
    """A slice without the zeros and `cabac_zero_words` that may stand behind it (H.265 clause 7.3.2.10)."""
    unit = unit.rstrip(b"\0")
    while unit.endswith(b"\0\0\3"):
        unit = unit[:-3].rstrip(b"\0")
    return unit


def _webp_picture(data: bytes) -> tuple[bytes, bytes]:
    """Kind and content of the first coded picture, in a frame of an animation or not."""
    place = 12
    while place + 8 <= len(data):
        kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if kind in (b"VP8 ", b"VP8L"):
            return kind, data[place + 8 : place + 8 + size]
        place += 24 if kind == b"ANMF" else 8 + size + size % 2
    return b"", b""


CHECKS: dict[str, Callable[[bytes], str]] = {
    "bpg": of_bpg,
    "heic": lambda data: of_heif(data, b"hvc1"),
    "webp": of_webp,
}
"""Checks of whole files by format, for those that have no reader of their own in this package."""
