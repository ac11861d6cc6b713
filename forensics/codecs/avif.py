"""AVIF (AV1 still pictures) by libavif through Pillow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import ClassVar

import numpy as np

from forensics.codecs.base import RANGE, Availability, Codec, Strength, Switch, Value
from forensics.codecs.exchange import (
    library_errors,
    load_with_pillow,
    pillow_feature,
    pillow_version,
    save_with_pillow,
    strength_value,
    to_grey,
)
from forensics.errors import CodecUnavailable


def _encoders() -> tuple[str, ...]:
    """The AV1 encoders built into Pillow's libavif, the usual one first."""
    try:
        from PIL import _avif  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        return ("aom",)
    return tuple(name for name in ("aom", "rav1e", "svt") if _avif.encoder_codec_available(name)) or ("aom",)


class Avif(Codec):
    """AVIF, 8 bit, one thread and one tile, so that the bytes do not depend on the machine.

    Quality 100 is left out: there AV1 codes the YCbCr samples without loss.
    """

    name = "avif"
    codec = "avif"
    suffix = ".avif"
    strength = Strength("quality", finest=99, coarsest=1, default=60, integer=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "subsampling": Switch("4:2:0", ("4:2:0", "4:2:2", "4:4:4", "grey"), "chroma subsampling; grey drops chroma"),
        "speed": Switch(6, tuple(range(11)), "encoder speed, 0 (slow) to 10"),
        "encoder": Switch(_encoders()[0], _encoders(), "AV1 encoder, of those built into libavif here"),
        "tune": Switch("default", ("default", "psnr", "ssim"), "what aom optimises for; other encoders ignore it"),
        "range": RANGE,
        "film_grain": Switch(False, (False, True), "aom: grain is removed, modelled, and put back by the decoder"),
    }

    def availability(self) -> Availability:
        built_in = bool(pillow_feature("avif"))
        return Availability(built_in, built_in, "" if built_in else "this Pillow is built without libavif")

    def version(self) -> str:
        try:
            from PIL import _avif  # type: ignore[attr-defined,unused-ignore]
        except ImportError:
            return f"no libavif ({pillow_version()})"
        return f"libavif {_avif.libavif_version}, {_avif.codec_versions()} ({pillow_version()})"

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        return self.with_options(pixels, parameters, _aom_options(parameters))

    def with_options(self, pixels: np.ndarray, parameters: Mapping[str, Value], options: Mapping[str, str]) -> bytes:
        """As `encode`, by complete parameters, with the encoder's own options in the place of those that they give."""
        if not pillow_feature("avif"):
            raise CodecUnavailable("avif: this Pillow is built without libavif")
        quality = int(strength_value(self, parameters))
        grey = pixels.ndim == 2 or parameters["subsampling"] == "grey"
        with library_errors(self.name, "encode"):
            return save_with_pillow(
                to_grey(pixels) if grey else pixels,
                "AVIF",
                quality=quality,
                subsampling="4:0:0" if grey else parameters["subsampling"],
                speed=int(parameters["speed"]),
                codec=parameters["encoder"],
                range=parameters["range"],
                advanced=dict(options),
                max_threads=1,
                autotiling=False,
            )

    def decode(self, data: bytes) -> np.ndarray:
        """Decode the first picture; deep samples come at 8 bits, rotation and mirroring are not applied."""
        with library_errors(self.name, "decode"):
            from PIL.AvifImagePlugin import AvifImageFile

            return load_with_pillow(data, AvifImageFile)


@cache
def aom_qualities(tune: str) -> dict[int, int]:
    """The quantiser indices (`base_q_idx`) that aom takes under a tuning, ascending, each with the highest quality that
    gives it.

    Raises `CodecUnavailable` where aom is not built in.
    """
    from forensics.codecs.headers import coded_strength

    found: dict[int, int] = {}
    for quality in range(99, 0, -1):
        index = coded_strength.read("avif", _grey(np.zeros((16, 16), np.uint8), quality, tune))["quantizer"]
        found.setdefault(int(index), quality)
    return dict(sorted(found.items()))


def recode(plane: np.ndarray, quality: int, tune: str, *, screens: bool = True) -> np.ndarray:
    """A plane of luma coded by aom as a monochrome still picture and decoded, in-loop filters included.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=uint8]
    quality : int
        1..99.
    tune : str
        A value of the switch `tune`. `psnr` has one step for all AC coefficients of a block; recent libaom's default
        for still pictures has matrices.
    screens : bool
        Whether palettes and copies of earlier blocks may be used, which aom turns on where a plane looks drawn.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=uint8]
    """
    decoded = Avif().decode(_grey(plane, quality, tune, screens=screens))
    return decoded if decoded.ndim == 2 else np.ascontiguousarray(decoded[:, :, 0])


def _grey(plane: np.ndarray, quality: int, tune: str, *, screens: bool = True) -> bytes:
    codec = Avif()
    parameters = codec.complete({"quality": quality, "subsampling": "grey", "tune": tune, "encoder": "aom"})
    without = {} if screens else {"enable-palette": "0", "enable-intrabc": "0"}
    return codec.with_options(plane, parameters, _aom_options(parameters) | without)


def _aom_options(parameters: Mapping[str, Value]) -> dict[str, str]:
    """libaom's own options, empty at the defaults so that other encoders never see them."""
    if parameters["encoder"] != "aom":
        return {}
    options = {} if parameters["tune"] == "default" else {"tune": str(parameters["tune"])}
    if parameters["film_grain"]:
        # Still pictures come out alike at every level above 0.
        options["denoise-noise-level"] = "25"
    return options
