"""Are the channels in the order blue, green, red, as OpenCV reads files?

Colours that a decoder made from 8-bit luma and chroma lie on the lattice of its matrix (see
`forensics_features.lattice`), and with red and blue exchanged they do not: so a picture whose colours lie on one of the
lattices only after the exchange has its channels in the order B G R.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forensics.pictures.opened import Picture

MOST_PIXELS = 2**14
"""Pixels looked at, spread evenly over the picture."""
ON = 0.97
"""Share of the coloured pixels that must lie on a lattice with red and blue exchanged. Of 100 crops of 256x256 of
training and validation sources, coded as JPEG (75, 85 at 4:4:4, 95), WebP and AVIF, the least in the right order was
0.996."""
OFF = 0.6
"""Largest share that may lie on any lattice as stored. On the same crops at most 0.44 in 95 of 100 with the channels
exchanged, 0.93 where they are all but grey; 97 of 100 exchanged ones are told so, and none of the 500 coded and 100
untouched ones in the right order."""
FEWEST_COLOURS = 256
"""Distinct colours that are needed: few colours can lie on a lattice by chance."""

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
    from forensics_features.lattice import DECODERS, MINIMUM_PIXELS

    from forensics.history.traces.colour_lattice import on_lattice

    flat = pixels.reshape(-1, 3)
    rgb = flat[:: max(1, len(flat) // MOST_PIXELS)]
    low, high = rgb.min(axis=1), rgb.max(axis=1)
    rgb = rgb[(low > 0) & (high < 255) & (low < high)].astype(np.int32)
    packed = (rgb[:, 0] << 16) | (rgb[:, 1] << 8) | rgb[:, 2]
    if len(rgb) < MINIMUM_PIXELS or len(np.unique(packed)) < FEWEST_COLOURS:
        return None
    stored, exchanged = (
        max(float(on_lattice(order, decoder).mean()) for decoder in DECODERS.values()) for order in (rgb, rgb[:, ::-1])
    )
    return stored, exchanged


def is_bgr(pixels: np.ndarray) -> bool:
    """Whether a picture's channels are in the order blue, green, red, as far as its colours tell."""
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        return False
    found = shares(pixels)
    return found is not None and found[1] >= ON and found[0] <= OFF


def in_order(picture: Picture) -> Picture:
    """The picture with its channels in the order red, green, blue, and `NOTE` where they were not."""
    if not is_bgr(picture.pixels):
        return picture
    return replace(picture, pixels=np.ascontiguousarray(picture.pixels[..., ::-1]), notes=(*picture.notes, NOTE))
