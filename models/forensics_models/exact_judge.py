"""The judge of exact readings: how much likelier a test's outcome is where its codec was the last lossy step than
elsewhere.

A test gives one number. Cut at fixed edges it falls into a bin; how often validation pictures fall into each, with and
without the codec, gives a likelihood ratio, by size of the picture. Every bin of either kind counts one picture more
than were seen (Laplace's rule of succession), so that no ratio is larger than the pictures behind it can carry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.storage import read_card, write_atomically

CARD_FILE = "exact.json"
SMALL_BELOW = 150 * 150
"""Pixels under which a picture counts as small: between the 128 and the 192 pixels a side of the fit."""
_QUANTILES = ((0.5, 0.95), (0.1, 0.25, 0.5))
"""Where the edges lie: quantiles of the values without the codec, and of those with it that are above the former."""


@dataclass(frozen=True)
class Table:
    """Counts of one test.

    Attributes
    ----------
    edges : tuple of float
        Ascending; a value belongs to the bin of the number of edges that are not above it.
    own, others : tuple of tuple of int
        By size (small, large), pictures in each of the len(edges) + 1 bins.
    """

    edges: tuple[float, ...]
    own: tuple[tuple[int, ...], ...]
    others: tuple[tuple[int, ...], ...]

    def bin_of(self, value: float) -> int:
        """The bin of a value."""
        return int(np.searchsorted(self.edges, value, side="right"))

    def likelihoods(self, value: float, pixels: int) -> tuple[float, float]:
        """Probability of the value's bin with the codec as the last step, straight from its decoder, and without it;
        (1, 1) for NaN.
        """
        if not np.isfinite(value):
            return 1.0, 1.0
        size, place = int(pixels >= SMALL_BELOW), self.bin_of(value)
        own, others = (
            (side[size][place] + 1) / (sum(side[size]) + len(side[size])) for side in (self.own, self.others)
        )
        return own, others

    def unseen(self, pixels: int) -> tuple[float, float]:
        """The same for an outcome that no picture with the codec has: one in their number + 2, against certainty."""
        return 1 / (sum(self.own[int(pixels >= SMALL_BELOW)]) + 2), 1.0

    def false_alarms(self, value: float) -> tuple[int, int]:
        """Pictures without the codec that reach the value's bin or a higher one, and pictures without it in all."""
        place = self.bin_of(value)
        return sum(sum(counts[place:]) for counts in self.others), sum(sum(counts) for counts in self.others)


class ExactJudge:
    """The shipped tables, or those of a folder; `card` says what they rest on."""

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        self.card: dict[str, Any] = stored["card"]
        self.tables: dict[str, Table] = {
            name: Table(tuple(one["edges"]), tuple(map(tuple, one["own"])), tuple(map(tuple, one["others"])))
            for name, one in stored["tables"].items()
        }

    @classmethod
    @cache
    def shipped(cls) -> ExactJudge:
        """The tables of this package."""
        return cls(files("forensics_models") / "artefacts")


def weighed(
    probabilities: Mapping[str, float], own: Sequence[str], likelihoods: tuple[float, float], straight: float
) -> dict[str, float]:
    """Probabilities of processes with one reading taken into account.

    Parameters
    ----------
    probabilities : mapping of str to float
        Of all processes; they sum to 1.
    own : sequence of str
        Processes whose pictures pass the test.
    likelihoods : tuple of float
        `Table.likelihoods`.
    straight : float
        Probability that nothing happened since the last lossy step: a picture changed afterwards has no exact trace
        left, so that what a missing one says against a codec holds for this share only.

    Returns
    -------
    dict of str to float
    """
    passed, elsewhere = likelihoods
    mixed = straight * passed + (1 - straight) * elsewhere
    raw = {name: p * (mixed if name in own else elsewhere) for name, p in probabilities.items()}
    total = sum(raw.values())
    return {name: p / total for name, p in raw.items()}


def fit_table(own: np.ndarray, own_pixels: np.ndarray, others: np.ndarray, others_pixels: np.ndarray) -> Table:
    """The table of one test from its values with and without the codec, each `np.ndarray [shape=(n,)]`, and the
    pictures' pixels; NaN values are left out.

    Raises `ValueError` where one side has no value.
    """
    kept, kept_others = np.isfinite(own), np.isfinite(others)
    if not kept.any() or not kept_others.any():
        raise ValueError("a test needs values with its codec and without it")
    edges = np.quantile(others[kept_others], _QUANTILES[0])
    shown = own[kept & (own > edges[-1])]
    edges = np.concatenate([edges, np.quantile(shown if len(shown) else own[kept], _QUANTILES[1])])
    edges = np.unique(np.round(edges, 3))

    def counts(values: np.ndarray, pixels: np.ndarray, valid: np.ndarray) -> tuple[tuple[int, ...], ...]:
        large = pixels >= SMALL_BELOW
        return tuple(
            tuple(
                np.bincount(
                    np.searchsorted(edges, values[valid & side], side="right"), minlength=len(edges) + 1
                ).tolist()
            )
            for side in (~large, large)
        )

    return Table(tuple(edges.tolist()), counts(own, own_pixels, kept), counts(others, others_pixels, kept_others))


def write(folder: Path, tables: Mapping[str, Table], card: Mapping[str, Any]) -> None:
    """Store tables and card as `CARD_FILE` in a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {
        "card": dict(card),
        "tables": {name: {"edges": t.edges, "own": t.own, "others": t.others} for name, t in tables.items()},
    }
    write_atomically(folder / CARD_FILE, (json.dumps(stored, indent=1) + "\n").encode())
