"""Ensembles of decision trees as a few arrays: what a model's margins need, and nothing that could be executed.

Half a million nodes load in a fraction of the time and of the memory that a graph of operators takes for them, and sums
are those of ONNX Runtime to the last bit: single precision, tree by tree, the base last. `trees` makes ensembles of
XGBoost's boosters.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from forensics_models.storage import packed, unpacked

LEAF = -1
"""Feature of a node that is a leaf."""


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves are summed by output; nodes of all trees lie one after another, every tree from its root down,
    left branches first.

    Attributes
    ----------
    columns : int
        Features that a row has.
    base : np.ndarray [shape=(outputs,), dtype=float32]
        Added to the sums.
    first : np.ndarray [shape=(trees,), dtype=int32]
        Root of each tree.
    output : np.ndarray [shape=(trees,), dtype=int16]
        Where its leaves are added.
    feature : np.ndarray [shape=(nodes,), dtype=int16]
        Column that a node looks at; `LEAF` for a leaf.
    value : np.ndarray [shape=(nodes,), dtype=float32]
        Rows under it go left; what a leaf adds.
    right : np.ndarray [shape=(nodes,), dtype=uint16]
        How many nodes further the right branch begins; the left one is the next node.
    missing_left : np.ndarray [shape=(nodes,), dtype=bool]
        Whether NaN goes left.
    """

    columns: int
    base: np.ndarray
    first: np.ndarray
    output: np.ndarray
    feature: np.ndarray
    value: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray

    def __post_init__(self) -> None:
        """Raises `ValueError` where a row could leave its tree."""
        nodes = len(self.feature)
        if not (len(self.value) == len(self.right) == len(self.missing_left) == nodes):
            raise ValueError("the trees' nodes differ in number")
        if len(self.first) != len(self.output) or not len(self.first) or self.first[0] != 0:
            raise ValueError("the trees' roots are incomplete")
        sizes = np.diff(self.first, append=nodes)
        ends = np.repeat(self.first + sizes, np.maximum(sizes, 0))
        inner = np.flatnonzero(self.feature >= 0)
        steps = self.right[inner].astype(np.int64)
        if sizes.min() < 1 or (steps < 2).any() or (inner + steps >= ends[inner]).any():
            raise ValueError("a branch leads out of its tree")
        if self.feature.max() >= self.columns or self.output.min() < 0 or self.output.max() >= len(self.base):
            raise ValueError("a tree looks at a feature, or adds to an output, that is not there")

    def margins(self, features: np.ndarray) -> np.ndarray:
        """Sums of the leaves that rows reach.

        Parameters
        ----------
        features : np.ndarray [shape=(n, columns), dtype=float32]

        Returns
        -------
        np.ndarray [shape=(n, outputs), dtype=float32]

        Raises
        ------
        ValueError
            Rows have another number of features.
        """
        from forensics_models._ensemble_kernel import add_leaves

        features = np.ascontiguousarray(features, np.float32)
        if features.ndim != 2 or features.shape[1] != self.columns:
            raise ValueError(f"features have shape (n, {self.columns}), not {features.shape}")
        sums = np.zeros((len(features), len(self.base)), np.float32)
        add_leaves(features, self.first, self.output, self.feature, self.value, self.right, self.missing_left, sums)
        sums += self.base
        return sums

    def to_bytes(self) -> bytes:
        """The contents of an `.npz` file; the same ensemble gives the same bytes."""
        return packed({
            "columns": np.int64(self.columns),
            **{name: getattr(self, name) for name in _KINDS},
            "missing_left": np.packbits(self.missing_left),
        })  # fmt: skip


_KINDS = {
    "base": np.float32,
    "first": np.int32,
    "output": np.int16,
    "feature": np.int16,
    "value": np.float32,
    "right": np.uint16,
}
"""Type of the arrays that are stored as they are."""


def load(file: Path | Traversable) -> Ensemble:
    """The ensemble of a file that holds `Ensemble.to_bytes`.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It holds something else; objects that would be unpickled are never loaded.
    """
    stored = unpacked(file, "trees")
    try:
        arrays = {name: stored[name] for name in _KINDS}
        columns, bits = int(stored["columns"]), stored["missing_left"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file.name} holds no trees: {error}") from None
    if any(arrays[name].dtype != kind or arrays[name].ndim != 1 for name, kind in _KINDS.items()):
        raise ValueError(f"{file.name} holds arrays of other types than trees")
    missing = np.unpackbits(bits, count=len(arrays["feature"])).astype(bool)
    return Ensemble(columns=columns, missing_left=missing, **arrays)
