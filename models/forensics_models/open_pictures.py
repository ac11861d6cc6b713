"""The judge of open pictures: whether the most probable family is right, where the open judge leaves a picture open.

The thresholds of the open judge hold for single windows of every size. A picture is seen through several windows, by
two judges and with what happened since; where all of that fits together less is needed. Two logistic regressions, one
where a lossy process is most probable and one where that is `uncompressed`, say how likely the most probable family
is right; thresholds on that are set by validation pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.classes import BEYOND, CLASSES, FINE_CLASSES, family_of, process_of
from forensics_models.open_judge import (
    FAMILY_NAMES,
    GROUPS,
    NEVER,
    PROCESS_NAMES,
    by_family,
    left_to_models,
    merged_families,
)
from forensics_models.storage import read_card

CARD_FILE = "open_pictures.json"

CODEC_FAMILIES = tuple(dict.fromkeys(family_of(name) for name in CLASSES[1:]))
"""Families of the eight codecs: no other is named by this judge."""

VALUE_NAMES = (
    "family", "uncompressed", "second", "beyond", "codecs.family", "codecs.uncompressed", "codecs.trees",
    "windows.least", "windows.log2", "pixels.log2", "doubt",
    *(f"since.{name}" for name, _ in GROUPS),
    *(f"is.{name}" for name in CODEC_FAMILIES),
)  # fmt: skip
"""What the regressions take: log-odds of the most probable family and of others, by both judges and in the window where
it is least; how much was seen; the log-odds of the judge of doubt; logarithms of what happened since; which family it
is."""

BEYOND_BELOW = 0.05
"""Probability of all processes beyond the codecs from which nothing is said: from a twentieth on a process is not
excluded, and the regressions met few of them."""

_FINE_FAMILY = np.array([FAMILY_NAMES.index(family_of(process_of(name))) for name in FINE_CLASSES])


def _log_odds(p: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    return float(np.log(p) - np.log(1 - p))


def values_of(
    processes: Mapping[str, float],
    windows: np.ndarray,
    afterwards: Mapping[str, float],
    codecs: np.ndarray,
    trees: np.ndarray,
    pixels: int,
    doubt: Callable[[str], float],
) -> tuple[str, np.ndarray]:
    """The most probable family of a picture, and what the regressions take of it, `np.ndarray
    [shape=(len(VALUE_NAMES),), dtype=float64]`.

    Parameters
    ----------
    processes : mapping of str to float
        Probabilities over `PROCESS_NAMES`, of the picture.
    windows : np.ndarray [shape=(n, len(PROCESS_NAMES))]
        Of its windows.
    afterwards : mapping of str to float
        Of what happened since (`GROUPS`).
    codecs, trees : np.ndarray [shape=(n, len(FINE_CLASSES))]
        What the judge of codecs, and its trees alone, say of the windows.
    pixels : int
        Pixels of the picture.
    doubt : callable
        The judge of doubt: log-odds that a family is right, asked of a lossy one alone.
    """
    families = by_family(processes)
    best = max(families, key=lambda name: families[name])
    second = max(p for name, p in families.items() if name not in ("uncompressed", best))
    at = FAMILY_NAMES.index(best)
    fine = np.equal(_FINE_FAMILY, at)
    known = bool(fine.any())
    least = float(merged_families(left_to_models(windows))[:, at].min())
    values = [
        *(_log_odds(p) for p in (families[best], families["uncompressed"], second, _beyond(processes))),
        _log_odds(float(codecs[:, fine].sum(axis=1).mean())) if known else 0.0,
        _log_odds(float(codecs[:, _FINE_FAMILY == 0].sum(axis=1).mean())),
        _log_odds(float(trees[:, fine].sum(axis=1).mean())) if known else 0.0,
        _log_odds(least),
        float(np.log2(len(windows))),
        float(np.log2(pixels)),
        0.0 if best == "uncompressed" else doubt(best),
        *(float(np.log(afterwards[name] + 1e-4)) for name, _ in GROUPS),
        *(float(best == name) for name in CODEC_FAMILIES),
    ]
    return best, np.array(values)


def within_the_codecs(values: np.ndarray) -> np.ndarray:
    """Whether processes beyond the codecs are excluded, of rows of values, `np.ndarray [shape=(n,), dtype=bool]`."""
    return np.asarray(np.atleast_2d(values)[:, VALUE_NAMES.index("beyond")] < _log_odds(BEYOND_BELOW))


def _beyond(processes: Mapping[str, float]) -> float:
    return sum(processes[name] for name in PROCESS_NAMES if name in BEYOND)


@dataclass(frozen=True)
class Regression:
    """A logistic regression: the log-odds are bias + weights * (values - mean) / scale."""

    mean: Sequence[float]
    scale: Sequence[float]
    weights: Sequence[float]
    bias: float

    def probability(self, values: np.ndarray) -> np.ndarray:
        """Of rows of values, `np.ndarray [shape=(n,), dtype=float64]`."""
        inside = (np.atleast_2d(values) - np.asarray(self.mean)) / np.asarray(self.scale)
        z = np.clip(inside @ np.asarray(self.weights) + self.bias, -30, 30)
        return np.asarray(1 / (1 + np.exp(-z)))


class OpenPictureJudge:
    """The judge of open pictures in a folder; `card` has its figures and what they rest on.

    Attributes
    ----------
    said_from : dict of str to float
        Probability from which a family of a codec is named, or a picture called uncompressed; what is not in it is
        never said.
    """

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        if tuple(stored["value_names"]) != VALUE_NAMES:
            raise ValueError(f"{CARD_FILE} was made for other values")
        self.card: dict[str, Any] = stored["card"]
        self.said_from: dict[str, float] = dict(stored["said_from"])
        self._named, self._uncompressed = (Regression(**stored[name]) for name in ("named", "uncompressed"))

    def answer(self, family: str, values: np.ndarray) -> tuple[bool, float]:
        """Whether the family may be said, and how likely it is right; never one beyond the eight codecs.

        Parameters
        ----------
        family : str
        values : np.ndarray [shape=(len(VALUE_NAMES),)]
            Both as of `values_of`.
        """
        regression = self._uncompressed if family == "uncompressed" else self._named
        right = float(regression.probability(values)[0])
        said = right >= self.said_from.get(family, NEVER) and bool(within_the_codecs(values)[0])
        return said, right
