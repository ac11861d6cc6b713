"""How often chains of two codecs are identified rightly: the last by the verdict, the one before by the estimators;
and how often one is seen that never was.

Every chain has a twin with the same preparation, last codec and strength, without the earlier codec.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from forensics_models.classes import family
from forensics_models.parameters import EARLIER, NO_EARLIER

from forensics.dataset import encode, sources
from forensics.dataset.encoders import available, class_of, encoder_for
from forensics.dataset.plan import Draw, Settings, plan
from forensics.dataset.preparation import Coded, Trim, apply
from forensics.errors import ForensicsError
from forensics.history import estimated
from forensics.history.generations import chain_of
from forensics.history.jpeg import recovery as jpeg
from forensics.history.traces.jpeg_table import jpeg_table
from forensics.history.traces.sample import draw_sample
from forensics.results.history import Generation
from forensics.verdict.analysis import analyze

SEED = 31
"""Seed of the chains that are drawn."""
PER_SOURCE = 4
"""Chains of each source picture."""
CLEAR_DB = 6
"""A last step that loses less than the first by this much leaves most of the first one's traces."""


@dataclass(frozen=True)
class Chain:
    """One picture judged: true classes (BPG and HEIC as their family, `none` where there was no earlier codec) and what
    was said.

    `finer_db` is by how much the last step lost less than the first, in dB of PSNR, negative where the first was the
    finer and NaN without one; `said_first` is empty where nothing was stated.
    """

    first: str
    last: str
    finer_db: float
    said_first: str
    said_last: str


def measure(folder: Path, names: Sequence[str], per_source: int = PER_SOURCE, seed: int = SEED) -> Iterator[Chain]:
    """Judge chains and their twins, made of sources of `folder`; what cannot be encoded is left out."""
    settings = Settings("chains", seed, per_source, available())
    for name in names:
        try:
            pixels = sources.load(folder / name)
        except (ForensicsError, OSError):
            continue
        for draw in plan(sources.describe(name, pixels, settings.shares), settings):
            for version in (draw, _without_first(draw)):
                try:
                    yield _judged(pixels, version)
                except ForensicsError:
                    continue


def _without_first(draw: Draw) -> Draw:
    return replace(draw, preparation=tuple(step for step in draw.preparation if not isinstance(step, (Coded, Trim))))


def _judged(source: np.ndarray, draw: Draw) -> Chain:
    job, reference = draw.jobs[0], encode.Reference(source, draw)
    _, decoded, _, _ = reference.encoded(encoder_for(job.encoder, job.fine_class), job)
    pixels = apply(job.after, decoded)
    analysis = analyze(pixels)
    named = family(analysis.best)
    said = _said_first(pixels, analysis.best) if named != "uncompressed" else ""
    coded = [step for step in draw.preparation if isinstance(step, Coded)]
    first = family(class_of(coded[0].fine_class)) if coded else NO_EARLIER
    finer = _finer_db(source, draw, reference.pixels, decoded) if coded else math.nan
    return Chain(first, family(class_of(job.fine_class)), finer, said, named)


def _said_first(pixels: np.ndarray, last: str) -> str:
    """The earlier codec that a history states, `none` where it sees none, empty where it states nothing."""
    estimate = next((p for p in estimated.estimate(pixels, last) if p.name == EARLIER), None)
    recovered = jpeg.recover(pixels, fixed_point=False) if last == "jpeg" else None
    chain, _ = chain_of(pixels, Generation(last, 1.0), recovered, estimate, (jpeg_table(draw_sample(pixels)),))
    if len(chain) > 1:
        return family(next((one.codec for one in chain if one.codec != last), last))
    return "" if estimate is None or estimate.value is None else NO_EARLIER


def _finer_db(source: np.ndarray, draw: Draw, between: np.ndarray, decoded: np.ndarray) -> float:
    """By how many dB the last codec changed the picture less than the first; a change of nothing counts as one of a
    millionth.
    """
    steps = list(draw.preparation)
    place = next(index for index, step in enumerate(steps) if isinstance(step, Coded))
    before = apply(steps[:place], source)
    after = steps[place].apply(before)
    return 10.0 * math.log10(max(_error(before, after), 1e-6) / max(_error(between, decoded), 1e-6))


def _error(first: np.ndarray, second: np.ndarray) -> float:
    if first.ndim != second.ndim:
        first, second = (np.repeat(x[:, :, None], 3, axis=2) if x.ndim == 2 else x for x in (first, second))
    return float(np.mean((first.astype(np.float64) - second) ** 2))


def summary(chains: Sequence[Chain]) -> list[Mapping[str, object]]:
    """A row a group: pictures; shares 0 to 1 of last right, first stated, first right among those, and both right."""
    groups = {
        "one codec": [c for c in chains if c.first == NO_EARLIER],
        "two codecs": [c for c in chains if c.first != NO_EARLIER],
        f"two codecs, the last finer by {CLEAR_DB} dB or more": [c for c in chains if c.finer_db >= CLEAR_DB],
        "two codecs, the last finer by less": [c for c in chains if 0 < c.finer_db < CLEAR_DB],
        "two codecs, the first finer": [c for c in chains if c.finer_db <= 0],
        "two different codecs, the last finer": [c for c in chains if c.first != c.last and c.finer_db > 0],
    }
    return [{"pictures made by": title, **_row(group)} for title, group in groups.items() if group]


def _row(group: Sequence[Chain]) -> dict[str, object]:
    stated = [c for c in group if c.said_first]
    return {
        "count": len(group),
        "last right": float(np.mean([c.said_last == c.last for c in group])),
        "first stated": len(stated) / len(group),
        "right of those": float(np.mean([c.said_first == c.first for c in stated])) if stated else float("nan"),
        "both right": float(np.mean([c.said_last == c.last and c.said_first == c.first for c in group])),
        "an earlier codec named": float(np.mean([c.said_first not in ("", NO_EARLIER) for c in group])),
    }
