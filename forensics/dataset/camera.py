"""Simulation of a camera: what gives a picture straight from a sensor its statistics, before any compression.

Order of operations: optional shrinking (to undo earlier interpolation), inverse tone curve to linear light, white
balance taken off, Bayer mosaic, signal-dependent noise, demosaicing, white balance put back, tone curve, sharpening, 8
bits.

Noise follows the Poisson-Gaussian model of Foi, Trimeche, Katkovnik & Egiazarian (IEEE TIP 17(10), 2008,
doi:10.1109/TIP.2008.2001399): variance `shot * x + read**2` at linear signal x in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image
from scipy import ndimage

from forensics.errors import UsageError

BAYER_PHASES = ("rggb", "grbg", "gbrg", "bggr")
"""The four positions of the mosaic, named by the colours of the upper left 2x2 pixels, row by row."""

DEMOSAICINGS = ("nearest", "bilinear", "malvar", "hamilton-adams")
"""Demosaicing methods of `demosaic`."""

_MALVAR_GREEN = np.array(
    [[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]], np.float32
) / 8  # fmt: skip
_MALVAR_IN_ROW = np.array(
    [[0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0], [0, 0, 0.5, 0, 0]], np.float32
) / 8  # fmt: skip
_MALVAR_DIAGONAL = np.array(
    [[0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0], [0, 0, -1.5, 0, 0]], np.float32
) / 8  # fmt: skip
_CROSS = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4
_SQUARE = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4


@dataclass(frozen=True)
class Camera:
    """One simulated camera and its settings; `apply` is deterministic, the noise comes from `seed`.

    `downsample` is a whole factor; `gamma` the exponent of the tone curve (2.2 is near sRGB) and `contrast` (0 to 1)
    the share of an S-curve on top; `red_gain` and `blue_gain` the white balance; `sharpening` the weight of an unsharp
    mask of `radius` pixels.
    """

    kind: ClassVar[str] = "camera"
    downsample: int = 1
    gamma: float = 2.2
    contrast: float = 0.0
    shot: float = 0.0005
    read: float = 0.002
    phase: str = "rggb"
    demosaicing: str = "malvar"
    red_gain: float = 1.8
    blue_gain: float = 1.5
    sharpening: float = 0.5
    radius: float = 1.0
    seed: int = 0

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture as this camera would give it; grey pictures come out as three channels with colour noise."""
        rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
        rgb = _shrink(rgb, self.downsample)
        if min(rgb.shape[:2]) < 4:
            raise UsageError(f"the camera simulation needs at least 4x4 pixels, not {rgb.shape[1]}x{rgb.shape[0]}")
        gains = np.array([self.red_gain, 1.0, self.blue_gain], np.float32)
        linear = np.power(rgb.astype(np.float32) / 255, self.gamma) / gains
        sensor = add_noise(mosaic(linear, self.phase), self.shot, self.read, np.random.default_rng(self.seed))
        balanced = demosaic(sensor, self.phase, self.demosaicing) * gains
        return _develop(np.clip(balanced, 0, 1), self.gamma, self.contrast, self.sharpening, self.radius)


def mosaic(rgb: np.ndarray, phase: str) -> np.ndarray:
    """The Bayer mosaic: one sample a pixel, shape (height, width), of an array of shape (height, width, 3)."""
    colours = _colours(phase)
    raw = np.empty(rgb.shape[:2], rgb.dtype)
    for index, colour in enumerate(colours):
        row, column = divmod(index, 2)
        raw[row::2, column::2] = rgb[row::2, column::2, colour]
    return raw


def add_noise(raw: np.ndarray, shot: float, read: float, generator: np.random.Generator) -> np.ndarray:
    """Poisson-Gaussian noise of variance `shot * x + read**2` on linear samples x in [0, 1], float32.

    Below 25 expected photo-electrons the Poisson part is drawn as such; above, its normal limit is used.
    """
    signal = np.clip(raw, 0, 1)
    deviation = np.sqrt(shot * signal + read * read)
    noisy = signal + deviation * generator.standard_normal(raw.shape, dtype=np.float32)
    if shot > 0:
        dark = signal < 25 * shot
        electrons = generator.poisson(signal[dark] / shot)
        noisy[dark] = electrons * shot + read * generator.standard_normal(electrons.shape)
    return noisy.astype(np.float32)


def demosaic(raw: np.ndarray, phase: str, method: str) -> np.ndarray:
    """Full colour from a Bayer mosaic: float32 array of shape (height, width, 3).

    `nearest` copies the nearest sample; `bilinear` averages; `malvar` is Malvar, He & Cutler's gradient-corrected
    linear interpolation (ICASSP 2004, doi:10.1109/ICASSP.2004.1326587); `hamilton-adams` is edge-directed (US patent
    5,629,734, expired) with colour differences interpolated bilinearly.
    """
    if method not in DEMOSAICINGS:
        raise UsageError(f"demosaicing is one of {', '.join(DEMOSAICINGS)}, not {method!r}")
    raw = np.asarray(raw, np.float32)
    colours = _colours(phase)
    if method == "nearest":
        return _nearest(raw, colours)
    if method == "bilinear":
        return _bilinear(raw, colours)
    return _malvar(raw, colours) if method == "malvar" else _hamilton_adams(raw, colours)


def _colours(phase: str) -> tuple[int, ...]:
    if phase not in BAYER_PHASES:
        raise UsageError(f"Bayer phase is one of {', '.join(BAYER_PHASES)}, not {phase!r}")
    return tuple("rgb".index(letter) for letter in phase)


def _mask(shape: tuple[int, ...], colours: tuple[int, ...], colour: int) -> np.ndarray:
    """Float32 mask of the samples of one colour."""
    mask = np.zeros(shape, np.float32)
    for index in np.flatnonzero(np.array(colours) == colour):
        mask[index // 2 :: 2, index % 2 :: 2] = 1
    return mask


def _nearest(raw: np.ndarray, colours: tuple[int, ...]) -> np.ndarray:
    """Each 2x2 cell takes its own red and blue; green comes from the same row."""
    height, width = raw.shape
    even = np.pad(raw, ((0, height % 2), (0, width % 2)), mode="reflect" if min(height, width) > 1 else "edge")
    # A mirrored last row of an odd picture repeats the row before it, which holds the cell's missing samples.
    result = np.empty((*even.shape, 3), np.float32)
    for colour in (0, 2):
        row, column = divmod(colours.index(colour), 2)
        result[:, :, colour] = even[row::2, column::2].repeat(2, axis=0).repeat(2, axis=1)
    for row in (0, 1):
        column = colours[2 * row : 2 * row + 2].index(1)
        result[row::2, :, 1] = even[row::2, column::2].repeat(2, axis=1)
    return result[:height, :width]


def _bilinear(raw: np.ndarray, colours: tuple[int, ...]) -> np.ndarray:
    # Mirroring about the border sample (not its edge) keeps the parity of the mosaic.
    planes = [
        ndimage.correlate(raw * _mask(raw.shape, colours, colour), kernel, mode="mirror")
        for colour, kernel in ((0, _SQUARE), (1, _CROSS), (2, _SQUARE))
    ]
    return np.stack(planes, axis=2)


def _malvar(raw: np.ndarray, colours: tuple[int, ...]) -> np.ndarray:
    def filtered(kernel: np.ndarray) -> np.ndarray:
        return ndimage.correlate(raw, kernel, mode="mirror")

    at_cross, in_row = filtered(_MALVAR_GREEN), filtered(_MALVAR_IN_ROW)
    in_column, diagonal = filtered(_MALVAR_IN_ROW.T), filtered(_MALVAR_DIAGONAL)
    result = np.empty((*raw.shape, 3), np.float32)
    for index, own in enumerate(colours):
        site = (slice(index // 2, None, 2), slice(index % 2, None, 2))
        next_colour = colours[index ^ 1]
        for colour in range(3):
            if colour == own:
                plane = raw
            elif colour == 1:
                plane = at_cross
            elif own == 1:
                plane = in_row if colour == next_colour else in_column
            else:
                plane = diagonal
            result[(*site, colour)] = plane[site]
    return result


def _hamilton_adams(raw: np.ndarray, colours: tuple[int, ...]) -> np.ndarray:
    padded = np.pad(raw, 2, mode="reflect")
    height, width = raw.shape

    def shifted(rows: int, columns: int) -> np.ndarray:
        return padded[2 + rows : 2 + rows + height, 2 + columns : 2 + columns + width]

    bend_across = 2 * raw - shifted(0, -2) - shifted(0, 2)
    bend_down = 2 * raw - shifted(-2, 0) - shifted(2, 0)
    gradient_across = np.abs(shifted(0, -1) - shifted(0, 1)) + np.abs(bend_across)
    gradient_down = np.abs(shifted(-1, 0) - shifted(1, 0)) + np.abs(bend_down)
    across = (shifted(0, -1) + shifted(0, 1)) / 2 + bend_across / 4
    down = (shifted(-1, 0) + shifted(1, 0)) / 2 + bend_down / 4
    green = np.where(gradient_across < gradient_down, across, down)
    green = np.where(gradient_across == gradient_down, (across + down) / 2, green)
    green = np.where(_mask(raw.shape, colours, 1) > 0, raw, green)
    planes = [green, green, green]
    for colour in (0, 2):
        difference = (raw - green) * _mask(raw.shape, colours, colour)
        planes[colour] = green + ndimage.correlate(difference, _SQUARE, mode="mirror")
    return np.stack(planes, axis=2).astype(np.float32)


def _shrink(rgb: np.ndarray, factor: int) -> np.ndarray:
    if factor <= 1:
        return rgb
    size = max(1, rgb.shape[1] // factor), max(1, rgb.shape[0] // factor)
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))


def _develop(linear: np.ndarray, gamma: float, contrast: float, sharpening: float, radius: float) -> np.ndarray:
    """Tone curve, unsharp mask and rounding of linear light in [0, 1] to uint8."""
    toned = np.power(linear, 1 / gamma)
    if contrast:
        toned = (1 - contrast) * toned + contrast * toned * toned * (3 - 2 * toned)
    if sharpening:
        toned = toned + sharpening * (toned - ndimage.gaussian_filter(toned, (radius, radius, 0)))
    return np.clip(np.rint(toned * 255), 0, 255).astype(np.uint8)
