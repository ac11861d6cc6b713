"""BPG: HEVC intra pictures in the container of libbpg; x265 encodes and FFmpeg decodes, both through PyAV.

What is decoded equals the reference decoder's output (libbpg 0.9.8): its chroma upsampling and fixed-point colour
conversion are those of `bpg_colour`. Of an animation the first frame is decoded. CMYK pictures come as RGB.

Not decoded, with a `CodecError`: pictures of 11, 13 or 14 bits, which FFmpeg does not have, and pictures with the
implicit RDPCM tool (lossless files of the reference encoder's other HEVC encoder) that are not 8-bit grey or 4:4:4;
those go to libde265, for FFmpeg decodes them wrongly.

Damage: the format has no checksum. `bpg_container` says what its parser sees, and `hevc_pyav.decode_planes` decodes
twice to see whether the last slice ends where it should, which cut and most changed slices do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from forensics.codecs.base import Availability, Codec, Strength, Switch, Value
from forensics.codecs.bpg.container import BpgFile, BpgHeader, read_file, write_file
from forensics.codecs.hevc import pyav as hevc_pyav
from forensics.codecs.hevc.headers import NAL_SPS, plane_steps
from forensics.codecs.hevc.stream import nal_kind, read_sps
from forensics.errors import CodecError, UsageError

_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower")


class Bpg(Codec):
    """BPG by x265 and FFmpeg.

    `qp` is the QP that is really coded. Its fraction raises the QP of chroma alone, by 0 to 5 (4:4:4: by 0 to 2), which
    in most pictures spans the gap to the next whole QP; in a grey picture it does nothing. Size falls with whole QPs;
    between them it may, by a few per cent, fail to.

    Sides of 8 px or less are coded in blocks of 16x16, for x265 takes no smaller picture.
    """

    name: ClassVar[str] = "bpg"
    codec: ClassVar[str] = "bpg"
    suffix: ClassVar[str] = ".bpg"
    strength: ClassVar[Strength] = Strength("qp", finest=0, coarsest=51, default=28)
    switches: ClassVar[Mapping[str, Switch]] = MappingProxyType(
        {
            "subsampling": Switch(
                "4:2:0",
                ("4:2:0", "4:2:2", "4:4:4", "grey"),
                "chroma resolution; a grey picture is always grey",
            ),
            "bit_depth": Switch(8, (8, 10), "bits of a coded sample"),
            "colour_space": Switch(
                "ycbcr", ("ycbcr", "rgb", "ycgco", "bt709"), "BT.601, RGB (4:4:4 alone), YCgCo or BT.709"
            ),
            "limited_range": Switch(False, (False, True), "luma in 16..235 and chroma in 16..240 instead of 0..255"),
            "preset": Switch("medium", _PRESETS, "x265's effort"),
            "sao": Switch(True, (True, False), "sample adaptive offset after deblocking"),
            "deblock": Switch(True, (True, False), "deblocking filter"),
            "psychovisual": Switch(
                False, (False, True), "x265's psychovisual rate-distortion, off in the reference encoder"
            ),
        }
    )

    def availability(self) -> Availability:
        reason = hevc_pyav.missing()
        return Availability(not reason, not reason, reason)

    def version(self) -> str:
        return hevc_pyav.version()

    def complete(self, parameters: Mapping[str, Value]) -> dict[str, Value]:
        complete = super().complete(parameters)
        qp = complete["qp"]
        if isinstance(qp, str) or not 0 <= qp <= 51:
            raise UsageError(f"bpg: qp is a number from 0 to 51, not {qp!r}")
        if complete["colour_space"] == "rgb" and complete["subsampling"] in ("4:2:0", "4:2:2"):
            raise UsageError(f"bpg: colour space rgb takes subsampling 4:4:4, not {complete['subsampling']}")
        return complete

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        subsampling = "grey" if pixels.ndim == 2 else str(parameters["subsampling"])
        space = "ycbcr" if subsampling == "grey" else str(parameters["colour_space"])
        depth, limited = int(parameters["bit_depth"]), bool(parameters["limited_range"])
        planes = _to_coded_planes(pixels, subsampling, space, depth, limited)
        height, width = pixels.shape[:2]
        block = 16 if min(height, width) <= 8 else 8
        padded = [_pad(plane, block, steps) for plane, steps in zip(planes, plane_steps(subsampling), strict=True)]
        settings = {**_x265_parameters(parameters), "min-cu-size": block}
        units = hevc_pyav.encode_units(padded, subsampling, depth, str(parameters["preset"]), settings)
        sps = read_sps(next(unit for unit in units if nal_kind(unit) == NAL_SPS))
        coded = sps.tools.coded_size(width, height)
        if (sps.width, sps.height) != coded or sps.subsampling != subsampling or sps.scaling_lists:
            raise CodecError(f"x265 coded another picture than asked: {sps}")
        return write_file(
            width=width,
            height=height,
            subsampling=subsampling,
            bit_depth=depth,
            colour_space=space,
            limited_range=limited,
            tools=sps.tools,
            units=units,
        )

    def decode(self, data: bytes) -> np.ndarray:
        """Decode the (first) picture to uint8 RGB, or grey where it has no chroma; an alpha plane is dropped.

        Colours that are premultiplied by alpha are given as stored: the picture on black. `decode_with_alpha` divides.
        """
        return _colours(read_file(data))

    def decode_with_alpha(self, data: bytes) -> np.ndarray:
        """Decode to RGBA, `np.ndarray [shape=(height, width, 4), dtype=uint8]`, alpha straight.

        Premultiplied colours are divided by alpha (255 where alpha is 0); without an alpha plane alpha is 255.
        """
        file = read_file(data)
        colours = _colours(file)
        if colours.ndim == 2:
            colours = np.repeat(colours[:, :, None], 3, axis=2)
        if file.header.alpha in ("none", "white"):
            return np.dstack([colours, np.full(colours.shape[:2], 255, np.uint8)])
        alpha = _alpha_plane(file)
        if file.header.alpha == "premultiplied":
            colours = _unmultiplied(colours, alpha)
        return np.dstack([colours, alpha])


def read_header(data: bytes) -> BpgHeader:
    """What a BPG file says about its picture, nothing decoded; raises `CodecError` where it is not a whole BPG file."""
    return read_file(data).header


def _to_coded_planes(pixels: np.ndarray, subsampling: str, space: str, depth: int, limited: bool) -> list[np.ndarray]:
    from forensics.codecs.bpg import colour as bpg_colour

    if pixels.ndim == 2:
        return [bpg_colour.grey_to_plane(pixels, depth, limited)]
    luma, *chroma = bpg_colour.to_planes(pixels, space, depth, limited)
    if subsampling == "grey":
        return [luma]
    return [luma, *(bpg_colour.decimate(plane, subsampling, depth) for plane in chroma)]


def _pad(plane: np.ndarray, block: int, steps: tuple[int, int]) -> np.ndarray:
    """`plane` with its last row and column repeated up to whole coding blocks of `block` luma samples a side."""
    spare = [(0, -side % (block // step)) for side, step in zip(plane.shape, steps, strict=True)]
    return np.pad(plane, spare, mode="edge")


def _x265_parameters(parameters: Mapping[str, Value]) -> dict[str, object]:
    qp = int(parameters["qp"])
    steps = 3 if parameters["subsampling"] == "4:4:4" else 6
    offset = int((float(parameters["qp"]) - qp) * steps + 1e-9)
    settings: dict[str, object] = {
        "qp": qp,
        "cbqpoffs": offset,
        "crqpoffs": offset,
        "sao": int(parameters["sao"]),
        "deblock": "true" if parameters["deblock"] else "false",
    }
    if not parameters["psychovisual"]:
        settings.update({"psy-rd": 0, "psy-rdoq": 0})
    return settings


def _colours(file: BpgFile) -> np.ndarray:
    from forensics.codecs.bpg import colour as bpg_colour

    header = file.header
    size = (header.width, header.height)
    planes = hevc_pyav.decode_planes(file.colour_units, header.tools, header.subsampling, size, header.bit_depth)
    if len(planes) == 1:
        return bpg_colour.plane_to_grey(planes[0], header.bit_depth, header.limited_range)
    rgb = bpg_colour.to_rgb(
        planes[0],
        (planes[1], planes[2]),
        header.subsampling,
        header.colour_space,
        header.bit_depth,
        header.limited_range,
        header.cosited,
    )
    if header.alpha == "white":
        white = _alpha_samples(file).astype(np.int64)[:, :, None]
        rgb = ((rgb * white + (1 << header.bit_depth - 1)) >> header.bit_depth).astype(np.uint8)
    return rgb


def _alpha_samples(file: BpgFile) -> np.ndarray:
    header = file.header
    if header.alpha_tools is None:
        raise CodecError("the BPG picture has no alpha plane")
    size = (header.width, header.height)
    return hevc_pyav.decode_planes(file.alpha_units, header.alpha_tools, "grey", size, header.bit_depth)[0]


def _alpha_plane(file: BpgFile) -> np.ndarray:
    from forensics.codecs.bpg import colour as bpg_colour

    return bpg_colour.plane_to_grey(_alpha_samples(file), file.header.bit_depth)


def _unmultiplied(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Premultiplied colours divided by alpha, rounded and clipped; 255 where alpha is 0."""
    whole = np.maximum(alpha, 1).astype(np.int64)[:, :, None]
    divided = (colours.astype(np.int64) * 255 + whole // 2) // whole
    return np.where(alpha[:, :, None] == 0, 255, np.minimum(divided, 255)).astype(np.uint8)
