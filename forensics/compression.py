"""Compress one picture as a user asks for it: which codec, which switches, how strongly, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from forensics_models.storage import is_special, write_atomically

from forensics.codecs import registry
from forensics.codecs.base import Codec, Value
from forensics.codecs.exchange import as_picture, save_with_pillow
from forensics.codecs.target import search as aim
from forensics.errors import UsageError
from forensics.pictures.container import SUFFIXES
from forensics.pictures.opened import MAX_PIXELS, open_picture

LOSSLESS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
"""Suffixes that decoded pixels can be saved under, with Pillow's names of the formats."""

_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def codec_for(out: Path, name: str | None = None) -> Codec:
    """The codec to write `out` with: `name`, or the one that stands for the class of the file's suffix.

    A device or a pipe takes any, by name.
    Raises `UsageError` when the suffix belongs to no codec, or to another one than `name`.
    """
    suffix = out.suffix.lower()
    codecs = [registry.get(known) for known in ((name,) if name else registry.names())]
    for codec in codecs:
        if suffix in SUFFIXES[codec.codec] or (name and is_special(out)):
            return codec
    if name is not None:
        raise UsageError(f"{name} writes {', '.join(SUFFIXES[codecs[0].codec])} files, not {out.name}")
    known = ", ".join(dict.fromkeys(SUFFIXES[codec.codec][0] for codec in codecs))
    raise UsageError(f"the suffix of {out.name} names no codec; those of codecs are {known}")


def parse_switches(codec: Codec, settings: Iterable[str]) -> dict[str, Value]:
    """Switches of a codec from words like `subsampling=4:4:4`; raises `UsageError` on what the codec does not know."""
    switches: dict[str, Value] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name:
            raise UsageError(f"a switch is set as NAME=VALUE, not as {setting!r}")
        if name == codec.strength.parameter:
            raise UsageError(f"{name} is the strength of {codec.name}; set it with --quality")
        switches[name] = _value(codec, name, text)
    codec.complete(switches)
    return switches


def _value(codec: Codec, name: str, text: str) -> Value:
    switch = codec.switches.get(name)
    if switch is None:
        return text
    by_text = {str(value).lower(): value for value in switch.values}
    if text.lower() in by_text:
        return by_text[text.lower()]
    if isinstance(switch.default, bool):
        return _WORDS.get(text.lower(), text)
    kind = type(switch.default)
    try:
        return kind(text)
    except ValueError:
        return text


def compress(
    codec: Codec,
    pixels: np.ndarray,
    switches: Mapping[str, Value],
    *,
    strength: float | None = None,
    ratio: float | None = None,
    ssim: float | None = None,
    max_bytes: int | None = None,
) -> aim.Reached:
    """Encode at a strength, or at the strength that reaches a ratio, an SSIM or a file size; at the default if none is
    given.

    Parameters
    ----------
    codec : Codec
    pixels : np.ndarray [shape=(height, width, 3) or (height, width), dtype=uint8]
    switches : mapping
        The codec's switches that differ from their defaults.
    strength : float, optional
        Value of the codec's own strength parameter.
    ratio, ssim, max_bytes : optional
        Targets of `forensics.codecs.target.search`. At most one of the four may be given.

    Raises
    ------
    UsageError
        More than one target, or values that make no sense.
    UnreachableTarget, CodecError, CodecUnavailable
        From the codec.
    """
    if sum(target is not None for target in (strength, ratio, ssim, max_bytes)) > 1:
        raise UsageError("give one of --quality, --ratio, --ssim and --max-bytes, not several")
    if ratio is not None:
        return aim.to_ratio(codec, pixels, ratio, tolerance=RATIO_TOLERANCE, parameters=switches)
    if ssim is not None:
        return aim.to_ssim(codec, pixels, ssim, tolerance=SSIM_TOLERANCE, parameters=switches)
    if max_bytes is not None:
        return aim.to_max_bytes(codec, pixels, max_bytes, parameters=switches)
    name = codec.strength.parameter
    wanted = {} if strength is None else {name: _strength(codec, strength)}
    parameters = codec.complete({**switches, **wanted})
    data = codec.encode(pixels, **parameters)
    return aim.Reached(codec, pixels, data, parameters, "strength", float(parameters[name]))


def _strength(codec: Codec, value: float) -> Value:
    low, high = sorted((codec.strength.finest, codec.strength.coarsest))
    if not low <= value <= high:
        raise UsageError(f"{codec.name}: {codec.strength.parameter} is from {low:g} to {high:g}, not {value:g}")
    if not codec.strength.integer:
        return value
    if value != round(value):
        raise UsageError(f"{codec.name}: {codec.strength.parameter} is a whole number, not {value:g}")
    return round(value)


def read_source(source: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """A picture's pixels as codecs take them (uint8, no alpha), and what had to be given up for that."""
    picture = open_picture(source, max_pixels=MAX_PIXELS)
    notes = []
    if picture.pixels.dtype != np.uint8:
        notes.append("16-bit samples are rounded to 8 bits")
    if picture.alpha is not None:
        notes.append("the alpha channel is left out")
    return as_picture(picture.pixels), tuple(notes)


def check_absent(out: Path, force: bool) -> None:
    """Raise `UsageError` where `out` is a file that must stay."""
    if out.is_file() and not force:
        raise UsageError(f"{str(out)!r} exists; --force overwrites it")


def write(out: Path, data: bytes) -> None:
    """Write a file whole or not at all; raises `UsageError` where the system does not allow it."""
    try:
        write_atomically(out, data)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from error


def lossless_file(out: Path, pixels: np.ndarray) -> bytes:
    """Pixels as a lossless file of the format of `out`'s suffix; raises `UsageError` for another suffix than
    `LOSSLESS`.
    """
    check_lossless(out)
    return save_with_pillow(pixels, LOSSLESS[out.suffix.lower()])


def check_lossless(out: Path) -> None:
    """Raise `UsageError` unless `out` has one of the suffixes of `LOSSLESS`."""
    if out.suffix.lower() not in LOSSLESS:
        raise UsageError(f"decoded pixels are saved as {', '.join(LOSSLESS)}, not as {out.name}")


RATIO_TOLERANCE, SSIM_TOLERANCE = 0.02, 0.003
"""Relative error of a ratio, and error of an SSIM, up to which a target counts as reached."""


def missed(reached: aim.Reached) -> str:
    """By how much a target was missed, in words, where the codec's steps are too coarse to reach it; else nothing."""
    name = reached.codec.strength.parameter
    nearest = f"{name} goes in steps, and {name}={reached.parameters[name]} comes nearest"
    if reached.kind == "ratio" and abs(reached.ratio / reached.target - 1) > RATIO_TOLERANCE:
        off = 100 * (reached.ratio / reached.target - 1)
        return f"ratio {reached.target:g} is missed by {off:+.1f} % ({reached.ratio:.2f}): {nearest}"
    if reached.kind == "ssim" and abs(reached.ssim - reached.target) > SSIM_TOLERANCE:
        return (
            f"SSIM {reached.target:g} is missed by {reached.ssim - reached.target:+.4f} ({reached.ssim:.4f}): {nearest}"
        )
    return ""


def report(reached: aim.Reached) -> list[tuple[str, str]]:
    """What was reached, as names and values for a reader."""
    codec, name = reached.codec, reached.codec.strength.parameter
    switches = {key: value for key, value in reached.parameters.items() if key != name}
    ssim = "none, the picture is too small" if math.isnan(reached.ssim) else f"{reached.ssim:.4f}"
    setting = reached.parameters[name]
    return [
        ("codec", f"{codec.name}, {codec.version()}"),
        ("strength", f"{name}={setting:.6g}" if isinstance(setting, float) else f"{name}={setting}"),
        ("switches", " ".join(f"{key}={value}" for key, value in switches.items()) or "none"),
        ("bytes", str(len(reached.data))),
        ("ratio", f"{reached.ratio:.2f}"),
        ("bits per pixel", f"{reached.bits_per_pixel:.3f}"),
        ("SSIM", ssim),
        ("PSNR", f"{reached.psnr:.2f} dB"),
        ("encodes", str(reached.encodes)),
    ]
