"""Samples by Pillow: kept to one format, from warning, and from its own limit of pixels; palettes and bits expanded,
colours as stored.
"""

from __future__ import annotations

import io
import threading
import warnings
from typing import Any

import numpy as np

from forensics.errors import PictureError
from forensics.pictures.samples import Samples, beyond_palette

_PILLOW_LOCK = threading.Lock()
_STRIP_BYTES = 1 << 24
"""Of a strip that is copied at a time: a bound on memory."""


def decode_file(data: bytes, form: str, notes: list[str] | None = None) -> np.ndarray:
    """8-bit samples by Pillow, which is kept to one format, from warning, and from its own limit of pixels; what is
    wrong with a palette goes into the notes.
    """
    from PIL import Image

    with _PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            with Image.open(io.BytesIO(data), formats=[form]) as image:
                image.load()
                if notes is not None and image.mode == "P" and image.palette is not None:
                    entries = len(image.palette.palette) // len(image.palette.mode)
                    beyond_palette(np.asarray(image), entries, notes)
                return in_strips(plain(image))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def in_strips(image: Any) -> np.ndarray:
    """The samples of a Pillow image, as `np.array(image)`, copied strip by strip: Pillow hands out an array of a whole
    picture through two further copies.
    """
    width, height = image.size
    row = np.asarray(image.crop((0, 0, width, 1)))
    samples = np.empty((height, *row.shape[1:]), row.dtype)
    step = max(1, _STRIP_BYTES // max(row.nbytes, 1))
    for top in range(0, height, step):
        bottom = min(top + step, height)
        samples[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return samples


def decode_palette(data: bytes, form: str) -> Samples:
    """As `decode_file`; where the file has a palette that lacks colours which its samples name, a note says so."""
    notes: list[str] = []
    return Samples(decode_file(data, form, notes), notes)


def plain(image: Any) -> Any:
    """A Pillow image in mode L, LA, RGB or RGBA: palettes and bits expanded, colours as stored."""
    if image.mode in ("L", "RGB", "RGBA", "LA"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("P", "PA"):
        return _expand_palette(image)
    if image.mode == "RGBX":
        return image.convert("RGB")
    if image.mode == "YCbCr":
        return image.convert("RGB")
    raise PictureError(f"its samples are of a kind that is not analysed (Pillow mode {image.mode})")


def _expand_palette(image: Any) -> Any:
    transparent = "transparency" in image.info or image.mode == "PA"
    expanded = image.convert("RGBA" if transparent else "RGB")
    bands = expanded.split()
    if all(band.tobytes() == bands[0].tobytes() for band in bands[1:3]):
        from PIL import Image

        return Image.merge("LA", (bands[0], bands[3])) if transparent else bands[0]
    return expanded
