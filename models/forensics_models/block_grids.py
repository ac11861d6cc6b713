"""The judges of block grids after a picture was resampled: whether a reading of `forensics_features.scaled_grid` or
`forensics_features.turned_grid` is a grid, and whether a JPEG's.

Trees over the values of a reading give three classes. Their thresholds are fitted on validation sources: `found` so
that hardly any picture without a lossy codec reaches it, `named` so that hardly any of another codec than JPEG does.
"""

from __future__ import annotations

from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from forensics_models.calibration import softmax
from forensics_models.ensembles import Ensemble, load
from forensics_models.storage import read_card

KINDS = ("scaled", "turned")
"""Kinds of readings, each with a judge of its own: reduced, rotated."""

GRIDS = ("none", "other", "jpeg")
"""What a reading can be: of a picture that was never lossily compressed, of another lossy codec, of a JPEG."""


class GridJudgement(NamedTuple):
    """What the judge says of one reading.

    Attributes
    ----------
    found : bool
        Whether there is a grid: the picture was compressed before it was resampled.
    jpeg : bool
        Whether the grid may be called a JPEG's.
    probabilities : np.ndarray [shape=(3,), dtype=float64]
        Over `GRIDS`, where all three are as frequent as in training.
    tried, reached : int
        Pictures without a lossy codec, of validation sources, and how many of them reached the threshold.
    """

    found: bool
    jpeg: bool
    probabilities: np.ndarray
    tried: int
    reached: int


def trees_file(kind: str) -> str:
    """Name of the trees of a kind of `KINDS`."""
    return f"{kind}_grid.npz"


def card_file(kind: str) -> str:
    """Name of the card of a kind of `KINDS`."""
    return f"{kind}_grid.json"


class GridJudge:
    """The judge of one kind of `KINDS` in a folder; `card` has its figures and what they rest on."""

    def __init__(self, folder: Path | Traversable, kind: str) -> None:
        stored = read_card(folder / card_file(kind))
        self._folder, self.kind = folder, kind
        self.card: dict[str, Any] = stored["card"]
        self.value_names: tuple[str, ...] = tuple(stored["value_names"])
        self.found_from = float(stored["found_from"])
        self.jpeg_from = float(stored["jpeg_from"])
        self.tried, self.reached = int(stored["tried"]), int(stored["reached"])

    @classmethod
    @cache
    def shipped(cls, kind: str) -> GridJudge:
        """The judge of this package."""
        return cls(files("forensics_models") / "artefacts", kind)

    @cached_property
    def _trees(self) -> Ensemble:
        return load(self._folder / trees_file(self.kind))

    def judge(self, values: np.ndarray) -> GridJudgement:
        """Judge one reading.

        Parameters
        ----------
        values : np.ndarray [shape=(len(value_names),), dtype=float32]
            Those of a reading, in the order of `value_names`.
        """
        margins = self._trees.margins(values[None].astype(np.float32))
        p = softmax(margins.astype(np.float64))[0]
        found = bool(1 - p[0] >= self.found_from)
        return GridJudgement(found, found and bool(p[2] >= self.jpeg_from), p, self.tried, self.reached)
