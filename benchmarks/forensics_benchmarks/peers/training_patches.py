"""Patches that a learning peer trains on: drawn from a built data set as the baseline's are, any decoder of training
among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from forensics_models.classes import FINE_CLASSES

from forensics.dataset import decoders, manifest
from forensics.dataset.features import WindowPlan, carries_its_label, cut_windows
from forensics.dataset.manifest import Row
from forensics.errors import UsageError

LARGEST = 256
"""Largest side of a training patch, in pixels."""


@dataclass(frozen=True)
class TrainingPatch:
    """One patch `np.ndarray [shape=(side, side[, 3]), dtype=uint8]`, its index in `FINE_CLASSES` and its source."""

    pixels: np.ndarray
    label: int
    source: str


def chosen_rows(datasets: Sequence[Path], split: str, count: int, seed: int) -> list[tuple[Path, Row]]:
    """At most `count` rows of a split over all data sets, classes in equal numbers as far as they go, in a random
    order.

    Raises `UsageError` where there is no data set, or none with that split.
    """
    if not datasets:
        raise UsageError("it learns, and there is nothing to learn from: give a data set with --train-data")
    rows = [
        (folder, row)
        for folder in datasets
        for row in manifest.read(folder)
        if row.split == split and carries_its_label(row)
    ]
    if not rows:
        raise UsageError(f"the data sets to train on hold no file of the split {split!r}")
    order = np.random.default_rng([seed, len(split)]).permutation(len(rows))
    taken: dict[str, list[tuple[Path, Row]]] = {name: [] for name in FINE_CLASSES}
    for index in order.tolist():
        taken[rows[index][1].fine_class].append(rows[index])
    share = -(-count // len(FINE_CLASSES))
    found = [pair for members in taken.values() for pair in members[:share]]
    return [found[index] for index in np.random.default_rng(seed).permutation(len(found)).tolist()][:count]


def cut(rows: Sequence[tuple[Path, Row]], seed: int, side: int | None = None) -> Iterator[TrainingPatch]:
    """One patch of each row: of the sides that the baseline trains on, or of one side where given; smaller pictures are
    left out then.
    """
    sizes = (side,) if side else tuple(size for group in WindowPlan().groups for size in group if size <= LARGEST)
    plan = WindowPlan(groups=(sizes,), seed=seed, decoders="varied")
    for folder, row in rows:
        pixels = decoders.load_varied(folder, row, seed).pixels
        if side and min(pixels.shape[:2]) < side:
            continue
        yield TrainingPatch(cut_windows(pixels, row, plan)[0], FINE_CLASSES.index(row.fine_class), row.source)
