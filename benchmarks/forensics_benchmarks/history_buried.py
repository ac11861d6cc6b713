"""How often a JPEG is still read beneath another codec or a change after decoding: its table and grid, and false alarms
without a JPEG.

A source is encoded as JPEG, cropped by less than a block, encoded by each other codec at a random ratio, decoded, and a
square of it is cut at a random place. Its twin skips the JPEG. Changes after decoding are those of the suite
`robustness`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from forensics_models.classes import INCONCLUSIVE

from forensics.codecs import registry
from forensics.codecs.target.search import to_ratio
from forensics.dataset.encoders import available
from forensics.errors import ForensicsError
from forensics.history.traces.jpeg_table import jpeg_table
from forensics.history.traces.sample import draw_sample
from forensics.verdict.analysis import analyze
from forensics_benchmarks.conditions import CONDITIONS, NONE, apply
from forensics_benchmarks.draws import log_uniform, mean

SIDE = 256
"""Width and height of what is judged, in pixels."""
QUALITIES = (40, 95)
"""Range of the first JPEG's qualities."""
RATIOS = (4.0, 40.0)
"""Range of the last codec's ratios, drawn evenly on a logarithmic scale."""
LAST = ("jpeg2000", "jpegxr-jxrlib", "bpg", "webp", "avif", "heic", "jpegxl")
"""Encoders of the last step."""
BANDS = (0.0, 8.0, 16.0)
"""Lower edges of the bands of the last codec's ratios in the table."""


@dataclass(frozen=True)
class Buried:
    """One picture: quality of the first JPEG (0 without one), the last encoder and its ratio, and what was read that
    the last codec does not explain.
    """

    quality: int
    last: str
    ratio: float
    found: bool
    quality_right: bool
    grid_right: bool


def measure(pictures: Sequence[np.ndarray], *, seed: int = 41) -> Iterator[Buried]:
    """Every picture through a JPEG and every last codec that is there, and without the JPEG; deterministic for a
    seed.
    """
    rng = np.random.default_rng(seed)
    there = available(LAST)
    encoders = [name for name in LAST if name in there]
    first = registry.get("jpeg")
    for picture in pictures:
        if min(picture.shape[:2]) < SIDE + 8:
            continue
        for last in encoders:
            quality = int(rng.integers(QUALITIES[0], QUALITIES[1] + 1))
            ratio = log_uniform(RATIOS, rng)
            cut = int(rng.integers(8)), int(rng.integers(8))
            coded = first.decode(first.encode(picture, quality=quality))
            place = rng.random(2)
            for truth, before in ((quality, coded), (0, picture)):
                try:
                    yield _case(np.ascontiguousarray(before[cut[0] :, cut[1] :]), truth, last, ratio, cut, place)
                except ForensicsError:
                    continue


def _case(before: np.ndarray, quality: int, last: str, ratio: float, cut: tuple[int, int], place: np.ndarray) -> Buried:
    made = to_ratio(registry.get(last), before, ratio, tolerance=0.25, max_encodes=4, strict=False)
    top, left = (int(share * (length - SIDE + 1)) for share, length in zip(place, made.pixels.shape[:2], strict=True))
    trace = jpeg_table(draw_sample(made.pixels[top : top + SIDE, left : left + SIDE]))
    read = trace.parameters
    found = trace.found and registry.get(last).codec not in trace.speaks_for
    grid = [-(cut[0] + top) % 8, -(cut[1] + left) % 8]
    return Buried(
        quality,
        last,
        made.ratio,
        found,
        found and read["low"] <= quality <= read["high"],
        found and read["phase"] == grid,
    )


def summary(cases: Sequence[Buried]) -> list[dict[str, object]]:
    """A row a band of the last codec's ratio: pictures, shares 0 to 1 of JPEGs found and of those with the right
    quality and grid, false alarms.
    """
    rows = []
    for low, high in zip(BANDS, (*BANDS[1:], np.inf), strict=True):
        inside = [case for case in cases if low <= case.ratio < high]
        coded, found = [c for c in inside if c.quality], [c for c in inside if c.quality and c.found]
        rows.append({
            "ratio of the last": f"{low:g} to {high:g}" if np.isfinite(high) else f"from {low:g}",
            "after a JPEG": len(coded),
            "found": mean([c.found for c in coded]),
            "quality right of those": mean([c.quality_right for c in found]),
            "grid right of those": mean([c.grid_right for c in found]),
            "without a JPEG": len(inside) - len(coded),
            "found there": mean([c.found for c in inside if not c.quality]),
        })  # fmt: skip
    return rows


def by_codec(cases: Sequence[Buried]) -> list[dict[str, object]]:
    """A row a last encoder: pictures after a JPEG, and the share of them whose table was read."""
    coded = [case for case in cases if case.quality]
    return [
        {"last": name, "after a JPEG": len(part), "found": mean([case.found for case in part])}
        for name in LAST
        if (part := [case for case in coded if case.last == name])
    ]


@dataclass(frozen=True)
class Changed:
    """One picture changed after decoding: quality of its JPEG (0 without one), the change, the verdict on it as stored,
    and what was read.
    """

    quality: int
    condition: str
    verdict: str
    found: bool
    quality_right: bool


def measure_changed(pictures: Sequence[np.ndarray], *, seed: int = 43) -> Iterator[Changed]:
    """Every picture as JPEG and not, after every condition that is no JPEG itself; deterministic for a seed."""
    rng = np.random.default_rng(seed)
    codec = registry.get("jpeg")
    for picture in pictures:
        quality = int(rng.integers(QUALITIES[0], QUALITIES[1] + 1))
        cut = int(rng.integers(8)), int(rng.integers(8))
        coded = codec.decode(codec.encode(picture, quality=quality))
        for name in (NONE, *(name for name, condition in CONDITIONS.items() if condition.group != "jpeg")):
            for truth, before in ((quality, coded), (0, picture)):
                pixels = apply(name, before[cut[0] :, cut[1] :], rng)
                trace = jpeg_table(draw_sample(pixels))
                found = trace.speaks_for == ("jpeg",)
                right = found and trace.parameters["low"] <= quality <= trace.parameters["high"]
                yield Changed(truth, name, analyze(pixels, undo_tone=False).verdict, found, right)


def summary_changed(cases: Sequence[Changed]) -> list[dict[str, object]]:
    """A row a condition: JPEGs; shares 0 to 1 of those with the verdict JPEG, with another codec, and of tables read;
    false alarms without a JPEG.
    """
    rows = []
    for name in dict.fromkeys(case.condition for case in cases):
        coded, plain = ([c for c in cases if c.condition == name and bool(c.quality) is made] for made in (True, False))
        rows.append({
            "after decoding": name,
            "JPEGs": len(coded),
            "verdict JPEG": mean([c.verdict == "jpeg" for c in coded]),
            "verdict another codec": mean([c.verdict not in ("jpeg", "uncompressed", INCONCLUSIVE) for c in coded]),
            "table read": mean([c.found for c in coded]),
            "verdict JPEG or table read": mean([c.found or c.verdict == "jpeg" for c in coded]),
            "quality right of those read": mean([c.quality_right for c in coded if c.found]),
            "read without a JPEG": mean([c.found for c in plain]),
        })  # fmt: skip
    return rows
