"""What is made of each source: a seeded, deterministic list of jobs.

A plan is a list of draws; a draw is one prepared picture (crop, resizing, camera, ...) and the jobs that encode it. The
plan of a source depends on its pixels' hash, the suite, the seed and the encoders alone: not on other sources, the
order of work or the number of processes. Every job has an id made from all that defines its file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from forensics_models.classes import FINE_CLASSES, PROCESSES

from forensics.codecs.base import Value
from forensics.dataset import grids, random_afterwards, random_preparation, recipes
from forensics.dataset.encoders import encoder_for
from forensics.dataset.preparation import Coded, Crop, Resize, Step, Trim, Turn, to_json
from forensics.dataset.random_afterwards import draw_afterwards, draw_kind, draw_untouched
from forensics.dataset.random_preparation import draw_after, draw_preparation, draw_shift
from forensics.dataset.sources import SHARES, Source
from forensics.errors import UsageError

SUITES = ("random", "grid", "kib", "quick", "chains", "processed", "processes", "untouched")
"""Continuous random strengths for training; the full grid; the published file-size grid; a small sample; two codecs one
after the other; steps after decoding; lossy processes beyond the codecs; kinds of untouched pictures."""

GRIDS = ("grid", "kib")
"""Suites of fixed cells, which no recipe decides."""

TARGETS = ("stored", "parameter", "ratio", "ssim", "max-kib")
"""Kinds of targets: stored losslessly; the codec's own parameter; raw over file bytes; SSIM; largest file size in KiB.
"""


PLAN_VERSION = 2
"""Raised when the same constants come to give other jobs."""


def fingerprint(suite: str) -> str:
    """A short hash of everything that a suite's plans are made from: the constants of random preparations, and of grids
    or of recipes.
    """
    modules = [grids if suite in GRIDS else recipes, random_preparation]
    if suite in ("processed", "processes", "untouched"):
        modules.append(random_afterwards)
    constants = {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_")
    }
    content = [PLAN_VERSION, sorted((name, repr(value)) for name, value in constants.items())]
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Settings:
    """What a build was asked for; two builds into one folder must agree on all of it.

    `encoders` maps every available encoder that may be used to its library and version, in registry order; `recipe`
    stands for the suite's weights or grids, and follows from it, so that a data set is never continued by other ones.
    """

    suite: str
    seed: int
    per_source: int
    encoders: Mapping[str, str]
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    synthetic: int = 0
    recipe: str = field(init=False)

    def __post_init__(self) -> None:
        if self.suite not in SUITES:
            raise UsageError(f"a suite is one of {', '.join(SUITES)}, not {self.suite!r}")
        if self.per_source < 1:
            raise UsageError(f"at least one draw a source, not {self.per_source}")
        if self.seed < 0 or self.synthetic < 0:
            raise UsageError("the seed and the number of synthetic pictures are not negative")
        object.__setattr__(self, "recipe", fingerprint(self.suite))


@dataclass(frozen=True)
class Job:
    """One file to make: what to encode with, how strongly, and the steps a reader applies to the decoded picture.

    `target` is in the unit of its kind: nothing, the parameter's value, a ratio, an SSIM, or KiB at 512x512 pixels, for
    which `target_bytes` is the limit at this picture's size.
    """

    id: str
    variant: str
    fine_class: str
    encoder: str
    switches: Mapping[str, Value]
    target_kind: str
    target: float
    target_bytes: int = 0
    after: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Draw:
    """One prepared picture and the jobs on it; `kind` names the preparation in a word."""

    number: int
    kind: str
    preparation: tuple[Step, ...]
    jobs: tuple[Job, ...]


def plan(source: Source, settings: Settings) -> list[Draw]:
    """All draws of a source; empty for a picture that is too small for the suite."""
    if settings.suite in ("random", "quick"):
        return _random(source, settings)
    if settings.suite in _SEEDED:
        return _SEEDED[settings.suite](source, settings)
    return _full_grid(source, settings) if settings.suite == "grid" else _kib(source, settings)


def generator(source: Source, settings: Settings, *purpose: int) -> np.random.Generator:
    """The random numbers of one purpose for one source: independent of every other source and purpose."""
    return np.random.default_rng([settings.seed, int(source.sha256[:15], 16), *purpose])


def _draw(
    source: Source, settings: Settings, number: int, kind: str, steps: list[Step], jobs: list[dict[str, Any]]
) -> Draw:
    """A draw whose jobs carry ids."""
    preparation = json.dumps(to_json(steps), sort_keys=True)
    made = []
    for job in jobs:
        content = {**job, "after": to_json(job.get("after", ()))}
        identity = [source.sha256, settings.suite, settings.seed, number, preparation, content]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        made.append(Job(id=digest[:16], **job))
    return Draw(number, kind, tuple(steps), tuple(made))


def _stored(variant: str) -> dict[str, Any]:
    return {
        "variant": variant, "fine_class": "uncompressed", "encoder": "png", "switches": {},
        "target_kind": "stored", "target": 0.0,
    }  # fmt: skip


def _random(source: Source, settings: Settings) -> list[Draw]:
    """Draws in groups: one preparation with every class on it, and others that are kept uncompressed alone."""
    limits = recipes.RANDOM_SIDES if settings.suite == "random" else recipes.QUICK_SIDES
    if min(source.width, source.height) < limits[0]:
        return []
    draws = []
    alone = recipes.UNCOMPRESSED_ALONE if settings.suite == "random" else 0
    for group in range(settings.per_source):
        kind, steps = draw_preparation(source, limits, generator(source, settings, group, 0))
        jobs = [_stored("random")]
        for index, fine_class in enumerate(FINE_CLASSES[1:], start=1):
            job = _random_job(fine_class, settings, generator(source, settings, group, index))
            jobs.extend([job] if job else [])
        draws.append(_draw(source, settings, group * (1 + alone), kind, _fitting(steps, jobs), jobs))
        for other in range(1, alone + 1):
            numbers = generator(source, settings, group, len(FINE_CLASSES) + other - 1)
            kind, steps = draw_preparation(source, limits, numbers)
            draws.append(_draw(source, settings, group * (1 + alone) + other, kind, steps, [_stored("random-extra")]))
    return draws


def _random_job(fine_class: str, settings: Settings, numbers: np.random.Generator) -> dict[str, Any] | None:
    """A random encoder, switches, strength and after-step for one class, or None when it has no encoder here."""
    chosen = recipes.draw_encoder(fine_class, settings.encoders, numbers)
    if chosen is None:
        return None
    encoder, switches = chosen
    if settings.suite == "quick":
        kind, target = "ratio", float(numbers.choice([6.0, 12.0, 24.0, 48.0]))
    else:
        kind, target = recipes.draw_target(fine_class, encoder, switches, numbers)
    return {
        "variant": settings.suite, "fine_class": fine_class, "encoder": encoder, "switches": switches,
        "target_kind": kind, "target": target, "after": draw_after(numbers),
    }  # fmt: skip


def _chains(source: Source, settings: Settings) -> list[Draw]:
    """Draws of one file each: a preparation that ends with an earlier codec, half the time a crop off its grid, then
    the last codec.
    """
    if min(source.width, source.height) < recipes.RANDOM_SIDES[0]:
        return []
    draws = []
    for number in range(settings.per_source):
        numbers = generator(source, settings, number, 0)
        kind, steps = draw_preparation(source, recipes.RANDOM_SIDES, numbers)
        first, last = (FINE_CLASSES[1 + int(place)] for place in numbers.integers(len(FINE_CLASSES) - 1, size=2))
        coding = recipes.draw_coding(first, settings.encoders, numbers)
        job = _random_job(last, settings, generator(source, settings, number, 1))
        if coding is None or job is None:
            continue
        chain = [*steps, Coded(first, *coding), *draw_shift(numbers)]
        draws.append(_draw(source, settings, number, kind, _fitting(chain, [job]), [job]))
    return draws


def _processed(source: Source, settings: Settings) -> list[Draw]:
    """A preparation a draw, on it every class, each as decoded and after three kinds of steps that are drawn for it."""
    if min(source.width, source.height) < recipes.PROCESSED_SIDES[0]:
        return []
    draws = []
    for number in range(settings.per_source):
        numbers = generator(source, settings, number, 0)
        kind, steps = draw_preparation(source, recipes.PROCESSED_SIDES, numbers)
        jobs = []
        for index, fine_class in enumerate(FINE_CLASSES):
            numbers = generator(source, settings, number, index + 1)
            coding = _coded_job(fine_class, settings, numbers)
            if coding is not None:
                jobs += [
                    {**coding, "after": draw_afterwards(after, numbers)}
                    for after in ("nothing", *(draw_kind(numbers) for _ in range(3)))
                ]
        draws.append(_draw(source, settings, number, kind, _fitting(steps, jobs), jobs))
    return draws


def _coded_job(fine_class: str, settings: Settings, numbers: np.random.Generator) -> dict[str, Any] | None:
    """A job at a drawn strength parameter, for what is changed after decoding; None where the class has no encoder
    here.
    """
    if fine_class == "uncompressed":
        return _stored(settings.suite)
    coding = recipes.draw_coding(fine_class, settings.encoders, numbers)
    if coding is None:
        return None
    encoder, switches = coding
    parameter = encoder_for(encoder, fine_class).strength.parameter
    strength = float(switches.pop(parameter))
    return {
        "variant": settings.suite, "fine_class": fine_class, "encoder": encoder, "switches": switches,
        "target_kind": "parameter", "target": strength,
    }  # fmt: skip


def _processes(source: Source, settings: Settings) -> list[Draw]:
    """A preparation a draw, on it every process beyond the codecs, a quarter of them with steps after decoding."""
    if min(source.width, source.height) < recipes.PROCESSED_SIDES[0]:
        return []
    draws = []
    for number in range(settings.per_source):
        kind, steps = draw_preparation(source, recipes.PROCESSED_SIDES, generator(source, settings, number, 0))
        jobs = []
        for index, process in enumerate((*PROCESSES, *("other-lossy",) * 3)):
            numbers = generator(source, settings, number, index + 1)
            coding = _coded_job(process, settings, numbers)
            if coding is None:
                continue
            after = draw_kind(numbers) if numbers.random() < 0.25 else "nothing"
            jobs.append({**coding, "variant": f"processes-{index}", "after": draw_afterwards(after, numbers)})
        draws.append(_draw(source, settings, number, kind, _fitting(steps, jobs), jobs))
    return draws


_PLAIN_EVERY = 4
"""Of so many draws of the suite `untouched` one is a part of the source as it is: what people hold most."""


def _untouched(source: Source, settings: Settings) -> list[Draw]:
    """Draws of one stored picture each, `per_source` of them a source: one in `_PLAIN_EVERY` a part of it as it is,
    between them every kind of untouched picture in turn, the start drawn.
    """
    kinds = [kind for kind in random_afterwards.UNTOUCHED if kind != "plain"]
    start = int(generator(source, settings, 0).integers(len(kinds)))
    draws = []
    for number in range(settings.per_source):
        kind = "plain" if number % _PLAIN_EVERY == 0 else kinds[(start + number) % len(kinds)]
        steps = draw_untouched(kind, source.height, source.width, generator(source, settings, number, 1))
        draws.append(_draw(source, settings, number, kind, steps, [_stored("untouched")]))
    return draws


_SEEDED = {"chains": _chains, "processed": _processed, "processes": _processes, "untouched": _untouched}


_ENCODED_BY = ("fine_class", "encoder", "switches", "target_kind", "target")


def _full_grid(source: Source, settings: Settings) -> list[Draw]:
    """A plain draw with all variants, and `per_source` prepared ones with the default encoders."""
    if min(source.width, source.height) < grids.SIDES[0]:
        return []
    draws = []
    for variant in grids.chosen_preparations(settings.per_source, generator(source, settings, 0)):
        number = grids.PREPARATIONS.index(variant)
        steps = grids.prepare(variant, source, generator(source, settings, 1, number))
        height, width = _size_after(steps)
        jobs = [_stored("default")]
        for cell in grids.cells(variant, settings.encoders, height, width):
            jobs += [_cell_job(cell, "ratio", ratio) for ratio in grids.RATIOS]
            if cell.variant == "default":
                jobs += [_cell_job(cell, "ssim", level) for level in grids.SSIMS]
        # Jobs that differ in their after-steps alone come one behind the other, so that one encode serves them all.
        jobs.sort(key=lambda job: json.dumps([job[k] for k in _ENCODED_BY], sort_keys=True))
        draws.append(_draw(source, settings, number, variant, steps, jobs))
    return draws


_SIDEWAYS = ("rotate90", "rotate270", "transpose")
"""Turns that swap height and width."""


def _size_after(steps: list[Step]) -> tuple[int, int]:
    """Height and width that a preparation leaves; one of its steps sets them."""
    height = width = 0
    for step in steps:
        if isinstance(step, (Crop, Resize)):
            height, width = step.height, step.width
        elif isinstance(step, Trim):
            height, width = height - step.top, width - step.left
        elif isinstance(step, Turn) and step.how in _SIDEWAYS:
            height, width = width, height
    return height, width


def _fitting(steps: list[Step], jobs: list[dict[str, Any]]) -> list[Step]:
    """The preparation with a last crop to even sides where a job's encoder takes no others."""
    height, width = _size_after(steps)
    if (height % 2 or width % 2) and any(recipes.only_even(job["switches"]) for job in jobs):
        return [*steps, Crop(0, 0, height // 2 * 2, width // 2 * 2)]
    return steps


def _cell_job(cell: grids.Cell, kind: str, target: float, target_bytes: int = 0) -> dict[str, Any]:
    return {
        "variant": cell.variant, "fine_class": cell.fine_class, "encoder": cell.encoder,
        "switches": dict(cell.switches), "target_kind": kind, "target": target,
        "target_bytes": target_bytes, "after": cell.after,
    }  # fmt: skip


def _kib(source: Source, settings: Settings) -> list[Draw]:
    """The central 512x512 pixels, or what there is, in ten classes at twelve file sizes; byte targets go by area."""
    crop = grids.centre_crop(source, 512)
    jobs = []
    for cell in grids.default_cells(settings.encoders):
        for kib in grids.KIB:
            limit = kib * 1024 * crop.height * crop.width // 512**2
            jobs.append(_cell_job(cell, "max-kib", float(kib), limit))
    return [_draw(source, settings, 0, "centre-crop", [crop], jobs)]
