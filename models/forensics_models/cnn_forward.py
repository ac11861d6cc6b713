"""The network of `cnn_network` at run time, on NumPy and a few kernels.

A general engine writes each of some forty steps on planes of the window's size to memory, and takes 70 MiB for them;
where other processes compete for memory, most of its time is spent there. Here residuals are separable and made in one
pass, statistics are taken of a plane while it is in the cache, and convolutions are matrix products of a few rows at a
time. Answers are the exported model's up to rounding (`tests/models/test_cnn_forward.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from forensics_models import onnx_file
from forensics_models.cnn_bank import (
    CERTAINTY,
    FARTHEST,
    FLOOR,
    FREQUENCIES,
    FULL_RANGE,
    FULL_RANGE_BACK,
    LIMIT,
    LIMITED_RANGE,
    LIMITED_RANGE_BACK,
    MARGIN,
    PERIOD,
    TONE,
    block_cosines,
    fourier_matrix,
    wavelet_filters,
)

_RESIDUALS, _LATTICE, _TONE = slice(0, 22), slice(22, 26), slice(26, 29)
"""Fixed planes by what they are."""
_ROWS = 8
"""Rows of a convolution's result that are computed at once: their 144 operands each stay in the cache."""
_LEAST_POWER = 1e-8
"""Added to the power of a folded map's waves, as in training."""


@dataclass(frozen=True)
class Convolution:
    """A learned convolution, rectified, padded to the same size: `kernel` [shape=(outputs, inputs * size * size)]."""

    kernel: np.ndarray
    bias: np.ndarray
    size: int
    stride: int

    def __call__(self, planes: np.ndarray) -> np.ndarray:
        """`planes` [shape=(inputs, h, w), dtype=float32] to [shape=(outputs, ceil(h / stride), ceil(w / stride))]."""
        count, height, width = planes.shape
        if self.size == 1:
            found = self.kernel @ planes.reshape(count, -1)
            return _rectified(found, self.bias).reshape(-1, height, width)
        stride, (tall, wide) = self.stride, (-(-side // self.stride) for side in (height, width))
        before = [max((out - 1) * stride + self.size - side, 0) // 2 for out, side in ((tall, height), (wide, width))]
        padded = np.zeros((count, (tall - 1) * stride + self.size, (wide - 1) * stride + self.size), np.float32)
        inside = padded[:, before[0] : before[0] + height, before[1] : before[1] + width]
        inside[...] = planes[:, : inside.shape[1], : inside.shape[2]]
        found = np.empty((len(self.bias), tall, wide), np.float32)
        operands = np.empty((count, self.size, self.size, min(_ROWS, tall), wide), np.float32)
        for top in range(0, tall, _ROWS):
            rows = min(_ROWS, tall - top)
            own = operands if rows == operands.shape[3] else np.empty((*operands.shape[:3], rows, wide), np.float32)
            for v in range(self.size):
                lines = slice(top * stride + v, (top + rows - 1) * stride + v + 1, stride)
                for h in range(self.size):
                    own[:, v, h] = padded[:, lines, h : (wide - 1) * stride + h + 1 : stride]
            found[:, top : top + rows] = (self.kernel @ own.reshape(self.kernel.shape[1], -1)).reshape(-1, rows, wide)
        return _rectified(found, self.bias[:, None])


@dataclass(frozen=True)
class Dense:
    """A dense layer; what it gives is rectified where that is said."""

    weights: np.ndarray
    bias: np.ndarray
    rectified: bool

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        found = rows @ self.weights + self.bias
        return np.maximum(found, 0, out=found) if self.rectified else found


@dataclass(frozen=True)
class Scaling:
    """A normalisation as learned: a factor and an offset each channel."""

    factor: np.ndarray
    offset: np.ndarray

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return rows * self.factor + self.offset


@dataclass(frozen=True)
class Network:
    """The learned layers of a network of `cnn_network`, by its names."""

    mix: Convolution
    full: tuple[Convolution, ...]
    trunk: tuple[Convolution, ...]
    spectra_norm: Scaling
    spectra_mix: Dense
    phase: Dense
    pooled_norm: Scaling
    hidden: Dense
    embedding: Dense
    heads: dict[str, Dense]

    @classmethod
    def read(cls, data: bytes) -> Network:
        """The network of an ONNX model as `cnn_export` writes it; raises `ValueError` where it is another."""
        return _Traced(onnx_file.read(data)).network()

    def run(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """The answers to one patch, RGB [shape=(h, w, 3), dtype=uint8], by `cnn_network.OUTPUTS`, each of one axis."""
        from forensics_models._cnn_kernels import folded_and_moments

        planes = fixed_planes(pixels)
        folded = np.empty((len(planes) + planes[_RESIDUALS].shape[0], PERIOD, PERIOD), np.float32)
        moments = np.empty((len(folded), 2), np.float32)
        folded_and_moments(planes, folded[: len(planes)], moments[: len(planes)])
        near = np.empty((1, *planes.shape[1:]), np.float32)
        for at, residual in enumerate(planes[_RESIDUALS], len(planes)):
            np.exp(np.negative(np.multiply(residual, residual, out=near[0]), out=near[0]), out=near[0])
            folded_and_moments(near, folded[at : at + 1], moments[at : at + 1])
        spectra, pooled = [_spectrum(folded)], [_pooled(moments)]

        seen = self.mix(planes)
        del planes, near
        for layer in self.full:
            seen = layer(seen)
            folded, moments = np.empty((len(seen), PERIOD, PERIOD), np.float32), np.empty((len(seen), 2), np.float32)
            folded_and_moments(seen, folded, moments)
            spectra.append(_spectrum(folded))
            pooled.append(_pooled(moments))
        for layer in self.trunk:
            further = layer(seen)
            seen = further if layer.stride > 1 else seen + further
        mean = seen.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
        variance = np.square(seen - mean[:, None, None]).mean(axis=(1, 2), dtype=np.float64)
        pooled.append(_pooled(np.stack([mean, variance.astype(np.float32)], axis=1)))

        phase = self.phase(self.spectra_mix(self.spectra_norm(np.concatenate(spectra, axis=1))).ravel())
        embedding = self.embedding(self.hidden(np.concatenate([self.pooled_norm(np.concatenate(pooled)), phase])))
        return {**{name: head(embedding) for name, head in self.heads.items()}, "embedding": embedding}


def fixed_planes(pixels: np.ndarray) -> np.ndarray:
    """Residuals, distances from colour lattices, and tone of a patch, `np.ndarray [shape=(29, h - 8, w - 8),
    dtype=float32]`; `pixels` [shape=(h, w, 3), dtype=uint8].
    """
    from forensics_models._cnn_kernels import lattice_distance, residuals

    rgb = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
    _, height, width = rgb.shape
    colour = (FULL_RANGE @ (rgb - 128).reshape(3, -1)).reshape(3, height, width)
    planes = np.empty((_TONE.stop, height - 2 * MARGIN, width - 2 * MARGIN), np.float32)
    cosines, filters, _ = _constants()
    residuals(colour, cosines, filters, np.float32(LIMIT), planes[_RESIDUALS])
    offset, slope = map(np.float32, CERTAINTY)
    lattices = ((FULL_RANGE, FULL_RANGE_BACK), (LIMITED_RANGE, LIMITED_RANGE_BACK))
    for (forward, back), (distance, certainty) in zip(
        lattices, planes[_LATTICE].reshape(2, 2, *planes.shape[1:]), strict=True
    ):
        lattice_distance(rgb, forward, back, np.float32(FARTHEST), offset, slope, MARGIN, distance, certainty)
    inner = colour[:, MARGIN : height - MARGIN, MARGIN : width - MARGIN]
    np.multiply(inner, np.float32(TONE), out=planes[_TONE])
    return planes


@cache
def _constants() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors of the DCT, the wavelet's filters, and the waves of a folded map, float32."""
    return block_cosines().astype(np.float32), wavelet_filters().astype(np.float32), fourier_matrix()


def _rectified(found: np.ndarray, bias: np.ndarray) -> np.ndarray:
    found += bias[:, None]
    return np.maximum(found, 0, out=found)


def _spectrum(folded: np.ndarray) -> np.ndarray:
    """Magnitudes of folded maps' waves, relative to their means, `np.ndarray [shape=(FREQUENCIES, c),
    dtype=float32]`.
    """
    flat = folded.reshape(len(folded), -1)
    waves = (flat / (flat.mean(axis=1, keepdims=True) + np.float32(FLOOR))) @ _constants()[2]
    real, imaginary = waves[:, :FREQUENCIES], waves[:, FREQUENCIES:]
    return np.asarray(np.sqrt(real * real + imaginary * imaginary + np.float32(_LEAST_POWER)).T)


def _pooled(moments: np.ndarray) -> np.ndarray:
    """Means, then standard deviations, one axis."""
    return np.concatenate([moments[:, 0], np.sqrt(moments[:, 1] + np.float32(FLOOR))])


class _Traced:
    """A graph of `cnn_export`, followed back from its outputs to the learned layers."""

    def __init__(self, graph: onnx_file.Graph) -> None:
        self._graph = graph
        self._maker = {name: node for node in graph.nodes for name in node.outputs}

    def network(self) -> Network:
        try:
            return self._network()
        except (KeyError, IndexError) as error:
            raise ValueError(f"not the network of this package: no {error}") from None

    def _network(self) -> Network:
        heads = {name: self._dense(self._maker[name].inputs[0]) for name in ("margins", "log2_ratio", "ssim_score")}
        embedding, below = self._dense(self._maker["embedding"].inputs[0])
        hidden, below = self._dense(below)
        pooled, phase_out = self._expect(below, "Concat").inputs
        pooled_norm, _ = self._scaling(pooled)
        phase, below = self._dense(phase_out)
        spectra_mix, below = self._dense(self._expect(below, "Flatten").inputs[0])
        spectra_norm, _ = self._scaling(below)
        mix, *others = self._convolutions()
        first = next((k for k, layer in enumerate(others) if layer.stride > 1), len(others))
        return Network(
            mix,
            tuple(others[:first]),
            tuple(others[first:]),
            spectra_norm,
            spectra_mix,
            phase,
            pooled_norm,
            hidden,
            embedding,
            {name: head for name, (head, _) in heads.items()},
        )

    def _expect(self, name: str, operator: str) -> onnx_file.Node:
        node = self._maker[name]
        if node.operator != operator:
            raise KeyError(f"{operator} where {node.operator} stands")
        return node

    def _dense(self, name: str) -> tuple[Dense, str]:
        """A dense layer by its output, and its input's name."""
        rectified = self._maker[name].operator == "Relu"
        added = self._expect(self._maker[name].inputs[0] if rectified else name, "Add")
        product = self._expect(added.inputs[0], "MatMul")
        constants = self._graph.constants
        return Dense(constants[product.inputs[1]], constants[added.inputs[1]], rectified), product.inputs[0]

    def _scaling(self, name: str) -> tuple[Scaling, str]:
        added = self._expect(name, "Add")
        product = self._expect(added.inputs[0], "Mul")
        constants = self._graph.constants
        return Scaling(constants[product.inputs[1]], constants[added.inputs[1]]), product.inputs[0]

    def _convolutions(self) -> list[Convolution]:
        """Learned convolutions, which have a bias, in the order that they run in: one chain."""
        found = []
        for node in self._graph.nodes:
            if node.operator == "Conv" and len(node.inputs) > len(("input", "kernel")):
                kernel, bias = (self._graph.constants[name] for name in node.inputs[1:])
                flat = np.ascontiguousarray(kernel.reshape(len(kernel), -1))
                found.append(Convolution(flat, bias, kernel.shape[2], node.integers["strides"][0]))
        return found
