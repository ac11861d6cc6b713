"""JPEGs that were reduced or rotated after decoding, and JPEGs that were reduced and saved as JPEG again: what the
verdict says, whether scale or angle is right, and whether the first JPEG is found under the last.

Every source is decoded from a JPEG of a drawn quality and subsampling, then reduced by a drawn factor or rotated by a
drawn angle, by each program in turn. Sources that were never compressed go the same way: nothing may be found in them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from forensics_benchmarks import enlarged
from forensics_benchmarks.draws import mean

FACTORS, FIRST_QUALITIES = (0.5, 0.95), (50, 92)
"""Of a reduction with nothing after it."""
SAVED_FACTORS, SAVED_FIRST, SAVED_LAST = (0.5, 0.9), (50, 85), (75, 92)
"""Of a reduction that is saved again: factor, first and last quality."""
DEGREES = (0.5, 5.0)
NEAR = 0.01
"""Largest relative error of a scale that counts as right."""
NEAR_DEGREES = 0.1
"""Largest error of an angle that counts as right, in degrees: a fifth of the smallest that is drawn."""
NEAR_QUALITY = 2
"""Largest error of a quality that counts as right."""


@dataclass(frozen=True)
class Case:
    """A picture after one step.

    `was_jpeg` tells whether it was a JPEG before; `value` is the factor or the angle, `read` the one that was read, if
    any; `verdict` and `compressed` are of `analyze`.
    """

    step: str
    program: str
    was_jpeg: bool
    value: float
    verdict: str
    compressed: float
    read: float | None

    @property
    def misnamed(self) -> bool:
        """Whether another process than JPEG is named."""
        return self.verdict not in ("jpeg", "uncompressed", "inconclusive", "no-content")

    @property
    def right(self) -> bool:
        """Whether the factor or the angle is right."""
        if self.read is None:
            return False
        if self.step == "rotated":
            return abs(abs(self.read) - abs(self.value)) <= NEAR_DEGREES
        return abs(self.read / self.value - 1) <= NEAR


@dataclass(frozen=True)
class Saved:
    """A picture that was reduced and saved as JPEG; `quality` and `first` are the first JPEG's as drawn and as read,
    `factor` and `scale` those of the reduction.
    """

    was_jpeg: bool
    program: str
    factor: float
    quality: int
    scale: float | None
    first: float | None


def measure(pictures: Sequence[np.ndarray], *, seed: int = 67) -> Iterator[Case]:
    """Every picture once reduced and once rotated, as a JPEG before and as it is; deterministic for a seed."""
    rng = np.random.default_rng(seed)
    smaller = list(enlarged.programs().items())
    for number, picture in enumerate(pictures):
        for was_jpeg in (True, False):
            before = jpeg(picture, int(rng.integers(FIRST_QUALITIES[0], FIRST_QUALITIES[1] + 1)), rng)
            before = before if was_jpeg else picture
            for step, made in (("reduced", _reduced), ("rotated", _rotated)):
                program, after, value = made(before, number, smaller, rng)
                yield _case(step, program, was_jpeg, value, after)


def measure_saved(pictures: Sequence[np.ndarray], *, seed: int = 68) -> Iterator[Saved]:
    """Every picture reduced and saved as JPEG, as a JPEG before and as it is."""
    from forensics.history.jpeg import before_reduction

    rng = np.random.default_rng(seed)
    programs = list(enlarged.programs().items())
    for number, picture in enumerate(pictures):
        for was_jpeg in (True, False):
            quality = int(rng.integers(SAVED_FIRST[0], SAVED_FIRST[1] + 1))
            before = jpeg(picture, quality, rng)
            factor = float(rng.uniform(*SAVED_FACTORS))
            (program, _), resize = programs[number % len(programs)]
            smaller = resize(before if was_jpeg else picture, *_size(picture, factor))
            seen = jpeg(smaller, int(rng.integers(SAVED_LAST[0], SAVED_LAST[1] + 1)), rng)
            found = before_reduction.before_last(seen)
            read = {} if found is None else {one.name: one.value for one in found.parameters}
            scale, first = (_number(read.get(name)) for name in ("scale", "quality"))
            yield Saved(was_jpeg, program, smaller.shape[1] / picture.shape[1], quality, scale, first)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def jpeg(pixels: np.ndarray, quality: int, rng: np.random.Generator) -> np.ndarray:
    """A picture as libjpeg-turbo decodes it from a JPEG of a quality, 4:4:4 or 4:2:0."""
    coded = io.BytesIO()
    Image.fromarray(pixels).save(coded, "JPEG", quality=quality, subsampling=int(rng.choice([0, 2])))
    return np.asarray(Image.open(coded).convert("RGB"))


def _size(picture: np.ndarray, factor: float) -> tuple[int, int]:
    return round(picture.shape[1] * factor), round(picture.shape[0] * factor)


def _reduced(
    picture: np.ndarray,
    number: int,
    programs: Sequence[tuple[tuple[str, str], enlarged.Resize]],
    rng: np.random.Generator,
) -> tuple[str, np.ndarray, float]:
    (program, kernel), resize = programs[number % len(programs)]
    after = resize(picture, *_size(picture, float(rng.uniform(*FACTORS))))
    return f"{program} {kernel}", after, after.shape[1] / picture.shape[1]


def _rotated(
    picture: np.ndarray, number: int, programs: object, rng: np.random.Generator
) -> tuple[str, np.ndarray, float]:
    degrees = float(rng.uniform(*DEGREES) * rng.choice([-1, 1]))
    kernel = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR)[number % 2]
    turned = np.asarray(Image.fromarray(picture).rotate(degrees, kernel, expand=False))
    edge = int(np.ceil(max(turned.shape) / 2 * np.sin(np.radians(abs(degrees))))) + 2
    return f"Pillow {kernel.name.lower()}", np.ascontiguousarray(turned[edge:-edge, edge:-edge]), degrees


def _case(step: str, program: str, was_jpeg: bool, value: float, pixels: np.ndarray) -> Case:
    from forensics.verdict.analysis import analyze

    said = analyze(pixels, threads=1)
    traces = ("reduced_jpeg", "scaled_grid") if step == "reduced" else ("turned_grid",)
    read = next((one.value for name in traces for one in said.evidence if one.trace == name), None)
    return Case(step, program, was_jpeg, value, said.verdict, said.compressed, read)


def summary(cases: Sequence[Case]) -> list[dict[str, object]]:
    """A row by step and what was there before: shares of what is said, 0 to 1."""
    return [
        _row({"step": step, "before": "JPEG" if was_jpeg else "never compressed"}, some)
        for step in ("reduced", "rotated")
        for was_jpeg in (True, False)
        if (some := [c for c in cases if c.step == step and c.was_jpeg is was_jpeg])
    ]


def by_program(cases: Sequence[Case]) -> list[dict[str, object]]:
    """The JPEGs by step and program."""
    keys = dict.fromkeys((case.step, case.program) for case in cases)
    return [
        _row({"step": step, "program": program}, some)
        for step, program in keys
        if (some := [c for c in cases if (c.step, c.program) == (step, program) and c.was_jpeg])
    ]


def _row(start: dict[str, object], cases: Sequence[Case]) -> dict[str, object]:
    found = [case for case in cases if case.read is not None]
    return start | {
        "pictures": len(cases),
        "compressed is likelier": mean([case.compressed > 0.5 for case in cases]),
        "named JPEG": mean([case.verdict == "jpeg" for case in cases]),
        "another name": mean([case.misnamed for case in cases]),
        "uncompressed": mean([case.verdict == "uncompressed" for case in cases]),
        "scale or angle read": mean([case.read is not None for case in cases]),
        "right of those": mean([case.right for case in found]) if found else "-",
    }


def summary_saved(cases: Sequence[Saved]) -> list[dict[str, object]]:
    """A row by what was there before the reduction."""
    rows: list[dict[str, object]] = []
    for was_jpeg in (True, False):
        some = [case for case in cases if case.was_jpeg is was_jpeg]
        found = [case for case in some if case.scale is not None and case.first is not None]
        scales = [abs((case.scale or 0.0) / case.factor - 1) <= NEAR for case in found]
        qualities = [abs((case.first or 0.0) - case.quality) <= NEAR_QUALITY for case in found]
        rows.append({
            "before": "JPEG" if was_jpeg else "never compressed",
            "pictures": len(some),
            "a first JPEG found": mean([case.scale is not None for case in some]),
            "scale right of those": mean(scales) if found and was_jpeg else "-",
            "quality within 2 of those": mean(qualities) if found and was_jpeg else "-",
        })  # fmt: skip
    return rows
