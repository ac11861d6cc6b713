"""The judge of block phases: which codec came last, from how neighbouring samples differ by their place in blocks that
start at the picture's first sample (`forensics_features.block_phases`).

A few small networks, whose probabilities are averaged. Of a picture that was cropped, whose blocks start elsewhere, it
says little: it is one of the things that the judge of recompression weighs, not a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.recompression import FAMILIES
from forensics_models.storage import packed, read_card, unpacked

CARD_FILE, NETWORKS_FILE = "block_phases.json", "block_phases.npz"


_LEAST = 1e-4
"""Added to probabilities before their logarithms: it is not surer than one in ten thousand."""


@dataclass(frozen=True)
class Network:
    """One hidden layer of rectified linear units.

    Attributes
    ----------
    hidden : np.ndarray [shape=(d, h), dtype=float32]
    hidden_bias : np.ndarray [shape=(h,), dtype=float32]
    last : np.ndarray [shape=(h, len(FAMILIES)), dtype=float32]
    last_bias : np.ndarray [shape=(len(FAMILIES),), dtype=float32]
    """

    hidden: np.ndarray
    hidden_bias: np.ndarray
    last: np.ndarray
    last_bias: np.ndarray

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Of n rows of values, `np.ndarray [shape=(n, len(FAMILIES)), dtype=float64]`."""
        seen = np.maximum(np.atleast_2d(values).astype(np.float32) @ self.hidden + self.hidden_bias, 0)
        logits = (seen @ self.last + self.last_bias).astype(np.float64)
        found = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def logarithms(networks: Sequence[Network], values: np.ndarray) -> np.ndarray:
    """Of the mean probabilities of networks, `np.ndarray [shape=(n, len(FAMILIES)), dtype=float64]`."""
    return np.asarray(np.log(np.mean([one.probabilities(values) for one in networks], axis=0) + _LEAST))


def to_bytes(networks: Sequence[Network]) -> bytes:
    """The contents of an `.npz` file, weights in half precision; the same networks give the same bytes."""
    return packed(
        {
            f"{k}.{name}": value.astype(np.float32 if name.endswith("bias") else np.float16)
            for k, one in enumerate(networks)
            for name, value in vars(one).items()
        }
    )


def _of(arrays: Mapping[str, np.ndarray]) -> list[Network]:
    count = len({name.split(".")[0] for name in arrays})
    names = [field.name for field in fields(Network)]
    return [Network(*(arrays[f"{k}.{name}"].astype(np.float32) for name in names)) for k in range(count)]


class BlockPhaseJudge:
    """The judge of block phases in a folder; `card` has its figures and what they rest on."""

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        if tuple(stored["families"]) != FAMILIES:
            raise ValueError(f"{CARD_FILE} was made for other families")
        self.card: dict[str, Any] = stored["card"]
        arrays = unpacked(folder / NETWORKS_FILE, "networks of the judge of block phases")
        try:
            self._networks = _of(arrays)
        except KeyError as error:
            raise ValueError(f"{NETWORKS_FILE} holds no networks: {error}") from None

    def logarithms(self, values: np.ndarray) -> np.ndarray:
        """Of the probabilities by `FAMILIES`, `np.ndarray [shape=(len(FAMILIES),), dtype=float64]`.

        Parameters
        ----------
        values : np.ndarray [shape=(d,)]
            As of `forensics_features.block_phases.values_of`.
        """
        return np.asarray(logarithms(self._networks, values)[0])
