"""The judge of block phases: which codec came last, from blocks that start at the picture's first sample: how
neighbouring samples differ by their place in them (`forensics_features.block_phases`), and how sparse their transforms
are (`forensics_features.block_spectra`).

A few small networks for each of both, whose probabilities are averaged. Of a picture that was cropped, whose blocks
start elsewhere, it says little: it is one of the things that the judge of recompression weighs, not a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.recompression import FAMILIES
from forensics_models.storage import packed, read_card, unpacked

CARD_FILE, NETWORKS_FILE = "block_phases.json", "block_phases.npz"
PARTS = ("phases", "spectra", "both")
"""What networks are shown of a picture; each has some of its own. Of 1,799 validation pictures, learned from 25,879,
one of phases has 70.7 % right (area under the curve of AV1 against HEVC 0.916), one of spectra 74.9 % (0.925), several
of both 79.0 % (0.949), and the mean of all, those of both counting twice, 79.3 % (0.952).
"""

_LEAST = 1e-4
"""Added to probabilities before their logarithms: it is not surer than one in ten thousand."""


@dataclass(frozen=True)
class Network:
    """Layers of rectified linear units, and a linear one, of values that are bent: tanh((value - mean) / scale).

    Attributes
    ----------
    mean, scale : np.ndarray [shape=(d,), dtype=float32]
    weights : sequence of np.ndarray [shape=(units of the layer before, units), dtype=float32]
        Of every layer; the last has `len(FAMILIES)` units.
    biases : sequence of np.ndarray [shape=(units,), dtype=float32]
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: Sequence[np.ndarray]
    biases: Sequence[np.ndarray]

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Of n rows of values, `np.ndarray [shape=(n, len(FAMILIES)), dtype=float64]`."""
        seen = np.tanh((np.atleast_2d(values).astype(np.float32) - self.mean) / self.scale)
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            seen = np.maximum(seen @ weights + bias, 0)
        logits = (seen @ self.weights[-1] + self.biases[-1]).astype(np.float64)
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
            f"{part}.{k}.{name}": value
            for part in PARTS
            for k, one in enumerate(networks[part])
            for name, value in _arrays(one).items()
        }
    )


def _arrays(network: Network) -> dict[str, np.ndarray]:
    layers = zip(network.weights, network.biases, strict=True)
    found = {"mean": network.mean.astype(np.float32), "scale": network.scale.astype(np.float32)}
    for number, (weights, bias) in enumerate(layers):
        found |= {f"weights{number}": weights.astype(np.float16), f"bias{number}": bias.astype(np.float32)}
    return found


def _of(arrays: Mapping[str, np.ndarray]) -> dict[str, list[Network]]:
    found: dict[str, list[Network]] = {}
    for part in PARTS:
        names = [name.split(".") for name in arrays if name.startswith(f"{part}.")]
        found[part] = [_network(arrays, f"{part}.{k}.") for k in range(len({name[1] for name in names}))]
        if not found[part]:
            raise KeyError(part)
    return found


def _network(arrays: Mapping[str, np.ndarray], prefix: str) -> Network:
    layers = range(sum(name.startswith(f"{prefix}bias") for name in arrays))
    mean, scale = (arrays[prefix + name] for name in ("mean", "scale"))
    weights = [arrays[f"{prefix}weights{number}"].astype(np.float32) for number in layers]
    return Network(mean, scale, weights, [arrays[f"{prefix}bias{number}"] for number in layers])


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
