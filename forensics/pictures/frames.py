"""One frame of a GIF, APNG, WebP or AVIF, as a viewer would show it."""

from __future__ import annotations

import io
import warnings

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.format import chosen_number
from forensics.pictures.samples import Samples, decoding

_PILLOW = {"gif": "GIF", "png": "PNG", "webp": "WEBP", "avif": "AVIF"}


def decode(data: bytes, form: str, which: str, pages: int) -> Samples:
    """The picture that `which` names, counted from 0.

    Frames of animations are composed with those before them, which is said in a note.

    Raises
    ------
    PictureError
        There is no such picture, or the format holds one only.
    """
    index = chosen_number(which, pages)
    if form not in _PILLOW:
        raise PictureError(f"of a {form} file the first picture is read; another cannot be chosen")
    from PIL import Image

    with decoding(f"picture {index} of its {form} data"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=[_PILLOW[form]]) as image:
            image.seek(index)
            alpha = "A" in image.getbands() or "transparency" in image.info
            samples = np.array(image.convert("RGBA" if alpha else "RGB"))
    return Samples(samples, [f"picture {index} of {pages} was read, composed with those before it"], {"frame": index})
