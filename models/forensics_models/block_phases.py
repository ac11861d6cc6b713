"""The judge of block phases: which codec came last, from blocks that start at the picture's first sample: how
neighbouring samples differ by their place in them (`forensics_features.block_phases`), and how sparse their transforms
are (`forensics_features.block_spectra`).

A few small networks for each of both, whose probabilities are averaged. Of a picture that was cropped, whose blocks
start elsewhere, it says little: it is one of the things that the judge of recompression weighs, not a verdict.
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
PARTS = ("phases", "spectra", "both")
"""What networks are shown of a picture; each has some of its own. Of 1,799 validation pictures, learned from 11,152
with two networks each, those of phases and of spectra have 76.0 % right together (log-loss 0.801), those of both 74.1 %
(0.784): neither is better throughout, and all are averaged.
"""

_LEAST = 1e-4
"""Added to probabilities before their logarithms: it is not surer than one in ten thousand."""


@dataclass(frozen=True)
class Network:
    """One hidden layer of rectified linear units, of values that are bent: tanh((value - mean) / scale).

    Attributes
    ----------
    mean, scale : np.ndarray [shape=(d,), dtype=float32]
    hidden : np.ndarray [shape=(d, h), dtype=float32]
    hidden_bias : np.ndarray [shape=(h,), dtype=float32]
    last : np.ndarray [shape=(h, len(FAMILIES)), dtype=float32]
    last_bias : np.ndarray [shape=(len(FAMILIES),), dtype=float32]
    """

    mean: np.ndarray
    scale: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    last: np.ndarray
    last_bias: np.ndarray

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Of n rows of values, `np.ndarray [shape=(n, len(FAMILIES)), dtype=float64]`."""
        bent = np.tanh((np.atleast_2d(values).astype(np.float32) - self.mean) / self.scale)
        seen = np.maximum(bent @ self.hidden + self.hidden_bias, 0)
        logits = (seen @ self.last + self.last_bias).astype(np.float64)
        found = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def parts_of(phases: np.ndarray, spectra: np.ndarray) -> dict[str, np.ndarray]:
    """What networks are shown, by `PARTS`, of values of shape (n, d) or (d,)."""
    return {"phases": phases, "spectra": spectra, "both": np.concatenate([phases, spectra], axis=-1)}


Networks = Mapping[str, Sequence[Network]]
"""Networks by part."""


def logarithms(networks: Networks, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Of the mean probabilities of all networks, `np.ndarray [shape=(n, len(FAMILIES)), dtype=float64]`; `values` as of
    `parts_of`.
    """
    each = [one.probabilities(values[part]) for part in PARTS for one in networks[part]]
    return np.asarray(np.log(np.mean(each, axis=0) + _LEAST))


def to_bytes(networks: Networks) -> bytes:
    """The contents of an `.npz` file, weights in half precision; the same networks give the same bytes."""
    return packed(
        {
            f"{part}.{k}.{name}": value.astype(np.float16 if name in ("hidden", "last") else np.float32)
            for part in PARTS
            for k, one in enumerate(networks[part])
            for name, value in vars(one).items()
        }
    )


def _of(arrays: Mapping[str, np.ndarray]) -> dict[str, list[Network]]:
    names = [field.name for field in fields(Network)]
    found: dict[str, list[Network]] = {}
    for part in PARTS:
        count = len({name.split(".")[1] for name in arrays if name.startswith(f"{part}.")})
        found[part] = [
            Network(*(arrays[f"{part}.{k}.{name}"].astype(np.float32) for name in names)) for k in range(count)
        ]
        if not count:
            raise KeyError(part)
    return found


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

    def logarithms(self, phases: np.ndarray, spectra: np.ndarray) -> np.ndarray:
        """Of the probabilities by `FAMILIES`, `np.ndarray [shape=(len(FAMILIES),), dtype=float64]`.

        Parameters
        ----------
        phases : np.ndarray [shape=(d,)]
            As of `forensics_features.block_phases.values_of`.
        spectra : np.ndarray [shape=(d,)]
            As of `forensics_features.block_spectra.block_spectra`.
        """
        return np.asarray(logarithms(self._networks, parts_of(phases, spectra))[0])
