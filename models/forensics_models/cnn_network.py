"""The network: fixed residuals and colour lattices, a few full-resolution convolutions, phase spectra, and a small
trunk.

Fully convolutional with global pooling: any picture from 64x64 pixels. Nothing is strided or pooled before the phase
spectra are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from forensics_models.classes import FINE_CLASSES
from forensics_models.cnn_bank import FREQUENCIES, MARGIN
from forensics_models.cnn_layers import (
    ColourPlanes,
    LatticeDistance,
    NearZero,
    PhaseSpectrum,
    ResidualBank,
    SpatialMoments,
)

QUANTILES = (0.05, 0.5, 0.95)
"""Quantiles of log2 ratio and SSIM score that the strength heads give."""

OUTPUTS = ("margins", "log2_ratio", "ssim_score", "embedding")
"""Outputs of the network in order."""


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network.

    Attributes
    ----------
    channels : int
        Of each full-resolution convolution.
    layers : int
        3x3 convolutions at full resolution, after a 1x1 one that mixes the fixed planes.
    trunk : tuple of int
        Channels at half the resolution, a quarter, an eighth.
    phase_channels : int
        Mixtures of channels whose spectra are read.
    hidden, embedding : int
        Units before the heads; the last are the embedding.
    dropout : float
        Share of the hidden units dropped in training.
    """

    channels: int = 16
    layers: int = 1
    trunk: tuple[int, ...] = (24, 32, 64)
    phase_channels: int = 12
    hidden: int = 160
    embedding: int = 64
    dropout: float = 0.1


def build(architecture: Architecture = Architecture(), *, precision: str = "float32") -> keras.Model:
    """An untrained network.

    Parameters
    ----------
    architecture : Architecture
    precision : str
        Keras dtype policy of the learned convolutions; `mixed_bfloat16` trains faster on processors that have it. Fixed
        planes and pooled statistics are always float32, and so are all weights.

    Returns
    -------
    keras.Model
        From RGB values 0..255 `(n, h, w, 3)` to a dictionary by `OUTPUTS`: `margins` (n, 11), `log2_ratio` and
        `ssim_score` (n, 3) for `QUANTILES`, `embedding` (n, 64).
    """
    pixels = keras.Input((None, None, 3), name="pixels", dtype="float32")
    colour = ColourPlanes(name="colour")(pixels)
    lattice = LatticeDistance(name="lattice")(pixels)
    residuals = ResidualBank(name="residuals")(colour)
    zeros = NearZero(name="near_zero")(residuals)
    inner = layers.Cropping2D(MARGIN, name="lattice_inner")(lattice)
    tone = layers.Rescaling(1 / 64, name="tone")(layers.Cropping2D(MARGIN, name="colour_inner")(colour))
    planes = layers.Concatenate(name="planes")([residuals, inner, tone])

    x = _convolution(planes, architecture.channels, 1, 1, "mix", precision)
    seen = [x]
    for index in range(architecture.layers):
        x = _convolution(x, architecture.channels, 3, 1, f"full{index + 1}", precision)
        seen.append(x)
    fixed = layers.Concatenate(name="fixed")([planes, zeros])
    spectra = [
        PhaseSpectrum(name=f"spectrum_{name}")(part) for name, part in (("fixed", fixed), *_named("full", seen[1:]))
    ]
    moments = [
        SpatialMoments(name=f"moments_{name}")(part) for name, part in (("fixed", fixed), *_named("full", seen[1:]))
    ]

    phase = layers.Concatenate(name="spectra")(spectra)
    phase = layers.BatchNormalization(momentum=0.97, name="spectra_norm")(phase)
    phase = layers.Dense(architecture.phase_channels, activation="relu", name="spectra_mix")(phase)
    phase = layers.Dense(48, activation="relu", name="phase")(layers.Flatten(name="phase_flat")(phase))

    deep = _trunk(x, architecture.trunk, precision)
    pooled = layers.Concatenate(name="pooled")([*moments, SpatialMoments(name="moments_deep")(deep)])
    pooled = layers.BatchNormalization(momentum=0.97, name="pooled_norm")(pooled)
    joined = layers.Concatenate(name="joined")([pooled, phase])
    joined = layers.Dense(architecture.hidden, activation="relu", name="hidden")(joined)
    joined = layers.Dropout(architecture.dropout, name="dropout")(joined)
    embedding = layers.Dense(architecture.embedding, activation="relu", name="embedding")(joined)
    outputs = {
        "margins": layers.Dense(len(FINE_CLASSES), name="margins")(embedding),
        "log2_ratio": layers.Dense(
            len(QUANTILES), name="log2_ratio", bias_initializer=keras.initializers.Constant(4.5)
        )(embedding),
        "ssim_score": layers.Dense(
            len(QUANTILES), name="ssim_score", bias_initializer=keras.initializers.Constant(5.0)
        )(embedding),
        "embedding": embedding,
    }
    return keras.Model(pixels, outputs, name="compression_traces")


def _named(prefix: str, parts: list[Any]) -> list[tuple[str, Any]]:
    return [(f"{prefix}{index + 1}", part) for index, part in enumerate(parts)]


def _convolution(x: Any, channels: int, size: int, stride: int, name: str, precision: str) -> Any:
    return layers.Conv2D(
        channels,
        size,
        strides=stride,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
        name=name,
        dtype=precision,
    )(x)


def _trunk(x: Any, widths: tuple[int, ...], precision: str) -> Any:
    """Strided convolutions, from the second on each with a residual one behind it."""
    for index, width in enumerate(widths):
        x = _convolution(x, width, 3, 2, f"down{index + 1}", precision)
        if index:
            y = _convolution(x, width, 3, 1, f"deep{index + 1}", precision)
            x = layers.Add(name=f"skip{index + 1}", dtype=precision)([x, y])
    return x


def multiply_adds(model: keras.Model, side: int = 224) -> int:
    """Multiply-adds of one picture of `side` x `side` pixels, fixed kernels included, pointwise arithmetic not."""
    total = 0
    shapes: dict[str, tuple] = {}
    for layer in model.layers:
        shapes[layer.name] = _shape_at(layer, side)
        height, width = shapes[layer.name]
        if isinstance(layer, layers.Conv2D):
            total += (
                height
                * width
                * int(layer.kernel.shape[0] * layer.kernel.shape[1] * layer.kernel.shape[2] * layer.kernel.shape[3])
            )
        elif isinstance(layer, ResidualBank):
            total += height * width * (15 * 16 + 3 * 81 + 4 * 9)
        elif isinstance(layer, LatticeDistance):
            total += height * width * 4 * 9
        elif isinstance(layer, PhaseSpectrum):
            total += 2 * FREQUENCIES * 256 * int(layer.output.shape[-1])
        elif isinstance(layer, layers.Dense):
            rows = int(layer.output.shape[1]) if len(layer.output.shape) == 3 else 1
            total += rows * int(layer.kernel.shape[0] * layer.kernel.shape[1])
    return total


def _shape_at(layer: Any, side: int) -> tuple[int, int]:
    """Height and width of a layer's output for a square picture, 1 where it has none."""
    stride, inner = 1, side - 2 * MARGIN
    for _ in range(int(layer.name.removeprefix("down").split("_")[0]) if layer.name.startswith("down") else 0):
        stride *= 2
    if layer.name.startswith(("deep", "skip")):
        stride = 2 ** int(layer.name[4])
    if layer.name in ("pixels", "colour", "lattice"):
        return side, side
    return -(-inner // stride), -(-inner // stride)
