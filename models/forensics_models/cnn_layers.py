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
from forensics_features.standards import YCBCR_BT601
from keras import ops

PERIOD = 16
"""Period in pixels that phase statistics are folded at: it shows grids of 2, 4, 8 and 16."""

MARGIN = 4
"""Pixels on each side that the widest fixed kernel takes."""

_BITS = 14
"""Fractional bits of the colour matrices: sums of their products with 8-bit values are exact in float32, in any order.
"""

_BT601 = np.array(YCBCR_BT601)
_BT601_LIMITED = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255


def _exact(matrix: np.ndarray) -> np.ndarray:
    return (np.round(matrix * 2**_BITS) / 2**_BITS).astype(np.float32)


FULL_RANGE, FULL_RANGE_BACK = _exact(_BT601), _exact(np.linalg.inv(_BT601))
LIMITED_RANGE, LIMITED_RANGE_BACK = _exact(_BT601_LIMITED), _exact(np.linalg.inv(_BT601_LIMITED))
"""Matrices from RGB to YCbCr less its offsets, and back, rows an output; entries are multiples of 2 ** -14."""


def bank_kernels() -> np.ndarray:
    """The high-pass bank for one plane, `np.ndarray [shape=(9, 9, 18), dtype=float32]`.

    Fifteen 4x4 block-cosine kernels (orthonormal, without the constant one) and the three detail bands of the CDF 9/7
    wavelet's first level (the scaling of JPEG 2000, ITU-T T.800 annex F), each centred in 9x9 and undecimated:
    whichever phase a codec worked at is there.
    """
    place, order = np.meshgrid(np.arange(4), np.arange(4))
    cosines = np.cos(np.pi * (place + 0.5) * order / 4) * np.sqrt(np.where(order == 0, 1, 2) / 4)
    low = np.array([0.026748757, -0.016864118, -0.078223266, 0.266864118, 0.602949018])
    high = np.array([0.0, 0.045635882, -0.028771763, -0.295635882, 0.557543526]) * 2
    low, high = (np.concatenate([half, half[-2::-1]]) for half in (low, high))
    kernels = [np.pad(np.outer(cosines[v], cosines[u]), (3, 2)) for v in range(4) for u in range(4) if u + v]
    kernels += [np.outer(low, high), np.outer(high, low), np.outer(high, high)]
    return np.stack(kernels, axis=-1).astype(np.float32)


def chroma_kernels() -> np.ndarray:
    """Second differences along rows and columns for a chroma plane, `np.ndarray [shape=(9, 9, 2), dtype=float32]`."""
    kernel = np.zeros((9, 9, 2), np.float32)
    kernel[4, 3:6, 0] = kernel[3:6, 4, 1] = (0.5, -1, 0.5)
    return kernel


def fourier_matrix() -> np.ndarray:
    """Real and imaginary parts of the DFT of a folded map, `np.ndarray [shape=(256, 258), dtype=float32]`.

    Rows are the 16x16 positions, columns the cosines and then the sines of one half of the plane without the constant;
    divided by 256, so that magnitudes do not grow with the map.
    """
    y, x = np.divmod(np.arange(PERIOD**2), PERIOD)
    phases = [
        2 * np.pi * (v * y + u * x) / PERIOD
        for v in range(PERIOD)
        for u in range(PERIOD // 2 + 1)
        if (u, v) != (0, 0) and not (u in (0, PERIOD // 2) and v > PERIOD // 2)
    ]
    waves = np.stack(phases, axis=1)
    return (np.concatenate([np.cos(waves), np.sin(waves)], axis=1) / PERIOD**2).astype(np.float32)


FREQUENCIES = fourier_matrix().shape[1] // 2
"""Magnitudes of a folded map's spectrum."""


@keras.saving.register_keras_serializable("forensics")
class LatticeDistance(keras.layers.Layer):
    """How far pixels are from the 8-bit YCbCr lattice of BT.601, full and limited range [1]_ [2]_.

    RGB values in 0..255 `(n, h, w, 3)` go to YCbCr, are rounded and go back. Gives `(n, h, w, 4)`: the largest change
    of a channel, at most 2, and the certainty that the pixel is on the lattice (1 up to a change of 0.5, 0 from 0.57),
    for either range.
    """

    CERTAINTY = (8.5, -15.0)
    """Offset and slope of the certainty, before it is clipped to 0..1: steep, and no step that rounding could turn
    over.
    """

    def call(self, inputs: Any) -> Any:
        planes = []
        offset, slope = self.CERTAINTY
        for forward, back in ((FULL_RANGE, FULL_RANGE_BACK), (LIMITED_RANGE, LIMITED_RANGE_BACK)):
            rounded = ops.round(ops.matmul(inputs, ops.convert_to_tensor(forward.T)))
            change = ops.abs(ops.matmul(rounded, ops.convert_to_tensor(back.T)) - inputs)
            distance = ops.minimum(ops.max(change, axis=-1, keepdims=True), 2.0)
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

    LIMIT = 6.0
    GROUPS = ((0, 0, 15, 3, 7), (0, 15, 18, 0, 9), (1, 18, 20, 3, 6), (2, 20, 22, 3, 6))
    """Kernels that run together: plane, first and last + 1 of the 22, and the rows and columns of the 9x9 that they
    occupy.
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
        for plane, first, last, start, end in self.GROUPS:
            height, width = ops.shape(inputs)[1], ops.shape(inputs)[2]
            cut = inputs[:, start : height - 9 + end, start : width - 9 + end, plane : plane + 1]
            kernel = ops.convert_to_tensor(kernels[start:end, start:end, plane : plane + 1, first:last])
            rows.append(ops.conv(cut, kernel, padding="valid"))
        residuals = ops.concatenate(rows, axis=-1)
        return residuals / (1.0 + ops.abs(residuals) / self.LIMIT)

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
        level = ops.mean(folded, axis=1, keepdims=True) + 1e-3
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

    FLOOR = 1e-3
    """Added to the variance, so that its rounding error does not show on flat pictures."""

    def call(self, inputs: Any) -> Any:
        inputs = ops.cast(inputs, "float32")
        mean = ops.mean(ops.mean(inputs, axis=2, keepdims=True), axis=1, keepdims=True)
        variance = ops.mean(ops.mean(ops.square(inputs - mean), axis=2), axis=1)
        return ops.concatenate([mean[:, 0, 0], ops.sqrt(variance + self.FLOOR)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return input_shape[0], 2 * input_shape[-1]


@keras.saving.register_keras_serializable("forensics")
class NearZero(keras.layers.Layer):
    """Softly, whether a residual is next to zero, as dead zones of a quantiser leave it: exp(-r * r), same shape."""

    def call(self, inputs: Any) -> Any:
        return ops.exp(-ops.square(inputs))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)
