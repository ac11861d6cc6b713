"""Which patches are judged: every row of a data set, by every decoder, after every condition, at every size; the same
for every model.

A patch depends on the seed and its own file, decoder, condition and size alone: more sizes, more files or another order
of work change no patch. A size that does not fit is left out; where not even the smallest fits, the largest window of
the picture stands in for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from forensics.codecs.base import Value
from forensics.codecs.decoders.alternatives import Decoder
from forensics.dataset import decoders, patches
from forensics.dataset.decoders import USUAL, DecodedRow
from forensics.dataset.encoders import forced_switches
from forensics.dataset.manifest import Row
from forensics.dataset.readings import DECODERS
from forensics.dataset.recipes import RECIPES
from forensics_benchmarks import conditions, foreign_encoders

SMALLEST = 64
"""Smallest side of a patch, in pixels."""


@dataclass(frozen=True)
class Drawing:
    """What is cut from each file.

    `decoders` are `usual`, `varied` or decoders' names, each used where the class of a file has it; `conditions` names
    of `forensics_benchmarks.conditions`.
    """

    sizes: tuple[int, ...] = (256,)
    seed: int = 1
    centred: bool = False
    decoders: tuple[str, ...] = (USUAL,)
    conditions: tuple[str, ...] = (conditions.NONE,)


@dataclass(frozen=True)
class Patch:
    """One patch and where it comes from; `place` is its row's index among the rows that were drawn from."""

    pixels: np.ndarray
    place: int
    size: int
    top: int
    left: int
    decoder: str
    condition: str


def draw(folder: Path, rows: Sequence[Row], drawing: Drawing) -> Iterator[Patch]:
    """Patches of rows of one data set, in the order rows, decoders, conditions, sizes."""
    for place, row in enumerate(rows):
        read: set[str] = set()
        for mode in drawing.decoders:
            picture = load(folder, row, drawing.seed, mode)
            if picture.decoder in read:
                continue
            read.add(picture.decoder)
            for condition in drawing.conditions:
                pixels = conditions.apply(
                    condition, picture.pixels, _generator(drawing.seed, row.id, picture.decoder, condition)
                )
                for size in fitting(drawing.sizes, pixels):
                    numbers = _generator(drawing.seed, row.id, picture.decoder, condition, size)
                    top, left = patches.random_offset(pixels, size, numbers)
                    if drawing.centred:
                        top, left = ((extent - size) // 2 for extent in pixels.shape[:2])
                    window = np.ascontiguousarray(pixels[top : top + size, left : left + size])
                    yield Patch(window, place, size, top, left, picture.decoder, condition)


def fitting(sizes: Sequence[int], pixels: np.ndarray) -> list[int]:
    """The sizes that fit a picture; where none does, its smaller side if that is at least `SMALLEST`."""
    side = min(pixels.shape[:2])
    found = [size for size in sorted(set(sizes)) if size <= side]
    return found or ([side] if side >= SMALLEST else [])


def load(folder: Path, row: Row, seed: int, mode: str) -> DecodedRow:
    """The picture of a row by one decoder, as `forensics.dataset.decoders.load_varied`, files of foreign encoders
    included.
    """
    codec = foreign_encoders.find(row.encoder)
    if codec is None:
        return decoders.load_varied(folder, row, seed, mode)
    named = decoders.choose(row, seed, mode)
    usual = named is None
    return DecodedRow(patches.load_pixels(folder, row, codec if usual else named), USUAL if usual else _name(named))  # type: ignore[arg-type]


def _name(decoder: Decoder | None) -> str:
    return USUAL if decoder is None else decoder.name


def held_out(row: Row, decoder: str) -> str:
    """What of a patch's making training never drew: `encoder`, `decoder`, or nothing; read off the recipes of
    training.
    """
    if row.encoder != "png" and not _drawn(row.encoder, row.fine_class, row.parameters):
        return "encoder"
    if decoder != USUAL and decoder not in DECODERS.get(row.class_name, {}):
        return "decoder"
    return ""


@cache
def _drawn(encoder: str, fine_class: str, parameters: str) -> bool:
    """Whether training draws these switches of an encoder."""
    recipe = RECIPES.get(encoder)
    if recipe is None:
        return False
    from forensics.codecs import registry

    known = registry.get(encoder).switches
    forced = forced_switches(encoder, fine_class)
    given: dict[str, Value] = json.loads(parameters)
    for name, value in given.items():
        if name not in known or forced.get(name) == value:
            continue
        choices = [choice for choice, _ in recipe.switches.get(name, ((known[name].default, 1.0),))]
        if value not in choices:
            return False
    return True


def key(rows: Sequence[Row], drawing: Drawing) -> str:
    """A short name for everything that decides the patches."""
    content = [asdict(drawing), [(row.id, row.pixels_sha256) for row in rows]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _generator(*parts: object) -> np.random.Generator:
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest[:16], np.uint64))
