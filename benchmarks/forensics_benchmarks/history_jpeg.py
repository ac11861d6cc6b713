"""How right the recovered JPEG parameters are: grid, steps, quality and subsampling, by picture side and quality.

Every picture is encoded by the real codec, decoded, and cropped at a random phase; the truth is the file's own header.
Steps are counted over the AC frequencies of luma: `identified` is the share that the method itself declares
identifiable, `steps_right` the share of those that are exactly the file's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forensics.codecs import get
from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.history.jpeg.double import DoubleJpeg, detect
from forensics.history.jpeg.recovery import STATED_FROM, JpegHistory, recover

QUALITIES = (50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 98, 100)
"""Qualities that are encoded."""
SIDES = (128, 512)
"""Width and height of what is read, in pixels."""
SUBSAMPLINGS = ("4:2:0", "4:2:2", "4:4:4")
_AC = np.arange(64) > 0


@dataclass(frozen=True)
class Outcome:
    """One picture: what was recovered, next to the truth."""

    phase_right: bool
    identified: int
    right: int
    quality_error: float
    inside_interval: bool
    family_right: bool
    coloured: bool
    subsampling_stated: bool
    subsampling_right: bool
    chroma_identified: int
    chroma_right: int
    fixed_point: float
    seconds: float


def random_crop(pixels: np.ndarray, side: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, int]]:
    """A crop of at most `side` pixels that leaves at least the phase to chance, and the phase of the 8x8 grid in it."""
    origin = []
    for length in pixels.shape[:2]:
        free = max(length - side, min(15, length - 64))
        origin.append(int(rng.integers(0, free + 1)))
    top, left = origin
    part = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    return part, (-top % 8, -left % 8)


def judge(
    history: JpegHistory,
    phase: tuple[int, int],
    tables: Sequence[np.ndarray],
    quality: float,
    family: str,
    subsampling: str,
    coloured: bool,
    seconds: float,
) -> Outcome:
    """Compare with the truth; `tables` are luma's and chroma's, `np.ndarray [shape=(64,)]`."""
    right_phase = history.found and history.grid.phase == phase
    counts = [0, 0, 0, 0]
    for i, (estimate, table) in enumerate(zip((history.luma, history.chroma), tables)):
        if estimate is not None and right_phase:
            identified = estimate.identified & _AC
            counts[2 * i : 2 * i + 2] = [int(identified.sum()), int((estimate.steps == table)[identified].sum())]
    match = history.match
    return Outcome(
        phase_right=right_phase,
        identified=counts[0],
        right=counts[1],
        quality_error=abs(match.quality - quality) if match else float("nan"),
        inside_interval=bool(match and match.low <= quality <= match.high),
        family_right=bool(match and match.family == family),
        coloured=coloured,
        subsampling_stated=history.subsampling[1] >= STATED_FROM,
        subsampling_right=history.subsampling[0] == subsampling,
        chroma_identified=counts[2],
        chroma_right=counts[3],
        fixed_point=history.fixed_point_luma,
        seconds=seconds,
    )


def outcomes(
    pictures: Iterable[np.ndarray],
    side: int,
    quality: float,
    *,
    subsampling: str,
    family: str = "standard",
    seed: int = 5,
) -> Iterator[Outcome]:
    """Encode, crop and recover each picture; `pictures` are uint8 RGB."""
    rng = np.random.default_rng(seed)
    codec = get("jpeg")
    tables = [scaled_table(base, quality).ravel() for base in TABLE_FAMILIES[family]]
    for pixels in pictures:
        decoded = codec.decode(codec.encode(pixels, quality=quality, subsampling=subsampling, tables=family))
        part, phase = random_crop(decoded, side, rng)
        start = time.perf_counter()
        history = recover(part)
        yield judge(
            history,
            phase,
            tables,
            quality,
            family,
            subsampling,
            bool(np.ptp(part, axis=2).any()),
            time.perf_counter() - start,
        )


def summary(found: Sequence[Outcome]) -> dict[str, Any]:
    """Figures of one cell; shares in 0..1, NaN where nothing can be counted."""

    def mean(values: Iterable[float]) -> float:
        kept = [value for value in values if not np.isnan(value)]
        return float(np.mean(kept)) if kept else float("nan")

    def share(part: int, whole: int) -> float:
        return part / whole if whole else float("nan")

    coloured = [o for o in found if o.coloured]
    stated = [o for o in coloured if o.subsampling_stated]
    return {
        "pictures": len(found),
        "phase_right": mean(o.phase_right for o in found),
        "identified": share(sum(o.identified for o in found), 63 * len(found)),
        "steps_right": share(sum(o.right for o in found), sum(o.identified for o in found)),
        "chroma_identified": share(sum(o.chroma_identified for o in found), 63 * len(found)),
        "chroma_right": share(sum(o.chroma_right for o in found), sum(o.chroma_identified for o in found)),
        "quality_error": mean(o.quality_error for o in found),
        "inside_interval": mean(o.inside_interval for o in found),
        "family_right": mean(o.family_right for o in found),
        "subsampling_right": mean(o.subsampling_right for o in coloured),
        "subsampling_stated": share(len(stated), len(coloured)),
        "stated_right": mean(o.subsampling_right for o in stated),
        "fixed_point": mean(o.fixed_point for o in found),
        "seconds": float(np.median([o.seconds for o in found])),
    }


def recovery_rows(
    pictures: Sequence[np.ndarray], *, sides: Sequence[int] = SIDES, qualities: Sequence[float] = QUALITIES,
    subsamplings: Sequence[str] = SUBSAMPLINGS, family: str = "standard", seed: int = 5,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """One row a side and quality, the subsamplings drawn in turn over the pictures.

    Parameters
    ----------
    pictures : sequence of np.ndarray [shape=(height, width, 3), dtype=uint8]
        Uncompressed pictures, at least 80 pixels a side.
    """
    for side in sides:
        for quality in qualities:
            found = [
                outcome
                for i, name in enumerate(subsamplings)
                for outcome in outcomes(
                    pictures[i :: len(subsamplings)], side, quality, subsampling=name, family=family, seed=seed + i
                )
            ]
            yield {"side": side, "quality": quality, **summary(found)}


def false_alarms(
    pictures: Iterable[np.ndarray], *, sides: Sequence[int] = SIDES, seed: int = 5
) -> Iterator[dict[str, Any]]:
    """One row a side: in what share of uncompressed pictures a grid is found."""
    kept = list(pictures)
    for side in sides:
        rng = np.random.default_rng(seed)
        found = [recover(random_crop(pixels, side, rng)[0], fixed_point=False).found for pixels in kept]
        yield {"side": side, "pictures": len(found), "grid_found": float(np.mean(found))}


def twice_compressed(pixels: np.ndarray, kind: str, side: int, rng: np.random.Generator) -> tuple[np.ndarray, int, int]:
    """A crop that went through JPEG once ("single") or twice ("aligned", "shifted"), and the two qualities, drawn from
    50 to 100.
    """
    codec = get("jpeg")
    first, second = (int(quality) for quality in rng.integers(50, 101, 2))
    subsampling = str(rng.choice(["4:2:0", "4:4:4"]))
    if kind != "single":
        pixels = codec.decode(codec.encode(pixels, quality=first, subsampling=subsampling))
    if kind == "shifted":
        top, left = divmod(int(rng.integers(1, 64)), 8)
        pixels = np.ascontiguousarray(pixels[top:, left:])
    decoded = codec.decode(codec.encode(pixels, quality=second, subsampling=subsampling))
    return random_crop(decoded, side, rng)[0], first, second


def generation_rows(pictures: Sequence[np.ndarray], *, side: int = 256, seed: int = 9) -> Iterator[dict[str, Any]]:
    """One row a kind, over all pairs of qualities and over those whose first is the lower one by 5 or more.

    `detected` is the share called compressed twice (of "single": the false alarms), `first_right` the share of these
    whose first quality is within 1.
    """
    for kind in ("single", "aligned", "shifted"):
        rng = np.random.default_rng(seed)
        cases: list[tuple[DoubleJpeg, int, int]] = []
        for pixels in pictures:
            part, first, second = twice_compressed(pixels, kind, side, rng)
            cases.append((detect(part), first, second))
        for subset, chosen in (("all", cases), ("first coarser", [case for case in cases if case[1] <= case[2] - 5])):
            called = [(found, first) for found, first, _ in chosen if found.double]
            near = [abs(found.first_quality - first) <= 1 for found, first in called if found.first_quality is not None]
            yield {
                "kind": kind, "pairs": subset, "side": side, "pictures": len(chosen),
                "detected": len(called) / len(chosen) if chosen else float("nan"),
                "kind_right": float(np.mean([found.kind == kind for found, _ in called])) if called else float("nan"),
                "first_right": float(np.mean(near)) if near else float("nan"),
            }  # fmt: skip
