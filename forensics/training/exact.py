"""From validation sources to the judge of exact readings: codes crops by every codec, reads them, and counts.

Each source gives a crop of a drawn size. It is read as it is, coded by each codec at a drawn strength and cut at any
phase, and coded by JPEG first and another codec then: a former JPEG must not pass for the last step. Synthetic
pictures (flat, drawn, text) stand next to the photographs, of which half are stretched until samples are cut.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.errors import ForensicsError, UsageError
from forensics.history.readings import OWN, READINGS, central

if TYPE_CHECKING:
    from forensics_models.exact_judge import Table

SIDES = (96, 128, 192, 256, 320)
"""Sides of the crops that are coded, in pixels."""
_CODECS = ("jpeg", "jpeg2000", "jpegxr", "webp", "avif", "heic", "jpegxl")
_STRENGTHS = {
    "jpeg": ("quality", 50, 98), "jpeg2000": ("ratio", 3, 40), "jpegxr": ("level", 0.5, 0.97),
    "webp": ("quality", 40, 95),
    "avif": ("quality", 30, 95), "heic": ("quality", 30, 95), "jpegxl": ("distance", 0.4, 4),
}  # fmt: skip
"""What is drawn: the parameter and its ends, ratios and distances evenly in their logarithm."""
_MARGIN = 16
"""Pixels by which a picture is larger than what is cut from it, so that every phase of a grid of 16 occurs."""
_SYNTHETIC_EVERY, _JPEG_BEFORE = 3, 0.3
"""One picture in so many is synthetic, and the share of pictures of other codecs that were JPEG before."""
_LEAST_RANGE = 16
"""Levels to which at least the levels of a stretched picture are apart: nothing is stretched more than 16 times."""
Values = dict[str, dict[bool, list[tuple[float, int]]]]
"""By test, with its codec and without: values, and pixels of the part that was read."""


def fit_exact(
    sources: Path,
    out: Path,
    *,
    count: int,
    seed: int,
    tests: Sequence[str] = tuple(READINGS),
    progress: Callable[[str, int, int], None] = lambda title, done, total: None,
) -> dict[str, Any]:
    """Fit the tables and write them; returns the card.

    Parameters
    ----------
    sources : Path
        Folder of sources with a sub-folder `val`, whose pictures alone are used.
    out : Path
    count : int
        Crops; each gives a picture of every codec and one of none.
    seed : int
    tests : sequence of str
        What is fitted, names of `READINGS`; tables of the others are the shipped ones, and the card says so.
    progress : callable

    Raises
    ------
    UsageError
        There is no source of the split val.
    """
    from forensics_models.exact_judge import ExactJudge, write

    from forensics.version import __version__

    values: Values = {name: defaultdict(list) for name in tests}
    files = _sources(sources)
    for done, (process, pixels) in enumerate(_pictures(files, count, seed)):
        read_into(values, process, pixels, done)
        progress("pictures", done + 1, count * (len(_CODECS) + 1))
    fitted = {
        "split": "val", "sources": len(files), "crops": count, "seed": seed, "forensics": __version__,
        "command": f"forensics train exact SOURCES --out DIR --crops {count} --seed {seed}"
        + "".join(f" --test {name}" for name in tests if len(tests) < len(READINGS)),
    }  # fmt: skip
    tables, card = fit_tables(values), {"model": "exact readings", **fitted}
    if len(tests) < len(READINGS):
        shipped = ExactJudge.shipped()
        tables = {**shipped.tables, **tables}
        card = {**shipped.card, "refitted": {**shipped.card.get("refitted", {}), **dict.fromkeys(tests, fitted)}}
    write(out, tables, card)
    return {**card, "tables": tables}


def read_into(values: Values, process: str, pixels: np.ndarray, number: int) -> None:
    """Add what the tests of `values` read in a picture; VP8's, the dearest, in every second picture without VP8."""
    part = central(pixels)
    for name, sides in values.items():
        if name != "vp8" or number % 2 == 0 or process == "webp":
            sides[process in OWN[name]].append((READINGS[name](part).value, part.shape[0] * part.shape[1]))


def fit_tables(values: Values) -> dict[str, Table]:
    """The table of each test from its values."""
    from forensics_models.exact_judge import fit_table

    tables = {}
    for name, sides in values.items():
        own, others = (np.array(sides[side], np.float64).reshape(-1, 2) for side in (True, False))
        tables[name] = fit_table(own[:, 0], own[:, 1], others[:, 0], others[:, 1])
    return tables


def _sources(folder: Path) -> list[Path]:
    from forensics.dataset.sources import of_split

    found = [folder / name for name in of_split(folder, "val")]
    if not found:
        raise UsageError(f"{folder} holds no sources of the split val")
    return found


def _pictures(files: list[Path], count: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """The pictures that are read, each with the process that was its last."""
    from forensics.dataset.sources import load

    for number in range(count):
        numbers = np.random.default_rng([seed, number])
        side = int(numbers.choice(SIDES)) + _MARGIN
        crop = (
            _synthetic(number, side, seed)
            if number % _SYNTHETIC_EVERY == 2
            else _crop(load(files[number % len(files)]), side, numbers)
        )
        if number % _SYNTHETIC_EVERY == 1:
            crop = _cut(crop, numbers)
        top, left = (int(numbers.integers(_MARGIN + 1)) for _ in range(2))
        inner = np.s_[top : top + side - _MARGIN, left : left + side - _MARGIN]
        yield "uncompressed", np.ascontiguousarray(crop[inner])
        for codec in _CODECS:
            before = crop if codec == "jpeg" or numbers.random() >= _JPEG_BEFORE else _coded("jpeg", crop, numbers)
            try:
                yield codec, np.ascontiguousarray(_coded(codec, before, numbers)[inner])
            except ForensicsError:
                continue  # a codec that is missing here, or cannot reach the strength


def _synthetic(number: int, side: int, seed: int) -> np.ndarray:
    from forensics.dataset.synthetic import KINDS, synthesise

    return synthesise(list(KINDS)[number // _SYNTHETIC_EVERY % len(KINDS)], side, side, seed + number)


def _crop(pixels: np.ndarray, side: int, numbers: np.random.Generator) -> np.ndarray:
    pixels = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    top, left = (int(numbers.integers(max(0, length - side) + 1)) for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def _cut(pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """With its levels stretched until a share of the samples lies at 0 and 255."""
    low, high = np.quantile(pixels, sorted(numbers.uniform(0, 1, 2)))
    stretched = (pixels - low) * (255 / max(high - low, _LEAST_RANGE))
    return np.clip(np.rint(stretched), 0, 255).astype(np.uint8)


def _coded(name: str, pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    from forensics.codecs import registry

    codec, (parameter, low, high) = registry.get(name), _STRENGTHS[name]
    even = parameter in ("ratio", "distance")
    drawn = math.exp(numbers.uniform(math.log(low), math.log(high))) if even else numbers.uniform(low, high)
    options: dict[str, Any] = {parameter: round(drawn) if codec.strength.integer else float(drawn)}
    for switch in ("subsampling", "wavelet"):
        if switch in codec.switches:
            choices = [one for one in codec.switches[switch].values if one not in ("rgb", "grey")]
            options[switch] = choices[int(numbers.integers(len(choices)))]
    return codec.decode(codec.encode(pixels, **options))
