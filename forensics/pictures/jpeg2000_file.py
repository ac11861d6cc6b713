"""JPEG 2000 files: the samples of their components, brought to one size and to grey or RGB as the JP2 header says."""

from __future__ import annotations

import numpy as np

from forensics.errors import PictureError
from forensics.pictures import jpeg2000_stream
from forensics.pictures.depth_in_use import spread
from forensics.pictures.jpeg2000_stream import Boxes, Codestream
from forensics.pictures.samples import LENGTHS_ONLY, Samples, decoding, scale_to_eight

_SRGB, _GREY, _SYCC, _CMYK, _ESRGB, _ROMM = 16, 17, 18, 12, 20, 21


def colour(stream: Codestream, boxes: Boxes) -> str:
    """Colour space of the samples as stored: `grey`, `rgb`, `ycbcr`, `palette`, `cmyk`, or the number of components."""
    colours = len(stream.depths) - len(boxes.alpha)
    if boxes.palette is not None:
        return "palette"
    if boxes.space == _CMYK:
        return "cmyk"
    if boxes.space in (14, 15):
        return "lab"
    if boxes.space == _SYCC and colours >= 3:
        return "ycbcr"
    if colours in (1, 2):
        return "grey"
    return "rgb" if colours in (3, 4) else f"{colours} components"


def decode(data: bytes) -> Samples:
    """Samples of a JPEG 2000 file at 8 bits, or 16 where it has more, with alpha as the last channel where the header names one.

    Raises
    ------
    PictureError
        Tiles are missing, or the components are of a kind that is not read.
    """
    stream = jpeg2000_stream.checked(data)
    boxes = jpeg2000_stream.read_boxes(data)
    if any(depth < 0 for depth in stream.depths):
        raise PictureError("it holds signed samples, which are not analysed")
    if len(set(stream.depths)) > 1:
        raise PictureError("its JPEG 2000 components have different depths; that is not read")
    with decoding("its JPEG 2000 data"):
        import imagecodecs

        samples = np.asarray(imagecodecs.jpeg2k_decode(stream.data, numthreads=1))
    if samples.ndim == 3 and samples.shape[0] == len(stream.depths) and samples.shape[2] != len(stream.depths):
        samples = np.moveaxis(samples, 0, 2)
    samples = samples[:, :, None] if samples.ndim == 2 else samples
    notes = list(stream.notes)
    array = _colours(samples, stream, boxes, notes)
    bits = stream.depths[0]
    if boxes.palette is None and bits != 8 * array.dtype.itemsize:
        array = scale_to_eight(array, (1 << bits) - 1) if bits < 8 else spread(array, bits)
    return Samples(array[:, :, 0] if array.shape[2] == 1 else array, notes, {"integrity": LENGTHS_ONLY})


def _colours(samples: np.ndarray, stream: Codestream, boxes: Boxes, notes: list[str]) -> np.ndarray:
    if boxes.palette is not None:
        table = boxes.palette if boxes.palette.shape[1] != 2 else boxes.palette[:, :1]
        return table[np.minimum(samples[:, :, 0], len(table) - 1)]
    space = colour(stream, boxes)
    if space == "ycbcr":
        return _from_ycc(samples[:, :, :3], stream.depths[0])
    colours = 3 if samples.shape[2] >= 3 else 1
    alpha = colours in boxes.alpha or (not boxes.alpha and samples.shape[2] == colours + 1)
    left_out = samples.shape[2] - colours - alpha
    if left_out > 0:
        notes.append(f"{left_out} further component{'s' * (left_out > 1)} were left out")
    return samples[:, :, : colours + alpha]


def _from_ycc(samples: np.ndarray, bits: int) -> np.ndarray:
    """sYCC (IEC 61966-2-1 annex F) to RGB, at the samples' own depth."""
    top, half = (1 << bits) - 1, 1 << (bits - 1)
    y, cb, cr = (samples[:, :, k].astype(np.float32) for k in range(3))
    cb, cr = cb - half, cr - half
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=2)
    return np.clip(np.rint(rgb), 0, top).astype(samples.dtype)
