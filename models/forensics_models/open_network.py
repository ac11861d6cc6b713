"""The network of the open judge: from one window's features to the margins of processes and of what happened since.

Features first become ranks: each is mapped to the normal quantile of its rank among the training windows, since their
scales and tails differ by orders of magnitude; a missing one becomes 0, the middle, and which are missing is given
as well. Then come dense layers with residual connections, and one linear layer for each of the two questions. All of it
is NumPy on arrays of a `.npz`, so that a judgement loads no engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from forensics_models.storage import packed, unpacked

KNOTS = 65
"""Ranks at which a feature's values are kept, evenly spread from the least to the greatest."""
_OUTERMOST = 0.003
"""Ranks are clipped to this from both ends before they become normal quantiles of at most 2.75: the extremes of a
training set say little of the next picture's.
"""
_RARE = 0.002
"""Share of the training windows that a pattern of missing features must have, and leave, to be given to the network."""


@dataclass(frozen=True)
class Ranks:
    """Maps features to normal quantiles of their ranks.

    Attributes
    ----------
    knots : np.ndarray [shape=(c, KNOTS), dtype=float32]
        Each feature's values at even ranks, ascending.
    values : np.ndarray [shape=(c, KNOTS), dtype=float32]
        What those become; equal knots have one value, that of their middle rank.
    missing : np.ndarray [shape=(m,), dtype=int64]
        Columns whose absence is given, one for each pattern of missing features.
    """

    knots: np.ndarray
    values: np.ndarray
    missing: np.ndarray

    @property
    def width(self) -> int:
        """Columns that come out."""
        return len(self.knots) + len(self.missing)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Ranks and absences of n windows, `np.ndarray [shape=(n, width), dtype=float32]`."""
        made = np.empty((len(features), self.width), np.float32)
        columns = np.arange(len(self.knots))  # as `np.interp` of each, all columns of a row at once
        for row, given in zip(made, np.asarray(features, np.float64), strict=True):
            x = given[: len(self.knots)]
            at = np.clip((self.knots <= x[:, None]).sum(axis=1) - 1, 0, KNOTS - 2)
            left, right = self.knots[columns, at].astype(np.float64), self.knots[columns, at + 1].astype(np.float64)
            low, high = self.values[columns, at].astype(np.float64), self.values[columns, at + 1].astype(np.float64)
            with np.errstate(invalid="ignore", divide="ignore"):
                between = (high - low) / (right - left) * (x - left) + low
            inside = np.where(x >= right, high, np.where(x <= left, low, between))
            row[: len(self.knots)] = np.where(np.isnan(x), np.nan, inside)
        made[:, len(self.knots) :] = np.isnan(features[:, self.missing])
        np.nan_to_num(made, copy=False)
        return made

    @classmethod
    def of(cls, features: np.ndarray) -> Ranks:
        """Those of training windows, `features` of shape (n, c) with NaN for what is missing.

        Examples
        --------
        >>> import numpy as np
        >>> from forensics_models.open_network import Ranks
        >>> ranks = Ranks.of(np.array([[1.0], [2.0], [100.0]]))
        >>> ranks(np.array([[2.0], [1e9], [np.nan]])).round(2).ravel().tolist()
        [0.0, 2.75, 0.0]
        """
        from scipy.special import ndtri

        ranks = np.linspace(0, 1, KNOTS)
        knots = np.zeros((features.shape[1], KNOTS), np.float32)
        values = np.zeros_like(knots)
        for column, row in enumerate(knots):
            known = features[np.isfinite(features[:, column]), column]
            if len(known):
                row[:] = np.quantile(known, ranks)
            first, last = np.searchsorted(row, row, "left"), np.searchsorted(row, row, "right") - 1
            middle = (ranks[first] + ranks[last]) / 2
            values[column] = ndtri(np.clip(middle, _OUTERMOST, 1 - _OUTERMOST))
        gone = np.isnan(features)
        share = gone.mean(axis=0)
        _, columns = np.unique(gone, axis=1, return_index=True)
        marked = columns[(share[columns] > _RARE) & (share[columns] < 1 - _RARE)]
        return cls(knots, values, np.sort(marked))


@dataclass(frozen=True)
class Layer:
    """A dense layer: `weights` [shape=(inputs, outputs)] and `bias` [shape=(outputs,)], float32."""

    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return rows @ self.weights + self.bias


@dataclass(frozen=True)
class OpenNetwork:
    """Ranks, the hidden layers, of which all but the first add to what they are given, and two linear answers."""

    ranks: Ranks
    hidden: tuple[Layer, ...]
    process: Layer
    after: Layer

    def margins(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Margins of n windows over `classes.OPEN_CLASSES` and over `classes.AFTERWARDS`.

        Parameters
        ----------
        features : np.ndarray [shape=(n, c), dtype=float32]
            As of `open_judge.with_codecs`.

        Returns
        -------
        process : np.ndarray [shape=(n, len(OPEN_CLASSES)), dtype=float64]
        after : np.ndarray [shape=(n, len(AFTERWARDS)), dtype=float64]
        """
        rows = self.ranks(features)
        first, *others = self.hidden
        seen = _swish(first(rows))
        for layer in others:
            seen = seen + _swish(layer(seen))
        return self.process(seen).astype(np.float64), self.after(seen).astype(np.float64)

    def to_bytes(self) -> bytes:
        """The contents of an `.npz` file, weights in half precision; the same network gives the same bytes."""
        arrays = {
            "knots": self.ranks.knots,
            "values": self.ranks.values.astype(np.float16),
            "missing": self.ranks.missing.astype(np.int32),
        }
        for name, layer in self._layers():
            arrays[f"{name}.weights"] = layer.weights.astype(np.float16)
            arrays[f"{name}.bias"] = layer.bias.astype(np.float32)
        return packed(arrays)

    @classmethod
    def read(cls, file: Path | Traversable) -> OpenNetwork:
        """The network that a file holds; raises `OSError` where it cannot be read, `ValueError` where it is not one."""
        arrays = unpacked(file, "network of the open judge")
        try:
            hidden = sum(name.startswith("hidden") and name.endswith(".bias") for name in arrays)
            layers = {
                name: Layer(arrays[f"{name}.weights"].astype(np.float32), arrays[f"{name}.bias"])
                for name in (*(f"hidden{k}" for k in range(hidden)), "process", "after")
            }
            ranks = Ranks(arrays["knots"], arrays["values"].astype(np.float32), arrays["missing"].astype(np.int64))
        except KeyError as error:
            raise ValueError(f"{file.name} holds no network of the open judge: {error}") from None
        return cls(ranks, tuple(layers[f"hidden{k}"] for k in range(hidden)), layers["process"], layers["after"])

    def _layers(self) -> list[tuple[str, Layer]]:
        hidden = [(f"hidden{k}", layer) for k, layer in enumerate(self.hidden)]
        return [*hidden, ("process", self.process), ("after", self.after)]


def _swish(rows: np.ndarray) -> np.ndarray:
    """x times its logistic function (Ramachandran, Zoph, Le 2017, arXiv:1710.05941)."""
    return rows / (1.0 + np.exp(-np.maximum(rows, -80.0)))
