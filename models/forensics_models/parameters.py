"""Codec parameters estimated from features by gradient-boosted trees: quantiser indices, loop filter, subsampling,
colour coding.

Where a codec's in-loop filters hide its quantised coefficients, its parameters cannot be read off a comb. They are
estimated then: numbers with 90 % intervals from quantile trees, names with calibrated probabilities. Each target is
fitted on windows of its own classes only, so it means something only where the class is known; which family of codecs
it is, is an input next to the features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.calibration import softmax
from forensics_models.classes import CLASSES, family
from forensics_models.ensembles import Ensemble, load
from forensics_models.storage import read_card

CARD_FILE = "parameters.json"
TREES_FILE = "parameters.npz"


@dataclass(frozen=True)
class Target:
    """One parameter of some classes.

    Attributes
    ----------
    name : str
        The field's term.
    classes : tuple of str
        The classes whose files have it.
    names : tuple of str
        The values of a named parameter, in the order of the model's outputs; empty for a number.
    low, high : float
        Range of a number.
    logarithmic : bool
        Whether log2 of the number is what trees are fitted to.
    unit : str
        Of a number; empty for an index.
    """

    name: str
    classes: tuple[str, ...]
    names: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    logarithmic: bool = False
    unit: str = ""

    @property
    def key(self) -> str:
        """A name for the card: classes and parameter."""
        if self.classes == CLASSES[1:]:
            return f"all {self.name}"
        return f"{'+'.join(self.classes)} {self.name}"

    @property
    def outputs(self) -> int:
        """Outputs of its trees: three quantiles, or one score a name."""
        return len(self.names) or 3

    def to_scale(self, values: np.ndarray) -> np.ndarray:
        """Numbers on the scale of the trees."""
        return np.log2(values) if self.logarithmic else np.asarray(values, np.float64)

    def from_scale(self, values: np.ndarray) -> np.ndarray:
        """Inverse of `to_scale`, kept within the range."""
        return np.clip(2.0**values if self.logarithmic else values, self.low, self.high)


_COLOURS = (
    "bt601 full",
    "bt601 limited",
    "bt709 full",
    "bt709 limited",
    "rgb full",
    "ycgco full",
    "bt2020 full",
    "bt2020 limited",
)
_SUBSAMPLINGS = ("4:2:0", "4:2:2", "4:4:4", "grey")

EARLIER, NO_EARLIER = "earlier_codec", "none"
"""The parameter that names the codec before the last one, and its value where there was none."""

_FAMILIES = tuple(dict.fromkeys(map(family, CLASSES[1:])))


def inputs(features: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """What the trees get: the features, and a column for each family of codecs that is 1 where a window belongs to it.

    Parameters
    ----------
    features : np.ndarray [shape=(n, d), dtype=float32]
    classes : sequence of str
        The class of every window; one that is no codec leaves its columns at 0.

    Returns
    -------
    np.ndarray [shape=(n, d + families), dtype=float32]
    """
    members = np.array([family(name) for name in classes])[:, None] == np.array(_FAMILIES)
    return np.hstack([features, members], dtype=np.float32)


TARGETS = (
    Target("quantizer", ("bpg", "heic"), low=0, high=51, unit="QP"),
    Target("chroma_subsampling", ("bpg", "heic"), _SUBSAMPLINGS),
    Target("colour_coding", ("bpg", "heic"), _COLOURS),
    Target("quantizer", ("avif",), low=0, high=255),
    Target("chroma_subsampling", ("avif",), _SUBSAMPLINGS),
    Target("colour_coding", ("avif",), _COLOURS),
    Target("quantizer", ("webp",), low=0, high=127),
    Target("filter_level", ("webp",), low=0, high=63),
    Target("distance", ("jpegxl",), low=0.05, high=25, logarithmic=True, unit="Butteraugli"),
    Target("chroma_subsampling", ("jpegxr",), _SUBSAMPLINGS),
    Target("wavelet", ("jpeg2000",), ("9/7", "5/3")),
    Target(EARLIER, CLASSES[1:], (NO_EARLIER, *_FAMILIES)),
)
"""All targets, in the order of the model's outputs."""


@dataclass(frozen=True)
class Estimate:
    """A target's estimate for one picture: a number with its interval, or a name with its probability.

    `error` is the validated one: mean absolute error of numbers, share of wrong names.
    """

    target: Target
    value: float | str
    low: float | None
    high: float | None
    probability: float | None
    error: float
    cases: int


class Parameters:
    """The trained estimators; all trees in one file of arrays.

    Attributes
    ----------
    card : dict
        The model card.
    feature_names : tuple of str
        Columns that `estimate` takes.
    """

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        self._folder = folder
        self.card: dict[str, Any] = stored["card"]
        self.feature_names: tuple[str, ...] = tuple(stored["feature_names"])
        self.targets = tuple(
            Target(**{**entry, "classes": tuple(entry["classes"]), "names": tuple(entry["names"])})
            for entry in stored["targets"]
        )
        self._calibration: Mapping[str, Mapping[str, float]] = stored["calibration"]

    @classmethod
    def shipped(cls) -> Parameters:
        """The estimators that came with the package; raises `OSError` where there are none."""
        return cls(files("forensics_models") / "artefacts")

    @cached_property
    def _trees(self) -> Ensemble:
        return load(self._folder / TREES_FILE)

    def estimate(self, features: np.ndarray, codec: str) -> list[Estimate]:
        """Estimates of all parameters of a class, from a picture's windows.

        Parameters
        ----------
        features : np.ndarray [shape=(n, len(feature_names)), dtype=float32]
            Rows of `forensics_features.FeatureExtractor`.
        codec : str
            The class that the picture is held to belong to.

        Raises
        ------
        ValueError
            The number of columns is not the model's, or there is no row.
        """
        features = np.ascontiguousarray(features, np.float32)
        if features.ndim != 2 or not len(features) or features.shape[1] != len(self.feature_names):
            raise ValueError(f"features have shape (n, {len(self.feature_names)}) with n > 0, not {features.shape}")
        if not any(codec in target.classes for target in self.targets):
            return []
        outputs = self._trees.margins(inputs(features, [codec] * len(features)))
        return [
            self._combined(target, outputs[:, columns])
            for target, columns in self._columns()
            if codec in target.classes
        ]

    def _columns(self) -> Iterator[tuple[Target, slice]]:
        start = 0
        for target in self.targets:
            yield target, slice(start, start + target.outputs)
            start += target.outputs

    def _combined(self, target: Target, outputs: np.ndarray) -> Estimate:
        """One estimate of a picture: medians over windows for numbers, mean log-odds for names (windows depend on each
        other).
        """
        fitted, facts = self._calibration[target.key], self.card["validation"][target.key]
        if target.names:
            shares = softmax(outputs.astype(np.float64).mean(axis=0) * fitted["inverse_temperature"])
            best = int(shares.argmax())
            return Estimate(
                target, target.names[best], None, None, float(shares[best]), facts["error"], facts["windows"]
            )
        quantiles = np.sort(np.median(outputs.astype(np.float64), axis=0))
        quantiles += np.array([-1.0, 0.0, 1.0]) * fitted["offset"]
        low, value, high = target.from_scale(np.sort(quantiles))
        return Estimate(target, float(value), float(low), float(high), None, facts["error"], facts["windows"])
