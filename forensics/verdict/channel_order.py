"""Are the channels in the order blue, green, red, as OpenCV reads files?

Colours that a decoder made from 8-bit luma and chroma lie on the lattice of its matrix (see
`forensics_features.lattice`), and with red and blue exchanged they do not: so a picture whose colours lie on one of the
lattices only after the exchange has its channels in the order B G R.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forensics.pictures.opened import Picture
from forensics.pixels import channel_range

MOST_PIXELS = 2**14
"""Pixels looked at, spread evenly over the picture."""
ON = 0.97
"""Share of the coloured pixels that must lie on a lattice with red and blue exchanged. Of 100 crops of 256x256 of
training and validation sources, coded as JPEG (75, 85 at 4:4:4, 95), WebP and AVIF, the least in the right order was
0.996."""
OFF = 0.6
"""Largest share that may lie on any lattice as stored. On the same crops at most 0.44 in 95 of 100 with the channels
exchanged, 0.93 where they are all but grey; 97 of 100 exchanged ones are reported so, and none of the 500 coded and 100
untouched ones in the right order."""
FEWEST_COLOURS = 256
"""Distinct colours that are needed: few colours can lie on a lattice by chance."""
_SAMPLED_EVERY, _SAMPLED, _FEWEST_SAMPLED, _HOPELESS = 16, 1024, 256, 0.8
"""One pixel in so many is looked at first, or about so many in all where that is fewer; with a smaller share of at
least so many on every lattice, red and blue exchanged, the order is right: where `ON` of all pixels lie on one, so few
of 256 do in fewer than one of 10^20 samples (binomial)."""

NOTE = (
    "the channels are in the order blue, green, red (their colours are those of 8-bit luma and chroma only with red "
    "and blue "
    "exchanged): judged in the order red, green, blue"
)


def shares(pixels: np.ndarray) -> tuple[float, float] | None:
    """Largest share of a picture's coloured, unclipped pixels on any lattice, as stored and with red and blue
    exchanged.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width, 3), dtype=uint8]

    Returns
    -------
    tuple of float, or None
        Both in 0..1; None with fewer than `forensics_features.lattice.MINIMUM_PIXELS` such pixels or `FEWEST_COLOURS`
        colours.
    """
    rgb = _telling(pixels)
    return (_most_on(rgb), _most_on(rgb[:, ::-1])) if _tells(rgb) else None


def _telling(pixels: np.ndarray) -> np.ndarray:
    """Coloured, unclipped pixels, `np.ndarray [shape=(n, 3), dtype=int32]`."""
    flat = pixels.reshape(-1, 3)
    rgb = flat[:: max(1, len(flat) // MOST_PIXELS)]
    low, high = channel_range(rgb)
    return rgb[(low > 0) & (high < 255) & (low < high)].astype(np.int32)


def _tells(rgb: np.ndarray) -> bool:
    from forensics_features.lattice import MINIMUM_PIXELS

    packed = (rgb[:, 0] << 16) | (rgb[:, 1] << 8) | rgb[:, 2]
    return len(rgb) >= MINIMUM_PIXELS and len(np.unique(packed)) >= FEWEST_COLOURS


def _most_on(rgb: np.ndarray) -> float:
    """Largest share of the pixels on any lattice."""
    from forensics_features.lattice import DECODERS

    from forensics.history.traces.colour_lattice import on_lattice

    return max(float(on_lattice(rgb, decoder).mean()) for decoder in DECODERS.values())


def is_bgr(pixels: np.ndarray) -> bool:
    """Whether a picture's channels are in the order blue, green, red, as far as its colours tell."""
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        return False
    rgb = _telling(pixels)
    few = rgb[:: max(_SAMPLED_EVERY, len(rgb) // _SAMPLED), ::-1]
    if (len(few) >= _FEWEST_SAMPLED and _most_on(few) < _HOPELESS) or not _tells(rgb):
        return False
    return _most_on(rgb[:, ::-1]) >= ON and _most_on(rgb) <= OFF


def in_order(picture: Picture) -> Picture:
    """The picture with its channels in the order red, green, blue, and `NOTE` where they were not."""
    if not is_bgr(picture.pixels):
        return picture
    return replace(picture, pixels=np.ascontiguousarray(picture.pixels[..., ::-1]), notes=(*picture.notes, NOTE))
