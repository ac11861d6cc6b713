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
    return whole if whole is not None and whole.named else _clearer(whole, reduced.read_likely(pixels))


def before_last(pixels: np.ndarray) -> Generation | None:
    """The JPEG that a picture was before it was reduced and compressed again; None where none is found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, channels]), dtype=uint8]
    """
    whole = resized.read(pixels)
    reading = whole if whole is not None and whole.named else _clearer(whole, reduced.read(pixels))
    if reading is None:
        return None
    _, others, jpegs = shares(reading)
    probability = PROBABILITY if reading.named else jpegs / (jpegs + others)
    return Generation("jpeg", probability, parameters_of(reading))


def tried(reading: Reading) -> int:
    """Pictures that were never compressed of which none gives such a reading."""
    return resized.TRIED if isinstance(reading, ResizedJpeg) else reduced.TRIED


def shares(reading: Reading) -> tuple[float, float, float]:
    """Shares of pictures that were never compressed, by other codecs and by JPEG that give a reading like one that is
    found and not named.
    """
    own = resized if isinstance(reading, ResizedJpeg) else reduced
    return 1 / (own.TRIED + 2), own.OTHERS_FOUND, own.JPEGS_FOUND


def _clearer(whole: ResizedJpeg | None, corner: ReducedJpeg | None) -> Reading | None:
    found: list[Reading] = [one for one in (whole, corner) if one is not None and one.found]
    return max(found, key=lambda one: (one.named, one.contrast), default=None)


def parameters_of(reading: Reading) -> tuple[Parameter, ...]:
    """Scale, quality and what else was read, as parameters of a generation."""
    return resized.parameters_of(reading) if isinstance(reading, ResizedJpeg) else reduced.parameters_of(reading)


def sentence(reading: Reading, height: int, width: int) -> str:
    """What a reading that is named says of a picture of that size."""
    if isinstance(reading, ResizedJpeg):
        return resized.sentence(reading)
    return reduced.sentence(reading, height, width)


def like_a_jpeg(reading: Reading, height: int, width: int) -> str:
    """What a reading that is found and not named says of a picture of that size."""
    if isinstance(reading, ResizedJpeg):
        return resized.like_a_jpeg(reading)
    return reduced.like_a_jpeg(reading, height, width)
