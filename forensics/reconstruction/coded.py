"""A picture as a JPEG file holds it: quantised coefficients, tables, subsampling; and what the named decoder makes of
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from forensics_features._kernel import kernel

from forensics.reconstruction.blocks import Quantiser
from forensics.reconstruction.colour import to_rgb
from forensics.reconstruction.inverse_transforms import FLOAT, IFAST, ISLOW, inverse
from forensics.reconstruction.layout import BLOCK
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
        A key of `upsampling.UPSAMPLINGS`.
    """

    name: str
    transform: int
    upsampling: str


DECODERS = (
    Decoder("libjpeg-turbo", ISLOW, "triangle"),
    Decoder("libjpeg-turbo, plain or merged upsampling", ISLOW, "repeat"),
    Decoder("libjpeg-turbo, fast integer transform", IFAST, "triangle"),
    Decoder("libjpeg-turbo, fast integer transform, plain or merged upsampling", IFAST, "repeat"),
    Decoder("libjpeg-turbo, floating-point transform", FLOAT, "triangle"),
    Decoder("libjpeg-turbo, floating-point transform, plain or merged upsampling", FLOAT, "repeat"),
)
"""Arithmetics that are told apart, the commonest first."""


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


def decode(coded: CodedPicture, decoder: Decoder) -> np.ndarray:
    """What the decoder gives, `np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]`."""
    shape = coded.height, coded.width
    first, *others = (
        stored_samples(c.coefficients, Quantiser.of(c.table, decoder.transform)) for c in coded.components
    )
    luma = first[: shape[0], : shape[1]]
    if not others:
        return np.ascontiguousarray(luma)
    if coded.colour == "rgb":
        return np.ascontiguousarray(np.stack([luma, *(plane[: shape[0], : shape[1]] for plane in others)], axis=2))
    vertical, horizontal = coded.factors
    used = np.s_[: -(-shape[0] // vertical), : -(-shape[1] // horizontal)]
    cb, cr = (upsample(plane[used], coded.factors, decoder.upsampling, shape) for plane in others)
    return to_rgb(np.ascontiguousarray(luma), np.ascontiguousarray(cb), np.ascontiguousarray(cr))
