"""HEIC (HEVC intra pictures in HEIF, ISO/IEC 23008-12) by x265 and libheif through pillow-heif."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from forensics.codecs.base import MATRIX, RANGE, Availability, Codec, Strength, Switch, Value
from forensics.codecs.exchange import as_picture, library_errors, strength_value, to_grey
from forensics.errors import CodecUnavailable

_CHROMA = {"4:2:0": "420", "4:2:2": "422", "4:4:4": "444"}

_ONE_THREAD = {"x265:pools": "none", "x265:frame-threads": "1"}
"""x265 switches wavefront coding on where it has threads, which changes the bytes: none, so that machines agree."""


class Heic(Codec):
    """HEIC, 8 bit, one HEVC picture or a grid of tiles as telephones write it."""

    name = "heic"
    codec = "heic"
    suffix = ".heic"
    strength = Strength("quality", finest=100, coarsest=1, default=60, integer=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "subsampling": Switch("4:2:0", ("4:2:0", "4:2:2", "4:4:4", "grey"), "chroma subsampling; grey drops chroma"),
        "preset": Switch(
            "slow",
            ("ultrafast", "superfast", "fast", "medium", "slow", "slower"),
            "x265 preset; those left out code a still picture as one of these",
        ),
        "tune": Switch("ssim", ("ssim", "psnr", "grain", "fastdecode"), "what x265 optimises for"),
        "sao": Switch(True, (True, False), "sample adaptive offset, a loop filter"),
        "range": RANGE,
        "matrix": MATRIX,
        "tile_size": Switch(0, (0, 512), "side of the tiles of a grid in pixels, 0 for one picture"),
    }

    def availability(self) -> Availability:
        try:
            import pillow_heif
        except ImportError as error:
            return Availability(False, False, f"pillow-heif cannot be imported: {error}")
        info = pillow_heif.libheif_info()
        encode, decode = bool(info.get("HEIF")), bool(info.get("decoders"))
        missing = [what for what, there in (("an HEVC encoder", encode), ("an HEVC decoder", decode)) if not there]
        return Availability(encode, decode, f"this libheif is built without {' and '.join(missing)}" if missing else "")

    def version(self) -> str:
        try:
            import pillow_heif
        except ImportError:
            return "no pillow-heif"
        info = pillow_heif.libheif_info()
        return f"libheif {info['libheif']}, {info['HEIF'] or 'no encoder'} (pillow-heif {pillow_heif.__version__})"

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        quality = int(strength_value(self, parameters))
        availability = self.availability()
        if not availability.encode:
            raise CodecUnavailable(f"heic: {availability.reason}")
        grey = parameters["subsampling"] == "grey"
        options = {"preset": str(parameters["preset"]), "tune": str(parameters["tune"]), **_ONE_THREAD}
        if not parameters["sao"]:
            options["x265:sao"] = "0"
        with library_errors(self.name, "encode"):
            return _save(
                to_grey(pixels) if grey else pixels,
                quality=quality,
                chroma=_CHROMA.get(str(parameters["subsampling"]), "420"),
                enc_params=options,
                tile_size=int(parameters["tile_size"]),
                **_colour(parameters),
            )

    def decode(self, data: bytes) -> np.ndarray:
        """Decode the primary picture; deep samples come at 8 bits, rotation and mirroring are applied by libheif."""
        with library_errors(self.name, "decode"):
            import pillow_heif

            return as_picture(np.asarray(pillow_heif.open_heif(data, convert_hdr_to_8bit=True)))


def _colour(parameters: Mapping[str, Value]) -> dict[str, int]:
    """The file's `nclx` statement as pillow-heif takes it, empty at the defaults, which libheif states of its own
    accord.
    """
    matrix, extent = parameters["matrix"], parameters["range"]
    if (matrix, extent) == (MATRIX.default, RANGE.default):
        return {}
    flags = {"matrix_coefficients": int(matrix), "full_range_flag": int(extent == "full")}
    return {"color_primaries": 1, "transfer_characteristics": 13, **flags}


def _save(pixels: np.ndarray, **options: object) -> bytes:
    import pillow_heif

    height, width = pixels.shape[:2]
    mode = "L" if pixels.ndim == 2 else "RGB"
    picture = pillow_heif.from_bytes(mode=mode, size=(width, height), data=pixels.tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="HEIF", save_all=False, **options)
    return buffer.getvalue()
