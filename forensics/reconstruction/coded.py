"""A picture as a JPEG file holds it: quantised coefficients, tables, subsampling; and what the named decoder makes of
it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from forensics_features._kernel import kernel

from forensics.reconstruction.blocks import Quantiser
from forensics.reconstruction.colour import to_rgb
from forensics.reconstruction.inverse_transforms import FFMPEG, FLOAT, GO, IFAST, ISLOW, JPEG_JS, STB, inverse
from forensics.reconstruction.layout import BLOCK
from forensics.reconstruction.matrix_transforms import enlarged
from forensics.reconstruction.upsampling import upsample


@dataclass(frozen=True)
class Decoder:
    """The arithmetic of a decoder.

    Attributes
    ----------
    name : str
        What it is called in reports.
    transform : int
        A number of `inverse_transforms`.
    upsampling : str
        One of `upsampling.UPSAMPLINGS`.
    conversion : str
        A key of `conversions.CONVERSIONS`.
    """

    name: str
    transform: int
    upsampling: str
    conversion: str = "libjpeg-turbo"


DECODERS = (
    Decoder("libjpeg-turbo", ISLOW, "triangle"),
    Decoder("libjpeg-turbo, plain or merged upsampling", ISLOW, "repeat"),
    Decoder("libjpeg-turbo, fast integer transform", IFAST, "triangle"),
    Decoder("libjpeg-turbo, fast integer transform, plain or merged upsampling", IFAST, "repeat"),
    Decoder("libjpeg-turbo, floating-point transform", FLOAT, "triangle"),
    Decoder("libjpeg-turbo, floating-point transform, plain or merged upsampling", FLOAT, "repeat"),
    Decoder("IJG libjpeg 9", ISLOW, "scaled", "libjpeg 9"),
    Decoder("IJG libjpeg 7 or 8", ISLOW, "scaled"),
    Decoder("FFmpeg", FFMPEG, "repeat", "swscale"),
    Decoder("FFmpeg, chroma at full size", FFMPEG, "repeat", "swscale, full chroma"),
    Decoder("stb_image", STB, "triangle, half up", "stb_image"),
    Decoder("Go image/jpeg", GO, "repeat", "Go"),
    Decoder("jpeg-js", JPEG_JS, "repeat", "jpeg-js"),
)
"""Arithmetics that are distinguished, the commonest first."""


@dataclass(frozen=True)
class Component:
    """One component: `coefficients` [shape=(rows, columns, 64), dtype=int16] in raster order, `table` [shape=(64,),
    dtype=int64] of steps in raster order.
    """

    coefficients: np.ndarray
    table: np.ndarray


@dataclass(frozen=True)
class CodedPicture:
    """All that a baseline JPEG file holds.

    Attributes
    ----------
    height, width : int
        Of the picture in the file, in pixels.
    components : tuple of Component
        One of grey, or Y, Cb and Cr.
    factors : tuple of int
        Vertical and horizontal factor of chroma subsampling.
    colour : str
        "ycbcr", "rgb" (components stored without a colour transform) or "grey".
    """

    height: int
    width: int
    components: tuple[Component, ...]
    factors: tuple[int, int] = (1, 1)
    colour: str = "ycbcr"


@kernel
def _decode_blocks(coefficients, steps, kind, out):
    work, samples = np.empty(64, np.int64), np.empty(64, np.int64)
    for i in range(coefficients.shape[0]):
        for j in range(coefficients.shape[1]):
            inverse(kind, coefficients[i, j], steps, work, samples)
            for p in range(64):
                out[8 * i + (p >> 3), 8 * j + (p & 7)] = samples[p]


def stored_samples(coefficients: np.ndarray, quantiser: Quantiser) -> np.ndarray:
    """Samples of a component before upsampling, `np.ndarray [shape=(8 rows, 8 columns), dtype=uint8]`."""
    out = np.empty((coefficients.shape[0] * BLOCK, coefficients.shape[1] * BLOCK), np.uint8)
    _decode_blocks(coefficients, quantiser.scaled, quantiser.kind, out)
    return out


@kernel
def _enlarge_blocks(coefficients, steps, vertical, horizontal, out):
    work, samples = np.empty(128, np.int64), np.empty(256, np.int64)
    width = 8 * horizontal
    for i in range(coefficients.shape[0]):
        for j in range(coefficients.shape[1]):
            enlarged(coefficients[i, j], steps, vertical, horizontal, work, samples)
            for y in range(8 * vertical):
                for x in range(width):
                    out[8 * vertical * i + y, width * j + x] = samples[width * y + x]


def full_size(
    coefficients: np.ndarray,
    quantiser: Quantiser,
    factors: tuple[int, int],
    upsampling: str,
    shape: tuple[int, int],
) -> np.ndarray:
    """A subsampled component as it is shown.

    Parameters
    ----------
    coefficients : np.ndarray [shape=(rows, columns, 64), dtype=int16]
    quantiser : Quantiser
    factors : tuple of int
    upsampling : str
        One of `upsampling.UPSAMPLINGS`; factors of four and "scaled" give repeated samples.
    shape : tuple of int
        Height and width of the picture; samples beyond are not used.

    Returns
    -------
    np.ndarray [shape=shape, dtype=uint8]
    """
    vertical, horizontal = factors
    if upsampling == "scaled" and max(factors) == 2:
        out = np.empty((coefficients.shape[0] * BLOCK * vertical, coefficients.shape[1] * BLOCK * horizontal), np.uint8)
        _enlarge_blocks(coefficients, quantiser.scaled, vertical, horizontal, out)
        return out[: shape[0], : shape[1]]
    used = stored_samples(coefficients, quantiser)[: -(-shape[0] // vertical), : -(-shape[1] // horizontal)]
    return upsample(used, factors, upsampling, shape)


_ROWS = 512
"""Rows of pixels decoded at once: a bound on memory."""


def decode(coded: CodedPicture, decoder: Decoder) -> np.ndarray:
    """What the decoder gives, `np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]`."""
    channels = () if len(coded.components) == 1 else (3,)
    out = np.empty((coded.height, coded.width, *channels), np.uint8)
    unit = BLOCK * (coded.factors[0] if coded.colour == "ycbcr" and channels else 1)
    step = max(1, _ROWS // unit) * unit
    for first in range(0, coded.height, step):
        last = min(first + step, coded.height)
        before = max(0, first - unit)  # chroma is seen in its neighbours' rows
        part = _rows(coded, before // unit, -(-last // unit) + 1, unit)
        out[first:last] = _decoded(part, decoder)[first - before :][: last - first]
    return out


def _rows(coded: CodedPicture, first: int, last: int, unit: int) -> CodedPicture:
    """Some rows of MCUs of a picture, of so many lines each, as a picture of its own."""
    down = unit // BLOCK
    components = tuple(
        Component(c.coefficients[first * times : last * times], c.table)
        for times, c in zip((down, 1, 1), coded.components, strict=False)
    )
    return replace(coded, height=min(coded.height, last * unit) - first * unit, components=components)


def _decoded(coded: CodedPicture, decoder: Decoder) -> np.ndarray:
    """A picture decoded at once."""
    shape = coded.height, coded.width
    first, *others = coded.components
    luma = stored_samples(first.coefficients, Quantiser.of(first.table, decoder.transform))[: shape[0], : shape[1]]
    if not others:
        return np.ascontiguousarray(luma)
    factors = coded.factors if coded.colour == "ycbcr" else (1, 1)
    planes = [
        np.ascontiguousarray(
            full_size(c.coefficients, Quantiser.of(c.table, decoder.transform), factors, decoder.upsampling, shape)
        )
        for c in others
    ]
    if coded.colour == "rgb":
        return np.ascontiguousarray(np.stack([luma, *planes], axis=2))
    return to_rgb(np.ascontiguousarray(luma), planes[0], planes[1], decoder.conversion)
