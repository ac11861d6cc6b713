"""The network at run time and its fixed layers: what they measure, the exported model, and that judging needs no
Keras.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from forensics_models.classes import FINE_CLASSES
from forensics_models.cnn import Cnn

keras = pytest.importorskip("keras", reason="the network is trained with Keras, which is not installed")
tensorflow = pytest.importorskip("tensorflow", reason="these tests run Keras on TensorFlow, which is not installed")
pytest.importorskip("onnx", reason="the export needs the package onnx, which is not installed")


@pytest.fixture(scope="module", autouse=True)
def eagerly():
    """Small networks run a few times take less time than compiling them for every size."""
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def network():
    """A small network with normalisation statistics that are not trivial."""
    from forensics_models.cnn_network import Architecture, build

    keras.utils.set_random_seed(5)
    model = build(Architecture(channels=8, layers=2, trunk=(8, 12), phase_channels=4, hidden=24, embedding=16))
    numbers = np.random.default_rng(5)
    for weight in model.weights:
        if "_norm" in weight.path:
            weight.assign(numbers.uniform(0.5, 1.5, weight.shape))
    return model


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    """Artefacts of the small network with a calibration of known values."""
    import gzip

    from forensics_models.cnn_export import to_onnx

    out = tmp_path_factory.mktemp("cnn")
    (out / "cnn.onnx.gz").write_bytes(gzip.compress(to_onnx(network)))
    scaling = {"inverse_temperature": 0.8, "size_slope": 0.1, "bias": [0.0] * len(FINE_CLASSES)}
    calibration = {"scaling": scaling, "window_dependence": 0.5, "log2_ratio_offset": 0.2, "ssim_offset": 0.3}
    (out / "cnn.json").write_text(json.dumps({"card": {"model": "cnn"}, "calibration": calibration}))
    return out


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def smooth(height, width, seed=0):
    from scipy import ndimage

    field = np.random.default_rng(seed).normal(size=(height, width, 3))
    return np.clip(128 + 300 * ndimage.gaussian_filter(field, (2, 2, 0)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(64, 64), (97, 131), (80, 112), (65, 64)])
@pytest.mark.parametrize("kind", [noise, smooth, "flat"])
def test_exported_network_equals_keras(network, size, kind):
    from forensics_models.cnn_export import largest_difference, to_onnx

    patch = (
        np.full((*size, 3), 93, np.uint8) if kind == "flat" else (noise(*size, 3) if kind is noise else smooth(*size))
    )
    assert largest_difference(network, to_onnx(network), patch[None]) < 1e-4


def test_runtime_gives_what_keras_gives_for_mixed_shapes(network, folder):
    cnn = Cnn(folder)
    patches = [smooth(70, 90, 1), smooth(64, 64, 2), smooth(70, 90, 3)]
    ours = cnn.outputs(patches)
    for place, patch in enumerate(patches):
        theirs = network.predict_on_batch(patch[None].astype(np.float32))
        np.testing.assert_allclose(ours.margins[place], np.asarray(theirs["margins"])[0], atol=1e-4)
        np.testing.assert_allclose(cnn.embed([patch])[0], np.asarray(theirs["embedding"])[0], atol=1e-4)
    np.testing.assert_allclose(ours.log2_pixels, np.log2([6300, 4096, 6300]))
    np.testing.assert_array_equal(cnn.margins(patches), ours.margins)


def test_judgement_is_calibrated_and_ordered(folder):
    cnn = Cnn(folder)
    patches = [noise(64, 64, 3, seed=1), noise(96, 64, 3, seed=2)]
    outputs, judged = cnn.outputs(patches), cnn.judge(patches)
    np.testing.assert_allclose(
        judged.fine_probabilities, cnn.scaling.probabilities(outputs.margins, outputs.log2_pixels)
    )
    assert (np.diff(judged.log2_ratio, axis=1) >= 0).all()
    assert (np.diff(judged.ssim, axis=1) >= 0).all()
    assert judged.log2_ratio[0, 2] == pytest.approx(np.sort(outputs.log2_ratio[0])[2] + 0.2, abs=1e-5)
    both = cnn.combine(judged)
    assert both.fine_probabilities.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (np.zeros((64, 63, 3), np.uint8), "63x64"),
        (np.zeros((64, 64), np.uint8), r"shape \(64, 64\)"),
        (np.zeros((64, 64, 3), np.float32), "float32"),
    ],
)
def test_unusable_patches_are_refused(folder, patch, message):
    with pytest.raises(ValueError, match=message):
        Cnn(folder).judge([patch])


def test_no_patch_is_refused(folder):
    with pytest.raises(ValueError, match="no patch"):
        Cnn(folder).judge([])


def test_judging_imports_no_keras(folder):
    code = (
        "import sys, numpy as np, pathlib; from forensics_models.cnn import Cnn; "
        f"Cnn(pathlib.Path({str(folder)!r})).judge([np.zeros((64, 64, 3), np.uint8)]); "
        "assert not {'keras', 'tensorflow', 'torch', 'jax', 'xgboost'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def lattice_planes(pixels):
    from forensics_models.cnn_layers import LatticeDistance

    return np.asarray(LatticeDistance()(pixels[None].astype(np.float32)))[0]


def test_pixels_from_full_range_ycbcr_lie_on_its_lattice():
    """RGB made by rounding YCbCr's inverse (T.871 clause 7) comes back to itself, random RGB does not."""
    numbers = np.random.default_rng(0)
    y, cb, cr = (numbers.integers(low, high, (64, 64)) for low, high in ((60, 200), (110, 147), (110, 147)))
    rgb = np.stack(
        [y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)], axis=2
    )
    on, off = lattice_planes(np.rint(rgb)), lattice_planes(noise(64, 64, 3))
    assert on[..., 1].mean() > 0.95
    assert off[..., 1].mean() < 0.35
    assert on[..., 0].mean() < off[..., 0].mean()


def test_pixels_from_limited_range_ycbcr_lie_on_the_other_lattice():
    numbers = np.random.default_rng(0)
    y, cb, cr = (numbers.integers(low, high, (64, 64)) for low, high in ((60, 200), (110, 147), (110, 147)))
    luma, blue, red = (y - 16) * 255 / 219, (cb - 128) * 255 / 224, (cr - 128) * 255 / 224
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=2)
    planes = lattice_planes(np.rint(np.clip(rgb, 0, 255)))
    assert planes[..., 3].mean() > 0.95
    assert planes[..., 1].mean() < 0.5


def test_lattice_equals_its_naive_twin():
    from forensics_models.cnn_bank import FULL_RANGE, FULL_RANGE_BACK

    pixels = noise(5, 7, 3)
    planes = lattice_planes(pixels)
    for y in range(5):
        for x in range(7):
            colour = pixels[y, x].astype(np.float64)
            back = FULL_RANGE_BACK.astype(np.float64) @ np.rint(FULL_RANGE.astype(np.float64) @ colour)
            distance = min(np.abs(back - colour).max(), 2)
            assert planes[y, x, 0] == pytest.approx(distance, abs=1e-5)
            assert planes[y, x, 1] == pytest.approx(min(max(8.5 - 15 * distance, 0), 1), abs=1e-3)


def test_bank_holds_an_orthonormal_block_transform_and_wavelet_details():
    from forensics_models.cnn_bank import bank_kernels

    kernels = bank_kernels()
    blocks = kernels[3:7, 3:7, :15].reshape(16, 15).astype(np.float64)
    np.testing.assert_allclose(blocks.T @ blocks, np.eye(15), atol=1e-6)
    np.testing.assert_allclose(kernels.sum(axis=(0, 1)), 0, atol=1e-5)


def test_wavelet_kernels_are_those_of_the_cdf_9_7_wavelet():
    """PyWavelets' bior4.4 is the same pair up to scale; a periodic decomposition gives every second value of ours."""
    pywt = pytest.importorskip("pywt", reason="the reference needs PyWavelets, which is not installed")
    from forensics_models.cnn_bank import bank_kernels
    from scipy import ndimage

    image = np.random.default_rng(0).normal(size=(32, 32))
    _, (horizontal, vertical, diagonal) = pywt.dwt2(image, "bior4.4", mode="periodization")
    for kernel, reference in zip(np.moveaxis(bank_kernels()[..., 15:], 2, 0), (vertical, horizontal, diagonal)):
        whole = ndimage.convolve(image, kernel[::-1, ::-1].astype(np.float64), mode="wrap")
        phases = [whole[v::2, u::2] for v in (0, 1) for u in (0, 1)]
        fits = [np.abs(np.corrcoef(np.roll(phase, (a, b), (0, 1)).ravel(), reference.ravel())[0, 1])
                for phase in phases for a in (-2, -1, 0, 1, 2) for b in (-2, -1, 0, 1, 2)]  # fmt: skip
        assert max(fits) > 0.9999


def test_residuals_equal_correlation_with_the_bank():
    from forensics_models.cnn_layers import ResidualBank
    from scipy import ndimage

    planes = np.random.default_rng(0).normal(0, 20, (20, 23, 3)).astype(np.float32)
    ours = np.asarray(ResidualBank()(planes[None]))[0]
    kernels = ResidualBank.kernels()
    assert ours.shape == (12, 15, 22)
    for index in range(22):
        plane = int(np.abs(kernels[..., index]).sum(axis=(0, 1)).argmax())
        whole = ndimage.correlate(
            planes[..., plane].astype(np.float64), kernels[:, :, plane, index].astype(np.float64)
        )[4:-4, 4:-4]
        np.testing.assert_allclose(ours[..., index], whole / (1 + np.abs(whole) / 6), atol=1e-3)


def spectrum(planes):
    from forensics_models.cnn_layers import PhaseSpectrum

    return np.asarray(PhaseSpectrum()(planes[None].astype(np.float32)))[0]


def test_spectrum_equals_the_fourier_transform_of_the_folded_map():
    planes = np.random.default_rng(0).normal(size=(53, 40, 2))
    ours = spectrum(planes)
    for channel in range(2):
        folded = np.zeros((16, 16))
        for y in range(48):
            for x in range(32):
                folded[y % 16, x % 16] += abs(planes[y, x, channel]) / 6
        wanted = np.abs(np.fft.fft2(folded / (folded.mean() + 1e-3)))[:, :9].ravel() / 256
        # Every magnitude is there once: the columns 0 and 8 hold conjugate pairs.
        assert np.isclose(ours[:, channel][:, None], wanted[None, 1:], atol=2e-4).any(axis=1).all()
    assert ours.shape == (129, 2)


def test_spectrum_does_not_depend_on_the_phase_and_shows_the_period():
    x = np.mgrid[:64, :64][1]
    grid = ((x % 8 == 0) * 1.0)[..., None]
    moved = np.roll(grid, (3, 5), (0, 1))
    np.testing.assert_allclose(spectrum(grid), spectrum(moved), atol=1e-4)
    assert spectrum(grid).max() > 0.5
    assert spectrum(np.ones((64, 64, 1))).max() < 1e-3


def test_untrained_network_takes_any_size_and_counts_its_cost():
    from forensics_models.cnn_network import OUTPUTS, Architecture, build, multiply_adds

    model = build(Architecture(channels=4, layers=1, trunk=(4, 4), phase_channels=2, hidden=8, embedding=8))
    found = model.predict_on_batch(np.zeros((1, 64, 75, 3), np.float32))
    assert set(found) == set(OUTPUTS)
    assert all(np.isfinite(np.asarray(values)).all() for values in found.values())
    by_side = {side: multiply_adds(model, side) for side in (64, 128)}
    convolutions = sum(int(np.prod(layer.kernel.shape)) for layer in model.layers if layer.name in ("mix", "full1"))
    assert by_side[128] - by_side[64] > convolutions * (120**2 - 56**2)


def test_moments_keep_their_precision_on_large_nearly_constant_planes():
    """What near-zero planes of strongly compressed chroma look like; one sum over all pixels loses four digits
    there.
    """
    from forensics_models.cnn_bank import FLOOR
    from forensics_models.cnn_layers import SpatialMoments

    numbers = np.random.default_rng(0)
    planes = (np.array([1.0, 30.0]) - 1e-3 * numbers.random((1, 256, 256, 2))).astype(np.float32)
    exact = planes.astype(np.float64)
    wanted = np.concatenate([exact.mean(axis=(1, 2)), np.sqrt(exact.var(axis=(1, 2)) + FLOOR)], axis=1)
    np.testing.assert_allclose(np.asarray(SpatialMoments()(planes)), wanted, rtol=2e-6)
