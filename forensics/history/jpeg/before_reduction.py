"""The JPEG that a picture was before it was reduced: by the lattices of all planes at likely sizes (`resized`), and by
luma's at all scales (`reduced`), which needs no whole picture, only its corner.
"""

from __future__ import annotations

import numpy as np

from forensics.history.jpeg import reduced, resized
from forensics.history.jpeg.reduced import ReducedJpeg
from forensics.history.jpeg.resized import ResizedJpeg
from forensics.results.history import Generation, Parameter

NAME = reduced.NAME
PROBABILITY = reduced.PROBABILITY
Reading = ReducedJpeg | ResizedJpeg


def read(pixels: np.ndarray, *, thorough: bool = True) -> Reading | None:
    """The clearest reading of a JPEG that was reduced, of those that are found; None where there is none.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8]
    thorough : bool
        Whether all sizes are tried by all planes, which takes some seconds of a picture of a megapixel or more.

    Returns
    -------
    ReducedJpeg, ResizedJpeg or None
    """
    whole = resized.read(pixels, scan=thorough)
    reading = whole if whole is not None and whole.found else reduced.read_likely(pixels)
    return reading if reading is not None and reading.found else None


def before_last(pixels: np.ndarray) -> Generation | None:
    """The JPEG that a picture was before it was reduced and saved as JPEG again; None where none is found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, channels]), dtype=uint8]
    """
    corner = reduced.read(pixels)
    height, width = pixels.shape[:2]
    likely = [] if corner is None else [(round(width / corner.scale), round(height / corner.scale))]
    whole = resized.read(pixels, coded=True, sizes=likely)
    reading = next((one for one in (whole, corner) if one is not None and one.found), None)
    if reading is None:
        return None
    probability = PROBABILITY if reading.named else reduced.JPEGS_FOUND / (reduced.JPEGS_FOUND + reduced.OTHERS_FOUND)
    return Generation("jpeg", probability, parameters_of(reading))


def parameters_of(reading: Reading) -> tuple[Parameter, ...]:
    """Scale, quality and what else was read, as parameters of a generation."""
    return resized.parameters_of(reading) if isinstance(reading, ResizedJpeg) else reduced.parameters_of(reading)


def sentence(reading: Reading, height: int, width: int) -> str:
    """What a reading that is named says of a picture of that size."""
    if isinstance(reading, ResizedJpeg):
        return resized.sentence(reading)
    return reduced.sentence(reading, height, width)
