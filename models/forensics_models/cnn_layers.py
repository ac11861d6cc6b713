"""Fixed layers of the network: what compression leaves, made visible before anything is learned.

All are written in `keras.ops` alone, so they run on every Keras backend. `cnn_export` knows each by name.

References
----------
.. [1] ITU-T T.871 (JFIF): full-range YCbCr by BT.601; ITU-R BT.601-7, 2.5.1: the limited range.
.. [2] R. Neelamani, R. de Queiroz, Z. Fan, S. Dash, R. Baraniuk, "JPEG compression history estimation for color
       images", IEEE TIP 15(6),
   2006, doi:10.1109/TIP.2005.864171: pixels of a decoded picture lie on the lattice of its colour space.
.. [3] M. Boroumand, M. Chen, J. Fridrich, "Deep residual network for steganalysis of digital images", IEEE TIFS 14(5),
       2019,
   doi:10.1109/TIFS.2018.2871749: no pooling in the first layers.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

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
    MARGIN,
    PERIOD,
    bank_kernels,
    chroma_kernels,
    fourier_matrix,
)


@keras.saving.register_keras_serializable("forensics")
class LatticeDistance(keras.layers.Layer):
    """How far pixels are from the 8-bit YCbCr lattice of BT.601, full and limited range [1]_ [2]_.

    RGB values in 0..255 `(n, h, w, 3)` go to YCbCr, are rounded and go back. Gives `(n, h, w, 4)`: the largest change
    of a channel, at most 2, and the certainty that the pixel is on the lattice (1 up to a change of 0.5, 0 from 0.57),
    for either range.
    """

    def call(self, inputs: Any) -> Any:
        planes = []
        offset, slope = CERTAINTY
        for forward, back in ((FULL_RANGE, FULL_RANGE_BACK), (LIMITED_RANGE, LIMITED_RANGE_BACK)):
            rounded = ops.round(ops.matmul(inputs, ops.convert_to_tensor(forward.T)))
            change = ops.abs(ops.matmul(rounded, ops.convert_to_tensor(back.T)) - inputs)
            distance = ops.minimum(ops.max(change, axis=-1, keepdims=True), FARTHEST)
            planes += [distance, ops.clip(offset + slope * distance, 0.0, 1.0)]
        return ops.concatenate(planes, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape[:-1], 4)


@keras.saving.register_keras_serializable("forensics")
class ColourPlanes(keras.layers.Layer):
    """RGB in 0..255 to unrounded full-range Y, Cb, Cr around 0: `(n, h, w, 3)`, exact in float32."""

    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs - 128.0, ops.convert_to_tensor(FULL_RANGE.T))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)


@keras.saving.register_keras_serializable("forensics")
class ResidualBank(keras.layers.Layer):
    """Fixed high-pass residuals of Y, Cb, Cr `(n, h, w, 3)`: `(n, h - 8, w - 8, 22)`, softly limited to -6..6.

    18 of luma (`bank_kernels`), two of each chroma plane (`chroma_kernels`). The limit r / (1 + |r| / 6) has slope 1 at
    zero: one grey level stays one.
    """

    @staticmethod
    def kernels() -> np.ndarray:
        """The bank as one kernel, `np.ndarray [shape=(9, 9, 3, 22), dtype=float32]`."""
        luma, chroma = bank_kernels(), chroma_kernels()
        whole = np.zeros((9, 9, 3, 22), np.float32)
        whole[:, :, 0, :18], whole[:, :, 1, 18:20], whole[:, :, 2, 20:] = luma, chroma, chroma
        return whole

    def call(self, inputs: Any) -> Any:
        kernels = self.kernels()
        rows = []
        for plane, first, last, start, end in GROUPS:
            height, width = ops.shape(inputs)[1], ops.shape(inputs)[2]
            cut = inputs[:, start : height - 9 + end, start : width - 9 + end, plane : plane + 1]
            kernel = ops.convert_to_tensor(kernels[start:end, start:end, plane : plane + 1, first:last])
            rows.append(ops.conv(cut, kernel, padding="valid"))
        residuals = ops.concatenate(rows, axis=-1)
        return residuals / (1.0 + ops.abs(residuals) / LIMIT)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        count, height, width, _ = input_shape
        return count, height and height - 2 * MARGIN, width and width - 2 * MARGIN, 22


def _folding(length: Any) -> Any:
    """Averages of `length` values by position modulo 16, as a matrix (16, length); a matrix product is far faster than
    a mean over axes.
    """
    places = ops.arange(length)
    wanted = ops.equal(ops.expand_dims(places % PERIOD, 0), ops.expand_dims(ops.arange(PERIOD), 1))
    whole = length // PERIOD
    inside = ops.cast(places < whole * PERIOD, "float32") / ops.cast(whole, "float32")
    return ops.cast(wanted, "float32") * inside


@keras.saving.register_keras_serializable("forensics")
class PhaseSpectrum(keras.layers.Layer):
    """Periodic structure whatever its phase: `(n, h, w, c)` to `(n, 129, c)`.

    The absolute value is averaged over all pixels of equal position modulo 16; the magnitudes of that 16x16 map's
    Fourier transform, relative to its mean, do not change when the picture is cropped elsewhere. A period of 8 shows at
    even frequencies, of 4 at every fourth. Rows and columns beyond a multiple of 16 are left out.
    """

    def call(self, inputs: Any) -> Any:
        inputs = ops.abs(ops.cast(inputs, "float32"))
        _, height, width, channels = ops.shape(inputs)
        rows = ops.matmul(_folding(height), ops.reshape(inputs, (-1, height, width * channels)))
        columns = ops.transpose(ops.reshape(rows, (-1, PERIOD, width, channels)), (0, 1, 3, 2))
        folded = ops.matmul(columns, ops.transpose(_folding(width)))
        folded = ops.reshape(ops.transpose(folded, (0, 1, 3, 2)), (-1, PERIOD**2, channels))
        level = ops.mean(folded, axis=1, keepdims=True) + FLOOR
        waves = ops.matmul(ops.convert_to_tensor(fourier_matrix().T), folded / level)
        power = waves[:, :FREQUENCIES] ** 2 + waves[:, FREQUENCIES:] ** 2
        return ops.sqrt(power + 1e-8)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return input_shape[0], FREQUENCIES, input_shape[-1]


@keras.saving.register_keras_serializable("forensics")
class SpatialMoments(keras.layers.Layer):
    """Mean and standard deviation of each channel over all pixels: `(n, h, w, c)` to `(n, 2 c)`.

    Sums are taken row by row and about the mean: a sum of all pixels' squares at once would lose in float32 what later
    layers amplify.
    """

    def call(self, inputs: Any) -> Any:
        inputs = ops.cast(inputs, "float32")
        mean = ops.mean(ops.mean(inputs, axis=2, keepdims=True), axis=1, keepdims=True)
        variance = ops.mean(ops.mean(ops.square(inputs - mean), axis=2), axis=1)
        return ops.concatenate([mean[:, 0, 0], ops.sqrt(variance + FLOOR)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return input_shape[0], 2 * input_shape[-1]


@keras.saving.register_keras_serializable("forensics")
class NearZero(keras.layers.Layer):
    """Softly, whether a residual is next to zero, as dead zones of a quantiser leave it: exp(-r * r), same shape."""

    def call(self, inputs: Any) -> Any:
        return ops.exp(-ops.square(inputs))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)
