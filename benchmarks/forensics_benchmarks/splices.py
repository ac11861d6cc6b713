"""Pictures pasted together from two compression histories, and untouched ones: what the map finds, and where it finds
what is not there.

A host is encoded and decoded as a whole; a square region out of another decoded file, cut at a random offset, replaces
pixels of it. So the truth is known to the pixel, every step is a real codec's, and the region's coding grid lies at any
phase. Both come from sources of one origin, laid side by side on a canvas (`canvases`) before anything is encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.classes import CLASSES, family
from forensics_models.fused import as_rgb

from forensics.codecs.target.search import to_ratio
from forensics.dataset import sources
from forensics.dataset.encoders import available, encoder_for
from forensics.dataset.recipes import draw_encoder
from forensics.errors import ForensicsError
from forensics.localisation.regions import Localisation, locate
from forensics.localisation.scan import window_map
from forensics_benchmarks.canvases import SIDE, by_origin, canvas

SIZES = (64, 96, 128, 192, 256, 384)
"""Sides of the pasted squares, in pixels."""
RATIOS = (5.0, 60.0)
"""Range of the compression ratios, drawn evenly on a logarithmic scale."""
SAME_CODEC = "same-codec"
"""The kind that differs in strength, by a factor of 3 or more, and in grid phase, and in nothing else."""
KINDS = ("two-codecs", "uncompressed-region", "uncompressed-host", SAME_CODEC)
"""What is pasted into what."""
ENCODERS = ("jpeg", "jpeg2000", "jpegxr", "bpg", "webp", "avif", "heic", "jpegxl")
"""Encoders drawn from; all of them run in this process."""


@dataclass(frozen=True, eq=False)
class Case:
    """A picture and the truth about it.

    `pixels` has shape (height, width, 3), dtype uint8; `mask`, of shape (height, width), is True in the pasted region
    and False throughout in an untouched picture. `host` and `region` are classes of `CLASSES` (`region` empty when
    untouched), ratios are NaN for what was not compressed.
    """

    pixels: np.ndarray
    mask: np.ndarray
    kind: str
    size: int
    host: str
    region: str
    host_ratio: float
    region_ratio: float
    origin: str


def splices(
    folder: Path,
    *,
    split: str = "val",
    per_size: int = 8,
    sizes: Sequence[int] = SIZES,
    kinds: Sequence[str] = KINDS,
    seed: int = 11,
) -> Iterator[Case]:
    """Pasted pictures: `per_size` of each size, the kinds in turn; `folder` holds sources in a sub-folder `split`."""
    pool = by_origin(folder, split)
    for size in sizes:
        for index in range(per_size):
            numbers = np.random.default_rng([seed, size, index])
            yield _splice(pool, size, kinds[index % len(kinds)], numbers)


def untouched(folder: Path, *, split: str = "val", count: int = 100, seed: int = 13) -> Iterator[Case]:
    """Pictures with one history, as they are: a third uncompressed, the rest by every codec in turn; origins in
    turn.
    """
    pool = by_origin(folder, split)
    origins = sorted(pool)
    for index in range(count):
        numbers = np.random.default_rng([seed, index])
        origin = origins[index % len(origins)]
        members = pool[origin]
        pixels = as_rgb(sources.load(members[(index // len(origins)) % len(members)]))
        name = "uncompressed" if numbers.random() < 1 / 3 else str(numbers.choice(CLASSES[1:]))
        pixels, ratio = _compressed(pixels, name, _ratio(numbers), numbers)
        blank = np.zeros(pixels.shape[:2], bool)
        yield Case(pixels, blank, "untouched", 0, name, "", ratio, np.nan, origin)


def score(mask: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Precision, recall, F1 and intersection over union of the pixels; F1 is 1 where both masks are empty, 0 where one
    is.
    """
    hit, extra, missed = int((mask & found).sum()), int((found & ~mask).sum()), int((mask & ~found).sum())
    if hit + extra + missed == 0:
        return {"precision": 1.0, "recall": 1.0, "f1": 1.0, "iou": 1.0}
    return {
        "precision": hit / max(hit + extra, 1),
        "recall": hit / max(hit + missed, 1),
        "f1": 2 * hit / (2 * hit + extra + missed),
        "iou": hit / (hit + extra + missed),
    }


def rows(cases: Iterator[Case], find: Callable[[np.ndarray], Any] | None = None) -> list[dict[str, Any]]:
    """One row a case: what it is, how many regions were found, and the pixel scores of their union.

    Parameters
    ----------
    cases : iterator of Case
    find : callable, optional
        From pixels to a result with `regions` and `mask`; the package's own map and regions when left out.
    """
    find = _find if find is None else find
    table = []
    for case in cases:
        result = find(case.pixels)
        table.append({
            "kind": case.kind, "size": case.size, "origin": case.origin, "host": case.host, "region": case.region,
            "host_ratio": case.host_ratio, "region_ratio": case.region_ratio, "found": len(result.regions),
            **score(case.mask, result.mask),
        })  # fmt: skip
    return table


def _find(pixels: np.ndarray) -> Localisation:
    return locate(window_map(pixels))


def of_two_histories(table: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of pictures whose region was coded otherwise than its host: by another codec, BPG and HEIC being one, or
    by none.
    """
    return [row for row in table if row["kind"] != SAME_CODEC and family(row["host"]) != family(row["region"])]


def summary(table: Sequence[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    """Means over the rows that share a value of `by`: cases, share with any region found, F1, precision, recall."""
    result = []
    for value in sorted({row[by] for row in table}):
        members = [row for row in table if row[by] == value]
        entry = {by: value, "cases": len(members), "any_region": float(np.mean([row["found"] > 0 for row in members]))}
        result.append(
            entry | {name: float(np.mean([row[name] for row in members])) for name in ("f1", "precision", "recall")}
        )
    return result


def _ratio(numbers: np.random.Generator) -> float:
    low, high = np.log(RATIOS)
    return float(np.exp(numbers.uniform(low, high)))


def _compressed(pixels: np.ndarray, name: str, ratio: float, numbers: np.random.Generator) -> tuple[np.ndarray, float]:
    """The pixels after a random encoder of a class near a ratio, and the ratio reached; as they are for
    `uncompressed`.
    """
    if name == "uncompressed":
        return pixels, float("nan")
    fine = f"jpegxr-{numbers.choice([0, 2])}" if name == "jpegxr" else name
    while True:
        drawn = draw_encoder(fine, available(ENCODERS), numbers)
        assert drawn is not None
        encoder, switches = drawn
        if switches.get("subsampling") != "grey":
            break
    codec = encoder_for(encoder, fine)
    for aim in (ratio, ratio / 2, ratio * 2, ratio / 4, ratio * 4):
        try:
            made = to_ratio(codec, pixels, aim, tolerance=0.15, strict=False, parameters=switches)
        except ForensicsError:
            continue
        return as_rgb(made.pixels), made.ratio
    return as_rgb(codec.decode(codec.encode(pixels, **switches))), float("nan")


def _splice(pool: dict[str, list[Path]], size: int, kind: str, numbers: np.random.Generator) -> Case:
    origin = str(numbers.choice(sorted(pool)))
    laid = canvas(pool[origin], numbers)
    donor = laid if numbers.random() < 0.5 else canvas(pool[origin], numbers)
    host, region = (str(name) for name in numbers.choice(CLASSES[1:], 2, replace=False))
    ratios = [_ratio(numbers), _ratio(numbers)]
    if kind == "uncompressed-region":
        region = "uncompressed"
    elif kind == "uncompressed-host":
        host = "uncompressed"
    elif kind == SAME_CODEC:
        region = host
        low = float(np.exp(numbers.uniform(np.log(RATIOS[0]), np.log(RATIOS[1] / 3))))
        high = float(np.exp(numbers.uniform(np.log(3 * low), np.log(RATIOS[1]))))
        ratios = [low, high] if numbers.random() < 0.5 else [high, low]
    pixels, host_ratio = _compressed(laid, host, ratios[0], numbers)
    pasted, region_ratio = _compressed(donor, region, ratios[1], numbers)
    top, left, from_top, from_left = (int(numbers.integers(SIDE - size + 1)) for _ in range(4))
    pixels, mask = pixels.copy(), np.zeros(pixels.shape[:2], bool)
    pixels[top : top + size, left : left + size] = pasted[from_top : from_top + size, from_left : from_left + size]
    mask[top : top + size, left : left + size] = True
    return Case(pixels, mask, kind, size, host, region, host_ratio, region_ratio, origin)
