"""The judge of innocence: whether a picture that everything else leaves open was never lossily compressed.

The open judge's thresholds hold for windows, the judge of open pictures knows what both judges say, and neither knows
how exactly a picture is drawn (`forensics_features.exactness`) nor whether its samples lie in a codec's blocks
(`block_phases`). Of untouched pictures that both leave open about half differ from all compressed ones in these
together. None of the values tells by itself, and what tells depends on the kind of picture, so that what a picture
resembles decides: a logistic regression on Gaussian kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from forensics_features.exactness import NAMES as DRAWN

from forensics_models.open_judge import NEVER
from forensics_models.open_pictures import VALUE_NAMES as OF_OPEN_PICTURES
from forensics_models.recompression import UNKNOWN
from forensics_models.storage import packed, read_card, unpacked

CARD_FILE = "innocence.json"
ROWS_FILE = "innocence.npz"

_TAKEN = tuple(name for name in OF_OPEN_PICTURES if name != "doubt" and not name.startswith("is."))
_PLACES = [OF_OPEN_PICTURES.index(name) for name in _TAKEN]

VALUE_NAMES = (
    *_TAKEN, "likeliest", "blocks.known", "blocks.uncompressed", "blocks.coded", *(f"drawn.{name}" for name in DRAWN),
)  # fmt: skip
"""What the judge takes: what that of open pictures does but for doubt and the family; whether `uncompressed` is the
most probable family; the logarithms of the judge of block phases, of no codec and of the likeliest one; how exactly the
picture is drawn."""

ASKED_FROM = 0.12
"""Probability of no compression by the open judge from which it is asked: what the fit knows nothing under."""
_REACH = 4.0
"""Values count no farther from their mean than so many standard deviations."""


def values_of(family: str, of_open_picture: np.ndarray, blocks: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """What the judge takes, `np.ndarray [shape=(len(VALUE_NAMES),), dtype=float64]`.

    Parameters
    ----------
    family : str
        The most probable one by the open judge.
    of_open_picture : np.ndarray [shape=(len(open_pictures.VALUE_NAMES),)]
        As of `open_pictures.values_of`.
    blocks : np.ndarray [shape=(len(recompression.FAMILIES),)]
        Logarithms by the judge of block phases, `recompression.UNKNOWN` where nothing is known.
    drawn : np.ndarray [shape=(len(exactness.NAMES),)]
        As of `forensics_features.exactness`.
    """
    known = float(not np.array_equal(blocks, UNKNOWN))
    by_blocks = (float(blocks[0]), float(np.max(blocks[1:])))
    return np.array([*of_open_picture[_PLACES], float(family == "uncompressed"), known, *by_blocks, *drawn])


@dataclass(frozen=True)
class Kernels:
    """A logistic regression on Gaussian kernels around rows.

    Attributes
    ----------
    mean, scale : np.ndarray [shape=(len(VALUE_NAMES),)]
        By which values become standardised ones.
    rows : np.ndarray [shape=(n, len(VALUE_NAMES)), dtype=float32]
        Standardised values.
    weights : np.ndarray [shape=(n,)]
        What each adds to the log-odds where a picture equals it.
    bias, width : float
        What is added to all; by how much a kernel falls, in squared standard deviations.
    """

    mean: np.ndarray
    scale: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    bias: float
    width: float

    def probability(self, values: np.ndarray) -> np.ndarray:
        """Of rows of values, `np.ndarray [shape=(n,), dtype=float64]`."""
        inside = standardised(values, self.mean, self.scale)
        z = np.clip(kernels(inside, self.rows, self.width) @ self.weights + self.bias, -30, 30)
        return np.asarray(1 / (1 + np.exp(-z)))

    def to_bytes(self) -> bytes:
        """The contents of `ROWS_FILE`."""
        arrays = {"mean": self.mean, "scale": self.scale, "rows": self.rows, "weights": self.weights}
        return packed({**{k: np.asarray(v, np.float32) for k, v in arrays.items()},
                       "bias": np.float64(self.bias), "width": np.float64(self.width)})  # fmt: skip


def standardised(values: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Rows of values in standard deviations from their mean, none farther than they count, `np.ndarray [shape=(n, k),
    dtype=float32]`.
    """
    return np.clip((np.atleast_2d(values) - mean) / scale, -_REACH, _REACH).astype(np.float32)


def kernels(inside: np.ndarray, rows: np.ndarray, width: float) -> np.ndarray:
    """Gaussian kernels of standardised rows around others, `np.ndarray [shape=(len(inside), len(rows))]`."""
    a, b = inside.astype(np.float64), rows.astype(np.float64)
    apart = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.asarray(np.exp(-width * np.maximum(apart, 0)))


class InnocenceJudge:
    """The judge of innocence in a folder; `card` has its figures and what they rest on.

    Attributes
    ----------
    said_from : float
        Probability from which a picture is called uncompressed.
    """

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        if tuple(stored["value_names"]) != VALUE_NAMES:
            raise ValueError(f"{CARD_FILE} was made for other values")
        self.card: dict[str, Any] = stored["card"]
        self.said_from = float(stored["said_from"])
        arrays = unpacked(folder / ROWS_FILE, "rows")
        names = ("mean", "scale", "rows", "weights")
        if any(name not in arrays for name in (*names, "bias", "width")):
            raise ValueError(f"{ROWS_FILE} is of another version, train it again")
        mean, scale, rows, weights = (arrays[name] for name in names)
        self._kernels = Kernels(mean, scale, rows, weights, float(arrays["bias"]), float(arrays["width"]))

    def never_compressed(self, values: np.ndarray) -> float:
        """How likely a picture was never compressed, as if as many were that are asked about; `values` as of
        `values_of`.
        """
        return float(self._kernels.probability(values)[0])

    def says(self, probability: float) -> bool:
        """Whether that is enough to call a picture uncompressed."""
        return self.said_from < NEVER and probability >= self.said_from


def stored(said_from: float, card: Mapping[str, Any]) -> dict[str, Any]:
    """What `CARD_FILE` holds."""
    return {"value_names": list(VALUE_NAMES), "said_from": said_from, "card": dict(card)}
