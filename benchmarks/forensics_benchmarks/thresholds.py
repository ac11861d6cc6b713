"""What decides where a threshold lies: its answers at its value and at others, on pictures whose truth is known.

    python -m forensics_benchmarks.thresholds SOURCES [--only WORD ...] [--pictures N] [--seed S]

Every row of `THRESHOLDS` names a number of the program, other values of it and a set of pictures
(`threshold_pictures`). The number is set to each value in turn, the same pictures are read again, and each answer
counts as right, open or wrong. JSON lines go to standard output, one a threshold and value. SOURCES is a folder of
validation sources: numbers are chosen there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from forensics_benchmarks.threshold_examples import Example, Read
from forensics_benchmarks.threshold_pictures import SETS

OUTCOMES = ("right", "open", "wrong")
"""What becomes of a question."""
_JPEG, _JPEG2000, _JPEGXR = (f"forensics.history.{folder}" for folder in ("jpeg", "jpeg2000", "jpegxr"))
_FEATURES = "forensics_features"
_COMPARISON, _RECONSTRUCTION = "forensics.comparison", "forensics.reconstruction"


class Threshold(NamedTuple):
    """A number at the top of a module, other values of it, and the pictures on which it decides something."""

    module: str
    name: str
    others: tuple[Any, ...]
    pictures: str


THRESHOLDS = (
    Threshold(f"{_JPEG}.chroma", "_NOISE_LEVELS", (np.full(6, 12.0**-0.5),), "chroma"),
    Threshold(f"{_JPEG}.chroma", "_LEAST_RANGE", (2, 8), "chroma"),
    Threshold(f"{_JPEG}.chroma", "_FEWEST_SQUARES", (2, 8), "small chroma"),
    Threshold(
        f"{_JPEG}.chroma", "_PRIOR", ({"4:4:4": 0.25, "4:2:2": 0.25, "4:4:0": 0.25, "4:2:0": 0.25},), "weighed chroma"
    ),
    Threshold(
        f"{_JPEG}.chroma", "_DECODERS", ({"": 1.0, "triangle": 0.33, "repeat": 0.33, "scaled": 0.33},), "weighed chroma"
    ),
    Threshold(f"{_JPEG}.chroma", "_TEMPER", (0.0, 0.06, 0.12, 0.5, 1.0), "weighed chroma"),
    Threshold(f"{_JPEG}.chroma", "_FREEDOM", (1.0, 2.0, 8.0, 16.0), "weighed chroma"),
    Threshold(f"{_JPEG}.chroma", "_ENOUGH_SQUARES", (10, 20, 80, 160), "weighed chroma"),
    Threshold(f"{_JPEG}.chroma", "_MOST_SURPRISE", (30.0, 1000.0), "chroma"),
    Threshold(
        f"{_JPEG}.chroma",
        "_HIGHEST",
        (
            {"triangle": 1.2, "repeat": 0.005, "scaled": 1.2},
            {"triangle": 2.4, "repeat": 0.05, "scaled": 2.4},
        ),
        "chroma",
    ),
    Threshold(f"{_JPEG}.chroma", "_MOST_NESTED", (0.0, 5.0, 50.0), "weighed chroma"),
    Threshold(f"{_JPEG}.comb", "_WIDE_ZERO_CELL", (1.2, 2.4), "jpeg"),
    Threshold(f"{_JPEG}.comb", "_OUTLIERS", (0.005, 0.08), "jpeg"),
    Threshold(f"{_JPEG}.recovery", "_RGB_FACTOR", (1.0, 1.2), "jpeg"),
    Threshold(f"{_JPEG}.recovery", "_RGB_MARGIN", (0.0, 30.0), "jpeg"),
    Threshold(f"{_JPEG}.steps", "_DEVIATION", (0.005, 0.08), "jpeg"),
    Threshold(f"{_JPEG}.steps", "_WHOLE_QUALITY_WEIGHT", (1.0, 100.0), "jpeg"),
    Threshold(f"{_JPEG}.steps", "_FEWEST_AT_ONE", (2, 18), "fine jpeg"),
    Threshold(f"{_JPEG}.double", "_NOISE_FROM_STEP", (3, 8), "twice"),
    Threshold(f"{_JPEG}.double", "_FEWEST_RESIDUALS", (50, 800), "twice"),
    Threshold(f"{_JPEG}.double_aligned", "LARGEST_FIRST_STEP", (64, 255), "twice"),
    Threshold(f"{_JPEG}.double_aligned", "MOST_OF_ONE", (8.0, 1000.0), "twice"),
    Threshold(f"{_JPEG}.double_aligned", "_FEWEST", (10, 100), "twice"),
    Threshold(f"{_JPEG}.possible_blocks", "_LEAST_BLOCKS", (4, 36), "blocks"),
    Threshold(f"{_JPEG2000}.recovery", "_SAME_FIT", (0.02, 0.05, 0.2), "jpeg 2000"),
    Threshold(f"{_JPEG2000}.recovery", "_PLANES_NEEDED", (1, 2, 4, 5), "jpeg 2000"),
    Threshold(f"{_JPEG2000}.steps", "_FITS", (0.05, 0.1, 0.4), "jpeg 2000"),
    Threshold(f"{_JPEG2000}.steps", "_SURE_OF_PLANES", (0.9, 0.94, 0.99), "jpeg 2000"),
    Threshold(f"{_JPEG2000}.tiles", "_LEAST_DIP", (0.0, 0.2), "tiles"),
    Threshold(f"{_JPEG2000}.tiles", "_LEAST_TILE", (8, 64), "tiles"),
    Threshold(f"{_JPEGXR}.recovery", "_SURE", (3.0, 12.0), "jpeg xr"),
    Threshold(f"{_JPEGXR}.recovery", "_CHROMA_FOUND", (3.0, 12.0), "jpeg xr"),
    Threshold(f"{_JPEGXR}.lattice", "_ENOUGH", (6, 24), "jpeg xr"),
    Threshold(f"{_JPEGXR}.lattice", "_FITS", (0.15, 0.45), "jpeg xr"),
    Threshold(f"{_JPEGXR}.lattice", "_FINE_STEP", (3.0, 6.5), "jpeg xr"),
    Threshold(f"{_JPEGXR}.lattice", "_FINEST_DC", (0.5, 4.0), "jpeg xr"),
    Threshold(f"{_JPEGXR}.lattice", "_OTHER_STEPS", ((0.7, 1.3), (0.97, 1.03)), "jpeg xr"),
    Threshold(f"{_FEATURES}.enlargement_axes", "_CLOSE", (0.4, 0.8, 1.0), "enlarged"),
    Threshold(f"{_FEATURES}.enlargement_axes", "NEARBY", (6, 24), "enlarged"),
    Threshold(f"{_FEATURES}.enlargement_settled", "_ROUNDED_FROM", (1.1, 1.6, 3.0), "enlarged"),
    Threshold(f"{_FEATURES}.enlargement_settled", "_UNROUNDED_UP_TO", (1.0, 1.2), "enlarged"),
    Threshold(f"{_FEATURES}.enlargement_settled", "_RARE", (1.0, 1.15, 1.5), "enlarged"),
    Threshold(f"{_FEATURES}.block_texture", "_OFF_LATTICE", (0.0, 0.001, 0.05), "textures"),
    Threshold(f"{_FEATURES}.tone_curve", "_SURROUNDINGS", (2.0, 3.0, 6.0), "tones"),
    Threshold(f"{_FEATURES}.tone_curve", "_REACH", (8, 32), "tones"),
    Threshold("forensics.history.traces.jpeg_table", "_LEAST_STEP", (1, 6), "tables"),
    Threshold("forensics.history.traces.phase_comb", "_SMOOTHING", (9, 15, 63), "combs"),
    Threshold("forensics.processes.jpeg_ls_near", "_LEAST_PAIRS", (250, 500, 2000, 4000), "jpeg-ls"),
    Threshold("forensics.processes.jpeg_ls_near", "_BY_VALUE", (1.0, 1.1, 1.5, 2.0), "jpeg-ls"),
    Threshold("forensics.processes.lerc", "_LEVELS", (0.6, 0.8, 0.97, 1.0), "lerc"),
    Threshold("forensics.processes.wsq", "_LEAST_SIDE", (48, 64, 128), "wsq"),
    Threshold("forensics.history.recoding.coder", "_LEAST_DEVIATION", (0.0, 4.0, 8.0), "indices"),
    Threshold("forensics.windows.choice", "_PLACES", (1, 12), "whole"),
    Threshold("forensics.windows.choice", "_TEXTURE_CAP", (4.0, 16.0), "whole"),
    Threshold("forensics.comparison.registration", "_LEAST_OVERLAP", (0.0, 0.2), "registered"),
    Threshold("forensics.comparison.relations", "_MANY_COEFFICIENTS", (20, 800), "relations"),
    Threshold(f"{_COMPARISON}.compare", "_LIKELY", (0.02, 0.15), "copies"),
    Threshold(f"{_COMPARISON}.tones", "_FEWEST_PIXELS", (5, 80), "copies"),
    Threshold(f"{_COMPARISON}.tones", "MOVED", (1.5, 4.0), "copies"),
    Threshold(f"{_COMPARISON}.detail", "_TELLING", (0.16666666666666666, 0.6666666666666666), "copies"),
    Threshold(f"{_COMPARISON}.detail", "_FEWEST", (5, 80), "copies"),
    Threshold(f"{_COMPARISON}.relations", "_HELD", (0.8, 0.95), "copies"),
    Threshold(f"{_COMPARISON}.relations", "_ALIKE", (0.3, 0.7), "copies"),
    Threshold(f"{_COMPARISON}.relations", "_KERNEL_ERROR", (0.6, 2.4), "copies"),
    Threshold(f"{_COMPARISON}.relations", "_LEVEL_SPREAD", (0.005, 0.08), "copies"),
    Threshold(f"{_COMPARISON}.relations", "_CURVE", (0.0001, 0.01), "copies"),
    Threshold(f"{_COMPARISON}.relations", "_RECODED", (0.25, 0.75), "copies"),
    Threshold(f"{_COMPARISON}.relations", "_GREY_OFF", (6.0, 24.0), "copies"),
    Threshold(f"{_RECONSTRUCTION}.choice", "_CLEAR", (0.9, 0.999), "given back"),
    Threshold(f"{_RECONSTRUCTION}.choice", "_UNEXPLAINED", (0.01, 0.04), "given back"),
    Threshold(f"{_RECONSTRUCTION}.choice", "_AS_GOOD", (0.005, 0.08), "given back"),
    Threshold(f"{_RECONSTRUCTION}.choice", "_NEARLY", (0.5, 0.99), "given back"),
    Threshold(f"{_RECONSTRUCTION}.choice", "_BETTER", (0.0, 0.2), "given back"),
    Threshold(f"{_RECONSTRUCTION}.choice", "_IN_SUBSTANCE", (0.1, 0.8), "given back"),
    Threshold(f"{_RECONSTRUCTION}.whole_samples", "_DRAWS", (300, 6000), "fine given back"),
    Threshold(f"{_RECONSTRUCTION}.whole_samples", "_TENURE", (2, 18), "fine given back"),
    Threshold(f"{_RECONSTRUCTION}.finest", "_LEAST", (0.65, 0.95), "fine given back"),
    Threshold(f"{_RECONSTRUCTION}.finest", "_MARGIN", (0.0, 0.3), "fine given back"),
    Threshold(f"{_RECONSTRUCTION}.tables", "_MOSTLY_ONES", (0.1, 0.9), "fine given back"),
    Threshold(f"{_RECONSTRUCTION}.reconstruct", "_WORTH_A_LOOK", (0.0, 0.01), "given back"),
    Threshold(f"{_RECONSTRUCTION}.reconstruct", "MINIMUM_SHARE", (0.01, 0.2), "given back"),
    Threshold(f"{_RECONSTRUCTION}.standard", "_FEWEST", (16, 64), "given back"),
    Threshold(f"{_RECONSTRUCTION}.tables", "_STRAY", (-6.9, -3.0), "given back"),
    Threshold(f"{_RECONSTRUCTION}.tables", "_CLEARLY", (1.5, 6.0), "given back"),
    Threshold(f"{_RECONSTRUCTION}.sampled", "_MOST_CLIPPED", (0.1, 0.5), "given back"),
    Threshold(f"{_RECONSTRUCTION}.table_refinement", "_DOUBTFUL", (0.3, 3.0), "given back"),
    Threshold(f"{_RECONSTRUCTION}.table_refinement", "_FINER", (0.03, 0.3), "given back"),
    Threshold(f"{_RECONSTRUCTION}.table_refinement", "_HOPELESS", (0.005, 0.08), "given back"),
    Threshold(f"{_RECONSTRUCTION}.table_refinement", "_OF_ITS_OWN", (1, 10), "given back"),
    Threshold(f"{_RECONSTRUCTION}.table_refinement", "_MANY_LEFT", (0.03, 0.3), "given back"),
    Threshold(f"{_RECONSTRUCTION}.table_refinement", "_GLANCE", (64, 1024), "given back"),
    Threshold(f"{_RECONSTRUCTION}.table_refinement", "_LOWEST_QUALITY", (25, 80), "given back"),
    Threshold(
        "forensics.dataset.earlier_compression",
        "_FREQUENCIES",
        (
            ((0, 1), (1, 0), (1, 1)),
            tuple((row, column) for row in range(6) for column in range(6 - row) if row + column),
        ),
        "earlier",
    ),
)
"""Thresholds that no paper, clause or arithmetic gives, and what they are tried with."""


@contextmanager
def set_to(module: str, name: str, value: object) -> Iterator[None]:
    """A module's number set to a value, for as long as the block runs; tables made from it are made anew."""
    home = import_module(module)
    before = getattr(home, name)
    holders = [home]
    if not name.startswith("_"):
        ours = [one for key, one in list(sys.modules.items()) if key.startswith(("forensics.", _FEATURES))]
        holders += [one for one in ours if one is not home and vars(one).get(name) is before]
    try:
        for holder in holders:
            setattr(holder, name, value)
        _forget(module)
        yield
    finally:
        for holder in holders:
            setattr(holder, name, before)
        _forget(module)


def _forget(module: str) -> None:
    """Empties the module's own caches, which hold tables made from its numbers."""
    for member in list(vars(import_module(module)).values()):
        if callable(getattr(member, "cache_clear", None)) and member.__module__ == module:
            member.cache_clear()


def counted(examples: Sequence[Example], read: Read) -> dict[str, dict[str, int]]:
    """By question, how many answers are right, open and wrong; questions `NAME #NUMBER` count together."""
    found: dict[str, Counter[str]] = {}
    for example in examples:
        for question, outcome in read(example).items():
            found.setdefault(question.partition(" #")[0], Counter())[outcome] += 1
    return {question: {outcome: counts[outcome] for outcome in OUTCOMES} for question, counts in found.items()}


def measure(
    sources: Sequence[np.ndarray], pictures: int, seed: int, thresholds: Sequence[Threshold] = THRESHOLDS
) -> Iterator[dict[str, object]]:
    """A row for each threshold at its own value and at each other one.

    Parameters
    ----------
    sources : sequence of np.ndarray [shape=(height, width, 3), dtype=uint8]
    pictures : int
        How many of each set.
    seed : int
    thresholds : sequence of Threshold

    Yields
    ------
    dict
        `threshold`, `value`, `pictures` (the set), and by question the counts of `OUTCOMES`.
    """
    made: dict[str, list[Example]] = {}
    as_is: dict[str, dict[str, dict[str, int]]] = {}
    for one in sorted(thresholds, key=lambda threshold: threshold.pictures):
        make, read = SETS[one.pictures]
        if one.pictures not in made:
            made[one.pictures] = list(make(sources, pictures, np.random.default_rng(seed)))
            as_is[one.pictures] = counted(made[one.pictures], read)
        name = f"{one.module}.{one.name}"
        own = getattr(import_module(one.module), one.name)
        yield {"threshold": name, "value": _plain(own), "pictures": one.pictures, **as_is[one.pictures]}
        for value in one.others:
            with set_to(one.module, one.name, value):
                rows = counted(made[one.pictures], read)
            yield {"threshold": name, "value": _plain(value), "pictures": one.pictures, **rows}


def _plain(value: Any) -> object:
    return [round(float(one), 3) for one in value] if isinstance(value, np.ndarray) else value


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    from PIL import Image

    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("--only", nargs="+", default=[""], help="words of which a threshold's name or set holds one")
    parser.add_argument("--pictures", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    sources = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(given.sources.glob("*.png"))]
    chosen = [one for one in THRESHOLDS if any(w in f"{one.module}.{one.name} {one.pictures}" for w in given.only)]
    for row in measure(sources, given.pictures, given.seed, chosen):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
