"""The judge of doubt: whether the family that the open judge holds likeliest is right, or noise was reduced.

Noise reduction shrinks the coefficients of a transform; where that is a codec's, or like it, what it leaves resembles
what the codec leaves, and the open judge was not taught the difference. Trees were, on what the open judge knows and
what it says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.ensembles import Ensemble, load
from forensics_models.open_judge import FAMILY_NAMES, GROUPS, by_family, log_probabilities, merged_families, with_codecs
from forensics_models.storage import read_card

TREES_FILE = "doubt.npz"
CARD_FILE = "doubt.json"


def likeliest(processes: Mapping[str, float]) -> tuple[str, float]:
    """The most probable family of `FAMILY_NAMES`, and its probability."""
    families = by_family(processes)
    best = max(families, key=lambda name: families[name])
    return best, families[best]


def columns_of(
    features: np.ndarray, codec_trees: np.ndarray, processes: np.ndarray, afterwards: np.ndarray, lattice: float
) -> np.ndarray:
    """What the trees take of windows, but for the family asked about, `np.ndarray [shape=(n, k), dtype=float32]`.

    Parameters
    ----------
    features : np.ndarray [shape=(n, d), dtype=float32]
        Those of the open judge.
    codec_trees : np.ndarray [shape=(n, len(FINE_CLASSES))]
        Probabilities by the trees of the judge of codecs.
    processes : np.ndarray [shape=(n, len(PROCESS_NAMES))]
        Probabilities by the open judge.
    afterwards : np.ndarray [shape=(n, len(GROUPS))]
        What happened since, by the open judge.
    lattice : float
        What the exact reading of JPEG 2000 says of the picture's wavelet coefficients: by how many standard errors the
        best parity leads, as of 256x256 pixels, negative where details vanish and the others are no multiples of a
        step; NaN where it was not read.
    """
    families = log_probabilities(merged_families(processes)).astype(np.float32)
    since = log_probabilities(afterwards).astype(np.float32)
    read = np.full((len(features), 1), lattice, np.float32)
    return np.concatenate([with_codecs(features, codec_trees), families, since, read], axis=1)


def with_family(columns: np.ndarray, family: str) -> np.ndarray:
    """Columns with the family asked about behind them, as one column a family of `FAMILY_NAMES`: 1 for that, else 0."""
    asked = np.zeros((len(columns), len(FAMILY_NAMES)), np.float32)
    asked[:, FAMILY_NAMES.index(family)] = 1
    return np.concatenate([columns, asked], axis=1)


class DoubtJudge:
    """The judge of doubt in a folder; `card` has its figures and what they rest on."""

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        self._folder = folder
        self.card: dict[str, Any] = stored["card"]
        self.right_from: dict[str, float] = dict(stored["right_from"])

    @cached_property
    def _trees(self) -> Ensemble:
        return load(self._folder / TREES_FILE)

    def log_odds(self, columns: np.ndarray, family: str) -> np.ndarray:
        """Log-odds that a family is right, where half of the pictures had their noise reduced, `np.ndarray [shape=(n,),
        dtype=float64]`; `columns` as of `columns_of`.
        """
        return np.asarray(self._trees.margins(with_family(columns, family))[:, 0], np.float64)

    def of_picture(
        self,
        family: str,
        features: np.ndarray,
        codec_trees: np.ndarray,
        processes: np.ndarray,
        afterwards: Mapping[str, float],
        lattice: float = math.nan,
    ) -> float:
        """Mean log-odds of a picture's windows that a family is right.

        Parameters
        ----------
        family : str
            One of `FAMILY_NAMES`.
        features, codec_trees, processes : np.ndarray [shape=(n, ...)]
            Of the windows, as of `columns_of`.
        afterwards : mapping of str to float
            What happened since (`GROUPS`), of the picture.
        lattice : float
            As of `columns_of`.
        """
        since = np.array([[afterwards[name] for name, _ in GROUPS]] * len(features))
        return float(self.log_odds(columns_of(features, codec_trees, processes, since, lattice), family).mean())

    def doubts(self, family: str, log_odds: float) -> bool:
        """Whether a family may not be named, by the mean log-odds of a picture's windows: they lie under what nearly
        all right names of validation windows reach.
        """
        return family in self.right_from and log_odds < self.right_from[family]
