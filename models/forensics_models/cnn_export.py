"""The trained network as an ONNX model, written layer by layer; needs the package onnx, and no Keras backend's own
exporter.

The model takes uint8 pixels `(n, h, w, 3)` named `pixels` and gives the outputs of `cnn_network.OUTPUTS`. Inside,
pictures are stored channels first; spectra `(n, 129, c)` and vectors as in Keras.

References
----------
.. [1] ONNX operator schemas, opset 17, https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from forensics_models.cnn_bank import (
    CERTAINTY,
    FARTHEST,
    FLOOR,
    FREQUENCIES,
    FULL_RANGE,
    FULL_RANGE_BACK,
    GROUPS,
    LIMIT,
    LIMITED_RANGE,
    LIMITED_RANGE_BACK,
    PERIOD,
    fourier_matrix,
)
from forensics_models.cnn_layers import (
    ColourPlanes,
    LatticeDistance,
    NearZero,
    PhaseSpectrum,
    ResidualBank,
    SpatialMoments,
)
from forensics_models.cnn_network import OUTPUTS
from forensics_models.runtime import onnx_runtime

OPSET = 17
"""Version of the ONNX operators that the export is written in."""
IR_VERSION = 9
"""Version of the ONNX file format that goes with it."""
ROUNDING = 1e-5
"""Error in levels that stands for float32's: its numbers near 128 are that far apart."""
_ALL = np.iinfo(np.int64).max


class _Graph:
    """Nodes and constants of a model that is being written."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """The name of a constant; equal ones are stored once."""
        array = np.asarray(values, dtype)
        name = f"c{len(self.constants)}"
        for known, stored in self.constants.items():
            if stored.dtype == array.dtype and stored.shape == array.shape and np.array_equal(stored, array):
                return known
        self.constants[name] = array
        return name

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Append a node; the name of its output, or a tuple of names."""
        from onnx import helper

        names = [f"t{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else tuple(names)

    def slice(self, x: str, start: list[int], end: list[int], axes: list[int]) -> str:
        return self.add("Slice", x, *(self.constant(values, np.int64) for values in (start, end, axes)))

    def reshape(self, x: str, shape: list[int]) -> str:
        return self.add("Reshape", x, self.constant(shape, np.int64))

    def mean(self, x: str, axes: list[int], keep: bool = False) -> str:
        return self.add("ReduceMean", x, axes=axes, keepdims=int(keep))

    def pointwise(self, x: str, matrix: np.ndarray) -> str:
        """A matrix over channels, rows an output."""
        return self.add("Conv", x, self.constant(matrix[:, :, None, None]))


def _colour(graph: _Graph, layer: Any, x: str) -> str:
    return graph.pointwise(graph.add("Sub", x, graph.constant(128.0)), FULL_RANGE)


def _lattice(graph: _Graph, layer: Any, x: str) -> str:
    planes = []
    for forward, back in ((FULL_RANGE, FULL_RANGE_BACK), (LIMITED_RANGE, LIMITED_RANGE_BACK)):
        returned = graph.pointwise(graph.add("Round", graph.pointwise(x, forward)), back)
        change = graph.add("Abs", graph.add("Sub", returned, x))
        distance = graph.add("Min", graph.add("ReduceMax", change, axes=[1], keepdims=1), graph.constant(FARTHEST))
        offset, slope = CERTAINTY
        certainty = graph.add("Add", graph.add("Mul", distance, graph.constant(slope)), graph.constant(offset))
        planes += [distance, graph.add("Clip", certainty, graph.constant(0.0), graph.constant(1.0))]
    return graph.add("Concat", *planes, axis=1)


def _residuals(graph: _Graph, layer: Any, x: str) -> str:
    kernels = ResidualBank.kernels()
    parts = []
    for plane, first, last, start, end in GROUPS:
        stop = end - 9 if end < 9 else _ALL
        cut = graph.slice(x, [plane, start, start], [plane + 1, stop, stop], [1, 2, 3])
        kernel = kernels[start:end, start:end, plane : plane + 1, first:last].transpose(3, 2, 0, 1)
        parts.append(graph.add("Conv", cut, graph.constant(kernel)))
    whole = graph.add("Concat", *parts, axis=1)
    scale = graph.add("Add", graph.add("Div", graph.add("Abs", whole), graph.constant(LIMIT)), graph.constant(1.0))
    return graph.add("Div", whole, scale)


def _near_zero(graph: _Graph, layer: Any, x: str) -> str:
    return graph.add("Exp", graph.add("Neg", graph.add("Mul", x, x)))


def _spectrum(graph: _Graph, layer: Any, x: str) -> str:
    sides = graph.slice(graph.add("Shape", x), [2], [_ALL], [0])
    period = graph.constant([PERIOD, PERIOD], np.int64)
    ends = graph.add("Mul", graph.add("Div", sides, period), period)
    x = graph.add(
        "Slice", graph.add("Abs", x), graph.constant([0, 0], np.int64), ends, graph.constant([2, 3], np.int64)
    )
    columns = graph.mean(graph.reshape(x, [0, 0, 0, -1, PERIOD]), [3])
    folded = graph.mean(graph.reshape(columns, [0, 0, -1, PERIOD, PERIOD]), [2])
    folded = graph.reshape(folded, [0, 0, PERIOD**2])
    level = graph.add("Add", graph.mean(folded, [2], keep=True), graph.constant(FLOOR))
    waves = graph.add("MatMul", graph.add("Div", folded, level), graph.constant(fourier_matrix()))
    real, imaginary = graph.add("Split", waves, graph.constant([FREQUENCIES] * 2, np.int64), outputs=2, axis=2)
    power = graph.add("Add", graph.add("Mul", real, real), graph.add("Mul", imaginary, imaginary))
    magnitude = graph.add("Sqrt", graph.add("Add", power, graph.constant(1e-8)))
    return graph.add("Transpose", magnitude, perm=[0, 2, 1])


def _moments(graph: _Graph, layer: Any, x: str) -> str:
    mean = graph.mean(graph.mean(x, [3], keep=True), [2], keep=True)
    centred = graph.add("Sub", x, mean)
    variance = graph.mean(graph.mean(graph.add("Mul", centred, centred), [3]), [2])
    spread = graph.add("Sqrt", graph.add("Add", variance, graph.constant(FLOOR)))
    return graph.add("Concat", graph.reshape(mean, [0, -1]), spread, axis=1)


def _convolution(graph: _Graph, layer: Any, x: str) -> str:
    kernel, bias = layer.get_weights()
    names = (graph.constant(kernel.transpose(3, 2, 0, 1)), graph.constant(bias))
    return _activated(graph, layer, graph.add("Conv", x, *names, strides=list(layer.strides), auto_pad="SAME_UPPER"))


def _dense(graph: _Graph, layer: Any, x: str) -> str:
    kernel, bias = layer.get_weights()
    return _activated(
        graph, layer, graph.add("Add", graph.add("MatMul", x, graph.constant(kernel)), graph.constant(bias))
    )


def _activated(graph: _Graph, layer: Any, x: str) -> str:
    name = layer.activation.__name__
    if name not in ("relu", "linear"):
        raise ValueError(f"the activation {name!r} of layer {layer.name!r} is not known to the export")
    return graph.add("Relu", x) if name == "relu" else x


def _normalisation(graph: _Graph, layer: Any, x: str) -> str:
    gamma, beta, mean, variance = (weight.astype(np.float64) for weight in layer.get_weights())
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return graph.add("Add", graph.add("Mul", x, graph.constant(scale)), graph.constant(beta - mean * scale))


def _cropping(graph: _Graph, layer: Any, x: str) -> str:
    (top, bottom), (left, right) = layer.cropping
    return graph.slice(x, [top, left], [-bottom, -right], [2, 3])


def _rescaling(graph: _Graph, layer: Any, x: str) -> str:
    return graph.add("Mul", x, graph.constant(layer.scale))


def _concatenation(graph: _Graph, layer: Any, *inputs: str) -> str:
    rank = len(layer.output.shape)
    return graph.add("Concat", *inputs, axis=1 if rank == 4 else rank - 1)


_WRITERS: dict[type, Callable[..., str]] = {
    ColourPlanes: _colour,
    LatticeDistance: _lattice,
    ResidualBank: _residuals,
    NearZero: _near_zero,
    PhaseSpectrum: _spectrum,
    SpatialMoments: _moments,
    layers.Conv2D: _convolution,
    layers.Dense: _dense,
    layers.BatchNormalization: _normalisation,
    layers.Cropping2D: _cropping,
    layers.Rescaling: _rescaling,
    layers.Concatenate: _concatenation,
    layers.Add: lambda graph, layer, *inputs: graph.add("Add", *inputs),
    layers.Flatten: lambda graph, layer, x: graph.add("Flatten", x, axis=1),
    layers.Dropout: lambda graph, layer, x: x,
}


def to_onnx(model: keras.Model) -> bytes:
    """A network of `cnn_network.build` as a serialised ONNX model, in float32.

    Raises
    ------
    ValueError
        A layer or an activation is not known to the export.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = _Graph()
    x = graph.add("Cast", "pixels", to=TensorProto.FLOAT)
    values = {id(model.inputs[0]): graph.add("Transpose", x, perm=[0, 3, 1, 2])}
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        writer = _WRITERS.get(type(layer))
        if writer is None:
            raise ValueError(f"the layer {layer.name!r} of type {type(layer).__name__} is not known to the export")
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        values[id(layer.output)] = writer(graph, layer, *(values[id(tensor)] for tensor in inputs))
    for name in OUTPUTS:
        graph.nodes.append(helper.make_node("Identity", [values[id(model.get_layer(name).output)]], [name]))
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "compression_traces",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", "height", "width", 3])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", model.get_layer(name).output.shape[1]])
                for name in OUTPUTS
            ],
            [numpy_helper.from_array(values, name) for name, values in graph.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="forensics_models",
    )
    onnx.checker.check_model(made)
    return made.SerializeToString()


def largest_difference(model: keras.Model, onnx_model: bytes, patches: np.ndarray) -> float:
    """Largest absolute difference of any output between Keras and ONNX Runtime on uint8 patches `(n, h, w, 3)`.

    Spectra of nearly flat patches amplify the order in which float32 sums are taken. So on each patch the difference
    counts as far as it exceeds what an error of `ROUNDING` in every pixel does to Keras' own answer. The Keras network
    must compute in float32.
    """
    session = onnx_runtime().InferenceSession(onnx_model, providers=["CPUExecutionProvider"])
    ours = session.run(list(OUTPUTS), {"pixels": patches})
    pixels = patches.astype(np.float32)
    errors = np.random.default_rng(0).choice([-ROUNDING, ROUNDING], pixels.shape).astype(np.float32)
    theirs, moved = model.predict_on_batch(pixels), model.predict_on_batch(pixels + errors)
    return max(
        float(
            (
                _largest(found, np.asarray(theirs[name])) - _largest(np.asarray(moved[name]), np.asarray(theirs[name]))
            ).max()
        )
        for name, found in zip(OUTPUTS, ours, strict=True)
    )


def _largest(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Largest absolute difference on each patch, `np.ndarray [shape=(n,)]`."""
    return np.abs(one - other).reshape(len(one), -1).max(axis=1)
