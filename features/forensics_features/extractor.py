"""All families as one feature vector, in scikit-learn's transformer interface."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from forensics_features.family import Family
from forensics_features.planes import Planes, as_planes

FEATURES_VERSION = 2
"""Raised whenever a name, an order or a value of the vector changes; a model states the version it was trained on."""

FAMILIES = ("lattice", "chroma", "rounding", "block_dct", "blockiness", "wavelet", "lapped", "cooccurrence")
"""Module names of the families, in the order of the vector."""

FURTHER_FAMILIES = ("processing",)
"""Families that are measured only where they are named: what came after the codec, which a judge of codecs must not
lean on.
"""


def family(name: str) -> Family:
    """One family by its module name; raises `ValueError` for a name that is none."""
    if name not in (*FAMILIES, *FURTHER_FAMILIES):
        raise ValueError(f"feature families are {', '.join((*FAMILIES, *FURTHER_FAMILIES))}, not {name!r}")
    return import_module(f"forensics_features.{name}").FAMILY


def _size(planes: Planes) -> np.ndarray:
    height, width = planes.y.shape
    return np.array([np.log2(height * width), float(planes.grey)], np.float32)


_SIZE = Family("picture", ("log2_pixels", "grey"), _size)


class FeatureExtractor:
    """Picture windows to feature vectors.

    Stateless: `fit` only returns the extractor, so it can stand first in a scikit-learn pipeline.

    Parameters
    ----------
    families : sequence of str, optional
        Some of `FAMILIES` and `FURTHER_FAMILIES`; all of the first when not given. The log2 of the pixel count and a
        grey flag always come first.

    Attributes
    ----------
    feature_names : tuple of str
        `<family>.<measure>`, in the order of the columns.
    version : int
        `FEATURES_VERSION`.
    """

    def __init__(self, families: Sequence[str] | None = None) -> None:
        self.families = families
        self._parts = [_SIZE, *(family(name) for name in (FAMILIES if families is None else families))]
        self.feature_names = tuple(f"{part.name}.{name}" for part in self._parts for name in part.names)
        self.version = FEATURES_VERSION

    def fit(self, pictures: Any = None, y: Any = None) -> FeatureExtractor:
        """Nothing to learn; returns the extractor."""
        return self

    def vector(self, pixels: np.ndarray) -> np.ndarray:
        """One picture's features, `np.ndarray [shape=(len(feature_names),), dtype=float32]`; see `planes.as_planes` for
        the input.
        """
        planes = as_planes(pixels)
        return np.concatenate([part.compute(planes) for part in self._parts]).astype(np.float32)

    def transform(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Features of several pictures, `np.ndarray [shape=(n, len(feature_names)), dtype=float32]`; sizes may
        differ.
        """
        rows = [self.vector(pixels) for pixels in pictures]
        return np.stack(rows) if rows else np.empty((0, len(self.feature_names)), np.float32)

    def fit_transform(self, pictures: Iterable[np.ndarray], y: Any = None) -> np.ndarray:
        """Same as `transform`."""
        return self.transform(pictures)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Column names, `np.ndarray [shape=(len(feature_names),), dtype=object]`."""
        return np.array(self.feature_names, dtype=object)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, as scikit-learn's `clone` needs them."""
        return {"families": self.families}

    def set_params(self, **params: Any) -> FeatureExtractor:
        """Change the families; returns the extractor."""
        self.__init__(**{**self.get_params(), **params})  # type: ignore[misc]
        return self
