"""The network at run time against ONNX Runtime, and its kernels against SciPy and plain arithmetic."""

import gzip
from importlib.resources import files

import numpy as np
import pytest
from forensics_models import _cnn_kernels, cnn_bank, onnx_file
from forensics_models.cnn_forward import Convolution, Network, fixed_planes
from scipy.ndimage import correlate
from scipy.signal import correlate2d

SHIPPED = gzip.decompress((files("forensics_models") / "artefacts" / "cnn.onnx.gz").read_bytes())


def patch(*shape, seed=0):
    rng = np.random.default_rng(seed)
    rough = rng.normal(128, 60, (*shape, 3))
    return (correlate(rough, np.ones((3, 3, 1)) / 9) + rng.normal(0, 2, rough.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(64, 64), (97, 130), (128, 96)])
def test_answers_are_those_of_onnx_runtime(shape):
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    from forensics_models.runtime import onnx_runtime

    session = onnx_runtime().InferenceSession(SHIPPED, providers=["CPUExecutionProvider"])
    pixels = patch(*shape)
    found = Network.read(SHIPPED).run(pixels)
    for name, expected in zip(found, session.run(list(found), {"pixels": pixels[None]}), strict=True):
        np.testing.assert_allclose(found[name], expected[0], atol=2e-3, err_msg=name)


def test_flat_patches_have_finite_answers():
    for value in (0, 255):
        answers = Network.read(SHIPPED).run(np.full((64, 64, 3), value, np.uint8))
        assert all(np.isfinite(answer).all() for answer in answers.values())


def test_fixed_planes_are_the_bank_and_the_lattices():
    pixels = patch(70, 75)
    planes = fixed_planes(pixels)
    colour = np.einsum("ij,yxj->iyx", cnn_bank.FULL_RANGE.astype(float), pixels.astype(float) - 128)
    kernels = [(0, k) for k in np.moveaxis(cnn_bank.bank_kernels(), -1, 0)]
    kernels += [(plane, k) for plane in (1, 2) for k in np.moveaxis(cnn_bank.chroma_kernels(), -1, 0)]
    for plane, (source, kernel) in zip(planes, kernels, strict=False):
        residual = correlate2d(colour[source], kernel, mode="valid")
        np.testing.assert_allclose(plane, residual / (1 + np.abs(residual) / cnn_bank.LIMIT), atol=1e-4)
    np.testing.assert_allclose(planes[26:], colour[:, 4:-4, 4:-4] / 64, atol=1e-6)
    rgb = pixels[4:-4, 4:-4].astype(float)
    forward, back = cnn_bank.FULL_RANGE.astype(float), cnn_bank.FULL_RANGE_BACK.astype(float)
    change = np.abs(np.rint(rgb @ forward.T) @ back.T - rgb).max(axis=2)
    np.testing.assert_allclose(planes[22], np.minimum(change, 2), atol=1e-6)
    np.testing.assert_allclose(planes[23], (8.5 - 15 * np.minimum(change, 2)).clip(0, 1), atol=1e-5)


@pytest.mark.parametrize("compiled", [True, False])
def test_folded_maps_and_moments_are_means(compiled):
    planes = np.random.default_rng(1).normal(3, 2, (2, 35, 50)).astype(np.float32)
    folded, moments = np.empty((2, 16, 16), np.float32), np.empty((2, 2), np.float32)
    kernel = _cnn_kernels.folded_and_moments
    (kernel if compiled else kernel.py_func)(planes, folded, moments)
    whole = np.abs(planes[:, :32, :48]).reshape(2, 2, 16, 3, 16)
    np.testing.assert_allclose(folded, whole.mean(axis=(1, 3)), rtol=1e-5)
    np.testing.assert_allclose(moments[:, 0], planes.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(moments[:, 1], planes.var(axis=(1, 2)), rtol=1e-4)


def test_uncompiled_kernels_give_what_compiled_ones_give():
    rng = np.random.default_rng(2)
    colour = rng.normal(0, 50, (3, 12, 13)).astype(np.float32)
    cosines, filters = cnn_bank.block_cosines().astype(np.float32), cnn_bank.wavelet_filters().astype(np.float32)
    plain, compiled = np.empty((2, 22, 4, 5), np.float32)
    _cnn_kernels.residuals.py_func(colour, cosines, filters, np.float32(6), plain)
    _cnn_kernels.residuals(colour, cosines, filters, np.float32(6), compiled)
    np.testing.assert_allclose(plain, compiled, atol=1e-4)
    rgb = rng.integers(0, 256, (3, 12, 13)).astype(np.float32)
    results = np.empty((2, 2, 4, 5), np.float32)
    numbers = (np.float32(2), np.float32(8.5), np.float32(-15), 4)
    for run, into in zip((_cnn_kernels.lattice_distance.py_func, _cnn_kernels.lattice_distance), results, strict=True):
        run(rgb, cnn_bank.LIMITED_RANGE, cnn_bank.LIMITED_RANGE_BACK, *numbers, *into)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    ("size", "stride", "shape"), [(3, 1, (9, 21)), (3, 2, (20, 11)), (3, 2, (7, 8)), (1, 1, (5, 6))]
)
def test_convolutions_pad_to_the_same_size(size, stride, shape):
    rng = np.random.default_rng(3)
    planes, kernel = rng.normal(size=(2, *shape)), rng.normal(size=(3, 2, size, size))
    layer = Convolution(kernel.reshape(3, -1).astype(np.float32), np.zeros(3, np.float32), size, stride)
    tall, wide = (-(-side // stride) for side in shape)
    pads = [max((out - 1) * stride + size - side, 0) for out, side in zip((tall, wide), shape, strict=True)]
    padded = np.pad(planes, [(0, 0), *((pad // 2, pad - pad // 2) for pad in pads)])
    expected = [
        sum(correlate2d(plane, k, mode="valid") for plane, k in zip(padded, own, strict=True))[::stride, ::stride]
        for own in kernel
    ]
    np.testing.assert_allclose(layer(planes.astype(np.float32)), np.maximum(expected, 0), atol=1e-4)


def test_files_are_read_as_onnx_reads_them():
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    graph, expected = onnx_file.read(SHIPPED), onnx.load_from_string(SHIPPED).graph
    assert [(n.operator, n.inputs, n.outputs) for n in graph.nodes] == [
        (n.op_type, tuple(n.input), tuple(n.output)) for n in expected.node
    ]
    assert list(graph.constants) == [one.name for one in expected.initializer]
    for one in expected.initializer:
        np.testing.assert_array_equal(graph.constants[one.name], onnx.numpy_helper.to_array(one))


@pytest.mark.parametrize("data", [b"", b"\x08", SHIPPED[:1000], SHIPPED[:-7], b"\xff" * 40, b"\x3a\x02\x0a\x05"])
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match="not"):
        Network.read(data)
