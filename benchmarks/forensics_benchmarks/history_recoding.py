"""How right block grids and quantiser indices of HEVC, AV1, VP8 and JPEG XL are read, by encoder and size, at random
crop phases, next to the estimates they start from.

HEIC by x265, whose QP follows the texture, is held against the rate factor that libheif asks for at its quality, which
is the QP of blocks of mean texture; the slice headers state 3 less. WebP's index is the mean over macroblocks. JPEG
XL's Butteraugli distance is compared by its binary logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from forensics_models.classes import HEVC_INTRA

from forensics.codecs import registry
from forensics.codecs.base import Value
from forensics.codecs.headers import coded_strength
from forensics.dataset.patches import random_offset
from forensics.history import estimated
from forensics.history.recoding import av1, hevc, jpegxl, vp8
from forensics.history.recoding.coder import Recoded
from forensics.results.history import Parameter
from forensics_benchmarks.draws import mean

SIZES = (128, 256, 512)
"""Width and height of what is read, in pixels."""
TOLERANCE = {"hevc": 1.0, "av1": 8.0, "vp8": 4.0, "jpegxl": 0.33}
"""Errors up to which an index counts as right: QP, `base_q_idx` of 255, the index of 127, and 25 % of a distance."""
_SOURCE_SIDE = 640
"""Side of the part of a source that is used, in pixels: a bound on work."""


@dataclass(frozen=True)
class Reading:
    """One case: what was true, what the estimate said, what was read (None where nothing was)."""

    maker: str
    standard: str
    size: int
    truth: float
    estimate: float
    read: float | None
    grid_found: bool
    grid_right: bool


@dataclass(frozen=True)
class _Maker:
    title: str
    encoder: str
    strength: str
    finest: int
    coarsest: int
    switches: Mapping[str, Value]


MAKERS = (
    _Maker("BPG, x265", "bpg", "qp", 14, 42, {}),
    _Maker("HEIC, x265 with adaptive quantisation", "heic", "quality", 85, 30, {}),
    _Maker("AVIF, aom of this installation", "avif", "quality", 92, 30, {}),
    _Maker("AVIF, aom of avifenc", "avif-avifenc", "quantizer", 8, 48, {"encoder": "aom"}),
    _Maker("AVIF, SVT-AV1 of avifenc", "avif-avifenc", "quantizer", 8, 48, {"encoder": "svt"}),
    _Maker("AVIF, rav1e of avifenc", "avif-avifenc", "quantizer", 8, 48, {"encoder": "rav1e"}),
    _Maker("WebP, libwebp", "webp", "quality", 97, 20, {}),
    _Maker("WebP, libwebp, preset photo", "webp", "quality", 97, 20, {"preset": "photo"}),
    _Maker("JPEG XL, libjxl, effort 7", "jpegxl", "distance", 1, 14, {}),
    _Maker("JPEG XL, cjxl, effort 3", "jpegxl-cjxl", "distance", 1, 14, {"effort": 3}),
)
"""Encoders with the range of strengths they are asked for: from nearly invisible to strong."""


def measure(pictures: Sequence[np.ndarray], *, sizes: Sequence[int] = SIZES, seed: int = 0) -> Iterator[Reading]:
    """A case a picture, encoder and size that fits; encoders that are not there are left out. Deterministic for a
    seed.
    """
    rng = np.random.default_rng(seed)
    makers = [maker for maker in MAKERS if available(maker)]
    for picture in pictures:
        for maker in makers:
            for size in sizes:
                if min(picture.shape[:2]) >= size:
                    yield _case(maker, picture[:_SOURCE_SIDE, :_SOURCE_SIDE], size, rng)


def available(maker: _Maker) -> bool:
    codec = registry.get(maker.encoder)
    return codec.availability().encode and all(
        value in codec.switches[name].values for name, value in maker.switches.items()
    )


def _case(maker: _Maker, picture: np.ndarray, size: int, rng: np.random.Generator) -> Reading:
    codec = registry.get(maker.encoder)
    strength = int(rng.integers(min(maker.finest, maker.coarsest), max(maker.finest, maker.coarsest) + 1))
    data = codec.encode(np.ascontiguousarray(picture), **{maker.strength: strength}, **maker.switches)
    truth = true_index(codec.codec, strength, data)
    decoded = codec.decode(data)
    top, left = random_offset(decoded, size, rng)
    crop = np.ascontiguousarray(decoded[top : top + size, left : left + size])
    estimates = estimated.estimate(crop, codec.codec)
    guess = next(float(str(p.value)) for p in estimates if p.name in ("quantizer_index", "distance"))
    guess = math.log2(guess) if codec.codec == "jpegxl" else guess
    standard, found, read = _recovered(codec.codec, crop, estimates)
    right = found.grid is not None and found.grid.phase == (-top % found.grid.period, -left % found.grid.period)
    return Reading(maker.title, standard, size, truth, guess, None if read is None else float(read), found.found, right)


def true_index(codec: str, strength: int, data: bytes) -> float:
    if codec == "heic":
        return (100 - strength) / 2
    return math.log2(strength) if codec == "jpegxl" else float(coded_strength.read(codec, data)["quantizer"])


def _recovered(codec: str, crop: np.ndarray, estimates: Sequence[Parameter]) -> tuple[str, Recoded, float | None]:
    """The codec's standard, what recompression shows, and the index read."""
    if codec in HEVC_INTRA:
        of_hevc = hevc.recover(crop, estimates, codec)
        return "hevc", of_hevc, of_hevc.qp
    if codec == "avif":
        of_av1 = av1.recover(crop, estimates)
        return "av1", of_av1, of_av1.index
    if codec == "jpegxl":
        of_jpegxl = jpegxl.recover(crop, estimates)
        return "jpegxl", of_jpegxl, None if of_jpegxl.distance is None else math.log2(of_jpegxl.distance)
    of_vp8 = vp8.recover(crop, estimates)
    return "vp8", of_vp8, of_vp8.index


def summary(readings: Iterable[Reading]) -> list[dict[str, object]]:
    """A row an encoder and size: cases; shares 0 to 1 of grids found and of those right, of indices read and of those
    right, and of estimates right.
    """
    groups: dict[tuple[str, int], list[Reading]] = {}
    for reading in readings:
        groups.setdefault((reading.maker, reading.size), []).append(reading)
    return [{"encoder": maker, "side": size, **_row(group)} for (maker, size), group in sorted(groups.items())]


def _row(group: Sequence[Reading]) -> dict[str, object]:
    grids = [r.grid_right for r in group if r.grid_found]
    errors = [abs(r.read - r.truth) for r in group if r.read is not None]
    allowed = TOLERANCE[group[0].standard]
    either = [abs((r.estimate if r.read is None else r.read) - r.truth) for r in group]
    return {
        "cases": len(group),
        "grid found": len(grids) / len(group),
        "right of those": mean(grids),
        "index read": len(errors) / len(group),
        f"within {allowed:g} of those": mean([error <= allowed for error in errors]),
        "mean error of those": mean(errors),
        "mean error of the estimates": mean([abs(r.estimate - r.truth) for r in group]),
        "mean error of what is stated": mean(either),
    }
